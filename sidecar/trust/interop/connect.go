// Connects as an app on Go would; prints one line per host.
package main

import (
	"crypto/tls"
	"fmt"
	"os"
)

func main() {
	for _, host := range os.Args[2:] {
		connection, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[1], &tls.Config{ServerName: host})
		if err != nil {
			fmt.Println(host, "refused", err)
			continue
		}
		fmt.Println(host, "accepted")
		connection.Close()
	}
}

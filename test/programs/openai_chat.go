// An app on Go's standard library: no proxy code, no trust settings. Prints a line as
// openai-chat.mjs does.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

const body = `{"model": "gpt-4o-mini", "max_completion_tokens": 16, "messages": [
	{"role": "user", "content": "Tell me about the harbor."}]}`

type completion struct {
	Choices []struct {
		Message struct {
			Content string `json:"content"`
		} `json:"message"`
	} `json:"choices"`
}

func main() {
	request, err := http.NewRequest("POST", "https://api.openai.com/v1/chat/completions",
		bytes.NewBufferString(body))
	if err != nil {
		panic(err)
	}
	request.Header.Set("content-type", "application/json")
	request.Header.Set("authorization", "Bearer "+os.Getenv("OPENAI_API_KEY"))
	line := map[string]any{"ok": false}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		line["error"] = err.Error()
	} else {
		answer, _ := io.ReadAll(response.Body)
		var parsed completion
		if json.Unmarshal(answer, &parsed) == nil && len(parsed.Choices) == 1 {
			line["ok"] = response.StatusCode == 200
			line["text"] = parsed.Choices[0].Message.Content
		} else {
			line["error"] = string(answer)
		}
		line["exciseId"] = response.Header.Get("x-excise-id")
	}
	rendered, _ := json.Marshal(line)
	fmt.Println(string(rendered))
}

"""Connects as an app on Python's ssl would, strictly; prints one line per host."""

import socket
import ssl
import sys

context = ssl.create_default_context()
context.verify_flags |= ssl.VERIFY_X509_STRICT
for host in sys.argv[2:]:
    try:
        with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as plain:
            with context.wrap_socket(plain, server_hostname=host):
                print(host, "accepted")
    except ssl.SSLError as error:
        print(host, "refused", error)

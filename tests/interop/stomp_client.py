#!/usr/bin/env python3
"""A STOMP requester on a bare socket, with a temporary queue for the reply: prints what comes back."""
import socket
import sys

stream = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60).makefile("rwb")


def send(command, body="", **headers):
    lines = "".join(f"{name.replace('_', '-')}:{value}\n" for name, value in headers.items())
    stream.write(f"{command}\n{lines}\n{body}\0".encode())
    stream.flush()


def receive():
    frame = b""
    while not frame.endswith(b"\0"):
        frame += stream.read(1)
    head, body = frame.lstrip(b"\n").rstrip(b"\0").decode().split("\n\n", 1)
    command, *headers = head.split("\n")
    return command, dict(header.split(":", 1) for header in headers), body


send("CONNECT", accept_version="1.2", host=sys.argv[2], login="guest", passcode="guest")
assert receive()[0] == "CONNECTED"
send("SEND", "30", destination="/amq/queue/rpc_queue", reply_to="/temp-queue/answers", correlation_id="c1")
command, headers, body = receive()
print(command, headers.get("correlation-id"), body)

#!/usr/bin/env python3
"""notify.py SOCKET: stands in for the service manager. Prints each message of sd_notify as one line,
its assignments joined by " | ", once it has printed "listening"."""
import os
import socket
import sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
receiver.bind(sys.argv[1])
print("listening", flush=True)
while True:
    message = receiver.recv(65536).decode()
    print(message.strip().replace("\n", " | "), flush=True)

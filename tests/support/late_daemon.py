#!/usr/bin/env python3
"""late_daemon.py SOCKET WHAT: the daemon of one `future map --fn`, which answers something late.

  forget  answers the last `forget` (of less than 1000 items) at once, and those before it only when
          the client has read that and waits for more; says "waited", or "left" where it has gone
  times   all items fail, and the times of the first (`status`) are told only when the client has
          asked for something more; says what that was

Prints "ready" when it listens, and that word in the end.
"""
import array
import fcntl
import json
import socket
import struct
import sys
import termios

path, what = sys.argv[1:]
next_id = 2  # 1 is the map
late = []
nothing = "nothing was late"


def unread(connection):
    """How much the client has not read of what we said."""
    size = array.array("i", [0])
    fcntl.ioctl(connection, termios.TIOCOUTQ, size)
    return size[0]


def sleeps(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "S"


def waits(connection, pid):
    """True when the client has read all and sleeps, False when it has hung up."""
    while True:
        try:
            if connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                return False
        except ConnectionResetError:
            return False
        except BlockingIOError:
            pass
        # In this order: it has slept before it read, too.
        if unread(connection) == 0 and sleeps(pid):
            return True


def answer(method, params):
    global next_id
    if method == "map":
        return {"id": 1, "count": 0}
    if method == "map.add":
        first, count = next_id, len(params["items"])
        next_id += count
        return {"first": first, "count": count}
    if method == "result":
        end = {"result": True} if what == "forget" else {"exception": {"type": "No", "message": "no"}}
        return {"id": params["id"], "state": "FINISHED", **end}
    return {"started": 1.5, "finished": 2.5}


def is_late(request):
    method, ids = request["method"], request["params"].get("ids", [])
    if what == "times":
        return method == "status" and not late and word == nothing
    return method == "forget" and 1000 == sum(
        each[1] - each[0] + 1 if isinstance(each, list) else 1 for each in ids
    )


def say(request):
    result = answer(request["method"], request["params"])
    client.sendall(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode() + b"\n")


with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(path)
    listener.listen()
    print("ready", flush=True)
    client, _ = listener.accept()
peer = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
word = nothing
for line in client.makefile("rb"):
    request = json.loads(line)
    if is_late(request):
        late.append(request)
        continue
    say(request)
    if late and (what == "times" or request["method"] == "forget"):
        word = request["method"] if what == "times" else "waited" if waits(client, peer) else "left"
        if word == "left":
            break
        for earlier in late:
            say(earlier)
        late.clear()
print(word)

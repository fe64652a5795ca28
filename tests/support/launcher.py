#!/usr/bin/env python3
"""launcher.py DIR PROGRAM [ARG...]: a launcher that fails where it is told to.

Starts the program and passes lines between it and whoever started us, as srun or ssh would. Files in
DIR say what goes wrong, and all but the first three work once, as they are removed then:

  hang            nothing passes in either direction, from the start; hang-pid tells who hangs
  refuse          ends with status 1 and a word on stderr
  version         the worker is told of a daemon of another version
  other-version   the daemon is told of a worker of another version
  garbage         a greeting comes before the worker's answer, as from a login shell
  asleep          after the first answer nothing is read any more; asleep-pid tells who does that
  lose-answer     a call's answer is kept back, and we end with status 0 as srun does
  end-after       ends with status 0 behind a call's answer
  garbled-answer  a call's answer is cut
  cut             behind a call nothing passes any more, and nobody hangs up
  cut-idle        behind a call's answer nothing passes any more, and nobody hangs up
  deaf            requests to stop are not passed on
"""
import json
import os
import re
import signal
import subprocess
import sys
import threading

directory = sys.argv[1]
worker = None


def told(name, once=True):
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        return False
    if once:
        try:
            os.unlink(path)
        except FileNotFoundError:
            return False  # another one was told
    return True


def tell_pid(name):
    path = os.path.join(directory, name)
    with open(path + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".new", path)


def wait_for_ever():
    while True:
        signal.pause()


def down():
    """From the daemon to the worker."""
    for line in iter(sys.stdin.buffer.readline, b""):
        message = json.loads(line)
        method = message.get("method")
        if method == "init" and told("version", once=False):
            line = re.sub(rb'"version":"[^"]*"', b'"version":"9.9"', line)
        if method == "stop" and told("deaf"):
            continue
        if method == "call" and told("cut"):
            state["cut"] = True
            worker.stdin.write(line)
            worker.stdin.flush()
        if state["cut"]:
            continue
        worker.stdin.write(line)
        worker.stdin.flush()
    if state["cut"]:
        return
    worker.stdin.close()


def up():
    """From the worker to the daemon."""
    first = True
    for line in iter(worker.stdout.readline, b""):
        answer = b'"method":' not in line
        if state["cut"]:
            continue
        if answer and first and told("other-version", once=False):
            line = re.sub(rb'"version":"[^"]*"', b'"version":"9.8"', line)
        if answer and not first and told("lose-answer"):
            print("Node failure on n2", file=sys.stderr, flush=True)
            os._exit(0)
        if answer and not first and told("garbled-answer"):
            line = line[: len(line) // 2] + b"\n"
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        if answer and not first and told("cut-idle"):
            state["cut"] = True
        if answer and not first and told("end-after"):
            os._exit(0)
        if answer and first and told("asleep"):
            tell_pid("asleep-pid")
            wait_for_ever()
        first = first and not answer
    if state["cut"]:
        wait_for_ever()


state = {"cut": False}
if told("hang", once=False):
    tell_pid("hang-pid")
    sys.stdin.buffer.read()
    sys.exit(0)
if told("refuse", once=False):
    sys.exit("no node is left for you")
if told("garbage"):
    print("Last login: Monday", flush=True)
worker = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
if os.path.exists(os.path.join(directory, "asleep")):
    # One line, and then no other is read.
    worker.stdin.write(sys.stdin.buffer.raw.read(65536))
    worker.stdin.flush()
    up()
threading.Thread(target=down, daemon=True).start()
up()
os._exit(worker.wait())

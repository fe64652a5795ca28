#!/usr/bin/env python3
"""replay_worker.py DOCUMENT SECTION: replays what a section of proto/WORKER.md shows.

Each line that the document sends (-->) goes to a `futured --worker`, and what it shows as answers (<--) must come
behind it: the same members with values of the same kind, and with the same values, but for those that are
another machine's (VARIES). What is told of a call comes in any order before its answer. The document may leave
members out, and writes {...} for an object that it does not show. A call of `make` meets the `make` of the test's PATH.
"""
import json
import re
import subprocess
import sys

VARIES = {"host", "pid", "number", "version"}
QUICK_LEASE_MS = 400


def sections(path):
    """The messages of each section: (True, message) for what is sent."""
    found, name, text = {}, None, None

    def flush():
        if text:
            message = text[4:].replace("{...}", '{"...": 0}')
            found[name].append((text.startswith("-->"), json.loads(message)))

    for line in open(path):
        if line.startswith("## "):
            flush()
            name, text = line[3:].strip(), None
            found[name] = []
        elif re.match(r"    (-->|<--) \{", line):
            flush()
            text = line.strip()
        elif text and line.startswith("         "):
            text += line.strip()
        else:
            flush()
            text = None
    flush()
    return found


def compare(shown, got, where):
    if isinstance(shown, dict) and "..." in shown:
        assert isinstance(got, dict), f"{where}: no object: {got!r}"
    elif isinstance(shown, dict):
        assert isinstance(got, dict), f"{where}: no object: {got!r}"
        for name, value in shown.items():
            assert name in got, f"{where}.{name} is missing in {got!r}"
            if name not in VARIES:
                compare(value, got[name], f"{where}.{name}")
            assert type(value) is type(got[name]), f"{where}.{name} is of another kind: {got!r}"
    else:
        assert shown == got, f"{where}: {got!r} instead of {shown!r}"


class Worker:
    def __init__(self, found, lease_ms=None):
        self.process = subprocess.Popen(["futured", "--worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        (_, hello), (_, answer) = found["First words"]
        version = subprocess.run(["futured", "--version"], capture_output=True, text=True, check=True).stdout
        hello["params"]["version"] = version.split()[1]
        if lease_ms:
            hello["params"]["lease_ms"] = lease_ms
        self.send(hello)
        self.expect(answer)

    def send(self, message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def read(self):
        line = self.process.stdout.readline()
        assert line, "the worker has ended"
        return json.loads(line)

    def expect(self, shown):
        got = self.read()
        compare(shown, got, "message")
        return got

    def end(self):
        self.process.stdin.close()
        rest = self.process.stdout.read()
        self.process.wait(timeout=30)
        return rest


def fits(shown, got):
    try:
        compare(shown, got, "message")
    except AssertionError:
        return False
    return True


def replay_call(worker, messages):
    (_, call), *told, (_, answer) = messages
    worker.send(call)
    got = [worker.read()]
    while "id" not in got[-1]:
        got.append(worker.read())
    compare(answer, got.pop(), "message")
    for _, message in told:
        assert any(fits(message, one) for one in got), f"{message!r} is not among {got!r}"


def main():
    found = sections(sys.argv[1])
    section = sys.argv[2]
    messages = found[section]
    assert messages, "the section shows nothing"
    if section == "First words":
        worker = Worker(found)
        assert worker.end() == b""
    elif section == "A call":
        worker = Worker(found)
        replay_call(worker, messages)
        assert worker.end() == b""
    elif section == "A stop":
        # It is for a call that runs: that of the section before.
        worker = Worker(found)
        worker.send(found["A call"][0][1])
        while worker.read()["method"] != "output":
            pass
        (_, stop), = messages
        worker.send(stop)
        answer = worker.read()
        while "id" not in answer:
            answer = worker.read()
        compare({"id": 17, "error": {"data": {"type": "Terminated"}}}, answer, "message")
        worker.end()
    elif section == "Life":
        (_, alive), (_, back), (_, ping) = messages
        worker = Worker(found, QUICK_LEASE_MS)
        worker.send(found["A call"][0][1])
        heard = worker.read()
        while heard.get("method") != "alive":
            heard = worker.read()
        compare(alive, heard, "message")
        back["params"]["number"] = heard["params"]["number"]
        worker.send(back)
        worker.end()
        worker = Worker(found)
        worker.send(ping)
        worker.expect(alive)
        assert worker.end() == b""
    else:
        raise SystemExit(f"nobody knows how to replay {section}")


main()

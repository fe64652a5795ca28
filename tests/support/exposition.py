#!/usr/bin/env python3
"""exposition.py: a strict reader of the text format 0.0.4 of Prometheus. Reads stdin, fails with the
line that breaks a rule, and prints each sample as NAME{label="value",...} VALUE with sorted labels."""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|\})')
SAMPLE = re.compile(rf"({NAME})(\{{)?")
VALUE = re.compile(r" ([+-]?(?:[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|Inf)|NaN)$")
SUFFIXES = {
    "counter": [""],
    "gauge": [""],
    "histogram": ["_bucket", "_sum", "_count"],
    "summary": ["", "_sum", "_count"],
}


def fail(number, line, why):
    sys.exit(f"line {number}: {why}: {line}")


def read_labels(number, line, rest):
    labels = {}
    while True:
        match = LABEL.match(rest)
        if not match:
            fail(number, line, "bad labels")
        if match[1] in labels:
            fail(number, line, "a label twice")
        labels[match[1]] = match[2]
        rest = rest[match.end():]
        if match[3] == "}":
            return labels, rest


def check_histogram(name, samples):
    """Each series: rising bounds and counts, +Inf last and the same as _count, and a _sum."""
    series = {}
    for sample, labels, value in samples:
        own = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        series.setdefault(own, {}).setdefault(sample[len(name):], []).append((labels.get("le"), value))
    for own, parts in series.items():
        if set(parts) != {"_bucket", "_sum", "_count"} or len(parts["_sum"]) != 1 or len(parts["_count"]) != 1:
            sys.exit(f"{name}{own}: not a whole histogram")
        bounds = [float(bound) for bound, _ in parts["_bucket"]]
        counts = [count for _, count in parts["_bucket"]]
        if bounds != sorted(set(bounds)) or bounds[-1] != float("inf"):
            sys.exit(f"{name}{own}: bounds do not rise to +Inf")
        if counts != sorted(counts) or counts[-1] != parts["_count"][0][1]:
            sys.exit(f"{name}{own}: counts do not rise to _count")


def main():
    text = sys.stdin.read()
    families, kind, current, seen = {}, {}, None, set()
    if not text.endswith("\n"):
        sys.exit("the last line has no end")
    for number, line in enumerate(text.split("\n")[:-1], 1):
        comment = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
        if comment:
            if comment[1] == "HELP":
                if comment[2] in families:
                    fail(number, line, "a family in two places")
                current = comment[2]
                families[current] = []
            elif comment[2] != current or current in kind or comment[3] not in SUFFIXES:
                fail(number, line, "TYPE is not right behind HELP, or unknown")
            else:
                kind[current] = comment[3]
            continue
        match = SAMPLE.match(line)
        if not match:
            fail(number, line, "neither comment nor sample")
        labels, rest = read_labels(number, line, line[match.end():]) if match[2] else ({}, line[match.end():])
        value = VALUE.fullmatch(rest)
        if not value:
            fail(number, line, "bad value")
        if current not in kind or not match[1].startswith(current) or \
                match[1][len(current):] not in SUFFIXES[kind[current]]:
            fail(number, line, "a sample outside of its family")
        if kind[current] == "counter" and not current.endswith("_total"):
            fail(number, line, "a counter that is not called _total")
        key = match[1] + "{" + ",".join(f'{k}="{v}"' for k, v in sorted(labels.items())) + "}"
        if key in seen:
            fail(number, line, "a sample twice")
        seen.add(key)
        families[current].append((match[1], labels, float(value[1])))
        print(key, value[1])
    for name, samples in families.items():
        if not samples:
            sys.exit(f"{name}: no sample")
        if kind[name] == "histogram":
            check_histogram(name, samples)


main()

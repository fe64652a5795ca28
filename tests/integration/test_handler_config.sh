#!/bin/bash
# The sections [function NAME] of the configuration: what is accepted, what is refused and where.
source tests/support/shell.bash
source tests/support/daemon.bash

file=$TMPDIR/futured.conf

# config TEXT: writes the file; "\n" is a new line.
config()
{
    printf '%b' "$1" >"$file"
}

# refuses NAME REGEX TEXT: the message behind the name of the file.
refuses()
{
    local out code=0
    config "$3"
    out=$(futured --check-config --config "$file" 2>&1) || code=$?
    like "$1" "$code:${out//"$file"/FILE}" "^64:futured: $2"
}

accepts()
{
    config "$2"
    eq "$1" "$(futured --check-config --config "$file" 2>&1):$?" ":0"
}

accepts "the least" '[function f]\nhandler = cat\n'
accepts "all keys" '[function f]\nhandler = sh -c "read x" \\'"'"'\ninit = {}\nmax_tasks = 1\nidle_timeout = 0.5
memory_limit = 1000000\ntimeout = 2\non_crash = break_pool\ndoc = d\nparams = {}\ncwd = /\n'
accepts "long values on several lines" '[function f]\nhandler = sh\n  -c\n\ttrue\nparams = {"a":\n  {}\n }\n'
accepts "a long comment" "# $(printf 'x %.0s' {1..300})\n[function f]\nhandler = cat\n"
accepts "two of them" '[function f]\nhandler = cat\n[function g]\nhandler = cat\n'

refuses "an unknown key" 'FILE:3: unknown key "shell" in \[function f\]' \
    '[function f]\nhandler = cat\nshell = x\n'
refuses "no handler" 'FILE:2: \[function f\]: handler: is missing' '[function f]\ndoc = d\n'
refuses "an open quote" 'FILE:2: \[function f\]: handler: a quote is not closed' "[function f]\nhandler = 'cat\n"
refuses "an empty command line" 'FILE:2: \[function f\]: handler: there is no program' '[function f]\nhandler = ""\n'
refuses "init that is no JSON" 'FILE:3: \[function f\]: init: is no valid JSON' '[function f]\nhandler = cat\ninit = {\n'
refuses "init that is a number" 'FILE:3: \[function f\]: init: must be an object or an array' \
    '[function f]\nhandler = cat\ninit = 1\n'
refuses "params that are no description" 'FILE:3: \[function f\]: params\.a\.type: ' \
    '[function f]\nhandler = cat\nparams = {"a":{"type":"x"}}\n'
refuses "max_tasks" 'FILE:3: max_tasks must be a whole number' '[function f]\nhandler = cat\nmax_tasks = -1\n'
refuses "memory_limit" 'FILE:2: memory_limit must be' '[function f]\nmemory_limit = 1G\n'
refuses "idle_timeout" 'FILE:2: idle_timeout must be a number of seconds' '[function f]\nidle_timeout = x\n'
refuses "timeout" 'FILE:2: timeout must be a number of seconds' '[function f]\ntimeout = -1\n'
refuses "on_crash" 'FILE:2: on_crash must be fail_job or break_pool, not "x"' '[function f]\non_crash = x\n'
refuses "no name" "FILE:2: a function's name has 1 to 39 bytes" '[function ]\nhandler = cat\n'
refuses "a long name" "FILE:2: a function's name" "[function $(printf 'x%.0s' {1..40})]\nhandler = cat\n"
refuses "the name of a request" 'FILE:2: \[function init\]: the name: is taken' '[function init]\nhandler = cat\n'
refuses "a line that is too long" 'FILE:2: more than 198 bytes: ' \
    "[function f]\nhandler = cat $(printf 'x%.0s' {1..200})\n"
refuses "an indented key" 'FILE:4: max_tasks has one line: ' \
    '[function f]\nhandler = cat\nmax_tasks = 1\n  timeout = 1\n'
refuses "an indented key elsewhere" 'FILE:3: socket has one line: ' '[daemon]\nsocket = x\n  state_dir = y\n'
refuses "no key" 'FILE:2: this is neither a section nor a key' '[function f]\nhandler\n'

# ---- against the other functions ----
config '[function echo]\nhandler = cat\n'
out=$(futured --socket "$TMPDIR/s" --config "$file" 2>&1)
eq "the name of a function that is there" "$?:$(head -n 1 <<<"${out//"$file"/FILE}")" \
    '1:futured: error: FILE:2: [function echo]: there is a function of that name already'
finish

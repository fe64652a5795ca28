#!/bin/bash
# future result and exception: bytes, exit statuses, several ids, timeouts.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 1 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

# ---- a command's own ----
id=$(future submit -- sh -c 'echo out; echo err >&2; exit 7')
capture future result "$id"
eq "streams and status" "$code:$out:$err" "7:out:err"
capture future result "$id"
eq "the same again" "$code:$out:$err" "7:out:err"
for wanted in 0 1 2 42 125 127 255; do
    gives "exit status $wanted" "$wanted" '' future result "$(future submit -- sh -c "exit $wanted")"
done
id=$(future submit -- sh -c 'echo so far; kill -KILL $$')
gives "a signal is 128+N" 137 'so far' future result "$id"
like "and is told" "$err" '^Signalled: .*KILL'
gives "TERM" 143 '' future result "$(future submit --no-check -- sh -c 'kill $$')"
eq "a result is no exception" "$err" ''
gives "a real-time signal" 162 '' future submit --wait -- bash -c 'kill -34 $$'

capture future result "$(future submit -- no-such-command)"
like "a command that is not there" "$code:$out:$err" '^127::SpawnError: .*no-such-command'
: >"$TMPDIR/plain"
capture future result "$(future submit -- "$TMPDIR/plain")"
like "a command that is not executable" "$code:$out:$err" '^126::SpawnError: '

# ---- bytes ----
head -c 200000 /dev/urandom >"$TMPDIR/random"
id=$(future submit -- sh -c 'cat "$1"; cat "$1" >&2' x "$TMPDIR/random")
future result "$id" >"$TMPDIR/out" 2>"$TMPDIR/err"
ok "stdout, binary" cmp "$TMPDIR/random" "$TMPDIR/out"
ok "stderr, binary" cmp "$TMPDIR/random" "$TMPDIR/err"
future result "$(future submit -- printf 'a\0b\0')" >"$TMPDIR/out"
eq "NUL characters" "$(od -An -c "$TMPDIR/out" | tr -d ' ')" 'a\0b\0'
future result "$(future submit -- printf 'no newline')" >"$TMPDIR/out"
eq "nothing is added" "$(wc -c <"$TMPDIR/out")" 10
capture future result "$(future submit -- head -c 5000000 /dev/zero)"
like "output that was cut is told" "$code:$err" '^0:.*longer than the daemon keeps'
future result "$id" 2>/dev/null | head -c 1 >/dev/null
statuses=("${PIPESTATUS[@]}")
like "a reader that goes ends it quietly" "${statuses[0]}" "^(0|141)$"

# ---- other functions ----
id=$(member id "$(future rpc submit '{"fn":"echo","args":{"a":[1,"ü"]}}')")
gives "another function's result is JSON" 0 '{"a":[1,"ü"]}' future result "$id"
id=$(member id "$(future rpc submit '{"fn":"sleep","args":{"seconds":1000},"timeout":0.01}')")
refuses "another function's exception" 125 'TimedOut: ' future result "$id"

# ---- machines ----
id=$(future submit -- echo hi)
capture future result --json "$id"
like "--json" "$code:$out" "^0:\{\"id\":$id,\"state\":\"FINISHED\",.*\"stdout\":\"hi"
eq "--json is one line" "$(wc -l <"$TMPDIR/capture.out")" 1
capture future --json result "$(future submit -- sh -c 'exit 9')"
eq "--json keeps the exit status" "$code:$(member type "$out")" '9:"ExitStatus"'

# ---- cancelled, unknown, not done ----
blocked gate
held=$(future submit -- "${gate[@]}")
runs gate
pending=$(future submit -- echo never)
refuses "--timeout 0 of a running one" 124 'result: Timeout' future result --timeout 0 "$held"
refuses "--timeout of a pending one" 124 'Timeout' future result -t 10ms "$pending"
refuses "exception --timeout" 124 'exception: Timeout' future exception --timeout 0 "$held"
future cancel "$pending" >/dev/null
refuses "a cancelled one" 125 "future $pending was cancelled" future result "$pending"
refuses "its exception" 125 "future $pending was cancelled" future exception "$pending"
release gate 'let go'
gives "result waits" 0 'let go' future result "$held"
refuses "an unknown id" 125 'result: Not found' future result 123456789
refuses "exception of an unknown id" 125 'Not found' future exception 123456789

# ---- several ----
a=$(future submit -- echo a)
b=$(future submit -- sh -c 'echo b; exit 3')
c=$(future submit -- echo c)
gives "several in order" 123 $'c\na\nb' future result "$c" "$a-$b"
gives "several that are fine" 0 $'a\nc' future result "$a,$c"
gives "one written twice is several" 123 $'b\nb' future result "$b,$b"

# ---- exception ----
gives "exception" 0 'ExitStatus: exited with status 3' future exception "$b"
gives "exception of a success" 0 '' future exception "$a"
gives "exceptions of several" 0 "$b ExitStatus: exited with status 3" future exception "$a-$c"
capture future exception --json "$b"
eq "exception --json" "$(member type "$out"):$(member stdout "$out")" '"ExitStatus":"b\n"'
capture future exception --json "$a"
eq "exception --json of a success" "$(member exception "$out")" null

finish

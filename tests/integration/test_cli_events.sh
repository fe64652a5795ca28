#!/bin/bash
# future events and output: pushed lines, cursors, filters, following a stream.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 2 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

# ---- events of ids ----
a=$(future submit --label one -- true)
b=$(future submit --label two -- false)
status "both are done" 123 future wait "$a" "$b"
capture future events "$a"
like "a done one is told at once, and it ends" "$code:$out" \
    "^0:\{\"jsonrpc\":\"2.0\",\"method\":\"future.done\",\"params\":\{.*\"id\":$a,.*\}$"
capture future events "$a" "$b,$a"
eq "one line for each" "$code:$(wc -l <"$TMPDIR/capture.out")" 0:2
like "it says who failed" "$out" "\"id\":$b,.*\"failed\":true"
refuses "an unknown id" 125 'events: Not found' future events 123456789
refuses "an unknown event" 125 'Invalid params: .*events' future events --events nope

# ---- as it happens ----
blocked gate
mkfifo "$TMPDIR/lines"
future events --all --events running,done --label live >"$TMPDIR/lines" &
follower=$!
exec {lines}<"$TMPDIR/lines"
# The subscription stands when one that comes later is told; until then they are repeated.
line=
while ! read -r -t 0.05 -u "$lines" line; do
    future submit --label live -- true >/dev/null
done
id=$(future submit --label live -- "${gate[@]}")
other=$(future submit --label other -- true)
until [[ $line == *'"future.running"'*"\"id\":$id,"* ]]; do
    read -r -u "$lines" line || break
done
like "running is told while it runs" "$line" "future.running.*\"id\":$id,"
runs gate
release gate
# One of those submitted to find out may still end in between.
until [[ $line == *'"future.done"'*"\"id\":$id,"* ]]; do
    read -r -u "$lines" line || break
done
like "done is told when it is" "$line" "future.done.*\"id\":$id,.*\"label\":\"live\""
cursor=$(member cursor "$line")
status "the other one is done, too" 0 future wait "$other"
kill -INT "$follower" 2>/dev/null
kill -TERM "$follower"
wait "$follower"
exec {lines}<&-

# ---- since, count, filters ----
before=$(member cursor "$(future rpc info)")
first=$(future submit --label x -- true)
second=$(future submit --label y -- true)
status "both are done as well" 0 future wait "$first" "$second"
capture future events --since "$before" --count 2
eq "--since and --count" "$code:$(wc -l <"$TMPDIR/capture.out")" 0:2
like "in cursor order" "$out" "\"id\":($first|$second),.*\"id\":($first|$second),"
capture future events --since "$before" -n 1 --label y
like "--label" "$code:$out" "^0:.*\"id\":$second,"
capture future events --since "$before" -n 1 --pool default
like "--pool" "$code:$out" '^0:.*"pool":"default"'
ok "cursors rise" test "$cursor" -le "$before"
capture future events --events output,done "$(future submit -- echo seen)"
like "--events output" "$code:$out" '^0:.*future.done'

future events --all 2>/dev/null | true
eq "it ends when its reader does" "${PIPESTATUS[1]}" 0

# ---- output ----
id=$(future submit -- sh -c 'echo out; echo err >&2')
future wait "$id"
gives "output" 0 out future output "$id"
gives "output of stderr" 0 err future output --stream stderr "$id"
gives "--follow of a done one" 0 out future output --follow "$id"
head -c 1000000 /dev/urandom >"$TMPDIR/random"
id=$(future submit --wait --json -- cat "$TMPDIR/random")
id=$(member id "$id")
future output "$id" >"$TMPDIR/copy"
ok "output, binary, in several pieces" cmp "$TMPDIR/random" "$TMPDIR/copy"
future output --json "$id" >"$TMPDIR/pieces"
like "--json" "$(head -n 1 "$TMPDIR/pieces")" '^\{.*"data_base64":'
refuses "output of an unknown one" 125 'output: Not found' future output 123456789

blocked stream
id=$(future submit -- sh -c 'echo one; "$@"; echo three' x "${gate[@]}")
mkfifo "$TMPDIR/follow"
future output --follow "$id" >"$TMPDIR/follow" &
follower=$!
exec {follow}<"$TMPDIR/follow"
read -r -u "$follow" line
eq "--follow shows what is there while it runs" "$line" one
runs stream
gives "output without --follow ends" 0 one future output "$id"
release stream two
read -r -u "$follow" line
eq "--follow shows what comes" "$line" two
read -r -u "$follow" line
eq "and the rest" "$line" three
ok "then the stream ends" test -z "$(cat <&"$follow")"
exec {follow}<&-
status "and --follow with it" 0 wait "$follower"

# ---- the daemon goes: what was waited for has not come ----
# shellcheck source=tests/support/daemon.bash
source tests/support/daemon.bash
mkdir "$TMPDIR/second"
start_daemon "$TMPDIR/second" || exit
id=$(future submit --delay 1h -- true)
waiting=() readers=()
# One event each tells that they listen: a future that is done already.
done=$(future submit -- true)
for line in "--events done,running $id $done" "--count 2 --since 0" "--since 0"; do
    mkfifo "$TMPDIR/events${#waiting[@]}"
    # shellcheck disable=SC2086  # words
    future events $line >"$TMPDIR/events${#waiting[@]}" 2>"$TMPDIR/told${#waiting[@]}" &
    exec {reader}<"$TMPDIR/events${#waiting[@]}"
    read -r -u "$reader" _
    waiting+=($!) readers+=("$reader") # which stay: events end when nobody reads
done
ok "the daemon ends" stop_daemon
status "events of ids that are not done" 69 wait "${waiting[0]}"
like "is told" "$(<"$TMPDIR/told0")" 'closed the connection.*future status'
status "events of a count that has not come" 69 wait "${waiting[1]}"
status "events without an end of their own" 0 wait "${waiting[2]}"
for reader in "${readers[@]}"; do
    exec {reader}<&-
done

finish

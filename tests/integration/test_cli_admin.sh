#!/bin/bash
# future status, forget, retry, pool, info, ping, rpc, and in the end shutdown.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 1 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

# rows: the ids of the table in `out`, in its order.
rows() { tail -n +2 <<<"$out" | sed 's/^ *\([0-9]*\) .*/\1/' | tr '\n' ' '; }

gives "ping" 0 pong future ping
gives "ping --json" 0 '"pong"' future ping --json

# ---- status ----
capture future status
eq "an empty table has its titles" "$code:$(wc -l <"$TMPDIR/capture.out")" 0:1
a=$(future submit --label 'a label' -- true)
b=$(future submit -- false)
status "done" 123 future wait "$a" "$b"
blocked gate
held=$(future submit -- "${gate[@]}")
runs gate
pending=$(future submit --label $'bad\e[31mlabel' -- true)
capture future
eq "a bare future is status, newest first" "$code:$(rows)" "0:$pending $held $b $a "
like "its titles" "$out" '^ID +STATE +OUTCOME +TIME +SUBMITTED +POOL +LABEL +NOTE +COMMAND'
like "a row of one that is fine" "$out" "$a +FINISHED +ok +[0-9.]+s +[0-9:]{8} +default +a label +- +true"
like "a row of one that failed" "$out" "$b +FINISHED +exit 1 .* false"
like "a row of one that runs" "$out" "$held +RUNNING +- "
like "a row of one that waits" "$out" "$pending +PENDING +- "
ok "no control characters get through" test "$out" = "${out//$'\e'/}"
widths=$(awk 'NR > 1 { print index($0, " default ") }' "$TMPDIR/capture.out" | sort -u | wc -l)
eq "columns are aligned" "$widths" 1
capture future status "$a" "$held-$pending"
ok "by ids" test "$code" = 0 -a "$(wc -w <<<"$(rows)")" = 3
capture future status --state finished
eq "--state" "$(rows)" "$b $a "
capture future status --state PENDING,running
eq "--state of several" "$(rows)" "$pending $held "
capture future status --label 'a label'
eq "--label" "$(rows)" "$a "
capture future status --pool default --limit 2
eq "--limit" "$(rows)" "$pending $held "
capture future status --before "$held"
eq "--before" "$(rows)" "$b $a "
capture future status --before last
eq "--before last" "$(rows)" "$held $b $a "
capture future status --json "$a"
like "--json of one id is the future" "$out" "^\{\"id\":$a,\"state\":\"FINISHED\","
capture future status --json
like "--json of all" "$out" '^\{"futures":\[.*"counts":'
refuses "an unknown id" 125 'status: Not found' future status 123456789
for states in lost failed '' 'pending,' ',running'; do
    refuses "the state '$states'" 64 'write pending, running, finished or cancelled.*--failed' future status --state "$states"
done
gives "--failed --limit 0" 0 '' future status --failed --limit 0 --format '{id}'

capture future status --failed
eq "--failed" "$(rows)" "$b "
like "--failed --json is a list, also of one" "$(future status --failed --json)" "^\{\"futures\":\[\{\"id\":$b,"
gives "--failed, with a label" 0 '' future status --failed --label 'a label' --format '{id}'
refuses "--failed, and ids" 64 'not both' future status --failed "$a"
refuses "--failed, and states" 64 'not both' future status --failed --state finished
refuses "--failed, and items of no map" 64 'not both' future status --failed --items

# ---- forget, retry ----
refuses "forget of a pending one" 125 'forget: Invalid state' future forget "$pending"
future cancel "$pending" >/dev/null
gives "forget" 0 1 future forget "$pending"
refuses "it is gone" 125 'Not found|Expired' future status "$pending"
gives "forget --json" 0 '{"forgotten":1}' future --json forget "$a"
release gate
status "let go" 0 future wait "$held"
gives "retry" 0 "$b" future retry "$b"
status "it failed again" 123 future wait "$b"
eq "as the second attempt" "$(field "$b" attempt)" 2
capture future status "$b"
like "the table says so" "$out" 'attempt 2'
killed=$(future submit -- sh -c 'kill -9 $$')
odd=$(future submit --no-check -- sh -c 'exit 9')
missing=$(future submit -- /nowhere/x)
map=$(future map -d -- sh -c 'exit "$1"' x ::: 0 1)
status "those have ended" 123 future wait "$killed" "$odd" "$missing" "$map"
capture future status "$killed" "$odd" "$missing" "$map"
like "a row of one that was killed" "$out" "$killed +FINISHED +SIGKILL "
like "a row of one whose status is a result" "$out" "$odd +FINISHED +exit 9 "
like "a row of one that has not run" "$out" "$missing +FINISHED +failed .* /nowhere/x"
like "a row of a map" "$out" "$map +FINISHED +failed .* 2 of 2 done, 1 failed +sh -c 'exit \"\\\$1\"' x '\{\}'"
capture future status --map last
like "--map last" "$out" "exit 1 .* item 1 of map $map +sh -c 'exit \"\\\$1\"' x 1"
capture future status --limit 1
eq "items of maps are not listed" "$(rows)" "$map "
capture future status --no-items --limit 1
eq "nor with --no-items" "$(rows)" "$map "
capture future status --items --limit 1
eq "but with --items" "$(rows)" "$((map + 2)) "
capture future status --failed
eq "--failed, newest first" "$(rows)" "$map $missing $killed $b "
capture future status --failed --limit 2
eq "--failed --limit" "$(rows)" "$map $missing "
capture future status --failed --before "$map"
eq "--failed --before" "$(rows)" "$missing $killed $b "
capture future status --failed --map "$map"
eq "--failed --map" "$(rows)" "$((map + 2)) "
refuses "--failed --map of what is no id" 64 '--map x: write one id' future status --failed --map x
refuses "--before of several" 64 'write one id' future status --before 1,2
refuses "--map of what is no id" 64 '--map x: write one id' future status --map x
refuses "events --map of what is no id" 64 '--map x: write one id' future events --map x
status "forgotten" 0 future forget "$killed" "$odd" "$missing" "$map"
refuses "retry of an unknown one" 125 'retry: Not found' future retry 123456789

# ---- pool ----
capture future pool
like "pool lists" "$code:$out" '^0:.*MAX_WORKERS.*'$'\n''.*default'
capture future pool list default
like "pool list NAME" "$code:$out" '^0:.*default'
capture future pool list --json
like "pool list --json" "$code:$out" '^0:[[{].*"max_workers":1[,}]'
status "pool set: an initializer is JSON" 0 future pool set ready 'initializer={"fn":"exec","args":{"argv":["true"]}}' on_full=wait
eq "and is there" "$(future pool --format '{name} {initializer.fn} {on_full}' list ready)" 'ready exec wait'
refuses "pool set: one that is none" 125 'initializer' future pool set ready initializer=true
status "pool set" 0 future pool set default max-workers=2 idle_timeout=1m
capture future pool list --json
like "it is set" "$out" '"max_workers":2[,}]'
like "durations are seconds" "$out" '"idle_timeout":60(\.0+)?[,}]'
refuses "a setting that is none" 125 'Invalid params: .*nope' future pool set default nope=1
status "pool set makes a pool" 0 future pool set second max_workers=1
gives "which works" 0 hi future submit --pool second --wait -- echo hi
refuses "pause of a pool that is not there" 125 'pool: Invalid params: .*none' future pool pause none
status "pool pause" 0 future pool pause default
paused=$(future submit -- echo now)
eq "nothing starts" "$(field "$paused" state):$(field "$paused" waiting)" '"PENDING":"paused"'
status "pool resume" 0 future pool resume default
gives "then it does" 0 now future result "$paused"

# ---- info, rpc ----
capture future info
like "info" "$code:$out" $'^0:name: futured\n.*limits:\n  line_bytes: 16777216\n'
capture future info --json
like "info --json" "$code:$out" '^0:\{"name":"futured",'
eq "info --json is one line" "$(wc -l <"$TMPDIR/capture.out")" 1
eq "the versions are the same" "future $(member version "$out" | tr -d '"')" "$(future --version)"
gives "rpc" 0 '"pong"' future rpc ping
gives "rpc with params" 0 '{"forgotten":0}' future rpc forget '{"ids":
    []}'
gives "rpc with params on stdin" 0 '"pong"' future rpc ping - <<<'{}'
refuses "rpc of an unknown method" 125 'rpc: Method not found' future rpc nope
refuses "rpc with bad params" 125 'rpc: Invalid params: .*ids' future rpc wait '{"ids":7}'
capture future rpc submit '{"fn":"echo","args":{"x":1}}'
like "rpc submits any function" "$code:$out" '^0:\{"id":[0-9]+,'

# ---- shutdown ----
blocked last
held=$(future submit -- "${gate[@]}")
runs last
blocked lost
pending=$(future submit --after "$held" -- "${gate[@]}")
mkfifo "$TMPDIR/ends"
future events --all --events output >"$TMPDIR/ends" &
follower=$!
exec {ends}<"$TMPDIR/ends"
future shutdown --json >"$TMPDIR/shutdown" &
waiting=$!
# Until it has been heard submits are taken.
await fails future submit -- true
refuses "shutdown --timeout" 124 'timed out' future shutdown --timeout 0.01
refuses "no more is taken" 125 'submit: Shut down' future submit -- true
gives "the rest still works" 1 "$held not cancelled: it is running (--terminate ends it)" \
    future cancel "$held"
capture future shutdown --no-wait --cancel
like "shutdown --no-wait --cancel" "$code:$out" '^0:[1-9][0-9]* cancelled$'
refuses "it cancelled what had not started" 125 'was cancelled' future result "$pending"
release last
status "shutdown waits" 0 wait "$waiting"
like "its reply" "$(<"$TMPDIR/shutdown")" '^\{"terminated":true,'
cat <&"$ends" >/dev/null
status "events end with the daemon" 0 wait "$follower"
exec {ends}<&-
tail --pid="$FUTURED_PID" -f /dev/null
refuses "then there is none" 69 'no daemon' future ping

finish

#!/bin/bash
# One life of the daemon under valgrind: commands, functions, handlers and plugins, clients that go,
# and what nobody should send. An error, or memory that is lost, fails the daemon's end.
# shellcheck disable=SC2016  # scripts of jobs
if [[ -z ${FUTURE_SOCKET:-} ]]; then
    futured=${FUTURED:-build/futured}
    printf '#!/bin/sh\nexec tests/support/memcheck %q "$@"\n' "$futured" >"$TMPDIR/futured"
    chmod +x "$TMPDIR/futured"
    printf '[daemon]\ndurability = none\nplugin_dir = %s\n[pool small]\nmax_workers = 1\nmax_tasks_per_worker = 2\n' \
        "$(dirname "$(realpath "$futured")")/plugins" >"$TMPDIR/conf"
    printf '[function upper]\nhandler = python3 %s\n' "$TMPDIR/upper.py" >>"$TMPDIR/conf"
    cat >"$TMPDIR/upper.py" <<'END'
import json, sys
for line in iter(sys.stdin.readline, ""):
    call = json.loads(line)
    if call["params"].get("text") is None:
        print("no answer", flush=True)
        continue
    print(json.dumps({"jsonrpc": "2.0", "method": "progress", "params": {"value": 1}}))
    print(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": call["params"]["text"].upper()}), flush=True)
END
    FUTURED=$TMPDIR/futured exec tests/support/with-daemon --config "$TMPDIR/conf" -- bash "$0"
fi
source tests/support/shell.bash
source tests/support/cli.bash

# refuses NAME CODE LINE: what the daemon answers to this line.
refuses() { like "$1" "$(printf '%b\n' "$3" | nc -N -U "$FUTURE_SOCKET")" "\"code\":$2"; }

# ---- commands ----
head -c 300000 /dev/urandom >"$TMPDIR/random"
ok "a command, its input and its output" cmp "$TMPDIR/random" <(future run --stdin - -- cat <"$TMPDIR/random")
status "a command that fails" 7 future run -- sh -c 'echo err >&2; exit 7'
status "a command that takes too long" 125 future run --timeout 0.2 -- sleep 1000 2>/dev/null
eq "a map" "$(seq 40 | future map -- echo 'x{}')" "$(seq -f 'x%g' 40)"
eq "a map of one worker" "$(future map --pool small -- echo ::: a b c d e)" $'a\nb\nc\nd\ne'

# ---- functions ----
eq "a native function" "$(future call echo '{"a":[1]}')" '{"a":[1]}'
like "a plugin" "$(future call digest '{"text":"x"}' 2>&1)" '.'
eq "a handler" "$(future call upper '{"text":"abc"}')" '"ABC"'
status "a handler that writes nonsense" 125 future call upper '{}' 2>/dev/null
eq "and the next call of it" "$(future call upper '{"text":"x"}')" '"X"'

# ---- waiting, ending, starting again ----
future pause
first=$(future submit --key k -- echo one)
eq "the same key" "$(future submit --key k -- echo one)" "$first"
second=$(future submit --after "$first" --retry 2 --retry-delay 0 -- false)
third=$(future submit --after "$second" -- true)
gone=$(future submit -- true)
future events "$second" >"$TMPDIR/events" 2>&1 &
events=$!
status "a cancel" 0 future cancel "$gone" >/dev/null
future resume
future wait "$first" "$second" "$third" >/dev/null
wait "$events"
like "what it needed has failed" "$(future exception "$third" 2>&1)" 'DependencyFailed'
like "attempts" "$(future --json status "$second")" '"attempt":3'
status "again" 0 future retry "$first" >/dev/null
future wait "$first" >/dev/null
eq "its output" "$(future output "$first")" one
ok "forgotten" future forget "$first" "$gone"
long=$(future submit -- sleep 1000)
ok "ended" future cancel --terminate "$long"
future wait "$long" >/dev/null
coproc client { exec nc -U "$FUTURE_SOCKET"; }
# shellcheck disable=SC2154  # coproc sets it
client_is=$client_PID
printf '%s\n' '{"jsonrpc":"2.0","id":1,"method":"submit","params":{"fn":"sleep","args":{"seconds":1000},"scope":"connection"}}' \
    '{"jsonrpc":"2.0","id":2,"method":"subscribe","params":{"all":true,"events":["done","running","output","progress"]}}' >&"${client[1]}"
while read -r line && [[ $line != *'"id":2,"result"'* ]]; do :; done <&"${client[0]}"
kill "$client_is"
future wait all >/dev/null
like "the end of a connection ends what is its own" "$(future --json status)" '"fn":"sleep"[^}]*"failed":true'
future pool set other --max-workers 2 >/dev/null 2>&1
ok "pools" future rpc pool.set '{"pool":"other","min_workers":1,"initializer":{"fn":"echo"}}' >/dev/null
ok "info" future info >/dev/null

# ---- what nobody should send ----
refuses "no JSON" -32700 'nonsense'
refuses "bad UTF-8" -32700 '"\xff"'
refuses "too deep" -32600 "$(printf '[%.0s' {1..100})"
refuses "no request" -32600 '[]'
refuses "no method" -32601 '{"jsonrpc":"2.0","id":1,"method":"nothing"}'
refuses "bad params" -32602 '[{"jsonrpc":"2.0","id":1,"method":"submit","params":{"fn":"exec","args":{"argv":[]}}},7]'
refuses "not there" -32002 '{"jsonrpc":"2.0","id":1,"method":"result","params":{"id":999999}}'
printf '{"jsonrpc":"2.0","id":1,"meth' | nc -N -U "$FUTURE_SOCKET" >/dev/null

future submit -- sleep 1000 >/dev/null
finish

#!/bin/bash
# SIGHUP: the configuration is read again, pools, functions, limits and the log change, and nobody loses
# a connection or a job. A wrong configuration changes nothing at all.
set -u
source tests/support/shell.bash
source tests/support/daemon.bash
source tests/support/notify.bash

file=$TMPDIR/futured.conf

# Answers with its version (argv[1]) once it may: a call with "gate" waits for a line of that FIFO.
cat >"$TMPDIR/handler.py" <<'END'
import json, os, sys
for line in sys.stdin:
    call = json.loads(line)
    gate = call["params"].get("gate")
    if gate:
        with open(gate + ".in", "w") as told:
            told.write("in\n")
        with open(gate) as fifo:
            fifo.readline()
    print(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": sys.argv[1]}), flush=True)
if len(sys.argv) > 2:
    with open(sys.argv[2], "w") as fifo:
        fifo.write("%d gone\n" % os.getpid())
END

# config TEXT: the file in full; "\n" is a new line.
config()
{
    printf '%b' "$1" >"$file"
}

# reload: signals and waits for the answer; what the status says then is in $status_line.
reload()
{
    kill -HUP "$daemon_pid"
    notify_wait '^RELOADING=1 \| MONOTONIC_USEC=[0-9]+$' && notify_wait '^READY=1$'
}

# in_log NAME REGEX: once the daemon has ended, its whole log is there.
wanted_log=()
in_log()
{
    wanted_log+=("$1" "$2")
}

pools() { future rpc info | jq -c '[.pools[] | [.name, .max_workers]]'; }
functions() { future rpc info | jq -c '[.functions[].name]'; }

notify_start
config '[pool default]\nmax_workers = 1\n[pool a]\nmax_workers = 2\n[pool b]\nmax_workers = 2
[function f]\nhandler = python3 '"$TMPDIR"'/handler.py one '"$TMPDIR"'/gone\n[function g]\nhandler = cat\n'
mkfifo "$TMPDIR/gone"
mkdir "$TMPDIR/run"
start_daemon "$TMPDIR/run" --config "$file" --log-level info || exit 1
notify_wait '^READY=1$'
eq "the start" "$(pools) $(functions)" '[["default",1],["a",2],["b",2]] ["exec","sleep","echo","f","g"]'

# ---- functions ----

# One call runs, one is queued behind it; then the handler becomes another one.
mkfifo "$TMPDIR/gate" "$TMPDIR/gate.in"
future rpc submit "{\"fn\":\"f\",\"args\":{\"gate\":\"$TMPDIR/gate\"}}" >/dev/null
read -r line <"$TMPDIR/gate.in"
eq "a call runs" "$line" in
future rpc submit '{"fn":"f","args":{}}' >/dev/null
future rpc submit '{"fn":"g","args":{}}' >/dev/null
future rpc result '{"id":1}' >"$TMPDIR/answer" &
waiter=$!
config '[pool default]\nmax_workers = 1\n[pool a]\nmax_workers = 3\n[pool b]\nmax_workers = 2\n[pool c]\nmax_workers = 4
[function f]\nhandler = python3 '"$TMPDIR"'/handler.py two\nparams = {"gate": {"type": "string"}}
[function h]\nhandler = python3 '"$TMPDIR"'/handler.py new\n'
future pool set b max_workers=9 >/dev/null
ok "a reload is told to the service manager" reload
eq "functions come and go" "$(functions)" '["exec","sleep","echo","f","h"]'
like "what is gone cannot be called" "$(future rpc submit '{"fn":"g"}' 2>&1)" 'fn.*unknown|unknown.*fn|no such function|there is no function'
like "parameters are described anew" "$(printf '{"jsonrpc":"2.0","id":1,"method":"submit","params":{"fn":"f","args":{"x":1}}}' |
    nc -NU "$FUTURE_SOCKET" | jq -r .error.data.param)" '^args\.x$'
eq "the call that runs is not disturbed" "$(future rpc status '{"id":1}' | jq -r .state)" RUNNING
echo go >"$TMPDIR/gate"
status "who waits has kept the connection" 0 wait "$waiter"
eq "the call ends as it began" "$(jq -r .result "$TMPDIR/answer")" one
read -r line <"$TMPDIR/gone"
like "the old process ends then" "$line" '^[0-9]+ gone$'
eq "what was queued runs as it is now" "$(future rpc result '{"id":2}' | jq -r .result)" two
like "a queued call of a function that is gone runs" "$(future rpc result '{"id":3}' | jq -c .exception.type)" HandlerDied
eq "the new function is called" "$(future call h '{}')" '"new"'

# An idle process of a handler that has changed ends at once.
config '[pool default]\nmax_workers = 1\n[function f]\nhandler = python3 '"$TMPDIR"'/handler.py three '"$TMPDIR"'/gone\n'
reload
eq "a second change" "$(future call f '{}')" '"three"'
config '[pool default]\nmax_workers = 1\n[function f]\nhandler = python3 '"$TMPDIR"'/handler.py four\n'
reload
read -r line <"$TMPDIR/gone"
like "the idle process ends" "$line" '^[0-9]+ gone$'
eq "and the next call starts another" "$(future call f '{}')" '"four"'
eq "a function that was gone can come back" "$(
    config '[function f]\nhandler = python3 '"$TMPDIR"'/handler.py five\n[function g]\nhandler = python3 '"$TMPDIR"'/handler.py g\n'
    reload
    future call g '{}'
    future call f '{}'
)" $'"g"\n"five"'

# ---- pools ----

eq "pools change as the file says, and no others" "$(pools)" '[["default",1],["a",3],["b",9],["c",4]]'
in_log "a pool that is gone from the file stays, and the log says so" \
    'warning: \[pool c\] is gone from the configuration: the pool stays as it is'
config '[pool default]\nmax_workers = 3\nqueue_limit = 1\ninitializer = echo\n'
reload
eq "the default pool, too" "$(pools)" '[["default",3],["a",3],["b",9],["c",4]]'
eq "workers that start now have the initializer" "$(future call echo '{"x":1}')" '{"x":1}'

# ---- limits, the log, plugins ----

config '[limits]\noutput_bytes = 10\nlabel_bytes = 3\n[daemon]\nlog_level = error\n'
reload
eq "limits are others" "$(future rpc info | jq -c '[.limits.output_bytes, .limits.label_bytes]')" '[10,3]'
like "... for the calls, too" "$(future submit --label long -- true 2>&1)" 'label'
eq "... and for the jobs" "$(future submit --wait -- printf 123456789012345 2>/dev/null)" 1234567890
config '[limits]\nretention_count = 1\n'
reload
eq "... and for what is kept" "$(future rpc info | jq -c .limits.retention_count)" 1
last=$(future status last --format '{id}')
expired() { [[ $(future rpc status "{\"id\":$1}" 2>&1) == *Expired* ]]; }
await expired $((last - 1))
like "... at once" "$(future rpc status "{\"id\":$last}" 2>&1)" "\"id\":$last,"
config ''
reload
# The options of the command line hold on: --log-level info.
future submit --wait -- false
in_log "what the command line says is laid over a reload, too" 'info: future [0-9]+ \(exec\) failed: ExitStatus'

mkdir -m 755 "$TMPDIR/plugins"
install -m 755 "$(dirname "$FUTURED")/plugins/digest.so" "$TMPDIR/plugins"
config "[daemon]\nplugin_dir = $TMPDIR/plugins\n"
reload
like "a new directory of plugins" "$(functions)" '"digest"'
like "... works" "$(future call digest "{\"path\":\"$file\"}" | jq -r .digest)" "$(sha256sum <"$file" | cut -d' ' -f1)"

# ---- what is fixed ----

config "[daemon]\nplugin_dir = $TMPDIR/plugins\nstate_dir = /elsewhere\nsocket = /elsewhere\nsocket_group = 0\n"
reload
in_log "what only a start can change is told" 'warning: socket_group has changed: that takes effect when the daemon starts again'
eq "... and the daemon is where it was" "$(future rpc ping)" '"pong"'

# ---- wrong ones ----

good="[daemon]\nplugin_dir = $TMPDIR/plugins\n[pool a]\nmax_workers = 5\n[function f]\nhandler = python3 $TMPDIR/handler.py good\n"
config "$good"
reload
before=$(future rpc info | jq -c '[.pools[] | [.name, .max_workers, .idle_timeout]], .functions, .limits')

# wrong NAME REGEX TEXT: the reason, behind the name of the file.
wrong()
{
    config "$good$3"
    reload
    notify_wait 'STATUS='
    like "$1" "${notify_line//"$file"/FILE}" "^STATUS=0 running, 0 pending; reload failed: FILE:$2"
    eq "... changes nothing" \
        "$(future rpc info | jq -c '[.pools[] | [.name, .max_workers, .idle_timeout]], .functions, .limits')" "$before"
}
wrong "a setting that is none" '10: unknown key "speed" in \[pool z\]' '[limits]\npending = 5\n[pool z]\nspeed = 1\n'
wrong "an initializer that is none" '11: \[pool a\]: there is no function nothing' \
    '[function f]\nhandler = cat\n[pool a]\nmax_workers = 1\ninitializer = nothing\n'
wrong "one that the file takes away" '8: \[pool a\]: there is no function g' '[pool a]\ninitializer = g\n'
wrong "a function that is a plugin's" '8: \[function digest\]: there is a function of that name already' \
    '[function digest]\nhandler = cat\n'
wrong "a handler with a quote" '8: \[function x\]: handler: a quote is not closed' "[function x]\nhandler = 'cat\n"
wrong "more pools than there may be" '[0-9]+: \[pool new\]: there are 4 pools already' \
    '[limits]\npools = 4\n[pool new]\nmax_workers = 1\n'
eq "the old handler answers" "$(future call f '{}')" '"good"'
mv "$file" "$file.away"
reload
notify_wait 'STATUS='
like "no file" "$notify_line" "reload failed: $file: No such file or directory$"
in_log "the log says what is wrong" "error: reload: $file: No such file or directory; nothing was changed"
mv "$file.away" "$file"
config "$good"
reload
notify_wait 'STATUS='
eq "a good one puts that right" "$notify_line" "STATUS=0 running, 0 pending"

# ---- under load ----

future map --pool a -- expr {} '*' 1 ::: {1..400} >"$TMPDIR/map" &
mapper=$!
for ((i = 0; i < 20; i++)); do
    config "${good}[pool b]\nmax_workers = $((i % 3 + 1))\n[function f]\nhandler = python3 $TMPDIR/handler.py $i\n"
    reload || break
    eq "reload $i under load: the handler" "$(future call f '{}')" "\"$i\""
done
status "the map ends well" 0 wait "$mapper"
ok "with all its results in order" diff "$TMPDIR/map" <(seq 400)

ok "the daemon ends in order" stop_daemon
for ((i = 0; i < ${#wanted_log[@]}; i += 2)); do
    ok "${wanted_log[i]}" grep -qE "${wanted_log[i + 1]}" "$daemon_log"
done
notify_stop
finish

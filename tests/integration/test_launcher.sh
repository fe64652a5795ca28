#!/bin/bash
# Pools whose workers live elsewhere, through launchers that are on every machine: what is promised of
# a local pool holds there as well, and every way in which a launcher can fail is a lost worker, or no
# worker yet, and never a call that was executed twice. (test_cluster.sh has the same with Slurm.)
# shellcheck source=tests/support/shell.bash
source tests/support/shell.bash
# shellcheck source=tests/support/cli.bash
source tests/support/cli.bash
# shellcheck source=tests/support/daemon.bash
source tests/support/daemon.bash

launcher=$PWD/tests/support/launcher.py
faults=$TMPDIR/faults
mkdir "$faults"
build=$(dirname "$(command -v futured)")

mkdir "$TMPDIR/plugins"
cp "$build/plugins/digest.so" "$build/tests/plugins/calls.so" "$TMPDIR/plugins"

cat >"$TMPDIR/count.py" <<'PY'
import json, sys
for line in sys.stdin:
    call = json.loads(line)
    print(json.dumps({"jsonrpc": "2.0", "method": "progress", "params": {"value": {"done": 1}}}))
    print("counting", file=sys.stderr, flush=True)
    print(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": len(call["params"]["text"])}), flush=True)
PY
cat >"$TMPDIR/futured.conf" <<CONF
[daemon]
plugin_dir = $TMPDIR/plugins
[pool plain]
max_workers = 3
idle_timeout = 1
slots = 2
launcher = env
  WHERE={pool}-{worker}-{slots}
[pool one]
max_workers = 1
launcher = env
idle_timeout = 0.2
[pool there]
max_workers = 1
launcher = unshare -r -u sh -c 'hostname node7 && exec "\$@"' sh
[pool flaky]
max_workers = 1
max_tasks_per_worker = 1
launcher_timeout = 1
launcher = $launcher $faults
[pool resting]
max_workers = 1
launcher_timeout = 0.4
launcher = $launcher $faults
[pool missing]
max_workers = 1
idle_timeout = 1
launcher = env
launcher_program = /nonexistent/futured
[function count]
handler = python3 $TMPDIR/count.py
CONF
start_daemon "$TMPDIR" --config "$TMPDIR/futured.conf" || exit 1

pool() { future rpc pool.list "{\"pool\":\"$1\"}"; }
state_is() { [[ $(field "$1" state) == "\"$2\"" ]]; }
pool_says() { [[ $(pool "$1") =~ $2 ]]; }
gone() { ! kill -0 "$1" 2>/dev/null; }
exception() { future rpc exception "{\"id\":$1}"; }
lines() { [[ -e $1 ]] && wc -l <"$1" || echo 0; }

# ---- the settings ----
# wrong NAME REGEX LINE: a section [pool p] with that line is refused.
wrong()
{
    printf '[pool p]\n%s\n' "$3" >"$TMPDIR/wrong.conf"
    like "$1" "$(futured --check-config --config "$TMPDIR/wrong.conf" 2>&1)" "wrong.conf:2: $2"
}
wrong "what stands in braces is known" '\[pool p\]: launcher: only \{pool\}, \{worker\} and \{slots\} may' 'launcher = srun {node}'
wrong "a quote is closed" '\[pool p\]: launcher: a quote is not closed' "launcher = srun 'x"
wrong "there are slots" 'slots must be at least 1' 'slots = 0'
wrong "the timeout is one" 'launcher_timeout must be a number of seconds' 'launcher_timeout = x'
like "clients cannot set a launcher" "$(future rpc pool.set '{"pool":"new","launcher":"sh"}' 2>&1)" \
    'launcher: is set in the configuration file alone|is set in the configuration file alone'
like "but they see it" "$(pool one)" '"launcher":"env"'

# ---- what a local pool promises ----
run=(future submit --pool plain --wait --)
# shellcheck disable=SC2016  # the job's own
{
    gives "output and exit status" 3 out "${run[@]}" sh -c 'echo out; echo err >&2; exit 3'
    eq "stderr" "$err" err
    gives "what stands in braces" 0 0 future submit --pool one --wait -- sh -c 'echo ${WHERE:-0}'
    like "is filled in" "$("${run[@]}" sh -c 'echo $WHERE')" '^plain-[123]-2$'
    gives "a signal" 137 "" "${run[@]}" sh -c 'kill -KILL $$'
    gives "a command that is not there" 127 "" "${run[@]}" /nonexistent/program
    eq "stdin" "$(echo some text | future submit --pool plain --stdin - --wait -- cat)" "some text"
    id=$(member id "$(future rpc submit '{"fn":"exec","pool":"plain","args":{"argv":["sh","-c","ulimit -n"],
        "limits":{"nofile":77}}}')")
    gives "limits" 0 77 future result "$id"
}
head -c 3000000 /dev/urandom >"$TMPDIR/big"
"${run[@]}" cat "$TMPDIR/big" >"$TMPDIR/big.out"
ok "bytes that are no text, and many" cmp "$TMPDIR/big" "$TMPDIR/big.out"
id=$(future submit --pool plain -- sh -c 'yes | head -c 9000000')
future wait "$id"
like "more than is kept" "$(future rpc result "{\"id\":$id}" | tail -c 300 | head -c 200; future rpc result "{\"id\":$id}" |
    grep -o '"truncated":[a-z]*')" '"truncated":true$'
eq "a map gives the same bytes" "$(seq 300 | future map --pool plain -- expr {} '*' 2 | cksum)" \
    "$(seq 300 | future map -- expr {} '*' 2 | cksum)"
future submit --pool plain --timeout 0.3 -- sleep 1000 >"$TMPDIR/id"
id=$(<"$TMPDIR/id")
future wait "$id"
like "a timeout" "$(exception "$id")" '"type":"TimedOut".*"signal":"SIGTERM"'
eq "the exception's rusage is the worker's" "$(exception "$id" | grep -c '"rusage":{"utime":')" 1

blocked live
# shellcheck disable=SC2016
id=$(future submit --pool plain -- sh -c 'echo first; sleep 1000 & echo $!; '"${gate[2]}" "${gate[@]:3}")
runs live
await eval '[[ $(future output "$id") == *[0-9] ]]'
like "output while it runs" "$(future output "$id")" '^first'
child=$(future output "$id" | tail -n 1)
await pool_says plain "\"future\":$id,\"pid\":[0-9]+,\"host\":\"$(hostname)\""
pass "pool.list has host and pid"
future cancel --terminate "$id" >"$TMPDIR/cancelled"
future wait "$id"
like "terminate" "$(exception "$id")" '"type":"Terminated"'
await gone "$child"
pass "ends the whole group there"

eq "a native function" "$(future call --pool plain echo '{"a":1}')" '{"a":1}'
like "a plugin's" "$(future call --pool plain digest "{\"path\":\"$TMPDIR/count.py\"}")" \
    "$(sha256sum "$TMPDIR/count.py" | cut -c 1-64)"
like "one's result that is nested deeper than a request may be" "$(future call --pool plain deep '{"levels":100}')" \
    '^\[{100}\]{100}$'
id=$(member id "$(future rpc submit '{"fn":"count","args":{"text":"four"},"pool":"plain"}')")
future wait "$id"
like "a handler's result" "$(future rpc result "{\"id\":$id}")" '"result":4}'
eq "and its stderr" "$(future output --stream stderr "$id")" counting
like "and its progress" "$(future rpc status "{\"id\":$id}")" '"progress":\{"done": ?1\}'

# ---- what comes first ----
future pool pause one >/dev/null
first=$(future submit --pool one --priority 1 -- sh -c "echo low >>$TMPDIR/order")
future submit --pool one --priority 5 -- sh -c "echo high >>$TMPDIR/order" >/dev/null
after=$(future submit --pool one --after "$first" --priority 9 -- sh -c "echo after >>$TMPDIR/order")
future submit --pool one --priority 3 -- sh -c "echo middle >>$TMPDIR/order" >/dev/null
future pool resume one >/dev/null
ok "all of them end" future wait "$first-$((after + 1))"
eq "by priority, and behind what it waits for" "$(tr '\n' ' ' <"$TMPDIR/order")" "high middle low after "
map=$(member id "$(future rpc map '{"fn":"exec","pool":"one","chunksize":3,"args":{"argv":["echo"]},"items":[1,2,3,4,5,6,7]}')")
ok "a map in chunks" future wait "$map"
eq "each item once, in order" "$(future follow "$map" | tr '\n' ' ')" "1 2 3 4 5 6 7 "

# ---- the life of a worker ----
await pool_says one '"threads":0'
pass "ends when it is idle"
future submit --pool one --wait -- true
await pool_says one '"threads":1,'
pass "and comes back"
if unshare -r -u sh -c 'hostname node7' 2>/dev/null; then
    eq "another host" "$(future submit --pool there --wait -- hostname)" node7
    like "is named" "$(pool there)" '"host":"node7"'
    id=$(future submit --pool there -- true)
    future wait "$id"
    eq "in the status, too" "$(field "$id" host)" '"node7"'
else
    echo "not tried: another host, as unshare is not allowed here"
fi

# ---- no worker yet ----
id=$(future submit --pool missing -- true)
await pool_says missing '"trouble":"no worker could be started: .*No such file or directory"'
eq "a program that is not there: it waits" "$(field "$id" state)" '"PENDING"'
like "and explain says why" "$(future explain "$id")" 'No such file'
gives "and it can be cancelled" 0 "$id cancelled" future cancel "$id"

# first FAULT...: these go wrong from now on. Each call of the pool flaky has a worker of its own.
first()
{
    await pool_says flaky '"threads":0'
    touch "${@/#/$faults/}"
}
ledger=$TMPDIR/ledger
flaky=(future submit --pool flaky)
job() { sh=(sh -c "echo $1 >>$ledger; echo $1"); }

first refuse
job refused
id=$("${flaky[@]}" -- "${sh[@]}")
await pool_says flaky 'ended with status 1: no node is left for you'
eq "a launcher that refuses: it waits" "$(field "$id" state)" '"PENDING"'
rm "$faults/refuse"
eq "and then it runs" "$(future result "$id")" refused
like "and all is well again" "$(pool flaky)" '"trouble":null'

for fault in version other-version; do
    first $fault
    job $fault
    id=$("${flaky[@]}" -- "${sh[@]}")
    await pool_says flaky '"trouble":"no worker could be started: [^"]*version 0[^"]*9.9|"trouble":"[^"]*version 9.8'
    eq "$fault: it waits" "$(field "$id" state)" '"PENDING"'
    rm "$faults/$fault"
    eq "$fault: and then it runs" "$(future result "$id")" $fault
done

first hang
job hung
id=$("${flaky[@]}" -- "${sh[@]}")
await test -e "$faults/hang-pid"
like "a launcher that hangs: its worker is starting" "$(pool flaky)" '"state":"starting"'
eq "a launcher that hangs: it waits" "$(field "$id" state)" '"PENDING"'
gives "and can be cancelled" 0 "$id cancelled" future cancel "$id"
rm "$faults/hang"
kill -TERM "$(<"$faults/hang-pid")"

touch "$faults/garbage"
job greeted
id=$("${flaky[@]}" -- "${sh[@]}")
eq "a greeting before the answer: the next one does it" "$(future result "$id")" greeted

# ---- lost ----
# loses FAULT REASON: the call is lost for that reason, and was executed but once.
loses()
{
    job "$1"
    first "$1"
    id=$("${flaky[@]}" -- "${sh[@]}")
    future wait "$id"
    like "$1: lost" "$(exception "$id")" "\"type\":\"WorkerLost\".*\"reason\":\"$2\",\"host\":\"$(hostname)\""
    eq "$1: it ran once" "$(grep -cx "$1" "$ledger")" 1
    eq "$1: the pool goes on" "$("${flaky[@]}" --wait -- echo on)" on
}
loses lose-answer exit
like "with what the launcher said" "$(exception "$id")" '"launcher":\{"exit_code":0,"signal":null\},"stderr":"Node failure on n2"'
loses garbled-answer garbage
job cut
first cut
id=$("${flaky[@]}" -- sh -c "echo cut >>$ledger; echo \$\$ >$TMPDIR/cut; exec sleep 1000")
future wait "$id"
like "the network cut: lost" "$(exception "$id")" '"type":"WorkerLost".*"reason":"silence"'
await gone "$(<"$TMPDIR/cut")"
pass "and the job there has ended by itself"

job after
first end-after
eq "a launcher that ends behind an answer" "$("${flaky[@]}" --wait -- "${sh[@]}")" after
eq "loses nothing" "$("${flaky[@]}" --wait -- echo on)" on

touch "$faults/cut-idle"
future submit --pool resting --wait -- true
job rested
id=$(future submit --pool resting --delay 0.3 -- "${sh[@]}")
eq "a worker that was cut off while it rested gets no call" "$(future result "$id")" rested
eq "which another one executes, once" "$(grep -cx rested "$ledger"):$(field "$id" attempt)" 1:1

first deaf
id=$("${flaky[@]}" -- sleep 1000)
await state_is "$id" RUNNING
future cancel --terminate --grace 0 "$id" >"$TMPDIR/cancelled"
future wait "$id"
like "a worker that does not hear of a stop is lost" "$(exception "$id")" '"type":"WorkerLost"'

# ---- again ----
job again
first lose-answer
id=$("${flaky[@]}" --rerun -- "${sh[@]}")
eq "on_crash rerun" "$(future result "$id")" again
eq "ran it twice" "$(grep -cx again "$ledger"):$(field "$id" attempt)" 2:2
job retried
first lose-answer
id=$("${flaky[@]}" --retry 1 -- "${sh[@]}")
eq "retry" "$(future result "$id"):$(field "$id" attempt)" retried:2

first asleep
job unread
id=$("${flaky[@]}" -- "${sh[@]}")
await test -e "$faults/asleep-pid"
await state_is "$id" RUNNING
kill -KILL "$(<"$faults/asleep-pid")"
eq "what nobody has read another one executes" "$(future result "$id")" unread
eq "once" "$(grep -cx unread "$ledger")" 1

# ---- another launcher ----
keepers() { cat "/proc/$daemon_pid"/task/*/comm | grep -c '^handlers$'; }
keepers_before=$(keepers)
sed -i 's/^launcher = env$/launcher = env WHERE=elsewhere/' "$TMPDIR/futured.conf"
kill -HUP "$daemon_pid"
# shellcheck disable=SC2016
is_elsewhere() { [[ $(future submit --pool one --wait -- sh -c 'echo "$WHERE"') == elsewhere ]]; }
await is_elsewhere
pass "a reload has the pool use another launcher"
keepers_are_as_before() { [[ $(keepers) == "$keepers_before" ]]; }
await keepers_are_as_before
pass "and nothing is left of the old one once its calls have ended"
printf '[limits]\noutput_total_bytes = 100000\n' >>"$TMPDIR/futured.conf"
kill -HUP "$daemon_pid"
is_bounded()
{
    id=$(future submit --pool one -- head -c 300000 /dev/zero)
    future wait "$id"
    [[ $(exception "$id") =~ OutputLimit ]]
}
await is_bounded
pass "a reload of limits reaches the workers there"

# ---- a worker's time ----
# tell_worker FORMAT ARG...: a line from the daemon to the worker of the coprocess.
tell_worker() { printf "$@" >&"${COPROC[1]}"; }
coproc futured --worker
tell_worker '{"jsonrpc":"2.0","id":0,"method":"init","params":{"protocol":1,"version":"%s","pool":"p","worker":1,%s}}\n' \
    "$(futured --version | sed -n '1s/^futured //p')" \
    '"output_bytes":1000,"output_total_bytes":1000,"result_bytes":1000,"line_bytes":9999,"depth":9,"values":99,"lease_ms":20000'
read -r line <&"${COPROC[0]}"
like "a worker begins" "$line" '"id":0,"result":\{"name":"futured"'
tell_worker '%s\n' '{"jsonrpc":"2.0","id":7,"method":"call","params":{"fn":"sleep","attempt":1,"args":{"seconds":0.2}}}' \
    '{"jsonrpc":"2.0","method":"alive","params":{"number":0}}'
line=ended
read -r line <&"${COPROC[0]}"
like "a sign of life from before the call takes nothing from its time" "$line" '"id":7,"result"'
eval "exec ${COPROC[1]}>&-"
wait "$COPROC_PID"

# ---- a signal for a worker that has just begun ----
read -ra cc <<<"${CC:-cc}"
"${cc[@]}" -shared -fPIC -o "$TMPDIR/fork.so" -x c - <<'C'
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
pid_t fork(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid > 0)
        kill(getpid(), SIGTERM);
    return pid;
}
C
mkfifo "$TMPDIR/never" "$TMPDIR/held"
sleep 1000 >"$TMPDIR/never" &
writer=$!
cat "$TMPDIR/held" >/dev/null & # until nobody is left who holds it
reader=$!
LD_PRELOAD="$TMPDIR/fork.so${LD_PRELOAD:+:$LD_PRELOAD}" ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 \
    futured --worker <"$TMPDIR/never" >/dev/null 2>"$TMPDIR/held"
wait "$reader"
pass "reaches it however early it comes"
kill "$writer"

# ---- a kill of the worker ----
# shellcheck disable=SC2016
id=$(future submit --pool one -- sh -c 'setsid sleep 1000 & echo $$ $!; exec sleep 1000')
await eval '[[ $(future output "$id") == *[0-9] ]]'
read -r job child <<<"$(future output "$id")"
worker=$(sed -n 's/.*worker one-1 is process \([0-9]*\) .*/\1/p' "$daemon_log" | tail -n 1)
kill -KILL "$worker"
future wait "$id"
like "a worker that is killed is lost" "$(exception "$id")" '"type":"WorkerLost"'
await gone "$job"
await gone "$child"
pass "and nothing of its job is left, not even what has left its session"

# ---- a kill of the daemon ----
once=$(future submit --pool plain -- sh -c "echo \$\$ >$TMPDIR/once; exec sleep 1000")
again=$(future submit --pool plain --rerun -- sh -c "echo again >>$TMPDIR/reruns; test -e $TMPDIR/killed || exec sleep 1000")
await test -s "$TMPDIR/once"
await test -s "$TMPDIR/reruns"
touch "$TMPDIR/killed"
kill -KILL "$daemon_pid"
wait "$daemon_pid" 2>/dev/null
start_daemon "$TMPDIR" --config "$TMPDIR/futured.conf" || exit 1
ok "kill -9 of the daemon leaves nothing there" gone "$(<"$TMPDIR/once")"
future wait "$once" "$again"
like "what ran is interrupted" "$(exception "$once")" '"type":"Interrupted"'
eq "or runs again" "$(field "$again" failed):$(lines "$TMPDIR/reruns")" false:2
ok "the daemon ends well" stop_daemon
finish

#!/bin/bash
# Jobs in control groups of their own: in a group that was delegated nothing of a job escapes a kill, and
# what it leaves is known, also to the next daemon.
set -u
source tests/support/shell.bash
source tests/support/daemon.bash
source tests/support/cgroup.bash
source tests/support/escape.bash

group_new "control groups for jobs" || finish

# in_group PID: the directory of its group below that of the test.
in_group()
{
    sed -n "s|^0::.*/$(basename "$group")||p" "/proc/$1/cgroup"
}

# What a job says of its group.
own_cgroup=(sed -n 's/^0:://p' /proc/self/cgroup)

# ---- not ours ----

mkdir "$group/plain"
group_daemon "$group/plain"
mkdir "$TMPDIR/a"
start_daemon "$TMPDIR/a" || exit 1
like "in a group that nobody has delegated jobs stay where we are" "$(future submit --wait -- "${own_cgroup[@]}")" '/plain$'
eq "... and the group stays as it is" "$(find "$group/plain" -mindepth 1 -type d)" ""
ok "the daemon ends" stop_daemon
mkdir "$TMPDIR/b"
start_daemon "$TMPDIR/b" --config <(printf '[daemon]\njob_cgroups = yes\n') || exit 1
like "unless it is told to" "$(future submit --wait -- "${own_cgroup[@]}")" '/plain/job-1$'
ok "the daemon ends" stop_daemon
eq "the groups of jobs are gone" "$(find "$group/plain" -mindepth 1 -type d -name 'job-*')" ""

mkdir "$TMPDIR/f"
export FUTURED_DELEGATED=1
start_daemon "$TMPDIR/f" || exit 1
unset FUTURED_DELEGATED
like "... or has been told that it is its own" "$(future submit --wait -- "${own_cgroup[@]}")" '/plain/job-1$'
status "which is none of a job's business" 1 future submit --wait -- printenv FUTURED_DELEGATED
ok "the daemon ends" stop_daemon

# ---- delegated ----

mkdir "$group/ours"
group_mark "$group/ours"
group_daemon "$group/ours"
mkdir "$TMPDIR/c"
cat >"$TMPDIR/handler.py" <<'END'
import json, sys
for line in sys.stdin:
    call = json.loads(line)
    groups = open("/proc/self/cgroup").read()
    print(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": groups}), flush=True)
END
printf '[function where]\nhandler = python3 %s\n' "$TMPDIR/handler.py" >"$TMPDIR/handler.conf"
# A job of an earlier daemon has made a group of its own, and so its group stays.
mkdir -p "$group/ours/job-1/its-own"
mkdir "$TMPDIR/p"
start_daemon "$TMPDIR/p" || exit 1
like "a number that is taken is left out" "$(future submit --wait -- "${own_cgroup[@]}")" '/ours/job-2$'
ok "the daemon ends" stop_daemon
rmdir "$group/ours/job-1/its-own" "$group/ours/job-1"
start_daemon "$TMPDIR/c" --config "$TMPDIR/handler.conf" || exit 1
like "it says so" "$(<"$daemon_log")" "jobs run in control groups below $group/ours"
eq "the daemon has a group" "$(in_group "$daemon_pid")" /ours/daemon
like "a job has another one" "$(future submit --wait -- "${own_cgroup[@]}")" '/ours/job-1$'
like "which serves the next one, too" "$(future submit --wait -- "${own_cgroup[@]}")" '/ours/job-1$'
id=$(future submit -- sleep 1000)
until_true "somebody is in it" grep -q . "$group/ours/job-1/cgroup.procs"
like "two at a time have two" "$(future submit --wait -- "${own_cgroup[@]}")" '/ours/job-2$'
future cancel --terminate "$id" >/dev/null
future wait "$id"
# Whoever kills a group, it is not the end of who comes next.
id=$(future submit -- sh -c 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec sleep 1000' "$TMPDIR/pid")
until_true "a job runs" test -e "$TMPDIR/pid"
killed=$(in_group "$(<"$TMPDIR/pid")")
like "in a group" "$killed" '^/ours/job-[0-9]+$'
[[ -z $killed ]] || echo 1 >"$group$killed/cgroup.kill"
future wait "$id" 2>/dev/null
eq "a group that is killed by hand ends its job" "$(future exception "$id")" "Signalled: killed by SIGKILL"
for ((i = 0; i < 3; i++)); do
    ok "and nobody else" future submit --wait -- true
done
like "a handler has one" "$(future call where '{}')" '/ours/job-[0-9]+\\n'
status "what cannot be run is told as ever" 127 future submit --wait -- no-such-program 2>/dev/null
like "and its group is for another one" "$(future submit --wait -- "${own_cgroup[@]}")" '/ours/job-[0-9]+$'

# ---- what escapes ----

id=$(future submit -- sh -c "$(escape "$TMPDIR/one"); sleep 1000")
until_true "a job lets something go" test -e "$TMPDIR/one"
pid=$(<"$TMPDIR/one")
eq "which is in another session" "$(($(ps -o sid= -p "$pid")))" "$pid"
future cancel --terminate "$id" >/dev/null
future wait "$id"
until_true "it ends with its job" gone "$pid"
# However early the timeout comes, it goes on until something has escaped.
id=$(future submit --timeout 0.2 -- sh -c "trap stop=1 TERM; $(escape "$TMPDIR/two"); until test \$stop; do sleep 0.01; done")
future wait "$id"
until_true "a timeout ends it, too" gone "$(<"$TMPDIR/two")"
# It is another process in another session all the time, so that nobody who looks for it finds it.
cat >"$TMPDIR/hopper.py" <<'END'
import os
while True:
    if os.fork():
        os._exit(0)
    os.setsid()
END
id=$(future submit -- sh -c 'python3 "$0" & echo >"$1"; exec sleep 1000' "$TMPDIR/hopper.py" "$TMPDIR/hops")
until_true "something hops from process to process" test -e "$TMPDIR/hops"
future cancel --terminate "$id" >/dev/null
future wait "$id"
until_true "it ends with its job" bash -c '! pgrep -f "^python3 $1/hopper.py"' _ "$TMPDIR"

status "nothing is said of those" 1 grep -q "left behind" "$daemon_log"

id=$(future submit -- sh -c "$(escape "$TMPDIR/three")")
ok "a job that leaves something behind ends" future wait "$id"
pid=$(<"$TMPDIR/three")
until_true "what it has left is named in the log" grep -q "future $id (exec) has left behind: $pid (" "$daemon_log"
status "and lives" 1 gone "$pid"
left_group=$group$(in_group "$pid")
eq "nobody joins it" "$(<"$left_group/cgroup.procs")" "$pid"
kill -KILL "$pid"
for ((i = 0; i < 3; i++)); do future submit -- sleep 1000 >/dev/null; done
until_true "its group is tidied up when others are made" test ! -e "$left_group"

# ---- an earlier daemon ----

future submit -- sh -c "$(escape "$TMPDIR/four"); sleep 1000" >/dev/null
until_true "a job lets something go" test -e "$TMPDIR/four"
pid=$(<"$TMPDIR/four")
mkdir "$TMPDIR/d"
first_pid=$daemon_pid first_log=$daemon_log first_socket=$FUTURE_SOCKET first_logger=$daemon_logger
start_daemon "$TMPDIR/d" || exit 1
like "a second daemon leaves the groups of the first alone" "$(<"$daemon_log")" "jobs run without control groups of their own"
status "what runs there goes on" 1 gone "$pid"
ok "it ends" stop_daemon
status "where it must have them it does not start" 1 "$FUTURED" --socket "$TMPDIR/d/e" --state-dir "$TMPDIR/d/e.state" \
    --config <(printf '[daemon]\njob_cgroups = yes\n') 2>"$TMPDIR/refused"
like "and says why" "$(<"$TMPDIR/refused")" "another daemon lives in this control group"
kill -KILL "$first_pid"
wait "$first_pid" "$first_logger" 2>/dev/null
rm -f "$first_socket" "$first_log"
start_daemon "$TMPDIR/c" || exit 1
until_true "the next daemon ends what a killed one has left" gone "$pid"
like "and says so" "$(<"$daemon_log")" "killing the job in the group job-[0-9]+, which an earlier daemon has left"
like "and has groups" "$(future submit --wait -- "${own_cgroup[@]}")" '/ours/job-[0-9]+$'
ok "the daemon ends" stop_daemon
eq "and no group of a job is left" "$(find "$group/ours" -mindepth 1 -type d -name 'job-*')" ""

# ---- a machine that cannot have processes born there ----

printf '#!/bin/sh\necho $$ >%q/cgroup.procs && exec tests/support/without-clone3 %q "$@"\n' "$group/ours" "$futured_itself" \
    >"$TMPDIR/futured"
mkdir "$TMPDIR/o"
start_daemon "$TMPDIR/o" || exit 1
for ((i = 0; i < 2; i++)); do
    like "jobs move into their groups" "$(future submit --wait -- "${own_cgroup[@]}")" '/ours/job-1$'
done
id=$(future submit -- sh -c "$(escape "$TMPDIR/five"); sleep 1000")
until_true "a job lets something go" test -e "$TMPDIR/five"
future cancel --terminate "$id" >/dev/null
future wait "$id"
until_true "it ends with its job" gone "$(<"$TMPDIR/five")"
ok "the daemon ends" stop_daemon
group_daemon "$group/ours"

# ---- limits ----

mkdir "$TMPDIR/l"
limits='[daemon]\njob_memory_max = 50000000\njob_pids_max = 10\n'
if [[ $(<"$group/ours/cgroup.controllers") == *memory*pids* ]]; then
    start_daemon "$TMPDIR/l" --config <(printf "$limits") || exit 1
    id=$(future submit -- python3 -c 'x = "x" * 200000000')
    future wait "$id" 2>/dev/null
    eq "a job that needs more memory is killed for that" "$(future exception "$id")" \
        "Signalled: killed by SIGKILL, as it ran out of memory"
    eq "programs can tell" "$(future rpc exception "{\"id\":$id}" | jq .exception.data.out_of_memory)" true
    eq "the next one has what it needs" "$(future submit --wait -- echo fine)" fine
    eq "a job has so many processes and no more" "$(future submit --wait -- python3 -c 'import os, time
count = 1
try:
    while count < 100:
        if os.fork() == 0: time.sleep(1000)
        count += 1
except BlockingIOError:
    print(count, flush=True)
    os.killpg(0, 9)' 2>/dev/null)" 10
    ok "the daemon ends" stop_daemon
else
    echo "SKIPPED: limits of memory and processes: this cgroup2 has not got these controllers"
    start_daemon "$TMPDIR/l" --config <(printf "$limits") || exit 1
    like "limits that cannot be had are told" "$(<"$daemon_log")" "job_memory_max and job_pids_max are not in force"
    ok "the daemon ends" stop_daemon
    status "where they must be had the daemon does not start" 1 "$FUTURED" --socket "$TMPDIR/l/e" \
        --state-dir "$TMPDIR/l/state" --config <(printf "${limits}job_cgroups = yes\n") 2>"$TMPDIR/refused"
    like "and says why" "$(<"$TMPDIR/refused")" "not in force"
fi
finish

#!/bin/bash
# A pool whose workers live on a real Slurm of two nodes (tests/support/slurm), and what becomes of its
# futures when launchers, the network, the daemon or a node go. Run by `make check-cluster`.
# shellcheck source=tests/support/shell.bash
source tests/support/shell.bash
# shellcheck source=tests/support/cli.bash
source tests/support/cli.bash
# shellcheck source=tests/support/daemon.bash
source tests/support/daemon.bash

export SLURM_DIR=/run/futured-check-slurm
slurm=$PWD/tests/support/slurm
"$slurm" stop
"$slurm" start || exit 1
trap '"$slurm" stop; report_cases' EXIT
export SLURM_CONF=$SLURM_DIR/slurm.conf

# What the nodes share with us.
work=$SLURM_DIR/work
mkdir "$work"
cp "$(command -v futured)" "$work/futured"
cp -r proto "$work/proto"
cd "$work" || exit 1

cat >"$TMPDIR/futured.conf" <<CONF
[daemon]
stop_timeout = 0
[pool local]
max_workers = 4
[pool cluster]
max_workers = 16
slots = 1
launcher_timeout = 3
launcher_program = $work/futured
launcher = srun --quiet --unbuffered --ntasks=1
  --cpus-per-task={slots} --job-name=future-{pool}-{worker}
CONF
start_daemon "$TMPDIR" --config "$TMPDIR/futured.conf" || exit 1

pool() { future rpc pool.list '{"pool":"cluster"}'; }
exception() { future rpc exception "{\"id\":$1}"; }
# alive NODE PID
alive() { "$slurm" in "$1" kill -0 "$2" 2>/dev/null; }
dead() { ! alive "$@"; }
begun_or_done() { [[ -e $1 || $(field "$2" state) == '"FINISHED"' ]]; }
# Of jobs that run on NODE: job_on NODE SECONDS leaves the pid in $work/NODE.pid.
job_on()
{
    rm -f "$work/$1.pid"
    # Whoever gets to the wrong node lets the next one go on.
    # shellcheck disable=SC2016
    while :; do
        id=$(future submit --pool cluster -- sh -c \
            'test "$(hostname)" = "$1" || exit 9; echo $$ >"$2.new"; mv "$2.new" "$2"; exec sleep "$3"' \
            job "$1" "$work/$1.pid" "$2")
        await begun_or_done "$work/$1.pid" "$id"
        [[ -e $work/$1.pid ]] && return
    done
}

# ---- as locally ----
find "$work/proto" -name '*.h' | sort >"$TMPDIR/headers"
future map --pool cluster -- sha256sum {} <"$TMPDIR/headers" >"$TMPDIR/there"
future map --pool local -- sha256sum {} <"$TMPDIR/headers" >"$TMPDIR/here"
ok "a map gives the same bytes as locally" cmp "$TMPDIR/there" "$TMPDIR/here"
ok "and the right ones" sha256sum --check --quiet "$TMPDIR/there"
seq 400 | future map --pool cluster -- sh -c 'sleep 0.01; hostname' | sort -u >"$TMPDIR/hosts"
eq "both nodes work" "$(tr '\n' ' ' <"$TMPDIR/hosts")" "n1 n2 "
like "pool.list names one" "$(pool)" '"host":"n1"'
like "and the other" "$(pool)" '"host":"n2"'
gives "an exit status" 7 "" future submit --pool cluster --wait -- sh -c 'exit 7'
head -c 2000000 /dev/urandom >"$work/big"
future submit --pool cluster --wait -- cat "$work/big" >"$TMPDIR/big"
ok "large output" cmp "$work/big" "$TMPDIR/big"

job_on n2 1000
future cancel --terminate "$id" >"$TMPDIR/out"
future wait "$id"
like "terminate" "$(exception "$id")" '"type":"Terminated"'
ok "reaches the node" dead n2 "$(<"$work/n2.pid")"

# ---- the launcher is killed ----
job_on n2 1000
launcher=$(pool | grep -o "\"name\":\"cluster-[0-9]*\",\"thread\":[0-9]*,\"state\":\"running\"" | grep -o 'cluster-[0-9]*')
kill -KILL "$(pgrep -P "$daemon_pid" -f -- "--job-name=future-$launcher ")"
future wait "$id"
like "srun killed" "$(exception "$id")" '"type":"WorkerLost".*"signal":"SIGKILL"'
await dead n2 "$(<"$work/n2.pid")"
pass "leaves no job on the node"

# ---- the network is cut ----
job_on n2 1000
"$slurm" cut n2
future wait "$id"
like "the network cut" "$(exception "$id")" '"type":"WorkerLost".*"host":"n2"'
await dead n2 "$(<"$work/n2.pid")"
pass "the worker there has ended its job"
eq "the pool goes on, and nothing is sent to those that were idle there" \
    "$(future submit --pool cluster --wait -- hostname)" n1
"$slurm" mend n2
await eval 'sinfo -h -n n2 -o %T | grep -qxE "idle|mixed|allocated"'

# ---- the daemon is killed in the middle ----
# shellcheck disable=SC2016
map=$(seq 60 | future map --detach --pool cluster -- sh -c \
    'echo "$1" >>"$2"; echo "$(hostname) $$" >>"$3"; test "$1" -le 8 || test -e "$4" || exec sleep 1000' \
    job {} "$work/ledger" "$work/pids" "$work/after")
await eval '[[ -e $work/pids && $(wc -l <"$work/pids") -ge 20 ]]'
kill -KILL "$daemon_pid"
wait "$daemon_pid" 2>/dev/null
touch "$work/after"
cp "$work/pids" "$TMPDIR/pids"
start_daemon "$TMPDIR" --config "$TMPDIR/futured.conf" || exit 1
left=0
while read -r node pid; do
    alive "$node" "$pid" && left=$((left + 1))
done <"$TMPDIR/pids"
eq "kill -9 of the daemon: nothing of it is left when the next one is ready" "$left" 0
future wait "$map"
eq "none ran twice" "$(sort -n "$work/ledger" | uniq -d)" ""
first=$(member first "$(future rpc status "{\"id\":$map}")")
for ((i = first; i < first + 60; i++)); do
    exception "$i" | grep -q '"type":"Interrupted"' && echo "$((i - first + 1))"
done >"$TMPDIR/interrupted"
eq "what ran is interrupted, and nothing else" "$(wc -l <"$TMPDIR/interrupted")" \
    "$(future rpc status "{\"id\":$map}" | grep -o '"failed":[0-9]*' | tr -dc 0-9)"
# What was written down as started, and killed before it was, never runs: at most once.
eq "and all others ran" "$(sort -nu "$work/ledger" "$TMPDIR/interrupted" | tr '\n' ' ')" "$(seq 60 | tr '\n' ' ')"

# ---- a node dies ----
# From the item 300 on, jobs on n2 stay until they are eight.
# shellcheck disable=SC2016
map=$(seq 1000 | future map --detach --pool cluster -- sh -c \
    'echo "$1" >>"$2.$(hostname)"; test "$1" -ge 300 && test "$(hostname)" = n2 && exec sleep 1000; exit 0' \
    job {} "$work/crash")
stuck() { [[ -e $work/crash.n2 ]] && (($(awk '$1 >= 300' "$work/crash.n2" | wc -l) >= 8)); }
await stuck
"$slurm" crash n2
future wait "$map"
eq "a node dies with eight jobs: the map ends" "$(field "$map" state)" '"FINISHED"'
like "it tells how many failed" "$(future rpc status "{\"id\":$map}")" '"failed":8'
first=$(member first "$(future rpc status "{\"id\":$map}")")
for ((i = first; i < first + 1000; i++)); do
    echo "$((i - first + 1)) $(future rpc exception "{\"id\":$i}")"
done >"$TMPDIR/exceptions"
grep '"type":"WorkerLost"' "$TMPDIR/exceptions" | cut -d ' ' -f 1 >"$TMPDIR/lost"
eq "those that were on the node are told apart" "$(sort -n "$TMPDIR/lost" | tr '\n' ' ')" \
    "$(awk '$1 >= 300' "$work/crash.n2" | sort -n | tr '\n' ' ')"
eq "by their host" "$(grep '"type":"WorkerLost"' "$TMPDIR/exceptions" | grep -c '"host":"n2"')" 8
eq "all others are fine" "$(grep -c '"exception":null' "$TMPDIR/exceptions")" 992
eq "and each ran once" "$(cat "$work"/crash.n[12] | sort -n | tr '\n' ' ')" "$(seq 1000 | tr '\n' ' ')"
eq "the pool goes on" "$(future submit --pool cluster --wait -- hostname)" n1
ok "the daemon ends well" stop_daemon
finish

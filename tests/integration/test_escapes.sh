#!/bin/bash
# Jobs that are not where they are looked for, without control groups: one that stands still, one whose
# processes have groups or sessions of their own, one that writes without end.
set -u
source tests/support/shell.bash
source tests/support/daemon.bash
source tests/support/escape.bash

cat >"$TMPDIR/conf" <<'END'
[daemon]
job_cgroups = no
[limits]
output_total_bytes = 10000000
END
start_daemon "$TMPDIR" --config "$TMPDIR/conf" || exit 1

# job SCRIPT [ARG..]: submits it, and waits until it has written its pid to the file "pid".
job()
{
    rm -f "$TMPDIR/pid"
    id=$(cd "$TMPDIR" && future submit --cwd "$TMPDIR" -- bash -c "$@")
    until_true "the job runs" test -s "$TMPDIR/pid"
    pid=$(<"$TMPDIR/pid")
}

# shellcheck disable=SC2016  # for the job's shell
{
    # The shell's builtin stands still until somebody lets it go on.
    job 'trap "echo heard; exit 9" TERM; echo $$ >pid; kill -STOP $$; while :; do sleep 0.01; done'
    until_true "it stands still" grep -q '^State:.T' "/proc/$pid/status"
    future cancel --terminate --grace 1h "$id" >/dev/null
    ok "a job that stands still hears that it is to end" bash -c 'future wait "$1"; [[ $(future output "$1") == heard ]]' _ "$id"

    job 'set -m; sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >pid.new; mv pid.new pid; wait'
    status "a process has a group of its own" 1 test "$(ps -o pgid= -p "$pid" | xargs)" = "$(ps -o sid= -p "$pid" | xargs)"
    future cancel --terminate "$id" >/dev/null
    future wait "$id"
    until_true "it is of the session, and ends" gone "$pid"

    job "$(escape "$TMPDIR/pid"); sleep 1000"
    future cancel --terminate "$id" >/dev/null
    future wait "$id"
    until_true "one in another session is named" \
        grep -F "future $id (exec) was ended, and these have escaped: $pid (" "$daemon_log"
    status "and lives" 1 gone "$pid"
    job 'echo $$ >pid; exec sleep 1000'
    future cancel --terminate "$id" >/dev/null
    future wait "$id"
    status "who has ended long ago is not asked for it again" 1 \
        bash -c 'grep -F "future $1 (exec) was ended" "$2"' _ "$id" "$daemon_log"
    kill -KILL "$(grep -oP 'escaped: \K[0-9]+' "$daemon_log")"

    job 'echo $$ >pid; exec yes'
    future wait "$id" 2>/dev/null
    eq "one that writes without end is ended" "$(future exception "$id")" "OutputLimit: wrote more than 10000000 bytes"
    eq "and what it wrote at first is there" "$(future output "$id" | head -c 4 | xargs)" "y y"
    job 'echo $$ >pid; (setsid yes & ); sleep 1000'
    future wait "$id" 2>/dev/null
    eq "wherever that comes from" "$(future exception "$id")" "OutputLimit: wrote more than 10000000 bytes"
}
ok "the daemon ends" stop_daemon
finish

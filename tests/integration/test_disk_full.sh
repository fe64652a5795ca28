#!/bin/bash
# A disk that is really full, with nothing on it but the store: new work is refused with nothing
# taken, what runs ends, what is there is read, and all goes on when something is forgotten.
# shellcheck disable=SC2016  # the messages have such quotes
source tests/support/shell.bash
source tests/support/cli.bash
source tests/support/daemon.bash

# A disk of that size, from the first future to the last.
try_disk()
{
    local size=$1 dir=$TMPDIR/$1 held early taken bytes
    mkdir "$dir" "$dir/disk" "$dir/daemon"
    if ! mount -t tmpfs -o "size=$size,mode=700" none "$dir/disk" 2>/dev/null; then
        pass "no file system can be mounted here, so this is not tried"
        return
    fi
    mounted+=("$dir/disk")
    ln -s "$dir/disk" "$dir/daemon/state"
    start_daemon "$dir/daemon"

    blocked "held-$size"
    held=$(future submit -- "${gate[@]}")
    runs "held-$size"
    early=$(future submit --wait --json -- echo early | grep -c early)
    eq "something is done" "$early" 1

    # ---- full ----
    taken=0
    # To the last page: what is small may find room where what is large has not.
    for bytes in 200000 10000 100; do
        printf '{"fn":"echo","delay":3600,"args":{"text":"%s"}}' \
            "$(head -c "$bytes" /dev/zero | tr '\0' x)" >"$dir/params"
        while future rpc submit - <"$dir/params" >"$dir/reply" 2>"$dir/refusal"; do
            taken=$((taken + 1))
        done
    done
    like "the disk is full" "$(<"$dir/refusal")" 'Storage failed: No space left on device'
    ok "not at once" test "$taken" -gt 20
    eq "nothing of the refused one was taken" "$(future rpc info >/dev/null; future status --state pending --limit 1000 --format '{id}' | grep -c '')" "$taken"
    refuses "a map is refused as well, whole" 125 'Storage failed' future rpc map '{"fn":"echo","items":[1,2]}'
    like "it can be seen" "$(future stats)" 'THE DISK IS FULL'
    eq "what is there is read" "$(future result 2)" early
    release "held-$size" late
    eq "what runs ends, and is told" "$(future result "$held")" late

    # ---- killed as it is ----
    kill -KILL "$daemon_pid"
    wait "$daemon_pid" 2>/dev/null
    wait "$daemon_logger"
    start_daemon "$dir/daemon"
    eq "all of it is there again" "$(future status --state pending --limit 1000 --format '{id}' | grep -c '')" "$taken"
    eq "and what ended then" "$(future result "$held")" late

    # ---- room again ----
    future cancel all >/dev/null
    future rpc forget "{\"ids\":[[3,$((taken + 10))]]}" >/dev/null
    await is again future submit --wait -- echo again 2>/dev/null
    pass "it goes on without a restart"
    ok "and is full no more" test -z "$(future stats | grep FULL)"
    ok "the daemon ends" stop_daemon
}

mounted=()
trap 'umount -l "${mounted[@]}" 2>/dev/null; report_cases' EXIT
# One that has not got the room for the usual reserve, and one that has.
try_disk 16m
try_disk 80m
finish

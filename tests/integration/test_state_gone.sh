#!/bin/bash
# A state directory that goes away under a daemon: what cannot survive is not acknowledged, and the daemon
# ends and says why.
set -u
source tests/support/shell.bash
source tests/support/daemon.bash

# ends HOW: the daemon has ended by itself, with a failure.
ends()
{
    local code=0
    wait "$daemon_pid" || code=$?
    wait "$daemon_logger"
    eq "the daemon ends ($1)" "$code" 1
    like "and says why" "$(<"$daemon_log")" "error: .*the store in $2 is broken: its files have been moved or removed"
    status "no sanitizer has anything to say" 1 grep -A 40 -E 'runtime error:|Sanitizer:' "$daemon_log"
}

mkdir "$TMPDIR/a"
start_daemon "$TMPDIR/a" || exit 1
eq "it serves" "$(future submit --wait -- echo before)" before
rm -rf "$TMPDIR/a/state"
status "what is submitted to a removed directory is not acknowledged" 69 future --no-start submit -- echo after 2>/dev/null
ends "removed" "$TMPDIR/a/state"

mkdir "$TMPDIR/b"
start_daemon "$TMPDIR/b" || exit 1
id=$(future submit --delay 1h -- echo kept)
mv "$TMPDIR/b/state" "$TMPDIR/b/elsewhere"
status "nor to one that was moved away" 69 future --no-start submit -- echo after 2>/dev/null
ends "moved" "$TMPDIR/b/state"
mv "$TMPDIR/b/elsewhere" "$TMPDIR/b/state"
rm -f "$FUTURE_SOCKET" "$daemon_log"
start_daemon "$TMPDIR/b" || exit 1
like "and when it is back so is all that was acknowledged" "$(future status "$id")" PENDING
ok "the daemon ends" stop_daemon
finish

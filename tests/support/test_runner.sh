#!/bin/bash
# The runner of the tests sees what it is there to see: failures, silence, leftovers, hangs.
set -u
source tests/support/shell.bash

# verdict TEXT: runs a test script with this text; leaves the runner's lines in $output.
verdict()
{
    printf '%s\n' "$1" >"$TMPDIR/test_planted.sh"
    output=$(BUILD=$(dirname "$FUTURED") TEST_TIMEOUT=${2:-60} tests/support/run-tests \
        "$TMPDIR/test_planted.sh" 2>&1)
    code=$?
    count=$(tail -n 1 <<<"$output")
}

verdict 'echo "3 passed, 0 failed"'
eq "a good test: count" "$count" "3 passed, 0 failed"
eq "a good test: status" "$code" 0

verdict 'echo "100%: Checks: 5, Failures: 0, Errors: 0"; echo "100%: Checks: 2, Failures: 0, Errors: 0"'
eq "the runners of a Check program are added up" "$count" "7 passed, 0 failed"

verdict 'echo "50%: Checks: 4, Failures: 1, Errors: 1"; exit 1'
eq "failures and errors both count" "$count" "2 passed, 2 failed"
eq "a failure is the runner's status" "$code" 1
like "the log of a failing test is shown" "$output" '\| 50%: Checks: 4'

verdict 'echo "3 passed, 0 failed"; exit 1'
eq "a bad status is a failure whatever the test says" "$count" "3 passed, 1 failed"

verdict 'true'
eq "a test that checks nothing fails" "$count" "0 passed, 1 failed"

verdict 'kill -SEGV $$'
eq "a crash is a failure" "$count" "0 passed, 1 failed"
like "a crash is shown as such" "$output" 'exit status 139'

verdict 'setsid env -i sleep 600 & echo "1 passed, 0 failed"'
eq "a process left behind is a failure, whatever its session and environment" \
    "$count" "1 passed, 1 failed"
like "it is named" "$output" 'left behind: process [0-9]+ \((sleep|env|setsid)\)'
leftover=$(sed -n 's/.*left behind: process \([0-9]*\) .*/\1/p' <<<"$output" | head -n 1)
status "it is gone" 1 test -e "/proc/$leftover"

verdict 'mkfifo "$TMPDIR/never"; read -r _ <"$TMPDIR/never"' 1
eq "a test that hangs is ended" "$count" "0 passed, 1 failed"
like "and said to hang" "$output" 'not done after 1 seconds'

verdict 'touch "$TMPDIR/file"; echo "$TMPDIR"; echo "1 passed, 0 failed"; exit 1'
place=$(sed -n 's/^ *| \(\/.*\)/\1/p' <<<"$output")
like "the test has a directory of its own" "$place" "^$TMPDIR/.+"
status "which is removed" 1 test -e "$place"

verdict 'read -r line && echo "stdin has data"; echo "socket=${FUTURE_SOCKET-unset}"; exit 1'
like "the test has no stdin and no daemon of the caller" "$output" '\| socket=unset'

finish

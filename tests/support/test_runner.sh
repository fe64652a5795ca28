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

verdict 'for i in {1..300}; do echo "ok: case $i"; done; echo "FAILED: this one (line 7)"
    echo "    got:    a"; echo "    wanted: b"; echo "ok: behind it"; echo "300 passed, 1 failed"; exit 1'
status "what went well is left out" 1 grep -q 'ok: case 299' <<<"$output"
like "but for what comes before a failure" "$output" $'\\| ok: case 300\n +\\| FAILED: this one'
eq "the last lines say what failed" "$(tail -n 6 <<<"$output" | sed 's|/.*/||')" 'These failed:
  test_planted.sh: 1 failed, exit status 1
      FAILED: this one (line 7)
          got:    a
          wanted: b
300 passed, 1 failed'

verdict 'for i in {1..5000}; do echo "noise $i"; done; printf "%09999d\n" 1; echo "0 passed, 1 failed"; exit 1'
ok "a long log is cut" test "$(wc -l <<<"$output")" -lt 100
ok "and a long line" test "$(wc -L <<<"$output")" -lt 400
like "from the middle" "$output" $'noise 1\n.*lines are left out.*noise 5000\n.*0 passed, 1 failed'

verdict 'for i in {1..500}; do echo "FAILED: case $i"; done; echo "0 passed, 500 failed"; exit 1'
ok "of many failures a few are told again" test "$(sed '1,/^These failed/d' <<<"$output" | wc -l)" -lt 20
like "and how many more there are" "$output" 'and 488 lines more.*0 passed, 500 failed$'

verdict 'echo "tests/unit/test_x.c:12:F:core:test_y:0: no"; echo "0%: Checks: 1, Failures: 1, Errors: 0"; exit 1'
like "what failed of a Check program" "$output" $'These failed:\n.*\n      tests/unit/test_x.c:12:F:core:test_y:0: no\n0 p'

verdict 'echo "3 passed, 0 failed"; exit 1'
like "of a test that says nothing, its end" "$output" $'These failed:\n.*\n      3 passed, 0 failed\n3 passed'
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

# All steps, by a `make` that fails as it is told to.
mkdir -p "$TMPDIR/tree/.ci" "$TMPDIR/tree/tests/support" "$TMPDIR/bin"
cp .ci/run "$TMPDIR/tree/.ci/run"
printf '#!/bin/sh\nexit 77\n' >"$TMPDIR/tree/tests/support/check-cluster"
cat >"$TMPDIR/bin/make" <<'END'
#!/bin/bash
case $* in
*MODE=asan*) seq 100; echo "These failed:"; echo "  one: 1 failed"; seq -f '      FAILED: %g' 100
    echo "5 passed, 1 failed"; echo "make: *** [check] Error 1"; exit 2 ;;
lint) seq 1000; echo "x.c:1: wrong"; exit 2 ;;
*) seq 100 ;;
esac
END
chmod +x "$TMPDIR/bin/make" "$TMPDIR/tree/tests/support/check-cluster"
output=$(PATH="$TMPDIR/bin:$PATH" "$TMPDIR/tree/.ci/run" 2>&1)
eq "CI fails where a step does" "$?" 1
output=$(tail -n 60 <<<"$output")
like "its last 60 lines name the step and the case" "$output" \
    $'\nfailed: address and .*\n      one: 1 failed\n          FAILED: 1\n.*\nfailed: lint\n'
like "where nothing was counted they are the last ones" "$output" $'\n    1000\n    x.c:1: wrong\nNOT RUN: cluster\n'
eq "and then comes the count" "$(tail -n 1 <<<"$output")" "12 passed, 2 failed"

finish

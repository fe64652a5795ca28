# shellcheck shell=bash
# The service as it is installed, for tests with the assertions of shell.bash.

# run_installed HOW: tries the service in a systemd of its own; its cases are counted as ours. Where that
# cannot be it says so.
run_installed()
{
    local code=0 how=$1
    tests/support/boot "$TMPDIR" bash tests/support/installed-service.sh "$how" >"$TMPDIR/$how.out" 2>"$TMPDIR/$how.err" ||
        code=$?
    if ((code == 77)); then
        echo "SKIPPED: the installed service ($how) could not be tried: $(<"$TMPDIR/$how.err")"
        return
    fi
    cat "$TMPDIR/$how.out" "$TMPDIR/$how.err"
    read -r passed _ failed _ < <(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$TMPDIR/$how.out")
    cases_passed=$((cases_passed + ${passed:-0}))
    cases_failed=$((cases_failed + ${failed:-0}))
    eq "the service, by $how" "$code" 0
}

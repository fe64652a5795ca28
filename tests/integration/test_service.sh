#!/bin/bash
# The units, as systemd sees them, and the installed service with a systemd that runs. `make check-long`
# does the same with the Debian packages.
set -u
source tests/support/shell.bash
source tests/support/install.bash

prefix=$TMPDIR/prefix
units=$prefix/lib/systemd
ok "it is installed" install_into "$prefix"
export XDG_RUNTIME_DIR=$TMPDIR

eq "systemd finds nothing to say about the units" \
    "$(systemd-analyze verify --man=no "$units"/system/futured.{service,socket} 2>&1)" ""
eq "nor about those for users" "$(systemd-analyze --user verify --man=no "$units"/user/futured.{service,socket} 2>&1)" ""
exposure=$(systemd-analyze security --offline=true --threshold=26 "$units/system/futured.service" --no-pager)
code=$?
eq "the exposure is 2.6 or better (${exposure##*futured.service: })" "$code" 0
mkdir "$units/system/futured.service.d"
cp "$prefix/share/doc/futured/examples/handler-only.conf" "$units/system/futured.service.d"
eq "nothing to say with the drop-in for handlers" \
    "$(systemd-analyze verify --man=no "$units/system/futured.service" 2>&1)" ""
exposure=$(systemd-analyze security --offline=true --threshold=10 "$units/system/futured.service" --no-pager)
code=$?
eq "the exposure is 1.0 or better then (${exposure##*futured.service: })" "$code" 0
mkdir "$TMPDIR/root"
like "a user would be made" "$(systemd-sysusers --root="$TMPDIR/root" --dry-run "$prefix/lib/sysusers.d/futured.conf" 2>&1)" \
    "user 'futured'"

# run HOW: its cases are counted as ours.
run()
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
run install

if [[ -n ${FUTURED_LONG:-} ]]; then
    ok "the Debian packages are built, without an error for lintian" \
        make --no-print-directory BUILD="$(dirname "$FUTURED")" deb
    ((cases_failed > 0)) || run deb
fi
finish

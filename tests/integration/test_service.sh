#!/bin/bash
# The units, as systemd sees them, and the installed service with a systemd that runs.
set -u
source tests/support/shell.bash
source tests/support/install.bash
source tests/support/installed.bash

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

run_installed install

finish

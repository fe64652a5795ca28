#!/bin/bash
# Where the state lies: what is said on the command line, in the configuration, by the service
# manager and by the user, in that order.
source tests/support/shell.bash

mkdir "$TMPDIR/home"
printf '[daemon]\nstate_dir = %s/configured\n' "$TMPDIR" >"$TMPDIR/conf"

# has NAME DIRECTORY [VARIABLE=VALUE...] -- [OPTION...]: the daemon makes that directory, and no other.
has()
{
    local name=$1 directory=$2 environment=()
    shift 2
    while [[ $1 != -- ]]; do
        environment+=("$1")
        shift
    done
    shift
    mkfifo "$TMPDIR/ready"
    env -u STATE_DIRECTORY -u XDG_STATE_HOME HOME="$TMPDIR/home" "${environment[@]}" \
        "$FUTURED" --socket "$TMPDIR/socket" --ready-fd 9 "$@" 9>"$TMPDIR/ready" 2>/dev/null &
    read -r _ <"$TMPDIR/ready"
    ok "$name" test -e "$TMPDIR/$directory/futured.db"
    eq "... for nobody else" "$(stat -c %a "$TMPDIR/$directory")" 700
    kill %%
    status "... until its end" 0 wait %%
    rm -r "${TMPDIR:?}/$directory" "$TMPDIR/ready"
    eq "... and nowhere else" "$(find "$TMPDIR" -name futured.db)" ''
}

manager=STATE_DIRECTORY=$TMPDIR/managed:$TMPDIR/other
user=XDG_STATE_HOME=$TMPDIR/xdg
has "the command line" given "$manager" "$user" -- --config "$TMPDIR/conf" --state-dir "$TMPDIR/given"
has "the configuration" configured "$manager" "$user" -- --config "$TMPDIR/conf"
has "the first one of the service manager's" managed "$manager" "$user" --
has "the user's" xdg/futured "$user" --
if (($(id -u) != 0)); then
    has "the usual place" home/.local/state/futured --
fi
finish

#!/bin/bash
# The soft limit of open files that shells and service managers give is too low for a daemon with
# many clients and jobs: it uses all it may have, and its jobs get what was given.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] ||
    { ulimit -Sn 64 && exec tests/support/with-daemon --max-workers 40 -- bash "$0"; }
set -u
source tests/support/shell.bash
source tests/support/daemon.bash

read -r soft hard < <(awk '/^Max open files/ { print $4, $5 }' "/proc/$FUTURED_PID/limits")
eq "the daemon takes what it may have" "$soft" "$hard"
eq "a job has the limit of before" "$(future submit --wait -- sh -c 'ulimit -Sn; ulimit -Hn')" \
    "64"$'\n'"$hard"
limits='{"fn":"exec","args":{"argv":["sh","-c","ulimit -n"],"limits":{"nofile":50}}}'
future rpc submit "$limits" >/dev/null
eq "or the one that it asks for" "$(future result 2)" 50

# Each holds its descriptors until all run.
mkfifo "$TMPDIR/started" "$TMPDIR/go"
exec 5<>"$TMPDIR/started" 6<>"$TMPDIR/go"
seq 40 | future map -- sh -c 'echo >"$0"; head -c 1 <"$1"' \
    "$TMPDIR/started" "$TMPDIR/go" {} >"$TMPDIR/out" &
for ((i = 0; i < 40; i++)); do
    read -r -t 60 -u 5 || break
done
eq "40 jobs run at once" "$i" 40
printf '%40s' '' >&6
status "and all succeed" 0 wait $!
eq "with their outputs" "$(wc -c <"$TMPDIR/out")" 40

# Where no clone3 is to be had, a child begins with a copy of all descriptors.
printf '#!/bin/sh\nexec tests/support/without-clone3 %q "$@"\n' "$(command -v futured)" >"$TMPDIR/futured"
chmod +x "$TMPDIR/futured"
mkdir "$TMPDIR/old"
FUTURED=$TMPDIR/futured start_daemon "$TMPDIR/old" || exit 1
eq "jobs have the three of theirs there too" "$(future submit --wait -- ls /proc/self/fd)" $'0\n1\n2\n3'
eq "what they write and how they end is told" \
    "$(future submit --wait -- sh -c 'echo out; echo err >&2; exit 3' 2>&1; echo $?)" $'out\nerr\n3'
like "a program that is missing as well" "$(future submit --wait -- no-such-program-here 2>&1)" "No such file"
ok "the daemon ends" stop_daemon

finish

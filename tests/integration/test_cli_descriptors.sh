#!/bin/bash
# What the programs do where their stdin, stdout or stderr is closed, full, or has no reader: an
# output that is lost is an error, and nothing ever goes to a socket or a file instead.
source tests/support/shell.bash
source tests/support/daemon.bash
source tests/support/cli.bash
start_daemon "$TMPDIR" || exit

# closed COMMAND...: runs it with a closed stdout and sets code and err.
closed()
{
    code=0
    timeout 60 "$@" >&- 2>"$TMPDIR/err" </dev/null || code=$?
    err=$(<"$TMPDIR/err")
}

full() { code=0 && timeout 60 "$@" >/dev/full 2>"$TMPDIR/err" </dev/null || code=$? && err=$(<"$TMPDIR/err"); }

future submit --wait -- echo hello >/dev/null
future submit --wait -- false >/dev/null || true
lines=(
    'submit true' 'submit --wait echo x' 'submit --dry-run true' 'run echo x' 'call sleep {"seconds":0}'
    'call --detach sleep {"seconds":0}' 'map echo ::: a b' 'map --json echo ::: a' 'map --no-order echo ::: a'
    'map --detach echo ::: a' 'map --dry-run echo ::: a' 'map --fn echo ::: a'
    status 'status 1' 'status --json' 'status --format {id}' 'show 1' 'result 1' 'exception 2' 'wait --any 1'
    'wait --json 1' 'cancel 1' 'output 1' 'follow 1' 'explain 1' 'events --count 1 --since 0'
    'forget --dry-run 1' 'pool' 'pool --json' 'pause --json' 'resume --json' 'info' 'info --json' 'ping'
    'stats' 'stats --prometheus' 'trace' 'dump' 'rpc ping' 'top --once' 'completion bash' 'help' 'help map'
    '--help' '--version')
for line in "${lines[@]}"; do
    # shellcheck disable=SC2086  # words
    closed future $line
    like "future $line, with stdout closed" "$code:$err" '^125:(.*)future: .*Bad file descriptor'
    # shellcheck disable=SC2086  # words
    full future $line
    like "future $line, with stdout full" "$code:$err" '^125:(.*)future: .*No space left on device'
done

closed future retry 2
like "future retry, with stdout closed" "$code:$err" '^125:(.*)Bad file descriptor'
future wait 2 || true # it is to be done again
full future retry 2
like "future retry, with stdout full" "$code:$err" '^125:(.*)No space left on device'

closed future submit --label lost -- true
id=$(future status --label lost --format '{id}')
like "submit names the future whose id was lost" "$err" "future $id was submitted"
for line in 'wait 1' drain 'output --stream stderr 1' 'result 3'; do
    # shellcheck disable=SC2086  # words
    closed future $line
    eq "future $line has nothing to print" "$code:$err" '0:'
done

capture timeout 60 future map -- echo <&-
like "map without a stdin" "$code:$out:$err" '^125::(.*)Bad file descriptor'
capture timeout 60 future submit --stdin - -- cat <&-
like "submit --stdin - without a stdin" "$code:$out:$err" '^125::(.*)Bad file descriptor'
gives "no stderr: it is not wanted" 0 'out' \
    bash -c 'exec future run -- sh -c "echo err >&2; echo out" 2>&-'
gives "none of the three" 0 '' bash -c 'exec future wait 1 <&- >&- 2>&-'

# Nobody reads: the end is that of any program, or says so where SIGPIPE is ignored.
mkfifo "$TMPDIR/pipe"
# To a pipe whose reader has gone before.
# shellcheck disable=SC2016  # the shell's own
unread='exec {both}<>"$TMPDIR/pipe" {to}>"$TMPDIR/pipe" {both}>&-; future status >&$to; echo $?'
gives "nobody reads" 0 141 bash -c "$unread"
gives "nobody reads, and the signal is ignored" 0 141 bash -c "trap '' PIPE; $unread"

closed future-tsp echo x
like "future-tsp without a stdout" "$code:$err" '^255:tsp: .*Bad file descriptor'
closed future-tsp -l
like "future-tsp -l without a stdout" "$code:$err" '^255:tsp: .*Bad file descriptor'

# The daemon: what it opens has other numbers than those that its log and its jobs write to.
FUTURE_SOCKET=$TMPDIR/second.sock futured --socket "$TMPDIR/second.sock" --state-dir "$TMPDIR/second" <&- >&- 2>&- &
second=$!
await future --socket "$TMPDIR/second.sock" ping >/dev/null 2>&1
for fd in 0 1 2; do
    eq "descriptor $fd of a daemon that was started without" "$(readlink "/proc/$second/fd/$fd")" /dev/null
done
gives "its jobs run" 0 hello future --socket "$TMPDIR/second.sock" submit --wait -- echo hello
kill -TERM "$second"
status "it ends in order" 0 wait "$second"

ok "the daemon ends in order" stop_daemon
finish

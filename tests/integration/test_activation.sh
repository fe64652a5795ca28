#!/bin/bash
# What the daemon and a service manager say to each other, with systemd's own program that passes sockets
# and a stand-in for the one that listens; and the log as programs read it.
set -u
source tests/support/shell.bash
source tests/support/notify.bash
source tests/support/daemon.bash

# ---- socket activation ----

notify_start
socket=$TMPDIR/activated.sock
mkfifo "$TMPDIR/stderr"
systemd-socket-activate --listen="$socket" -E NOTIFY_SOCKET -E CONFIGURATION_DIRECTORY -E PATH -E TMPDIR \
    -E WATCHDOG_USEC=400000 -E STATE_DIRECTORY="$TMPDIR/state" "$FUTURED" --log-level debug 2>"$TMPDIR/stderr" &
activator=$!
exec {stderr}<"$TMPDIR/stderr"
read -r -t 60 -u "$stderr" line
like "the socket is there before the daemon" "$line" "Listening on $socket"
cat <&"$stderr" >"$TMPDIR/log" &
logger=$!
inode=$(stat -c %i "$socket")
export FUTURE_SOCKET=$socket
# The pid stays: it becomes the daemon by exec. Without WATCHDOG_PID the watchdog is meant for it.
eq "a client starts the daemon" "$(future submit --wait -- echo activated)" activated
eq "which is the process that listened" "$(readlink "/proc/$activator/exe")" "$(readlink -f "$FUTURED")"
ok "it says when it is ready" notify_wait '^READY=1$'
ok "and what it does" notify_wait '^STATUS=[01] running, 0 pending$'
ok "the watchdog is fed" notify_wait '^WATCHDOG=1$'
ok "again and again" notify_wait '^WATCHDOG=1$'

mkfifo "$TMPDIR/gate" "$TMPDIR/runs"
running=$(future submit -- sh -c "echo >$TMPDIR/runs; read x <$TMPDIR/gate")
read -r _ <"$TMPDIR/runs"
future pool set one max_workers=1 >/dev/null
future pause one >/dev/null
future submit --pool one -- true >/dev/null
ok "running and pending ones are counted" notify_wait '^STATUS=1 running, 1 pending$'
future rpc shutdown '{"wait":false,"keep_pending":true}' >/dev/null
ok "the status tells the end" notify_wait '^STATUS=stopping: 1 running, 1 pending$'
kill -TERM "$activator"
ok "it says that it stops, and how long that may take" notify_wait '^STOPPING=1 \| EXTEND_TIMEOUT_USEC=20000000$'
ok "the watchdog is fed until the end" notify_wait '^WATCHDOG=1$'
echo go >"$TMPDIR/gate"
status "it ends in order" 0 wait "$activator"
status "no sanitizer has anything to say" 1 grep -A 40 -E 'runtime error:|Sanitizer:' "$TMPDIR/log"
wait "$logger"
eq "the inherited socket was neither unlinked nor bound anew" "$(stat -c %i "$socket")" "$inode"
status "and no file was put beside it" 1 test -e "$socket.lock"
ok "the log tells of futures that start" grep -qE "debug: future $running \(exec\) runs in pool default, attempt 1" "$TMPDIR/log"
ok "... and end" grep -qE "debug: future 1 \(exec\) has finished" "$TMPDIR/log"
unset NOTIFY_SOCKET FUTURE_SOCKET
notify_stop

# What is no listening Unix stream socket is refused.
systemd-socket-activate --listen="$TMPDIR/datagram" --datagram "$FUTURED" --state-dir "$TMPDIR/state" 2>"$TMPDIR/log" &
activator=$!
await test -S "$TMPDIR/datagram"
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", sys.argv[1])' "$TMPDIR/datagram"
status "another kind of socket is refused" 1 wait "$activator"
ok "... with a reason" grep -q 'what the service manager passed is no listening Unix stream socket' "$TMPDIR/log"

# ---- the log as JSON ----

states=() # one for each daemon
# start OPTION...: a daemon whose log comes line by line from $log.
start()
{
    mkfifo "$TMPDIR/log.fifo"
    states+=(one)
    export FUTURE_SOCKET=$TMPDIR/json.sock
    "$FUTURED" --socket "$FUTURE_SOCKET" --state-dir "$TMPDIR/state-${#states[@]}" "$@" 2>"$TMPDIR/log.fifo" </dev/null &
    daemon=$!
    exec {log}<"$TMPDIR/log.fifo"
    rm "$TMPDIR/log.fifo"
}

next() { IFS= read -r -t 60 -u "$log" line; }

printf '[daemon]\nlog_format = json\n' >"$TMPDIR/json.conf"
start --config "$TMPDIR/json.conf"
next
eq "the ready line is JSON, too" "$(jq -r '[.level, (.message | sub("/.*/"; "")), (.time > 1.7e9)] | join(" ")' <<<"$line" | sed 's/ (pid.*)/ ()/')" \
    "info ready on json.sock () true"
future call sleep '{"seconds": "x"}' >/dev/null 2>&1
future submit --wait --retry 1 --retry-delay 0.01 -- sh -c 'exit 3'
next
eq "a future that fails and is tried again" "$(jq -c '[.level, .future, .pool, .fn, .exception, .message]' <<<"$line")" \
    '["info",1,"default","exec","ExitStatus","future 1 (exec) failed and is tried again: ExitStatus: exited with status 3"]'
next
eq "a future that fails" "$(jq -c '[.level, .future, .pool, .fn, .exception, .message]' <<<"$line")" \
    '["info",1,"default","exec","ExitStatus","future 1 (exec) failed: ExitStatus: exited with status 3"]'
future submit --wait -- $'/no/such\nprogram\xc3\xa9' 2>/dev/null
next
eq "no byte of a client's breaks the line" "$(jq -r '.message' <<<"$line")" \
    "$(printf 'future 2 (exec) failed: SpawnError: cannot run /no/such?program\xc3\xa9: No such file or directory')"
future submit --wait -- "/$(printf '\xc3\xa9%.0s' {1..700})" 2>/dev/null
next
ok "a cut in the middle of a character leaves it JSON" jq -e '.message | endswith("...")' <<<"$line"
kill -TERM "$daemon"
while next; do ok "each line is JSON" jq -e .message <<<"$line"; done
status "the end is in order" 0 wait "$daemon"
exec {log}<&-

# ---- the rate ----

printf '[daemon]\nlog_burst = 3\nlog_interval = 3600\n' >"$TMPDIR/rate.conf"
start --config "$TMPDIR/rate.conf"
next
for _ in {1..8}; do future submit --wait -- false; done
# Other settings begin another interval, and what was left out is told then.
printf '[daemon]\nlog_burst = 3\nlog_interval = 0.001\n' >"$TMPDIR/rate.conf"
kill -HUP "$daemon"
future ping >/dev/null
future submit --wait -- false
kill -TERM "$daemon"
seen=()
while next; do seen+=("$line"); done
status "the end is in order" 0 wait "$daemon"
eq "so many are written" "$(printf '%s\n' "${seen[@]}" | grep -c 'failed: ')" 4
like "the others are counted" "${seen[3]}" 'info: 5 messages of this level were left out: too many at once'
finish

# shellcheck shell=bash
# A service manager for tests: what a daemon says by sd_notify. It is gone with the script.

# notify_start: listens, and exports NOTIFY_SOCKET. What comes is appended to $TMPDIR/notified.
notify_start()
{
    export NOTIFY_SOCKET=$TMPDIR/notify.sock
    : >"$TMPDIR/notified"
    mkfifo "$TMPDIR/notify.fifo"
    python3 tests/support/notify.py "$NOTIFY_SOCKET" >"$TMPDIR/notify.fifo" &
    notify_pid=$!
    exec {notify_fd}<"$TMPDIR/notify.fifo"
    notify_wait '^listening$'
}

# notify_wait REGEX: reads on until a message matches, and leaves it in notify_line. The bound is for a
# daemon that hangs.
notify_wait()
{
    while IFS= read -r -t 60 -u "$notify_fd" notify_line; do
        echo "$notify_line" >>"$TMPDIR/notified"
        [[ ! $notify_line =~ $1 ]] || return 0
    done
    echo "the daemon did not say $1; it has said:" >&2
    cat "$TMPDIR/notified" >&2
    return 1
}

notify_stop()
{
    kill "$notify_pid"
    wait "$notify_pid" 2>/dev/null
    exec {notify_fd}<&-
}

# shellcheck shell=bash
# A private daemon for scripts: start_daemon, stop_daemon. Both return non-zero with a message on
# stderr when something is wrong.

# start_daemon DIRECTORY [OPTION...]: starts futured with its socket and state in the directory and
# returns when it is ready. Sets daemon_pid, daemon_log and daemon_ready (its ready line), and
# exports FUTURE_SOCKET.
start_daemon()
{
    local dir=$1 line
    shift
    daemon_log=$dir/futured.log
    daemon_ready=
    export FUTURE_SOCKET=$dir/futured.sock

    mkfifo "$dir/stderr" || return
    "${FUTURED:-futured}" --socket "$FUTURE_SOCKET" --state-dir "$dir/state" "$@" \
        </dev/null 2>"$dir/stderr" &
    daemon_pid=$!
    exec {daemon_stderr}<"$dir/stderr"
    rm "$dir/stderr"

    # The bound is for a daemon that hangs; the line itself, or the end of the file, is the fact.
    while IFS= read -r -t 60 -u "$daemon_stderr" line; do
        printf '%s\n' "$line" >>"$daemon_log"
        if [[ $line == *"futured: ready on "* ]]; then
            # shellcheck disable=SC2034  # for the caller
            daemon_ready=$line
            cat <&"$daemon_stderr" >>"$daemon_log" &
            daemon_logger=$!
            exec {daemon_stderr}<&-
            return 0
        fi
    done
    echo "the daemon did not get ready:" >&2
    cat "$daemon_log" >&2 2>/dev/null
    kill -KILL "$daemon_pid" 2>/dev/null
    return 1
}

# stop_daemon: ends it with SIGTERM (it may have ended already) and wants exit status 0 and no
# report of a sanitizer.
stop_daemon()
{
    local code=0
    kill -TERM "$daemon_pid" 2>/dev/null
    wait "$daemon_pid" || code=$?
    wait "$daemon_logger"
    if ((code != 0)) || grep -Eq 'runtime error:|(ERROR|WARNING): [A-Za-z]+Sanitizer' "$daemon_log"; then
        echo "the daemon ended with exit status $code; its log:" >&2
        cat "$daemon_log" >&2
        return 1
    fi
}

#!/bin/bash
# A first session with futured, to watch: starts a private daemon in a temporary directory, gives
# it work of several kinds, and shuts it down. Every command is shown as you would type it.
# `make run` calls this with the built programs in PATH.
# shellcheck disable=SC2016  # the variables in the jobs are the jobs' own
set -u

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/daemon.bash
source tests/support/daemon.bash

dir=$(mktemp -d) || exit 1
trap 'kill -TERM "${daemon_pid:-}" 2>/dev/null; rm -rf "$dir"' EXIT

if [[ -t 1 ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

step=0
explain()
{
    step=$((step + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$step" "$1" "$plain"
    shift
    (($# == 0)) || printf '   %s\n' "$@"
}

# typed WORD...: the command as one would type it.
typed()
{
    local word line='$'
    for word in "$@"; do
        if [[ ! $word =~ ^[[:alnum:]_./:,{}=@%+-]+$ ]]; then
            word="'${word//\'/\'\\\'\'}'"
        fi
        line+=" $word"
    done
    printf '%s%s%s\n' "$bold" "$line" "$plain"
}

# wanted CODE COMMAND...: shows it, runs it, and stops the session where it ends otherwise.
wanted()
{
    local code=0 expected=$1
    shift
    typed "$@"
    "$@" || code=$?
    if ((code != expected)); then
        printf '\nThis should have ended with status %d, but ended with %d. The daemon said:\n' \
            "$expected" "$code"
        cat "$daemon_log"
        exit 1
    fi
    ((code == 0)) || printf '%s(exit status %d)%s\n' "$dim" "$code" "$plain"
}

run() { wanted 0 "$@"; }

# submit WORD..., map WORD...: shows and runs `future submit ...` and keeps the id that it prints.
submit() { keep_id submit "$@"; }
map() { keep_id map "$@"; }
keep_id()
{
    typed future "$@"
    id=$(future "$@") || exit 1
    echo "$id"
}

explain "The daemon owns the worker threads. This one is private; its socket lies in $dir."
typed futured --socket "$dir/futured.sock" --state-dir "$dir/state" --max-workers 4 '&'
start_daemon "$dir" --max-workers 4 || exit 1
echo "$daemon_ready"
run future ping

explain "Submit a command. The answer is the id of its future, at once; ask for the result with it."
submit -- echo "hello from a worker thread"
run future result "$id"

explain "A command that fails ends in an exception. \`result\` hands on its output and its exit code;" \
    "\`exception\` says what went wrong."
submit -- sh -c 'echo "no room on the shelf" >&2; exit 7'
wanted 7 future result "$id"
run future exception "$id"

explain "One command over many files: the workers share them, the output comes in the order of the items." \
    "The items may come on stdin too:  ls proto/*.h | future map -- sha256sum {}"
run future map -- sha256sum '{}' ::: proto/*.h

explain "The same as work in the background, with its progress."
map --detach --label lines -- sh -c 'sleep 0.2; wc -l "$0"' '{}' ::: daemon/core/*.h
run future status "$id"
run future wait "$id"
run future status "$id"

explain "Follow futures while they run: nobody polls, the daemon tells each end as a line of JSON."
submit --label nightly -- sh -c 'for i in 1 2 3; do echo "step $i"; sleep 0.3; done'
first=$id
submit --label nightly -- sleep 0.5
run future output --follow "$first"
run future events --count 2 "$first" "$id"

explain "Look around."
run future status
run future info

explain "Shut down: takes no more work, finishes what is there, ends the daemon."
run future shutdown
stop_daemon || exit 1
echo "The daemon has ended with exit status 0."

cat <<END

${bold}How to go on from there${plain}
   build/futured &                    a daemon of your own, on its default socket
   build/future submit -- COMMAND     ... and work for it
   build/future --help                everything else that the client can do
   README.md                          the quick start; proto/PROTOCOL.md: the socket, for any language
   make check                         all tests
END

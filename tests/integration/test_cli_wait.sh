#!/bin/bash
# future wait and cancel: what is waited for, what is told, the exit statuses.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 2 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

fine=$(future submit -- true)
bad=$(future submit -- false)

# ---- wait ----
gives "all fine" 0 '' future wait "$fine"
gives "one failed" 123 '' future wait "$fine,$bad"
gives "ids in several words" 123 '' future wait "$fine" "$bad"
gives "a range" 123 '' future wait "$fine-$bad"
capture future wait --json "$fine" "$bad"
eq "--json" "$code:$out" "123:{\"done\":[$fine,$bad],\"not_done\":[]}"
refuses "an unknown id" 125 'wait: Not found' future wait 123456789

blocked one
blocked_one=$(future submit -- "${gate[@]}")
blocked two
blocked_two=$(future submit -- "${gate[@]}")
runs one
runs two
pending=$(future submit -- true)
refuses "--timeout" 124 'timed out: 2 of 3 are not done' \
    future wait --timeout 0.01 "$fine" "$blocked_one" "$blocked_two"
refuses "--timeout 0 looks" 124 '1 of 1 ' future wait -t 0 "$pending"
gives "--any with one that is done" 0 "$fine" future wait --any "$blocked_one" "$fine"
gives "--any with one that failed" 123 "$bad" future wait --any "$blocked_one" "$bad"
refuses "--any with none" 124 'timed out: 2 of 2' \
    future wait --any --timeout 0 "$blocked_one" "$blocked_two"
gives "--first-exception" 123 "$bad" future wait --first-exception "$blocked_one" "$bad"
capture future wait --first-exception --timeout 0 "$blocked_one" "$fine"
eq "--first-exception without one" "$code:$out" "124:$fine"

# ---- cancel ----
gives "a pending one" 0 "$pending cancelled" future cancel "$pending"
gives "again" 0 "$pending cancelled" future cancel "$pending"
gives "a running one" 1 "$blocked_one not cancelled: it is running (--terminate ends it)" \
    future cancel "$blocked_one"
gives "a done one" 1 "$fine not cancelled: it is done already" future cancel "$fine"
gives "waiting for a cancelled one" 123 '' future wait "$fine" "$pending"
more=$(future submit -- true)
gives "several with different fates" 1 \
    "$fine not cancelled: it is done already"$'\n'"$more cancelled" future cancel "$fine" "$more"
capture future cancel --json "$more"
like "--json" "$code:$out" "^0:\{\"futures\":\[\{\"id\":$more,\"cancelled\":true,"
refuses "an unknown one" 125 'cancel: Not found' future cancel 123456789

gives "--terminate" 0 "$blocked_one terminating" \
    future cancel --terminate --reason 'no longer wanted' "$blocked_one"
refuses "it ends with Terminated" 125 'Terminated: ' future result "$blocked_one"
like "the reason is told" "$err" 'no longer wanted'
gives "--signal and --grace" 0 "$blocked_two terminating" \
    future cancel -t --signal SIGINT --grace 1m "$blocked_two"
gives "it was that signal" 125 'Terminated' bash -c \
    'future exception "$1" | cut -d: -f1; future result "$1" 2>/dev/null' x "$blocked_two"
capture future exception --json "$blocked_two"
eq "the signal in the data" "$(member signal "$out")" '"SIGINT"'

blocked three
mapfile -t words < <(printf '%s\n' sh -c 'trap "" TERM; echo >"$1.started"; read x <"$1.go"' x "$TMPDIR/three")
stubborn=$(future submit -- "${words[@]}")
runs three
gives "one that ignores the signal" 0 "$stubborn terminating" \
    future cancel --terminate --grace 0.05 "$stubborn"
status "is killed after the grace" 123 future wait "$stubborn"
refuses "an unknown signal" 125 'Invalid params' future kill --signal NOPE "$fine"

blocked four
number=$(future submit -- "${gate[@]}")
runs four
status "--signal as a number" 0 future cancel -t --signal 9 "$number"
status "and it is gone" 123 future wait "$number"

finish

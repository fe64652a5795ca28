#!/bin/bash
# Jobs that wait for what is queued behind them: the pool stands still, and the daemon, its log and
# the command line say so, and nothing is ended for it.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 1 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

mkfifo "$TMPDIR/log" "$TMPDIR/inner"
tail -n +1 -f "$FUTURED_LOG" >"$TMPDIR/log" &
tailing=$!
exec {log}<"$TMPDIR/log"

# logged TEXT: returns with the next line of the log that holds it.
logged()
{
    while IFS= read -r -u "$log" line; do
        [[ $line == *"$1"* ]] && return
    done
    return 1
}

# A job that submits another one to its own pool, tells its id, and then does with it as it is told.
# outer COMMAND...: sets outer and inner.
outer()
{
    outer=$(future submit -- sh -c 'id=$(future submit -- echo inner)
        echo "$id" >"$1"; shift; exec "$@" "$id"' x "$TMPDIR/inner" "$@")
    read -r inner <"$TMPDIR/inner"
}

# ---- result and wait ----
for command in "result" "wait" "exception"; do
    outer future "$command"
    ok "$command: the log says it" logged "pool default: deadlock: each of its 1 workers waits"
    ok "$command: and who waits" logged "future $outer waits for future $inner"
    eq "$command: so does the future" "$(field "$inner" deadlock)" true
    eq "$command: which is pending" "$(field "$inner" state)" '"PENDING"'
    eq "$command: not the one that runs" "$(field "$outer" deadlock)" ''
    like "$command: the list" "$(future status "$inner")" 'deadlocked'
    like "$command: the explanation" "$(future explain "$inner")" 'stands still'
    # One more worker, and all goes on.
    future rpc pool.set '{"pool":"default","max_workers":2}' >/dev/null
    status "$command: nothing was ended" 0 future wait "$outer" "$inner"
    eq "$command: and it is over" "$(field "$inner" deadlock)" ''
    future rpc pool.set '{"pool":"default","max_workers":1}' >/dev/null
done

# ---- a map ----
map=$(future submit -- sh -c 'exec future map -- echo ::: a b')
ok "a map: the log" logged "deadlock"
eq "a map: no item runs" "$(future rpc status "{\"id\":$((map + 1))}" | grep -c '"pending":2')" 1
future cancel --terminate "$map" >/dev/null
future wait all >/dev/null

# ---- what is no deadlock ----
blocked gate
other=$(future submit -p default -- "${gate[@]}")
runs gate
queued=$(future submit -- true)
like "a worker that works" "$(field "$queued" deadlock)" '^$'
release gate
future wait "$other" "$queued"
outer future wait --any "$other"
status "one of several can come" 0 future wait "$outer" "$inner"
outer future result --timeout 0.01
status "a wait with an end" 0 future wait "$inner"

kill "$tailing"
finish

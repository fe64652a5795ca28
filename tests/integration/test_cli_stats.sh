#!/bin/bash
# future stats, for people and for Prometheus; future trace; future update; what explain says of it.
# shellcheck disable=SC2016  # scripts of jobs, programs of jq
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 1 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

# sample NAME: its value, as the strict reader has read it.
sample() { future stats --prometheus | tests/support/exposition.py | grep -F "$1 " | sed 's/.* //'; }

# ---- a new daemon ----
capture future stats
like "a row for the pool" "$code:$out" $'^0:POOL +WORKERS +RUNNING .*\ndefault +0/1 +0 +0 +0 +0 +0 +0 +- +- +- +-\n'
like "and the daemon" "$out" 'up [0-9]+s; 1 connections, [0-9]+ so far; [0-9]+ requests, 0 errors'
future stats --prometheus >"$TMPDIR/prom"
ok "the format is kept from the start" tests/support/exposition.py <"$TMPDIR/prom"

# ---- what has run ----
good=$(future submit --label good -- true)
bad=$(future submit --label bad -- sh -c 'exit 3')
future wait "$good" "$bad"
blocked gate
held=$(future submit -- "${gate[@]}")
runs gate
waits=$(future submit -- true)
eq "submitted" "$(sample 'futured_futures_submitted_total{pool="default"}')" 4
eq "results" "$(sample 'futured_futures_done_total{outcome="result",pool="default"}')" 1
eq "exceptions" "$(sample 'futured_futures_done_total{outcome="exception",pool="default"}')" 1
eq "pending" "$(sample 'futured_futures{pool="default",state="pending"}')" 1
eq "running" "$(sample 'futured_futures{pool="default",state="running"}')" 1
eq "kept" "$(sample 'futured_futures_kept{state="finished"}')" 2
eq "workers" "$(sample 'futured_workers{pool="default"}')" 1
eq "their limit" "$(sample 'futured_workers_max{pool="default"}')" 1
eq "those that run" "$(sample 'futured_workers_running{pool="default"}')" 1
eq "run times" "$(sample 'futured_run_seconds_count{pool="default"}')" 2
eq "queue waits" "$(sample 'futured_queue_wait_seconds_count{pool="default"}')" 3
eq "clients" "$(sample 'futured_connections{}')" 1
eq "requests" "$(sample 'futured_requests_total{method="submit"}')" 4
ok "no limit was hit" test "$(sample 'futured_limit_hits_total{limit="pending"}')" = 0
future pool set $'a"b\\c' max_workers=1 >/dev/null
ok "a pool with an odd name" test "$(sample 'futured_workers_max{pool="a\"b\\c"}')" = 1
capture future stats
like "the row of a pool that has worked" "$out" $'\ndefault +1/1 +1 +1 +1 +1 +0 +0 +[0-9.]+(us|ms|s) +[<>]=?[0-9.]+(us|ms|s) +[0-9.]+(us|ms|s) +[<>]=?[0-9.]+(us|ms|s)\n'
future pool set small queue_limit=1 >/dev/null
future pool pause small >/dev/null
future submit --pool small -- true >/dev/null
capture future submit --pool small -- true
eq "a queue that is full" "$code" 125
eq "is a limit that was hit" "$(sample 'futured_limit_hits_total{limit="queue_limit"}')" 1
like "people are told" "$(future stats)" $'\nlimit queue_limit: hit 1 times'
eq "--json is the reply" "$(future stats --json | jq '.pools[0].raised, (.pools|length)' | tr '\n' ' ')" '1 3 '
eq "--format: a line a pool" "$(future stats --format '{name}:{submitted}' | head -1)" default:4

# ---- trace ----
future trace >"$TMPDIR/trace.json"
q() { jq -r "$1" "$TMPDIR/trace.json"; }
eq "a process a pool" "$(q '.traceEvents[]|select(.name=="process_name").args.name')" default
eq "a row a worker" "$(q '.traceEvents[]|select(.name=="thread_name").args.name')" pool-1
eq "a bar for each that has run" "$(q '[.traceEvents[]|select(.ph=="X").args.id]|sort|join(" ")')" "$good $bad $held"
eq "named by its label, else by its function" "$(q '[.traceEvents[]|select(.ph=="X")]|sort_by(.args.id)|map(.name)|join(" ")')" 'good bad exec'
eq "all in that row" "$(q '[.traceEvents[]|select(.ph=="X")|[.pid,.tid]]|unique|length')" 1
eq "one behind the other" "$(q '[.traceEvents[]|select(.ph=="X")]|sort_by(.ts)|[.[0:-1],.[1:]]|transpose|all(.[0].ts+.[0].dur<=.[1].ts)')" true
eq "with its exit status" "$(q ".traceEvents[]|select(.args.id==$bad)|.args.exit_code,.args.failed" | tr '\n' ' ')" '3 true '
eq "what runs goes on to now" "$(q ".traceEvents[]|select(.args.id==$held)|.args.state, (.dur>=0)" | tr '\n' ' ')" 'RUNNING true '
eq "--label" "$(future trace --label good | jq '[.traceEvents[]|select(.ph=="X").args.id]|@json' -r)" "[$good]"
eq "--pool" "$(future trace --pool small | jq '.traceEvents|length')" 0
eq "--since: what runs is there" "$(future trace --since 0.000001 | jq '[.traceEvents[]|select(.ph=="X").args.id]|@json' -r)" "[$held]"
eq "--since a day: all" "$(future trace --since 1d | jq '[.traceEvents[]|select(.ph=="X")]|length')" 3

# ---- update ----
also=$(future submit --label also -- true)
gives "update prints the ids" 0 "$also" future update --priority 5 "$also"
eq "the priority is another one" "$(field "$also" priority)" 5
gives "down, by label" 0 "$also" future update --priority=-2 @also
eq "it is lower" "$(field "$also" priority)" -2
refuses "what runs is not pending" 125 "Invalid state: future $held is not pending" \
    future update --priority 1 "$held"
refuses "nothing is changed then" 125 'is not pending' future update --priority 7 "$also" "$held"
eq "as it was" "$(field "$also" priority)" -2
eq "--json" "$(future update --json --priority 6 "$also" | jq -c '.futures|map([.id,.priority])')" "[[$also,6]]"
future update --priority 9 "$also" >/dev/null

# ---- explain ----
after=$(future submit --after "$held,$waits:done" -- true)
capture future explain "$after"
like "what it waits for" "$code:$out" "^0:.*waits for other futures"
like "one that runs" "$out" "  future $held, which is RUNNING, must succeed"
like "one that waits" "$out" "  future $waits, which is PENDING, must end"
eq "for scripts" "$(future explain --json "$after" | jq -c ".reason, (.after|sort_by(.id))" | tr '\n' ' ')" \
    "\"after\" [{\"id\":$held,\"on\":\"result\",\"state\":\"RUNNING\"},{\"id\":$waits,\"on\":\"done\",\"state\":\"PENDING\"}] "
map=$(future map -d --after "$held" -- true ::: a)
like "an item waits for what its map waits for" "$(future explain $((map + 1)))" "  future $held, which is RUNNING, must succeed"
release gate
future wait "$held" "$waits" "$after" "$map"
ok "the higher priority went first" test "$(field "$also" started)" '<' "$(field "$waits" started)"

# ---- a pool that stands still ----
blocked first
outer=$(future submit -- sh -c 'echo >"$1.started"; read line <"$1.go"; exec future result "$line"' x "$TMPDIR/first")
runs first
inner=$(future submit -- true)
release first "$inner"
await is deadlock future explain "$inner" --format '{reason}'
capture future explain "$inner"
like "a deadlock, and what ends it" "$out" 'The pool stands still.*future pool set default max_workers=2'
like "status has a word for it" "$(future status)" "$inner +PENDING.* deadlocked"
future pool set default max_workers=2 >/dev/null
status "and so it goes on" 0 future wait "$outer" "$inner"

finish

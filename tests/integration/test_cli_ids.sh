#!/bin/bash
# Ids in all their forms, filters, aliases, dry runs; explain, pause, resume and drain.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 1 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

# ---- none yet ----
refuses "last of none" 125 'there is no last future: `future submit' future result last
gives "all of none" 0 '' future wait all
refuses "a label of none" 125 'no future has the label `x`; `future status` lists them' future wait @x
refuses "an id of none" 125 'Not found.*There are no futures; `future submit' future status 7
gives "status of nothing that was asked for" 0 '' future status all --format '{id}'

# ---- ids ----
a=$(future submit --label one -- sh -c 'echo a')
b=$(future submit --label 'two, or so' -- sh -c 'echo b')
c=$(future submit --label one -- sh -c 'exit 3')
gives "wait all" 123 '' future wait all
gives "last" 3 '' future result last
gives "@label, oldest first" 123 a future result @one
gives "@label with a comma in it" 0 b future result '@two, or so'
gives "all kinds at once" 123 $'a\nb\na' future result "$a,$b" "last,@one"
gives "a list with last in it" 0 "$a"$'\n'"$c" bash -c 'future status "$1,last" --format "{id}" | sort -n' x "$a"
map=$(future map -d --label mapped -- echo ::: x y)
status "the map is done" 0 future wait last
eq "last and @label mean the map, not its items" "$(future status last --format '{id}')$(
    future status @mapped --format '{id}')" "$map$map"
gives "all leaves the items out" 0 4 bash -c 'future status all --format "{id}" | wc -l'
refuses "an unknown id: the nearest" 125 "Not found.*The nearest one before it is $((map + 2)) \(FINISHED, mapped\)" \
    future result 4711

# ---- templates ----
gives "--format" 0 "$a FINISHED one exec 0 false|" future status "$a" --format '{id} {state} {label} {fn} {priority} {failed}|'
gives "--format: members of members, braces, escapes" 0 $'2\t{2}\\x\nend' \
    future status "$map" --format '{map.count}\t{{{map.finished}}}\x\nend'
gives "--format: what is not there is empty" 0 "[][]" future status "$a" --format '[{nothing}][{waiting}]'
gives "--format before the command" 0 "$a" future --format '{id}' status "$a"
gives "--format of a result" 0 '0 a' bash -c 'future result "$1" --format "{result.exit_code} {result.stdout}" | head -n 1' x "$a"
gives "--format of an exception" 0 ExitStatus future exception "$c" --format '{exception.type}'
gives "--format of submit" 0 "PENDING" future submit --format '{state}' -- true
gives "--format of pools" 0 'default 1' future pool --format '{name} {max_workers}'
gives "--format of info" 0 futured future info --format '{name}'
status "all is done" 123 future wait all
gives "--format of events" 0 "$a false" future events "$a" --format '{future.id} {future.failed}'
gives "--format of cancel" 1 "$a false" future cancel "$a" --format '{id} {cancelled}'

# ---- aliases ----
id=$(future add -- echo added)
gives "add, and log" 0 added future log -f "$id"
blocked kill
id=$(future add -- "${gate[@]}")
runs kill
gives "kill" 0 "$id terminating" future kill --grace 1m "$id"
status "it is done" 123 future wait "$id"
gives "kill -t says it twice" 1 "$id not cancelled: it is done already" future kill -t "$id"

# ---- dry runs ----
capture future submit -n --label x --retry 2 --retry-delay 5s --rerun --label y -- echo hi
like "submit -n: the call, the last option of a kind counts" "$code:$out" \
    '^0:\{"fn":"exec","args":\{"argv":\["echo","hi"\],"cwd":"/.*"\},"label":"y","retry":\{"max":2,"delay":5(\.0+)?\},"on_crash":"rerun"\}$'
gives "submit -n needs no daemon" 0 '' bash -c 'future --socket /nowhere/x submit --dry-run -- true >/dev/null'
gives "retry -n" 0 "$c" future retry -n "$c"
gives "forget -n" 0 "$a" future forget -n "$a"
blocked held
held=$(future submit --label held -- "${gate[@]}")
runs held
p1=$(future submit --label waits -- true)
p2=$(future submit --label waits --priority 5 -- true)
gives "cancel -n all: what is not done" 0 "$held"$'\n'"$p1"$'\n'"$p2" future cancel -n all
gives "cancel -n @label" 0 "$p1"$'\n'"$p2" future cancel --dry-run @waits
refuses "cancel @label of done ones" 125 'no future that is pending or running has the label `one`' \
    future cancel @one

# ---- explain ----
capture future explain "$p1"
like "explain: the workers are busy" "$code:$out" "^0:Future $p1 is PENDING, in the pool default\..*All 1 workers are at work, and about 1 futures come before it\..*future $held runs for [0-9]+s: sh -c "
gives "explain --json" 0 "{\"id\":$p2,\"state\":\"PENDING\",\"pool\":\"default\",\"reason\":\"workers\",\"ahead\":0,\"running\":1,\"max_workers\":1}" \
    future explain --json "$p2"
capture future explain "$held"
like "explain: it runs" "$code:$out" '^0:.*It runs: `future follow'
capture future explain "$a"
like "explain: it has succeeded" "$out" 'It has succeeded: `future result'
capture future explain "$c"
like "explain: it failed" "$out" 'It failed: `future exception .* `future retry'
delayed=$(future submit --delay 1d -- true)
after=$(future submit --after "$delayed" -- true)
again=$(future submit --priority 9 --retry 1 --retry-delay 1d -- false)
eq "explain: delay, after" "$(future explain "$delayed" --format '{reason}') $(future explain "$after" --format '{reason}')" 'delay after'
capture future explain "$delayed"
like "explain: delay in words" "$out" 'Its --delay is not over'
capture future explain "$after"
like "explain: after in words" "$out" 'waits for other futures'
gives "pause" 0 'default paused' future pause
capture future explain "$p1"
like "explain: paused" "$out" 'The pool is paused: `future resume default`'
release held
status "the held one ends" 0 future wait "$held"
eq "nothing starts in a paused pool" "$(field "$p1" state)" '"PENDING"'
gives "resume" 0 'default running' future resume default
status "both are done" 0 future wait @waits
await is 2 field "$again" attempt
eq "explain: retry" "$(future explain "$again" --format '{reason}')" retry
capture future explain "$again"
like "explain: retry in words" "$out" 'Attempt 1 has failed, and the pause'
gives "cancel one of them" 0 "$after cancelled" future cancel "$after"
gives "cancel all" 0 "$delayed cancelled"$'\n'"$again cancelled" future cancel all
capture future explain "$delayed"
like "explain: cancelled" "$out" 'It was cancelled; `future retry'
refuses "explain an unknown one" 125 'Not found' future explain 4711
status "a pool that breaks" 0 future rpc pool.set '{"pool":"weak","max_workers":1,
    "initializer":{"fn":"exec","args":{"argv":["false"]}}}' >/dev/null
future wait "$(future submit --pool weak -- true)"
refuses "a broken pool: what to do" 125 'Broken pool.*future pool set NAME initializer' future submit --pool weak -- true
like "a broken pool in the table" "$(future pool)" $'weak +broken '

# ---- pools held and drained ----
status "another pool" 0 future pool set gpu max_workers=1 >/dev/null
gives "pause --all" 0 $'default paused\nweak broken\ngpu paused' future pause --all
gives "resume of two" 0 $'gpu running\ndefault running' future resume gpu default
refuses "pause of none" 125 'there is no pool nope.*`future pool` lists' future pause nope
gives "drain of what is idle" 0 '' future drain
blocked slow
id=$(future submit --pool gpu -- "${gate[@]}")
runs slow
gives "drain of another pool" 0 '' future drain default
refuses "drain --timeout" 124 '1 are not done' future drain --timeout 0.01 gpu
future drain gpu &
drainer=$!
next=$(future submit --pool gpu -- true)
release slow
status "drain waits" 0 wait "$drainer"
eq "for what came meanwhile, too" "$(field "$id" state)$(field "$next" state)" '"FINISHED""FINISHED"'

# ---- retry and forget by filters ----
future submit --label r -- true >/dev/null
future submit --label r -- false >/dev/null
status "done" 123 future wait @r
eq "retry --failed @label" "$(future retry --failed @r -n | wc -l)" 1
ok "retry --failed: all that failed" test "$(future retry --failed -n | wc -l)" -gt 1
eq "forget --succeeded --label" "$(future forget -n --succeeded --label r | wc -l)" 1
eq "forget --failed --label" "$(future forget -n --failed --label r | wc -l)" 1
eq "forget --older-than" "$(future forget -n --older-than 1h | wc -l)" 0
eq "forget --pool" "$(future forget -n --pool weak | wc -l)" 1
gives "forget @label" 0 2 future forget @r
blocked last
id=$(future submit -- "${gate[@]}")
runs last
capture future clean --failed
like "clean --failed" "$code:$out" '^0:[1-9]'
eq "none that failed is left" "$(future status --format '{failed}' | grep -c true)" 0
capture future clean
like "clean: all that is done" "$code:$out" '^0:[1-9]'
eq "what runs is left" "$(future status --format '{id}')" "$id"
release last

# ---- for machines: every shape that future(1) documents ----
gives "the version of the schema" 0 1 bash -c 'future --version --json | jq -r .schema'
eq "and of the program" "$(future --json --version | jq -r .version)" "$(future --version | cut -d' ' -f2)"
# shape NAME JQ COMMAND...: what the command prints satisfies the expression, whatever it exits with.
shape()
{
    local name=$1 expression=$2
    shift 2
    capture "$@"
    ok "schema: $name" jq -se "$expression" <"$TMPDIR/capture.out" >/dev/null
}
future='(.id|type)=="number" and (.state|IN("PENDING","RUNNING","CANCELLED","FINISHED")) and (.fn|type)=="string" and (.pool|type)=="string" and (.label|type|IN("string","null")) and (.priority|type)=="number" and (.attempt|type)=="number" and (.submitted|type)=="number" and (.started|type|IN("number","null")) and (.finished|type|IN("number","null")) and (.uid|type)=="number" and (.waiting|type|IN("string","null"))'
id=$(future submit -- sh -c 'echo x; exit 2')
future wait "$id"
map=$(future map -d -- echo ::: a b)
future wait "$map"
shape submit '.[0]|(.id|type)=="number" and (.state|type)=="string"' future submit --json -- true
shape status ".[0]|$future and .failed==true" future status --json "$id"
shape "status of a command that has ended" ".[0]|.description==\"sh -c 'echo x; exit 2'\" and .exit_code==2 and .signal==null and (.rusage.wall|type)==\"number\" and (.worker|type)==\"string\"" future status --json "$id"
shape "status of a map" ".[0]|$future and (.map|(.first|type)==\"number\" and .count==2 and .pending==0 and .running==0 and .finished==2 and .cancelled==0 and .failed==0 and .open==false)" future status --json "$map"
shape "status of an item" ".[0]|$future and .item_of==$map and .index==0" future status --json $((map + 1))
shape "a list" ".[0]|(.futures|all($future)) and (.next|type|IN(\"number\",\"null\")) and (.counts|(.PENDING|type)==\"number\" and (.RUNNING|type)==\"number\" and (.FINISHED|type)==\"number\" and (.CANCELLED|type)==\"number\")" future status --json
shape "a result" '.[0]|.state=="FINISHED" and (.result|.exit_code==0 and .signal==null and .stdout=="a\n" and .stderr=="" and .truncated==false and (.rusage.wall|type)=="number")' future result --json $((map + 1))
shape "a result that failed" '.[0]|(.exception|.type=="ExitStatus" and (.message|type)=="string" and .data.exit_code==2)' future result --json "$id"
shape "an exception" '.[0]|.exception.type=="ExitStatus"' future exception --json "$id"
shape "no exception" '.[0]|has("exception") and .exception==null' future exception --json $((map + 1))
shape "wait" ".[0]|.done==[$id] and .not_done==[]" future wait --json "$id"
shape "cancel" '.[0].futures[0]|(.id|type)=="number" and .cancelled==false and .state=="FINISHED"' future cancel --json "$id"
shape "retry" ".[0].futures|all($future)" future retry --json "$id"
shape "output" '.[0]|.offset==0 and .next==2 and .eof==true and .data=="a\n"' future output --json $((map + 1))
shape "map" 'length==2 and all((.index|type)=="number" and (.item|type)=="string" and (.id|type)=="number" and .result.exit_code==0)' future map --json -- echo ::: a b
shape "a map's item that was refused" '.[0]|.index==0 and (.item_base64|type)=="string" and (.error|type)=="string"' bash -c 'printf "\xff\n" | future map --json -- echo'
shape "map -d" '.[0]|(.id|type)=="number" and (.first|type)=="number" and .count==1' future map -d --json -- echo ::: a
shape "events" ".[0]|.method==\"future.done\" and (.params|(.subscription|type)==\"number\" and (.cursor|type)==\"number\" and (.future|$future))" future events --json "$map"
shape "run and follow" 'map(.method)|contains(["future.output"]) and .[-1]=="future.done"' future run --json -- echo x
shape "pool" '.[0].pools[0]|.name=="default" and (.max_workers|type)=="number" and (.pending|type)=="number" and (.running|type)=="number" and (.threads|type)=="number" and (.paused|type)=="boolean" and (.broken|type)=="boolean" and (.workers|type)=="array"' future pool --json
shape "pause and resume" '.[0]|.name=="default" and .paused==false' future resume --json
shape "info" '.[0]|.name=="futured" and (.version|type)=="string" and .protocol==1 and (.pid|type)=="number" and (.limits|type)=="object" and (.pools|type)=="array" and (.functions|type)=="array"' future info --json
shape "explain" '.[0]|(.id|type)=="number" and (.state|type)=="string" and (.pool|type)=="string" and (.reason|type)=="string" and (.ahead|type)=="number" and (.running|type)=="number" and (.max_workers|type)=="number"' future explain --json "$map"
held=$(future submit --delay 1h -- true)
shape "explain of one that waits for others" ".[0]|.reason==\"after\" and .after==[{\"id\":$held,\"on\":\"done\",\"state\":\"PENDING\"}]" \
    future explain --json "$(future submit --after "$held:done" -- true)"
shape "update" ".[0].futures|all($future and .priority==3)" future update --json --priority 3 "$held"
shape "stats" '.[0]|(.pools[0].name|type)=="string" and (.started|type)=="number"' future stats --json
shape "call -d" '.[0]|(.id|type)=="number" and (.state|type)=="string"' future call -d --json echo
shape "dump" "all($future and (.scope|type)==\"string\" or (.item|type)==\"string\")" future dump
shape "shutdown" '.[0]|.terminated==false and (.cancelled|type)=="number"' future shutdown --json --no-wait
shape "forget" '.[0]|(.forgotten|type)=="number"' future forget --json "$map"
shape "ping" '.[0]=="pong"' future ping --json

finish

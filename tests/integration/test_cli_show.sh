#!/bin/bash
# future show: all that is known of one future, in each of its states, for people and for machines.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 1 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash
me="$(id -un) \($(id -u)\)" time='[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}, [0-9]+[smhd0-9]* ago'

# ---- a command, before, while and after it runs ----
blocked show
held=$(future submit --label "a'label" --key k --retry 2 --timeout 90s --rerun --cwd / --env A=b -- "${gate[@]}")
runs show
capture future show "$held"
like "a command that runs" "$code:$out" "^0:Future $held: RUNNING
  command    sh -c 'echo >.*
  directory  /
  environ    \{\"A\":\"b\"\}
  pool       default, worker pool-[0-9]+
  label      a'label
  key        k
  priority   0
  owner      $me
  timeout    90s for each attempt
  on crash   it is run again
  attempt    1; tried again up to 2 times where it fails
  submitted  $time
  started    $time
  run time   [0-9.]+s so far$"
waiting=$(future submit --priority 3 -- sh -c 'seq 1 12; printf "no\ttab\033[1m \377 end" >&2; exit 7')
capture future show "$waiting"
like "one that waits says why" "$code:$out" "^0:Future $waiting: PENDING
.*
  priority   3
.*
Why it does not run:
All 1 workers are at work, and about 0 futures come before it\.
  future $held runs for [0-9]+s: sh -c "
capture future show --json "$waiting"
like "and so does --json" "$code:$out" '^0:\{.*"args":\{"argv":\["sh","-c",.*"reason":"workers"\}$'
gives "and --format" 0 "$waiting workers" future show --format '{id} {reason}' "$waiting"
release show
status "it fails" 7 future result "$waiting" >/dev/null 2>&1
capture future show "$waiting"
like "one that has ended" "$code:$out" "^0:Future $waiting: FINISHED, exit 7
.*
  ended      $time
  run time   [0-9.]+s
  exception  ExitStatus: exited with status 7
  used       [0-9.]+s of CPU \([0-9.]+s system\), [0-9]+ kB of memory

The end of its stdout:
    3
    4
    5
    6
    7
    8
    9
    10
    11
    12

Its stderr:
    no.tab\?\[1m \? end$"
long=$(future submit --wait -- sh -c 'seq 1 200000' | tail -n 1 >/dev/null; future status last --format '{id}')
like "the end of much" "$(future show "$long")" $'\nThe end of its stdout:\n    199991\n.*\n    200000$'
like "a word for scripts" "$(future show --format '{reason} {failed}' "$waiting")" '^done true$'
again=$(future submit --retry 1 --retry-delay 0 -- sh -c 'kill -9 $$')
status "killed twice" 137 future result "$again" >/dev/null 2>&1
like "earlier attempts" "$(future show "$again")" "Future $again: FINISHED, SIGKILL
.*
  attempt    2; tried again up to 1 times where it fails
             attempt 1 gave Signalled: killed by SIGKILL
"
fine=$(future submit -- true)
ok "one that succeeds" future wait "$fine"
ok "is run again" future retry "$fine"
ok "and succeeds again" future wait "$fine"
like "and gave a result before" "$(future show "$fine")" '             attempt 1 gave a result'
ok "a future that is cancelled" future cancel "$(future submit --delay 1h -- true)"
like "is shown as that" "$(future show last)" '^Future [0-9]+: CANCELLED'

future submit --delay 1h --label $'a\xc2\x9b31mb\xc2\xa0c' -- true >/dev/null
like "control characters of all kinds are taken out" "$(future show last)" $'\n  label      a\\?\\?31mb\xc2\xa0c\n'

# ---- functions, maps and items ----
future call echo '{"n":[1,"two"]}' >/dev/null
like "a function" "$(future show last)" '
  function   echo
  arguments  \{"n":\[1,"two"\]\}
.*
  result     \{"n":\[1,"two"\]\}$'
map=$(future map -d -- sh -c 'test "$1" != b' x ::: a b)
status "one item fails" 123 future wait "$map"
like "a map" "$(future show "$map")" "Future $map: FINISHED, failed
.*
  items      0 pending, 0 running, 2 finished \(1 failed\), 0 cancelled
             their ids are $((map + 1)) to $((map + 2))
.*
  exception  MapFailed: "
like "an item" "$(future show $((map + 2)))" "
  item       \"b\"
  map        $map, of which it is item 1
.*
  exception  ExitStatus: exited with status 1"

# ---- several, and none ----
capture future show "$held,$waiting" "$map-$((map + 2))"
eq "several stand below each other" "$code:$(grep -c '^Future ' <<<"$out"):$(grep -c '^$' <<<"$out")" "0:5:$((4 + 3))"
eq "all are those that status shows" "$(future show all --format '{id}' | sort -n)" "$(future status --limit 1000 --format '{id}' | sort -n)"
refuses "one that is not there" 125 'Not found.*nearest one before' future show 4711
refuses "none" 64 'which future' future show
ok "one goes" future forget "$fine"
capture future show "$fine"
like "and is shown no more" "$code:$out:$err" '^125::.*Not found'
unset NO_COLOR
out=$(TERM=xterm on_terminal 80 "future show $waiting; future status $waiting" | tr -d '\r')
like "its state has a colour on a terminal" "$out" $'^Future [0-9]+: \e\\[31mFINISHED, exit 7\e\\[0m\n'
like "where status says that there is more" "$out" "\`future show $waiting\` tells the rest\.\$"

finish

#!/bin/bash
# future map for people who know parallel: places in the command, limits, order, logs, halting.
# shellcheck disable=SC2016,SC1083  # scripts of jobs, and braces
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 4 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

# map_stdin TEXT OPTION...: the text, with its escapes, on stdin.
# shellcheck disable=SC2317  # called by `gives`
map_stdin() { printf %b "$1" | future map "${@:2}"; }

# ---- places ----
gives "the forms of a path" 0 'a/b.tar.gz|a/b.tar|b.tar.gz|a|b.tar|1' \
    future map -- echo '{}|{.}|{/}|{//}|{/.}|{#}' ::: a/b.tar.gz
gives "paths without a slash or a dot" 0 $'c.d/e|c.d/e|e|c.d|e\nf|f|f|.|f\n/g|/g|g|/|g' \
    future map -- echo '{}|{.}|{/}|{//}|{/.}' ::: c.d/e f /g
gives "{#} counts from 1" 0 $'1 a\n2 b' future map -- echo {#} {} ::: a b
gives "only one form" 0 $'b\nc' future map -- echo {/} ::: a/b c
gives "the same form twice" 0 'a.x a.y' future map -- echo {.}.x {.}.y ::: a.z
gives "what is no place stays" 0 '{a} {0} { } ${x} {.1} i' future map -- echo '{a} {0} { } ${x} {.1}' ::: i
gives "{1} of an item with one part" 0 'i i' future map -- echo {1} {} ::: i
gives "{2} that is not there is empty" 0 '[]' future map -- printf '[%s]\n' {2} ::: i
gives "lists: all combinations, the last changes first" 0 $'a 1\na 2\nb 1\nb 2' \
    future map -- echo ::: a b ::: 1 2
gives "lists: {} is all of them, as words" 0 $'[a]\n[1 x]' \
    future map -- printf '[%s]\n' {} ::: a ::: '1 x'
gives "lists: {} in a word is all, with blanks" 0 '<a 1>' future map -- echo '<{}>' ::: a ::: 1
gives "lists: parts and their forms" 0 $'b-1 1\nb-2.z 2' \
    future map -- echo {1/.}-{2} {2.} ::: a/b.c ::: 1 2.z
gives "an empty list is no item" 0 '' future map -- echo ::: a ::: </dev/null

# ---- JSON ----
gives "--jsonl: text, numbers, true" 0 $'a b\n5\n0.5\ntrue' \
    map_stdin '"a b"\n5\n\n0.5\ntrue\n' --jsonl -- echo
gives "--jsonl: arrays are parts" 0 $'2:a b\n[a b 2]' \
    bash -c 'printf "%s\n" "[\"a b\",2]" >"$1"; future map --jsonl -a "$1" -- echo {2}:{1}
        future map --jsonl -a "$1" -- echo "[{}]"' x "$TMPDIR/json"
printf '%s\n' '{"name":"x y","n":1,"deep":{"a":[1]}}' '{"n":2}' >"$TMPDIR/json"
gives "--jsonl: members of objects" 0 $'x y/1/{"a":[1]}\n/2/' \
    future map --jsonl -a "$TMPDIR/json" -- echo {name}/{n}/{deep}
printf '%s\n' '{"n":' null '"fine"' '[[1]]' >"$TMPDIR/json"
capture future map --jsonl -a "$TMPDIR/json" -- echo
eq "--jsonl: a bad line fails alone" "$code:$out" '123:fine'
like "--jsonl: and is told" "$err" 'item 0 .*not valid JSON.*item 1 .*null.*item 3 .*neither text'

# ---- jobs ----
mkfifo "$TMPDIR/started" "$TMPDIR/go"
exec 5<>"$TMPDIR/started" 6<>"$TMPDIR/go"
seq 6 | future map -j2 -- sh -c 'echo >"$0"; head -c 1 <"$1" >/dev/null; echo "$2"' \
    "$TMPDIR/started" "$TMPDIR/go" >"$TMPDIR/out" &
mapper=$!
read -r -u 5 _ && read -r -u 5 _
eq "-j2: two run" "$(future status --state running --no-items --format x | wc -l):$(
    future pool --format '{running}')" 1:2
eq "-j2: and no more are sent" "$(future pool --format '{pending}')" 0
printf '%6s' '' >&6
status "-j2: all come to their end" 0 wait "$mapper"
eq "-j2: in order" "$(tr '\n' ' ' <"$TMPDIR/out")" '1 2 3 4 5 6 '
# The first one waits for the last one: whoever waits for its turn must not hold up the others.
mkfifo "$TMPDIR/last"
seq 50 | future map -j2 -k -- sh -c 'case $2 in 1) read x <"$1";; 50) echo >"$1";; esac
    head -c 200000 /dev/zero | tr "\0" x' \
    x "$TMPDIR/last" | wc -c >"$TMPDIR/out"
eq "-j2 -k: the others go on behind a slow first one" "$(<"$TMPDIR/out")" 10000000
gives "-j0 leaves it to the pool" 0 $'a\nb' future map -j0 -- echo ::: a b
gives "-j1" 0 $'1\n2\n3' future map --jobs 1 -- echo ::: 1 2 3

# ---- order ----
mkfifo "$TMPDIR/late"
future map --no-order -- sh -c 'if [ "$2" = slow ]; then read x <"$1"; fi; echo "$2"' x "$TMPDIR/late" \
    ::: slow b c >"$TMPDIR/out" &
mapper=$!
until [[ $(wc -l <"$TMPDIR/out") == 2 ]]; do :; done
echo >"$TMPDIR/late"
status "--no-order" 0 wait "$mapper"
eq "--no-order: as they end" "$(sort <(head -n 2 "$TMPDIR/out") | tr '\n' ' ')$(tail -n 1 "$TMPDIR/out")" \
    'b c slow'
seq 200 | future map --no-order -- sh -c 'echo "$1 a"; echo "$1 b"' x >"$TMPDIR/out"
eq "--no-order: an item's output stays together" "$(awk 'NR % 2 { id = $1; next } id != $1' "$TMPDIR/out")" ''
eq "--no-order: nothing is lost" "$(wc -l <"$TMPDIR/out")" 400
capture future map --tag -- sh -c 'echo 1; printf 2; echo e >&2' x ::: a b
eq "--tag" "$code:$out:$err" $'0:a\t1\na\t2b\t1\nb\t2:a\te\nb\te'
gives "--tag of several parts" 0 $'a 1\t1-a' future map --tag -- echo {2}-{1} ::: a ::: 1

# ---- retries, timeout ----
counter=$TMPDIR/counter
gives "--retries counts all attempts" 0 3 future map --retries 3 --retry-delay 0 -- \
    sh -c 'echo x >>"$1"; n=$(wc -l <"$1"); [ "$n" -ge 3 ] && echo "$n"' x "$counter" '{/}' ::: a
rm -f "$counter"
capture future map --retries 1 -- sh -c 'echo x >>"$1"; false' x "$counter" ::: a
eq "--retries 1 is one" "$code:$(wc -l <"$counter")" 123:1
gives "--timeout" 123 '' future map --timeout 0.05 -- sleep ::: 1000

# ---- halt ----
capture future map -j1 --halt soon,fail=2 -- sh -c 'echo "$1"; exit "$(($1 % 2))"' x ::: {0..9}
eq "--halt soon,fail=2" "$code:$out" $'123:0\n1\n2\n3'
like "--halt: it is told, and what has not run is not" "$err" \
    '^future: map: 2 of 4 items of map [0-9]+ failed:.*halted: 2 items had failed, 2 had succeeded$'
capture future map -j1 --halt soon,success=1 -- sh -c 'echo "$1"; [ "$1" = 2 ]' x ::: 1 2 3 4
eq "--halt soon,success=1" "$code:$out" $'123:1\n2'
capture future map -j1 --halt soon,done=3 -- echo ::: 1 2 3 4 5
eq "--halt soon,done=3" "$code:$out" $'0:1\n2\n3'
blocked held
capture future map --halt now,fail=1 -- sh -c 'if [ "$2" = bad ]; then read x <"$1.started"; exit 1; fi
    trap "" HUP; echo >"$1.started"; exec sleep 1000' x "$TMPDIR/held" ::: long bad
like "--halt now,fail=1 ends what runs" "$code:$err" '^123:.*Terminated: .*halted'
yes | capture future map --halt soon,fail=1 -- false
eq "--halt: an endless input ends" "$code" 123
like "--halt: what it has cancelled has not failed" "$err" 'halted: [0-9]{1,3} items had failed, 0 had succeeded$'
# The ids of what was sent come at once, however many items the daemon has already.
ok "--halt comes soon, with thousands on their way" \
    test "$(future status --limit 1 --format '{map.failed}')" -lt 1000
capture future map -j1 --halt soon,fail=30% -- sh -c 'echo "$1"; exit "$(($1 % 2))"' x ::: {0..9}
eq "--halt soon,fail=30%: of ten items the third" "$code:$out" $'123:0\n1\n2\n3\n4\n5'
capture future map -j1 --halt soon,done=100% -- echo ::: 1 2
eq "--halt soon,done=100%" "$code:$out" $'0:1\n2'
# Of an input that goes on nobody knows how much is half of it; its end tells.
mkfifo "$TMPDIR/input" "$TMPDIR/halt"
future map -j4 --halt now,fail=50% -- sh -c 'case $2 in bad) exit 1;; esac; trap "" HUP
    echo >"$1"; exec sleep 1000' x "$TMPDIR/halt" <"$TMPDIR/input" 2>"$TMPDIR/halt.err" &
mapper=$!
exec {feed}>"$TMPDIR/input"
printf '%s\n' bad bad long >&"$feed"
read -r _ <"$TMPDIR/halt"
ok "--halt now,fail=50%: not before the end of the input" kill -0 "$mapper"
exec {feed}>&-
status "--halt now,fail=50%: then it ends what runs" 123 wait "$mapper"
like "and says so" "$(<"$TMPDIR/halt.err")" 'halted: [23] items had failed'
gives "--halt never" 123 $'1\n2' future map --halt never -- sh -c 'echo "$1"; [ "$1" = 2 ]' x ::: 1 2

# ---- joblog ----
log=$TMPDIR/log
capture future map --joblog "$log" -- sh -c 'printf abc; case $1 in 2) exit 4;; 3) kill -9 $$;; esac' x ::: 1 2 3 'x y'
eq "--joblog" "$code:$(wc -l <"$log")" 123:5
eq "its header is parallel's" "$(head -n 1 "$log")" \
    $'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand'
eq "what is in it" "$(tail -n +2 "$log" | sort -n | cut -f1,2,5-8 | tr '\t\n' ' /')" \
    '1 : 0 3 0 0/2 : 0 3 4 0/3 : 0 3 0 9/4 : 0 3 0 0/'
like "times have milliseconds" "$(sed -n 2p "$log")" \
    $'^[0-9]+\t:\t *[0-9]{10}\\.[0-9]{3}\t *[0-9]+\\.[0-9]{3}\t'
like "the command is as a shell takes it" "$(sort -n "$log" | tail -n 1)" $'\tsh -c \'.*\' x \'x y\'$'
cp "$log" "$log.2"
gives "--resume leaves out what is in it" 0 'new' future map --joblog "$log" --resume -- echo \
    ::: 1 2 3 4 new
eq "and goes on with it" "$(wc -l <"$log"):$(cut -f1 "$log" | tail -n 1)" 6:5
gives "--resume with nothing to do" 0 '' future map --joblog "$log" --resume -- echo ::: 1 2 3 4 new
gives "--resume-failed runs again what failed" 0 $'2\n3' \
    future map --joblog "$log.2" --resume-failed -- echo ::: 1 2 3 4
gives "and then it is done" 0 '' future map --joblog "$log.2" --resume-failed -- echo ::: 1 2 3 4
printf '%s' $'5\t:\t1.0' >>"$log.2"
gives "a line that was not finished does not count" 0 5 \
    future map --joblog "$log.2" --resume -- echo ::: 1 2 3 4 5
gives "and breaks no other" 0 '' future map --joblog "$log.2" --resume -- echo ::: 1 2 3 4 5
gives "--resume of no log yet" 0 a future map --joblog "$log.3" --resume -- echo ::: a
gives "--joblog begins anew" 0 a future map --joblog "$log.3" -- echo ::: a
eq "anew" "$(wc -l <"$log.3")" 2
refuses "--joblog nowhere" 125 'none/log: No such file' future map --joblog "$TMPDIR/none/log" -- echo ::: a
if parallel --version 2>/dev/null | grep -q 'GNU parallel'; then
    gives "parallel goes on with our log" 0 5 parallel --joblog "$log.2" --resume echo ::: 1 2 3 4 5 5
fi

# ---- alone ----
blocked alone
id=$(seq 3 | future map -d -j1 --joblog "$log.4" -- "${gate[@]}")
like "-d -j prints the id" "$id" '^[0-9]+$'
runs alone
eq "-d -j1: one runs" "$(future status --map "$id" --state running --format x | wc -l)" 1
eq "-d -j1: and no more are sent" "$(future status "$id" --format '{map.count}')" 1
for line in a b c; do
    release alone "$line"
    [[ $line == c ]] || runs alone
done
status "-d -j: it is done" 0 future wait "$id"
gives "-d -j: its outputs are kept" 0 $'a\nb\nc' future follow "$id"
eq "status --map: its items" "$(future status --map "$id" --format '{item_of}:{index}' | tr '\n' ' ')" \
    "$id:2 $id:1 $id:0 "
until [[ $(wc -l <"$log.4") == 4 ]]; do :; done
eq "-d --joblog: the log is written" "$(cut -f1,7 "$log.4" | tail -n +2 | tr '\t\n' ': ')" '1:0 2:0 3:0 '
id=$(future map -d -j1 --halt soon,fail=1 -- sh -c 'exit "$1"' x ::: 0 1 0 0)
status "-d --halt" 123 future wait "$id"
eq "-d --halt: the rest was not sent" "$(future status "$id" --format '{map.count} {map.failed}')" '2 1'

# ---- bar ----
capture future map --bar -- echo ::: a b
like "--bar shows without a terminal" "$code:$out:$err" $'^0:a\nb:\r.*of 2 done, 0 failed'
capture future map --no-bar -- echo ::: a b
eq "--no-bar does not" "$code:$err" 0:
capture future map --bar -j1 -- sh -c 'sleep 0.03' x ::: {1..6}
like "it has a rate and the time left" "$err" '[0-9.]+/s, ETA [0-9]+s \[#+-*\]'

# ---- dry run ----
gives "-n prints the commands" 0 $'echo \'a b\' 1\necho c 2' future map -n -- echo {} {#} ::: 'a b' c
gives "-n needs no daemon" 0 'echo x' future --socket /nowhere/x map --dry-run -- echo ::: x
gives "-n from a file" 0 $'x $\'a\\nb\'' map_stdin 'a\nb\0' -0 -n -- x
eq "-n runs nothing" "$(future status --format '{id}' --state running,pending)" ''

# ---- the daemon stays small ----
seq 2500 | future map --label small --fn echo >"$TMPDIR/out"
eq "what succeeded and was written is forgotten" \
    "$(future status --items --label small --format '{map.finished}')" 2500
seq 3 | future map --keep --label kept -- true
eq "--keep keeps it" "$(future status --items --label kept --format '{id}' | wc -l)" 4
future map --label bad -- false ::: 1 2 2>/dev/null
eq "what failed is kept" "$(future status --items --label bad --format '{id}' | wc -l)" 3

# ---- the client stays small ----
limit=32768
[[ ${MODE:-release} == release ]] || limit=1000000
# peak PID: the most memory that it has had so far, in KiB.
peak() { awk '/VmHWM/ { print $2 }' "/proc/$1/status"; }
files=2000
[[ -z ${FUTURED_LONG:-} ]] || files=1000000
mkfifo "$TMPDIR/endless" "$TMPDIR/tick"
future map -j8 --no-bar --label streamed -- true <"$TMPDIR/endless" &
mapper=$!
exec {feed}>"$TMPDIR/endless"
find / -xdev -type f 2>/dev/null | head -n "$files" >"$TMPDIR/files"
files=$(wc -l <"$TMPDIR/files")
cat "$TMPDIR/files" >&"$feed"
until [[ $(future status --label streamed --format '{map.finished}') == "$files" ]]; do
    read -r -t 0.05 <>"$TMPDIR/tick"
done
like "all items are worked on while the input is open" \
    "$(future status --label streamed --format '{state} {map.open} {map.finished}')" "^RUNNING true $files\$"
now=$(peak "$mapper")
exec {feed}>&-
status "and all of them in the end" 0 wait "$mapper"
ok "under 32 MiB in the client ($now KiB)" test "$now" -lt "$limit"
# An input that is much longer than what may be on its way, of a function that is quicker than commands.
future map --no-bar --fn echo <"$TMPDIR/endless" >"$TMPDIR/out" &
mapper=$!
exec {feed}>"$TMPDIR/endless"
seq 40000 >&"$feed"
now=$(peak "$mapper")
exec {feed}>&-
status "40000 items" 0 wait "$mapper"
eq "come out" "$(wc -l <"$TMPDIR/out"):$(tail -n 1 "$TMPDIR/out")" '40000:{"item":"40000"}'
ok "and go through 32 MiB ($now KiB)" test "$now" -lt "$limit"

# The first one waits while all others end, and the last one while their outputs are written.
mkfifo "$TMPDIR/first" "$TMPDIR/final" "$TMPDIR/written"
exec {first}<>"$TMPDIR/first" {final}<>"$TMPDIR/final"
seq 300 | future map -j4 --no-bar --label waits -- sh -c 'case $3 in 1) read x <"$1";; 300) read x <"$2";; esac
    if [ $(($3 % 10)) = 0 ]; then head -c 100000 /dev/zero; else head -c 100000 /dev/zero | tr "\0" x; fi' x "$TMPDIR/first" "$TMPDIR/final" >"$TMPDIR/written" &
mapper=$!
exec {written}<"$TMPDIR/written"
until [[ $(future status --label waits --format '{map.finished}') == 298 ]]; do
    read -r -t 0.05 <>"$TMPDIR/tick"
done
echo >&"$first"
eq "outputs wait behind a slow first one" "$(head -c 29900000 <&"$written" | wc -c)" 29900000
now=$(peak "$mapper")
echo >&"$final"
eq "and behind a slow last one" "$(wc -c <&"$written")" 100000
status "all is fine" 0 wait "$mapper"
ok "and they take under 32 MiB ($now KiB)" test "$now" -lt "$limit"

finish

#!/bin/bash
# future map for people who know parallel: places in the command, limits, order, logs, halting.
# shellcheck disable=SC2016,SC1083  # scripts of jobs, and braces
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 4 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

# map_stdin TEXT OPTION...: the text, with its escapes, on stdin.
# shellcheck disable=SC2317  # called by `gives`
map_stdin() { printf %b "$1" | future map "${@:2}"; }

# late WHAT OPTION...: `future map` with support/late_daemon.py; sets `word` to what that says.
late()
{
    mkfifo "$TMPDIR/late.says"
    tests/support/late_daemon.py "$TMPDIR/late.sock" "$1" >"$TMPDIR/late.says" &
    exec 8<"$TMPDIR/late.says"
    read -r -u 8 _
    capture future --socket "$TMPDIR/late.sock" map "${@:2}"
    read -r -u 8 word
    exec 8<&-
    rm "$TMPDIR/late.says" "$TMPDIR/late.sock"
}

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
await file_lines "$TMPDIR/out" 2
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
# The first fails, and all others that start wait: that it has failed is heard with thousands on their
# way, or the halt never comes.
mkfifo "$TMPDIR/after"
exec {after}<>"$TMPDIR/after"
yes | future map --halt soon,fail=1 --label endless -- sh -c '[ "$1" != 1 ] || exit 3; read -r x <"$2"' \
    x {#} "$TMPDIR/after" 2>"$TMPDIR/halt.err" &
mapper=$!
await is '1 false 0' future status --label endless --format '{map.failed} {map.open} {map.pending}'
echo $'\n\n\n\n\n\n' >&"$after"
status "--halt: an endless input ends" 123 wait "$mapper"
like "--halt: what it has cancelled has not failed" "$(<"$TMPDIR/halt.err")" \
    'halted: 1 items had failed, [34] had succeeded$'
late times -j1 --halt soon,fail=1 --joblog "$TMPDIR/halt.log" --fn echo ::: a b
eq "--halt before the next one starts, also with a log" "$code:$word" 123:cancel
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
await file_lines "$log.4" 4
eq "-d --joblog: the log is written" "$(cut -f1,7 "$log.4" | tail -n +2 | tr '\t\n' ': ')" '1:0 2:0 3:0 '
id=$(future map -d -j1 --halt soon,fail=1 -- sh -c 'exit "$1"' x ::: 0 1 0 0)
status "-d --halt" 123 future wait "$id"
eq "-d --halt: the rest was not sent" "$(future status "$id" --format '{map.count} {map.failed}')" '2 1'

# ---- bar ----
# One that is done gives a rate, and one that waits has the bar stand.
mkfifo "$TMPDIR/bar"
future map --bar -j1 -- sh -c '[ "$2" = a ] || read -r x <"$1"; echo "$2"' x "$TMPDIR/bar" ::: a b \
    >"$TMPDIR/out" 2>"$TMPDIR/err" &
mapper=$!
await file_has "$TMPDIR/err" ', [0-9.]+/s, ETA [^[]+ \[#+-*\]'
echo >"$TMPDIR/bar"
status "--bar" 0 wait "$mapper"
eq "--bar: the outputs" "$(<"$TMPDIR/out")" $'a\nb'
like "--bar shows without a terminal" "$(<"$TMPDIR/err")" $'^\r.*1 of 2 done, 0 failed'
capture future map --no-bar -- echo ::: a b
eq "--no-bar does not" "$code:$err" 0:

# ---- dry run ----
gives "-n prints the commands" 0 $'echo \'a b\' 1\necho c 2' future map -n -- echo {} {#} ::: 'a b' c
gives "-n needs no daemon" 0 'echo x' future --socket /nowhere/x map --dry-run -- echo ::: x
gives "-n from a file" 0 $'x $\'a\\nb\'' map_stdin 'a\nb\0' -0 -n -- x
eq "-n runs nothing" "$(future status --format '{id}' --state running,pending)" ''

# ---- the daemon stays small ----
capture future map --label small --fn echo < <(seq 2500)
eq "a map of many" "$code:$(wc -l <<<"$out"):$err" 0:2500:
eq "what succeeded and was written is forgotten" \
    "$(future status --items --label small --format '{map.finished}')" 2500
# A daemon may answer a later request first: whoever leaves then takes the others with it.
late forget --fn echo < <(seq 2500)
eq "... before we leave" "$code:$(wc -l <<<"$out"):$word" 0:2500:waited
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
mkfifo "$TMPDIR/endless"
future map -j8 --no-bar --label streamed -- true <"$TMPDIR/endless" &
mapper=$!
exec {feed}>"$TMPDIR/endless"
find / -xdev -type f 2>/dev/null | head -n "$files" >"$TMPDIR/files"
files=$(wc -l <"$TMPDIR/files")
cat "$TMPDIR/files" >&"$feed"
await is "$files" future status --label streamed --format '{map.finished}'
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
await is 298 future status --label waits --format '{map.finished}'
echo >&"$first"
eq "outputs wait behind a slow first one" "$(head -c 29900000 <&"$written" | wc -c)" 29900000
now=$(peak "$mapper")
echo >&"$final"
eq "and behind a slow last one" "$(wc -c <&"$written")" 100000
status "all is fine" 0 wait "$mapper"
ok "and they take under 32 MiB ($now KiB)" test "$now" -lt "$limit"

finish

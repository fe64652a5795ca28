#!/bin/bash
# future map: items from everywhere, order, bytes, failures, detaching.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 4 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

# ---- where items come from ----
gives "items behind :::" 0 $'a\nb c\n{}\nü' future map -- echo {} ::: a 'b c' {} ü
gives "an item is added where there is no {}" 0 $'x a\nx b' future map echo x ::: a b
gives "{} inside of a word, twice" 0 '-a-a.' future map -- echo -{}-{}. ::: a
gives "no items behind :::" 0 '' future map -- echo :::
gives "an item that looks like an option" 0 $'-n\n--' future map -- printf '%s\n' ::: -n --
# map_stdin TEXT OPTION...: the text, with its escapes, on stdin.
# shellcheck disable=SC2317  # called by `gives`
map_stdin() { printf %b "$1" | future map "${@:2}"; }
gives "items on stdin" 0 $'a\nb' map_stdin 'a\nb\n' -- echo
gives "a last line without its end" 0 $'a\nb' map_stdin 'a\nb' -- echo
gives "lines stay as they are" 0 $'[ a  b ]\n[\'"\\]\n[]\n[\t]\n[c\r]' \
    map_stdin ' a  b \n'"'"'"\\\n\n\t\nc\r\n' -- printf '[%s]\n' {}
gives "no items on stdin" 0 '' map_stdin '' -- echo
gives "-0" 0 $'[a\nb]\n[c]' map_stdin 'a\nb\0c' -0 -- printf '[%s]\n'
gives "--null" 0 $'[a]\n[b]' map_stdin 'a\0b\0' --null -- printf '[%s]\n'
printf 'a\nb\n' >"$TMPDIR/items"
gives "-a FILE" 0 $'a\nb' future map -a "$TMPDIR/items" -- echo
gives "--arg-file with -0" 0 $'a\nb' future map -0 --arg-file "$TMPDIR/items" -- printf %s
gives "-a -" 0 a map_stdin 'a\n' -a - -- echo
refuses "-a of no file" 125 'none: No such file' future map -a "$TMPDIR/none" -- echo
refuses "-a of a directory" 125 'Is a directory' future map -a "$TMPDIR" -- echo
gives "stdin for the command" 0 $'1 in\n2 in' bash -c \
    'echo in | future map --stdin - -- sh -c "echo \$1 \$(cat)" x ::: 1 2'

# ---- the main job: real files, in order, to the byte ----
find /usr/include -name '*.h' 2>/dev/null | head -n 1500 >"$TMPDIR/files"
ok "there are files" test "$(wc -l <"$TMPDIR/files")" -gt 100
xargs -d '\n' -n1 sha256sum <"$TMPDIR/files" >"$TMPDIR/wanted"
capture future map -- sha256sum {} <"$TMPDIR/files"
ok "as xargs, in order, from stdin" cmp "$TMPDIR/wanted" "$TMPDIR/capture.out"
eq "and with nothing to complain of" "$code:$err" 0:
head -n 300 "$TMPDIR/files" >"$TMPDIR/few"
mapfile -t few <"$TMPDIR/few"
future map -- sha256sum ::: "${few[@]}" >"$TMPDIR/got"
ok "the same behind :::" cmp <(head -n 300 "$TMPDIR/wanted") "$TMPDIR/got"
head -n 50 "$TMPDIR/files" | xargs -d '\n' cat | gzip >"$TMPDIR/binary"
seq 40 | future map -- sh -c 'cat "$1"' x "$TMPDIR/binary" >"$TMPDIR/got"
for ((i = 0; i < 40; i++)); do cat "$TMPDIR/binary"; done >"$TMPDIR/wanted"
ok "binary output, larger than any pipe" cmp "$TMPDIR/wanted" "$TMPDIR/got"

# ---- streaming ----
mkfifo "$TMPDIR/in" "$TMPDIR/out"
future map -- echo got <"$TMPDIR/in" >"$TMPDIR/out" &
mapper=$!
exec {in}>"$TMPDIR/in" {from}<"$TMPDIR/out"
for item in one two three; do
    echo "$item" >&"$in"
    read -r -u "$from" line
    eq "item $item is answered before the next is written" "$line" "got $item"
done
exec {in}>&-
ok "the end of the input is the end of the output" test -z "$(cat <&"$from")"
exec {from}<&-
status "and of the map" 0 wait "$mapper"

blocked first
mkfifo "$TMPDIR/ordered"
printf '%s\n' slow b c | future map -- sh -c \
    'if [ "$2" = slow ]; then echo >"$1.started"; read x <"$1.go"; fi; echo "$2"' x "$TMPDIR/first" \
    >"$TMPDIR/ordered" &
mapper=$!
exec {from}<"$TMPDIR/ordered"
runs first
ok "nothing overtakes the first item" test -z "$(read -r -t 0 -u "$from" && echo there)"
release first
eq "then all come in order" "$(tr '\n' ' ' <&"$from")" 'slow b c '
exec {from}<&-
status "fine" 0 wait "$mapper"

# ---- failures ----
capture future map -- sh -c 'echo "o$1"; echo "e$1" >&2; exit "$1"' x ::: 0 3 0
eq "123 when one failed, outputs of all" "$code:$out" $'123:o0\no3\no0'
like "stderr has theirs, and a summary" "$err" \
    $'^e0\ne3\ne0\nfuture: map: 1 of 3 items of map [0-9]+ failed:\n  item 1 \\(future [0-9]+\\) `3`: ExitStatus: exited with status 3$'
capture future map -- false ::: {1..15}
like "at most ten are named" "$err" $'15 of 15 .*\n  item 9 [^\n]*\n  and 5 more$'
gives "--no-check: a failure is none" 0 '' future map --no-check -- false ::: a b
capture future map -- no-such-command ::: a
like "a missing command" "$code:$err" '^123:.*`a`: SpawnError: '
printf 'a\n\xff\nb\n' >"$TMPDIR/items"
capture future map -- echo <"$TMPDIR/items"
eq "an item that is not UTF-8 fails alone" "$code:$out" $'123:a\nb'
like "and is told" "$err" 'item 1 `\?`: InvalidArguments: .*UTF-8'
{ echo a; head -c 300000 /dev/zero | tr '\0' x; echo; echo b; } >"$TMPDIR/items"
capture future map -- echo <"$TMPDIR/items"
eq "an item that is too long fails alone" "$code:$out" $'123:a\nb'
printf 'a\0b\nc\n' >"$TMPDIR/items"
capture future map -- echo <"$TMPDIR/items"
eq "so does one with NUL" "$code:$out" 123:c
refuses "an error of the call" 125 'map: Invalid params: .*pool' future map --pool none -- echo ::: a
capture future map --fail-fast --label ff -- false ::: {1..50}
like "--fail-fast" "$code:$err" '^123:.*cancelled'

# ---- machines ----
capture future map --json -- echo ::: a 'b "'
mapfile -t lines <<<"$out"
eq "--json: a line an item" "$code:${#lines[@]}" 0:2
like "--json: index, item and result" "${lines[1]}" \
    '^\{"index":1,"item":"b \\"","id":[0-9]+,"state":"FINISHED",.*"stdout":"b \\"\\n"'

# ---- options shared with submit ----
gives "--cwd and --env" 0 '/:y' future map --cwd / --env X=y -- sh -c 'echo "$(pwd):$X"' x ::: 1
capture future map --timeout 0.05 -- sleep ::: 1000
like "--timeout" "$code:$err" '^123:.*TimedOut'
future map --label tagged -- true ::: a >/dev/null
like "--label" "$(future status --label tagged --json)" '"label":"tagged".*"map":'

# ---- detached ----
capture future map -d -- echo ::: a b
like "-d prints the id and no more" "$code:$out:$err" '^0:[0-9]+:$'
status "and the daemon goes on" 0 future wait "$out"
first=$(member first "$(future rpc status "{\"id\":$out}")")
gives "the items have their results" 0 $'a\nb' future result "$first-$((first + 1))"
id=$(seq 5 | future map --detach -- echo)
status "detached with items on stdin" 0 future wait "$id"
eq "all were taken" "$(member count "$(future rpc status "{\"id\":$id}")")" 5
printf '\xff\n' >"$TMPDIR/items"
capture future map -d -a "$TMPDIR/items" -- echo
like "detached, a bad item is an error" "$code:$err" '^125:.*item 0: .*UTF-8'

# ---- on a terminal ----
blocked tty
mkfifo "$TMPDIR/tty.out"
on_terminal 80 "future map -- $(printf '%q ' "${gate[@]}")::: x" >"$TMPDIR/tty.out" &
mapper=$!
exec {from}<"$TMPDIR/tty.out"
runs tty
read -r -d , -u "$from" shown
like "progress is shown" "$shown" '0 of 1 done$'
release tty 'let go'
rest=$(tr '\r' '\n' <&"$from")
exec {from}<&-
like "the line goes away before the output" "$rest" $'\n {10,}\nlet go$'
ok "without any escape codes" test "$rest" = "${rest//$'\e'/}"
status "fine, too" 0 wait "$mapper"

# ---- whoever goes ----
seq 100000 | future map -- echo 2>/dev/null | head -n 3 >"$TMPDIR/got"
statuses=("${PIPESTATUS[@]}")
eq "a reader that goes" "$(tr '\n' ' ' <"$TMPDIR/got"):${statuses[1]}" '1 2 3 :141'
blocked gone
mkfifo "$TMPDIR/endless"
future map --label gone -- "${gate[@]}" <"$TMPDIR/endless" >/dev/null 2>&1 &
mapper=$!
exec {in}>"$TMPDIR/endless"
echo item >&"$in"
runs gone
id=$(member id "$(future status --label gone --json)")
kill -TERM "$mapper"
wait "$mapper"
exec {in}>&-
status "a map ends with its client" 123 future wait "$id"

finish

#!/bin/bash
# dump and backup: all futures as JSON lines, and a copy that another daemon starts from.
# shellcheck disable=SC2016  # the messages have such quotes
source tests/support/shell.bash
source tests/support/cli.bash
source tests/support/daemon.bash

mkdir "$TMPDIR/one" "$TMPDIR/two" "$TMPDIR/three"
start_daemon "$TMPDIR/one"

# ---- what a dump holds ----
gives "nothing is there" 0 '' future dump
future pause
keyed='{"fn":"exec","key":"k1","label":"nightly","priority":3,"timeout":60,"args":{"argv":["sh","-c","echo out; echo err >&2"]}}'
future rpc submit "$keyed" >/dev/null
future submit --after 1 -- false >/dev/null
future rpc map '{"fn":"echo","items":[1,"two"],"retry":{"max":2,"delay":0.5,"backoff":1.5},"on_crash":"rerun"}' >/dev/null
capture future dump
eq "a line for each" "$(grep -c '' <<<"$out")" 5
eq "by rising id" "$(grep -o '^{"id":[0-9]*' <<<"$out" | tr -d '{"id:\n')" 12345
first=$(sed -n 1p <<<"$out")
like "state and label" "$first" '"state":"PENDING".*"label":"nightly"'
like "what was submitted" "$first" '"args":\{"argv":\["sh","-c","echo out; echo err >&2"\]'
like "its key" "$first" '"key":"k1","timeout":60.0+,"retry":null,"on_crash":"fail","scope":"daemon","durability":"full"'
like "no end so far" "$first" '"durability":"full"\}$'
like "what it waits for" "$(sed -n 2p <<<"$out")" '"after":\[\{"id":1,"on":"result"\}\]'
like "of a map" "$(sed -n 3p <<<"$out")" \
    '"map":\{.*"retry":\{"max":2,"delay":0.50*,"backoff":1.5\},"on_crash":"rerun"'
like "of an item" "$(sed -n 5p <<<"$out")" '"item_of":3,"index":1.*"item":"two"\}$'
ok "an item does not repeat its map" test -z "$(sed -n 5p <<<"$out" | grep '"args"')"
future resume
ok "all ends" future drain
capture future dump
like "a result" "$(sed -n 1p <<<"$out")" '"result":\{"exit_code":0.*"stdout":"out\\n","stderr":"err\\n"\}\}$'
like "an exception" "$(sed -n 2p <<<"$out")" '"exception":\{"type":"ExitStatus"'
like "an item's result" "$(sed -n 5p <<<"$out")" '"result":\{"item":"two"\}\}$'
ok "a map's is in its items" test -z "$(sed -n 3p <<<"$out" | grep '"result"')"
refuses "dump takes no arguments" 64 'dump takes no arguments' future dump 1

# ---- in pages, from memory and from the store ----
future rpc map '{"fn":"exec","args":{"argv":["sh","-c","head -c 200000 /dev/zero | tr \\\\0 x","{}"]},"items":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30]}' >/dev/null
ok "they end" future drain
gives "pages end" 0 '{"futures":[],"next":null}' future rpc dump '{"from":1000}'
like "small ones" "$(future rpc dump '{"from":1,"limit":2}')" '^\{"futures":\[\{"id":1,.*\{"id":2,.*\],"next":3\}$'
large=$(future rpc dump '{"from":6}')
ok "large ones are fewer" test "$(grep -o '"state"' <<<"$large" | wc -l)" -lt 31
like "and there are more" "$large" '"next":[0-9]+\}$'
eq "none is left out" "$(future dump | grep -c '"state":"FINISHED"')" 36

# ---- a copy ----
copy=$TMPDIR/copy.db
gives "a backup says nothing" 0 '' future backup "$copy"
eq "it is private" "$(stat -c %a "$copy")" 600
beside=("$TMPDIR"/*copy*)
eq "nothing lies beside it" "${beside[*]}" "$copy"
refuses "it is not written over" 125 'is there already, and is not written over' future backup "$copy"
refuses "a directory that is not there" 125 'Storage failed: No such file' future backup /nonexistent/copy
refuses "a file is wanted" 64 'give the file to write' future backup
echo mine >"$TMPDIR/two/here.db.part"
ok "a relative path is the client's" env -C "$TMPDIR/two" future backup here.db
ok "it is there" test -s "$TMPDIR/two/here.db"
eq "what lies beside it is left alone" "$(<"$TMPDIR/two/here.db.part")" mine
gives "--json" 0 '{}' future backup --json "$TMPDIR/two/again.db"
all=$(future dump)
ok "the daemon ends" stop_daemon

mkdir -m 700 "$TMPDIR/three/state"
cp "$copy" "$TMPDIR/three/state/futured.db"
start_daemon "$TMPDIR/three"
# Which worker had a job is not kept.
without_worker() { sed 's/"worker":"[^"]*",\?//; s/,}$/}/'; }
eq "a daemon starts from it with all that there was" "$(future dump | without_worker)" "$(without_worker <<<"$all")"
eq "the ids go on" "$(future submit -- true)" 37
like "the key is known" "$(future rpc submit "$keyed")" '"id":1,.*"duplicate":true'
ok "it ends" stop_daemon

# ---- where nothing is stored ----
mkdir "$TMPDIR/four"
start_daemon "$TMPDIR/four" --durability none
future run -- echo hi >/dev/null
like "a dump is of the memory" "$(future dump)" '^\{"id":1,.*"durability":"none".*"stdout":"hi\\n"'
refuses "there is nothing to back up" 125 'nothing is stored: durability is none' future backup "$TMPDIR/none.db"
ok "it ends as well" stop_daemon
finish

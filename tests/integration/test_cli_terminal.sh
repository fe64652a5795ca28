#!/bin/bash
# What a person sees: everything here runs in a pseudo-terminal.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 2 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash
unset NO_COLOR COLUMNS LINES
export TERM=xterm-256color LC_ALL=C.UTF-8

# seen COLUMNS COMMAND: what the command line shows on a terminal of that width, in `out`.
seen()
{
    out=$(on_terminal "$1" "$2" | tr -d '\r')
}
# widest: columns of the longest line in `out`, without colours.
widest()
{
    sed 's/\x1b\[[0-9;]*m//g' <<<"$out" | wc -L
}
escape=$'\e' newline=$'\n'

# ---- words instead of bare ids ----
seen 80 'future submit -- true'
like "submit says what to do next" "$out" '^Future ([0-9]+) is PENDING\. `future follow [0-9]+` shows'
seen 80 'future submit -- true | cat'
like "but not into a pipe" "$out" '^[0-9]+$'
seen 80 'future map -d -- true ::: a'
like "map -d, too" "$out" '^Map [0-9]+ takes its items\. `future follow'
seen 80 'future submit --key k -- true >/dev/null; future submit --key k -- true'
like "a key that was known" "$out" ', and was before\.'

# ---- tables ----
status "done" 0 future wait all
long=$(printf 'ü%.0s' {1..60})
id=$(future submit --label "$long" --retry 1 --retry-delay 0 -- false)
status "failed" 123 future wait "$id"
seen 80 "future wait $id"
eq "wait says what failed" "$out" "future: wait: 1 of 1 failed or were cancelled$newline\`future exception $id\` says why."
second=$(future submit -- false)
seen 80 "future wait $second $id last"
like "wait says what failed first" "$out" "2 of 2 failed.*\`future exception $id\` says why of the first; \`future status --failed\`"
seen 80 "future wait $id 2>$TMPDIR/told"
eq "but not to a file" "$out$(<"$TMPDIR/told")" ''
future forget "$second" >/dev/null
for width in 60 80 200; do
    seen "$width" 'future status --limit 3'
    ok "a table fits into $width columns ($(widest))" test "$(widest)" -le "$width"
done
like "a wide terminal shows it all" "$out" "$long"
seen 80 'future status --limit 3'
like "what is cut says so" "$out" 'ü…  '
like "times are relative" "$out" ' [0-9]+[smhd0-9]* ago '
like "failures are red" "$out" "$escape"'\[31mexit 1'"$escape"'\[0m'
like "titles are bold" "$out" "$escape"'\[1mID'
like "counts stand below" "$out" $'\n[0-9]+ pending, [0-9]+ running, [0-9]+ finished, [0-9]+ cancelled'
like "and how to see more" "$out" 'future status --before'
like "and where the items of maps are" "$out" 'items of maps are counted: --items'
seen 30 'future status --limit 3'
ok "even into 30 columns ($(widest))" test "$(head -n 4 <<<"$out" | sed 's/\x1b\[[0-9;]*m//g' | wc -L)" -le 30
LC_ALL=C seen 80 'future status --limit 3'
like "without UTF-8 another mark" "$out" '~  '
for setting in NO_COLOR=1 TERM=dumb; do
    seen 80 "$setting future status --limit 3"
    ok "no colour with $setting" test "${out//$escape/}" = "$out"
done
seen 80 'NO_COLOR= future status --limit 3'
ok "an empty NO_COLOR forbids nothing" test "${out//$escape/}" != "$out"
seen 80 'future status --limit 3 | cat'
ok "no colour into a pipe" test "${out//$escape/}" = "$out"
ok "no limit into a pipe" test "$(widest)" -gt 80
for width in 60 80; do
    seen "$width" 'future status --items --limit 1'
    ok "--items fits as well ($(widest))" test "$(widest)" -le "$width"
done
for i in {1..30}; do future submit -- true >/dev/null; done
seen 100 'future status'
eq "as many as the terminal shows at once" "$(grep -c 'true$' <<<"$out")" 20
like "and the newest of them" "$out" "COMMAND[^0-9]*0m[[:space:]]*$(future status last --format '{id}') "
seen 100 'future status --limit 25'
eq "or as many as are wanted" "$(grep -c 'true$' <<<"$out")" 25
eq "a pipe has its hundred" "$(future status | wc -l)" "$(($(future status --limit 100 --format x | wc -l) + 1))"
seen 100 'future status --label nobody'
like "where nothing matches it is said" "$out" '^There are no such futures\.'
seen 40 'future status last'
like "a narrow one keeps state and command" "$out" 'ID.*STATE.*OUTCOME.*COMMAND.*FINISHED.* true'
future pool set a-long-name-of-a-pool max_workers=1 >/dev/null
seen 65 'future pool'
like "the name of a pool is not cut while others can go" "$out" 'a-long-name-of-a-pool +.*running'
ok "and fits ($(widest))" test "$(widest)" -le 65
seen 65 'future stats'
like "nor that in stats" "$out" 'a-long-name-of-a-pool +'
seen 80 'future pool'
like "pools have their state" "$out" "$escape"'\[32mrunning'

# ---- events in words ----
seen 80 "future events $id"
like "events are lines in words" "$out" "^[0-9:]{8} +$id +$escape\[31mfailed +$escape\[0m  ü"
seen 80 "future events --json $id"
like "--json are lines of JSON" "$out" '^\{"jsonrpc"'

# ---- the bar of a map ----
mkfifo "$TMPDIR/bar.go"
# bar COLUMNS INPUT ITEMS REGEX: a map whose first item is done and whose second waits until the bar matches.
bar()
{
    on_terminal "$1" "$2 future map -j1 -- sh -c '[ \$2 = 1 ] || read -r x <\$1' x $TMPDIR/bar.go $3" >"$TMPDIR/bar" &
    await file_has "$TMPDIR/bar" "$4"
    echo >"$TMPDIR/bar.go"
    wait "$!"
    out=$(tr '\r' '\n' <"$TMPDIR/bar")
}
bar 100 'seq 2 |' '' '1 of [0-9]+\+? done, 0 failed, [0-9.]+/s'
pass "a map shows its progress"
bar 100 '' '::: 1 2' '1 of 2 done, 0 failed, [0-9.]+/s, ETA [^[]+ \[#+-+\]'
pass "the rate, the time left, and a bar"
bar 40 '' '::: 1 2' '1 of 2 done'
ok "it fits ($(widest))" test "$(widest)" -lt 40
seen 100 'future map --no-bar -- echo ::: 1 2'
eq "--no-bar" "$out" $'1\n2'

# ---- top ----
if ! command -v tmux >/dev/null; then
    finish
fi
tmux() { command tmux -S "$TMPDIR/tmux" -f /dev/null "$@"; }
# shows REGEX: waits until the screen matches.
shows()
{
    local tries
    for ((tries = 0; tries < 400; tries++)); do
        out=$(tmux capture-pane -p 2>/dev/null)
        [[ $out =~ $1 ]] && return 0
        # A tick of the screen, not of the test.
        read -r -t 0.05 <>"$TMPDIR/tick"
    done
    printf 'The screen:\n%s\n' "$out"
    return 1
}
mkfifo "$TMPDIR/tick"
blocked top
held=$(future submit --label 'the held one' -- "${gate[@]}")
runs top
waiting=$(future submit --label 'the waiting one' --after "$held" -- true)
tmux new-session -d -x 100 -y 40 "future top --interval 0.1; echo left with \$?; cat"
ok "top shows the pool" shows 'default +running'
ok "and what runs" shows "$held RUNNING .*the held one"
ok "and what waits" shows "$waiting PENDING .*after +the waiting one"
ok "with their commands" shows "$held RUNNING .* sh -c 'echo "
first=$(future submit --delay 1h -- echo first)
second=$(future submit --delay 1h -- echo second)
ok "the queue in its order" shows "$first PENDING [^$newline]*echo first *$newline *$second PENDING [^$newline]*echo second"
status "those two go" 0 future cancel "$first" "$second"
ok "and the workers" shows "pool-[0-9]+ +running +[0-9]+ +$held "
ok "and the counts" shows "[0-9]+ pending, 1 running"
for ((i = 0; i < 20; i++)); do future submit -- true >/dev/null; done
ok "and the throughput" shows '[1-9][0-9]* done in the last second|[▁▂▃▄▅▆▇█]'
tmux send-keys p
ok "p pauses the pool" shows 'default +paused'
tmux send-keys p
ok "and lets it go on" shows 'default +running'
tmux send-keys Down c
ok "c cancels the one below" shows "cancelling future $waiting"
status "it is cancelled" 123 future wait "$waiting"
tmux resize-window -x 60 -y 20
ok "another size" shows "each second until no *$newline.*cancelling future $waiting"
tmux resize-window -x 80 -y 20
for ((i = 0; i < 205; i++)); do
    echo '{"jsonrpc":"2.0","id":1,"method":"submit","params":{"fn":"echo","label":"many","delay":3600,"args":{"n":'"$i"'}}}'
done | nc -N -U "$FUTURE_SOCKET" >/dev/null
many=$(future status --label many --limit 1 --format '{id}')
ok "of very many the newest are listed, which is said" \
    shows "older: future status --state pending --before $((many - 199))"
tmux send-keys End
ok "End goes to the last" shows "$many PENDING [^$newline]*echo *\{.n.:204\} *$newline"
ok "... where the first have gone from sight" shows "FOR POOL [^$newline]*$newline +[0-9]+ PENDING"
tmux send-keys Home
ok "Home goes to the first" shows "$held RUNNING"
tmux send-keys PageDown
ok "a page is turned" shows "FOR POOL [^$newline]*$newline +\.\.\. older: "
tmux resize-window -x 40 -y 10
ok "a tiny screen is for futures alone" shows "^futured: [^$newline]*${newline}POOL[^$newline]*$newline(default[^$newline]*$newline.*)? +ID STATE +FOR COMMAND"
tmux resize-window -x 60 -y 20
tmux send-keys Home
ok "the small one again" shows "$held RUNNING"
status "they go" 0 future cancel @many
tmux send-keys Up k
ok "k terminates" shows "terminating future $held"
tmux resize-window -x 80 -y 20
ok "which is still said in another size" shows "each second until now.*terminating future $held"
status "it is" 123 future wait "$held"
tmux send-keys q
ok "q leaves" shows 'left with 0'
tmux kill-server

# ---- top while daemons come and go ----
own=$TMPDIR/own
# begin: a daemon of our own, in `daemon`.
begin()
{
    futured --socket "$own" --durability none 2>/dev/null &
    daemon=$!
    await silently future --socket "$own" ping
}
begin
tmux new-session -d -x 80 -y 24 "future --socket $own top --interval 0.1; echo left with \$?; cat"
ok "top of a daemon" shows '^futured: 0 pending'
kill -STOP "$daemon"
ok "that does not answer" shows '^The daemon does not answer\.'
kill -CONT "$daemon"
ok "and answers again" shows '^futured: 0 pending'
kill -KILL "$daemon"
ok "and is gone" shows '^The daemon is gone: waiting'
tmux send-keys c p
begin
future --socket "$own" submit --delay 1h -- echo anew >/dev/null
ok "the next one is shown" shows '^futured: 1 pending.* echo anew'
kill -KILL "$daemon"
ok "and is gone" shows '^The daemon is gone: waiting'
tmux send-keys q
ok "q leaves all the same" shows 'left with 0'
tmux kill-server

# ---- top without a terminal ----
capture future top
like "top without a terminal is one picture" "$code:$out" '^0:[0-9]+ pending, .*POOL +STATE.*ID +STATE'
capture future top --once
like "--once as well" "$code:$out" '^0:[0-9]+ pending'
seen 80 'TERM=none future top'
like "a terminal that cannot" "$out" 'see --once'

finish

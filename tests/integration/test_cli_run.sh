#!/bin/bash
# future run and follow: streams as they are written, exit statuses, signals, maps.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 4 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

# ---- run ----
capture future run -- sh -c 'echo out; echo err >&2; exit 7'
eq "run: both streams and the status" "$code:$out:$err" '7:out:err'
gives "run: a signal is 128+N" 137 '' future run -- sh -c 'kill -KILL $$'
gives "run: not found" 127 '' future run -- no-such-command
refuses "run: a line for the shell" 127 "one word, and taken for the name of a program.* sh -c" future run 'echo a | cat'
printf '#!/bin/sh\necho spaced\n' >"$TMPDIR/a b"
chmod +x "$TMPDIR/a b"
capture future run "$TMPDIR/a b"
eq "run: a name with a space is fine" "$code:$out:$err" 0:spaced:
: >"$TMPDIR/plain"
gives "run: not executable" 126 '' future run -- "$TMPDIR/plain"
gives "run: options of submit" 0 'x:/' future run --env A=x --cwd / -- sh -c 'echo "$A:$(pwd)"'
head -c 300000 /dev/urandom >"$TMPDIR/random"
future run --stdin - -- cat <"$TMPDIR/random" >"$TMPDIR/copy"
ok "run: binary, to the byte" cmp "$TMPDIR/random" "$TMPDIR/copy"
gives "run --timeout" 125 '' future run --timeout 0.05 -- sleep 1000
like "run --timeout says so" "$err" '^TimedOut: '
gives "run --no-check: the status is the command's" 3 '' future run --no-check -- sh -c 'exit 3'
capture future run --json -- echo hi
like "run --json: the notifications" "$code:$out" '^0:\{.*"method":"future.output".*"data":"hi\\n".*'

# ---- run, while it runs ----
blocked gate
mkfifo "$TMPDIR/out"
future run -- sh -c 'echo one; "$@"; echo three; exit 5' x "${gate[@]}" >"$TMPDIR/out" &
runner=$!
exec {from}<"$TMPDIR/out"
read -r -u "$from" line
eq "run: output comes as it is written" "$line" one
runs gate
release gate two
eq "run: and the rest" "$(cat <&"$from")" $'two\nthree'
exec {from}<&-
status "run: then the status" 5 wait "$runner"

# ---- run, interrupted ----
# A shell without job control lets its background jobs ignore INT; `env` takes that back.
# The line that comes through says that it follows its job: a signal before that just ends it.
for signal in INT TERM HUP; do
    mkfifo "$TMPDIR/follows-$signal"
    env --default-signal future run --label "at-$signal" -- sh -c 'echo up; exec sleep 1000' \
        >"$TMPDIR/follows-$signal" 2>/dev/null &
    runner=$!
    exec {from}<"$TMPDIR/follows-$signal"
    read -r -u "$from" line
    eq "run: it follows" "$line" up
    kill -s "$signal" "$runner"
    status "run: $signal ends it, 128+N" $((128 + $(kill -l "$signal"))) wait "$runner"
    exec {from}<&-
    capture future exception "@at-$signal"
    like "run: $signal has ended the job" "$out" '^Terminated: .*interrupted'
done
# Ctrl-C goes to the whole group; a shell goes on behind a command that does not die of it.
mkfifo "$TMPDIR/loop"
setsid env --default-signal bash -c 'future run -- sh -c "echo up; exec sleep 1000"; echo on' \
    >"$TMPDIR/loop" 2>/dev/null &
runner=$!
exec {from}<"$TMPDIR/loop"
read -r -u "$from" line
kill -INT -- "-$runner"
status "a script ends with the command that Ctrl-C has ended" 130 wait "$runner"
eq "and does not go on" "$line:$(cat <&"$from")" up:
exec {from}<&-
blocked never
held=$(future submit -- sh -c 'exec "$@"' x "${gate[@]}")
runs never
env --default-signal future run --label pending --after "$held" -- true &
runner=$!
await silently future status @pending
kill -INT "$runner"
status "run: one that has not started is cancelled" 130 wait "$runner"
capture future wait @pending
eq "run: and is" "$(field "$(future status @pending --format '{id}')" state)" '"CANCELLED"'
release never
mkfifo "$TMPDIR/twice.started" "$TMPDIR/twice.go"
env --default-signal future run -- sh -c 'trap "" INT; echo >"$1.started"; read x <"$1.go"' x \
    "$TMPDIR/twice" &
runner=$!
runs twice
kill -INT "$runner"
kill -INT "$runner"
await fails kill -INT "$runner"
status "run: a second signal does not wait" 130 wait "$runner"
env --default-signal future run --label killed -- sh -c 'echo $$; exec sleep 1000' >"$TMPDIR/pid" &
runner=$!
await test -s "$TMPDIR/pid"
kill -KILL "$runner"
wait "$runner" 2>/dev/null
status "run: the job ends with its client" 123 future wait @killed

# ---- follow ----
id=$(future submit -- sh -c 'echo out; echo err >&2; exit 4')
status "done" 123 future wait "$id"
capture future follow "$id"
eq "follow: one that is done" "$code:$out:$err" '4:out:err'
gives "follow last" 4 out future follow last
blocked before
held=$(future submit -- "${gate[@]}")
runs before
id=$(future submit --after "$held:done" -- sh -c 'echo begun; exit 9')
future follow "$id" >"$TMPDIR/followed" 2>&1 &
follower=$!
eq "follow: it has not started" "$(field "$id" state)" '"PENDING"'
release before
status "follow: begins before the job does" 9 wait "$follower"
eq "follow: and shows all" "$(<"$TMPDIR/followed")" begun
gives "follow: not found" 127 '' future follow "$(future submit -- no-such-command)"
id=$(future submit --delay 1d -- true)
future follow "$id" >/dev/null 2>"$TMPDIR/followed" &
follower=$!
status "cancelled meanwhile" 0 future cancel "$id" >/dev/null
status "follow: a cancelled one" 125 wait "$follower"
like "follow: says so" "$(<"$TMPDIR/followed")" 'was cancelled'
id=$(member id "$(future rpc submit '{"fn":"echo","args":{"a":1}}')")
gives "follow: another function's result" 0 '{"a":1}' future follow "$id"
refuses "follow: an unknown one" 125 'follow: Not found' future follow 123456789
capture future follow "$(future submit --retry 1 --retry-delay 0 -- sh -c 'echo "$FUTURE_ATTEMPT"; exit 1')"
like "follow: through the attempts" "$code:$out" $'^1:(1\n)?2$'
id=$(future submit -- sh -c 'echo x; exec sleep 1000')
env --default-signal future follow "$id" >"$TMPDIR/begun" &
follower=$!
await test -s "$TMPDIR/begun"
kill -INT "$follower"
wait "$follower"
eq "follow: its end is not the job's" "$(field "$id" state)" '"RUNNING"'
status "kill" 0 future kill "$id" >/dev/null

# ---- follow a map ----
id=$(future map -d -- sh -c 'echo "o$1"; echo "e$1" >&2; [ "$1" != 2 ]' x ::: 1 2 3)
capture future follow "$id"
like "follow: a map, in order" "$code:$out:$err" $'^123:o1\no2\no3:e1\ne2\ne3\n.*1 of 3 items'
gives "follow: it again" 123 $'o1\no2\no3' future follow "$id"
# The daemon may tell of the map before it has read what to tell of its items.
for _ in {1..40}; do future follow "$id" 2>/dev/null; done | sort | uniq -c >"$TMPDIR/again"
eq "follow: as often as one likes" "$(tr -s ' \n' ' ' <"$TMPDIR/again")" ' 40 o1 40 o2 40 o3 '
blocked item
mkfifo "$TMPDIR/feed"
future map -d -- sh -c 'if [ "$2" = b ]; then echo >"$1.started"; read x <"$1.go"; fi; echo "got $2"' x \
    "$TMPDIR/item" <"$TMPDIR/feed" >"$TMPDIR/id" &
feeder=$!
exec {feed}>"$TMPDIR/feed"
printf 'a\nb\n' >&"$feed"
runs item
id=$(<"$TMPDIR/id")
future follow "$id" >"$TMPDIR/out" {feed}>&- &
follower=$!
exec {from}<"$TMPDIR/out"
read -r -u "$from" line
eq "follow: an open map, from its first item" "$line" 'got a'
future submit -- true >/dev/null
echo c >&"$feed"
exec {feed}>&-
status "its feeder leaves" 0 wait "$feeder"
release item
eq "follow: to its last" "$(cat <&"$from")" $'got b\ngot c'
exec {from}<&-
status "follow: and ends with it" 0 wait "$follower"

finish

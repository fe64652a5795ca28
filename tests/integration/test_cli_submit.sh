#!/bin/bash
# future submit: every option, and what the job sees of it.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 1 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

# ---- the id, at once ----
capture future submit -- true
like "submit prints the id and no more" "$code:$out:$err" '^0:[0-9]+:$'
first=$out
gives "ids rise" 0 $((first + 1)) future submit true
capture future submit --json -- true
like "--json is the reply" "$code:$out" "^0:\{\"id\":$((first + 2)),\"state\":\"PENDING\".*\}$"
gives "options behind the command are the command's" 0 '--json -l x' \
    future submit --wait echo --json -l x
gives "arguments stay as they are" 0 $'[a b]\n[]\n["\\$x]' \
    future submit --wait -- printf '[%s]\n' 'a b' '' '"\$x'

# ---- --wait is result ----
gives "--wait gives the exit status" 7 out future submit --wait -- sh -c 'echo out; exit 7'
gives "-w as well" 0 out future submit -w -- echo out
capture future submit --wait -- sh -c 'echo err >&2'
eq "--wait keeps the streams apart" "$out:$err" ":err"
capture future submit --wait --json -- echo x
eq "--wait --json is the reply to result" "$(member stdout "$out")" '"x\n"'

# ---- where and with what it runs ----
mkdir "$TMPDIR/dir"
here=$(cd "$TMPDIR" && pwd -P)
cd "$TMPDIR" || exit
gives "it runs in the current directory" 0 "$here" future submit --wait -- pwd -P
gives "--cwd" 0 / future submit --wait --cwd / -- pwd
gives "--cwd from here" 0 "$here/dir" future submit --wait --cwd dir -- pwd -P
gives "a missing directory is no missing command" 125 '' future submit --wait --cwd none -- true
cd "$OLDPWD" || exit
gives "--env" 0 'b=c:' future submit --wait --env A=b=c --env E= -- sh -c 'echo "$A:$E"'
gives "without --stdin it is empty" 0 '' future submit --wait -- cat
printf 'some\ntext' >"$TMPDIR/text"
gives "--stdin FILE" 0 $'some\ntext' future submit --wait --stdin "$TMPDIR/text" -- cat
head -c 300000 /dev/urandom >"$TMPDIR/random"
future submit --wait --stdin - -- cat <"$TMPDIR/random" >"$TMPDIR/copy"
ok "--stdin -, binary, to the byte" cmp "$TMPDIR/random" "$TMPDIR/copy"
refuses "--stdin of no file" 125 'none: No such file' future submit --stdin "$TMPDIR/none" -- cat
gives "a failure without --no-check is an exception" 3 '' future submit --wait -- sh -c 'exit 3'
capture future submit --wait --json --no-check -- sh -c 'exit 3'
eq "--no-check makes it a result" "$code:$(member exit_code "$out")" 3:3

# ---- what the daemon is told ----
id=$(future submit --label 'a "b" ü' --priority -5 -- true)
eq "--label" "$(field "$id" label)" '"a \"b\" ü"'
eq "--priority" "$(field "$id" priority)" -5
id=$(future submit -p default -l x -- true)
eq "--pool" "$(field "$id" pool):$(field "$id" label)" '"default":"x"'
refuses "an unknown pool" 125 'submit: Invalid params: .*pool' future submit --pool none -- true

id=$(future submit --key once -- echo a)
gives "--key: the same call is the same future" 0 "$id" future submit --key once -- echo a
refuses "--key: another call is refused" 125 'submit: Key conflict' \
    future submit --key once -- echo b

gives "--timeout" 125 '' future submit --wait --timeout 0.05 -- sh -c 'exec sleep 1000'
like "--timeout says so" "$err" '^TimedOut: '

counter=$TMPDIR/counter
id=$(future submit --retry 2 -- sh -c 'echo x >>"$1"; [ "$(wc -l <"$1")" -ge 3 ]' x "$counter")
status "--retry: the third attempt succeeds" 0 future result "$id"
eq "--retry: there were three" "$(wc -l <"$counter")" 3

# ---- order ----
blocked gate
held=$(future submit -- "${gate[@]}")
runs gate
after=$(future submit --after "$held" -- echo after)
when_done=$(future submit --after "$held:done,$first" -- echo 'it is over')
never=$(future submit --after "$held:exception" -- echo never)
delayed=$(future submit --delay 1d -- echo late)
eq "--after waits" "$(field "$after" waiting)" '"after"'
eq "--delay waits" "$(field "$delayed" waiting)" '"delay"'
low=$(future submit --priority 1 -- sh -c 'echo low >>"$1"' x "$TMPDIR/order")
high=$(future submit --priority 2 -- sh -c 'echo high >>"$1"' x "$TMPDIR/order")
release gate
gives "--after comes true" 0 after future result "$after"
gives "--after :done comes true" 0 'it is over' future result "$when_done"
refuses "--after :exception does not" 125 'DependencyFailed' future result "$never"
status "both ran" 0 future wait "$low" "$high"
eq "--priority: higher first" "$(tr '\n' ' ' <"$TMPDIR/order")" 'high low '
status "a delayed one can be cancelled" 0 future cancel "$delayed"

finish

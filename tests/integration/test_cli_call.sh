#!/bin/bash
# future call and future map --fn: functions that are no commands.
# shellcheck disable=SC2016  # JSON and scripts
source tests/support/shell.bash
if [[ -z ${FUTURE_SOCKET:-} ]]; then
    trap - EXIT
    cat >"$TMPDIR/call.conf" <<END
[pool default]
max_workers = 2
[function act]
handler = "${FUTURED%/*}/tests/puppet"
END
    exec tests/support/with-daemon --config "$TMPDIR/call.conf" -- bash "$0"
fi
source tests/support/cli.bash

# ---- call ----
gives "the result is JSON" 0 '{"a":[1,2.5,"ü"]}' future call echo '{"a":[1,2.5,"ü"]}'
gives "no arguments at all" 0 '{}' future call echo
gives "arguments over several lines" 0 '{"a":1,"b":2}' future call echo $'{"a":1,\n"b":2}'
gives "arguments from stdin" 0 '{"a":1}' future call echo - <<<'{"a":1}'
gives "arguments that are an array" 0 '[1]' future call echo '[1]'
gives "options come first" 0 '{}' future call --label mine -p default --timeout 10m echo '{}'
like "the label is there" "$(future rpc status '{"label":"mine"}')" '"fn":"echo"'
capture future call act '{"do":[["error",{"code":1,"message":"no good","data":{"type":"OSError"}}]]}'
eq "an exception" "$code:$out:$err" "125::OSError: no good"
capture future call act '{"do":[["stderr","words"]]}'
like "stderr comes through" "$code:$err" '^0:words$'
like "the result, too" "$out" '^\{"pid":[0-9]+,"tasks":'
capture future call --json echo
like "--json: the notifications" "$code:$out" '^0:.*"method":"future.done".*"fn":"echo"'

refuses "no function" 64 'give a function' future call
refuses "too many words" 64 'give a function' future call echo '{}' '{}'
refuses "no JSON" 64 'the arguments are no JSON object or array: ' future call echo '{"a"'
refuses "a scalar" 64 'the arguments are no JSON object or array' future call echo '17'
refuses "an unknown function" 125 'Invalid params' future call nothing
refuses "an option for commands" 64 'cwd' future call --cwd / echo

capture future call -d echo '{"later":1}'
like "-d: the id, at once" "$code:$out:$err" '^0:[0-9]+:$'
gives "and the result later" 0 '{"later":1}' future result "$out"

# ---- interrupted ----
mkfifo "$TMPDIR/child"
future call --label stopped act "{\"do\":[[\"child\",\"$TMPDIR/child\"],[\"hang\"]]}" &
caller=$!
read -r _ <"$TMPDIR/child"
kill -TERM "$caller"
status "a signal ends the call" 143 wait "$caller"
status "and the job" 123 future wait @stopped
like "which is done" "$(future rpc status '{"label":"stopped"}')" '"state":"FINISHED".*"failed":true'

# ---- progress on a terminal ----
mkfifo "$TMPDIR/tty.out" "$TMPDIR/go"
on_terminal 80 "future call act '{\"do\":[[\"progress\",{\"done\":21,\"total\":50}],[\"wait\",\"$TMPDIR/go\"],[\"error\",{\"code\":1,\"message\":\"over\"}]]}'" >"$TMPDIR/tty.out" &
caller=$!
exec {from}<"$TMPDIR/tty.out"
read -r -d ')' -u "$from" shown
like "progress is shown" "$shown" $'^\r 42 % \\(21 of 50$'
: >"$TMPDIR/go"
rest=$(tr '\r' '\n' <&"$from")
exec {from}<&-
like "the line goes away before the rest" "$rest" $'\n {10,}\nHandlerError: over\n*$'
status "the exit status" 125 wait "$caller"

# ---- map --fn ----
gives "map --fn: an item is an argument" 0 $'{"item":"a"}\n{"item":"b c"}' \
    future map --fn echo ::: a 'b c'
gives "with further arguments" 0 '{"n":1,"item":"a"}' future map --fn echo --args '{"n":1}' ::: a
gives "several lists" 0 $'{"item":["a","1"]}\n{"item":["a","2"]}' future map --fn echo ::: a ::: 1 2
gives "items from stdin" 0 $'{"item":"1"}\n{"item":"x"}' future map --fn echo <<<$'1\nx'
gives "--jsonl: any value" 0 $'{"item":1}\n{"item":null}\n{"item":{"a":[{}]}}' \
    future map --fn echo --jsonl <<<$'1\nnull\n{"a":[{}]}'
capture future map --fn echo --jsonl <<<$'1\n{'
like "a line that is no JSON" "$code:$out:$err" $'^123:\\{"item":1\\}:.*item 1.*not valid JSON'
gives "--dry-run" 0 "echo '\"a b\"'" future map --fn echo --dry-run ::: 'a b'
capture future map --fn act --args '{"do":[["exit",3]]}' ::: x
like "one that fails" "$code:$out:$err" '^123::.*item 0.*HandlerDied: the handler exited with status 3'
id=$(future map -d --fn echo ::: a b)
status "detached" 0 future wait "$id"
refuses "a command, too" 64 'takes the place of a command' future map --fn echo cat ::: a
refuses "--args alone" 64 'args is for --fn' future map --args '{}' cat ::: a
refuses "--args that are none" 64 'no JSON object' future map --fn echo --args '[1]' ::: a
refuses "--cwd" 64 'are for commands' future map --fn echo --cwd / ::: a

finish

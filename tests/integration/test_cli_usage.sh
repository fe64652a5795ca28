#!/bin/bash
# shellcheck disable=SC2016  # the messages have such quotes
# The command line without a daemon: help, usage errors, and what is said where no daemon is.
source tests/support/shell.bash
source tests/support/cli.bash
export FUTURE_SOCKET=$TMPDIR/none.sock
# getopt must not be told by the environment where to stop.
unset POSIXLY_CORRECT

# ---- help ----
capture future --version
like "--version" "$code:$out:$err" '^0:future [0-9]+\.[0-9]+\.[0-9]+:$'
capture future -V
like "-V" "$code:$out" '^0:future [0-9]'
capture future --help
overview=$out
like "--help tells of the exit statuses" "$code:$out" '^0:usage: future .*Exit status:.*124.*125.*126.*127'
gives "help is the same" 0 "$overview" future help
gives "-h is the same" 0 "$overview" future -h
capture future help map wait
like "help of several commands" "$code:$out" '^0:usage: future map .*usage: future wait '
refuses "help of what is none" 64 'there is no command `nope`' future help nope

commands='submit run call map status show result exception wait output follow cancel retry update stats trace explain forget events
    top pool pause resume drain info ping rpc dump backup shutdown help'
for command in $commands; do
    like "the overview has $command" "$overview" "  $command +[A-Z]"
    capture future help "$command"
    like "help $command has an example" "$code:$out" "^0:usage: future $command.*  future $command"
    help=$out
    gives "$command --help" 0 "$help" future "$command" --help
    grep -q "^\.It Cm $command\b" client/future.1
    ok "the manual has $command" test $? = 0
done

for page in client/*.[1-8] daemon/*.[1-8]; do
    [[ $page == client/future.1 ]] && continue
    name=${page##*/}
    like "future(1) leads to $name" "$(<client/future.1)" "Xr ${name%.*} ${name##*.}( |"$'\n'"|\$)"
done
if command -v mandoc >/dev/null; then
    gives "the manual is in order" 0 '' mandoc -Tlint -Wwarning client/future.1
fi
capture future --help
ok "the overview fits into 90 columns" test "$(wc -L <"$TMPDIR/capture.out")" -le 90

# ---- usage errors: what is wrong, how it is right, status 64 ----
refuses "an unknown command" 64 'there is no command `nopenope`.*usage:' future nopenope
refuses "a command that is nearly one" 64 'no command `explian`: do you mean `explain`' future explian
refuses "an alias that is nearly one" 64 'do you mean `clean`' future claen
while read -r theirs ours; do
    refuses "what others call $ours" 64 "no command .$theirs.: do you mean .$ours.\?" future "$theirs"
done <<'TABLE'
list status
ls status
ps status
queue status
start resume
unpause resume
stop pause
restart retry
rerun retry
rm cancel
remove cancel
delete cancel
logs output
cat output
tail follow
group pool
groups pool
edit update
enqueue submit
xargs map
parallel map
dependencies show
TABLE
refuses "a short name that is near to nothing" 64 'no command `lx`.usage' future lx
refuses "no name at all" 64 'no command ``.usage' future ''
capture future help add
like "an alias has its command's help" "$code:$out" '^0:usage: future submit '
refuses "an unknown option before the command" 64 'there is no option --nope' future --nope ping
refuses "an unknown long option" 64 'submit: there is no option --nope.*usage: future submit' \
    future submit --nope -- true
refuses "an unknown short option" 64 'there is no option -x' future submit -x -- true
refuses "an option that is nearly one" 64 'no option --prority: do you mean --priority\?' \
    future submit --prority 3 -- true
refuses "an option that is nearly one, with its value" 64 'no option --labl=x: do you mean --label\?' \
    future submit --labl=x -- true
refuses "the beginning of several" 64 'no option --ret: do you mean --retry\?' future submit --ret 3 -- true
refuses "an option of all commands, nearly" 64 'no option --sokcet: do you mean --socket\?' future --sokcet x ping
refuses "options of the tests are not proposed" 64 'no option --optoins.usage' future ping --optoins
while read -r command option words; do
    refuses "$command $option, as elsewhere" 64 "there is no option $option.*: .*$words" future "$command" "$option" x
done <<'TABLE'
map -P -j
map --max-procs -j
map -I stands
map --replace stands
map -N one argument
map --max-args one argument
map -L one argument
map -C --jsonl
map --colsep=, --jsonl
map --eta --bar
map --progress --bar
map -u --no-order
map --ungroup --no-order
submit -g -p
submit --group --pool
submit -d --after
submit -L -l
submit --working-directory --cwd
TABLE
refuses "an option without its value" 64 '--label needs a value' future submit --label
refuses "a value that is not wanted" 64 '--wait=1: this option takes no value' future submit --wait=1
refuses "a file in place of a socket" 69 'That is no socket' future --socket /etc/passwd status
refuses "a directory in place of a socket" 69 'That is no socket' future --socket / ping
refuses "submit of nothing" 64 'which command' future submit
refuses "submit of nothing behind --" 64 'which command' future submit --
refuses "map of nothing" 64 'which command' future map
refuses "map of no command" 64 'which command' future map -- ::: a
refuses "map with jsonl and lists" 64 'for items from -a FILE or stdin' future map --jsonl echo ::: a
refuses "map with jsonl and -0" 64 'without -0' future map --jsonl -0 echo
refuses "map --resume without a log" 64 '--joblog FILE' future map --resume -- echo ::: a
refuses "map --jobs" 64 'write a number' future map -j many -- echo
refuses "map --retries" 64 'attempts in all' future map --retries 0 -- echo
for halt in now soon now,fail now,fail=0 later,fail=1 now,fail=0% now,fail=101% now,fail=% now,wail=1 ''; do
    refuses "map --halt '$halt'" 64 'write now,fail=1' future map --halt "$halt" -- echo
done
refuses "map with items and a file" 64 'not both' future map -a x -- echo ::: a
refuses "map with stdin for two" 64 'stdin gives the items' future map --stdin - -- echo
refuses "map with an item that is not UTF-8" 64 'item 1 is not valid UTF-8' \
    future map -- echo ::: a $'\xff'
refuses "a directory that is not UTF-8" 64 'not valid UTF-8; --cwd names another' \
    bash -c 'mkdir "$1" && cd "$1" && exec future submit -- true' x "$TMPDIR/"$'\xff'
refuses "an argument that is not UTF-8" 64 'not valid UTF-8' future submit -- echo $'\xff'
for command in show result exception wait cancel output follow explain forget retry kill log 'update --priority 1'; do
    # shellcheck disable=SC2086  # words
    refuses "$command without an id" 64 'which future' future $command
    for id in x 0 '7,' ',7' '7,,8' 9-7 7- 7x 99999999999999999999; do
        # shellcheck disable=SC2086  # words
        refuses "$command $id" 64 'is no id: write ids as' future $command "$id"
    done
done
for command in output follow explain; do
    refuses "$command of several" 64 'give one id' future "$command" 7,8
done
for format in '{' '}' '{}' '{id' 'a}b' '{a{b}}'; do
    refuses "--format '$format'" 64 '--format' future status --format "$format"
done
refuses "--format where there is nothing to fill in" 64 'no option --format' future ping --format x
refuses "run of nothing" 64 'which command' future run
refuses "pause of a pool and all" 64 'not both' future pause --all x
refuses "drain of two pools" 64 'name one pool' future drain a b
refuses "update of nothing" 64 'Give --priority N' future update 7
refuses "update to no number" 64 'write an integer' future update --priority high 7
refuses "stats of something" 64 'no arguments' future stats x
refuses "stats in two formats" 64 'format of its own' future stats --prometheus --json
refuses "trace of something" 64 'options only' future trace x
refuses "trace of no time" 64 'write a duration as' future trace --since ever
refuses "top of something" 64 'too much' future top x
refuses "forget --older-than" 64 'write a duration' future forget --older-than long
refuses "output of several" 64 'give one id' future output 7,8
refuses "output of a third stream" 64 'stdout or stderr' future output --stream both 7
refuses "events of ids and all" 64 'not both' future events --all 7
refuses "events without end or beginning" 64 '--count 0' future events --count 0
for duration in x 5x -1 1h30 '' . 1. 1e3; do
    refuses "result --timeout '$duration'" 64 'write a duration as' \
        future result --timeout "$duration" 7
done
refuses "submit --delay" 64 'write a duration as' future submit --delay soon -- true
refuses "submit --priority" 64 'write an integer' future submit --priority high -- true
refuses "submit --retry" 64 'how many more attempts' future submit --retry -1 -- true
refuses "submit --after" 64 'write ids as' future submit --after 7:maybe -- true
refuses "submit --env" 64 'write NAME=VALUE' future submit --env NAME -- true
refuses "submit --env without a name" 64 'write NAME=VALUE' future submit --env =x -- true
refuses "status --limit" 64 'write a number' future status --limit many
refuses "pool with a word that is none" 64 'none of list, set' future pool fill
refuses "pool set without settings" 64 'which settings' future pool set default
refuses "pool set with half a setting" 64 'is no setting' future pool set default max_workers
refuses "pool pause of none" 64 'which pool' future pool pause
refuses "rpc without a method" 64 'give a method' future rpc
refuses "rpc with bad JSON" 64 'no JSON' future rpc ping '{'
refuses "rpc with too much" 64 'give a method' future rpc ping '{}' '{}'
refuses "shutdown with an argument" 64 'too much' future shutdown now

# ---- no daemon ----
refuses "no daemon" 69 "no daemon at $FUTURE_SOCKET: No such file.*futured --socket" future ping
refuses "--socket goes before the environment" 69 'no daemon at /nowhere/x' \
    future --socket /nowhere/x ping
refuses "--socket behind the command" 69 'no daemon at /nowhere/x' future ping --socket /nowhere/x
for command in 'submit true' 'add true' 'run true' 'map echo ::: a' status 'result 1' 'exception 1' \
    'wait 1' 'cancel 1' 'kill 1' 'follow 1' 'log 1' 'explain 1' clean pause resume drain 'top --once' \
    'result last' 'wait all' 'result @x' 'retry 1' events 'output 1' 'forget 1' pool info stats trace 'update --priority 1 1' 'rpc ping' shutdown ''; do
    # shellcheck disable=SC2086  # words
    refuses "no daemon for: future $command" 69 'no daemon at' future $command
done
long=$(printf '%0200d' 0)
refuses "a path that is too long" 64 'longer than 107 bytes' future --socket "/$long" ping
refuses "an empty path" 64 'is empty' future --socket '' ping

# ---- not a daemon, or one that goes ----
: >"$TMPDIR/file"
refuses "a file is no daemon" 69 'no daemon at' future --socket "$TMPDIR/file" ping

finish

#!/bin/bash
# Options that several commands share, with each of them: what they ask for is what the daemon has got.
# shellcheck disable=SC2016  # scripts of jobs
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 2 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

# dumped ID: all that the daemon knows of the future.
dumped() { future dump | grep "^{\"id\":$1,"; }
# newest: the id of the newest future that is no item.
newest() { future status --limit 1 --format '{id}'; }

# ---- what is said of a call ----
future pool set gpu max_workers=2 >/dev/null
before=$(future submit --wait -- true; newest)
# asks COMMAND [ARGUMENT...] -- WORD...: the command with all options of a call is understood.
asks()
{
    local words=() name="$*" id
    while [[ $1 != -- ]]; do words+=("$1") && shift; done
    shift
    capture future "${words[@]}" -l "a ${words[0]}" -p gpu --priority 7 --key "the ${words[*]}" --after "$before:done" \
        --delay 0.01 --timeout 50 --retry 2 --retry-delay 0.5 --rerun -- "$@"
    eq "$name: ends well" "$code:$err" 0:
    id=$(newest)
    out=$(dumped "$id")
    like "$name: --label, --pool and --priority" "$out" "\"pool\":\"gpu\",\"label\":\"a ${words[0]}\",\"priority\":7"
    like "$name: --key" "$out" "\"key\":\"the ${words[*]}\""
    like "$name: --timeout" "$out" '"timeout":50\.0'
    like "$name: --retry and --retry-delay" "$out" '"retry":\{"max":2,"delay":0\.50*,'
    like "$name: --rerun" "$out" '"on_crash":"rerun"'
    capture future submit --label "behind it" --after "$id:done" -- true
    eq "$name: others can wait for it" "$code" 0
}
asks submit --wait -- true
asks run -- true
asks call -- echo '{}'
asks map -- true ::: 1
asks map --fn echo -- ::: 1
status "--label in full" 0 future run --label full --pool default -- true
eq "and --pool" "$(future status last --format '{label} {pool}')" 'full default'
gives "call --label in full" 0 {} future call --label full2 --pool gpu echo '{}'
eq "and its --pool" "$(future status last --format '{label} {pool}')" 'full2 gpu'
status "map --label in full" 0 future map --label full3 --pool gpu -- true ::: 1
eq "and its --pool" "$(future status last --format '{label} {pool}')" 'full3 gpu'

# ---- what is said of a command ----
cat >"$TMPDIR/script" <<'END'
pwd; echo "$LEFT $RIGHT"; cat; exit 3
END
printf 'from a file\n' >"$TMPDIR/input"
wanted=/$'\nl r\nfrom a file'
gives "run --cwd, --env, --stdin" 3 "$wanted" \
    future run --cwd / --env LEFT=l --env RIGHT=r --stdin "$TMPDIR/input" -- sh "$TMPDIR/script"
gives "submit with the same" 3 "$wanted" \
    future submit -w --cwd / --env LEFT=l --env RIGHT=r --stdin "$TMPDIR/input" -- sh "$TMPDIR/script"
gives "map with the same" 123 "$wanted" \
    future map --cwd / --env LEFT=l --env RIGHT=r --stdin "$TMPDIR/input" -- sh ::: "$TMPDIR/script"
for command in run 'submit --wait'; do
    # shellcheck disable=SC2086  # words
    status "$command --no-check" 3 future $command --no-check -- sh -c 'exit 3'
    eq "$command --no-check: it is a result" "$(future status last --format '{failed}')" false
done
status "map --no-check" 0 future map --no-check -- sh -c 'exit 3' x ::: 1
gives "--after with labels" 0 'next' future run --after '@full3:done' -- echo next
gives "--after with several" 0 'next' future run --after "$before,last:done" -- echo next
refuses "--after of nobody" 125 'no future has the label' future submit --after @nobody -- true
refuses "--after of what is none" 64 'write ids as' future submit --after 'last:never' -- true
eq "of an option that is given twice the last one counts" \
    "$(future submit -n --label a --label b --priority 1 --priority 2 -- true | grep -c '"label":"b","priority":2')" 1
eq "of a filter as well" "$(future status --label nobody --label full3 --format '{label}')" full3

# ---- ids and their ends ----
held=$(future submit --delay 1h -- true)
done=$(future submit --wait -- true >/dev/null; newest)
gives "exception -t" 124 '' future exception -t 0 "$held"
gives "exception of what succeeded" 0 '' future exception -t 5 "$done"
gives "drain -t" 124 '' future drain -t 0
refuses "drain of a pool that is not there" 125 'no pool nope' future drain nope
refuses "cancel with a signal and nobody to get it" 64 'use `future kill`' future cancel --signal KILL "$held"
refuses "cancel --grace as well" 64 'use `future kill`' future cancel --grace 1 "$held"
gives "--reason alone is fine" 0 "$held cancelled" future cancel --reason why "$held"
status "result of one that was cancelled" 125 future result "$held"
status "exception of it" 125 future exception "$held"
status "follow of it" 125 future follow "$held"
status "wait for it" 123 future wait "$held"

# ---- --json and --format of each command that has them ----
json() { capture future "$@" && like "--json: $1" "$code:$out" '^0:[{"]'; }
json pause --json
json resume --json
json follow --json "$done"
json rpc --json ping
refuses "--json: top says where it is" 64 "status --json" future top --json
json trace --json
json dump --json
gives "--json: drain has nothing to say" 0 '' future drain --json
capture future map -d --format '{first} follows {id}' -- true ::: 1
like "--format: map -d" "$code:$out" '^0:[0-9]+ follows [0-9]+$'
gives "--format: pause" 0 'default true' future pause --format '{name} {paused}'
gives "--format: resume" 0 'default false' future resume --format '{name} {paused}'
gives "--format: info" 0 "futured" future info --format '{name}'
gives "--format: result" 0 "$done 0" future result --format '{id} {result.exit_code}' "$done"
gives "--format: exception" 0 "$done " future exception --format '{id} {exception.type}' "$done"
gives "--format: retry" 0 "$done" future retry --format '{id}' "$done"
status "done again" 0 future wait "$done"
gives "--format: forget" 0 "1" future forget --format '{forgotten}' "$done"
held=$(future submit --delay 1h -- sleep 5)
gives "--format: update" 0 "$held 9" future update --format '{id} {priority}' --priority 9 "$held"
gives "--format: explain" 0 "$held delay" future explain --format '{id} {reason}' "$held"
gives "--format: status" 0 "sleep 5" future status --format '{description}' "$held"
gives "--format: cancel" 0 "$held true" future cancel --format '{id} {cancelled}' "$held"

# ---- short forms ----
gives "pause -a" 0 $'default paused\ngpu paused' future pause -a
gives "resume -a" 0 $'default running\ngpu running' future resume -a
capture future top -i 0.5
like "top -i" "$code:$out" '^0:[0-9]+ pending'
refuses "top -i of what is no time" 64 'write a duration' future top -i often

# ---- --socket, --no-start and --help behind each command ----
for command in $(future help | sed -n 's/^  \([a-z]*\)  *[A-Z].*/\1/p'); do
    capture future "$command" --help
    like "$command --help" "$code:$out" "^0:usage: future $command"
    case $command in
    help | completion) continue ;;
    submit | run | map | call | rpc) words=(true) ;;
    show | result | exception | wait | output | follow | cancel | retry | update | explain | forget) words=(1) ;;
    backup) words=("$TMPDIR/copy") ;;
    *) words=() ;;
    esac
    [[ $command != map ]] || words+=(::: 1)
    [[ $command != update ]] || words=(--priority 1 1)
    refuses "$command --socket --no-start" 69 'no daemon at /nowhere/x' \
        future "$command" --socket /nowhere/x --no-start "${words[@]}"
done

# ---- the end ----
held=$(future submit --delay 1h -- true)
refuses "shutdown -t" 124 'time|not done' future shutdown -t 0.01
gives "shutdown --no-wait" 0 '1 cancelled' future shutdown --cancel --no-wait

finish

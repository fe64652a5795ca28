#!/bin/bash
# Completion: what `future completion words` offers, and what bash, zsh and fish make of it, with a
# daemon and without one.
# shellcheck disable=SC2016  # scripts for other shells
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 2 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash
export TMPDIR

fine=$(future submit --label nightly -- true)
bad=$(future submit --label 'two words' -- false)
future submit --label $'a\tb' -- true >"$TMPDIR/tabbed"
tabbed=$(<"$TMPDIR/tabbed")
future wait "$fine" "$bad" "$tabbed" >/dev/null
blocked one
running=$(future submit --label blk -- "${gate[@]}")
runs one
future pool set gpu max_workers=1 >/dev/null

# ---- what is offered ----

# offers NAME WANTED WORD...: the candidates for the last word, without their descriptions.
offers()
{
    local name=$1 wanted=$2
    shift 2
    capture future completion words "$@"
    eq "$name" "$code:$(cut -f 1 <<<"$out" | tr '\n' ' '):$err" "0:$wanted :"
}

# listed NAME WORD: the word is one of the candidates in `out`, with a description.
listed()
{
    like "$1" $'\n'"$out" $'\n'"$2"$'\t.'
}

capture future completion words ''
for word in add kill clean completion help $(future help | sed -n 's/^  \([a-z]\{2,\}\) .*/\1/p'); do
    listed "the command $word" "$word"
done
for command in $(future help | sed -n 's/^  \([a-z]\{2,\}\) .*/\1/p'); do
    # The options of the command's help text, each as a candidate.
    options=$(future help "$command" | grep -o '^ \{2,6\}\(-., \)\?--[a-z-]*' | grep -o -- '--.*')
    capture future completion words "$command" --
    for option in $options --help; do
        listed "$command $option" "$option"
    done
done
capture future completion words -
listed "options before the command" --version
offers "nothing for what is no command" '' nope ''

all="$running $tabbed $bad $fine last all @blk @two words @nightly"
offers "ids" "$all" wait ''
offers "ids after another" "$all" wait 7 ''
offers "ids after an option" "$all" wait --any ''
offers "ids after an option with its value" "$all" wait --timeout 5 ''
offers "ids behind --" "$all" wait -- ''
offers "ids after a comma" "7,$running 7,$tabbed 7,$bad 7,$fine" wait 7,
offers "ids that can be cancelled" "$running last all @blk @two words @nightly" cancel ''
offers "and by another name" "$running last all @blk @two words @nightly" kill ''
offers "ids that can be forgotten" "$tabbed $bad $fine last all @blk @two words @nightly" forget ''
offers "one id" "$running $tabbed $bad $fine last @blk @two words @nightly" follow ''
offers "ids as the value of an option" "8,$running 8,$tabbed 8,$bad 8,$fine" submit --after 8,
capture future completion words wait ''
like "ids have descriptions" "$out" "^$running"$'\tRUNNING exec blk\n'"$tabbed.*$bad"$'\tFAILED exec two words\n'
offers "labels" 'blk two words nightly' status --label ''
offers "labels behind =" '--label=blk --label=two words --label=nightly' status --label=
offers "pools" 'default gpu' status --pool ''
offers "pools of a short option" 'default gpu' submit -p ''
offers "pools of a short option behind another" 'default gpu' submit -wp ''
offers "pools behind =" '--pool=default --pool=gpu' events --pool=g
offers "pools as operands" 'default gpu' drain ''
offers "states" 'pending running finished cancelled' status --state ''
offers "states in a list" 'running,pending running,running running,finished running,cancelled' \
    status --state running,
offers "events" 'done,done done,running done,output done,progress' events --events done,
offers "streams" 'stdout stderr' output --stream ''
capture future completion words cancel --signal ''
listed "signals" TERM
offers "nothing where nobody knows" '' wait --timeout ''
offers "what a pool can be told" 'list set pause resume' pool ''
offers "its name" 'default gpu' pool set ''
offers "its settings" 'max_workers= min_workers= idle_timeout= max_tasks_per_worker= queue_limit= on_full= thread_name_prefix= initializer=' \
    pool set gpu ''
offers "shells" 'bash zsh fish' completion ''
capture future completion words rpc ''
like "methods" "$out" $'(^|\n)pool.list(\n|$)'
capture future completion words help ''
like "commands to get help of" "$out" $'(^|\n)wait\t'
offers "files" ':files' map --arg-file ''
offers "directories" ':directories' submit --cwd ''
offers "items" ':files' map -- gzip ::: ''
offers "another command" ':command 1' submit ''
offers "another command behind options" ':command 4' submit --label wait -- ''
offers "the words of another command" ':command 3' submit -w --no-check tar ''
offers "not our options there" ':command 1' submit ls --
offers "all of no words" "$(future completion words '' | cut -f 1 | tr '\n' ' ' | sed 's/ $//')"

# A function's name, where there is a command that takes one.
if [[ -n $(future help call 2>/dev/null) ]]; then
    capture future completion words call ''
    like "functions" "$out" $'(^|\n)exec\t'
fi

none=$TMPDIR/none.sock
offers "nothing without a daemon" '' --socket "$none" wait ''
offers "nothing without a daemon, written with =" '' "--socket=$none" status --pool ''
offers "nothing without a daemon, behind the command" '' status --socket "$none" --label ''
FUTURE_SOCKET=$none offers "nothing without a daemon of the environment" '' wait ''
: >"$TMPDIR/file"
FUTURE_SOCKET=$TMPDIR/file offers "nothing from what is no daemon" '' wait ''
FUTURE_SOCKET=$none capture future completion words wait -
listed "but options" --any
FUTURE_SOCKET=$none capture future completion words ''
listed "and commands" wait

# ---- the scripts ----
for shell in bash zsh fish; do
    future completion "$shell" >"$TMPDIR/script"
    ok "the script for $shell" cmp "$TMPDIR/script" "client/completion/future.$shell"
done
refuses "no shell" 64 'for which shell' future completion
refuses "another shell" 64 'there is none for `csh`' future completion csh
refuses "two shells" 64 'one shell at a time' future completion bash zsh

# ---- bash, as it calls us ----
# shellcheck source=client/completion/future.bash
source <(future completion bash)
mkdir "$TMPDIR/alone"
: >"$TMPDIR/alone/file"

# in_bash NAME WANTED WORD...: bash's own words of a line; those it has split stand as = : and @.
in_bash()
{
    local name=$1 wanted=$2 word before=' '
    shift 2
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE='' COMPREPLY=()
    for word; do
        [[ $word == [=:] || $before == [=:@] ]] || COMP_LINE+=' '
        COMP_LINE+=$word
        before=$word
    done
    COMP_LINE=${COMP_LINE# } COMP_POINT=${#COMP_LINE}
    _future future "$word" '' 2>"$TMPDIR/noise"
    eq "bash: $name" "${COMPREPLY[*]}$(<"$TMPDIR/noise")" "$wanted"
}

in_bash "a command" 'wait' future wa
in_bash "commands" 'pool pause ping' future p
in_bash "an option" '--first-exception' future wait --f
in_bash "ids and labels" "$running $tabbed $bad $fine last all @blk @two\\ words @nightly" future wait ''
in_bash "a label" '@two\ words' future wait @ t
in_bash "a label of a bash that does not split there" '@two\ words' future wait @t
in_bash "labels" '@blk @two\ words @nightly' future wait @
in_bash "a value behind =" 'gpu' future status --pool = g
in_bash "values behind =" 'default gpu' future status --pool =
in_bash "a directory" "$TMPDIR/alone" future submit --cwd "$TMPDIR/al"
in_bash "a file behind =" "$TMPDIR/alone/file" future --socket = "$TMPDIR/alone/f"
in_bash "a command of others" 'base64' future submit -- base6
in_bash "a file of others" "$TMPDIR/alone/file" future submit -- cat "$TMPDIR/alone/f"
FUTURE_SOCKET=$none in_bash "no daemon" '' future wait ''

# ---- the shells, as one types ----

# type.zsh SHELL LINE...: the shell in a pseudo-terminal, of zsh, which has them. Types each line and a
# tab, and lets the shell write down what has become of the line, and clear it.
cat >"$TMPDIR/type.zsh" <<'END'
zmodload zsh/zpty
typeset -A shells begin
shells[bash]='bash --norc --noprofile -i'
shells[zsh]='zsh -f -i'
begin[bash]='source <(future completion bash)
bind -x "\"\\C-o\": printf \"%s\\n\" \"\$READLINE_LINE\" >\$TMPDIR/typed; READLINE_LINE= READLINE_POINT=0"
echo >$TMPDIR/ready'
begin[zsh]='unsetopt beep; autoload -U compinit; compinit -u -d $TMPDIR/zcompdump
source <(future completion zsh)
tell() { print -r -- "$BUFFER" >$TMPDIR/typed; BUFFER= }; zle -N tell; bindkey "^O" tell
echo >$TMPDIR/ready'
# Open for writing too, so that no writer that goes away is an end.
exec {ready}<>$TMPDIR/ready {answers}<>$TMPDIR/typed
zpty terminal $shells[$1]
for line in ${(f)begin[$1]}; do zpty -w terminal $line; done
read -r -u $ready _
for line in "${@[2,-1]}"; do
    zpty -w -n terminal "$line"$'\t\x0f'
    IFS= read -r -u $answers typed
    print -r -- "$typed|"
done
zpty -d terminal
END
mkfifo "$TMPDIR/ready" "$TMPDIR/typed"

# Lines, and what a tab makes of them.
lines=('future wai' 'future wait --fi' 'future wait @tw' 'future status --pool=g'
    'future status --pool g' 'future status --state pending,r' 'future pool set gpu mi'
    'future submit -- base6' "future submit -w cat $TMPDIR/alone/f"
    "future submit --cwd $TMPDIR/al" "future --socket=$TMPDIR/alone/f"
    'future --socket /nowhere wait n')
made=('future wait ' 'future wait --first-exception ' 'future wait @two\ words '
    'future status --pool=gpu ' 'future status --pool gpu '
    'future status --state pending,running ' 'future pool set gpu min_workers='
    'future submit -- base64 ' "future submit -w cat $TMPDIR/alone/file "
    "future submit --cwd $TMPDIR/alone/" "future --socket=$TMPDIR/alone/file "
    'future --socket /nowhere wait n')

if command -v zsh >/dev/null; then
    ok "zsh takes the script" zsh -n client/completion/future.zsh
    for shell in bash zsh; do
        mapfile -t typed < <(zsh -f "$TMPDIR/type.zsh" $shell "${lines[@]}" 2>&1)
        for i in "${!lines[@]}"; do
            eq "$shell: ${lines[i]}" "${typed[i]:-}" "${made[i]}|"
        done
    done
else
    echo "skipped: what zsh makes of it, as there is no zsh"
fi

# ---- fish ----

# in_fish LINE WANTED: fish's own candidates, sorted, without their descriptions.
in_fish()
{
    capture fish --no-config -c 'future completion fish | source; complete -C $argv[1]' "$1"
    eq "fish: $1" "$(cut -f 1 <<<"$out" | sort | tr '\n' ' ')$err" "$2 "
}

if command -v fish >/dev/null; then
    export HOME=$TMPDIR
    ok "fish takes the script" fish --no-config -n client/completion/future.fish
    in_fish 'future wai' 'wait'
    in_fish 'future wait --fi' '--first-exception'
    in_fish 'future wait @tw' '@two words'
    in_fish 'future cancel ' "$running @blk @nightly @two words all last"
    in_fish 'future status --pool=' '--pool=default --pool=gpu'
    in_fish 'future status --pool g' 'gpu'
    in_fish 'future status --state pending,r' 'pending,running'
    in_fish 'future submit -- base6' 'base64'
    in_fish "future submit -w cat $TMPDIR/alone/f" "$TMPDIR/alone/file"
    in_fish "future submit --cwd $TMPDIR/al" "$TMPDIR/alone/"
    in_fish "future --socket=$TMPDIR/alone/f" "--socket=$TMPDIR/alone/file"
    in_fish 'future --socket /nowhere wait ' ''
else
    echo "skipped: what fish makes of it, as there is no fish"
fi

release one
finish

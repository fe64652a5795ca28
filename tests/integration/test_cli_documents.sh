#!/bin/bash
# Each option of each command stands in its help, in the manual, in what shells complete, and in some
# test: who adds one and forgets a place is told so here. Each command lists its own with --options.
# shellcheck disable=SC2016  # patterns with a dollar
source tests/support/shell.bash
source tests/support/cli.bash
unset FUTURE_SOCKET

# The manual's text for each command, a file each. Commands that take what `submit` takes say so there.
manual=$TMPDIR/manual
mkdir "$manual"
awk -v dir="$manual" '/^\.Sh COMMANDS/ { on = 1 } /^\.Sh THE DAEMON/ { on = 0 }
    on && /^\.It Cm [a-z]/ { file = dir "/" $3 } on && file { print >file }' client/future.1
sed -n '/^\.Sh DESCRIPTION/,/^\.Sh COMMANDS/p' client/future.1 >"$manual/all"
# in_manual COMMAND OPTION: its entry there, or where those of all commands are.
in_manual()
{
    local files=("$manual/$1" "$manual/all")
    case $1 in run | call | map) files+=("$manual/submit") ;; esac
    grep -qE "^\.(It|Fl|Op|Oo|Pq) ?.*Fl -$2( |\$)|^\.Fl -$2( |\$)" "${files[@]}"
}

# Every word of each test's lines with a command, in a form that is quick to search.
lines=$TMPDIR/lines
cat tests/integration/test_cli_*.sh tests/integration/test_re*.sh client/future-recipes.7 README.md |
    grep -E '(^|[^a-z_])(submit|add|run|call|map|map_stdin|status|show|result|exception|wait|output|log|follow|cancel|kill|retry|update|explain|forget|clean|events|top|pool|pause|resume|drain|stats|trace|info|ping|rpc|dump|backup|shutdown|json|asks)([^a-z_]|$)' >"$lines"
# in_tests COMMAND OPTION LETTER: some line runs the command with it.
in_tests()
{
    local names=$1 option="--$2"
    case $1 in
    submit) names='submit|add|asks' ;;
    run | call) names="$1|asks" ;;
    map) names='map|map_stdin|asks' ;;
    cancel) names='cancel|kill' ;;
    forget) names='forget|clean' ;;
    output) names='output|log' ;;
    esac
    [[ -z $3 ]] || option="(--$2|-[a-z0-9]*$3)"
    # `asks` in test_cli_options.sh puts what all calls have behind the words of its lines.
    grep -qE "(^|[ \"'(\$])($names) ([^|;]* )?$option([ =\"')]|\$)" "$lines" || { [[ $names == *asks* ]] &&
        sed -n '/^asks()/,/^}/p' tests/integration/test_cli_options.sh | grep -qE -- "[ (]$option "; }
}

count=0
commands=$(future help | sed -n 's/^  \([a-z]*\)  *[A-Z].*/\1/p')
eq "each command has its file" "$(sort <<<"$commands")" "$(basename -a -s .c client/commands/cmd_*.c | sed 's/^cmd_//' | sort)"
for command in $commands; do
    capture future "$command" --options
    options=$out
    eq "$command lists its options" "$code:$err" 0:
    capture future help "$command"
    help=$out
    capture future completion words "$command" --
    offered=$out
    for option in $options; do
        count=$((count + 1))
        letter=$(sed -n "s/^  -\\(.\\), --$option\\b.*/\\1/p" <<<"$help")
        ok "help $command has --$option" grep -qE -- "(^ {2,6}|, )--$option( |,|\$)" <<<"$help"
        ok "the manual has $command --$option" in_manual "$command" "$option"
        like "shells complete $command --$option" $'\n'"$offered" $'\n'"--$option"$'\t'
        ok "a test runs $command --$option" in_tests "$command" "$option" "$letter"
        [[ -z $letter ]] || ok "the manual has its -$letter" grep -qE "Fl $letter( |\$)" "$manual/$command" \
            "$manual/submit"
    done
done
ok "options were found ($count)" test "$count" -gt 100

# Each command and alias is in the manual, and each exit status.
for command in $commands add log kill clean; do
    ok "the manual has $command" grep -qE "^\.(It )?Cm $command\b" client/future.1
done
for code in 0 1 64 69 123 124 125 126 127; do
    ok "the manual has the exit status $code" \
        test -n "$(sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/p' client/future.1 | grep "^\.It $code\$")"
    ok "help has the exit status $code" grep -qE "(^|  |: )$code " <<<"$(future help | sed -n '/^Exit status/,$p')"
    ok "a test ends with $code" grep -qE "(gives|refuses|status) .* $code |['\"]\^?$code:| $code:" \
        tests/integration/test_cli_*.sh
done

finish

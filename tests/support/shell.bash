# shellcheck shell=bash
# Assertions for the tests that are shell scripts. Source it; then every call of ok, eq, like or
# status is one case. The script ends with the line "N passed, N failed" by itself, and fails where
# a case failed or where the script stopped half-way.

cases_passed=0
cases_failed=0
cases_done=

pass()
{
    cases_passed=$((cases_passed + 1))
    echo "ok: $1"
}

# fail NAME [TEXT...]: one failed case, with what there is to say about it.
fail()
{
    local name=$1
    shift
    cases_failed=$((cases_failed + 1))
    echo "FAILED: $name (line ${BASH_LINENO[${#BASH_LINENO[@]} - 2]})"
    (($# == 0)) || printf '    %s\n' "$@"
}

# ok NAME COMMAND...: the command succeeds.
ok()
{
    local name=$1 code=0
    shift
    "$@" || code=$?
    if ((code == 0)); then pass "$name"; else fail "$name" "exit status $code of: $*"; fi
}

# status NAME CODE COMMAND...: the command ends with this very exit status.
status()
{
    local name=$1 wanted=$2 code=0
    shift 2
    "$@" || code=$?
    if ((code == wanted)); then pass "$name"; else
        fail "$name" "exit status $code, wanted $wanted, of: $*"
    fi
}

# eq NAME GOT WANTED: both texts are the same.
eq()
{
    if [[ $2 == "$3" ]]; then pass "$1"; else fail "$1" "got:    $2" "wanted: $3"; fi
}

# like NAME GOT REGEX: the text matches the extended regular expression.
like()
{
    if [[ $2 =~ $3 ]]; then pass "$1"; else fail "$1" "got:            $2" "wanted a match: $3"; fi
}

# await COMMAND...: returns when the command succeeds; for facts of which nothing tells. The time that
# the script has is the bound.
await()
{
    [[ -p $TMPDIR/await ]] || mkfifo "$TMPDIR/await"
    until "$@"; do
        read -r -t 0.02 <>"$TMPDIR/await"
    done
}

# silently COMMAND...: without what it prints. fails COMMAND...: it does, silently.
silently() { "$@" >/dev/null 2>&1; }
fails() { ! silently "$@"; }

# replay_session: each "$ command" of the session on stdin must print what stands below it. Counts them
# in commands_replayed.
replay_session()
{
    local line command='' wanted=''
    commands_replayed=0
    while IFS= read -r line; do
        if [[ $line == '$ '* ]]; then
            replay_command "$command" "$wanted"
            command=${line#'$ '} wanted=''
        else
            wanted+=$line$'\n'
        fi
    done
    replay_command "$command" "$wanted"
}

replay_command()
{
    [[ -n $1 ]] || return 0
    eq "$1" "$(bash -c "$1" 2>&1 </dev/null)" "${2%$'\n'}"
    commands_replayed=$((commands_replayed + 1))
}

# The last line of a script: what comes after it does not count.
finish()
{
    cases_done=1
    exit
}

# shellcheck disable=SC2317  # called by the trap
report_cases()
{
    local code=$?
    if ((code != 0)) || [[ -z $cases_done ]]; then
        fail "the script ran to its \`finish\`" "it stopped with exit status $code"
    fi
    echo "$cases_passed passed, $cases_failed failed"
    ((cases_failed == 0)) || exit 1
    exit 0
}
trap report_cases EXIT

# shellcheck shell=bash
# For the tests of the command line: capture what a command gives, and jobs that stand still until
# they are let go. Source it behind shell.bash.

# capture COMMAND...: runs it and sets out, err and code.
capture()
{
    code=0
    "$@" >"$TMPDIR/capture.out" 2>"$TMPDIR/capture.err" || code=$?
    # shellcheck disable=SC2034  # for the caller
    out=$(tr -d '\0' <"$TMPDIR/capture.out") err=$(tr -d '\0' <"$TMPDIR/capture.err")
}

# on_terminal COLUMNS COMMAND: what the shell's command shows on a terminal of that width.
on_terminal()
{
    "${FUTURED%/*}/tests/terminal" "$@"
}

# gives NAME CODE OUT COMMAND...: exit status and stdout, to the letter.
gives()
{
    local name=$1 wanted=$2 text=$3
    shift 3
    capture "$@"
    eq "$name" "$code: $out" "$wanted: $text"
}

# refuses NAME CODE REGEX COMMAND...: exit status, nothing on stdout, and a message that matches.
refuses()
{
    local name=$1 wanted=$2 regex=$3
    shift 3
    capture "$@"
    like "$name" "$code:$out:$err" "^$wanted::(.*)$regex"
}

# blocked NAME: a command line in the array `gate` that says that it runs and then waits.
blocked()
{
    mkfifo "$TMPDIR/$1.started" "$TMPDIR/$1.go"
    # shellcheck disable=SC2016,SC2034  # the job's own; for the caller
    gate=(sh -c 'echo >"$1.started"; read line <"$1.go"; echo "$line"' gate "$TMPDIR/$1")
}

# runs NAME: returns when the job of that gate runs.
runs()
{
    read -r _ <"$TMPDIR/$1.started"
}

# release NAME [LINE]: lets it go; it prints the line and ends.
release()
{
    echo "${2:-}" >"$TMPDIR/$1.go"
}

# file_has FILE REGEX: a line of it matches.
file_has() { grep -Eq -- "$2" "$1"; }

# file_lines FILE COUNT: it has that many.
file_lines() { (($(wc -l <"$1") == $2)); }

# is WANTED COMMAND...: the command prints this.
is() { [[ $("${@:2}") == "$1" ]]; }

# member NAME JSON: the first member of that name as it is written; its value must be no object.
member()
{
    local value='("([^"\\]|\\.)*"|[^],}]*)'
    [[ $2 =~ \"$1\":$value ]] && printf '%s\n' "${BASH_REMATCH[1]}"
}

# field ID NAME: a member of the future.
field()
{
    member "$2" "$(future rpc status "{\"id\":$1}")"
}

# shellcheck shell=bash
# For tests of what leaves its job, with shell.bash: until_true, escape, gone.

# until_true WHAT COMMAND...: waits for a fact; the bound is for what never comes.
until_true()
{
    local what=$1 tries=600
    shift
    until "$@" >/dev/null 2>&1; do
        ((--tries > 0)) || { fail "$what" "it never came true: $*"; return; }
        sleep 0.05
    done
    pass "$what"
}

# escape FILE: a command that starts a process which is in no way related to it any more, writes its pid
# to the file, and stays.
escape()
{
    printf 'setsid sh -c "echo \\$\\$ >%q.new && mv %q.new %q && exec sleep 1000" </dev/null >/dev/null 2>&1 &
        until test -e %q; do sleep 0.01; done' "$1" "$1" "$1" "$1"
}

# gone PID: it is there no more, but for somebody who is to look at how it ended.
gone() { [[ ! -d /proc/$1 || $(awk '/^State/ { print $2 }' "/proc/$1/status" 2>/dev/null) == Z ]]; }

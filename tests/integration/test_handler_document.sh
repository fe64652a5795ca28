#!/bin/bash
# proto/HANDLER.md: its handlers in Python, shell and C are written down, built and called as it says,
# and its tables name what there is.
set -u
source tests/support/shell.bash
source tests/support/daemon.bash

document=$PWD/proto/HANDLER.md
mkdir -p "$TMPDIR/work"
cd "$TMPDIR/work" || exit 1

# block LANGUAGE: the text of the block of code in this language.
block()
{
    awk -v fence="\`\`\`$1" '
        $0 == "```" { inside = 0; next }
        $0 == fence { inside = 1; next }
        inside' "$document"
}

for tool in python3 jq cc; do
    ok "$tool is there" hash "$tool"
done

block python >lines.py
lines=$(wc -l <lines.py)
ok "the handler in Python has 10 lines at most ($lines)" test "$lines" -ge 5 -a "$lines" -le 10
block sh >lines.sh
block c >lines.c
build=$(sed -n 's/.*(`\(cc [^`]*\)`).*/\1/p' "$document")
like "the document says how to compile" "$build" '^cc .*lines\.c'
ok "that works" bash -c "$build"
ok "and with warnings, too" cc -std=c11 -Wall -Wextra -Werror -o /dev/null lines.c -ljansson
ok "the script is one for any shell" sh -n lines.sh

block ini >futured.conf
start_daemon "$TMPDIR" --config futured.conf || exit 1

replay_session < <(block console)
eq "all commands were replayed" "$commands_replayed" "$(block console | grep -c '^\$ ')"
ok "there were some" test "$commands_replayed" -ge 7

# One process served the calls of a function, whatever they gave.
for handler in lines.py lines.sh ./lines; do
    eq "processes of $handler" "$(pgrep -c -P "$daemon_pid" -f "$handler\$")" 1
done
capture=$(future call lines-sh '{"path":"three"}' 2>&1)
like "the shell's error is an exception" "$capture" $'HandlerError: cannot read three$'
like "and stderr tells more" "$capture" 'three: No such file'

ok "the daemon ends in order" stop_daemon
ok "and its handlers with it" test -z "$(pgrep -P "$daemon_pid")"

# The table of settings is complete, and so is the one of the reasons.
for key in handler init doc params cwd max_tasks idle_timeout memory_limit timeout on_crash; do
    ok "the setting $key is described" grep -q "^| \`$key\` |" "$document"
done
for reason in exit closed garbage wrong_id oversize init silence; do
    ok "the reason $reason is described" grep -q "\"reason\":\"$reason\"" "$document"
done
finish

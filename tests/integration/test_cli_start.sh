#!/bin/bash
# The daemon that the first command starts: for whom, how often, and how it stands in the system.
# shellcheck disable=SC2016  # the messages have such quotes
source tests/support/shell.bash
source tests/support/cli.bash
unset FUTURE_SOCKET

# The socket's path must be short, and all of it must be reachable for another user.
base=$(mktemp -d /tmp/fs.XXXXXX)
trap 'as future shutdown --cancel --timeout 5 >/dev/null 2>&1; rm -rf "$base"; report_cases' EXIT
mkdir "$base/bin" "$base/run" "$base/home"
cp "$(command -v future)" "$(command -v futured)" "$base/bin/"
chmod -R a+rX "$base"
user=$(id -u)
as_user=()
if ((user == 0)); then
    user=65534
    as_user=(setpriv --reuid="$user" --regid="$user" --clear-groups)
    chown "$user" "$base/run" "$base/home"
fi
chmod 700 "$base/run" "$base/home"

# as COMMAND...: as a user who is not root, and has no daemon. What a build for coverage counts must
# go where this user may write.
as()
{
    "${as_user[@]}" env -C / PATH="$base/bin:$PATH" XDG_RUNTIME_DIR="$base/run" \
        CONFIGURATION_DIRECTORY="$base/none" XDG_CONFIG_HOME= XDG_STATE_HOME="$state" HOME="$base/home" \
        GCOV_PREFIX="$base/home" "$@"
}
state=
socket=$base/run/futured/futured.sock

# state_of PID: the directory that the daemon was given.
state_of() { tr '\0' '\n' <"/proc/$1/cmdline" | sed -n '/^--state-dir$/ { n; p }'; }

# ---- not for everybody ----
refuses "--no-start" 69 "no daemon at $socket" as future --no-start status
refuses "--no-start behind the command" 69 'no daemon' as future submit --no-start -- true
refuses "ping asks only" 69 'no daemon' as future ping
refuses "so does shutdown" 69 'no daemon' as future shutdown
refuses "not with --socket" 69 'no daemon at /nowhere/x' as future --socket /nowhere/x status
refuses "not with FUTURE_SOCKET" 69 'no daemon at /nowhere/y' \
    as env FUTURE_SOCKET=/nowhere/y future status
ok "nothing was made" test ! -e "$base/run/futured"
if [[ $(id -u) == 0 && ! -e /run/futured ]]; then
    refuses "not for root" 69 'no daemon at /run/futured/futured.sock' \
        env PATH="$base/bin:$PATH" future status
    ok "nothing was made for root" test ! -e /run/futured
fi
mkdir -p "$base/run/systemd" "$base/home/.config/systemd/user"
: >"$base/run/systemd/private"
: >"$base/home/.config/systemd/user/futured.socket"
chmod -R a+rX "$base/run/systemd" "$base/home/.config"
[[ ${#as_user[@]} == 0 ]] || chown -R "$user" "$base/run/systemd" "$base/home/.config"
refuses "not where there is a unit" 69 'systemctl --user start futured.socket' as future status
rm -r "$base/run/systemd"

# ---- the first command ----
capture as future submit --wait -- sh -c 'echo hi; exit 3'
eq "the first command starts one and is done" "$code:$out:$err" '3:hi:'
pid=$(as future info --format '{pid}')
eq "the second one finds it" "$(as future info --format '{pid}')" "$pid"
eq "it has a session of its own" "$(ps -o sid= -p "$pid" | tr -d ' ')" "$pid"
eq "and no terminal" "$(ps -o tty= -p "$pid" | tr -d ' ')" '?'
eq "it stands in /" "$(readlink "/proc/$pid/cwd")" /
eq "it reads nothing" "$(readlink "/proc/$pid/fd/0")" /dev/null
eq "it writes to its log" "$(readlink "/proc/$pid/fd/1"):$(readlink "/proc/$pid/fd/2")" \
    "$base/run/futured/futured.log:$base/run/futured/futured.log"
like "its log says that it is ready" "$(<"$base/run/futured/futured.log")" 'futured: ready on'
eq "only the user reads it" "$(stat -c %a "$base/run/futured" "$base/run/futured/futured.log" | tr '\n' ' ')" \
    '700 600 '
eq "it keeps the futures in the home directory" "$(state_of "$pid")" "$base/home/.local/state/futured"
eq "which is the user's alone" \
    "$(stat -c %a:%u "$base/home/.local/state/futured" "$base/home/.local" | tr '\n' ' ')" "700:$user 700:$user "
status "it ends" 0 as future shutdown
state=$base/home/of/states
eq "XDG_STATE_HOME says another place" "$(state_of "$(as future info --format '{pid}')")" "$state/futured"
ok "it was made" test -d "$state/futured"
status "it ends as well" 0 as future shutdown
state=relative
eq "but for a relative one" "$(state_of "$(as future info --format '{pid}')")" "$base/home/.local/state/futured"
status "and it ends" 0 as future shutdown
state=
: >"$base/home/file"
capture as env HOME="$base/home/file" future info --format '{pid}'
like "where nothing can be kept that is said" "$code:$out:$err" \
    '^0:[0-9]+:future: info: what is submitted will end with the daemon: .*/file/.local/state/futured: Not a directory'
eq "and the daemon is not asked to" "$(state_of "$out") $(as future info --format '{durability}')" ' none'
status "this one ends" 0 as future shutdown

# ---- several first commands ----
: >"$base/run/futured/futured.log"
for ((i = 0; i < 8; i++)); do
    as future info --format '{pid}' >"$base/home/pid.$i" 2>"$base/home/error.$i" &
done
wait
eq "all find the same one" "$(cat "$base"/home/pid.* | sort -u | wc -l):$(cat "$base"/home/pid.* | wc -l)" 1:8
eq "without complaints" "$(cat "$base"/home/error.*)" ''
eq "and only one was started" "$(grep -c 'ready on' "$base/run/futured/futured.log")" 1
ok "and none in vain" test "$(grep -c 'running on' "$base/run/futured/futured.log")" = 0
status "it ends, too" 0 as future shutdown

# ---- when it does not work ----
rm "$base/bin/futured" # the old one may be on its way out still
printf '#!/bin/sh\necho broken >&2\nexit 1\n' >"$base/bin/futured"
chmod 755 "$base/bin/futured"
refuses "a daemon that ends at once" 69 'starting `futured` failed.*futured.log may say why' as future status
like "it does" "$(<"$base/run/futured/futured.log")" 'broken'
rm "$base/bin/futured"
PATH=/usr/bin:/bin refuses "no daemon to be started" 69 'starting `futured` failed: No such file' as future status
rm -rf "$base/run/futured"
if [[ ${#as_user[@]} != 0 ]]; then
    mkdir "$base/run/futured"
    refuses "a directory that is somebody else's" 69 'not a directory of yours alone' as future status
fi

finish

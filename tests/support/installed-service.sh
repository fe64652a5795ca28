#!/bin/bash
# installed-service.sh HOW: the service as an administrator meets it, on a machine with a systemd that is
# thrown away afterwards (run by tests/support/boot). HOW is "install" for `make install` below
# /usr/local, "deb" for the Debian packages.
set -u
source tests/support/shell.bash
source tests/support/install.bash
source tests/support/recipes.bash

how=$1
conf=/etc/futured/futured.conf.d
unset FUTURE_SOCKET

# until_true WHAT COMMAND...: waits until the command succeeds; the bound is for what never comes.
until_true()
{
    local what=$1 tries=600
    shift
    until "$@" >/dev/null 2>&1; do
        ((--tries > 0)) || {
            fail "$what" "it never came true: $*"
            systemctl status futured.service futured.socket --no-pager
            journalctl --no-pager -u futured -n 30
            return 1
        }
        sleep 0.1
    done
    pass "$what"
}

show() { systemctl show futured.service -P "$1"; }

# ---- install ----

status "the user is not there at first" 2 getent passwd futured
if [[ $how == deb ]]; then
    ok "the packages install" dpkg -i "$(dirname "$FUTURED")"/deb/{futured,libfuture0,libfuture-dev}_*.deb
    PATH=/usr/sbin:/usr/bin:/sbin:/bin
else
    ok "make install works" install_into /usr/local
    PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    ok "the user is made" systemd-sysusers
    systemctl daemon-reload
    ok "the units are enabled and started" systemctl enable --now futured.service
fi
hash -r
like "there is a user of its own" "$(getent passwd futured)" ':/var/lib/futured:/usr/sbin/nologin$'
eq "the socket is there" "$(systemctl is-active futured.socket)" active
eq "it will be after a boot" "$(systemctl is-enabled futured.socket futured.service | sort -u)" enabled
eq "it is for the user and the group" "$(stat -c '%F %U %G %a' /run/futured/futured.sock)" "socket futured futured 660"
eq "the state is for the user alone" "$(stat -c '%U %a' /var/lib/futured)" "futured 700"
eq "the configuration is there" "$(stat -c '%U %a' /etc/futured/futured.conf)" "root 644"
ok "and a good one" futured --check-config
((cases_failed == 0)) || finish # nothing of what follows could be true

# ---- jobs ----

eq "a job runs as that user" "$(future submit --wait -- id -un)" futured
eq "without rights to gain" "$(future submit --wait -- grep -E '^(NoNewPrivs|CapBnd):' /proc/self/status | xargs)" \
    "CapBnd: 0000000000000000 NoNewPrivs: 1"
eq "a job sees nothing of the service manager" \
    "$(future submit --wait -- sh -c 'env | grep -cE "^(NOTIFY_|LISTEN_|WATCHDOG_|[A-Z]*_DIRECTORY=|INVOCATION)"' 2>/dev/null)" 0
eq "a job writes where it may" "$(future submit --wait -- sh -c 'echo x >/var/lib/futured/x && cat /var/lib/futured/x && rm /var/lib/futured/x')" x
for directory in /tmp /var/tmp; do
    eq "... and in $directory, where others see it" \
        "$(future submit --wait -- sh -c 'echo x >"$1/futured-job"' _ $directory; stat -c %U $directory/futured-job)" futured
    rm -f $directory/futured-job
done
status "and not elsewhere" 2 future submit --wait -- sh -c 'echo x >/usr/x' 2>/dev/null
like "each job has a control group" "$(future submit --wait -- sed -n 's/^0:://p' /proc/self/cgroup)" \
    '/system\.slice/futured\.service/job-[0-9]+$'
eq "and so has the daemon" "$(sed -n 's/^0:://p' "/proc/$(show MainPID)/cgroup")" /system.slice/futured.service/daemon
# What escapes its job ends with it.
id=$(future submit -- sh -c 'setsid sh -c "echo \$\$ >/tmp/escaped.new && mv /tmp/escaped.new /tmp/escaped && exec sleep 1000" \
    </dev/null >/dev/null 2>&1 & sleep 1000')
until_true "a job lets something go" test -e /tmp/escaped
future cancel --terminate "$id" >/dev/null
until_true "it ends with its job" bash -c '! kill -0 "$(cat /tmp/escaped)"'
rm /tmp/escaped
eq "with the usual limit of files" "$(future submit --wait -- sh -c 'ulimit -Sn')" 1024
ok "common interpreters live with the hardening" future submit --wait -- python3 -c 'import ctypes, subprocess, socket
subprocess.run(["true"], check=True); socket.socket(); print("well")'
like "a plugin is there" "$(future call digest '{"path":"/etc/os-release"}')" '"digest"'
status "another user may not come" 69 setpriv --reuid=65534 --regid=65534 --clear-groups \
    env FUTURE_SOCKET=/run/futured/futured.sock future ping 2>/dev/null
group=$(getent group futured | cut -d: -f3)
eq "but for a member of the group" "$(setpriv --reuid=65534 --regid=65534 --groups="$group" \
    env FUTURE_SOCKET=/run/futured/futured.sock future submit --wait -- echo member)" member

# ---- what the manager and the journal know ----

until_true "the status says what is going on" \
    bash -c '[[ $(systemctl show futured.service -P StatusText) == "0 running, 0 pending" ]]'
future submit --label slow -- sleep 1000 >/dev/null
until_true "... also when something runs" bash -c '[[ $(systemctl show futured.service -P StatusText) == "1 running, 0 pending" ]]'
future cancel --terminate @slow >/dev/null
id=$(future submit -- sh -c 'exit 3')
future wait "$id" 2>/dev/null
until_true "the journal has the failed future" bash -c "journalctl -q FUTURE_ID=$id | grep ."
eq "... with its fields" "$(journalctl -q -o json FUTURE_ID="$id" | jq -r '[.PRIORITY, .SYSLOG_IDENTIFIER, .POOL, .FN, .EXCEPTION, ._SYSTEMD_UNIT] | join(" ")')" \
    "6 futured default exec ExitStatus futured.service"
like "... and a sentence" "$(journalctl -q -o cat FUTURE_ID="$id")" "^future $id \(exec\) failed: ExitStatus: "

# ---- reload ----

mkdir -p "$conf"
printf '[pool night]\nmax_workers = 2\n' >"$conf/50-night.conf"
pid=$(show MainPID)
ok "systemctl reload works" systemctl reload futured
until_true "the new pool is there" future pool list night
eq "the daemon is the same" "$(show MainPID)" "$pid"
printf '[pool night]\nmax_workers = none\n' >"$conf/50-night.conf"
systemctl reload futured
until_true "a wrong configuration is in the status" bash -c 'systemctl show futured.service -P StatusText | grep -F "reload failed: /etc/futured/futured.conf.d/50-night.conf:2: max_workers must be"'
eq "the service goes on" "$(show ActiveState) $(show MainPID)" "active $pid"
printf '[pool night]\nmax_workers = 2\n[daemon]\nlog_level = debug\n' >"$conf/50-night.conf"
systemctl reload futured
until_true "a good one puts that right" bash -c 'systemctl show futured.service -P StatusText | grep -x "[0-9]* running, [0-9]* pending"'
id=$(future submit --wait -- echo x >/dev/null && future rpc status '{"limit":1}' | jq '.futures[0].id')
until_true "log_level is in force" bash -c "journalctl -q -p 7 FUTURE_ID=$id | grep 'has finished'"
rm "$conf/50-night.conf"

# ---- stop, activation, crash, restart ----

ok "the service stops" systemctl stop futured.service
eq "the socket does not" "$(systemctl is-active futured.socket) $(stat -c %F /run/futured/futured.sock)" "active socket"
eq "a client starts it" "$(future submit --wait -- echo activated)" activated
durable=$(future rpc info | jq -r .durability)
pid=$(show MainPID)
if [[ $durable != none ]]; then
    # While the pool rests nothing runs: all that was acknowledged must be there afterwards.
    future pool pause default >/dev/null
    kept=$(future submit -- echo kept)
fi
kill -KILL "$pid"
until_true "kill -9 is followed by another daemon" bash -c "pid=\$(systemctl show futured.service -P MainPID); ((pid > 0 && pid != $pid)) && future ping"
if [[ $durable != none ]]; then
    future pool resume default >/dev/null
    eq "nothing is lost by that" "$(future result "$kept")" kept
    future pool pause default >/dev/null
    kept=$(future submit -- echo kept again)
fi
ok "the service restarts" systemctl restart futured.service
if [[ $durable != none ]]; then
    future pool resume default >/dev/null
    eq "nothing is lost by that, either" "$(future result "$kept")" "kept again"
fi

# Restarted again and again, with clients that come all the time: each of them is served, or told that the
# daemon is about to end, and what was taken is done.
touch /run/go-on /run/refused
for ((i = 0; i < 3; i++)); do
    (n=0
    while [[ -e /run/go-on ]]; do
        n=$((n + 1))
        if id=$(future --no-start submit -- echo "$i.$n" 2>"/run/said.$i"); then
            echo "$id $i.$n" >>"/run/taken.$i"
        else
            code=$?
            grep -q 'Shut down' "/run/said.$i" || { cat "/run/said.$i"; echo "exit status $code"; } >>/run/refused
        fi
    done) &
done
for ((i = 0; i < 5; i++)); do
    until_true "calls are taken ($i)" bash -c "((\$(cat /run/taken.* | wc -l) > 20 * ($i + 1)))"
    systemctl restart futured.service || break
done
eq "it restarts under load" "$i" 5
rm /run/go-on
wait
status "no client is refused" 1 grep -E 'refused|No such file' /run/refused
eq "nor left without an answer" "$(cat /run/refused)" ""
if [[ $durable != none ]]; then
    cat /run/taken.* >/run/taken
    while read -r id text; do
        got=$(future result "$id" 2>&1) && [[ $got == "$text" ]] || echo "$id: $got, not $text"
    done </run/taken >/run/lost
    eq "and none of them is lost" "$(head -n 5 /run/lost)" ""
fi

main_pid=$(systemctl show --property MainPID --value futured.service)
ok "future shutdown ends it" future shutdown
until_true "and its process is gone" bash -c "[[ ! -e /proc/$main_pid ]]"
eq "until somebody comes" "$(future submit --wait -- echo again)" again

# ---- the recipes that need a systemd ----

recipe report.service >/etc/systemd/system/report.service
recipe report.timer >/etc/systemd/system/report.timer
eq "systemd finds nothing to say about the timer" \
    "$(systemd-analyze verify --man=no /etc/systemd/system/report.{timer,service} 2>&1)" ""
# A command of the recipe's name, where services find commands.
printf '#!/bin/sh\necho "the report of $(id -un)"\n' >/usr/bin/report
chmod 755 /usr/bin/report
systemctl daemon-reload
ok "the timer is started" systemctl enable --now report.timer
ok "it waits for the night" bash -c 'systemctl list-timers --no-pager | grep -q "02:30:00 .* report.timer"'
ok "it fires" systemctl start report.service
ok "and once more" systemctl start report.service
eq "that is one future" "$(future status --label report --format '{id}' | grep -c .)" 1
eq "which the service has run" "$(future result "$(future status --label report --format '{id}')")" "the report of futured"

old=$(future submit --wait --label old -- echo old >/dev/null && future rpc status '{"label":"old"}' | jq '.futures[0].id')
recipe backup >/run/backup
recipe restore >/run/restore
ok "a backup" bash -eu /run/backup
future submit --wait -- echo later >/dev/null
touch /var/lib/futured/later
ok "is restored" bash -eu /run/restore
status "as it was" 1 test -e /var/lib/futured/later
eq "with the rights as they were" "$(stat -c '%U %a' /var/lib/futured)" "futured 700"
[[ $durable == none ]] || eq "the old result is there" "$(future result "$old")" old
eq "and the service serves" "$(future submit --wait -- echo restored)" restored

# The same with a copy that is made while the service works, as futured(8) has it.
if [[ $durable != none ]]; then
    ok "a copy, without a stop" future backup /var/lib/futured/copy.db
    mv /var/lib/futured/copy.db /run
    systemctl stop futured.socket futured.service
    find /var/lib/futured -mindepth 1 -delete
    install -o futured -g futured -m 600 /run/copy.db /var/lib/futured/futured.db
    systemctl start futured.socket futured.service
    eq "the service has all from there" "$(future result "$old")" old
    eq "and goes on" "$(future submit --wait -- echo from the copy)" "from the copy"
fi

# ---- the watchdog ----

mkdir -p /etc/systemd/system/futured.service.d
printf '[Service]\nWatchdogSec=1s\nWatchdogSignal=SIGKILL\n' >/etc/systemd/system/futured.service.d/test.conf
systemctl daemon-reload
systemctl restart futured.service
pid=$(show MainPID)
fed=$(show WatchdogTimestampMonotonic)
until_true "the watchdog is fed" bash -c "(( \$(systemctl show futured.service -P WatchdogTimestampMonotonic) > $fed ))"
kill -STOP "$pid"
until_true "a daemon that stands still is replaced" bash -c "pid=\$(systemctl show futured.service -P MainPID); ((pid > 0 && pid != $pid)) && future ping"
like "... for that reason" "$(journalctl -q -u futured -o cat)" 'Watchdog timeout'

# ---- a drop-in ----

examples=$([[ $how == deb ]] && echo /usr/share/doc/futured || echo /usr/local/share/doc/futured)/examples
cp "$examples/handler-only.conf" /etc/systemd/system/futured.service.d/test.conf
printf '[function upper]\nhandler = python3 /var/lib/upper.py\n' >"$conf/handler.conf"
cat >/var/lib/upper.py <<'END'
import json, sys
for line in sys.stdin:
    call = json.loads(line)
    print(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": call["params"]["text"].upper()}), flush=True)
END
systemctl daemon-reload
systemctl restart futured.service
status "no groups are for jobs then" 1 grep -q / <(sed -n 's/^0::.*futured.service//p' "/proc/$(show MainPID)/cgroup")
eq "handlers live with the stricter hardening" "$(future call upper '{"text":"abc"}')" '"ABC"'
rm -r /etc/systemd/system/futured.service.d "$conf/handler.conf"
systemctl daemon-reload

# ---- a user's own ----

useradd --create-home alice
uid=$(id -u alice)
as_alice()
{
    setpriv --reuid=alice --regid=alice --init-groups env -i HOME=/home/alice PATH="$PATH" \
        XDG_RUNTIME_DIR="/run/user/$uid" "$@"
}
ok "a user's manager starts" systemctl start "user@$uid.service"
if [[ $how != deb ]]; then
    ok "the user enables the socket" as_alice systemctl --user enable --now futured.socket
fi
eq "each session has the socket, and no daemon" \
    "$(as_alice systemctl --user is-active futured.socket futured.service | xargs)" "active inactive"
eq "the socket is for this user alone" "$(stat -c '%U %a' "/run/user/$uid/futured/futured.sock")" "alice 600"
like "each in a control group" "$(as_alice future submit --wait -- sed -n 's/^0:://p' /proc/self/cgroup)" \
    '/futured\.service/job-[0-9]+$'
eq "jobs run as the user" "$(as_alice future submit --wait -- id -un)" alice
like "in a daemon of the user's own" "$(as_alice systemctl --user show futured.service -P StatusText)" \
    "^[01] running, [01] pending$"
eq "jobs write at home" "$(as_alice future submit --wait --cwd /home/alice -- sh -c 'echo x >file; cat file')" x
mkdir -p /home/alice/.config/futured
printf '[pool mine]\nmax_workers = 3\n' >/home/alice/.config/futured/futured.conf
ok "the user's configuration is read" as_alice systemctl --user reload futured
until_true "... and in force" as_alice future pool list mine
systemctl stop "user@$uid.service"

# ---- away ----

if [[ $how == deb ]]; then
    ok "the packages go" dpkg -r futured libfuture-dev libfuture0
    ok "the configuration stays until a purge" test -e /etc/futured/futured.conf
    ok "a purge" dpkg -P futured
else
    ok "the units are disabled" systemctl disable --now futured.service futured.socket
    ok "make uninstall works" uninstall_from /usr/local
    systemctl daemon-reload
fi
status "nothing listens any more" 1 test -e /run/futured/futured.sock
status "the configuration is gone" 1 test -e /etc/futured/futured.conf
status "the program is gone" 1 bash -c 'command -v futured'
like "the service is gone" "$(systemctl show futured.service -P LoadState)" '^not-found$'
finish

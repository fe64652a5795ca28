#!/bin/bash
# Where the configuration comes from, what overrides what, and what is said of a wrong one: by
# --check-config, which looks at everything that a start would look at.
set -u
source tests/support/shell.bash
source tests/support/daemon.bash

dir=$TMPDIR/etc
mkdir -p "$dir" "$TMPDIR/home"
file=$dir/futured.conf

# put FILE TEXT: "\n" is a new line.
put()
{
    mkdir -p "$(dirname "$1")"
    printf '%b' "$2" >"$1"
}

# check [VARIABLE=VALUE...] [OPTION...]: what --check-config says, with its exit status.
check()
{
    local settings=() code=0 out
    while [[ ${1:-} == [A-Z]*=* ]]; do
        settings+=("$1")
        shift
    done
    out=$(env "${settings[@]}" futured --check-config "$@" 2>&1) || code=$?
    echo "$code:${out//"$TMPDIR"/T}"
}

# ---- which files ----

unset CONFIGURATION_DIRECTORY
wrong='[daemon]\nnot_a_setting = 1\n'
said='64:futured: T/%s:2: unknown key "not_a_setting" in [daemon]'
# shellcheck disable=SC2059  # the format is ours
said() { printf "$said" "$1"; }

put "$file" "$wrong"
eq "--config names the file" "$(check --config "$file")" "$(said etc/futured.conf)"
eq "\$CONFIGURATION_DIRECTORY has it" "$(check CONFIGURATION_DIRECTORY="$dir")" "$(said etc/futured.conf)"
eq "... the first of several" "$(check CONFIGURATION_DIRECTORY="$dir:/nowhere")" "$(said etc/futured.conf)"
eq "--config goes before that" "$(check CONFIGURATION_DIRECTORY="$dir" --config /dev/null)" "0:"
eq "the usual file may be missing" "$(check CONFIGURATION_DIRECTORY="$TMPDIR/none")" "0:"
eq "a named one may not" "$(check --config "$TMPDIR/none")" "64:futured: T/none: No such file or directory"
put "$TMPDIR/home/.config/futured/futured.conf" "$wrong"
put "$TMPDIR/xdg/futured/futured.conf" "$wrong"
# As a user who is not root; where that cannot be had, the tests run as one already. (What measures the
# coverage cannot write as that user, and says so.)
as_user=()
if ((EUID == 0)); then
    as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chmod 711 "$TMPDIR" "$TMPDIR/.."
fi
chmod -R a+rX "$TMPDIR/home" "$TMPDIR/xdg"
eq "a user has it in ~/.config" "$("${as_user[@]}" env -u XDG_CONFIG_HOME HOME="$TMPDIR/home" \
    "$FUTURED" --check-config 2>&1 | sed "/^profiling:/d; s|$TMPDIR|T|")" \
    "futured: T/home/.config/futured/futured.conf:2: unknown key \"not_a_setting\" in [daemon]"
eq "... or where \$XDG_CONFIG_HOME says" "$("${as_user[@]}" env XDG_CONFIG_HOME="$TMPDIR/xdg" HOME="$TMPDIR/home" \
    "$FUTURED" --check-config 2>&1 | sed "/^profiling:/d; s|$TMPDIR|T|")" \
    "futured: T/xdg/futured/futured.conf:2: unknown key \"not_a_setting\" in [daemon]"

# ---- drop-ins ----

put "$file" '[pool default]\nmax_workers = 2\n[function f]\nhandler = cat\ndoc = main\n'
put "$file.d/10-first.conf" '[pool default]\nmax_workers = 3\n[pool gpu]\nmax_workers = 1\n'
put "$file.d/20-second.conf" '[pool default]\nmax_workers = 4\n[function f]\ndoc = from a\n  drop-in\n'
put "$file.d/.hidden.conf" "$wrong"
put "$file.d/notes.txt" "$wrong"
mkdir "$TMPDIR/run"
start_daemon "$TMPDIR/run" --config "$file" || exit 1
eq "drop-ins are laid over the file, in the order of their names" \
    "$(future rpc info | jq -c '[.pools[] | [.name, .max_workers]]')" '[["default",4],["gpu",1]]'
eq "a text that goes on in a drop-in begins there" \
    "$(future rpc info | jq -r '.functions[] | select(.name == "f").doc')" "from a drop-in"
ok "the daemon ends in order" stop_daemon
rm -r "$TMPDIR/run"
mkdir "$TMPDIR/run"
start_daemon "$TMPDIR/run" --config "$file" --max-workers 7 || exit 1
eq "options are laid over all of them" "$(future rpc info | jq '.pools[0].max_workers')" 7
ok "the daemon ends in order again" stop_daemon
put "$TMPDIR/only/a.conf" '[pool a]\nmax_workers = 1\n'
put "$TMPDIR/only/b.conf" "$wrong"
eq "--config takes a directory" "$(check --config "$TMPDIR/only")" "$(said only/b.conf)"
put "$file.d/30-wrong.conf" "$wrong"
eq "an error in a drop-in names it" "$(check --config "$file")" "$(said etc/futured.conf.d/30-wrong.conf)"
rm -r "${TMPDIR:?}/home" "$file.d"
mkdir -p "$dir/alone"
put "$dir/alone/futured.conf.d/x.conf" "$wrong"
eq "drop-ins need no file" "$(check CONFIGURATION_DIRECTORY="$dir/alone")" "$(said etc/alone/futured.conf.d/x.conf)"

# ---- what is wrong, and where ----

# refuses NAME REGEX TEXT: the message, behind "64:futured: T/etc/futured.conf:".
refuses()
{
    put "$file" "$3"
    like "$1" "$(check --config "$file")" "^64:futured: T/etc/futured\.conf:$2$"
}

refuses "an unknown section" '2: unknown section \[demon\]' '[demon]\nsocket = x\n'
refuses "two values that do not fit together" '3: \[pool p\]: min_workers is above max_workers' \
    '[pool p]\nmax_workers = 2\nmin_workers = 3\n'
refuses "... seen from the other one" '2: \[pool p\]: min_workers is above max_workers' \
    '[pool p]\nmin_workers = 3\nmax_workers = 2\n'
refuses "a pool of nothing" '2: max_workers must be at least 1' '[pool p]\nmax_workers = 0\n'
refuses "an initializer that is not there" '2: \[pool p\]: there is no function nothing' \
    '[pool p]\ninitializer = nothing\n'
refuses "an initializer's arguments" '3: \[pool p\]: initializer_args: args\.argv: .*' \
    '[pool p]\ninitializer = exec\ninitializer_args = {}\n'
refuses "no arguments for one that needs some" '2: \[pool p\]: initializer_args: args\.argv: .*' \
    '[pool p]\ninitializer = exec\n'
refuses "arguments alone" '2: \[pool p\]: initializer_args without initializer' '[pool p]\ninitializer_args = {}\n'
refuses "arguments for a handler that describes its own" '6: \[pool p\]: initializer_args: args\.b: .*' \
    '[function f]\nhandler = cat\nparams = {"a": {}}\n[pool p]\ninitializer = f\ninitializer_args = {"b": 1}\n'
refuses "the name of a function that is there" '2: \[function echo\]: there is a function of that name already' \
    '[function echo]\nhandler = cat\n'
put "$file" '[daemon]\nplugin_dir = /nowhere\n'
eq "a plugin directory that is not there" "$(check --config "$file")" \
    '64:futured: error: plugin /nowhere: No such file or directory
futured: T/etc/futured.conf:2: plugin_dir: not everything can be loaded, see above'
refuses "a group that is not there" '2: admin_group: there is no group "no such group"' \
    '[daemon]\nadmin_group = no such group\n'
refuses "a form of the log" '2: log_format must be auto, text, json or journal, not "xml"' \
    '[daemon]\nlog_format = xml\n'
refuses "how much is logged" '2: log_burst must be a whole number of at most .*' '[daemon]\nlog_burst = many\n'
refuses "in which time" '2: log_interval must be a number of seconds.*' '[daemon]\nlog_interval = long\n'
refuses "whether jobs have control groups" '2: job_cgroups must be auto, yes or no, not "maybe"' \
    '[daemon]\njob_cgroups = maybe\n'
refuses "what a job may have" '3: job_memory_max must be a whole number of at most .*, not "1G"' \
    '[daemon]\njob_pids_max = 0\njob_memory_max = 1G\n'
refuses "a limit that is none" '2: pending must not be 0' '[limits]\npending = 0\n'
put "$file" '[pool p]\ninitializer = f\ninitializer_args = {"a": 1}\n[function f]\nhandler = cat\nparams = {"a": {}}\n'
eq "an initializer may be a handler, in any order" "$(check --config "$file")" "0:"

# ---- the manual ----

# Each setting that the daemon knows, from its own source, is in the manual.
for key in $(grep -oE 'strcmp\(key, "[a-z_]+"\)' daemon/config.c daemon/config_pool.c | grep -oE '[a-z]+(_[a-z]+)*"' | tr -d '"' | sort -u) \
    $(grep -oE '^ +X\([a-z_]+' proto/limits.h | sed 's/.*(//'); do
    ok "futured.conf(5) has $key" grep -qE "^\.It (.* )?Cm (.* )?$key( |$)" daemon/futured.conf.5
done
finish

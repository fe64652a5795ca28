# shellcheck shell=bash
# A control group of the test's own, with shell.bash: group_new, group_mark, group_daemon. It goes, with
# whoever is in it, when the script ends.

group=

# group_new: makes it, and sets `group` to its directory. False: this machine has none for us, and that
# is said.
group_new()
{
    local tree
    tree=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
    if ((EUID != 0)) || [[ -z $tree ]] || ! mkdir "$tree/futured-test-$$" 2>/dev/null; then
        echo "SKIPPED: $1: it needs root, and a cgroup2 in which groups can be made"
        return 1
    fi
    group=$tree/futured-test-$$
    trap 'group_free; report_cases' EXIT
    # Where they can be had, as a service manager would.
    echo "+memory +pids" >"$tree/cgroup.subtree_control" 2>/dev/null
    [[ -e $group/cgroup.kill ]] || {
        echo "SKIPPED: $1: the kernel knows no cgroup.kill (5.14)"
        return 1
    }
}

# group_mark DIRECTORY: it is ours, as Delegate= says it.
group_mark()
{
    python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.delegate", b"1")' "$1"
}

# group_daemon DIRECTORY: from now on $FUTURED is started in that group.
group_daemon()
{
    printf '#!/bin/sh\necho $$ >%q/cgroup.procs && exec %q "$@"\n' "$1" "${futured_itself:=$FUTURED}" >"$TMPDIR/futured"
    chmod 755 "$TMPDIR/futured"
    FUTURED=$TMPDIR/futured
}

group_free()
{
    local tries=100
    [[ -n $group ]] || return
    echo 1 >"$group/cgroup.kill" 2>/dev/null
    # Who is killed is counted out in a moment.
    until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || ((--tries == 0)); do
        sleep 0.05
    done
    group=
}

#!/bin/sh
# deps.sh GROUP...: installs the Debian packages of these groups that are missing.
# Says nothing and does nothing when all are there. Groups: build (make, make run and make
# check), deb (make deb), ci (what only CI uses: linters, sanitizers, the count of instructions), bench
# (the peers of `make bench`: each is installed that can be), cluster (make check-cluster: a Slurm, of which
# no service is started).
set -eu

packages_of()
{
    case $1 in
    build)
        echo "gcc libc6-dev pkg-config libevent-dev libjansson-dev libinih-dev libsystemd-dev" \
            "libsqlite3-dev libncurses-dev uthash-dev libssl-dev libzstd-dev zlib1g-dev check netcat-openbsd" \
            "zstd python3 jq tmux mandoc procps" \
            "zsh fish task-spooler systemd"
        ;;
    deb)
        echo "dpkg-dev debhelper fakeroot lintian"
        ;;
    ci)
        echo "clang clang-format clang-tidy cppcheck shellcheck libclang-rt-14-dev valgrind libhiredis-dev"
        ;;
    bench)
        echo "make findutils parallel task-spooler nq gearman-job-server gearman-tools beanstalkd" \
            "redis-server libhiredis-dev python3 jq"
        ;;
    cluster)
        echo "slurmctld slurmd slurm-client munge iproute2 util-linux procps"
        ;;
    *)
        echo "deps.sh: unknown group '$1' (build, deb, ci, bench, cluster)" >&2
        exit 2
        ;;
    esac
}

# A compiler that does not come from the package "gcc" is as good.
is_there()
{
    case $1 in
    gcc) command -v cc >/dev/null && return 0 ;;
    esac
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

missing()
{
    for group in "$@"; do
        for package in $(packages_of "$group"); do
            is_there "$package" || printf ' %s' "$package"
        done
    done
}

# For those who want to see to it themselves, as the build of a package must.
[ "${FUTURED_DEPS:-}" != no ] || exit 0

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    # Not a Debian: the compiler and pkg-config will say what they miss.
    exit 0
fi
need=$(missing "$@")
[ -n "$need" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps: these packages are missing, and there is neither root nor sudo to install them:" >&2
        echo "deps:  $need" >&2
        exit 1
    fi
    as_root="sudo"
fi

apt()
{
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Use-Pty=0 "$@" </dev/null
}

refresh()
{
    echo "deps: fetching the package lists"
    apt update
}

install()
{
    # shellcheck disable=SC2086  # a list, split on purpose
    apt install --no-install-recommends $need
}

# What is missing of a list must not keep the others away.
one_by_one()
{
    for package in $need; do
        apt install --no-install-recommends "$package" || true
    done
}

# A fresh machine has no package lists, an old one has stale ones that name what is gone.
ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || refresh
echo "deps: installing$need"
install || { refresh && install; } || one_by_one

need=$(missing "$@")
if [ -n "$need" ]; then
    echo "deps: still missing:$need" >&2
    exit 1
fi
echo "deps: all there"

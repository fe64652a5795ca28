# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets the variables
# Peers that are servers, and what entries have in common. Everything lives in $work.

# A daemon that keeps nothing, unless told otherwise: new_daemon NAME [OPTION...] sets the variables
# NAME_socket and NAME_pid.
new_daemon()
{
    local name=$1
    shift
    mkdir -p "$work/$name"
    start_daemon "$work/$name" --log-level error --durability none "$@" || return
    pids+=("$daemon_pid")
    declare -g "${name}_socket=$FUTURE_SOCKET" "${name}_pid=$daemon_pid"
}

# Is there a store behind `--durability full`?
has_store()
{
    local name=probe durability
    mkdir -p "$work/$name"
    start_daemon "$work/$name" --durability full >/dev/null 2>&1 || return
    durability=$(future info --json 2>/dev/null | jq -r .durability)
    stop_daemon
    [[ $durability == full ]]
}

# background COMMAND...: runs until the entry is over.
background()
{
    "$@" </dev/null >"$work/background.log" 2>&1 &
    pids+=($!)
}

# Waits until something listens on a port of this machine.
await_port()
{
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.05
    done
    echo "bench: nothing listens on port $1" >&2
    return 1
}

free_port()
{
    local port=$((20000 + RANDOM % 10000))
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        port=$((port + 1))
    done
    echo "$port"
}

# An echo_server, ready: echo_server KIND THREADS
echo_server()
{
    mkfifo "$work/$1.ready"
    ${server_cpus[@]+"${server_cpus[@]}"} "$programs/echo_server" "$1" "$work/$1" "$2" \
        >"$work/$1.ready" &
    pids+=($!)
    read -r <"$work/$1.ready"
    rm "$work/$1.ready"
}

# The seconds that a command takes make a rate: per_second COUNT COMMAND...
per_second()
{
    local count=$1 start=${EPOCHREALTIME/./}
    shift
    "$@" >"$work/out" 2>&1 || return
    echo $((count * 1000000 / (${EPOCHREALTIME/./} - start)))
}

# The Python at hand that is fastest at this. (They differ by more than half.)
fastest_python()
{
    local best=0 rate candidate
    python=
    for candidate in "$(command -v python3)" /usr/bin/python3 "$HOME"/.pyenv/versions/3.1*/bin/python3; do
        [[ -x $candidate ]] || continue
        rate=$("$candidate" tests/bench/thread_pool.py items 20000 2>/dev/null) || continue
        ((rate > best)) && best=$rate python=$candidate
    done
    label[python]="Python $("${python:-python3}" -c 'import platform; print(platform.python_version())') ThreadPoolExecutor"
}

# Waits until a server has bound its Unix socket.
await_socket()
{
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        [[ -S $1 ]] && return
        sleep 0.05
    done
    echo "bench: nothing listens on $1" >&2
    return 1
}

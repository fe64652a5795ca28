# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="start with 1,000,000 pending futures in the store"
metrics=("time ms lower")
contenders=(futured)
targets=("time - 5000")
entry_rounds=1

prepare()
{
    has_store || { echo "this daemon has no store" && return 77; }
    printf '[pool held]\nmax_workers = 1\n' >"$work/conf"
    new_daemon futured --durability full --config "$work/conf"
    mkfifo "$work/ready"
    "$programs/load" hold "$futured_socket" "${BENCH_PENDING:-1000000}" 100 >"$work/ready" &
    pids+=($!)
    read -r <"$work/ready"
    kill -KILL "$futured_pid"
    wait "$futured_pid" 2>/dev/null || true # it was killed
}

measure_futured()
{
    local start=${EPOCHREALTIME/./}
    new_daemon futured --durability full --config "$work/conf" || return
    echo $(((${EPOCHREALTIME/./} - start) / 1000))
    kill -KILL "$futured_pid"
}

# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="echo futures, one at a time, submit until future.done; servers on one core, the client on another"
metrics=("rate requests/s higher" "p50 us lower" "p99 us lower")
contenders=(futured hand-off)
label=([hand-off]="bare libevent + jansson + hand-off")
targets=("p50 hand-off 1.5" "p99 hand-off 1.3")
requests=10000

prepare()
{
    server_cpus=(taskset -c 0)
    client_cpus=(taskset -c "$(($(nproc) > 1))")
    new_daemon futured --max-workers 2
    taskset -a -p -c 0 "$futured_pid" >/dev/null
    echo_server hand-off 2
}

measure_futured() { "${client_cpus[@]}" "$programs/load" submit "$futured_socket" "$requests" 1; }
measure_hand-off() { "${client_cpus[@]}" "$programs/load" echo "$work/hand-off" "$requests" 1; }

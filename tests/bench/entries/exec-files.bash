# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="exec /bin/true in a daemon with 1,000 open connections, beside one with none"
metrics=("rate jobs/s higher")
contenders=(many few)
label=([many]="futured with 1,000 connections" [few]="futured, idle")
targets=("rate few 0.93")
jobs=3000

prepare()
{
    new_daemon few --max-workers 8
    new_daemon many --max-workers 8
    mkfifo "$work/ready"
    "$programs/load" hold "$many_socket" 1000 >"$work/ready" &
    pids+=($!)
    read -r <"$work/ready"
}

measure_many() { "$programs/load" exec "$many_socket" "$jobs" /bin/true; }
measure_few() { "$programs/load" exec "$few_socket" "$jobs" /bin/true; }

# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="exec /bin/true in a daemon of 1 GB, beside a small one"
metrics=("rate jobs/s higher")
contenders=(large small)
label=([large]="futured with 1 GB resident" [small]="futured, small")
targets=("rate small 0.97")
jobs=3000

prepare()
{
    printf '[pool held]\nmax_workers = 1\n' >"$work/conf"
    new_daemon small --max-workers 8
    new_daemon large --max-workers 8 --config "$work/conf"
    mkfifo "$work/ready"
    "$programs/load" hold "$large_socket" 250 4000000 >"$work/ready" &
    pids+=($!)
    read -r <"$work/ready"
}

measure_large() { "$programs/load" exec "$large_socket" "$jobs" /bin/true; }
measure_small() { "$programs/load" exec "$small_socket" "$jobs" /bin/true; }

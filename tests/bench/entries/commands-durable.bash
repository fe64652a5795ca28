# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="10,000 commands submitted one by one over one connection, 64 in flight, until future.done"
metrics=("rate jobs/s higher")
contenders=(full none)
label=([full]="futured, durability full" [none]="futured, durability none")
targets=("rate none 0.8")
jobs=10000

prepare()
{
    has_store || { echo "this daemon has no store" && return 77; }
    new_daemon full --max-workers 8 --durability full
    new_daemon none --max-workers 8
}

measure_full() { "$programs/load" commands "$full_socket" "$jobs" 64; }
measure_none() { "$programs/load" commands "$none_socket" "$jobs" 64; }

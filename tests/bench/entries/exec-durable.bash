# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="exec /bin/true with durability full, a pool of 8 workers, one map"
metrics=("rate jobs/s higher")
contenders=(futured spawn)
label=([futured]="futured, durable" [spawn]="bare pool, posix_spawn")
targets=("rate spawn 0.85")
jobs=5000

prepare()
{
    has_store || { echo "this daemon has no store" && return 77; }
    new_daemon futured --max-workers 8 --durability full
}

measure_futured() { "$programs/load" exec "$futured_socket" "$jobs" /bin/true; }
measure_spawn() { "$programs/pool" spawn 8 "$jobs" /bin/true; }

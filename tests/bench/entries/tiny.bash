# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="exec of a tiny static program, a pool of 8 workers, one map, outputs captured"
metrics=("rate jobs/s higher")
contenders=(futured clone spawn)
label=([spawn]="bare pool, posix_spawn" [clone]="bare pool, clone")
targets=("rate clone 0.85")
jobs=10000

prepare() { new_daemon futured --max-workers 8; }

measure_futured() { "$programs/load" exec "$futured_socket" "$jobs" "$programs/tiny"; }
measure_clone() { "$programs/pool" clone 8 "$jobs" "$programs/tiny"; }
measure_spawn() { "$programs/pool" spawn 8 "$jobs" "$programs/tiny"; }

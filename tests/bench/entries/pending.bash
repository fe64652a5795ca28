# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="1,000,000 pending futures with 100 bytes of args, beside 1,000"
metrics=("memory bytes/future lower" "submit requests/s higher" "cancel futures/s higher")
contenders=(many few)
label=([many]="futured, 1,000,000 pending" [few]="futured, 1,000 pending")
targets=("memory - 299" "submit few 0.9" "cancel few 0.9")
entry_rounds=1

prepare() { :; }

measure_many()
{
    new_daemon futured
    "$programs/load" pending "$futured_socket" "${BENCH_PENDING:-1000000}"
    stop_daemon
}
measure_few()
{
    new_daemon futured
    "$programs/load" pending "$futured_socket" 1000
    stop_daemon
}

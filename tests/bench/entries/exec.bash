# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="exec /bin/true, a pool of 8 workers, one map, outputs captured"
metrics=("rate jobs/s higher")
contenders=(futured spawn clone make xargs python gearmand parallel tsp nq)
label=([spawn]="bare pool, posix_spawn" [clone]="bare pool, clone" [make]="make -j8" [xargs]="xargs -P8"
    [gearmand]="gearmand, 8 gearman -w" [parallel]="GNU parallel -j8" [tsp]="task-spooler, 8 slots")
needs=([gearmand]=gearmand [parallel]=parallel [tsp]=tsp [nq]=nq)
targets=("rate spawn 0.95" "rate make 1" "rate xargs 1" "rate python 1" "rate gearmand 1"
    "rate parallel 1" "rate tsp 1" "rate nq 1")
jobs=5000
few=300 # for those that start a process or two of their own for each job

prepare()
{
    new_daemon futured --max-workers 8
    fastest_python
    { printf 'all:' && seq -f ' job%.0f' "$jobs" | tr -d '\n' && printf '\njob%%:\n\t@/bin/true 1\n'; } >"$work/Makefile"
    seq "$jobs" >"$work/items"
    seq "$few" >"$work/few"
    command -v gearmand >/dev/null || return 0
    gearman_port=$(free_port)
    background gearmand --listen 127.0.0.1 --port "$gearman_port" --log-file "$work/gearmand.log"
    await_port "$gearman_port"
    for ((i = 0; i < 8; i++)); do
        background gearman -p "$gearman_port" -w -f true -- /bin/true
    done
}

measure_futured() { "$programs/load" exec "$futured_socket" "$jobs" /bin/true; }
measure_spawn() { "$programs/pool" spawn 8 "$jobs" /bin/true; }
measure_clone() { "$programs/pool" clone 8 "$jobs" /bin/true; }
measure_make() { per_second "$jobs" make -s -j8 -f "$work/Makefile" all; }
measure_xargs() { per_second "$jobs" xargs -a "$work/items" -P 8 -n 1 /bin/true; }
measure_python() { "$python" tests/bench/thread_pool.py exec "$((jobs / 5))" /bin/true; }
measure_gearmand() { "$programs/queues" gearmand-client "$gearman_port" "$jobs" 100 true; }
measure_parallel() { per_second "$few" parallel -j 8 -a "$work/few" /bin/true; }

spool()
{
    tsp -S 8
    while read -r item; do
        tsp /bin/true "$item"
    done <"$work/few"
    tsp -w
    while [[ $(tsp | grep -cE ' (queued|running) ') != 0 ]]; do :; done
}
measure_tsp()
{
    export TS_SOCKET=$work/tsp TMPDIR=$work
    per_second "$few" spool
    tsp -K
}

queue()
{
    local item
    while read -r item; do
        nq -q /bin/true "$item"
    done <"$work/few"
    nq -w
}
measure_nq()
{
    export NQDIR=$work/nq
    mkdir -p "$NQDIR"
    per_second "$few" queue
    rm -r "$NQDIR"
}

# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="map of echo over 1,000,000 integers in chunks of 10,000, submit until the ordered results"
metrics=("rate items/s higher")
contenders=(futured redis python)
label=([redis]="redis, LPUSH + BRPOP by hiredis")
needs=([redis]=redis-server)
targets=("rate redis 1" "rate python 1")
items=1000000

prepare()
{
    new_daemon futured
    fastest_python
    command -v redis-server >/dev/null || return 0
    background redis-server --port 0 --unixsocket "$work/redis" --save "" --dir "$work"
    await_socket "$work/redis"
}

measure_futured() { "$programs/load" map "$futured_socket" "$items" 10000; }
measure_redis() { "$programs/redis" "$work/redis" "$items" 1000; }
measure_python() { "$python" tests/bench/thread_pool.py items "$((items / 10))"; }

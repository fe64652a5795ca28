# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="echo futures with durability full, 128 in flight, submit until future.done"
metrics=("rate requests/s higher")
contenders=(futured redis beanstalkd)
label=([futured]="futured, durable" [redis]="redis, AOF always" [beanstalkd]="beanstalkd -f0")
needs=([redis]=redis-server [beanstalkd]=beanstalkd)
targets=("rate redis 1" "rate beanstalkd 30")
requests=50000

prepare()
{
    has_store || { echo "this daemon has no store" && return 77; }
    new_daemon futured --durability full
    if command -v redis-server >/dev/null; then
        background redis-server --port 0 --unixsocket "$work/redis" --save "" --dir "$work" \
            --appendonly yes --appendfsync always
        await_socket "$work/redis"
    fi
    if command -v beanstalkd >/dev/null; then
        beanstalk_port=$(free_port)
        mkdir "$work/binlog"
        background beanstalkd -l 127.0.0.1 -p "$beanstalk_port" -b "$work/binlog" -f 0
        await_port "$beanstalk_port"
    fi
}

measure_futured() { "$programs/load" submit "$futured_socket" "$requests" 128; }
measure_redis() { "$programs/redis" "$work/redis" "$requests" 128; }
measure_beanstalkd() { "$programs/queues" beanstalkd "$beanstalk_port" "$((requests / 10))" 128; }

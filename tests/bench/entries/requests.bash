# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="echo futures, one connection, 128 in flight, submit until future.done"
metrics=("rate requests/s higher")
contenders=(futured hand-off json text beanstalkd gearmand)
label=([text]="bare libevent" [json]="bare libevent + jansson" [hand-off]="bare libevent + jansson + hand-off")
needs=([beanstalkd]=beanstalkd [gearmand]=gearmand)
targets=("rate hand-off 0.6")
requests=100000
workers=6

prepare()
{
    new_daemon futured --max-workers "$workers"
    echo_server text 1
    echo_server json 1
    echo_server hand-off "$workers"
    if command -v beanstalkd >/dev/null; then
        beanstalk_port=$(free_port)
        background beanstalkd -l 127.0.0.1 -p "$beanstalk_port"
        await_port "$beanstalk_port"
    fi
    if command -v gearmand >/dev/null; then
        gearman_port=$(free_port)
        background gearmand --listen 127.0.0.1 --port "$gearman_port" --log-file "$work/gearmand.log"
        await_port "$gearman_port"
    fi
}

measure_futured() { "$programs/load" submit "$futured_socket" "$requests" 128; }
measure_text() { "$programs/load" echo "$work/text" "$requests" 128; }
measure_json() { "$programs/load" echo "$work/json" "$requests" 128; }
measure_hand-off() { "$programs/load" echo "$work/hand-off" "$requests" 128; }
measure_beanstalkd() { "$programs/queues" beanstalkd "$beanstalk_port" "$requests" 128; }
measure_gearmand() { "$programs/queues" gearmand "$gearman_port" "$requests" 128; }

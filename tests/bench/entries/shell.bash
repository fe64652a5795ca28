# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="future map -- /bin/true from the shell, 5,000 lines on standard input"
metrics=("rate jobs/s higher")
contenders=(futured xargs)
label=([futured]="future map" [xargs]="xargs -P8 -n1")
targets=("rate xargs 1")
jobs=5000

prepare()
{
    new_daemon futured --max-workers 8
    seq "$jobs" >"$work/items"
}

map() { FUTURE_SOCKET=$futured_socket future map -- /bin/true <"$work/items"; }
measure_futured() { per_second "$jobs" map; }
measure_xargs() { per_second "$jobs" xargs -a "$work/items" -P 8 -n 1 /bin/true; }

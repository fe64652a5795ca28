# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="echo futures with durability full, one at a time, beside commits of SQLite"
metrics=("rate requests/s higher")
contenders=(futured sqlite)
label=([futured]="futured, durable" [sqlite]="SQLite, one FULL commit each")
targets=("rate sqlite 0.9")
requests=3000

prepare()
{
    has_store || { echo "this daemon has no store" && return 77; }
    new_daemon futured --durability full
    mkdir "$work/db"
}

measure_futured() { "$programs/load" submit "$futured_socket" "$requests" 1; }
measure_sqlite() { "$programs/sqlite_commit" "$work/db" "$requests"; }

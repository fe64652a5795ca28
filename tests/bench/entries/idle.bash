# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="a daemon that nobody has asked for anything"
metrics=("wake-ups count lower" "CPU ms lower" "memory bytes lower")
contenders=(futured)
targets=("wake-ups - 0" "CPU - 0" "memory - 4194304")
entry_rounds=1

prepare() { new_daemon futured; }

switches() { cat /proc/"$futured_pid"/task/*/status | awk '/ctxt_switches/ { n += $2 } END { print n }'; }
cpu_ms() { awk -v tick="$(getconf CLK_TCK)" '{ print ($14 + $15) * 1000 / tick }' "/proc/$futured_pid/stat"; }

measure_futured()
{
    local wakeups cpu
    wakeups=$(switches)
    cpu=$(cpu_ms)
    sleep "${BENCH_IDLE_SECONDS:-60}"
    echo "$(($(switches) - wakeups)) $(($(cpu_ms) - cpu)) $(awk '/^VmRSS/ { print $2 * 1024 }' "/proc/$futured_pid/status")"
}

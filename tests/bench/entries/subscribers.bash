# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="10,000 connections that wait for one future"
metrics=("time ms lower")
contenders=(futured)
targets=("time - 100")

prepare() { :; }

measure_futured()
{
    new_daemon futured
    "$programs/load" subscribers "$futured_socket" 10000
    stop_daemon
}

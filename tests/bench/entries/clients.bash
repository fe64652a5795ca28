# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
title="10,000 connections, each after one request"
metrics=("memory bytes/connection lower")
contenders=(futured)
targets=("memory - 10240")
entry_rounds=1

prepare() { new_daemon futured; }

measure_futured() { "$programs/load" clients "$futured_socket" 10000; }

#!/bin/bash
# A signal that comes while the daemon ends already does not make its end look like a failure.
set -u
source tests/support/shell.bash
source tests/support/daemon.bash

for signal in TERM INT; do
    for round in 1 2 3 4 5; do
        mkdir "$TMPDIR/$signal.$round"
        start_daemon "$TMPDIR/$signal.$round"
        future submit -- true >/dev/null
        while kill -"$signal" "$daemon_pid" 2>/dev/null; do :; done
        status "SIG$signal without end, $round" 0 wait "$daemon_pid"
        wait "$daemon_logger"
    done
done

finish

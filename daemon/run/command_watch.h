/* From the start of a command's process to its end: feeds its stdin, captures its stdout and
 * stderr, passes stop requests on, and reaps it. It does not start the process and does not judge
 * how it ended. Worker thread. */
#ifndef FUTURED_RUN_COMMAND_WATCH_H
#define FUTURED_RUN_COMMAND_WATCH_H

#include "daemon/core/call.h"
#include "daemon/run/process.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output;

#define COMMAND_ESCAPED_BYTES 120

/* What the worker has of a command that has been started. */
struct command_watch {
    struct call *call;
    struct process process; /* taken over: reaped by the watch */
    struct output *output;
    /* The ends of the pipes; owned by the caller, closed and made -1 by the watch when they are at
     * their end. -1: there is none. stdin_fd does not block. */
    int stdin_fd, stdout_fd, stderr_fd;
    const char *stdin_data; /* what is still to be written */
    size_t stdin_bytes;
    uint64_t start_ns;
    /* How long pipes that a background grandchild holds are read after the command's own exit. */
    uint64_t pipe_grace_ms;
    char *const *envp;           /* of the process; NULL-ended */
    uint64_t output_total_bytes; /* of both streams: past that it is killed */
};

struct command_end {
    struct process_exit status;
    uint64_t wall_ns; /* from the start to the exit */
    bool flooded;     /* it wrote more than it may */
    bool stopped;     /* a stop request reached the command before its end */
    struct stop_request stop;
    char escaped[COMMAND_ESCAPED_BYTES]; /* who lives on though it was ended, for people */
};

/* Blocks until the process has exited and its output is at end, or the grace for that is over. 0
 * and *ret_end; or -errno where the process's status was lost. The process is gone either way. */
int command_watch_run(struct command_watch *watch, struct command_end *ret_end);

#endif

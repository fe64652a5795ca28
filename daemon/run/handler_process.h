/* One process of a handler: its start, the bytes and lines on its pipes, its end. It knows no
 * futures and nothing of what the lines mean, but for those that come between two calls. A process
 * belongs to one thread at a time: the worker that executes a call on it, or whoever holds the
 * keeper's lock. Nothing here blocks, except for handler_process_kill. */
#ifndef FUTURED_RUN_HANDLER_PROCESS_H
#define FUTURED_RUN_HANDLER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/base/log.h"
#include "daemon/run/handler_message.h"
#include "daemon/run/process.h"

struct frame;
struct output;

/* What the processes of one handler have in common. Borrowed, and does not change. */
struct handler_spec {
    const char *kind; /* for the log: "handler" */
    const char *name;
    char *const *argv;
    char *const *envp;
    const char *cwd; /* NULL: the daemon's */
    struct process_limit limits[2];
    size_t limit_count;
    uint64_t reset_signals;
    struct leftovers *leftovers; /* NULL: none */
    struct cgroups *cgroups;     /* where processes get groups; NULL: none */
    bool ends_itself;            /* as in process_spec */
    struct handler_bounds bounds;
};

#define HANDLER_LAST_WORDS_BYTES 500

/* How far a process has been told to go. */
enum handler_phase { HANDLER_LIVES, HANDLER_SEES_EOF, HANDLER_SEES_TERM, HANDLER_SEES_KILL };

struct handler_process {
    const struct handler_spec *spec;
    struct process process;
    int stdin_fd, stdout_fd, stderr_fd; /* -1: closed */
    struct frame *lines;
    uint64_t tasks;   /* calls that it answered */
    uint64_t read_ns; /* when something was read from its stdout last */

    /* What it may write to the daemon's log: so many lines a second. */
    uint64_t log_window_ns;
    unsigned log_lines, log_lines_dropped;
    /* The end of what it wrote to stderr outside of calls, as it came; not NUL-terminated. */
    char last_words[HANDLER_LAST_WORDS_BYTES];
    size_t last_words_bytes;

    /* The keeper's. */
    TAILQ_ENTRY(handler_process) link;
    uint64_t since_ns; /* idle since, or in its phase since */
    size_t slot;       /* its place in the keeper's poll; 0: none */
    enum handler_phase phase;
};

/* Starts one. 0; or -errno and *ret_step (static) says where. */
int handler_process_start(const struct handler_spec *spec, struct handler_process **ret_process,
                          const char **ret_step);

/* Kills its group, waits for its end, and frees it. *ret_exit (may be NULL) is zeroed where the
 * status was lost. NULL is allowed. */
void handler_process_kill(struct handler_process *process, struct process_exit *ret_exit);

/* Writes what its stdin takes. The number of bytes, 0 where it is full; -errno. */
ssize_t handler_process_write(struct handler_process *process, const char *data, size_t size);

/* Reads from its stdout once. 1; 0: there is nothing now; -EPIPE: it is at its end; -ENOMEM. */
int handler_process_read(struct handler_process *process);
/* The next line that was read: as frame_next. */
int handler_process_line(struct handler_process *process, char **ret_line, size_t *ret_size);

/* Moves what is there of its stderr, a pipe's content at most, to the future's; false where there
 * was nothing. */
bool handler_process_capture(struct handler_process *process, struct output *output);

/* Moves what is there of its stderr to the log instead; the same. */
bool handler_process_log_stderr(struct handler_process *process);

/* A line from the handler in the daemon's log; past some lines a second they are only counted. */
void handler_process_log(struct handler_process *process, enum log_level level, const char *text);

/* Has it exited? It is not reaped by that. */
bool handler_process_has_exited(const struct handler_process *process);
/* True where it ended without having read anything of the `size` bytes that were written last. */
bool handler_process_read_nothing(const struct handler_process *process, size_t size);

/* Takes in the lines that came behind an answer, and were read with it. The same as below. */
bool handler_process_takes_lines(struct handler_process *process);
/* Between two calls: logs what it has to say, and tells whether it can take one more. Where it
 * cannot, the log says why. */
bool handler_process_is_fit(struct handler_process *process);

/* Takes what a process says that is about to end: stderr to the log, the rest to nowhere. */
void handler_process_drain(struct handler_process *process);

#endif

/* The command runner: the function `exec`, which runs a program without a shell, captures what it
 * writes and tells how it ended. It does not queue or schedule. The function is made and freed by
 * the server; what it describes is called as runner.h says, by any number of worker threads at
 * once.
 *
 * The process must not ignore SIGCHLD (the exit status would be lost), and SIGPIPE must not be able
 * to end it. A worker's stack should have 256 KiB. */
#ifndef FUTURED_RUN_COMMAND_H
#define FUTURED_RUN_COMMAND_H

#include <stdint.h>

struct cgroups;
struct function;
struct leftovers;
struct rlimit;

#define COMMAND_PIPE_GRACE_MS 2000

struct command_settings {
    char *const *environment; /* NULL-ended; what is meant for the daemon alone is left out */
    const char *socket_path;  /* for FUTURE_SOCKET; NULL: none */
    /* How long to read on from pipes that a grandchild holds after the command's exit. */
    uint64_t pipe_grace_ms;
    /* The limit of open files that a job has unless it asks for another; NULL: the process'. */
    const struct rlimit *open_files;
    struct leftovers *leftovers; /* where processes are written down; NULL: nowhere */
    struct cgroups *cgroups;     /* where processes get groups; NULL: none */
};

/* Copies the settings and notes which signals the process handles or ignores. 0 or -errno. */
int command_function_new(const struct command_settings *settings, struct function **ret_function);
void command_function_free(struct function *function);

/* How much a command may write to both streams before it is killed; any amount at first. Counts for
 * those that start from now on. Any thread. */
void command_function_limit(struct function *function, uint64_t output_total_bytes);

#endif

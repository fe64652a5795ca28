/* The handler runner: functions that a long-lived process answers, one call at a time, over its
 * stdin and stdout; proto/HANDLER.md is the contract with these processes. A function owns its
 * processes: a worker that executes a call takes an idle one or starts one, and puts it back, so
 * there are never more than calls at once. The set of functions is made and freed by the server;
 * a function is called as runner.h says, by any number of worker threads at once.
 *
 * The process must not ignore SIGCHLD, and SIGPIPE must not be able to end it. A worker's stack
 * should have 256 KiB. */
#ifndef FUTURED_RUN_HANDLER_H
#define FUTURED_RUN_HANDLER_H

#include <stdbool.h>
#include <stdint.h>

struct cgroups;
struct check_error;
struct function;
struct handlers;
struct leftovers;
struct rlimit;

/* What all handlers have in common. */
struct handlers_settings {
    char *const *environment; /* NULL-ended; what is meant for the daemon alone is left out */
    const char *socket_path;  /* for FUTURE_SOCKET; NULL: none */
    /* The limit of open files that a process gets; NULL: the daemon's. */
    const struct rlimit *open_files;
    struct leftovers *leftovers;        /* where processes are written down; NULL: nowhere */
    struct cgroups *cgroups;            /* where processes get groups; NULL: none */
    uint64_t line_bytes, depth, values; /* of what a handler writes */
};

struct handler_settings {
    const char *name;
    const char *doc;    /* NULL: none */
    const char *params; /* a description as params.h has it; NULL: none */
    char *const *argv;  /* NULL-ended */
    const char *init;   /* JSON text of an object or array; NULL: there is nothing to tell */
    const char *cwd;    /* NULL: the daemon's */
    uint64_t max_tasks; /* calls after which a process is replaced; 0: never */
    uint64_t idle_timeout_ms;
    uint64_t memory_limit_bytes; /* of address space; 0: as the daemon */
    uint64_t timeout_ms;         /* of silence during a call; 0: none */
    bool break_pool;             /* a crash breaks the pool that executed the call */
};

/* Copies the settings. 0 or -errno. */
int handlers_new(const struct handlers_settings *settings, struct handlers **ret_handlers);
/* Ends all processes, which takes two seconds at most where they do not want to. No call may be
 * running. NULL is allowed. */
void handlers_free(struct handlers *handlers);

/* Looks at what can be wrong with the settings: `init` and `params`. 0; -EINVAL with *ret_error
 * filled in; -ENOMEM. */
int handler_settings_check(const struct handler_settings *settings, struct check_error *ret_error);

/* Makes a function, which belongs to the set; no process is started yet. The settings are copied.
 * What handler_settings_check says, or -errno. */
int handlers_add(struct handlers *handlers, const struct handler_settings *settings,
                 const struct function **ret_function, struct check_error *ret_error);

/* Gives the function `live` the settings with which `draft`, of the same name, was made; `draft` is
 * gone then, and must never have been called. Running calls end as they began, on their old
 * processes; those that start later, also ones that are queued already, use the new settings. Idle
 * processes end. The thread that checks arguments only, as doc and params change, too. */
void handlers_replace(struct handlers *handlers, const struct function *live,
                      const struct function *draft);

/* Frees a function that was never called. */
void handlers_discard(struct handlers *handlers, const struct function *draft);

#endif

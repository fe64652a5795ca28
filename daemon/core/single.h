/* Executes one call after the other on a worker's thread, without futures, pools or a store: for a
 * process that executes what another one has accepted. The runners see what they always see. Loop
 * thread only. */
#ifndef FUTURED_CORE_SINGLE_H
#define FUTURED_CORE_SINGLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct function;
struct loop;
struct outcome;
struct output;
struct single;
struct stop_request;

/* What is told of the call that runs. `arg` comes back. */
struct single_hooks {
    void *arg;
    void (*on_output)(void *arg); /* there is more of its output; see single_watch */
    /* How far it is; the text is borrowed. */
    void (*on_progress)(void *arg, const char *json);
    /* It is over: the next one may be started from within. `break_pool`: as call_break_pool. */
    void (*on_finished)(void *arg, const struct outcome *outcome, bool break_pool);
};

/* `name`: of the thread, together with the number. `output_bytes`: kept of each stream. 0 or
 * -errno. */
int single_new(struct loop *loop, const char *name, unsigned number, uint64_t output_bytes,
               const struct single_hooks *hooks, struct single **ret_single);
/* Nothing may run any more. NULL is allowed. */
void single_free(struct single *single);

/* What to execute; all but the function is copied. */
struct single_call {
    const struct function *function;
    uint64_t id;
    unsigned attempt;
    const char *args, *item; /* JSON text; item NULL: it is none of a map */
    size_t args_bytes, item_bytes;
};

/* Starts the call; none may be running. 0 or -ENOMEM. */
int single_start(struct single *single, const struct single_call *what);
bool single_is_busy(const struct single *single);
/* Asks the running call to stop. */
void single_stop(struct single *single, const struct stop_request *request);

/* From now on tell of the running call's output. */
void single_watch(struct single *single);
/* Of the running call, or the one that has just finished: what it wrote; NULL: nothing so far. */
struct output *single_output(const struct single *single);
/* The process that does the work; 0: none. */
pid_t single_pid(const struct single *single);

#endif

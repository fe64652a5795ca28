/* A worker: one thread of a pool. It takes calls from the pool's queue, runs them one at a time,
 * and posts what happened to the completion list. It never touches a future. The calls that it
 * posts as started are the loop's to free, once they are finished. */
#ifndef FUTURED_CORE_WORKER_H
#define FUTURED_CORE_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/core/call.h"
#include "daemon/core/completion.h"

struct function;
struct outcome;
struct place;
struct work;
struct work_queue;
struct worker;

/* Worker thread: fills in an empty call with what the work that it has taken stands for. */
typedef void begin_call_fn(struct call *call, struct work *work);

/* What a pool gives each of its workers. `queue` and `completions` are borrowed and outlive the
 * worker, as do the place and the function; the rest is copied. */
struct worker_settings {
    struct work_queue *queue;
    begin_call_fn *begin_call;
    struct completions *completions;
    struct place *place; /* where its calls are executed; NULL: here */
    const char *name_prefix;
    unsigned number;
    const struct function *initializer; /* NULL: none */
    const char *initializer_args;
    size_t initializer_args_bytes;
};

/* Loop thread: starts the thread, which the queue counts from now on. 0 or -errno. `owner` comes
 * back from worker_owner. */
int worker_start(const struct worker_settings *settings, void *owner, struct worker **ret_worker);

/* Loop thread: blocks until the thread has ended, which it has all but done after
 * MESSAGE_WORKER_EXITED. */
void worker_join(struct worker *worker);
/* Loop thread: the thread has been joined, or was never started. NULL is allowed. */
void worker_free(struct worker *worker);

/* Loop thread: asks the call to stop if this worker still runs it; does nothing otherwise. */
void worker_stop_call(struct worker *worker, const struct call *call,
                      const struct stop_request *request);

enum gate {
    GATE_SHUT,
    GATE_OPEN,
    GATE_OPEN_AHEAD, /* its start was stored ahead after it was taken: it is to be marked */
    GATE_REFUSED,    /* the call ends at once with an exception */
};

/* Loop thread: the worker has posted the start of a gated call, and now goes on with it. */
void worker_open_gate(struct worker *worker, enum gate gate);

/* Loop thread: from now on the worker executes no gated call, and whatever else it runs or begins,
 * an initializer too, is asked to stop. */
void worker_close(struct worker *worker, const struct stop_request *request);

/* The worker's thread: posts a message of the call that it runs, and wakes the loop. */
void worker_post(struct worker *worker, struct message *message);

/* Any thread. */
void *worker_owner(const struct worker *worker);
/* Where it executes; NULL: here. */
struct place *worker_place(const struct worker *worker);
const char *worker_name(const struct worker *worker);
pid_t worker_tid(const struct worker *worker);

/* Loop thread, between MESSAGE_WORKER_BROKEN and worker_free: how the initializer failed. */
const struct outcome *worker_failure(const struct worker *worker);

/* From a message of kind WORKER_EXITED or WORKER_BROKEN to its worker. */
struct worker *worker_of_message(struct message *message);

#endif

/* The inside of a call, for the files of core alone. Who owns it: its future's thread (the loop)
 * until it is pushed, the work queue's lock while it is queued, the worker that took it until it
 * posts `finished`, and the loop again from the moment that message is taken. */
#ifndef FUTURED_CORE_CALL_IMPL_H
#define FUTURED_CORE_CALL_IMPL_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/core/call.h"
#include "daemon/core/completion.h"
#include "daemon/core/outcome.h"
#include "daemon/core/output.h"
#include "daemon/core/runner.h"

#define WORKER_NAME_SIZE 16 /* as much as the kernel keeps of a thread's name */

struct lane;
struct worker;

struct call {
    TAILQ_ENTRY(call) link; /* in its lane; queue's lock */
    struct lane *lane;      /* NULL: not queued; queue's lock */

    /* Set before the push, the same until the call is finished. */
    uint64_t id;
    const struct function *function;
    const char *args, *item; /* borrowed from the spec and the future */
    size_t args_bytes, item_bytes;
    uint64_t output_cap_bytes;
    unsigned attempt;

    /* Shared while the call runs. */
    _Atomic pid_t pid;
    _Atomic(struct output *) output; /* made by whoever needs it first; its own lock inside */
    _Atomic(char *) progress;        /* told and not taken in yet; whoever takes it out owns it */
    struct message output_changed, progressed;
    atomic_bool output_posted, progress_posted; /* they are in the completion list */
    atomic_bool stop_asked;

    bool wake_on_start; /* set before the push: a timeout's timer waits for the start */
    bool gated;         /* set before the push: the worker waits for worker_open_gate */
    bool break_pool;    /* the worker's: the pool must not go on after this call */
    enum { LOST_NOT, LOST_UNSEEN, LOST } lost; /* the worker's: as call_lost says */
    bool reported; /* the loop's, which may read `worker` from `started` to `finished` */
    char worker_name[WORKER_NAME_SIZE]; /* the loop's: who has, or had, it; "": nobody yet */

    /* The worker's, then the loop's. */
    struct worker *worker;
    struct outcome outcome;
    int64_t started_us, finished_us;
    uint64_t rest_ns; /* where lost */
    const char *host; /* that executed it; NULL: this one. Lives as long as the pool's place */
    struct message started, finished;
};

/* The output, made if it is not there yet. Worker or loop. NULL: no memory. */
struct output *call_output_ensure(struct call *call);
/* Loop: has changes of the output posted as `output_changed`. */
void call_watch_output(struct call *call);

#endif

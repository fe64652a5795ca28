/* What waits for a worker, and the inside of what a worker makes of it, for the files of core
 * alone.
 *
 * A future's work lies in its pool's queue. A worker that takes it fills in a call, which it has
 * made beforehand, so that pending futures need none. The call is the worker's until it posts
 * `finished`, but for what is shared; from the moment that `started` is taken from the completions
 * the future owns its memory, and from `finished` on all of it is the loop's. */
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

struct future;
struct lane;
struct worker;

/* The queue's lock guards it. Zeroed memory is not queued. */
struct work {
    TAILQ_ENTRY(work) link; /* in its lane */
    struct lane *lane;      /* NULL: not queued (any more) */
    bool ahead;             /* its start is in the store: whoever takes it need not wait for that */
};

struct call {
    /* Set when the work is taken, the same until the call is finished. */
    struct future *future; /* NULL: of none */
    uint64_t id;
    const struct function *function;
    const char *args, *item; /* borrowed from the future and its map */
    size_t args_bytes, item_bytes;
    uint64_t output_cap_bytes;
    unsigned attempt;
    bool wake_on_start; /* a timeout's timer waits for the start */
    bool gated;         /* the worker waits for worker_open_gate */
    /* Where to mark that it begins, if its start was stored ahead; NULL: nowhere. */
    _Atomic uint64_t *marks;
    bool marked; /* the worker's: its start was */

    /* Shared while the call runs. */
    _Atomic pid_t pid;
    _Atomic(struct output *) output; /* made by whoever needs it first; its own lock inside */
    _Atomic(char *) progress;        /* told and not taken in yet; whoever takes it out owns it */
    struct message output_changed, progressed;
    atomic_bool output_posted, progress_posted; /* they are in the completion list */
    atomic_bool stop_asked;

    bool break_pool; /* the worker's: the pool must not go on after this call */
    enum { LOST_NOT, LOST_UNSEEN, LOST } lost; /* the worker's: as call_lost says */
    bool reported; /* the loop's, which may read `worker` from `started` to `finished` */
    char worker_name[WORKER_NAME_SIZE]; /* the loop's: who has, or had, it; "": nobody yet */

    /* The worker's, then the loop's. */
    struct worker *worker;
    struct outcome outcome;
    int64_t started_us, finished_us;
    uint64_t rest_ns; /* where lost */
    char *host;       /* that executed it; NULL: this one, or not known; owned */
    struct message started, finished;
};

/* NULL: no memory. */
struct call *call_new(void);
/* Its worker must be through with it. NULL is allowed. */
void call_free(struct call *call);
/* Lays a newer request over what was asked before, whose words stay where the newer one has none.
 * False: it changes nothing, as what is ended already cannot run out of its time. */
bool stop_request_follow(struct stop_request *asked, const struct stop_request *newer);
/* The output, made if it is not there yet. Worker or loop. NULL: no memory. */
struct output *call_output_ensure(struct call *call);
/* Loop: has changes of the output posted as `output_changed`. */
void call_watch_output(struct call *call);

#endif

/* A pool: a named set of worker threads with one queue. It starts threads when work needs them,
 * keeps the settings, and knows who is doing what. It does not know futures' states or lists; the
 * executor does. Loop thread only. */
#ifndef FUTURED_CORE_POOL_H
#define FUTURED_CORE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/core/store.h"

struct call;
struct completions;
struct function;
struct outcome;
struct place;
struct pool;
struct pool_statistics;
struct stop_request;
struct work;
struct worker;

#define POOL_PREFIX_SIZE 13 /* leaves a thread's name room for "-99" */

struct pool_settings {
    unsigned max_workers, min_workers;
    uint64_t idle_timeout_ns;
    uint64_t max_tasks_per_worker; /* 0: no limit */
    uint64_t queue_limit;          /* pending futures; 0: no limit */
    bool on_full_wait;             /* a submit to a full queue waits instead of failing */
    bool configured;               /* the configuration file has them: they are not stored */
    enum durability durability;    /* of its futures, as far as the store has it */
    char thread_name_prefix[POOL_PREFIX_SIZE];
    struct place
        *place; /* where the workers execute; NULL: here. Outlives its use here and its workers */
    const struct function *initializer; /* NULL: none */
    char *initializer_args;             /* JSON text; copied, the pool owns its copy */
};

/* min(32, CPUs that this process may use + 4). */
unsigned pool_default_max_workers(void);
/* The settings of a pool of that name of which nothing was said. */
void pool_default_settings(const char *name, struct pool_settings *ret_settings);

/* `completions` is borrowed. 0 or -ENOMEM. */
int pool_new(const char *name, const struct pool_settings *settings,
             struct completions *completions, struct pool **ret_pool);
/* Every worker must be gone, or joined. */
void pool_free(struct pool *pool);

const char *pool_name(const struct pool *pool);
const struct pool_settings *pool_settings(const struct pool *pool);
/* Running calls go on; threads too many leave when idle. 0 or -ENOMEM. */
int pool_set_settings(struct pool *pool, const struct pool_settings *settings);

void pool_pause(struct pool *pool, bool paused);
bool pool_is_paused(const struct pool *pool);

/* A broken pool takes nothing and runs nothing, for good. */
void pool_break(struct pool *pool);
bool pool_is_broken(const struct pool *pool);

/* Makes sure that there is at least one worker. 0 or -errno when there is none and none can be
 * started. */
int pool_ensure_worker(struct pool *pool);

/* Queues a future's work and starts a worker for it if there are too few; idle ones hear of it from
 * pool_wake. 0 or -ENOMEM. A thread that cannot be started leaves it queued. */
int pool_push(struct pool *pool, struct work *work, int64_t priority, uint32_t uid,
              uint64_t client);
/* Wakes a worker, if something was pushed since. */
void pool_wake(struct pool *pool);
/* As work_queue_move. */
int pool_move(struct pool *pool, struct work *work, int64_t priority);
/* As work_queue_remove. */
bool pool_remove(struct pool *pool, struct work *work);
/* As work_queue_let_begin and work_queue_next. */
bool pool_let_begin(struct pool *pool, struct work *work);
size_t pool_next(struct pool *pool, struct work **ret_next, size_t most);
/* A call that waits for the store before it begins has ended, at about that time. Returns whether
 * such calls have ended so fast of late that the wait counts. */
bool pool_ends_fast(struct pool *pool, uint64_t now_ns);

/* The worker has reported that it took the call, or finished it (told twice, it counts once). */
void pool_call_started(struct pool *pool, struct call *call);
void pool_call_finished(struct pool *pool, struct call *call);
/* The call whose work the process `pid` does; NULL: none. */
struct call *pool_call_of_pid(const struct pool *pool, pid_t pid);
/* The worker that runs the call, NULL where that is not known, or where `call` is NULL. */
struct worker *pool_call_worker(const struct call *call);

/* After MESSAGE_WORKER_EXITED: joins the worker, frees it and starts another one if there is work
 * that needs it. Returns the pool. */
struct pool *pool_worker_exited(struct worker *worker);
struct pool *pool_of_worker(const struct worker *worker);

/* Has every thread leave as soon as its call is done, and stops running initializers. */
void pool_close(struct pool *pool);
size_t pool_worker_count(const struct pool *pool);
/* Blocks until every thread of a closed pool has ended. What they have reported can still be taken
 * from the completion list, until pool_free. */
void pool_join(struct pool *pool);

/* Whether the workers do what they are for. False: at this call and at the one before there were
 * calls to take and idle threads to take them, and in between no call was started. Meant to be
 * asked now and then, by one asker. */
bool pool_makes_progress(struct pool *pool);

/* Calls with a worker, as far as the loop has been told. */
uint64_t pool_running(const struct pool *pool);
/* Calls that a worker has, reported or not. */
uint64_t pool_in_flight(const struct pool *pool);
/* Pending futures, those included that wait for a time or another future; futures count
 * themselves in and out. */
uint64_t pool_pending(const struct pool *pool);
void pool_count_pending(struct pool *pool, int by);

/* Counted by the futures; for the pool to keep. */
struct pool_statistics *pool_statistics(struct pool *pool);

/* Whether the queue limit lets so many more be pending. */
bool pool_has_room(const struct pool *pool, uint64_t calls);

struct pool_worker_info {
    const char *name; /* the thread's; borrowed */
    pid_t tid;
    uint64_t future;  /* 0: idle */
    pid_t pid;        /* of the process that does the work; 0: none */
    const char *host; /* where it executes; NULL: here, or not known yet; borrowed */
    bool opening;     /* it has no seat at its place yet */
};

/* Calls `fn` for each worker. */
void pool_each_worker(const struct pool *pool,
                      void (*fn)(const struct pool_worker_info *info, void *arg), void *arg);

#endif

/* Sees when a pool stands still because every one of its workers runs a job that waits, without a
 * time limit, for a future which is queued behind those very jobs. It only tells; it ends nothing.
 * Loop thread only. */
#ifndef FUTURED_CORE_DEADLOCK_H
#define FUTURED_CORE_DEADLOCK_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

struct executor;
struct future;
struct pool;

/* A job that is blocked until another future is done. Lives inside the structure of whoever waits
 * for it. Zeroed memory is no block. */
struct block {
    LIST_ENTRY(block) link; /* in the executor's `blocks` */
    struct future *waiter;  /* the job's future; NULL: not in the list */
    struct future *awaited;
};

/* The RUNNING future whose job's process leads that session; NULL: none. A job starts a session of
 * its own, so whoever belongs to it speaks for the job. */
struct future *executor_job_of_session(struct executor *executor, pid_t session);

/* Notes that `waiter` waits for `awaited`, until block_remove. Both must be known to be there. Once
 * all are noted, deadlock_check tells in the log if that makes the waiter's pool stand still. */
void block_add(struct executor *executor, struct block *block, struct future *waiter,
               struct future *awaited);
void deadlock_check(struct executor *executor, const struct future *waiter);
/* Must be called before the awaited future can be removed. Does nothing for no block. */
void block_remove(struct block *block);

/* The pool stands still. */
bool pool_is_deadlocked(const struct executor *executor, const struct pool *pool);

#endif

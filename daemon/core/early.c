/* What is executed before its submit is stored.
 *
 * The answer to a submit waits for the disk, and a call without any effect need not: it is pushed
 * at once, and the store waits a little for its end. So a durable call of that kind costs one
 * commit in place of two. Nobody sees any of that: until the submit is stored the future is held by
 * HOLD_COMMIT, and nobody can find it. Then come, in this order, the answer, RUNNING, and the end,
 * as for any other.
 *
 * A call that is found in the store without its end after a crash is executed again; and one whose
 * submit was never answered may have been executed, which makes no difference. */
#include "daemon/core/admission.h"
#include "daemon/core/executor_impl.h"

bool early_is_possible(const struct future *future)
{
    const struct spec *spec = future->spec;
    /* What is submitted later must not be executed sooner than what waits to be pushed. And what
     * may need another attempt, or somebody who stops it, takes the usual way. */
    return spec->function->ops->quick && spec->durability != DURABILITY_NONE && !spec->map &&
           future->holds == 0 && spec->timeout_ns == 0 && spec->retry_max == 0 &&
           !pool_settings(spec->pool)->place && !pool_is_paused(spec->pool) &&
           executor_of(future)->late_submits == 0;
}

bool early_push(struct future *future)
{
    if (push_call(future) < 0)
        return false;
    future->early = true;
    struct store *store = executor_of(future)->settings.store;
    store->ops->expect_end(store, future->id);
    return true;
}

void early_started(struct future *future, int64_t wall_us)
{
    future->queued = false;
    future->starting = true;
    future->started_us = wall_us;
}

static void give(struct future *future)
{
    /* That of RUNNING; the one that comes is that of the end. */
    future->cursor = next_cursor(executor_of(future));
    future->settling = future->early_end = true;
    future->finished_us = future->call->finished_us;
    give_end(future);
}

/* In the order of the submits: so cursors rise with ids, and the store can put each end behind its
 * submit. One that takes longer holds the others up until its submit is stored. */
void early_give(struct executor *executor)
{
    struct admission *next;
    while ((next = executor->early_next) && (next->late || next->future->early_over)) {
        executor->early_next = TAILQ_NEXT(next, link);
        if (!next->late)
            give(next->future);
    }
}

void early_finished(struct future *future)
{
    if (future->refuse_start) {
        remove_future(future, false);
        return;
    }
    future->early_over = true;
    early_give(executor_of(future));
}

/* Returns whether it was. */
static bool no_longer_early(struct future *future)
{
    if (!future->early)
        return false;
    future->early = false;
    return true;
}

void early_stored(struct future *future)
{
    if (!no_longer_early(future) || !future->starting)
        return;
    /* It has a cursor for that only where it has ended. */
    future->starting = future->early_end;
    begin_running(future, future->started_us);
    future->early_end = false;
}

bool early_refused(struct future *future)
{
    if (!no_longer_early(future))
        return false;
    if (future->queued && pool_remove(future->spec->pool, &future->work))
        future->queued = false;
    future->refuse_start = future->queued || future->starting;
    return future->refuse_start;
}

/* What is executed before its submit is stored.
 *
 * The answer to a submit waits for the disk, and a call without any effect need not: it is pushed
 * at once, and by the time that the store begins to write, its end is there as well. So a durable
 * call of that kind costs one commit in place of two. Nobody sees any of that: until the submit is
 * stored the future is held by HOLD_COMMIT, and nobody can find it. Then come, in this order, the
 * answer, RUNNING, and the end, as for any other.
 *
 * A call that is found in the store without its end after a crash is executed again; and one whose
 * submit was never answered may have been executed, which makes no difference. */
#include "daemon/core/executor_impl.h"
#include "daemon/core/owner.h"

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

static void expect(struct executor *executor, int by)
{
    executor->settings.store->ops->expect(executor->settings.store, by);
}

bool early_push(struct future *future)
{
    if (push_call(future) < 0)
        return false;
    future->early = true;
    expect(executor_of(future), 1);
    return true;
}

void early_started(struct future *future, int64_t wall_us)
{
    future->queued = false;
    future->starting = true;
    future->started_us = wall_us;
}

void early_finished(struct future *future)
{
    struct executor *executor = executor_of(future);
    if (future->refuse_start) {
        remove_future(future, false);
        return;
    }
    /* That of RUNNING; the one that comes is that of the end. */
    future->cursor = next_cursor(executor);
    future->settling = future->early_end = true;
    future->finished_us = future->call->finished_us;
    give_end(future);
    expect(executor, -1);
}

/* Returns whether it was. */
static bool no_longer_early(struct future *future)
{
    if (!future->early)
        return false;
    future->early = false;
    if (!future->early_end)
        expect(executor_of(future), -1);
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

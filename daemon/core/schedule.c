/* What holds a pending future back, and its way to the queue once nothing does. */
#include "daemon/base/clock.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/owner.h"

void schedule(struct future *future)
{
    if (future->state != FUTURE_PENDING || future->holds != 0 || future->settling ||
        future->queued || future->starting)
        return;
    if (future->map) {
        map_release(future->map, 0);
        map_check_done(future->map);
        return;
    }
    struct spec *spec = future->spec;
    if (pool_is_broken(spec->pool)) {
        settle_exception(future, "BrokenPool", "the pool is broken", NULL);
        return;
    }
    future->call.gated = spec->durability != DURABILITY_NONE && !spec->function->ops->repeatable;
    future->queued_us = clock_wall_us();
    if (pool_push(spec->pool, &future->call, future->priority, owner_uid(spec->owner),
                  spec->client) < 0) {
        settle_exception(future, "MemoryError", "no memory to queue the call", NULL);
        return;
    }
    future->queued = true;
}

void release_hold(struct future *future, enum hold hold)
{
    future->holds &= ~(unsigned)hold;
    schedule(future);
}

static void on_delay_over(struct deadline *deadline)
{
    struct future *future = (struct future *)((char *)deadline - offsetof(struct future, deadline));
    struct executor *executor = future->executor;
    release_hold(future, future->holds & HOLD_RETRY ? HOLD_RETRY : HOLD_DELAY);
    settle_run(executor);
}

int hold_for(struct future *future, enum hold hold, uint64_t delay_ns)
{
    uint64_t now_ns = clock_mono_ns();
    uint64_t when_ns = delay_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + delay_ns;
    int r =
        deadline_set(future->executor->settings.timers, &future->deadline, when_ns, on_delay_over);
    if (r == 0)
        future->holds |= hold;
    return r;
}

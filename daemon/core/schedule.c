/* What holds a pending future back, and its way to the queue once nothing does. */
#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/base/loop.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/owner.h"

int push_call(struct future *future)
{
    struct spec *spec = future->spec;
    future->queued_us = clock_wall_us();
    future->work.ahead = future->ahead;
    int r = pool_push(spec->pool, &future->work, future->priority, owner_uid(spec->owner),
                      spec->client);
    if (r < 0)
        return r;
    future->queued = true;
    loop_task_ask(executor_of(future)->hand_out);
    return 0;
}

void hand_out(void *arg)
{
    struct executor *executor = arg;
    for (size_t i = 0; i < executor->pool_count; i++)
        pool_wake(executor->pools[i]);
}

void schedule(struct future *future)
{
    if (future->state != FUTURE_PENDING || future->holds != 0 || future->settling ||
        future->queued || future->starting)
        return;
    if (own_map(future)) {
        map_release(own_map(future), 0);
        map_check_done(own_map(future));
        return;
    }
    if (pool_is_broken(future->spec->pool))
        settle_exception(future, "BrokenPool", "the pool is broken", NULL);
    else if (push_call(future) < 0)
        settle_exception(future, "MemoryError", "no memory to queue the call", NULL);
}

void release_hold(struct future *future, enum hold hold)
{
    drop_hold(future, hold);
    schedule(future);
}

struct future *future_of_deadline(struct deadline *deadline)
{
    return CONTAINER_OF(deadline, struct rare, deadline)->future;
}

int future_set_deadline(struct future *future, uint64_t when_ns, deadline_fn *fn)
{
    struct rare *rare = future_rare(future);
    if (!rare)
        return -ENOMEM;
    return deadline_set(executor_of(future)->settings.timers, &rare->deadline, when_ns, fn);
}

void future_clear_deadline(struct future *future)
{
    if (future->rare)
        deadline_clear(executor_of(future)->settings.timers, &future->rare->deadline);
}

static void on_delay_over(struct deadline *deadline)
{
    struct future *future = future_of_deadline(deadline);
    struct executor *executor = executor_of(future);
    release_hold(future, future->holds & HOLD_RETRY ? HOLD_RETRY : HOLD_DELAY);
    settle_run(executor);
}

int hold_for(struct future *future, enum hold hold, uint64_t delay_ns)
{
    uint64_t now_ns = clock_mono_ns();
    uint64_t when_ns = delay_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + delay_ns;
    int r = future_set_deadline(future, when_ns, on_delay_over);
    if (r == 0)
        add_hold(future, hold);
    return r;
}

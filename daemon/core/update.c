/* A pending future gets another priority, and with it another place in its pool's queue. */
#include "daemon/core/executor_impl.h"

/* Out of the queue and in again. A worker that has taken the call meanwhile keeps it as it was. */
static void update(struct future *future, int64_t priority)
{
    if (future->priority == priority || future->settling || future->starting)
        return;
    if (future->queued && !pool_remove(future->spec->pool, &future->call))
        return;
    future->priority = priority;
    put_priority(future);
    if (future->queued) {
        int64_t queued_us = future->queued_us;
        future->queued = false;
        schedule(future);
        future->queued_us = queued_us; /* it has waited since then */
    }
}

enum refusal executor_update_priority(struct executor *executor, struct future *future,
                                      int64_t priority)
{
    struct map *map = future->map;
    if (map ? future_is_done(future) : future->state != FUTURE_PENDING)
        return REFUSED_STATE;
    update(future, priority);
    for (uint64_t i = 0; map && i < map->count; i++) {
        struct future *item = map_item(map, i);
        if (item && item->state == FUTURE_PENDING)
            update(item, priority);
    }
    commit_quietly(executor);
    settle_run(executor);
    return REFUSED_NOT;
}

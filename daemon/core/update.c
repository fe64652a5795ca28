/* A pending future gets another priority, and with it another place in its pool's queue. */
#include <errno.h>

#include "daemon/core/executor_impl.h"

/* A worker that has taken the call meanwhile keeps it as it was. 0 or -ENOMEM. */
static int update(struct future *future, int64_t priority)
{
    if (future->priority == priority || future->settling || future->starting)
        return 0;
    int r = future->queued ? pool_move(future->spec->pool, &future->work, priority) : 0;
    if (r < 0)
        return r == -ESRCH ? 0 : r;
    future->priority = priority;
    put_priority(future);
    return 0;
}

enum refusal executor_update_priority(struct executor *executor, struct future *future,
                                      int64_t priority)
{
    struct map *map = own_map(future);
    if (map ? future_is_done(future) : future->state != FUTURE_PENDING)
        return REFUSED_STATE;
    int r = reserve_changes(executor, 1 + (map ? map->count : 0), 0);
    if (r == 0)
        r = update(future, priority);
    for (uint64_t i = 0; map && i < map->count && r == 0; i++) {
        struct future *item = map_item(map, i);
        if (item && item->state == FUTURE_PENDING)
            r = update(item, priority);
    }
    commit_quietly(executor);
    return r < 0 ? REFUSED_NO_MEMORY : REFUSED_NOT;
}

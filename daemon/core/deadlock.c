#include "daemon/core/deadlock.h"

#include "daemon/base/log.h"
#include "daemon/core/executor_impl.h"

struct future *executor_job_of_session(struct executor *executor, pid_t session)
{
    for (size_t i = 0; i < executor->pool_count; i++) {
        struct call *call = pool_call_of_pid(executor->pools[i], session);
        if (call)
            return call->future;
    }
    return NULL;
}

/* Waiting for it is waiting for a free worker of its pool. */
static bool needs_worker(const struct future *awaited)
{
    const struct map *map = own_map(awaited);
    if (map)
        return map->by_state[FUTURE_PENDING] > 0;
    return awaited->state == FUTURE_PENDING;
}

bool pool_is_deadlocked(const struct executor *executor, const struct pool *pool)
{
    const struct block *block;
    uint64_t stuck = 0;
    LIST_FOREACH (block, &executor->blocks, link)
        if (block->waiter->spec->pool == pool)
            block->waiter->stuck = false;
    LIST_FOREACH (block, &executor->blocks, link) {
        if (block->waiter->spec->pool != pool || block->awaited->spec->pool != pool ||
            block->waiter->stuck || !needs_worker(block->awaited))
            continue;
        block->waiter->stuck = true;
        stuck++;
    }
    return stuck > 0 && stuck == pool_settings(pool)->max_workers;
}

void block_add(struct executor *executor, struct block *block, struct future *waiter,
               struct future *awaited)
{
    block->waiter = waiter;
    block->awaited = awaited;
    LIST_INSERT_HEAD(&executor->blocks, block, link);
}

void deadlock_check(struct executor *executor, const struct future *waiter)
{
    const struct pool *pool = waiter->spec->pool;
    const struct block *block;
    if (!pool_is_deadlocked(executor, pool))
        return;
    log_warning("pool %s: deadlock: each of its %u workers waits for a future that is queued "
                "behind it; raise max_workers, or cancel one of them",
                pool_name(pool), pool_settings(pool)->max_workers);
    LIST_FOREACH (block, &executor->blocks, link)
        if (block->waiter->spec->pool == pool && needs_worker(block->awaited))
            log_warning("pool %s: future %llu waits for future %llu", pool_name(pool),
                        (unsigned long long)block->waiter->id,
                        (unsigned long long)block->awaited->id);
}

void block_remove(struct block *block)
{
    if (!block->waiter)
        return;
    LIST_REMOVE(block, link);
    block->waiter = NULL;
}

void blocks_forget(struct executor *executor, const struct future *waiter)
{
    struct block *block = LIST_FIRST(&executor->blocks);
    while (block) {
        struct block *next = LIST_NEXT(block, link);
        if (block->waiter == waiter)
            block_remove(block);
        block = next;
    }
}

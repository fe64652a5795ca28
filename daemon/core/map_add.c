/* Feeding an open map: the items are taken at once, the answer waits while the window is full. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"

struct map_addition {
    struct future *map;
    uint64_t from, count;
    struct map_add_waiter *waiter; /* holds the answer */
};

static void refuse_map_add(const struct map_add_answer *answer, enum refusal refusal,
                           const char *limit, uint64_t value)
{
    struct refusal_detail detail = {.limit = limit, .value = value};
    answer->fn(answer->arg, refusal, &detail, 0, 0);
}

static void on_map_add_stored(void *arg, int error)
{
    struct map_addition *addition = arg;
    struct future *future = addition->map;
    struct map *map = future->map;
    struct map_add_waiter *waiter = addition->waiter;
    uint64_t from = addition->from;
    free(addition);
    if (error < 0) {
        struct map_add_answer answer = waiter->answer;
        TAILQ_REMOVE(&map->add_waiters, waiter, link);
        free(waiter);
        for (uint64_t i = from; i < map->count; i++)
            future_table_remove(future->executor->table, map->items[i]->call.id, false);
        map_truncate(map, (size_t)(map->count - from));
        if (answer.fn)
            refuse_map_add(&answer, REFUSED_STORAGE, NULL, 0);
        return;
    }
    waiter->stored = true;
    map_answer_waiters(map);
    if (future->holds == 0)
        map_release(map, from);
    settle_run(future->executor);
}

/* Names the limit that so many more items would pass. */
static bool past_limit(const struct executor *executor, const struct future *future, size_t count,
                       const char **ret_limit, uint64_t *ret_value)
{
    const struct executor_settings *settings = &executor->settings;
    const struct pool *pool = future->spec->pool;
    if (count > settings->map_items_limit - future->map->count) {
        *ret_limit = "map_items";
        *ret_value = settings->map_items_limit;
        return true;
    }
    if (!may_be_pending(executor, count)) {
        *ret_limit = "pending";
        *ret_value = settings->pending_limit;
        return true;
    }
    /* Where submitters wait for room, the map's window makes its producer wait. */
    if (!pool_settings(pool)->on_full_wait && !pool_has_room(pool, count)) {
        *ret_limit = "queue_limit";
        *ret_value = pool_settings(pool)->queue_limit;
        return true;
    }
    return false;
}

void executor_map_add(struct executor *executor, struct future *future,
                      const struct submission_item *items, size_t count,
                      const struct client *client, const struct map_add_answer *answer)
{
    struct map *map = future->map;
    if (executor->shut_down) {
        refuse_map_add(answer, REFUSED_SHUT_DOWN, NULL, 0);
        return;
    }
    if (!map->open) {
        refuse_map_add(answer, REFUSED_STATE, NULL, 0);
        return;
    }
    if (pool_is_broken(future->spec->pool)) {
        refuse_map_add(answer, REFUSED_BROKEN_POOL, NULL, 0);
        return;
    }
    const char *limit;
    uint64_t value;
    if (past_limit(executor, future, count, &limit, &value)) {
        refuse_map_add(answer, REFUSED_LIMIT, limit, value);
        return;
    }
    uint64_t from = map->count;
    struct map_add_waiter *waiter = calloc(1, sizeof(*waiter));
    struct map_addition *addition = calloc(1, sizeof(*addition));
    if (!waiter || !addition || future_table_reserve(executor->table, count) < 0 ||
        map_append(future, items, count) < 0) {
        free(waiter);
        free(addition);
        refuse_map_add(answer, REFUSED_NO_MEMORY, NULL, 0);
        return;
    }
    number_items(executor, map, from, clock_wall_us());
    *waiter = (struct map_add_waiter){
        .client = client->number,
        .first = count > 0 ? map->items[from]->call.id : executor_next_id(executor),
        .count = count,
        .answer = *answer,
    };
    TAILQ_INSERT_TAIL(&map->add_waiters, waiter, link);
    *addition = (struct map_addition){.map = future, .from = from, .waiter = waiter};
    if (commit_futures(executor, NULL, map, from, on_map_add_stored, addition) < 0)
        on_map_add_stored(addition, -ENOMEM);
}

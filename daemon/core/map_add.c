/* Feeding an open map: the items are taken at once, the answer waits while the window is full. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"

static void refuse_map_add(const struct map_add_answer *answer, enum refusal refusal,
                           const struct refusal_detail *detail)
{
    static const struct refusal_detail nothing = {.id = 0};
    answer->fn(answer->arg, refusal, detail ? detail : &nothing, 0, 0);
}

/* Takes items away that the store does not have. Where others have been added behind them they
 * leave a gap, as forgotten ones do. */
static void take_back(struct map *map, uint64_t from, uint64_t count)
{
    struct future_table *table = executor_of(map->self)->table;
    bool last = from + count == map->count;
    for (uint64_t i = from; i < from + count; i++) {
        struct future *item = map_item(map, i);
        future_table_remove(table, item->id, false);
        if (last)
            continue;
        map->by_state[item->state]--;
        map_set_item(map, i, NULL);
        future_free(item);
    }
    if (last)
        map_truncate(map, (size_t)count);
}

static void fail_map_add(struct map *map, struct map_add_waiter *waiter, int error)
{
    struct map_add_answer answer = waiter->answer;
    struct refusal_detail detail = {.error = error};
    TAILQ_REMOVE(&map->add_waiters, waiter, link);
    reserve_again(executor_of(map->self));
    take_back(map, waiter->from, waiter->count);
    free(waiter);
    if (answer.fn)
        refuse_map_add(&answer, REFUSED_STORAGE, &detail);
}

static void on_map_add_stored(void *arg, int error)
{
    struct map_add_waiter *waiter = arg;
    struct map *map = waiter->map;
    struct executor *executor = executor_of(map->self);
    if (error < 0) {
        fail_map_add(map, waiter, error);
    } else {
        uint64_t from = waiter->from, end = from + waiter->count;
        for (uint64_t i = from; i < end; i++)
            let_in(map_item(map, i));
        waiter->stored = true;
        map_answer_waiters(map);
        for (uint64_t i = from; i < end && map->self->holds == 0; i++)
            release_hold(map_item(map, i), HOLD_MAP);
    }
    map_answer_waiters(map);
    map_check_done(map);
    settle_run(executor);
}

/* Names the limit that so many more items would pass. */
static bool past_limit(const struct executor *executor, const struct future *future, size_t count,
                       const char **ret_limit, uint64_t *ret_value)
{
    const struct executor_settings *settings = &executor->settings;
    const struct pool *pool = future->spec->pool;
    if (count > settings->map_items_limit - own_map(future)->count) {
        *ret_limit = "map_items";
        *ret_value = settings->map_items_limit;
        return true;
    }
    /* The items are the map's owner's, whoever adds them. */
    *ret_limit = past_pending(executor, future_uid(future), count, ret_value);
    if (*ret_limit)
        return true;
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
    struct map *map = own_map(future);
    if (executor->shut_down) {
        refuse_map_add(answer, REFUSED_SHUT_DOWN, NULL);
        return;
    }
    if (!map->open) {
        refuse_map_add(answer, REFUSED_STATE, NULL);
        return;
    }
    if (pool_is_broken(future->spec->pool)) {
        refuse_map_add(answer, REFUSED_BROKEN_POOL, NULL);
        return;
    }
    struct refusal_detail detail = {.id = 0};
    if (past_limit(executor, future, count, &detail.limit, &detail.value)) {
        refuse_map_add(answer, REFUSED_LIMIT, &detail);
        return;
    }
    uint64_t from = map->count;
    struct map_add_waiter *waiter = calloc(1, sizeof(*waiter));
    if (!waiter || future_table_reserve(executor->table, count) < 0 ||
        map_append(future, items, count) < 0) {
        free(waiter);
        refuse_map_add(answer, REFUSED_NO_MEMORY, NULL);
        return;
    }
    number_items(executor, map, from, clock_wall_us());
    *waiter = (struct map_add_waiter){
        .map = map,
        .from = from,
        .client = client->number,
        .first = count > 0 ? map_item_id(map, from) : executor_next_id(executor),
        .count = count,
        .answer = *answer,
    };
    TAILQ_INSERT_TAIL(&map->add_waiters, waiter, link);
    put_items(map, from);
    executor->settings.store->ops->commit(executor->settings.store, true, on_map_add_stored,
                                          waiter);
}

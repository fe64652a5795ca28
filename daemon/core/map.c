/* Maps: one future over many. What its items do becomes what the map does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"

struct map *map_new(void)
{
    struct map *map = calloc(1, sizeof(*map));
    if (map)
        TAILQ_INIT(&map->add_waiters);
    return map;
}

void map_free(struct map *map)
{
    if (!map)
        return;
    struct map_add_waiter *waiter;
    while ((waiter = TAILQ_FIRST(&map->add_waiters))) {
        TAILQ_REMOVE(&map->add_waiters, waiter, link);
        free(waiter);
    }
    free(map->items);
    free(map);
}

static int reserve(struct map *map, size_t count)
{
    if (count <= map->capacity - map->count)
        return 0;
    uint64_t capacity = map->capacity;
    do
        capacity = capacity ? capacity * 2 : 16;
    while (capacity - map->count < count);
    /* What comes in one piece mostly stays so. */
    if (map->count == 0)
        capacity = count;
    uint64_t *grown = realloc(map->items, capacity * sizeof(uint64_t));
    if (!grown)
        return -ENOMEM;
    map->items = grown;
    map->capacity = capacity;
    return 0;
}

/* ---- the items' places ---- */

#define ITEM_ID 1 /* the place holds an id, shifted by one */

struct future *map_item(const struct map *map, uint64_t index)
{
    uint64_t place = index < map->count ? map->items[index] : 0;
    return place & ITEM_ID ? NULL : (struct future *)(uintptr_t)place;
}

uint64_t map_item_id(const struct map *map, uint64_t index)
{
    uint64_t place = index < map->count ? map->items[index] : 0;
    if (place & ITEM_ID)
        return place >> 1;
    return place != 0 ? ((const struct future *)(uintptr_t)place)->id : 0;
}

void map_set_item(struct map *map, uint64_t index, struct future *item)
{
    map->resident -= map_item(map, index) != NULL;
    map->items[index] = (uintptr_t)item;
    map->resident += item != NULL;
}

void map_set_item_id(struct map *map, uint64_t index, uint64_t id)
{
    map_set_item(map, index, NULL);
    map->items[index] = id << 1 | ITEM_ID;
}

int map_restore_items(struct map *map, uint64_t count)
{
    if (count <= map->count)
        return 0;
    if (reserve(map, (size_t)(count - map->count)) < 0)
        return -ENOMEM;
    while (map->count < count)
        map->items[map->count++] = 0;
    return 0;
}

int map_append(struct future *future, const struct submission_item *items, size_t count)
{
    struct map *map = own_map(future);
    if (count > UINT32_MAX - map->count || reserve(map, count) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct future *item = future_new(future->spec, true, items[i].text, items[i].size);
        if (!item) {
            map_truncate(map, i);
            return -ENOMEM;
        }
        item->priority = future->priority;
        item->index = (uint32_t)map->count;
        map->items[map->count++] = 0;
        map_set_item(map, item->index, item);
    }
    return 0;
}

void map_truncate(struct map *map, size_t count)
{
    while (count-- > 0) {
        struct future *item = map_item(map, map->count - 1);
        if (item->id != 0)
            map->by_state[item->state]--;
        map_set_item(map, --map->count, NULL);
        future_free(item);
    }
}

void map_release(struct map *map, uint64_t from)
{
    for (uint64_t i = from; i < map->count; i++) {
        struct future *item = map_item(map, i);
        if (item && item->holds & HOLD_MAP)
            release_hold(item, HOLD_MAP);
    }
}

/* ---- the window ---- */

void map_answer_waiters(struct map *map)
{
    struct map_add_waiter *waiter;
    while (map->by_state[FUTURE_PENDING] <= map->window &&
           (waiter = TAILQ_FIRST(&map->add_waiters)) && waiter->stored) {
        TAILQ_REMOVE(&map->add_waiters, waiter, link);
        if (waiter->answer.fn)
            waiter->answer.fn(waiter->answer.arg, REFUSED_NOT, NULL, waiter->first, waiter->count);
        free(waiter);
    }
}

void map_drop_client(struct map *map, uint64_t client)
{
    struct map_add_waiter *waiter;
    TAILQ_FOREACH (waiter, &map->add_waiters, link)
        if (waiter->client == client)
            waiter->answer.fn = NULL;
}

void map_put_closed(struct map *map)
{
    if (map->open && !map->closing_put)
        put_map_closed(map);
    map->closing_put = true;
}

static void close_map(struct executor *executor, struct map *map)
{
    if (!map->open)
        return;
    map_put_closed(map);
    commit_quietly(executor);
    map->open = false;
    LIST_REMOVE(map, open_link);
    map_check_done(map);
    settle_run(executor);
}

int executor_map_close(struct executor *executor, struct future *future)
{
    struct map *map = own_map(future);
    if (map->open && reserve_changes(executor, 1, 0) < 0)
        return -ENOMEM;
    close_map(executor, map);
    return 0;
}

void map_end_open(struct map *map)
{
    close_map(executor_of(map->self), map);
}

/* ---- from the items to the map ---- */

void map_item_running(struct map *map, int64_t wall_us)
{
    map_answer_waiters(map);
    if (map->self->state == FUTURE_PENDING)
        begin_running(map->self, wall_us);
}

void map_item_ending(struct map *map, bool failed)
{
    /* Not only when the failure is stored: workers would take items all the while. Their ends come
     * behind it. */
    if (failed && map->fail_fast && map->failed + map->ending_failed == 1)
        cancel_items(map);
    map_check_done(map);
}

void map_item_done(struct map *map, struct future *item)
{
    if (future_failed(item)) {
        map->failed++;
        if (map->fail_fast)
            cancel_items(map);
    }
    map_answer_waiters(map);
    /* What would be added now would not be started. */
    if (map->fail_fast && map->failed > 0)
        map_end_open(map);
    map_check_done(map);
}

void map_dependency_failed(struct map *map, uint64_t id)
{
    stop_waiting(map->self);
    map->failed_dependency = id;
    if (map->open)
        LIST_REMOVE(map, open_link);
    map->open = false;
    for (uint64_t i = 0; i < map->count; i++) {
        struct future *item = map_item(map, i);
        if (item && item->state == FUTURE_PENDING)
            settle_dependency_failed(item, id);
    }
    map_check_done(map);
}

static bool item_failed(const struct map *map, uint64_t index)
{
    struct future *item = map_item(map, index);
    struct trace trace;
    if (item && item->settling)
        return !item->cancelling && future_decided(item)->kind == OUTCOME_EXCEPTION;
    if (item)
        return future_failed(item);
    uint64_t id = map_item_id(map, index);
    return id != 0 && future_table_trace(executor_of(map->self)->table, id, &trace) && trace.failed;
}

static void finish_failed(struct map *map)
{
    uint64_t failed = map->failed + map->ending_failed;
    char message[80], data[64];
    uint64_t first = 0;
    while (first < map->count && !item_failed(map, first))
        first++;
    snprintf(message, sizeof(message), "%llu of %llu items failed", (unsigned long long)failed,
             (unsigned long long)map->count);
    snprintf(data, sizeof(data), "{\"failed\":%llu,\"first\":%llu}", (unsigned long long)failed,
             (unsigned long long)(first < map->count ? map_item_id(map, first) : 0));
    settle_exception(map->self, "MapFailed", message, data);
}

void map_check_done(struct map *map)
{
    struct future *self = map->self;
    uint64_t cancelled = map->by_state[FUTURE_CANCELLED] + map->ending_cancelled;
    uint64_t ending = map->ending_cancelled + map->ending_failed + map->ending_well;
    uint64_t left = map->by_state[FUTURE_PENDING] + map->by_state[FUTURE_RUNNING] - ending;
    if (map->open || left > 0 || self->settling || future_is_done(self) || self->holds != 0)
        return;
    if (map->failed_dependency != 0) {
        settle_dependency_failed(self, map->failed_dependency);
    } else if (map->failed + map->ending_failed > 0) {
        finish_failed(map);
    } else if (cancelled == 0) {
        struct call *call = future_call(self);
        if (call)
            outcome_set_result(&call->outcome, NULL, 0);
        settle_finished(self);
    } else if (cancelled == map->count && self->state == FUTURE_PENDING) {
        settle_cancelled(self);
    } else {
        char message[80];
        snprintf(message, sizeof(message), "%llu of %llu items were cancelled",
                 (unsigned long long)cancelled, (unsigned long long)map->count);
        settle_exception(self, "CancelledError", message, NULL);
    }
}

/* Cancelling, terminating, retrying and forgetting. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"
#include "daemon/core/worker.h"

/* NULL: it is not in memory. */
static struct future *future_at(const struct executor *executor, uint64_t id)
{
    struct future *future = NULL;
    return future_table_find(executor->table, id, &future) == 0 ? future : NULL;
}

/* True: it is on its way to CANCELLED. False: a worker was faster, or it is past that. */
static bool cancel_call(struct future *future)
{
    if (future->state != FUTURE_PENDING || future->settling)
        return future->settling && future->cancelling;
    if (future->starting)
        return false;
    if (future->queued && !pool_remove(future->spec->pool, &future->work)) {
        /* The worker's report is on its way, but whoever asks is told the truth now. */
        start_call(future, clock_wall_us());
        return false;
    }
    future->queued = false;
    settle_cancelled(future);
    return true;
}

bool stop_call(struct future *future, const struct stop_request *stop)
{
    struct worker *worker = pool_call_worker(future->call);
    if (worker) {
        worker_stop_call(worker, future->call, stop);
        return true;
    }
    struct rare *rare = future_rare(future);
    if (!rare)
        return false;
    if (!rare->stop_on_start) {
        rare->stop_on_start = calloc(1, sizeof(*stop));
        if (!rare->stop_on_start)
            return false;
        await_report(future);
    }
    (void)stop_request_follow(rare->stop_on_start, stop);
    return true;
}

static bool terminate_call(struct future *future, const struct stop_request *stop)
{
    bool runs = future->state == FUTURE_RUNNING || future->starting;
    if (!runs || future->settling || !stop_call(future, stop))
        return false;
    future->stopped = true;
    return true;
}

uint64_t cancel_items(struct map *map)
{
    uint64_t cancelled = 0;
    for (uint64_t i = 0; i < map->count; i++) {
        struct future *item = map_item(map, i);
        if (item && item->state == FUTURE_PENDING && cancel_call(item))
            cancelled++;
    }
    return cancelled;
}

static void cancel_map(struct future *future, const struct cancel_options *options,
                       struct cancel_fate *ret_fate)
{
    struct map *map = own_map(future);
    if (future_is_done(future) || future->settling)
        return;
    ret_fate->items = cancel_items(map);
    for (uint64_t i = 0; options->terminate && i < map->count; i++) {
        struct future *item = map_item(map, i);
        if (item && terminate_call(item, &options->stop))
            ret_fate->terminating = true;
    }
    /* Nothing of it has run and nothing may come any more: the map itself is cancelled. */
    stop_waiting(future);
    /* Before it is closed: a closed map without items would be done, and well. */
    if (map->count == 0 && future->state == FUTURE_PENDING && !future->settling)
        settle_cancelled(future);
    map_end_open(map);
    map_check_done(map);
}

void executor_cancel(struct executor *executor, struct future *future,
                     const struct cancel_options *options, struct cancel_fate *ret_fate)
{
    *ret_fate = (struct cancel_fate){.terminating = false};
    if (own_map(future)) {
        cancel_map(future, options, ret_fate);
    } else {
        bool cancelled = cancel_call(future);
        if (!cancelled && options->terminate)
            ret_fate->terminating = terminate_call(future, &options->stop);
    }
    settle_run(executor);
}

static struct map *open_map_at(const struct executor *executor, uint64_t id)
{
    const struct future *future = future_at(executor, id);
    struct map *map = future ? own_map(future) : NULL;
    return map && map->open ? map : NULL;
}

int executor_prepare_cancel(struct executor *executor, const uint64_t *ids, size_t count)
{
    uint64_t open = 0;
    for (size_t i = 0; i < count; i++)
        open += open_map_at(executor, ids[i]) != NULL;
    if (open == 0)
        return 0;
    if (reserve_changes(executor, open, 0) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct map *map = open_map_at(executor, ids[i]);
        if (map)
            map_put_closed(map);
    }
    commit_quietly(executor);
    return 0;
}

void end_scoped(struct future *future)
{
    static const struct cancel_options options = {.terminate = false};
    struct cancel_fate fate;
    executor_cancel(executor_of(future), future, &options, &fate);
}

/* ---- retry ---- */

static void leave_done(struct future *future)
{
    if (is_stored(future)) {
        cache_remove(future);
        return;
    }
    retention_remove(future);
    TAILQ_REMOVE(&executor_of(future)->done, future, link);
}

static void start_again(struct future *future)
{
    bool failed = future_failed(future);
    leave_done(future);
    begin_attempt(future, 0);
    if (failed && future->is_item)
        item_map(future)->failed--;
    if (own_map(future))
        own_map(future)->failed_dependency = 0;
}

/* Calls `fn` for whatever starts again with a done future, as long as it returns true: a map with
 * those of its items that have not succeeded, and an item with its map, if that is done. */
static bool each_to_retry(struct future *future, bool (*fn)(struct future *future, void *arg),
                          void *arg)
{
    struct map *map = future->spec->map; /* it is the map, or an item */
    if (map && future_is_done(map->self) && !fn(map->self, arg))
        return false;
    if (!own_map(future))
        return fn(future, arg);
    for (uint64_t i = 0; i < map->count; i++) {
        struct future *item = map_item(map, i);
        bool wanted = item && (item->state == FUTURE_CANCELLED || future_failed(item));
        if (wanted && !fn(item, arg))
            return false;
    }
    return true;
}

struct retry_needs {
    uint64_t changes, bytes;
};

static bool prepare_retry(struct future *future, void *arg)
{
    struct retry_needs *needs = arg;
    needs->changes++;
    needs->bytes += retried_bytes(future);
    return prepare_attempt(future) == 0;
}

/* What was named before may have taken it along. */
static bool retry_one(struct future *future, void *arg)
{
    (void)arg;
    if (future_is_done(future))
        start_again(future);
    return true;
}

static void schedule_again(struct future *future)
{
    struct map *map = future->spec->map;
    for (uint64_t i = 0; own_map(future) && i < map->count; i++)
        if (map_item(map, i))
            schedule(map_item(map, i));
    schedule(future);
    if (map)
        map_check_done(map);
}

enum refusal executor_retry(struct executor *executor, const uint64_t *ids, size_t count,
                            struct refusal_detail *ret_detail)
{
    struct retry_needs needs = {.changes = 0};
    for (size_t i = 0; i < count; i++) {
        const struct future *future = future_at(executor, ids[i]);
        bool done = future && future_is_done(future);
        ret_detail->id = ids[i];
        if (!done || pool_is_broken(future->spec->pool))
            return done ? REFUSED_BROKEN_POOL : REFUSED_STATE;
    }
    for (size_t i = 0; i < count; i++)
        if (!each_to_retry(future_at(executor, ids[i]), prepare_retry, &needs))
            return REFUSED_NO_MEMORY;
    if (reserve_changes(executor, needs.changes, needs.bytes) < 0)
        return REFUSED_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (future_is_done(future_at(executor, ids[i])))
            (void)each_to_retry(future_at(executor, ids[i]), retry_one, NULL);
    commit_quietly(executor);
    for (size_t i = 0; i < count; i++)
        schedule_again(future_at(executor, ids[i]));
    settle_run(executor);
    return REFUSED_NOT;
}

/* ---- forget ---- */

/* `put`: the store is told of it; with a map its items go. */
static void detach(struct future *future, bool expired, bool put)
{
    struct executor *executor = executor_of(future);
    if (future_is_done(future))
        leave_done(future);
    key_entry_free(executor, future_key(future));
    if (future->is_item)
        map_set_item(item_map(future), future->index, NULL);
    future_table_remove(executor->table, future->id, expired);
    if (put && !(future->holds & HOLD_COMMIT) && is_stored(future))
        put_forgotten(executor, future->id);
    future_free(future);
}

static void remove_items(struct map *map, bool expired)
{
    for (uint64_t i = 0; i < map->count; i++) {
        struct future *item = map_item(map, i);
        uint64_t id = map_item_id(map, i);
        if (item)
            detach(item, expired, false);
        else if (id != 0)
            remove_trace(executor_of(map->self), id, expired);
    }
}

static void remove_whole(struct future *future, bool expired)
{
    struct map *map = own_map(future);
    if (map)
        remove_items(map, expired);
    if (map && map->open)
        LIST_REMOVE(map, open_link);
    detach(future, expired, !expired);
}

void remove_future(struct future *future, bool expired)
{
    struct executor *executor = executor_of(future);
    remove_whole(future, expired);
    commit_quietly(executor);
}

enum refusal executor_forget(struct executor *executor, const uint64_t *ids, size_t count,
                             struct refusal_detail *ret_detail)
{
    for (size_t i = 0; i < count; i++) {
        const struct future *future = future_at(executor, ids[i]);
        ret_detail->id = ids[i];
        if (!future || !future_is_done(future))
            return REFUSED_STATE;
    }
    if (reserve_changes(executor, count, 0) < 0)
        return REFUSED_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        /* An item may have gone with its map, named before it. */
        struct future *future = future_at(executor, ids[i]);
        if (future)
            remove_whole(future, false);
    }
    commit_quietly(executor);
    return REFUSED_NOT;
}

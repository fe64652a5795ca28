/* Cancelling, terminating, retrying and forgetting. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"
#include "daemon/core/worker.h"

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
        rare->stop_on_start = malloc(sizeof(*stop));
        if (!rare->stop_on_start)
            return false;
        await_report(future);
    }
    *rare->stop_on_start = *stop;
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

static void cancel_map(struct executor *executor, struct future *future,
                       const struct cancel_options *options, struct cancel_fate *ret_fate)
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
    executor_map_close(executor, future);
    map_check_done(map);
}

void executor_cancel(struct executor *executor, struct future *future,
                     const struct cancel_options *options, struct cancel_fate *ret_fate)
{
    *ret_fate = (struct cancel_fate){.terminating = false};
    if (own_map(future)) {
        cancel_map(executor, future, options, ret_fate);
    } else {
        bool cancelled = cancel_call(future);
        if (!cancelled && options->terminate)
            ret_fate->terminating = terminate_call(future, &options->stop);
    }
    settle_run(executor);
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

static int start_again(struct future *future)
{
    bool failed = future_failed(future);
    leave_done(future);
    int r = next_attempt(future, 0);
    if (r < 0) {
        be_done(future);
        return r;
    }
    if (failed && future->is_item)
        item_map(future)->failed--;
    if (own_map(future))
        own_map(future)->failed_dependency = 0;
    return 0;
}

enum refusal executor_may_retry(const struct future *future)
{
    if (!future_is_done(future))
        return REFUSED_STATE;
    return pool_is_broken(future->spec->pool) ? REFUSED_BROKEN_POOL : REFUSED_NOT;
}

enum refusal executor_retry(struct executor *executor, struct future *future)
{
    enum refusal refusal = executor_may_retry(future);
    if (refusal != REFUSED_NOT)
        return refusal;
    struct map *map = future->spec->map; /* it is the map, or an item */
    /* A map that is done starts again with any of its items. */
    if (map && future_is_done(map->self) && start_again(map->self) < 0)
        return REFUSED_NO_MEMORY;
    if (!own_map(future) && start_again(future) < 0)
        return REFUSED_NO_MEMORY;
    for (uint64_t i = 0; own_map(future) && map && i < map->count; i++) {
        struct future *item = map_item(map, i);
        bool wanted = item && (item->state == FUTURE_CANCELLED || future_failed(item));
        if (wanted && start_again(item) == 0)
            schedule(item);
    }
    schedule(future);
    if (map)
        map_check_done(map);
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

void remove_future(struct future *future, bool expired)
{
    struct executor *executor = executor_of(future);
    struct map *map = own_map(future);
    if (map)
        remove_items(map, expired);
    if (map && map->open)
        LIST_REMOVE(map, open_link);
    detach(future, expired, !expired);
    commit_quietly(executor);
}

enum refusal executor_forget(struct executor *executor, struct future *future)
{
    (void)executor;
    if (!future_is_done(future))
        return REFUSED_STATE;
    remove_future(future, false);
    return REFUSED_NOT;
}

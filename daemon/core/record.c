/* From the executor's futures to what the store keeps of them: one function for each change. What
 * is not durable is put nowhere, but its commits keep their place among the others. */
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/owner.h"

/* Ids and cursors are promised never to come again; of those that no change tells of, the store
 * knows only that they lie below a mark, which is set so far ahead that it is seldom moved. */
#define RESERVE_IDS     10000
#define RESERVE_CURSORS 1000000

static void put(struct executor *executor, const struct store_change *change)
{
    if (change->durability != DURABILITY_NONE)
        executor->settings.store->ops->put(executor->settings.store, change);
}

static struct store_change change_of(const struct future *future, enum store_change_kind kind)
{
    return (struct store_change){
        .kind = kind,
        .durability = future->spec->durability,
        .id = future->id,
        .attempt = future->attempt,
        .cursor = future->coming_cursor,
    };
}

static struct stored_map map_record(const struct map *map)
{
    struct stored_map record = {
        .open = map->open,
        .was_open = map->was_open,
        .fail_fast = map->fail_fast,
        .window = map->window,
        .count = map->count,
        .first = map->first,
        .failed = map->failed,
    };
    /* What is on its way comes to the store before the map's own end. */
    uint64_t finished = map->ending_failed + map->ending_well;
    uint64_t left = map->by_state[FUTURE_PENDING] + map->by_state[FUTURE_RUNNING];
    record.failed += map->ending_failed;
    record.by_state[FUTURE_PENDING] = left - finished - map->ending_cancelled;
    record.by_state[FUTURE_FINISHED] = map->by_state[FUTURE_FINISHED] + finished;
    record.by_state[FUTURE_CANCELLED] = map->by_state[FUTURE_CANCELLED] + map->ending_cancelled;
    return record;
}

void put_submitted(struct future *future, int64_t due_us, const struct stored_after *after,
                   size_t after_count)
{
    const struct spec *spec = future->spec;
    struct stored_spec spec_record = {
        .uid = owner_uid(spec->owner),
        .function = spec->function->name,
        .pool = pool_name(spec->pool),
        .label = spec->label,
        .args = future->text,
        .args_bytes = future->text_bytes,
        .timeout_ns = spec->timeout_ns,
        .retry_max = spec->retry_max,
        .retry_delay_ns = spec->retry_delay_ns,
        .retry_backoff = spec->retry_backoff,
        .rerun_on_crash = spec->rerun_on_crash,
        .scoped = spec->scoped,
        .durability = spec->durability,
    };
    struct stored_map map;
    struct stored_future record = {
        .id = future->id,
        .spec_id = future->is_item ? future_item_of(future) : future->id,
        .spec = future->is_item ? NULL : &spec_record,
        .priority = future->priority,
        .item = future->is_item ? future->text : NULL,
        .item_bytes = future->is_item ? future->text_bytes : 0,
        .state = future->ahead_asked ? FUTURE_RUNNING : FUTURE_PENDING,
        .not_begun = future->ahead_asked,
        .attempt = future->attempt,
        .submitted_us = future->submitted_us,
        .started_us = future->ahead_asked ? future->submitted_us : 0,
        .due_us = due_us,
        .cursor = future->cursor,
        .after = after,
        .after_count = after_count,
    };
    if (own_map(future)) {
        map = map_record(own_map(future));
        record.map = &map;
    }
    if (future->is_item) {
        record.item_of = record.spec_id;
        record.index = future->index;
    }
    if (future_key(future))
        record.key = key_entry_key(future_key(future), &record.key_call);
    struct store_change change = change_of(future, CHANGE_SUBMITTED);
    change.future = &record;
    put(executor_of(future), &change);
}

void put_started(struct future *future, int64_t wall_us)
{
    struct store_change change = change_of(future, CHANGE_STARTED);
    change.wall_us = wall_us;
    put(executor_of(future), &change);
}

void put_may_start(struct future *future)
{
    struct store_change change = change_of(future, CHANGE_MAY_START);
    change.cursor = future->cursor;
    change.wall_us = clock_wall_us();
    put(executor_of(future), &change);
}

void put_not_started(struct future *future)
{
    struct store_change change = change_of(future, CHANGE_RETRIED);
    change.cursor = future->cursor;
    put(executor_of(future), &change);
}

int reserve_changes(struct executor *executor, uint64_t changes, uint64_t text_bytes)
{
    struct store *store = executor->settings.store;
    return store->ops->reserve(store, changes, text_bytes);
}

uint64_t retried_bytes(const struct future *future)
{
    const struct outcome *outcome = future->call ? &future->call->outcome : NULL;
    if (!outcome || outcome->kind == OUTCOME_NONE)
        return 0;
    uint64_t bytes = outcome->json_bytes;
    if (outcome->kind == OUTCOME_EXCEPTION)
        bytes += strlen(outcome_type(outcome)) + strlen(outcome_message(outcome));
    return bytes;
}

void put_retried(struct future *future, int64_t due_us)
{
    const struct attempt *last = future_attempts(future);
    struct stored_attempt earlier = {
        .number = last->number,
        .started_us = last->started_us,
        .finished_us = last->finished_us,
        .outcome = last->outcome,
    };
    struct store_change change = change_of(future, CHANGE_RETRIED);
    change.cursor = future->cursor;
    change.due_us = due_us;
    change.earlier = &earlier;
    put(executor_of(future), &change);
}

void put_end(struct future *future, int64_t wall_us)
{
    struct store_change change =
        change_of(future, future->cancelling ? CHANGE_CANCELLED : CHANGE_FINISHED);
    struct stored_map map;
    change.started_us = future->started_us;
    change.wall_us = wall_us;
    if (!future->cancelling) {
        change.outcome = future_decided(future);
        change.output = future_output(future);
    }
    if (own_map(future)) {
        map = map_record(own_map(future));
        change.map = &map;
    }
    put(executor_of(future), &change);
}

void put_priority(const struct future *future)
{
    struct store_change change = change_of(future, CHANGE_PRIORITY);
    change.priority = future->priority;
    put(executor_of(future), &change);
}

void put_map_closed(const struct map *map)
{
    struct store_change change = change_of(map->self, CHANGE_MAP_CLOSED);
    put(executor_of(map->self), &change);
}

void put_forgotten(struct executor *executor, uint64_t id)
{
    struct store_change change = {
        .kind = CHANGE_FORGOTTEN,
        .durability = executor->settings.store->ops->durability,
        .id = id,
    };
    put(executor, &change);
}

void put_pool(struct executor *executor, const struct pool *pool)
{
    const struct pool_settings *settings = pool_settings(pool);
    struct stored_pool record = {
        .name = pool_name(pool),
        .paused = pool_is_paused(pool),
        .has_settings = !settings->configured,
        .max_workers = settings->max_workers,
        .min_workers = settings->min_workers,
        .idle_timeout_ns = settings->idle_timeout_ns,
        .max_tasks_per_worker = settings->max_tasks_per_worker,
        .queue_limit = settings->queue_limit,
        .on_full_wait = settings->on_full_wait,
        .thread_name_prefix = settings->thread_name_prefix,
        .initializer = settings->initializer ? settings->initializer->name : NULL,
        .initializer_args = settings->initializer_args,
        .durability = settings->durability,
    };
    struct store_change change = {
        .kind = CHANGE_POOL,
        .durability = executor->settings.store->ops->durability,
        .pool = &record,
    };
    put(executor, &change);
}

/* For every store: ids are never used again, not even where nothing else is kept. */
static void put_reserved(struct executor *executor)
{
    struct store *store = executor->settings.store;
    struct store_change change = {
        .kind = CHANGE_RESERVED,
        .durability = executor->settings.store->ops->durability,
        .id = executor->reserved_id,
        .cursor = executor->reserved_cursor,
    };
    store->ops->put(store, &change);
}

void reserve_id(struct executor *executor, uint64_t id)
{
    if (id < executor->reserved_id)
        return;
    executor->reserved_id = id + RESERVE_IDS;
    put_reserved(executor);
}

void reserve_again(struct executor *executor)
{
    executor->reserved_id = executor->reserved_cursor = 0;
}

uint64_t next_cursor(struct executor *executor)
{
    /* Without memory for it the next one tries again. */
    if (++executor->cursor >= executor->reserved_cursor && reserve_changes(executor, 1, 0) == 0) {
        executor->reserved_cursor = executor->cursor + RESERVE_CURSORS;
        put_reserved(executor);
    }
    return executor->cursor;
}

bool executor_store_statistics(const struct executor *executor,
                               struct store_statistics *ret_statistics)
{
    const struct store *store = executor->settings.store;
    if (store->ops->durability == DURABILITY_NONE)
        return false;
    store->ops->statistics(store, ret_statistics);
    return true;
}

static void on_quietly(void *arg, int error)
{
    if (error < 0) {
        log_error("a change could not be stored: %s", strerror(-error));
        reserve_again(arg);
    }
}

void commit_quietly(struct executor *executor)
{
    executor->settings.store->ops->commit(executor->settings.store, false, on_quietly, executor);
}

void put_end_of_daemon(struct executor *executor)
{
    executor->reserved_id = executor_next_id(executor);
    executor->reserved_cursor = executor->cursor;
    put_reserved(executor);
    commit_quietly(executor);
}

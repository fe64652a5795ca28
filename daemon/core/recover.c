/* From the store to the executor: at the start all that is not done, and a trace of all that is.
 * Also what makes a stored submission into one again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"
#include "daemon/core/owner.h"

/* ---- functions and pools that are not there any more ---- */

struct lost_function {
    struct lost_function *next;
    struct function function;
    char name[];
};

static void lost_run(const struct function *function, struct call *call)
{
    char message[160];
    snprintf(message, sizeof(message), "function \"%.100s\" is not there any more", function->name);
    outcome_set_exception(call_outcome(call), "InvalidArguments", message, NULL, 0);
}

static const struct function_ops lost_ops = {.kind = "lost", .run = lost_run, .repeatable = true};

static const struct function *function_named(struct executor *executor, const char *name)
{
    const struct function *function = executor_function(executor, name);
    if (function)
        return function;
    struct lost_function *lost;
    for (lost = executor->lost; lost; lost = lost->next)
        if (strcmp(lost->name, name) == 0)
            return &lost->function;
    lost = calloc(1, sizeof(*lost) + strlen(name) + 1);
    if (!lost)
        return NULL;
    memcpy(lost->name, name, strlen(name) + 1);
    lost->function = (struct function){.name = lost->name, .ops = &lost_ops};
    lost->next = executor->lost;
    executor->lost = lost;
    return &lost->function;
}

void free_lost_functions(struct executor *executor)
{
    struct lost_function *lost;
    while ((lost = executor->lost)) {
        executor->lost = lost->next;
        free(lost);
    }
}

static struct pool *pool_named(struct executor *executor, const char *name)
{
    struct pool *pool = executor_pool(executor, name);
    if (pool)
        return pool;
    struct pool_settings settings;
    pool_default_settings(name, &settings);
    log_warning("pool %s is not configured any more: it is made with the defaults for what was "
                "submitted to it",
                name);
    if (executor_set_pool(executor, name, &settings) < 0)
        return executor_pool(executor, "default");
    return executor_pool(executor, name);
}

struct spec *spec_from_record(struct executor *executor, const struct stored_future *future)
{
    const struct stored_spec *record = future->spec;
    const struct function *function = function_named(executor, record->function);
    if (!function)
        return NULL;
    struct submission submission = {
        .function = function,
        .pool = pool_named(executor, record->pool),
        .args = record->args,
        .args_bytes = record->args_bytes,
        .label = record->label,
        .timeout_ns = record->timeout_ns,
        .retry_max = record->retry_max,
        .retry_delay_ns = record->retry_delay_ns,
        .retry_backoff = record->retry_backoff,
        .rerun_on_crash = record->rerun_on_crash,
        .scoped = record->scoped,
        .is_map = future->map,
    };
    struct client client = {.uid = record->uid};
    return spec_restore(executor, &submission, &client, record->durability);
}

/* ---- loading ---- */

/* A future that was there, with what must wait until all of them are. */
struct recovered {
    struct recovered *next;
    struct future *future;
    int64_t due_us;
    bool due_retry;
    bool not_begun; /* though the store has its start */
    size_t after_count;
    struct stored_after after[];
};

struct recovery {
    struct executor *executor;
    struct recovered *first, **last; /* in the order of their ids */
    uint64_t pending, started, done;
};

static int load_pool(void *arg, const struct stored_pool *record)
{
    struct executor *executor = ((struct recovery *)arg)->executor;
    struct pool *pool = executor_pool(executor, record->name);
    /* The configuration is newer than what was said to a daemon that is gone. */
    if (!pool && record->has_settings) {
        char *args = record->initializer_args ? strdup(record->initializer_args) : NULL;
        if (record->initializer_args && !args)
            return -ENOMEM;
        struct pool_settings settings = {
            .max_workers = record->max_workers,
            .min_workers = record->min_workers,
            .idle_timeout_ns = record->idle_timeout_ns,
            .max_tasks_per_worker = record->max_tasks_per_worker,
            .queue_limit = record->queue_limit,
            .on_full_wait = record->on_full_wait,
            .durability = record->durability,
            .initializer_args = args,
        };
        snprintf(settings.thread_name_prefix, sizeof(settings.thread_name_prefix), "%s",
                 record->thread_name_prefix);
        if (record->initializer)
            settings.initializer = function_named(executor, record->initializer);
        int r = executor_set_pool(executor, record->name, &settings);
        free(args);
        if (r < 0)
            return r;
        pool = executor_pool(executor, record->name);
    }
    if (pool && record->paused)
        pool_pause(pool, true);
    return 0;
}

static int add_recovered(struct recovery *recovery, struct future *future,
                         const struct stored_future *record)
{
    struct recovered *recovered =
        calloc(1, sizeof(*recovered) + record->after_count * sizeof(struct stored_after));
    if (!recovered)
        return -ENOMEM;
    recovered->future = future;
    recovered->due_us = record->due_us;
    recovered->due_retry = record->due_retry;
    recovered->not_begun = record->not_begun;
    recovered->after_count = record->after_count;
    for (size_t i = 0; i < record->after_count; i++)
        recovered->after[i] = record->after[i];
    *recovery->last = recovered;
    recovery->last = &recovered->next;
    return 0;
}

/* Joins an item to its map, at its place. */
static int join_map(struct future *item)
{
    struct map *map = item_map(item);
    int r = map_restore_items(map, item->index + UINT64_C(1));
    if (r == 0)
        map_set_item(map, item->index, item);
    return r;
}

static int restore_key(struct executor *executor, struct future *future,
                       const struct stored_future *record)
{
    if (!record->key)
        return 0;
    struct rare *rare = future_rare(future);
    struct key_entry *entry =
        rare ? key_entry_restore(record->key, record->key_call, future_uid(future)) : NULL;
    if (!entry || !key_entry_add(executor, entry, record->id)) {
        free(entry);
        return -ENOMEM;
    }
    rare->key = entry;
    return 0;
}

/* An item shares its map's. */
static int spec_for(struct executor *executor, const struct stored_future *record,
                    struct spec **ret_spec)
{
    struct future *self = NULL;
    if (record->item_of == 0) {
        *ret_spec = spec_from_record(executor, record);
        return *ret_spec ? 0 : -ENOMEM;
    }
    if (future_table_find(executor->table, record->item_of, &self) < 0 || !own_map(self) ||
        record->index > UINT32_MAX)
        return -EBADMSG;
    *ret_spec = spec_ref(self->spec);
    return 0;
}

static int load_future(void *arg, struct stored_future *record)
{
    struct recovery *recovery = arg;
    struct executor *executor = recovery->executor;
    struct spec *spec;
    int r = spec_for(executor, record, &spec);
    if (r < 0)
        return r;
    struct future *future = future_from_record(record, spec);
    spec_unref(spec);
    if (!future)
        return -ENOMEM;
    r = future->is_item ? join_map(future) : 0;
    if (r == 0)
        r = future_table_restore(executor->table, record->id, future, future_uid(future));
    if (r < 0) {
        future_free(future);
        return r;
    }
    future->id = record->id;
    future_count_in(future);
    struct map *map = own_map(future);
    if (map && map->open)
        LIST_INSERT_HEAD(&executor->open_maps, map, open_link);
    r = restore_key(executor, future, record);
    if (future->state == FUTURE_RUNNING)
        recovery->started++;
    else
        recovery->pending++;
    return r < 0 ? r : add_recovered(recovery, future, record);
}

static int load_done(void *arg, const struct stored_trace *record)
{
    struct recovery *recovery = arg;
    struct executor *executor = recovery->executor;
    struct trace trace = {
        .uid = record->uid,
        .state = record->state,
        .failed = record->failed,
        .is_map = record->is_map,
        .is_item = record->is_item,
    };
    struct future *self = NULL;
    int r = future_table_restore_trace(executor->table, record->id, &trace);
    if (r == 0)
        r = owners_count_trace(executor->owners, trace.uid, trace.state, 1);
    if (r < 0)
        return r;
    recovery->done++;
    if (record->item_of == 0 || future_table_find(executor->table, record->item_of, &self) < 0 ||
        !own_map(self))
        return 0;
    struct map *map = own_map(self);
    r = map_restore_items(map, record->index + 1);
    if (r < 0)
        return r;
    map_set_item_id(map, record->index, record->id);
    map->by_state[record->state]++;
    map->failed += record->failed;
    return 0;
}

static int load_key(void *arg, uint32_t uid, const char *key, uint64_t key_call, uint64_t id)
{
    struct executor *executor = ((struct recovery *)arg)->executor;
    struct key_entry *entry = key_entry_restore(key, key_call, uid);
    if (entry && key_entry_add(executor, entry, id))
        return 0;
    free(entry);
    return -ENOMEM;
}

static int load_expired(void *arg, uint64_t first, uint64_t last)
{
    return future_table_restore_expired(((struct recovery *)arg)->executor->table, first, last);
}

static int load_counters(void *arg, uint64_t next_id, uint64_t cursor)
{
    struct executor *executor = ((struct recovery *)arg)->executor;
    executor->cursor = cursor;
    return future_table_skip_to(executor->table, next_id);
}

/* ---- going on ---- */

static void wait_again(struct recovered *recovered)
{
    struct future *future = recovered->future;
    /* A further attempt waits for nobody: the first one has, or was given up. */
    if (future->attempt == 1 &&
        !restore_dependencies(future, recovered->after, recovered->after_count))
        return;
    int64_t left_us = recovered->due_us - clock_wall_us();
    if (recovered->due_us > 0 && left_us > 0 &&
        hold_for(future, recovered->due_retry ? HOLD_RETRY : HOLD_DELAY, (uint64_t)left_us * 1000) <
            0)
        log_error("future %llu: no memory for its delay", (unsigned long long)future->id);
}

/* It was started, and nobody knows how far it came. */
static void interrupt(struct future *future)
{
    struct call *call = future_call(future);
    if (call) {
        outcome_set_exception(&call->outcome, "Interrupted", "the daemon ended while the job ran",
                              NULL, 0);
        call->finished_us = clock_wall_us();
    }
    if (!future->spec->rerun_on_crash || future->spec->scoped || next_attempt(future, 0) < 0)
        settle_finished(future);
}

/* A map is RUNNING from its first item's start on, which is not stored of it. */
static void go_on_with_map(struct map *map)
{
    struct future *self = map->self;
    if (map->first == 0)
        map->first = map_item_id(map, 0);
    uint64_t begun = map->by_state[FUTURE_RUNNING] + map->by_state[FUTURE_FINISHED];
    if (begun > 0 && self->state == FUTURE_PENDING)
        (void)future_set_state(self, FUTURE_RUNNING, self->cursor, self->submitted_us);
    if (map->fail_fast && map->failed > 0) {
        cancel_items(map);
        map_end_open(map);
    }
}

static void go_on(struct recovered *recovered)
{
    struct future *future = recovered->future;
    struct map *map = own_map(future);
    if (recovered->not_begun)
        put_not_started(future);
    if (future->state == FUTURE_RUNNING && !map) {
        interrupt(future);
    } else if (future->spec->scoped) {
        if (map)
            go_on_with_map(map);
        end_scoped(future);
    } else {
        wait_again(recovered);
        if (map)
            go_on_with_map(map);
    }
}

static void end_recovery(struct recovery *recovery)
{
    struct recovered *recovered;
    for (recovered = recovery->first; recovered; recovered = recovered->next)
        go_on(recovered);
    commit_quietly(recovery->executor);
    while ((recovered = recovery->first)) {
        struct future *future = recovered->future;
        recovery->first = recovered->next;
        free(recovered);
        /* A map that waits keeps its items back. */
        if (future->is_item && future->spec->map->self->holds != 0)
            add_hold(future, HOLD_MAP);
        schedule(future);
        if (own_map(future))
            map_check_done(own_map(future));
    }
}

/* It was retried just as the store removed it: all that was said of that has met nothing, so it is
 * said once more. */
static void put_anew(struct future *future)
{
    bool begun = future->starting || future->state == FUTURE_RUNNING;
    put_submitted(future, 0, NULL, 0);
    if (future->settling)
        put_end(future, future->finished_us);
    else if (begun && spec_is_gated(future->spec) && !own_map(future))
        put_started(future, clock_wall_us());
    else if (future->ahead || future->ahead_asked)
        put_may_start(future);
}

static void on_stored_expired(void *arg, uint64_t first, uint64_t last)
{
    struct executor *executor = arg;
    for (uint64_t id = first; id <= last; id++) {
        struct future *future = NULL;
        int r = future_table_find(executor->table, id, &future);
        if (r == -ENODATA)
            remove_trace(executor, id, true);
        else if (r == 0 && future_is_done(future))
            remove_future(future, true);
        else if (r == 0)
            put_anew(future);
    }
    commit_quietly(executor);
}

static void on_store_broken(void *arg, const char *message)
{
    const struct executor_settings *settings = &((struct executor *)arg)->settings;
    log_error("the store is broken, nothing more is taken: %s", message);
    if (settings->on_store_broken)
        settings->on_store_broken(settings->on_store_broken_arg, message);
}

int executor_recover(struct executor *executor)
{
    struct store *store = executor->settings.store;
    struct recovery recovery = {.executor = executor, .last = &recovery.first};
    struct store_loader loader = {
        .arg = &recovery,
        .on_pool = load_pool,
        .on_future = load_future,
        .on_done = load_done,
        .on_key = load_key,
        .on_expired = load_expired,
        .on_counters = load_counters,
    };
    struct store_observer observer = {
        .arg = executor,
        .on_expired = on_stored_expired,
        .on_broken = on_store_broken,
    };
    executor->recovering = true;
    int r = store->ops->load(store, &loader);
    executor->recovering = false;
    executor->reserved_id = executor_next_id(executor);
    executor->reserved_cursor = executor->cursor;
    if (r == 0) {
        store->ops->observe(store, &observer);
        executor->marks = store->ops->marks(store);
        if (recovery.pending + recovery.started + recovery.done > 0)
            log_info("recovered %llu pending futures, %llu that had been started, %llu done ones",
                     (unsigned long long)recovery.pending, (unsigned long long)recovery.started,
                     (unsigned long long)recovery.done);
        end_recovery(&recovery);
        settle_run(executor);
    }
    while (recovery.first) {
        struct recovered *next = recovery.first->next;
        free(recovery.first);
        recovery.first = next;
    }
    return r;
}

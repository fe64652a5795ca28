#include "daemon/core/executor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/core/completion.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"
#include "daemon/core/owner.h"

/* ---- making and ending ---- */

int executor_new(const struct executor_settings *settings, struct executor **ret_executor)
{
    struct executor *executor = calloc(1, sizeof(*executor));
    if (!executor)
        return -ENOMEM;
    executor->settings = *settings;
    TAILQ_INIT(&executor->to_settle);
    TAILQ_INIT(&executor->done);
    TAILQ_INIT(&executor->kept);
    TAILQ_INIT(&executor->cached);
    TAILQ_INIT(&executor->parked);
    TAILQ_INIT(&executor->committing_submits);
    TAILQ_INIT(&executor->stored_answers);
    TAILQ_INIT(&executor->backups);
    executor->table = future_table_new();
    executor->owners = owners_new();
    int r = -ENOMEM;
    if (!executor->table || !executor->owners)
        goto fail;
    r = completions_new(settings->loop, on_reports, executor, &executor->completions);
    if (r == 0)
        r = loop_task_new(settings->loop, hand_out, executor, &executor->hand_out);
    if (r < 0)
        goto fail;
    r = settle_ready(executor);
    if (r < 0)
        goto fail;
    struct pool_settings defaults;
    pool_default_settings("default", &defaults);
    defaults.configured = true;
    r = executor_set_pool(executor, "default", &defaults);
    if (r < 0)
        goto fail;
    *ret_executor = executor;
    return 0;
fail:
    executor_free(executor);
    return r;
}

static void free_futures(struct executor *executor)
{
    /* From the newest: the items of a map go before the map that they refer to. */
    uint64_t id = UINT64_MAX;
    struct future *future;
    while ((future = future_table_below(executor->table, id))) {
        id = future->id - 1;
        stop_waiting(future);
        if (future->queued)
            (void)pool_remove(future->spec->pool, &future->work);
        future_table_remove(executor->table, future->id, false);
        future_free(future);
    }
    /* What is left of the others are traces. */
    struct trace trace;
    id = future_table_known_above(executor->table, 1);
    for (; id != 0; id = future_table_known_above(executor->table, id + 1))
        if (future_table_trace(executor->table, id, &trace))
            (void)owners_count_trace(executor->owners, trace.uid, trace.state, -1);
    keys_free(executor);
}

void executor_free(struct executor *executor)
{
    if (!executor)
        return;
    for (size_t i = 0; i < executor->pool_count; i++)
        pool_close(executor->pools[i]);
    for (size_t i = 0; i < executor->pool_count; i++)
        pool_join(executor->pools[i]);
    if (executor->completions)
        give_calls_back(executor);
    deadline_clear(executor->settings.timers, &executor->again);
    free_submits(executor);
    if (executor->table) {
        ahead_of_nothing(executor);
        put_end_of_daemon(executor);
        free_futures(executor);
    }
    free_stored_answers(executor);
    free_backups(executor);
    free_loads(executor);
    free_lost_functions(executor);
    for (size_t i = 0; i < executor->pool_count; i++)
        pool_free(executor->pools[i]);
    free(executor->pools);
    free(executor->functions);
    free(executor->places);
    deadline_clear(executor->settings.timers, &executor->tidy);
    deadline_clear(executor->settings.timers, &executor->reclaim);
    completions_free(executor->completions);
    loop_task_free(executor->hand_out);
    owners_free(executor->owners);
    future_table_free(executor->table);
    free(executor);
}

void executor_set_observer(struct executor *executor, const struct executor_observer *observer)
{
    executor->observer = *observer;
}

void executor_set_limits(struct executor *executor, const struct executor_settings *settings)
{
    struct executor_settings *own = &executor->settings;
    own->output_bytes = settings->output_bytes;
    own->pending_limit = settings->pending_limit;
    own->pending_per_uid = settings->pending_per_uid;
    own->map_items_limit = settings->map_items_limit;
    own->pools_limit = settings->pools_limit;
    own->retention_count = settings->retention_count;
    own->retention_bytes = settings->retention_bytes;
    own->retention_s = settings->retention_s;
    struct store_retention retention = {
        .count = settings->retention_count,
        .bytes = settings->retention_bytes,
        .age_s = settings->retention_s,
    };
    own->store->ops->retain(own->store, &retention);
    settle_run(executor); /* higher limits let parked submits in */
    retention_enforce(executor);
}

/* ---- functions and pools ---- */

int executor_add_function(struct executor *executor, const struct function *function)
{
    if (executor_function(executor, function->name))
        return -EEXIST;
    /* Its start would have to be stored before it, and that of a quick one comes before its submit
     * is: it would wait for ever. */
    if (function->ops->quick && !function->ops->repeatable)
        return -EINVAL;
    size_t size = (executor->function_count + 1) * sizeof(const struct function *);
    const struct function **grown = realloc(executor->functions, size);
    if (!grown)
        return -ENOMEM;
    executor->functions = grown;
    executor->functions[executor->function_count++] = function;
    return 0;
}

void executor_remove_function(struct executor *executor, const struct function *function)
{
    for (size_t i = 0; i < executor->function_count; i++) {
        if (executor->functions[i] != function)
            continue;
        executor->function_count--;
        memmove(&executor->functions[i], &executor->functions[i + 1],
                (executor->function_count - i) * sizeof(const struct function *));
        return;
    }
}

const struct function *executor_function(const struct executor *executor, const char *name)
{
    for (size_t i = 0; i < executor->function_count; i++)
        if (strcmp(executor->functions[i]->name, name) == 0)
            return executor->functions[i];
    return NULL;
}

const struct function *executor_function_at(const struct executor *executor, size_t index)
{
    return index < executor->function_count ? executor->functions[index] : NULL;
}

struct pool *executor_pool(const struct executor *executor, const char *name)
{
    for (size_t i = 0; i < executor->pool_count; i++)
        if (strcmp(pool_name(executor->pools[i]), name) == 0)
            return executor->pools[i];
    return NULL;
}

struct pool *executor_pool_at(const struct executor *executor, size_t index)
{
    return index < executor->pool_count ? executor->pools[index] : NULL;
}

static int set_pool(struct executor *executor, const char *name,
                    const struct pool_settings *settings)
{
    struct pool *pool = executor_pool(executor, name);
    if (pool)
        return pool_set_settings(pool, settings);
    if (executor->pool_count >= executor->settings.pools_limit)
        return -EMFILE;
    struct pool **grown =
        realloc(executor->pools, (executor->pool_count + 1) * sizeof(struct pool *));
    if (!grown)
        return -ENOMEM;
    executor->pools = grown;
    int r = pool_new(name, settings, executor->completions, &pool);
    if (r < 0)
        return r;
    executor->pools[executor->pool_count++] = pool;
    return 0;
}

bool executor_makes_progress(struct executor *executor)
{
    bool all = true;
    executor_sync(executor); /* starts that were not told yet are progress, too */
    for (size_t i = 0; i < executor->pool_count; i++)
        all &= pool_makes_progress(executor->pools[i]);
    return all;
}

/* Once nothing of what follows can fail in the store. */
static int reserve_pool(struct executor *executor, const char *name,
                        const struct pool_settings *settings)
{
    uint64_t bytes = strlen(name) + strlen(settings->thread_name_prefix);
    if (settings->initializer)
        bytes += strlen(settings->initializer->name);
    if (settings->initializer_args)
        bytes += strlen(settings->initializer_args);
    return reserve_changes(executor, 1, bytes);
}

static void store_pool(struct executor *executor, const char *name)
{
    put_pool(executor, executor_pool(executor, name));
    commit_quietly(executor);
}

int executor_set_pool(struct executor *executor, const char *name,
                      const struct pool_settings *settings)
{
    bool stored = !settings->configured && !executor->recovering;
    int r = stored ? reserve_pool(executor, name, settings) : 0;
    if (r == 0)
        r = set_pool(executor, name, settings);
    if (r < 0)
        return r;
    if (stored)
        store_pool(executor, name);
    if (!executor->recovering)
        settle_run(executor); /* a higher queue_limit lets parked submits in */
    return 0;
}

int executor_pause_pool(struct executor *executor, struct pool *pool, bool paused)
{
    bool stored = !executor->keep_pending;
    if (stored && reserve_pool(executor, pool_name(pool), pool_settings(pool)) < 0)
        return -ENOMEM;
    /* What is kept pending at the end stays so. */
    pool_pause(pool, paused || executor->keep_pending);
    if (stored)
        store_pool(executor, pool_name(pool));
    return 0;
}

/* ---- clients ---- */

void executor_client_gone(struct executor *executor, uint64_t client_number)
{
    drop_stored_answers(executor, client_number);
    drop_submits(executor, client_number);
    drop_loads(executor, client_number);
    drop_backups(executor, client_number);
    struct map *map;
    LIST_FOREACH (map, &executor->open_maps, open_link)
        map_drop_client(map, client_number);
}

/* ---- the end ---- */

static void cancel_pending_ones(struct executor *executor, bool unstored_only)
{
    struct cancel_options options = {.terminate = false};
    struct future *future = future_table_above(executor->table, 1);
    for (; future; future = future_table_above(executor->table, future->id + 1)) {
        struct cancel_fate fate;
        if (future->state == FUTURE_PENDING && !(unstored_only && is_stored(future)))
            executor_cancel(executor, future, &options, &fate);
    }
}

void executor_cancel_unstored(struct executor *executor)
{
    cancel_pending_ones(executor, true);
    settle_run(executor);
}

uint64_t executor_shut_down(struct executor *executor, bool cancel_pending, bool keep_pending)
{
    executor->shut_down = true;
    executor->drop_pending |= cancel_pending;
    refuse_parked(executor, REFUSED_SHUT_DOWN);
    struct map *map;
    while ((map = LIST_FIRST(&executor->open_maps)))
        map_end_open(map);
    if (keep_pending) {
        executor->keep_pending = true;
        for (size_t i = 0; i < executor->pool_count; i++)
            pool_pause(executor->pools[i], true);
    }
    uint64_t before = executor->cancels;
    if (cancel_pending)
        cancel_pending_ones(executor, false);
    settle_run(executor);
    return executor->cancels - before;
}

bool executor_is_shut_down(const struct executor *executor)
{
    return executor->shut_down;
}

bool executor_owes_answers(const struct executor *executor)
{
    return !TAILQ_EMPTY(&executor->stored_answers);
}

bool executor_is_drained(const struct executor *executor)
{
    if (!executor->shut_down || !TAILQ_EMPTY(&executor->to_settle) || executor->committing > 0 ||
        !TAILQ_EMPTY(&executor->committing_submits))
        return false;
    uint64_t in_flight = 0;
    for (size_t i = 0; i < executor->pool_count; i++)
        in_flight += pool_in_flight(executor->pools[i]);
    if (executor->keep_pending)
        return in_flight == 0;
    uint64_t counts[FUTURE_STATES];
    owners_counts(executor->owners, true, 0, counts);
    return in_flight == 0 && counts[FUTURE_PENDING] == 0 && counts[FUTURE_RUNNING] == 0;
}

void executor_stop_all(struct executor *executor, const struct stop_request *request)
{
    struct cancel_options options = {.terminate = true, .stop = *request};
    struct client everyone = {.sees_all = true};
    struct future *future = executor_find_above(executor, &everyone, 1);
    for (; future; future = executor_find_above(executor, &everyone, future->id + 1)) {
        struct cancel_fate fate;
        if (future->state == FUTURE_RUNNING && !own_map(future))
            executor_cancel(executor, future, &options, &fate);
    }
}

#include "daemon/core/executor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/core/completion.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"
#include "daemon/core/owner.h"
#include "daemon/core/worker.h"

#define CONTAINER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* An answer that waits for the store. */
struct after_commit {
    TAILQ_ENTRY(after_commit) link;
    struct executor *executor;
    uint64_t client;
    void (*fn)(void *arg);
    void *arg;
};

/* ---- what the workers report ---- */

void wake_for_starts(struct executor *executor)
{
    completions_wake_always(executor->completions,
                            executor->running_wanted || executor->reports_awaited > 0);
}

void await_report(struct future *future)
{
    struct executor *executor = executor_of(future);
    if (future->report_awaited)
        return;
    future->report_awaited = true;
    executor->reports_awaited++;
    wake_for_starts(executor);
}

void await_no_report(struct future *future)
{
    struct executor *executor = executor_of(future);
    if (!future->report_awaited)
        return;
    future->report_awaited = false;
    executor->reports_awaited--;
    wake_for_starts(executor);
}

/* What was asked of the call while nobody knew which it is. */
static void catch_up(struct future *future)
{
    struct call *call = future->call;
    struct rare *rare = future->rare;
    await_no_report(future);
    if (rare && rare->stop_on_start) {
        worker_stop_call(pool_call_worker(call), call, rare->stop_on_start);
        free(rare->stop_on_start);
        rare->stop_on_start = NULL;
    }
    if (!future->watch_output)
        return;
    call_watch_output(call);
    struct output *output = future_output(future);
    if (output && output_bytes(output) > 0)
        future_tell(future, EVENT_FUTURE_OUTPUT);
}

static void on_call_started(struct call *call)
{
    struct future *future = call->future;
    future->call = call;
    pool_call_started(future->spec->pool, call);
    start_call(future, call->started_us);
    let_start(future);
    catch_up(future);
}

static void on_call_output(struct call *call)
{
    struct future *future = call->future;
    atomic_store(&call->output_posted, false);
    future_tell(future, EVENT_FUTURE_OUTPUT);
}

static void on_call_progress(struct executor *executor, struct call *call)
{
    struct future *future = call->future;
    atomic_store(&call->progress_posted, false);
    char *progress = atomic_exchange(&call->progress, NULL);
    if (!progress)
        return;
    struct rare *rare = future_rare(future);
    if (!rare) {
        free(progress); /* there may be a later one */
        return;
    }
    free(rare->progress);
    rare->progress = progress;
    if (executor->observer.on_progress)
        executor->observer.on_progress(executor->observer.arg, future);
    future_tell(future, EVENT_FUTURE_PROGRESS);
}

/* The pool can run nothing any more, so everything that waits in it ends now. */
static void break_pool(struct executor *executor, struct pool *pool, const char *what,
                       const struct outcome *failure)
{
    if (pool_is_broken(pool))
        return;
    char message[512];
    snprintf(message, sizeof(message), "%s of pool %s failed: %s: %s", what, pool_name(pool),
             outcome_type(failure), outcome_message(failure));
    log_error("%s", message);
    pool_break(pool);
    struct future *future = future_table_above(executor->table, 1);
    for (; future; future = future_table_above(executor->table, future->id + 1)) {
        if (future->spec->pool != pool || future->state != FUTURE_PENDING || future->settling ||
            own_map(future))
            continue;
        if (future->starting || (future->queued && !pool_remove(pool, &future->work)))
            continue; /* another worker was good and has taken it */
        future->queued = false;
        settle_exception(future, "BrokenPool", message, NULL);
    }
}

static void on_worker_broken(struct executor *executor, struct worker *worker)
{
    break_pool(executor, pool_of_worker(worker), "the initializer", worker_failure(worker));
}

static void on_call_finished(struct executor *executor, struct call *call)
{
    struct future *future = call->future;
    struct pool *pool = future->spec->pool;
    pool_call_finished(pool, call);
    if (call->break_pool && call->outcome.kind == OUTCOME_EXCEPTION)
        break_pool(executor, pool, "a handler", &call->outcome);
    if (future->holds & HOLD_COMMIT)
        early_finished(future);
    else
        end_running(future);
}

static void handle(struct executor *executor, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_CALL_STARTED:
        on_call_started(CONTAINER(message, struct call, started));
        return;
    case MESSAGE_CALL_FINISHED:
        on_call_finished(executor, CONTAINER(message, struct call, finished));
        return;
    case MESSAGE_CALL_OUTPUT:
        on_call_output(CONTAINER(message, struct call, output_changed));
        return;
    case MESSAGE_WORKER_BROKEN:
        on_worker_broken(executor, worker_of_message(message));
        return;
    case MESSAGE_CALL_PROGRESS:
        on_call_progress(executor, CONTAINER(message, struct call, progressed));
        return;
    case MESSAGE_WORKER_EXITED:
        pool_worker_exited(worker_of_message(message));
        return;
    }
}

void executor_sync(struct executor *executor)
{
    if (executor->settling)
        return;
    retention_enforce(executor);
    cache_enforce(executor);
    struct message *message = completions_take(executor->completions);
    if (!message)
        return;
    while (message) {
        /* Handling it may free what holds it. */
        struct message *next = message->next;
        handle(executor, message);
        message = next;
    }
    settle_run(executor);
}

static void on_wakeup(void *arg)
{
    executor_sync(arg);
}

void executor_want_running(struct executor *executor, bool wanted)
{
    executor->running_wanted = wanted;
    wake_for_starts(executor);
    if (wanted)
        executor_sync(executor);
}

/* ---- making and ending ---- */

int executor_new(const struct executor_settings *settings, struct executor **ret_executor)
{
    struct executor *executor = calloc(1, sizeof(*executor));
    if (!executor)
        return -ENOMEM;
    executor->settings = *settings;
    TAILQ_INIT(&executor->to_settle);
    TAILQ_INIT(&executor->to_settle_again);
    TAILQ_INIT(&executor->done);
    TAILQ_INIT(&executor->kept);
    TAILQ_INIT(&executor->cached);
    TAILQ_INIT(&executor->parked);
    TAILQ_INIT(&executor->committing_submits);
    TAILQ_INIT(&executor->after_commits);
    TAILQ_INIT(&executor->backups);
    executor->table = future_table_new();
    executor->owners = owners_new();
    int r = -ENOMEM;
    if (!executor->table || !executor->owners)
        goto fail;
    r = completions_new(settings->loop, on_wakeup, executor, &executor->completions);
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

/* Nobody will hear the reports that are still there: the calls go with their futures. */
static void give_calls_back(struct executor *executor)
{
    struct message *message = completions_take(executor->completions);
    for (; message; message = message->next)
        if (message->kind == MESSAGE_CALL_STARTED) {
            struct call *call = CONTAINER(message, struct call, started);
            call->future->call = call;
        }
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

static void free_after_commits(struct executor *executor)
{
    struct after_commit *after;
    while ((after = TAILQ_FIRST(&executor->after_commits))) {
        TAILQ_REMOVE(&executor->after_commits, after, link);
        free(after);
    }
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
        put_end_of_daemon(executor);
        free_futures(executor);
    }
    free_after_commits(executor);
    free_backups(executor);
    free_loads(executor);
    free_lost_functions(executor);
    for (size_t i = 0; i < executor->pool_count; i++)
        pool_free(executor->pools[i]);
    free(executor->pools);
    free(executor->functions);
    deadline_clear(executor->settings.timers, &executor->tidy);
    deadline_clear(executor->settings.timers, &executor->reclaim);
    completions_free(executor->completions);
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
    if (pool) {
        int r = pool_set_settings(pool, settings);
        if (r == 0)
            settle_run(executor); /* a higher queue_limit lets parked submits in */
        return r;
    }
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

static void store_pool(struct executor *executor, const char *name)
{
    if (executor->recovering)
        return;
    put_pool(executor, executor_pool(executor, name));
    commit_quietly(executor);
}

int executor_set_pool(struct executor *executor, const char *name,
                      const struct pool_settings *settings)
{
    int r = set_pool(executor, name, settings);
    if (r == 0 && !settings->configured)
        store_pool(executor, name);
    return r;
}

void executor_pause_pool(struct executor *executor, struct pool *pool, bool paused)
{
    /* What is kept pending at the end stays so. */
    pool_pause(pool, paused || executor->keep_pending);
    if (!executor->keep_pending)
        store_pool(executor, pool_name(pool));
}

/* ---- finding ---- */

static bool may_see(const struct client *client, const struct future *future)
{
    /* What is not in the store yet may never have been. */
    if (future->holds & HOLD_COMMIT)
        return false;
    return client->sees_all || future_uid(future) == client->uid;
}

static bool may_see_trace(const struct client *client, const struct trace *trace)
{
    return client->sees_all || trace->uid == client->uid;
}

enum refusal executor_find(struct executor *executor, const struct client *client, uint64_t id,
                           struct future **ret_future)
{
    struct future *future;
    int r = future_table_find(executor->table, id, &future);
    struct trace trace;
    if (r == -ESTALE)
        return REFUSED_EXPIRED;
    if (r == -ENODATA && future_table_trace(executor->table, id, &trace) &&
        may_see_trace(client, &trace))
        return REFUSED_NOT_LOADED;
    if (r == 0 && future->holds & HOLD_COMMIT && !future->refuse_start &&
        (client->sees_all || future_uid(future) == client->uid))
        return REFUSED_NOT_YET;
    if (r < 0 || !may_see(client, future))
        return REFUSED_NOT_FOUND;
    *ret_future = future;
    return REFUSED_NOT;
}

enum refusal executor_glance(struct executor *executor, const struct client *client, uint64_t id,
                             struct glance *ret_glance)
{
    struct future *future;
    struct trace trace;
    enum refusal refusal = executor_find(executor, client, id, &future);
    if (refusal == REFUSED_NOT) {
        *ret_glance = (struct glance){.state = future->state, .failed = future_failed(future)};
    } else if (refusal == REFUSED_NOT_LOADED) {
        (void)future_table_trace(executor->table, id, &trace);
        *ret_glance = (struct glance){.state = trace.state, .failed = trace.failed};
        return REFUSED_NOT;
    }
    return refusal;
}

uint64_t executor_known_above(struct executor *executor, const struct client *client, uint64_t id)
{
    struct glance glance;
    do
        id = future_table_known_above(executor->table, id);
    while (id != 0 && executor_glance(executor, client, id, &glance) != REFUSED_NOT && ++id != 0);
    return id;
}

struct future *executor_find_below(struct executor *executor, const struct client *client,
                                   uint64_t id)
{
    struct future *future = future_table_below(executor->table, id);
    while (future && !may_see(client, future))
        future = future_table_below(executor->table, future->id - 1);
    return future;
}

struct future *executor_find_above(struct executor *executor, const struct client *client,
                                   uint64_t id)
{
    struct future *future = future_table_above(executor->table, id);
    while (future && !may_see(client, future))
        future = future_table_above(executor->table, future->id + 1);
    return future;
}

uint64_t executor_next_id(const struct executor *executor)
{
    return future_table_next_id(executor->table);
}

void executor_counts(const struct executor *executor, const struct client *client,
                     uint64_t ret_counts[FUTURE_STATES])
{
    owners_counts(executor->owners, client->sees_all, client->uid, ret_counts);
}

uint64_t executor_cursor(const struct executor *executor)
{
    return executor->cursor;
}

/* ---- the store ---- */

static void on_after_commit(void *arg, int error)
{
    struct after_commit *after = arg;
    (void)error;
    TAILQ_REMOVE(&after->executor->after_commits, after, link);
    if (after->fn)
        after->fn(after->arg);
    free(after);
}

void executor_after_commit(struct executor *executor, uint64_t client_number, void (*fn)(void *arg),
                           void *arg)
{
    struct after_commit *after = malloc(sizeof(*after));
    if (!after) {
        fn(arg);
        return;
    }
    *after =
        (struct after_commit){.executor = executor, .client = client_number, .fn = fn, .arg = arg};
    TAILQ_INSERT_TAIL(&executor->after_commits, after, link);
    executor->settings.store->ops->commit(executor->settings.store, false, on_after_commit, after);
}

void executor_client_gone(struct executor *executor, uint64_t client_number)
{
    struct after_commit *after;
    TAILQ_FOREACH (after, &executor->after_commits, link)
        if (after->client == client_number)
            after->fn = NULL;
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
        executor_map_close(executor, map->self);
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

#include "daemon/core/future.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/container.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_impl.h"
#include "daemon/core/owner.h"
#include "daemon/core/pool.h"
#include "daemon/core/statistics.h"

static const char *const state_names[FUTURE_STATES] = {
    [FUTURE_PENDING] = "PENDING",
    [FUTURE_RUNNING] = "RUNNING",
    [FUTURE_CANCELLED] = "CANCELLED",
    [FUTURE_FINISHED] = "FINISHED",
};

static const char *const waiting_names[] = {
    [WAITING_NOT] = NULL,        [WAITING_DELAY] = "delay", [WAITING_AFTER] = "after",
    [WAITING_PAUSED] = "paused", [WAITING_RETRY] = "retry",
};

static const char *const need_names[] = {
    [NEEDS_RESULT] = "result",
    [NEEDS_EXCEPTION] = "exception",
    [NEEDS_DONE] = "done",
};

/* The life of a future. PENDING may finish without running (a dependency failed, the pool is
 * broken), and a done future starts again when it is retried. */
static const bool allowed[FUTURE_STATES][FUTURE_STATES] = {
    [FUTURE_PENDING] =
        {[FUTURE_RUNNING] = true, [FUTURE_CANCELLED] = true, [FUTURE_FINISHED] = true},
    [FUTURE_RUNNING] = {[FUTURE_PENDING] = true, [FUTURE_FINISHED] = true},
    [FUTURE_CANCELLED] = {[FUTURE_PENDING] = true},
    [FUTURE_FINISHED] = {[FUTURE_PENDING] = true},
};

/* ---- making and changing: core alone ---- */

static void count(struct future *future, enum future_state state, int by)
{
    owner_count(future->spec->owner, state, by);
    /* A map's own future is never queued: its items are. */
    if (own_map(future))
        return;
    if (state == FUTURE_PENDING)
        pool_count_pending(future->spec->pool, by);
    if (state == FUTURE_RUNNING)
        pool_statistics(future->spec->pool)->running += (uint64_t)(int64_t)by;
}

/* What the change from `before` to the present state says about the pool. */
static void count_change(const struct future *future, enum future_state before)
{
    struct pool_statistics *statistics = pool_statistics(future->spec->pool);
    if (own_map(future))
        return;
    if (before == FUTURE_RUNNING && future->call)
        histogram_add(&statistics->run_time, future->call->finished_us - future->started_us);
    switch (future->state) {
    case FUTURE_PENDING:
        statistics->retried++;
        return;
    case FUTURE_RUNNING:
        if (future->queued_us != 0)
            histogram_add(&statistics->queue_wait, future->started_us - future->queued_us);
        return;
    case FUTURE_CANCELLED:
        statistics->cancelled++;
        return;
    case FUTURE_FINISHED:
        if (future_failed(future))
            statistics->raised++;
        else
            statistics->returned++;
        return;
    }
}

struct future *future_new(struct spec *spec, bool is_item, const char *text, size_t text_bytes)
{
    if (text_bytes > UINT32_MAX)
        return NULL;
    struct future *future = malloc(sizeof(*future) + text_bytes + 1);
    if (!future)
        return NULL;
    *future = (struct future){
        .spec = spec_ref(spec),
        .is_item = is_item,
        .state = FUTURE_PENDING,
        .attempt = 1,
        .text_bytes = (uint32_t)text_bytes,
    };
    memcpy(future->text, text, text_bytes);
    future->text[text_bytes] = '\0';
    if (own_map(future))
        spec->map->self = future;
    return future;
}

/* An item's arguments are its map's. */
static const struct future *args_holder(const struct future *future)
{
    return future->is_item ? future->spec->map->self : future;
}

struct future *future_of_work(struct work *work)
{
    return CONTAINER_OF(work, struct future, work);
}

/* Everything that is read here stays as it is until the call is finished. */
void future_begin_call(struct call *call, struct work *work)
{
    struct future *future = future_of_work(work);
    const struct spec *spec = future->spec;
    const struct future *with_args = args_holder(future);
    call->future = future;
    call->id = future->id;
    call->function = spec->function;
    call->args = with_args->text;
    call->args_bytes = with_args->text_bytes;
    call->item = future->is_item ? future->text : NULL;
    call->item_bytes = future->is_item ? future->text_bytes : 0;
    call->output_cap_bytes = spec->output_cap_bytes;
    call->attempt = future->attempt;
    call->wake_on_start = spec->timeout_ns > 0;
    call->marked = work->ahead;
    call->gated = spec_is_gated(spec) && !work->ahead;
    if (spec_is_gated(spec))
        call->marks = spec->executor->marks;
}

struct call *future_call(struct future *future)
{
    if (!future->call)
        future->call = call_new();
    return future->call;
}

const struct outcome *future_decided(const struct future *future)
{
    static const struct outcome no_memory = {.kind = OUTCOME_EXCEPTION};
    return future->call ? &future->call->outcome : &no_memory;
}

struct rare *future_rare(struct future *future)
{
    if (future->rare)
        return future->rare;
    struct rare *rare = calloc(1, sizeof(*rare));
    if (!rare)
        return NULL;
    rare->future = future;
    future->rare = rare;
    return rare;
}

void future_count_in(struct future *future)
{
    struct map *map = item_map(future);
    count(future, future->state, 1);
    if (map)
        map->by_state[future->state]++;
}

static void rare_free(struct rare *rare)
{
    if (!rare)
        return;
    struct attempt *attempt;
    while ((attempt = rare->attempts)) {
        rare->attempts = attempt->earlier;
        outcome_clear(&attempt->outcome);
        free(attempt);
    }
    free(rare->progress);
    free(rare->spare);
    free(rare->stop_on_start);
    free(rare);
}

void future_free(struct future *future)
{
    if (!future)
        return;
    if (future->id != 0)
        count(future, future->state, -1);
    if (own_map(future)) {
        map_free(future->spec->map);
        future->spec->map = NULL;
    }
    reclaim_count(executor_of(future));
    call_free(future->call);
    rare_free(future->rare);
    spec_unref(future->spec);
    free(future);
}

int future_set_state(struct future *future, enum future_state state, uint64_t cursor,
                     int64_t wall_us)
{
    if (!allowed[future->state][state])
        return -EPROTO;
    enum future_state before = future->state;
    count(future, before, -1);
    count(future, state, 1);
    struct map *map = item_map(future);
    if (map) {
        map->by_state[before]--;
        map->by_state[state]++;
    }
    future->state = state;
    future->cursor = cursor;
    if (state == FUTURE_RUNNING)
        future->started_us = wall_us;
    count_change(future, before);
    switch (state) {
    case FUTURE_PENDING:
        future->started_us = future->finished_us = 0;
        break;
    case FUTURE_RUNNING:
        break;
    case FUTURE_CANCELLED:
    case FUTURE_FINISHED:
        future->finished_us = wall_us;
        break;
    }
    return 0;
}

void future_tell(struct future *future, enum future_event event)
{
    struct future_watch *watch = future->watches;
    if (event == EVENT_FUTURE_DONE) {
        while ((watch = future->watches)) {
            future_watch_remove(watch);
            watch->fn(watch, future, event);
        }
        return;
    }
    bool last = !watch;
    while (!last) {
        /* Being told may take the watch off. */
        struct future_watch *next = watch->next;
        last = next == future->watches;
        watch->fn(watch, future, event);
        watch = next;
    }
}

/* ---- reading ---- */

static enum future_waiting waiting_of(const struct future *future)
{
    if (future->state != FUTURE_PENDING)
        return WAITING_NOT;
    unsigned holds = future->holds;
    if (item_map(future))
        holds |= item_map(future)->self->holds;
    if (holds & HOLD_RETRY)
        return WAITING_RETRY;
    if (holds & HOLD_DELAY)
        return WAITING_DELAY;
    if (holds & HOLD_AFTER)
        return WAITING_AFTER;
    if (pool_is_paused(future->spec->pool))
        return WAITING_PAUSED;
    return WAITING_NOT;
}

static bool is_deadlocked(const struct future *future)
{
    const struct executor *executor = executor_of(future);
    if (future->state != FUTURE_PENDING || future->holds != 0 || LIST_EMPTY(&executor->blocks))
        return false;
    return pool_is_deadlocked(executor, future->spec->pool);
}

void future_describe(const struct future *future, struct future_info *ret_info)
{
    const struct spec *spec = future->spec;
    const struct call *call = future->call;
    *ret_info = (struct future_info){
        .id = future->id,
        .state = future->state,
        .waiting = waiting_of(future),
        .function = spec->function->name,
        .pool = pool_name(spec->pool),
        .label = spec->label[0] != '\0' ? spec->label : NULL,
        .priority = future->priority,
        .attempt = future->attempt,
        .uid = owner_uid(spec->owner),
        .submitted_us = future->submitted_us,
        .started_us = future->started_us,
        .finished_us = future_is_done(future) ? future->finished_us : 0,
        .failed = future_failed(future),
        .pid = call ? atomic_load(&call->pid) : 0,
        .host = future->state != FUTURE_PENDING && call ? call->host : NULL,
        .worker = future->state != FUTURE_PENDING && call && call->worker_name[0] != '\0'
                      ? call->worker_name
                      : NULL,
        .deadlocked = is_deadlocked(future),
    };
    const struct map *map = own_map(future);
    if (map) {
        ret_info->is_map = true;
        ret_info->map.first = map->count > 0 ? map->first : future->id + 1;
        ret_info->map.count = map->count;
        memcpy(ret_info->map.by_state, map->by_state, sizeof(map->by_state));
        ret_info->map.failed = map->failed;
        ret_info->map.open = map->open;
    }
    ret_info->item_of = future_item_of(future);
    if (future->is_item)
        ret_info->index = future->index;
}

void future_describe_submitted(const struct future *future, struct future_submitted *ret_submitted)
{
    const struct spec *spec = future->spec;
    const struct key_entry *key = future_key(future);
    uint64_t call;
    *ret_submitted = (struct future_submitted){
        .text = future->text,
        .text_bytes = future->text_bytes,
        .key = key ? key_entry_key(key, &call) : NULL,
        .timeout_ns = spec->timeout_ns,
        .retry_max = spec->retry_max,
        .retry_delay_ns = spec->retry_delay_ns,
        .retry_backoff = spec->retry_backoff,
        .rerun_on_crash = spec->rerun_on_crash,
        .scoped = spec->scoped,
        .durability = durability_name(spec->durability),
    };
}

uint64_t future_id(const struct future *future)
{
    return future->id;
}

enum future_state future_state(const struct future *future)
{
    return future->state;
}

bool future_is_done(const struct future *future)
{
    return future->state == FUTURE_CANCELLED || future->state == FUTURE_FINISHED;
}

bool future_failed(const struct future *future)
{
    return future->state == FUTURE_FINISHED && future_decided(future)->kind == OUTCOME_EXCEPTION;
}

const char *future_state_name(enum future_state state)
{
    return state_names[state];
}

const char *future_waiting_name(enum future_waiting waiting)
{
    return waiting_names[waiting];
}

uint64_t future_cursor(const struct future *future)
{
    return future->cursor;
}

const struct function *future_function(const struct future *future)
{
    return future->spec->function;
}

const char *future_args(const struct future *future, size_t *ret_bytes)
{
    const struct future *with_args = args_holder(future);
    *ret_bytes = with_args->text_bytes;
    return with_args->text;
}

const char *future_item(const struct future *future, size_t *ret_bytes)
{
    *ret_bytes = future->is_item ? future->text_bytes : 0;
    return future->is_item ? future->text : NULL;
}

const char *future_pool_name(const struct future *future)
{
    return pool_name(future->spec->pool);
}

const char *future_label(const struct future *future)
{
    return future->spec->label;
}

uint32_t future_uid(const struct future *future)
{
    return owner_uid(future->spec->owner);
}

const struct outcome *future_outcome(const struct future *future)
{
    static const struct outcome none = {.kind = OUTCOME_NONE};
    /* Before it is finished the outcome may be the worker's. */
    return future->state == FUTURE_FINISHED ? future_decided(future) : &none;
}

const char *future_progress(const struct future *future)
{
    return future->rare ? future->rare->progress : NULL;
}

struct output *future_output(const struct future *future)
{
    return future->call ? atomic_load(&future->call->output) : NULL;
}

bool future_output_left(const struct future *future)
{
    return future->output_left;
}

bool future_in_store(const struct future *future)
{
    return future_is_done(future) && is_stored(future);
}

bool future_items_left(const struct future *future)
{
    const struct map *map = own_map(future);
    if (map->items_unknown)
        return true;
    for (uint64_t i = 0; i < map->count; i++) {
        const struct future *item = map_item(map, i);
        if (item ? item->output_left : map_item_id(map, i) != 0)
            return true;
    }
    return false;
}

bool future_is_map(const struct future *future)
{
    return own_map(future) != NULL;
}

bool future_is_item(const struct future *future)
{
    return future->is_item;
}

uint64_t future_item_of(const struct future *future)
{
    return future->is_item ? future->spec->map->self->id : 0;
}

struct future *future_map_item(const struct future *future, uint64_t index)
{
    return map_item(own_map(future), index);
}

void future_watch_output(struct future *future)
{
    if (future_is_done(future) || own_map(future))
        return;
    future->watch_output = true;
    if (future->call)
        call_watch_output(future->call);
    else
        await_report(future);
}

struct key_entry *future_key(const struct future *future)
{
    return future->rare ? future->rare->key : NULL;
}

const struct attempt *future_attempts(const struct future *future)
{
    return future->rare ? future->rare->attempts : NULL;
}

const char *future_need_name(enum future_need need)
{
    return need_names[need];
}

bool future_waits(const struct future *future)
{
    return future->rare && !LIST_EMPTY(&future->rare->dependencies);
}

void future_each_need(const struct future *future,
                      void (*fn)(const struct future *on, enum future_need need, void *arg),
                      void *arg)
{
    const struct dependency *dependency;
    if (!future->rare)
        return;
    LIST_FOREACH (dependency, &future->rare->dependencies, of_waiter)
        fn(dependency->on, dependency->needs, arg);
}

/* ---- watching ---- */

void future_watch_add(struct future *future, struct future_watch *watch, enum watch_phase phase,
                      future_watch_fn *fn)
{
    struct future_watch *first = future->watches;
    watch->future = future;
    watch->fn = fn;
    watch->next = first ? first : watch;
    watch->previous = first ? first->previous : watch;
    watch->previous->next = watch->next->previous = watch;
    /* Before the first is behind the last, in a ring. */
    if (!first || phase == WATCH_NOTIFY)
        future->watches = watch;
}

void future_watch_remove(struct future_watch *watch)
{
    struct future *future = watch->future;
    if (!future)
        return;
    watch->previous->next = watch->next;
    watch->next->previous = watch->previous;
    if (future->watches == watch)
        future->watches = watch->next == watch ? NULL : watch->next;
    watch->future = NULL;
}

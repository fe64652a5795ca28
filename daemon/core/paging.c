/* Done futures live in the store; in memory each leaves a trace. Those that were done or asked for
 * of late are in memory too, as many as the cache may hold. What is not stored stays in memory as
 * long as retention wants. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"
#include "daemon/core/owner.h"

bool is_stored(const struct future *future)
{
    return future->spec->durability != DURABILITY_NONE;
}

bool executor_stores(const struct executor *executor)
{
    return executor->settings.store->ops->durability != DURABILITY_NONE;
}

/* ---- out of memory ---- */

void cache_add(struct future *future)
{
    struct executor *executor = executor_of(future);
    future->kept_bytes = bytes_of(future);
    TAILQ_INSERT_TAIL(&executor->cached, future, kept_link);
    executor->cached_count++;
    executor->cached_bytes += future->kept_bytes;
    tidy_if_many(executor, executor->cached_count, executor->settings.cache_count);
}

void cache_remove(struct future *future)
{
    struct executor *executor = executor_of(future);
    TAILQ_REMOVE(&executor->cached, future, kept_link);
    executor->cached_count--;
    executor->cached_bytes -= future->kept_bytes;
}

void be_done(struct future *future)
{
    if (is_stored(future)) {
        cache_add(future);
        return;
    }
    TAILQ_INSERT_TAIL(&executor_of(future)->done, future, link);
    retention_add(future);
}

static void page_out(struct future *future)
{
    struct executor *executor = executor_of(future);
    struct trace trace = {
        .uid = future_uid(future),
        .state = future->state,
        .failed = future_failed(future),
        .is_map = own_map(future),
        .is_item = future->is_item,
    };
    cache_remove(future);
    if (future->is_item)
        map_set_item_id(item_map(future), future->index, future->id);
    /* The future's own count goes with it. */
    (void)owners_count_trace(executor->owners, trace.uid, trace.state, 1);
    future_table_page_out(executor->table, future->id, &trace);
    future_free(future);
}

void cache_enforce(struct executor *executor)
{
    const struct executor_settings *settings = &executor->settings;
    uint64_t sweep = sweep_size(executor->cached_count, settings->cache_count);
    for (uint64_t i = 0; i < sweep; i++) {
        struct future *oldest = TAILQ_FIRST(&executor->cached);
        bool over = executor->cached_count > settings->cache_count ||
                    executor->cached_bytes > settings->cache_bytes;
        if (!oldest || !over)
            return;
        const struct map *map = own_map(oldest);
        if (map && map->resident + map->awaited > 0) {
            /* Its items point at it, or will. */
            cache_remove(oldest);
            cache_add(oldest);
        } else {
            page_out(oldest);
        }
    }
    tidy_if_many(executor, executor->cached_count, settings->cache_count);
}

void remove_trace(struct executor *executor, uint64_t id, bool expired)
{
    struct trace trace;
    if (!future_table_trace(executor->table, id, &trace))
        return;
    future_table_remove(executor->table, id, expired);
    (void)owners_count_trace(executor->owners, trace.uid, trace.state, -1);
    executor->keys_stale++;
    keys_tidy(executor);
}

/* ---- and back ---- */

struct map *map_from_record(const struct stored_map *record)
{
    struct map *map = map_new();
    if (!map || map_restore_items(map, record->count) < 0) {
        map_free(map);
        return NULL;
    }
    map->open = record->open;
    map->was_open = record->was_open;
    map->fail_fast = record->fail_fast;
    map->window = record->window;
    map->first = record->first;
    return map;
}

static bool take_attempts(struct future *future, struct stored_future *record)
{
    struct rare *rare = record->attempt_count > 0 ? future_rare(future) : NULL;
    for (size_t i = 0; i < record->attempt_count; i++) {
        struct stored_attempt *stored = &record->attempts[i];
        struct attempt *attempt = rare ? calloc(1, sizeof(*attempt)) : NULL;
        if (!attempt)
            return false;
        *attempt = (struct attempt){
            .earlier = rare->attempts,
            .number = stored->number,
            .started_us = stored->started_us,
            .finished_us = stored->finished_us,
            .outcome = stored->outcome,
        };
        stored->outcome = (struct outcome){.kind = OUTCOME_NONE};
        rare->attempts = attempt;
    }
    return true;
}

static bool take_outcome(struct future *future, struct stored_future *record)
{
    if (record->outcome.kind == OUTCOME_NONE)
        return true;
    struct call *call = future_call(future);
    if (!call)
        return false;
    call->outcome = record->outcome;
    record->outcome = (struct outcome){.kind = OUTCOME_NONE};
    return true;
}

static bool take_key(struct future *future, const struct stored_future *record)
{
    struct key_entry *key =
        record->key ? key_entry_find(executor_of(future), record->key, future_uid(future)) : NULL;
    if (!key)
        return true;
    struct rare *rare = future_rare(future);
    if (rare)
        rare->key = key;
    return rare;
}

struct future *future_from_record(struct stored_future *record, struct spec *spec)
{
    bool is_item = record->item_of != 0;
    if (record->map && !(spec->map = map_from_record(record->map)))
        return NULL;
    struct future *future =
        is_item ? future_new(spec, true, record->item, record->item_bytes)
                : future_new(spec, false, record->spec->args, record->spec->args_bytes);
    if (!future && record->map) {
        map_free(spec->map);
        spec->map = NULL;
    }
    if (!future)
        return NULL;
    if (!take_attempts(future, record) || !take_outcome(future, record) ||
        !take_key(future, record)) {
        future_free(future);
        return NULL;
    }
    future->state = record->state;
    future->priority = record->priority;
    future->cursor = record->cursor;
    future->submitted_us = record->submitted_us;
    future->started_us = record->started_us;
    future->finished_us = record->finished_us;
    future->index = (uint32_t)record->index;
    future->attempt = record->attempt;
    return future;
}

/* Brings what a record with output has to a future that has come without. */
static void take_output(struct future *future, struct stored_future *record)
{
    struct call *call = future->output_left && record->output ? future_call(future) : NULL;
    if (!call)
        return;
    cache_remove(future); /* it grows */
    output_unref(atomic_exchange(&call->output, record->output));
    record->output = NULL;
    cache_add(future);
}

static struct spec *spec_of(struct executor *executor, const struct stored_future *record,
                            struct future *map_self)
{
    if (!map_self)
        return spec_from_record(executor, record);
    return spec_ref(map_self->spec);
}

/* Puts a future in the place of its trace. NULL: no memory, or its map has gone. */
static struct future *page_in(struct executor *executor, struct stored_future *record)
{
    struct future *map_self = NULL;
    if (record->item_of != 0 &&
        (future_table_find(executor->table, record->item_of, &map_self) < 0 || !own_map(map_self)))
        return NULL;
    struct spec *spec = spec_of(executor, record, map_self);
    if (!spec)
        return NULL;
    struct future *future = future_from_record(record, spec);
    spec_unref(spec);
    if (!future)
        return NULL;
    future->id = record->id;
    future->output_left = true;
    struct map *map = own_map(future);
    if (map) {
        memcpy(map->by_state, record->map->by_state, sizeof(record->map->by_state));
        map->failed = record->map->failed;
        map->items_unknown = record->map->count > 0;
    }
    if (map_self)
        map_set_item(own_map(map_self), record->index, future);
    owner_count(future->spec->owner, future->state, 1);
    (void)owners_count_trace(
        executor->owners, record->spec ? record->spec->uid : future_uid(future), future->state, -1);
    future_table_page_in(executor->table, record->id, future);
    cache_add(future);
    return future;
}

/* The future of a record, in memory; NULL: it is not there, or not done, any more. */
static struct future *adopt(struct executor *executor, struct stored_future *record)
{
    struct future *future = NULL;
    int r = future_table_find(executor->table, record->id, &future);
    if (r == -ENODATA)
        future = page_in(executor, record);
    if (!future || !future_is_done(future))
        return NULL;
    take_output(future, record);
    return future;
}

/* ---- asking the store ---- */

struct load {
    LIST_ENTRY(load) link;
    struct executor *executor;
    uint64_t client;
    executor_loaded_fn *fn; /* NULL: nobody waits any more */
    void *arg;
    enum store_query_kind kind;
    bool output, awaits_map;
    uint64_t item_of; /* all items of that map are asked for; 0: of none */
    uint64_t cursor;
    size_t limit;
};

/* The map in memory with that id; NULL: none. */
static struct map *map_at(struct executor *executor, uint64_t id)
{
    struct future *future = NULL;
    if (id == 0 || future_table_find(executor->table, id, &future) < 0)
        return NULL;
    return own_map(future);
}

/* Adds what is done since and not stored, as far as the store has told: up to `until`. */
static size_t add_unstored(struct load *load, uint64_t until, struct future **futures)
{
    size_t count = 0;
    struct future *future;
    TAILQ_FOREACH (future, &load->executor->done, link) {
        if (future->cursor <= load->cursor || future->cursor > until)
            continue;
        if (futures)
            futures[count] = future;
        count++;
    }
    return count;
}

static int by_cursor(const void *a, const void *b)
{
    const struct future *x = *(struct future *const *)a, *y = *(struct future *const *)b;
    return (x->cursor > y->cursor) - (x->cursor < y->cursor);
}

/* Puts the futures of the records into `futures`; returns how many there are. */
static size_t adopt_all(const struct load *load, struct stored_future *records, size_t count,
                        struct future **futures)
{
    size_t adopted = 0;
    for (size_t i = 0; i < count; i++) {
        struct future *future = adopt(load->executor, &records[i]);
        if (!future)
            continue;
        if (load->output)
            future->output_left = false;
        futures[adopted++] = future;
    }
    return adopted;
}

/* The map whose items were asked for has its answer. */
static void tell_map(const struct load *load, int error)
{
    struct map *map = map_at(load->executor, load->item_of);
    if (map && load->awaits_map)
        map->awaited--;
    /* All items that the store has are known now: the others are forgotten. */
    if (map && error == 0)
        map->items_unknown = false;
}

static void on_records(void *arg, int error, struct stored_future *records, size_t count,
                       const uint64_t *counts)
{
    struct load *load = arg;
    struct executor *executor = load->executor;
    LIST_REMOVE(load, link);
    size_t unstored = 0;
    uint64_t until = UINT64_MAX;
    /* Maps first: their items, which may stand before them, point at them. */
    for (size_t i = 0; error == 0 && i < count; i++)
        if (records[i].map)
            (void)adopt(executor, &records[i]);
    while (count > 0 && records[count - 1].for_item)
        count--;
    if (load->kind == QUERY_SINCE) {
        if (count == load->limit && count > 0)
            until = records[count - 1].cursor;
        unstored = add_unstored(load, until, NULL);
    }
    struct future **futures = calloc(count + unstored + 1, sizeof(struct future *));
    if (!futures)
        error = -ENOMEM;
    size_t loaded = error == 0 ? adopt_all(load, records, count, futures) : 0;
    if (error == 0 && load->kind == QUERY_SINCE) {
        loaded += add_unstored(load, until, futures + loaded);
        if (loaded > 1)
            qsort(futures, loaded, sizeof(struct future *), by_cursor);
    }
    tell_map(load, error);
    struct loaded result = {.futures = futures, .count = loaded, .counts = counts, .until = until};
    if (load->fn)
        load->fn(load->arg, error, &result);
    free(futures);
    free(load);
}

/* The map of which the query finds every item that the store has; 0: there is none. */
static uint64_t whole_map(const struct store_query *query)
{
    bool whole = query->kind == QUERY_BELOW && query->limit == SIZE_MAX && query->before == 0 &&
                 query->states == 0 && !query->pool && !query->label;
    return whole ? query->item_of : 0;
}

void executor_load(struct executor *executor, uint64_t client_number,
                   const struct store_query *query, executor_loaded_fn *fn, void *arg)
{
    struct load *load = calloc(1, sizeof(*load));
    if (!load) {
        static const struct loaded nothing = {.count = 0};
        fn(arg, -ENOMEM, &nothing);
        return;
    }
    *load = (struct load){
        .executor = executor,
        .client = client_number,
        .fn = fn,
        .arg = arg,
        .kind = query->kind,
        .output = query->output,
        .item_of = whole_map(query),
        .cursor = query->cursor,
        .limit = query->limit,
    };
    LIST_INSERT_HEAD(&executor->loads, load, link);
    struct map *map = map_at(executor, load->item_of);
    load->awaits_map = map;
    if (map)
        map->awaited++;
    executor->settings.store->ops->read(executor->settings.store, query, on_records, load);
}

void drop_loads(struct executor *executor, uint64_t client)
{
    struct load *load;
    LIST_FOREACH (load, &executor->loads, link)
        if (load->client == client)
            load->fn = NULL;
}

void executor_unload(struct executor *executor, const void *arg)
{
    struct load *load;
    LIST_FOREACH (load, &executor->loads, link)
        if (load->arg == arg)
            load->fn = NULL;
}

void free_loads(struct executor *executor)
{
    struct load *load;
    while ((load = LIST_FIRST(&executor->loads))) {
        LIST_REMOVE(load, link);
        free(load);
    }
}

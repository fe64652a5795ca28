#include "daemon/store/change.h"

static void put_outcome(struct bytes *bytes, const struct outcome *outcome)
{
    bytes_put_uint(bytes, outcome->kind);
    bool failed = outcome->kind == OUTCOME_EXCEPTION;
    bytes_put_string(bytes, failed ? outcome_type(outcome) : NULL);
    bytes_put_string(bytes, failed ? outcome_message(outcome) : NULL);
    bytes_put_text(bytes, outcome->json, outcome->json_bytes);
}

static void take_outcome(struct bytes_reader *reader, struct outcome *ret_outcome)
{
    ret_outcome->kind = (enum outcome_kind)bytes_take_uint(reader);
    ret_outcome->type = bytes_take_text(reader, NULL);
    ret_outcome->message = bytes_take_text(reader, NULL);
    ret_outcome->json = bytes_take_text(reader, &ret_outcome->json_bytes);
}

void spec_put(struct bytes *bytes, const struct stored_spec *spec)
{
    bytes_put_uint(bytes, spec->uid);
    bytes_put_string(bytes, spec->function);
    bytes_put_string(bytes, spec->pool);
    bytes_put_string(bytes, spec->label);
    bytes_put_uint(bytes, spec->timeout_ns);
    bytes_put_uint(bytes, spec->retry_max);
    bytes_put_uint(bytes, spec->retry_delay_ns);
    bytes_put_double(bytes, spec->retry_backoff);
    bytes_put_uint(bytes, spec->rerun_on_crash);
    bytes_put_uint(bytes, spec->scoped);
    bytes_put_uint(bytes, spec->durability);
}

void spec_take(struct bytes_reader *reader, struct stored_spec *ret_spec)
{
    ret_spec->uid = (uint32_t)bytes_take_uint(reader);
    ret_spec->function = bytes_take_text(reader, NULL);
    ret_spec->pool = bytes_take_text(reader, NULL);
    ret_spec->label = bytes_take_text(reader, NULL);
    ret_spec->timeout_ns = bytes_take_uint(reader);
    ret_spec->retry_max = (uint32_t)bytes_take_uint(reader);
    ret_spec->retry_delay_ns = bytes_take_uint(reader);
    ret_spec->retry_backoff = bytes_take_double(reader);
    ret_spec->rerun_on_crash = bytes_take_uint(reader) != 0;
    ret_spec->scoped = bytes_take_uint(reader) != 0;
    ret_spec->durability = (enum durability)bytes_take_uint(reader);
}

static void put_map(struct bytes *bytes, const struct stored_map *map)
{
    bytes_put_uint(bytes, map->open);
    bytes_put_uint(bytes, map->was_open);
    bytes_put_uint(bytes, map->fail_fast);
    bytes_put_uint(bytes, map->window);
    bytes_put_uint(bytes, map->count);
    bytes_put_uint(bytes, map->first);
    for (unsigned state = 0; state < FUTURE_STATES; state++)
        bytes_put_uint(bytes, map->by_state[state]);
    bytes_put_uint(bytes, map->failed);
}

static void take_map(struct bytes_reader *reader, struct stored_map *ret_map)
{
    ret_map->open = bytes_take_uint(reader) != 0;
    ret_map->was_open = bytes_take_uint(reader) != 0;
    ret_map->fail_fast = bytes_take_uint(reader) != 0;
    ret_map->window = bytes_take_uint(reader);
    ret_map->count = bytes_take_uint(reader);
    ret_map->first = bytes_take_uint(reader);
    for (unsigned state = 0; state < FUTURE_STATES; state++)
        ret_map->by_state[state] = bytes_take_uint(reader);
    ret_map->failed = bytes_take_uint(reader);
}

static void put_future(struct bytes *bytes, const struct stored_future *future)
{
    bytes_put_uint(bytes, future->spec_id);
    bytes_put_uint(bytes, future->spec != NULL);
    if (future->spec) {
        spec_put(bytes, future->spec);
        bytes_put_text(bytes, future->spec->args, future->spec->args_bytes);
    }
    bytes_put_int(bytes, future->priority);
    bytes_put_uint(bytes, future->map != NULL);
    if (future->map)
        put_map(bytes, future->map);
    bytes_put_uint(bytes, future->item_of);
    bytes_put_uint(bytes, future->index);
    bytes_put_text(bytes, future->item, future->item_bytes);
    bytes_put_uint(bytes, future->state);
    bytes_put_uint(bytes, future->not_begun);
    bytes_put_uint(bytes, future->attempt);
    bytes_put_int(bytes, future->submitted_us);
    bytes_put_int(bytes, future->started_us);
    bytes_put_int(bytes, future->due_us);
    bytes_put_uint(bytes, future->due_retry);
    bytes_put_uint(bytes, future->cursor);
    bytes_put_block(bytes, future->after, future->after_count * sizeof(*future->after));
    bytes_put_string(bytes, future->key);
    bytes_put_uint(bytes, future->key_call);
}

static void take_future(struct bytes_reader *reader, struct taken_change *taken)
{
    struct stored_future *future = &taken->future;
    size_t after_bytes;
    future->spec_id = bytes_take_uint(reader);
    if (bytes_take_uint(reader)) {
        spec_take(reader, &taken->spec);
        taken->spec.args = bytes_take_text(reader, &taken->spec.args_bytes);
        future->spec = &taken->spec;
    }
    future->priority = bytes_take_int(reader);
    if (bytes_take_uint(reader)) {
        take_map(reader, &taken->map);
        future->map = &taken->map;
    }
    future->item_of = bytes_take_uint(reader);
    future->index = bytes_take_uint(reader);
    future->item = bytes_take_text(reader, &future->item_bytes);
    future->state = (enum future_state)bytes_take_uint(reader);
    future->not_begun = bytes_take_uint(reader) != 0;
    future->attempt = (unsigned)bytes_take_uint(reader);
    future->submitted_us = bytes_take_int(reader);
    future->started_us = bytes_take_int(reader);
    future->due_us = bytes_take_int(reader);
    future->due_retry = bytes_take_uint(reader) != 0;
    future->cursor = bytes_take_uint(reader);
    future->after = bytes_take_block(reader, &after_bytes);
    future->after_count = after_bytes / sizeof(*future->after);
    future->key = bytes_take_text(reader, NULL);
    future->key_call = bytes_take_uint(reader);
}

static void put_pool(struct bytes *bytes, const struct stored_pool *pool)
{
    bytes_put_string(bytes, pool->name);
    bytes_put_uint(bytes, pool->paused);
    bytes_put_uint(bytes, pool->has_settings);
    bytes_put_uint(bytes, pool->max_workers);
    bytes_put_uint(bytes, pool->min_workers);
    bytes_put_uint(bytes, pool->idle_timeout_ns);
    bytes_put_uint(bytes, pool->max_tasks_per_worker);
    bytes_put_uint(bytes, pool->queue_limit);
    bytes_put_uint(bytes, pool->on_full_wait);
    bytes_put_string(bytes, pool->thread_name_prefix);
    bytes_put_string(bytes, pool->initializer);
    bytes_put_string(bytes, pool->initializer_args);
    bytes_put_uint(bytes, pool->durability);
}

static void take_pool(struct bytes_reader *reader, struct stored_pool *ret_pool)
{
    ret_pool->name = bytes_take_text(reader, NULL);
    ret_pool->paused = bytes_take_uint(reader) != 0;
    ret_pool->has_settings = bytes_take_uint(reader) != 0;
    ret_pool->max_workers = (unsigned)bytes_take_uint(reader);
    ret_pool->min_workers = (unsigned)bytes_take_uint(reader);
    ret_pool->idle_timeout_ns = bytes_take_uint(reader);
    ret_pool->max_tasks_per_worker = bytes_take_uint(reader);
    ret_pool->queue_limit = bytes_take_uint(reader);
    ret_pool->on_full_wait = bytes_take_uint(reader) != 0;
    ret_pool->thread_name_prefix = bytes_take_text(reader, NULL);
    ret_pool->initializer = bytes_take_text(reader, NULL);
    ret_pool->initializer_args = bytes_take_text(reader, NULL);
    ret_pool->durability = (enum durability)bytes_take_uint(reader);
}

static void put_end(struct bytes *bytes, const struct store_change *change)
{
    bytes_put_uint(bytes, change->outcome != NULL);
    if (change->outcome)
        put_outcome(bytes, change->outcome);
    bytes_put_uint(bytes, change->map != NULL);
    if (change->map)
        put_map(bytes, change->map);
    bytes_put_uint(bytes, change->output != NULL);
}

static void take_end(struct bytes_reader *reader, struct taken_change *taken)
{
    if (bytes_take_uint(reader)) {
        take_outcome(reader, &taken->outcome);
        taken->change.outcome = &taken->outcome;
    }
    if (bytes_take_uint(reader)) {
        take_map(reader, &taken->map);
        taken->change.map = &taken->map;
    }
    taken->has_output = bytes_take_uint(reader) != 0;
}

static void put_earlier(struct bytes *bytes, const struct stored_attempt *earlier)
{
    bytes_put_uint(bytes, earlier->number);
    bytes_put_int(bytes, earlier->started_us);
    bytes_put_int(bytes, earlier->finished_us);
    put_outcome(bytes, &earlier->outcome);
}

static void take_earlier(struct bytes_reader *reader, struct taken_change *taken)
{
    taken->earlier.number = (unsigned)bytes_take_uint(reader);
    taken->earlier.started_us = bytes_take_int(reader);
    taken->earlier.finished_us = bytes_take_int(reader);
    take_outcome(reader, &taken->earlier.outcome);
    taken->change.earlier = &taken->earlier;
}

void change_put(struct bytes *bytes, const struct store_change *change)
{
    bytes_put_uint(bytes, change->kind);
    bytes_put_uint(bytes, change->kind == CHANGE_SUBMITTED ? change->future->id : change->id);
    bytes_put_uint(bytes, change->cursor);
    bytes_put_uint(bytes, change->attempt);
    bytes_put_int(bytes, change->priority);
    bytes_put_int(bytes, change->started_us);
    bytes_put_int(bytes, change->wall_us);
    bytes_put_int(bytes, change->due_us);
    switch (change->kind) {
    case CHANGE_SUBMITTED:
        put_future(bytes, change->future);
        break;
    case CHANGE_RETRIED:
        bytes_put_uint(bytes, change->earlier != NULL);
        if (change->earlier)
            put_earlier(bytes, change->earlier);
        break;
    case CHANGE_FINISHED:
    case CHANGE_CANCELLED:
        put_end(bytes, change);
        break;
    case CHANGE_POOL:
        put_pool(bytes, change->pool);
        break;
    case CHANGE_STARTED:
    case CHANGE_MAY_START:
    case CHANGE_MAP_CLOSED:
    case CHANGE_PRIORITY:
    case CHANGE_FORGOTTEN:
    case CHANGE_RESERVED:
        break;
    }
}

void change_take(struct bytes_reader *reader, struct taken_change *ret_taken)
{
    struct store_change *change = &ret_taken->change;
    *ret_taken = (struct taken_change){.has_output = false};
    change->kind = (enum store_change_kind)bytes_take_uint(reader);
    change->id = bytes_take_uint(reader);
    change->cursor = bytes_take_uint(reader);
    change->attempt = (unsigned)bytes_take_uint(reader);
    change->priority = bytes_take_int(reader);
    change->started_us = bytes_take_int(reader);
    change->wall_us = bytes_take_int(reader);
    change->due_us = bytes_take_int(reader);
    switch (change->kind) {
    case CHANGE_SUBMITTED:
        take_future(reader, ret_taken);
        ret_taken->future.id = change->id;
        change->future = &ret_taken->future;
        break;
    case CHANGE_RETRIED:
        if (bytes_take_uint(reader))
            take_earlier(reader, ret_taken);
        break;
    case CHANGE_FINISHED:
    case CHANGE_CANCELLED:
        take_end(reader, ret_taken);
        break;
    case CHANGE_POOL:
        take_pool(reader, &ret_taken->pool);
        change->pool = &ret_taken->pool;
        break;
    case CHANGE_STARTED:
    case CHANGE_MAY_START:
    case CHANGE_MAP_CLOSED:
    case CHANGE_PRIORITY:
    case CHANGE_FORGOTTEN:
    case CHANGE_RESERVED:
        break;
    }
}

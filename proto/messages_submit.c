/* submit, map and map.add: everything that brings work. */
#include "proto/messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/params.h"

#define DEFAULT_RETRY_DELAY_NS UINT64_C(1000000000)
#define DEFAULT_RETRY_BACKOFF  2.0

#define SUBMIT_NAMES                                                                               \
    "fn", "args", "pool", "priority", "label", "key", "after", "delay", "timeout", "retry",        \
        "on_crash", "scope", "durable", "subscribe"

static const char *const submit_names[] = {SUBMIT_NAMES, NULL};
static const char *const map_names[] = {
    SUBMIT_NAMES, "items", "chunksize", "fail_fast", "open", "window", NULL,
};
static const char *const on_names[] = {
    [ON_RESULT] = "result",
    [ON_EXCEPTION] = "exception",
    [ON_DONE] = "done",
    NULL,
};

void submit_params_clear(struct submit_params *params)
{
    if (params == NULL)
        return;
    free(params->after);
    free(params->items);
    *params = (struct submit_params){0};
}

void map_add_params_clear(struct map_add_params *params)
{
    if (params == NULL)
        return;
    free(params->items);
    *params = (struct map_add_params){0};
}

/* The member of an entry of `after` that is none of its two; NULL where both are known. */
static const char *unknown_of_entry(json_t *entry)
{
    for (void *i = json_object_iter(entry); i != NULL; i = json_object_iter_next(entry, i)) {
        const char *name = json_object_iter_key(i);

        if (strcmp(name, "id") != 0 && strcmp(name, "on") != 0)
            return name;
    }
    return NULL;
}

static void take_dependency(struct params *params, size_t index, json_t *entry,
                            struct dependency_msg *ret_dependency)
{
    const json_t *id = json_is_object(entry) ? json_object_get(entry, "id") : entry;
    const json_t *on = json_object_get(entry, "on");
    const char *unknown = unknown_of_entry(entry);
    unsigned on_index = ON_RESULT;
    char quoted[40];

    if (unknown != NULL)
        params_refuse(params, "after", "has the unknown member \"%s\" in [%zu], expected id and on",
                      params_quote(unknown, quoted, sizeof(quoted)), index);
    else if (!json_is_id(id, &ret_dependency->id))
        params_refuse(params, "after",
                      "must hold positive integers or {\"id\", \"on\"} objects; [%zu] is neither",
                      index);
    else if (on != NULL && !json_is_null(on) && !word_find(on, on_names, &on_index))
        params_refuse(params, "after",
                      "must have as on one of: result, exception, done; [%zu] has not", index);
    ret_dependency->on = (enum dependency_on)on_index;
}

static void take_after(struct params *params, const struct limits *limits,
                       struct submit_params *submit)
{
    const json_t *value = params_value(params, "after");
    size_t count = json_array_size(value);

    if (value == NULL)
        return;
    if (!json_is_array(value)) {
        params_refuse(params, "after", "must be an array of ids and {\"id\", \"on\"} objects");
        return;
    }
    if (count > limits->after) {
        rpc_error_limit(params->error, "after", limits->after);
        params->rc = -EINVAL;
        return;
    }
    if (count == 0)
        return;
    submit->after = calloc(count, sizeof(*submit->after));
    if (submit->after == NULL) {
        params->rc = -ENOMEM;
        return;
    }
    submit->after_count = count;
    for (size_t i = 0; i < count && params->rc == 0; i++)
        take_dependency(params, i, json_array_get(value, i), &submit->after[i]);
}

static void take_retry(struct params *params, struct submit_params *submit)
{
    static const char *const names[] = {"max", "delay", "backoff", NULL};
    struct params retry;
    uint64_t max = 0;

    if (!params_open_member(params, "retry", "retry.", names, &retry))
        return;
    params_require(&retry, "max", "a number of retries");
    params_uint(&retry, "max", 0, UINT32_MAX, &max);
    params_seconds(&retry, "delay", &submit->retry_delay_ns);
    params_double(&retry, "backoff", 1, &submit->retry_backoff);
    submit->retry_max = (uint32_t)max;
    params_close_member(params, &retry);
}

/* Of the run: as no limit is said by leaving it out, 0 can only be a mistake. */
static void take_timeout(struct params *params, struct submit_params *submit)
{
    const json_t *value = params_value(params, "timeout");

    if (value == NULL)
        return;
    if (!json_is_number(value) || json_number_value(value) <= 0) {
        params_refuse(params, "timeout", "must be a number of seconds greater than 0");
        return;
    }
    params_seconds(params, "timeout", &submit->timeout_ns);
    if (submit->timeout_ns == PARAMS_MAX_NS)
        submit->timeout_ns = 0;
}

static void take_call(struct params *params, const struct limits *limits,
                      struct submit_params *submit)
{
    params_require(params, "fn", "the name of a function");
    params_string(params, "fn", 1, 0, &submit->fn);
    params_raw(params, "args", &submit->args);
    params_string(params, "pool", 1, limits->name_bytes, &submit->pool);
    params_string(params, "label", 0, limits->label_bytes, &submit->label);
    params_string(params, "key", 1, limits->key_bytes, &submit->key);
    params_int(params, "priority", &submit->priority);
    params_seconds(params, "delay", &submit->delay_ns);
    take_timeout(params, submit);
    take_retry(params, submit);
    take_after(params, limits, submit);
}

static void take_manner(struct params *params, struct submit_params *submit)
{
    static const char *const crash[] = {"fail", "rerun", NULL};
    static const char *const scope[] = {"daemon", "connection", NULL};
    unsigned rerun = 0;
    unsigned connection = 0;

    params_word(params, "on_crash", crash, &rerun);
    params_word(params, "scope", scope, &connection);
    submit->rerun_on_crash = rerun != 0;
    submit->scope_connection = connection != 0;
    params_bool(params, "durable", &submit->durable);
    params_bool(params, "subscribe", &submit->subscribe);
}

static void take_map(struct params *params, const struct limits *limits,
                     struct submit_params *submit)
{
    params_bool(params, "open", &submit->open);
    params_bool(params, "fail_fast", &submit->fail_fast);
    if (!submit->open)
        params_require(params, "items", "an array (it may be left out only where open is true)");
    if (!submit->open && params_has(params, "window"))
        params_refuse(params, "window", "must be given only together with open");
    params_uint(params, "chunksize", 1, UINT64_MAX, &submit->chunksize);
    params_uint(params, "window", 1, UINT64_MAX, &submit->window);
    params_raw_array(params, "items", "map_items", limits->map_items, &submit->items,
                     &submit->item_count);
}

int submit_params_decode(const struct rpc_request *request, bool is_map,
                         const struct limits *limits, struct submit_params *ret_params,
                         struct rpc_error *ret_error)
{
    struct submit_params submit = {
        .args = {"{}", 2},
        .retry_delay_ns = DEFAULT_RETRY_DELAY_NS,
        .retry_backoff = DEFAULT_RETRY_BACKOFF,
        .durable = true,
    };
    struct params params;

    params_open(&params, request, is_map ? map_names : submit_names, ret_error);
    take_call(&params, limits, &submit);
    take_manner(&params, &submit);
    if (is_map)
        take_map(&params, limits, &submit);
    if (params.rc == 0)
        *ret_params = submit;
    else
        submit_params_clear(&submit);
    return params.rc;
}

int map_add_params_decode(const struct rpc_request *request, const struct limits *limits,
                          struct map_add_params *ret_params, struct rpc_error *ret_error)
{
    static const char *const names[] = {"id", "items", NULL};
    struct map_add_params add = {0};
    struct params params;

    params_open(&params, request, names, ret_error);
    params_id(&params, "id", &add.id);
    params_require(&params, "items", "an array");
    params_raw_array(&params, "items", "map_items", limits->map_items, &add.items, &add.item_count);
    if (params.rc == 0)
        *ret_params = add;
    else
        map_add_params_clear(&add);
    return params.rc;
}

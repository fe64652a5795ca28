/* Futures as they are now: the replies to status, one and many. */
#include "client/lib/libfuture_impl.h"

#include <errno.h>
#include <stdlib.h>

/* What future_info_free frees; `info` is the first member. */
struct info_box {
    struct future_info info;
    struct future_map_info map;
    struct future_message *message;
};

/* What future_page_free frees; `page` is the first member. */
struct page_box {
    struct future_page page;
    struct info_box *boxes;
    const struct future_info **futures;
    struct future_message *message;
};

/* ---- one future ---- */

static int read_map(const json_t *map, struct future_map_info *ret_map)
{
    if (!read_uint(map, "count", &ret_map->count))
        return -EBADMSG;
    /* A map that is open and empty has no first item. */
    read_uint(map, "first", &ret_map->first);
    read_uint(map, "pending", &ret_map->pending);
    read_uint(map, "running", &ret_map->running);
    read_uint(map, "finished", &ret_map->finished);
    read_uint(map, "cancelled", &ret_map->cancelled);
    read_uint(map, "failed", &ret_map->failed);
    ret_map->open = json_is_true(json_object_get(map, "open"));
    return 0;
}

int info_read(const json_t *future, struct future_info *ret_info, struct future_map_info *ret_map)
{
    struct future_info info = {.json = future};
    const json_t *map = json_object_get(future, "map");
    uint64_t uid = 0;

    if (!read_uint(future, "id", &info.id) || !read_state(future, &info.state))
        return -EBADMSG;
    info.fn = read_string(future, "fn");
    info.pool = read_string(future, "pool");
    if (!info.fn || !info.pool)
        return -EBADMSG;
    info.label = read_string(future, "label");
    info.priority = json_integer_value(json_object_get(future, "priority"));
    read_uint(future, "attempt", &info.attempt);
    info.submitted_us = read_us(future, "submitted");
    info.started_us = read_us(future, "started");
    info.finished_us = read_us(future, "finished");
    read_uint(future, "uid", &uid);
    info.uid = (uint32_t)uid;
    info.waiting = read_string(future, "waiting");
    info.failed = json_is_true(json_object_get(future, "failed"));
    read_uint(future, "item_of", &info.item_of);
    read_uint(future, "index", &info.index);
    if (json_is_object(map)) {
        if (read_map(map, ret_map) < 0)
            return -EBADMSG;
        info.map = ret_map;
    }
    *ret_info = info;
    return 0;
}

void future_info_free(struct future_info *info)
{
    struct info_box *box = (struct info_box *)info;

    if (!box)
        return;
    future_message_free(box->message);
    free(box);
}

int info_new(const json_t *future, const struct future_message *message,
             struct future_info **ret_info)
{
    struct info_box *box = calloc(1, sizeof(*box));
    int r;

    if (!box)
        return -ENOMEM;
    r = info_read(future, &box->info, &box->map);
    if (r < 0) {
        free(box);
        return r;
    }
    box->message = future_message_share(message);
    *ret_info = &box->info;
    return 0;
}

int future_read_info(const struct future_message *message, struct future_info **ret_info)
{
    int r = reply_check(message);

    return r < 0 ? r : info_new(message->result, message, ret_info);
}

int future_status(struct future_client *client, uint64_t id, int64_t timeout_ms,
                  struct future_info **ret_info)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_uint(&params, "id", id);
    r = call_with(client, "status", &params, timeout_ms, &reply);
    if (r == 0)
        r = future_read_info(reply, ret_info);
    return client_end(client, r, &params, reply);
}

int future_send_status(struct future_client *client, uint64_t id, uint64_t *ret_request_id)
{
    struct call_params params = {0};

    put_uint(&params, "id", id);
    return send_with(client, "status", &params, ret_request_id);
}

/* ---- many ---- */

void future_page_free(struct future_page *page)
{
    struct page_box *box = (struct page_box *)page;

    if (!box)
        return;
    future_message_free(box->message);
    free(box->futures);
    free(box->boxes);
    free(box);
}

static void put_states(struct call_params *params, unsigned states)
{
    if (states >> (FUTURE_FINISHED + 1))
        put_failure(params, FUTURE_BAD_ARGUMENT, "states");
    put_name(params, "state");
    writer_begin_array(&params->text);
    for (unsigned state = 0; state <= FUTURE_FINISHED; state++)
        if (states & (1u << state))
            writer_cstring(&params->text, future_state_name((enum future_state)state));
    writer_end_array(&params->text);
}

static void put_filter(struct call_params *params, const struct future_filter *given)
{
    struct future_filter filter;

    take_structure(params, "filter", given, &filter, sizeof(filter));
    if (params->failure < 0)
        return;
    if (filter.span_count > 0) {
        put_ids(params, filter.spans, filter.span_count);
        return;
    }
    if (filter.states != 0)
        put_states(params, filter.states);
    put_string(params, "pool", filter.pool);
    put_string(params, "label", filter.label);
    if (filter.no_items) {
        put_name(params, "items");
        writer_bool(&params->text, false);
    }
    if (filter.limit > 0)
        put_uint(params, "limit", filter.limit);
    if (filter.before > 0)
        put_uint(params, "before", filter.before);
}

static int read_futures(const json_t *array, struct page_box *box)
{
    size_t count = json_array_size(array);

    box->boxes = calloc(count + 1, sizeof(*box->boxes));
    box->futures = calloc(count + 1, sizeof(const struct future_info *));
    if (!box->boxes || !box->futures)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int r = info_read(json_array_get(array, i), &box->boxes[i].info, &box->boxes[i].map);

        if (r < 0)
            return r;
        box->futures[i] = &box->boxes[i].info;
    }
    box->page.futures = box->futures;
    box->page.count = count;
    return 0;
}

static int read_page(const struct future_message *message, struct future_page **ret_page)
{
    const json_t *futures = json_object_get(message->result, "futures");
    const json_t *counts = json_object_get(message->result, "counts");
    struct page_box *box;
    int r = reply_check(message);

    if (r < 0)
        return r;
    if (!json_is_array(futures))
        return -EBADMSG;
    box = calloc(1, sizeof(*box));
    if (!box)
        return -ENOMEM;
    r = read_futures(futures, box);
    if (r < 0) {
        future_page_free(&box->page);
        return r;
    }
    read_uint(message->result, "next", &box->page.next);
    for (unsigned state = 0; state <= FUTURE_FINISHED; state++)
        read_uint(counts, future_state_name((enum future_state)state), &box->page.counts[state]);
    box->message = future_message_share(message);
    *ret_page = &box->page;
    return 0;
}

int future_list(struct future_client *client, const struct future_filter *filter,
                int64_t timeout_ms, struct future_page **ret_page)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    if (filter)
        put_filter(&params, filter);
    r = call_with(client, "status", &params, timeout_ms, &reply);
    if (r == 0)
        r = read_page(reply, ret_page);
    return client_end(client, r, &params, reply);
}

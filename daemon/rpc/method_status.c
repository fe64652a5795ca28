/* status: one future, some, or those that match, newest first. */
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/rpc_impl.h"

static bool in_group(const struct status_params *params, const struct future *future)
{
    return (!params->pool || strcmp(params->pool, future_pool_name(future)) == 0) &&
           (!params->label || strcmp(params->label, future_label(future)) == 0) &&
           (params->item_of == 0 || params->item_of == future_item_of(future));
}

static bool matches(const struct status_params *params, const struct future *future)
{
    return in_group(params, future) &&
           (params->states == 0 || params->states & (1u << future_state(future))) &&
           (params->items || !future_is_item(future));
}

/* How many of those in the group are in each state. */
static void count_group(struct request *request, const struct status_params *params,
                        uint64_t counts[FUTURE_STATES])
{
    struct session *session = request->session;
    struct executor *executor = session->service->executor;
    if (!params->pool && !params->label && params->item_of == 0) {
        executor_counts(executor, &session->client, counts);
        return;
    }
    memcpy(counts, request->stored_counts, sizeof(request->stored_counts));
    struct future *future = executor_find_above(executor, &session->client, 1);
    for (; future; future = executor_find_above(executor, &session->client, future_id(future) + 1))
        if (in_group(params, future) && !future_in_store(future))
            counts[future_state(future)]++;
}

static void write_counts(struct writer *writer, const uint64_t counts[FUTURE_STATES])
{
    writer_key(writer, "counts");
    writer_begin_object(writer);
    for (unsigned state = 0; state < FUTURE_STATES; state++) {
        writer_key(writer, future_state_name((enum future_state)state));
        writer_uint(writer, counts[state]);
    }
    writer_end_object(writer);
}

static void end_list(struct request *request, struct writer *writer, uint64_t next,
                     const uint64_t counts[FUTURE_STATES])
{
    writer_end_array(writer);
    writer_key(writer, "next");
    if (next > 0)
        writer_uint(writer, next);
    else
        writer_null(writer);
    write_counts(writer, counts);
    writer_end_object(writer);
    request_end(request);
}

static struct writer *begin_list(struct request *request)
{
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "futures");
    writer_begin_array(writer);
    return writer;
}

/* Brings those into memory that the list may want of the stored ones. */
static int load_list(struct request *request, const struct status_params *params)
{
    const struct client *client = &request->session->client;
    struct store_query query = {
        .kind = QUERY_BELOW,
        .before = params->before,
        .states = params->states,
        .pool = params->pool,
        .label = params->label,
        .all_users = client->sees_all,
        .uid = client->uid,
        .items = params->items,
        .item_of = params->item_of,
        .limit = (size_t)params->limit + 1,
        .counts = params->pool || params->label || params->item_of != 0,
    };
    return request_load(request, &query);
}

static void status_list(struct request *request, const struct status_params *params)
{
    struct session *session = request->session;
    struct executor *executor = session->service->executor;
    uint64_t counts[FUTURE_STATES];
    if (executor_stores(executor) && request->loads == 0) {
        (void)load_list(request, params);
        return;
    }
    count_group(request, params, counts);
    struct writer *writer = begin_list(request);
    uint64_t from = params->before ? params->before - 1 : UINT64_MAX;
    uint64_t shown = 0, last = 0, next = 0;
    struct future *future = executor_find_below(executor, &session->client, from);
    for (; future;
         future = executor_find_below(executor, &session->client, future_id(future) - 1)) {
        if (!matches(params, future))
            continue;
        if (shown == params->limit) {
            next = last;
            break;
        }
        show_future_described(writer, future, params->describe);
        last = future_id(future);
        shown++;
    }
    end_list(request, writer, next, counts);
}

static int newest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

static void status_ids(struct request *request, const struct status_params *params)
{
    uint64_t *ids;
    size_t count;
    uint64_t counts[FUTURE_STATES] = {0};
    if (resolve_loaded(request, &params->ids, false, &ids, &count) < 0)
        return;
    if (count > 1)
        qsort(ids, count, sizeof(*ids), newest_first);
    struct writer *writer = begin_list(request);
    for (size_t i = 0; i < count; i++) {
        struct future *future = session_future(request->session, ids[i]);
        counts[future_state(future)]++;
        show_future_described(writer, future, params->describe);
    }
    free(ids);
    end_list(request, writer, 0, counts);
}

void method_status(struct request *request)
{
    struct status_params params;
    struct rpc_error error;
    struct future *future;
    int r = status_params_decode(request->rpc, request->session->service->limits, &params, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    switch (params.form) {
    case STATUS_ONE:
        if (resolve_id(request, params.id, false, &future) < 0)
            break;
        show_future_whole(request_result(request), future, params.describe);
        request_end(request);
        break;
    case STATUS_IDS:
        status_ids(request, &params);
        break;
    case STATUS_LIST:
        status_list(request, &params);
        break;
    }
    id_list_clear(&params.ids);
}

/* map.add and map.close: feeding a map that was opened. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/rpc/rpc_impl.h"

static int find_map(struct request *request, uint64_t id, struct future **ret_map)
{
    int r = resolve_id(request, id, false, ret_map);
    if (r < 0)
        return r;
    if (!future_is_map(*ret_map)) {
        request_fail_param(request, "id", "the future is no map");
        return -EINVAL;
    }
    return 0;
}

static void on_added(void *arg, enum refusal refusal, const struct refusal_detail *detail,
                     uint64_t first, uint64_t count)
{
    struct request *request = arg;
    if (refusal == REFUSED_STATE) {
        request_fail(request, RPC_INVALID_STATE, "the map is closed");
        return;
    }
    if (refusal != REFUSED_NOT) {
        request_fail_refusal(request, refusal, detail);
        return;
    }
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "first");
    writer_uint(writer, first);
    writer_key(writer, "count");
    writer_uint(writer, count);
    writer_end_object(writer);
    if (count > 0)
        request_created(request, first, first + count - 1);
    request_end(request);
}

static void add(struct request *request, const struct map_add_params *params)
{
    struct session *session = request->session;
    struct future *map;
    if (find_map(request, params->id, &map) < 0 ||
        check_items(request, future_function(map), params->items, params->item_count) < 0)
        return;
    struct map_add_answer answer = {.fn = on_added, .arg = request};
    executor_map_add(session->service->executor, map, (const struct submission_item *)params->items,
                     params->item_count, &session->client, &answer);
}

void method_map_add(struct request *request)
{
    struct map_add_params params;
    struct rpc_error error;
    int r = map_add_params_decode(request->rpc, request->session->service->limits, &params, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    add(request, &params);
    map_add_params_clear(&params);
}

/* request->state: how many items the map has. */
static void reply_closed(void *arg)
{
    struct request *request = arg;
    const uint64_t *count = request->state;
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "count");
    writer_uint(writer, *count);
    writer_end_object(writer);
    request_end(request);
}

void method_map_close(struct request *request)
{
    struct rpc_error error;
    uint64_t id;
    int r = id_params_decode(request->rpc, "id", &id, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    struct future *map;
    if (find_map(request, id, &map) < 0)
        return;
    uint64_t *count = malloc(sizeof(*count));
    if (!count) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return;
    }
    struct future_info info;
    future_describe(map, &info);
    *count = info.map.count;
    request->state = count;
    struct session *session = request->session;
    struct executor *executor = session->service->executor;
    struct stored_answer *answer =
        stored_answer_new(executor, session->client.number, reply_closed, request);
    bool closed = answer && executor_map_close(executor, map) == 0;
    request_when_stored(request, answer, closed ? REFUSED_NOT : REFUSED_NO_MEMORY, NULL);
}

/* update: pending futures get another priority. */
#include <stdlib.h>

#include "daemon/rpc/rpc_impl.h"

struct updated {
    size_t count;
    uint64_t ids[];
};

static void write_updated(void *arg)
{
    struct request *request = arg;
    const struct updated *updated = request->state;
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "futures");
    writer_begin_array(writer);
    for (size_t i = 0; i < updated->count; i++) {
        struct future *future = session_future(request->session, updated->ids[i]);
        if (future)
            show_future(writer, future);
    }
    writer_end_array(writer);
    writer_end_object(writer);
    request_end(request);
}

/* A map can be updated for as long as items of it may be pending. */
static bool may_update(const struct future *future)
{
    return future_is_map(future) ? !future_is_done(future) : future_state(future) == FUTURE_PENDING;
}

/* 0, or an error was replied and the request is gone. */
static int check(struct request *request, const uint64_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!may_update(session_future(request->session, ids[i]))) {
            struct rpc_error error = {.code = RPC_INVALID_STATE};
            rpc_error_set(&error, RPC_INVALID_STATE, "future %llu is not pending",
                          (unsigned long long)ids[i]);
            request_error(request, &error);
            return -1;
        }
    }
    return 0;
}

static void update(struct request *request, const uint64_t *ids, size_t count, int64_t priority)
{
    struct session *session = request->session;
    struct executor *executor = session->service->executor;
    if (check(request, ids, count) < 0)
        return;
    struct updated *updated = calloc(1, sizeof(*updated) + count * sizeof(uint64_t));
    if (!updated) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return;
    }
    request->state = updated;
    struct stored_answer *answer =
        stored_answer_new(executor, session->client.number, write_updated, request);
    enum refusal refusal = answer ? REFUSED_NOT : REFUSED_NO_MEMORY;
    struct refusal_detail detail = {.id = 0};
    for (size_t i = 0; i < count && refusal == REFUSED_NOT; i++) {
        detail.id = updated->ids[updated->count++] = ids[i];
        refusal = executor_update_priority(executor, session_future(session, ids[i]), priority);
    }
    request_when_stored(request, answer, refusal, &detail);
}

void method_update(struct request *request)
{
    struct update_params params;
    struct rpc_error error;
    uint64_t *ids;
    size_t count;
    int r = update_params_decode(request->rpc, &params, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    if (resolve_loaded(request, &params.ids, false, &ids, &count) == 0) {
        update(request, ids, count, params.priority);
        free(ids);
    }
    id_list_clear(&params.ids);
}

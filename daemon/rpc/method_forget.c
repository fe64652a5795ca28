/* forget and retry: done futures go, or start again. */
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/rpc_impl.h"

/* The ids of a request, all of futures that are done; else it was answered. */
static int resolve_done(struct request *request, uint64_t **ret_ids, size_t *ret_count)
{
    struct id_list list;
    struct rpc_error error;
    int r = ids_params_decode(request->rpc, &list, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return r;
    }
    uint64_t *ids;
    size_t count;
    r = resolve_loaded(request, &list, false, &ids, &count);
    id_list_clear(&list);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        r = resolve_items(request, session_future(request->session, ids[i]), false);
        if (r < 0) {
            free(ids);
            return r;
        }
        if (!future_is_done(session_future(request->session, ids[i]))) {
            rpc_error_set(&error, RPC_INVALID_STATE, "future %llu is not done",
                          (unsigned long long)ids[i]);
            request_error(request, &error);
            free(ids);
            return -1;
        }
    }
    *ret_ids = ids;
    *ret_count = count;
    return 0;
}

static void write_forgotten(void *arg)
{
    struct request *request = arg;
    const size_t *count = request->state;
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "forgotten");
    writer_uint(writer, *count);
    writer_end_object(writer);
    request_end(request);
}

void method_forget(struct request *request)
{
    struct session *session = request->session;
    struct executor *executor = session->service->executor;
    uint64_t *ids;
    size_t count;
    if (resolve_done(request, &ids, &count) < 0)
        return;
    size_t *forgotten = calloc(1, sizeof(*forgotten));
    if (!forgotten) {
        free(ids);
        request_fail(request, RPC_INTERNAL, "no memory");
        return;
    }
    *forgotten = count;
    request->state = forgotten;
    struct stored_answer *answer =
        stored_answer_new(executor, session->client.number, write_forgotten, request);
    struct refusal_detail detail = {.id = 0};
    enum refusal refusal =
        answer ? executor_forget(executor, ids, count, &detail) : REFUSED_NO_MEMORY;
    free(ids);
    request_when_stored(request, answer, refusal, &detail);
}

struct retried {
    size_t count;
    uint64_t ids[];
};

static void write_retried(void *arg)
{
    struct request *request = arg;
    const struct retried *retried = request->state;
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "futures");
    writer_begin_array(writer);
    for (size_t i = 0; i < retried->count; i++) {
        struct future *future = session_future(request->session, retried->ids[i]);
        if (future)
            show_future(writer, future);
    }
    writer_end_array(writer);
    writer_end_object(writer);
    request_end(request);
}

void method_retry(struct request *request)
{
    struct session *session = request->session;
    struct executor *executor = session->service->executor;
    uint64_t *ids;
    size_t count;
    if (resolve_done(request, &ids, &count) < 0)
        return;
    struct retried *retried = calloc(1, sizeof(*retried) + count * sizeof(uint64_t));
    struct refusal_detail detail = {.id = 0};
    struct stored_answer *answer = NULL;
    request->state = retried;
    if (retried) {
        retried->count = count;
        memcpy(retried->ids, ids, count * sizeof(uint64_t));
        answer = stored_answer_new(executor, session->client.number, write_retried, request);
    }
    enum refusal refusal =
        answer ? executor_retry(executor, ids, count, &detail) : REFUSED_NO_MEMORY;
    free(ids);
    request_when_stored(request, answer, refusal, &detail);
}

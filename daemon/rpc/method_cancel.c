/* cancel: what is pending will never run; with terminate, what runs is ended. */
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/rpc_impl.h"
#include "proto/text.h"

struct fate {
    uint64_t id;
    struct cancel_fate fate;
};

struct cancelling {
    bool many;
    size_t count;
    struct fate fates[];
};

static void write_fate(struct writer *writer, struct session *session, const struct fate *fate)
{
    struct future *future = session_future(session, fate->id);
    struct glance glance = {.state = FUTURE_CANCELLED};
    (void)session_glance(session, fate->id, &glance);
    enum future_state state = glance.state;
    writer_begin_object(writer);
    writer_key(writer, "id");
    writer_uint(writer, fate->id);
    writer_key(writer, "cancelled");
    writer_bool(writer, state == FUTURE_CANCELLED);
    writer_key(writer, "state");
    writer_cstring(writer, future_state_name(state));
    if (fate->fate.terminating) {
        writer_key(writer, "terminating");
        writer_bool(writer, true);
        /* Nothing but the function itself can end a call in this process. */
        const char *kind = future ? future_function(future)->ops->kind : "";
        if (strcmp(kind, "native") == 0 || strcmp(kind, "plugin") == 0) {
            writer_key(writer, "cooperative");
            writer_bool(writer, true);
        }
    }
    if (fate->fate.items > 0) {
        writer_key(writer, "items_cancelled");
        writer_uint(writer, fate->fate.items);
    }
    writer_end_object(writer);
}

static void reply(void *arg)
{
    struct request *request = arg;
    const struct cancelling *cancelling = request->state;
    struct writer *writer = request_result(request);
    if (!cancelling->many) {
        write_fate(writer, request->session, &cancelling->fates[0]);
    } else {
        writer_begin_object(writer);
        writer_key(writer, "futures");
        writer_begin_array(writer);
        for (size_t i = 0; i < cancelling->count; i++)
            write_fate(writer, request->session, &cancelling->fates[i]);
        writer_end_array(writer);
        writer_end_object(writer);
    }
    request_end(request);
}

static struct cancel_options options_of(const struct cancel_params *params)
{
    struct cancel_options options = {
        .terminate = params->terminate,
        .stop = {.cause = STOP_TERMINATE,
                 .signal_number = params->signal_number,
                 .grace_ms = params->grace_ms},
    };
    size_t size = strlen(params->reason);
    size = utf8_cut(params->reason,
                    size < sizeof(options.stop.reason) ? size : sizeof(options.stop.reason) - 1);
    memcpy(options.stop.reason, params->reason, size);
    return options;
}

static void cancel_each(struct session *session, struct cancelling *cancelling,
                        const struct cancel_options *options)
{
    for (size_t i = 0; i < cancelling->count; i++) {
        struct fate *each = &cancelling->fates[i];
        struct future *future = session_future(session, each->id);
        struct cancel_fate fate;
        if (!future) /* it is done */
            continue;
        executor_cancel(session->service->executor, future, options, &fate);
        each->fate.terminating |= fate.terminating;
        each->fate.items += fate.items;
    }
}

static void cancel_ids(struct request *request, const struct cancel_params *params,
                       const uint64_t *ids, size_t count)
{
    struct session *session = request->session;
    struct executor *executor = session->service->executor;
    struct cancelling *cancelling = calloc(1, sizeof(*cancelling) + count * sizeof(struct fate));
    if (!cancelling) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return;
    }
    request->state = cancelling;
    struct stored_answer *answer =
        stored_answer_new(executor, session->client.number, reply, request);
    if (!answer || executor_prepare_cancel(executor, ids, count) < 0) {
        request_when_stored(request, answer, REFUSED_NO_MEMORY, NULL);
        return;
    }
    cancelling->many = params->many;
    cancelling->count = count;
    for (size_t i = 0; i < count; i++)
        cancelling->fates[i].id = ids[i];
    /* What is pending first: a worker that loses its call would take the next one of them. */
    struct cancel_options terminate = options_of(params), cancel = {.terminate = false};
    cancel_each(session, cancelling, &cancel);
    if (params->terminate)
        cancel_each(session, cancelling, &terminate);
    stored_answer_give(answer);
}

void method_cancel(struct request *request)
{
    struct cancel_params params;
    struct rpc_error error;
    struct glance glance;
    int r = cancel_params_decode(request->rpc, &params, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    if (!params.many) {
        enum refusal refusal = executor_glance(request->session->service->executor,
                                               &request->session->client, params.id, &glance);
        if (refusal == REFUSED_NOT)
            cancel_ids(request, &params, &params.id, 1);
        else
            (void)resolve_failed(request, refusal, params.id);
        return;
    }
    uint64_t *ids;
    size_t count;
    if (resolve_ids(request, &params.ids, &ids, &count) == 0) {
        cancel_ids(request, &params, ids, count);
        free(ids);
    }
    id_list_clear(&params.ids);
}

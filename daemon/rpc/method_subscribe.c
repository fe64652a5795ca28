/* subscribe and unsubscribe. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/rpc/rpc_impl.h"

static int fill(struct subscription *subscription, struct session *session,
                const struct subscribe_params *params, const uint64_t *ids, size_t count)
{
    if (params->all)
        return subscription_add_all(subscription, params->pool, params->label, params->item_of);
    for (size_t i = 0; i < count; i++) {
        struct future *future = session_future(session, ids[i]);
        int r = future ? subscription_add(subscription, future) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static void subscribe(struct request *request, const struct subscribe_params *params,
                      const uint64_t *ids, size_t count)
{
    struct session *session = request->session;
    struct service *service = session->service;
    struct subscription *subscription = NULL;
    int r = subscription_new(session, params->events, &subscription);
    if (r == 0)
        r = fill(subscription, session, params, ids, count);
    if (r == -EMFILE) {
        struct rpc_error error = {.code = RPC_LIMIT_EXCEEDED};
        rpc_error_limit(&error, "subscriptions", service->limits->subscriptions);
        request_error(request, &error);
        return;
    }
    if (r < 0) {
        if (subscription)
            subscription_free(subscription);
        request_fail(request, RPC_INTERNAL, "no memory");
        return;
    }
    request_created_subscription(request, subscription_id(subscription));
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "subscription");
    writer_uint(writer, subscription_id(subscription));
    writer_key(writer, "cursor");
    writer_uint(writer, executor_cursor(service->executor));
    if (!params->all) {
        writer_key(writer, "count");
        writer_uint(writer, count);
    }
    writer_end_object(writer);
    bool replays = request->replays;
    request->replays = false;
    request_end(request);
    subscription_start(subscription, params->has_since, params->since);
    if (replays)
        session_replay_end(session);
}

void method_subscribe(struct request *request)
{
    struct subscribe_params params;
    struct rpc_error error;
    int r = subscribe_params_decode(request->rpc, &params, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    uint64_t *ids = NULL;
    size_t count = 0;
    bool output = params.events & EVENT_OUTPUT;
    if (params.all || resolve_loaded(request, &params.ids, output, &ids, &count) == 0)
        subscribe(request, &params, ids, count);
    free(ids);
    id_list_clear(&params.ids);
}

void method_unsubscribe(struct request *request)
{
    struct rpc_error error;
    uint64_t id;
    int r = id_params_decode(request->rpc, "subscription", &id, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    struct subscription *subscription = subscription_find(request->session, id);
    if (!subscription) {
        rpc_error_set(&error, RPC_NOT_FOUND, "this connection has no subscription %llu",
                      (unsigned long long)id);
        request_error(request, &error);
        return;
    }
    subscription_free(subscription);
    writer_bool(request_result(request), true);
    request_end(request);
}

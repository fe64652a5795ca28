/* shutdown: no new work; the daemon ends when the old is done. */
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/rpc/rpc_impl.h"

/* request->state: how many futures this call has cancelled. */

void shutdown_reply(struct request *request, bool terminated)
{
    const uint64_t *cancelled = request->state;
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "terminated");
    writer_bool(writer, terminated);
    writer_key(writer, "cancelled");
    writer_uint(writer, *cancelled);
    writer_end_object(writer);
    request_end(request);
}

/* What was cancelled is stored. */
static void reply_at_once(void *arg)
{
    struct request *request = arg;
    shutdown_reply(request, executor_is_drained(request->session->service->executor));
}

static void on_drop(struct request *request)
{
    TAILQ_REMOVE(&request->session->service->shutdown_waiters, request, waiting_link);
}

static void on_timeout(struct deadline *deadline)
{
    struct request *request = CONTAINER_OF(deadline, struct request, deadline);
    on_drop(request);
    shutdown_reply(request, false);
}

/* Before anything is shut down: then there may be no memory for it. 0 or -ENOMEM. */
static int set_timeout(struct request *request, const struct wait_time *timeout)
{
    if (timeout->forever)
        return 0;
    return deadline_set(request->session->service->timers, &request->deadline,
                        clock_mono_ns() + timeout->ns, on_timeout);
}

void method_shutdown(struct request *request)
{
    struct service *service = request->session->service;
    struct shutdown_params params;
    struct rpc_error error;
    int r = shutdown_params_decode(request->rpc, &params, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    if (!request->session->client.sees_all) {
        request_fail(request, RPC_PERMISSION_DENIED,
                     "only root, the daemon's own user and its admin group may do that");
        return;
    }
    uint64_t *cancelled = calloc(1, sizeof(*cancelled));
    if (!cancelled) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return;
    }
    request->state = cancelled;
    struct stored_answer *answer = stored_answer_new(
        service->executor, request->session->client.number, reply_at_once, request);
    bool look_once = !params.timeout.forever && params.timeout.ns == 0;
    bool waits = params.wait && !look_once;
    if (!answer || (waits && set_timeout(request, &params.timeout) < 0)) {
        request_when_stored(request, answer, REFUSED_NO_MEMORY, NULL);
        return;
    }
    *cancelled = executor_shut_down(service->executor, params.cancel_futures, params.keep_pending);
    if (waits && !executor_is_drained(service->executor)) {
        stored_answer_free(answer);
        TAILQ_INSERT_TAIL(&service->shutdown_waiters, request, waiting_link);
        request->on_drop = on_drop;
    } else {
        deadline_clear(service->timers, &request->deadline);
        stored_answer_give(answer);
    }
}

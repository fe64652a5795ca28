/* output: what a job has written so far, from an offset on, waiting for more if asked to. */
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/core/output.h"
#include "daemon/rpc/rpc_impl.h"
#include "proto/text.h"

struct reading {
    struct future_watch watch;
    struct request *request;
    struct output_params params;
};

/* Replies, unless there is nothing yet and `may_wait`. True: replied. */
static bool try_reply(struct request *request, const struct output_params *params,
                      const struct future *future, bool may_wait)
{
    struct output *output = future_output(future);
    bool done = future_is_done(future);
    bool ended = done;
    uint64_t kept = 0;
    size_t size = 0;
    char *data = malloc((size_t)params->limit);
    if (!data) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return true;
    }
    if (output)
        size = output_read(output, (enum output_stream)params->stream, params->offset, data,
                           (size_t)params->limit, &kept, &ended);
    /* A job that is still waited for may say that it has ended its output, and may be tried once
     * more: only the future's own end is the end. */
    bool last = done && params->offset + size >= kept;
    if (!last) {
        size_t whole = utf8_cut(data, size);
        /* What is not text anyway is not worth waiting for. */
        if (whole > 0)
            size = whole;
    }
    if (size == 0 && !done && may_wait) {
        free(data);
        return false;
    }
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "offset");
    writer_uint(writer, params->offset);
    writer_key(writer, "next");
    writer_uint(writer, params->offset + size);
    writer_key(writer, "eof");
    writer_bool(writer, last);
    show_bytes(writer, "data", data, size);
    writer_end_object(writer);
    request_end(request);
    free(data);
    return true;
}

static void on_event(struct future_watch *watch, struct future *future, enum future_event event)
{
    struct reading *reading = CONTAINER_OF(watch, struct reading, watch);
    struct request *request = reading->request;
    struct output_params params = reading->params;
    if (event == EVENT_FUTURE_RUNNING || event == EVENT_FUTURE_PROGRESS)
        return;
    /* The reply frees the request and the watch with it, so the watch must be off before. */
    bool ready = event == EVENT_FUTURE_DONE;
    if (!ready) {
        uint64_t kept = 0;
        bool ended;
        struct output *output = future_output(future);
        if (output)
            output_read(output, (enum output_stream)params.stream, 0, NULL, 0, &kept, &ended);
        ready = kept > params.offset;
    }
    if (!ready)
        return;
    future_watch_remove(watch);
    (void)try_reply(request, &params, future, false);
}

static void on_timeout(struct deadline *deadline)
{
    struct request *request = CONTAINER_OF(deadline, struct request, deadline);
    struct reading *reading = request->state;
    struct output_params params = reading->params;
    struct future *future = reading->watch.future;
    future_watch_remove(&reading->watch);
    (void)try_reply(request, &params, future, false);
}

static void on_drop(struct request *request)
{
    struct reading *reading = request->state;
    future_watch_remove(&reading->watch);
}

static void wait_for(struct request *request, const struct output_params *params,
                     struct future *future)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    if (!reading) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return;
    }
    reading->request = request;
    reading->params = *params;
    request->state = reading;
    if (deadline_set(request->session->service->timers, &request->deadline,
                     clock_mono_ns() + params->wait_ns, on_timeout) < 0) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return;
    }
    future_watch_add(future, &reading->watch, WATCH_REPLY, on_event);
    request->on_drop = on_drop;
}

void method_output(struct request *request)
{
    struct output_params params;
    struct rpc_error error;
    struct future *future;
    int r = output_params_decode(request->rpc, request->session->service->limits, &params, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    if (resolve_id(request, params.id, true, &future) < 0)
        return;
    /* First have changes told, then look: nothing falls between. */
    if (params.wait_ns > 0)
        future_watch_output(future);
    if (!try_reply(request, &params, future, params.wait_ns > 0))
        wait_for(request, &params, future);
}

/* result and exception: how a future ended, now or when it has. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/rpc/rpc_impl.h"

/* A call that waits for one future. */
struct waiting {
    struct future_watch watch;
    struct block block;
    struct request *request;
    struct result_load *load; /* NULL: none */
    bool exception_only, timed;
};

/* A larger outcome is kept for those who ask later only while it is there in any case, as somebody
 * has not read it yet. */
#define OUTCOME_KEPT_BYTES 65536

static void begin_reply(struct writer *writer, const struct future *future)
{
    writer_begin_object(writer);
    writer_key(writer, "id");
    writer_uint(writer, future_id(future));
    writer_key(writer, "state");
    writer_cstring(writer, future_state_name(future_state(future)));
}

/* ---- one text for all who wait ---- */

void outcome_forget(struct service *service)
{
    shared_text_unref(service->outcome);
    service->outcome = NULL;
}

/* Writes it anew unless it was the last one that was written. 0; -ESTALE, -EFBIG as show_outcome;
 * -ENOMEM. */
static int outcome_text(struct service *service, const struct future *future,
                        struct shared_text **ret_text)
{
    if (service->outcome && service->outcome_id == future_id(future) &&
        service->outcome_cursor == future_cursor(future)) {
        *ret_text = service->outcome;
        return 0;
    }
    struct writer writer = {.data = NULL};
    outcome_forget(service);
    begin_reply(&writer, future);
    int r = show_outcome(&writer, future, service->limits->result_bytes);
    writer_end_object(&writer);
    writer_raw(&writer, RESULT_END, sizeof(RESULT_END) - 1);
    if (r < 0 || writer_failed(&writer)) {
        writer_free(&writer);
        return r < 0 ? r : -ENOMEM;
    }
    size_t size;
    char *data = writer_take(&writer, &size);
    service->outcome = data ? shared_text_new(data, size) : NULL;
    if (!service->outcome)
        return -ENOMEM;
    service->outcome_id = future_id(future);
    service->outcome_cursor = future_cursor(future);
    *ret_text = service->outcome;
    return 0;
}

void outcome_tidy(struct service *service)
{
    if (service->outcome && service->outcome->size > OUTCOME_KEPT_BYTES &&
        service->outcome->references == 1)
        outcome_forget(service);
}

/* ---- replies ---- */

static void reply_exception(struct request *request, const struct future *future)
{
    struct writer *writer = request_result(request);
    begin_reply(writer, future);
    writer_key(writer, "exception");
    show_exception(writer, future);
    writer_end_object(writer);
    request_end(request);
}

static void reply_result(struct request *request, const struct future *future)
{
    struct service *service = request->session->service;
    uint64_t max_bytes = service->limits->result_bytes;
    struct shared_text *text;
    int r = outcome_text(service, future, &text);
    if (r == -ESTALE) {
        request_fail(request, RPC_EXPIRED, "items of the map have been forgotten");
    } else if (r == -EFBIG) {
        struct rpc_error error = {.code = RPC_LIMIT_EXCEEDED};
        rpc_error_set(&error, RPC_LIMIT_EXCEEDED,
                      "the map's results are more than %llu bytes: ask for them item by item",
                      (unsigned long long)max_bytes);
        rpc_error_limit(&error, "result_bytes", max_bytes);
        request_error(request, &error);
    } else if (r < 0) {
        request_fail(request, RPC_INTERNAL, "no memory");
    } else {
        request_end_shared(request, text);
    }
}

static void reply_loaded(struct request *request, const struct future *future, bool exception_only)
{
    if (exception_only)
        reply_exception(request, future);
    else
        reply_result(request, future);
}

/* ---- what the store has ---- */

/* One question to the store, and all who want the answer. */
struct result_load {
    LIST_ENTRY(result_load) link;
    struct service *service;
    uint64_t id;
    TAILQ_HEAD(, request) requests; /* by their waiting_link */
};

static bool is_complete(const struct service *service, const struct future *future,
                        bool exception_only)
{
    if (future_output_left(future))
        return false;
    if (exception_only || !future_is_map(future))
        return true;
    return (service->outcome && service->outcome_id == future_id(future) &&
            service->outcome_cursor == future_cursor(future)) ||
           !future_items_left(future);
}

static void result_load_free(struct result_load *load)
{
    LIST_REMOVE(load, link);
    free(load);
}

void result_loads_free(struct service *service)
{
    struct result_load *load;
    while ((load = LIST_FIRST(&service->result_loads)))
        result_load_free(load);
}

static void on_event(struct future_watch *watch, struct future *future, enum future_event event);
static void on_drop(struct request *request);

/* It was retried while it was loaded. Who has set a time has had it. */
static void go_on_waiting(struct request *request, struct future *future)
{
    struct waiting *waiting = request->state;
    if (waiting->timed) {
        request_fail(request, RPC_TIMEOUT, "the future is not done");
        return;
    }
    future_watch_add(future, &waiting->watch, WATCH_REPLY, on_event);
    request->on_drop = on_drop;
}

static void on_one_loaded(struct request *request, uint64_t id, int error)
{
    struct session *session = request->session;
    struct waiting *waiting = request->state;
    struct refusal_detail detail = {.id = id, .error = error};
    struct future *future = NULL;
    enum refusal refusal =
        error < 0 ? REFUSED_STORAGE
                  : executor_find(session->service->executor, &session->client, id, &future);
    if (refusal != REFUSED_NOT)
        request_fail_refusal(request, refusal, &detail);
    else if (future_is_done(future))
        reply_loaded(request, future, waiting->exception_only);
    else
        go_on_waiting(request, future);
}

static void on_result_loaded(void *arg, int error, const struct loaded *loaded)
{
    struct result_load *load = arg;
    struct request *request;
    (void)loaded;
    while ((request = TAILQ_FIRST(&load->requests))) {
        struct session *session = request->session;
        TAILQ_REMOVE(&load->requests, request, waiting_link);
        request->on_drop = NULL;
        request_set_loading(request, false);
        on_one_loaded(request, load->id, error);
        session_check_idle(session);
    }
    result_load_free(load);
}

static void on_drop_load(struct request *request)
{
    struct waiting *waiting = request->state;
    TAILQ_REMOVE(&waiting->load->requests, request, waiting_link);
}

/* Replies when the store has told the rest. The request's state is its waiting. */
static void load_and_reply(struct request *request, const struct future *future)
{
    struct service *service = request->session->service;
    struct waiting *waiting = request->state;
    struct result_load *load;
    uint64_t id = future_id(future);
    LIST_FOREACH (load, &service->result_loads, link)
        if (load->id == id)
            break;
    bool first = !load;
    if (first) {
        load = calloc(1, sizeof(*load));
        if (!load) {
            request_fail(request, RPC_INTERNAL, "no memory");
            return;
        }
        load->service = service;
        load->id = id;
        TAILQ_INIT(&load->requests);
        LIST_INSERT_HEAD(&service->result_loads, load, link);
    }
    waiting->load = load;
    request->on_drop = on_drop_load;
    deadline_clear(service->timers, &request->deadline);
    TAILQ_INSERT_TAIL(&load->requests, request, waiting_link);
    request_set_loading(request, true);
    if (!first)
        return;
    struct store_query query = {.kind = QUERY_IDS, .ids = &id, .id_count = 1, .output = true};
    if (future_is_map(future))
        query = items_query(id, true);
    executor_load(service->executor, 0, &query, on_result_loaded, load);
}

static void reply(struct request *request, const struct future *future, bool exception_only)
{
    if (is_complete(request->session->service, future, exception_only)) {
        reply_loaded(request, future, exception_only);
        return;
    }
    if (!request->state) {
        struct waiting *waiting = calloc(1, sizeof(*waiting));
        if (!waiting) {
            request_fail(request, RPC_INTERNAL, "no memory");
            return;
        }
        waiting->request = request;
        waiting->exception_only = exception_only;
        request->state = waiting;
    }
    load_and_reply(request, future);
}

static void on_event(struct future_watch *watch, struct future *future, enum future_event event)
{
    struct waiting *waiting = CONTAINER_OF(watch, struct waiting, watch);
    if (event != EVENT_FUTURE_DONE)
        return;
    block_remove(&waiting->block);
    reply(waiting->request, future, waiting->exception_only);
}

static void fail_timeout(struct request *request)
{
    request_fail(request, RPC_TIMEOUT, "the future is not done");
}

static void on_timeout(struct deadline *deadline)
{
    struct request *request = CONTAINER_OF(deadline, struct request, deadline);
    struct waiting *waiting = request->state;
    future_watch_remove(&waiting->watch);
    fail_timeout(request);
}

static void on_drop(struct request *request)
{
    struct waiting *waiting = request->state;
    future_watch_remove(&waiting->watch);
    block_remove(&waiting->block);
}

static void wait_for(struct request *request, struct future *future,
                     const struct wait_time *timeout, bool exception_only)
{
    struct waiting *waiting = calloc(1, sizeof(*waiting));
    if (!waiting) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return;
    }
    waiting->request = request;
    waiting->exception_only = exception_only;
    waiting->timed = !timeout->forever;
    request->state = waiting;
    if (!timeout->forever && deadline_set(request->session->service->timers, &request->deadline,
                                          clock_mono_ns() + timeout->ns, on_timeout) < 0) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return;
    }
    future_watch_add(future, &waiting->watch, WATCH_REPLY, on_event);
    request->on_drop = on_drop;
    struct future *job = timeout->forever ? session_job(request->session) : NULL;
    if (job) {
        struct executor *executor = request->session->service->executor;
        block_add(executor, &waiting->block, job, future);
        deadlock_check(executor, job);
    }
}

static void result(struct request *request, bool exception_only)
{
    struct result_params params;
    struct rpc_error error;
    struct future *future;
    int r = result_params_decode(request->rpc, &params, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    if (resolve_id(request, params.id, true, &future) < 0)
        return;
    if (future_is_done(future)) {
        /* The text is good for all who have waited; later a map's items may have been forgotten. */
        if (future_is_map(future))
            outcome_forget(request->session->service);
        reply(request, future, exception_only);
    } else if (!params.timeout.forever && params.timeout.ns == 0) {
        fail_timeout(request);
    } else {
        wait_for(request, future, &params.timeout, exception_only);
    }
}

void method_result(struct request *request)
{
    result(request, false);
}

void method_exception(struct request *request)
{
    result(request, true);
}

/* Requests and batches: from a line to replies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/rpc/rpc_impl.h"

/* How large a session's buffer may stay between two messages. */
#define TEXT_KEPT_BYTES 65536

struct created {
    uint64_t first, last;
    bool subscription;
};

/* The replies of a batch go out together. What they promise must not be told of before. */
struct batch {
    TAILQ_ENTRY(batch) link;
    struct session *session;
    size_t left; /* requests not answered yet, and one while the line is read */
    struct writer replies, held;
    struct created *created;
    size_t created_count;
    bool holds_all; /* there was no memory to note what was created */
    bool waits_for_ends;
};

void session_fail(struct session *session)
{
    session->output.fail(session->output.arg);
}

/* ---- batches ---- */

static struct batch *batch_new(struct session *session)
{
    struct batch *batch = calloc(1, sizeof(*batch));
    if (!batch)
        return NULL;
    batch->session = session;
    batch->left = 1;
    TAILQ_INSERT_TAIL(&session->batches, batch, link);
    return batch;
}

static void batch_free(struct batch *batch)
{
    TAILQ_REMOVE(&batch->session->batches, batch, link);
    writer_free(&batch->replies);
    writer_free(&batch->held);
    free(batch->created);
    free(batch);
}

/* Whether the request is answered because futures are done. */
static bool waits_for_ends(const struct request *request)
{
    return request->handler == method_result || request->handler == method_exception ||
           request->handler == method_wait || request->handler == method_cancel ||
           request->handler == method_shutdown;
}

/* A batch that made something is not held back: its reply must come before what is told of that. */
static void send_batch(const struct batch *batch)
{
    struct session *session = batch->session;
    const struct writer *replies = &batch->replies;
    bool made = batch->created_count > 0 || batch->holds_all;
    if (session->replays > 0 && batch->waits_for_ends && !made)
        session_hold(session, replies, "\n", 1);
    else
        session->output.send(session->output.arg, replies->data, replies->size);
}

static void batch_done_one(struct batch *batch)
{
    if (--batch->left > 0)
        return;
    struct session *session = batch->session;
    if (batch->replies.size > 0) {
        writer_raw(&batch->replies, "]", 1);
        if (!writer_failed(&batch->replies))
            send_batch(batch);
    }
    if (writer_failed(&batch->replies) || writer_failed(&batch->held))
        session_fail(session);
    else if (batch->held.size > 0)
        session_tell_lines(session, &batch->held);
    batch_free(batch);
}

static void batch_created(struct batch *batch, struct created created)
{
    struct created *grown =
        realloc(batch->created, (batch->created_count + 1) * sizeof(*batch->created));
    if (!grown) {
        batch->holds_all = true;
        return;
    }
    batch->created = grown;
    grown[batch->created_count++] = created;
}

static bool batch_holds(const struct batch *batch, uint64_t subscription, uint64_t future_id)
{
    for (size_t i = 0; !batch->holds_all && i < batch->created_count; i++) {
        const struct created *created = &batch->created[i];
        uint64_t id = created->subscription ? subscription : future_id;
        if (id >= created->first && id <= created->last)
            return true;
    }
    return batch->holds_all;
}

void request_created(struct request *request, uint64_t first, uint64_t last)
{
    if (request->batch)
        batch_created(request->batch, (struct created){.first = first, .last = last});
}

void request_created_subscription(struct request *request, uint64_t id)
{
    if (request->batch)
        batch_created(request->batch,
                      (struct created){.first = id, .last = id, .subscription = true});
}

/* ---- replies ---- */

static struct request *request_new(struct session *session, struct batch *batch,
                                   const struct rpc_request *rpc)
{
    struct request *request = calloc(1, sizeof(*request) + rpc->id.size);
    if (!request)
        return NULL;
    request->session = session;
    request->batch = batch;
    request->rpc = rpc;
    request->silent = !rpc->has_id;
    request->id_size = rpc->id.size;
    if (rpc->id.size > 0)
        memcpy(request->id, rpc->id.text, rpc->id.size);
    TAILQ_INSERT_TAIL(&session->requests, request, link);
    session->request_count++;
    if (batch)
        batch->left++;
    return request;
}

void request_set_loading(struct request *request, bool loading)
{
    struct session *session = request->session;
    if (request->loading == loading)
        return;
    request->loading = loading;
    session->loading += loading ? 1 : UINT64_MAX;
    if (!loading)
        session->output.loaded(session->output.arg);
}

static void request_free(struct request *request)
{
    struct session *session = request->session;
    bool replays = request->replays;
    request_set_loading(request, false);
    deadline_clear(session->service->timers, &request->deadline);
    TAILQ_REMOVE(&session->requests, request, link);
    session->request_count--;
    free(request->again);
    free(request->state);
    free(request);
    if (replays)
        session_replay_end(session);
}

void request_drop(struct request *request)
{
    struct batch *batch = request->batch;
    if (request->on_drop)
        request->on_drop(request);
    request_free(request);
    if (batch && --batch->left == 0)
        batch_free(batch);
}

static struct slice id_of(const struct request *request)
{
    return (struct slice){.text = request->id, .size = request->id_size};
}

/* The session's message is complete: out with it, on its own or into the batch. */
static void send_reply(struct session *session, struct batch *batch, bool waits_for_ends)
{
    struct writer *text = &session->service->text;
    if (writer_failed(text)) {
        log_error("no memory for a reply of client %llu",
                  (unsigned long long)session->client.number);
        session_fail(session);
    } else if (batch) {
        writer_raw(&batch->replies, batch->replies.size > 0 ? "," : "[", 1);
        writer_raw(&batch->replies, text->data, text->size);
        batch->waits_for_ends |= waits_for_ends;
    } else if (waits_for_ends && session->replays > 0) {
        session_hold(session, text, "\n", 1);
    } else {
        session->output.send(session->output.arg, text->data, text->size);
    }
    /* One large result must not stay for ever. */
    if (text->capacity > TEXT_KEPT_BYTES)
        writer_shrink(text, TEXT_LEAST_BYTES);
}

struct writer *request_result(struct request *request)
{
    struct session *session = request->session;
    if (request->silent) {
        writer_reset(&session->service->nowhere);
        return &session->service->nowhere;
    }
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":";
    static const char result[] = ",\"result\":";
    struct writer *text = &session->service->text;
    writer_reset(text);
    writer_raw(text, head, sizeof(head) - 1);
    writer_raw(text, request->id, request->id_size);
    writer_raw(text, result, sizeof(result) - 1);
    return text;
}

void request_end(struct request *request)
{
    struct session *session = request->session;
    struct batch *batch = request->batch;
    if (!request->silent) {
        writer_raw(&session->service->text, "}", 1);
        if (writer_failed(&session->service->text)) {
            request_fail(request, RPC_INTERNAL, "no memory for the reply");
            return;
        }
        send_reply(session, batch, waits_for_ends(request));
    }
    request_free(request);
    if (batch)
        batch_done_one(batch);
}

void request_end_shared(struct request *request, struct shared_text *rest)
{
    struct session *session = request->session;
    struct writer *text = request_result(request);
    size_t end = sizeof(RESULT_END) - 1;
    if (request->silent || request->batch) {
        writer_raw(text, rest->data, rest->size - end);
        request_end(request);
        return;
    }
    if (writer_failed(text)) {
        request_fail(request, RPC_INTERNAL, "no memory for the reply");
        return;
    }
    if (waits_for_ends(request) && session->replays > 0) {
        session_hold(session, text, rest->data, rest->size);
    } else {
        session->output.send_shared(session->output.arg, text->data, text->size, rest);
    }
    request_free(request);
}

void request_error(struct request *request, const struct rpc_error *error)
{
    struct session *session = request->session;
    struct batch *batch = request->batch;
    service_count_error(session->service, error);
    if (!request->silent) {
        writer_reset(&session->service->text);
        rpc_write_error(&session->service->text, id_of(request), error);
        send_reply(session, batch, false);
    }
    request_free(request);
    if (batch)
        batch_done_one(batch);
}

void request_fail(struct request *request, enum rpc_error_code code, const char *detail)
{
    struct rpc_error error = {.code = code};
    rpc_error_set(&error, code, "%s", detail);
    request_error(request, &error);
}

void request_fail_param(struct request *request, const char *param, const char *detail)
{
    struct rpc_error error = {.code = RPC_INVALID_PARAMS};
    rpc_error_param(&error, param, "%s", detail);
    request_error(request, &error);
}

void request_fail_decode(struct request *request, int r, const struct rpc_error *error)
{
    if (r == -ENOMEM)
        request_fail(request, RPC_INTERNAL, "no memory");
    else
        request_error(request, error);
}

void request_fail_refusal(struct request *request, enum refusal refusal,
                          const struct refusal_detail *detail)
{
    struct rpc_error error = {.code = RPC_INTERNAL};
    unsigned long long id = detail->id;
    switch (refusal) {
    case REFUSED_NOT:
        break;
    case REFUSED_SHUT_DOWN:
        rpc_error_set(&error, RPC_SHUT_DOWN, "the daemon takes no new work");
        break;
    case REFUSED_LIMIT:
        rpc_error_limit(&error, detail->limit, detail->value);
        break;
    case REFUSED_BROKEN_POOL:
        rpc_error_set(&error, RPC_BROKEN_POOL, "its initializer has failed");
        break;
    case REFUSED_NOT_FOUND:
        rpc_error_set(&error, RPC_NOT_FOUND, "there is no future %llu", id);
        break;
    case REFUSED_NOT_YET:
    case REFUSED_NOT_LOADED:
        rpc_error_set(&error, RPC_INTERNAL, "future %llu was not brought back", id);
        break;
    case REFUSED_EXPIRED:
        rpc_error_set(&error, RPC_EXPIRED, "future %llu was removed by retention", id);
        break;
    case REFUSED_STATE:
        rpc_error_set(&error, RPC_INVALID_STATE, "future %llu is not in a state for that", id);
        break;
    case REFUSED_KEY_CONFLICT:
        rpc_error_set(&error, RPC_KEY_CONFLICT, "the key stands for future %llu, another call", id);
        break;
    case REFUSED_STORAGE:
        if (detail->error == -ENOMEM)
            rpc_error_set(&error, RPC_INTERNAL, "no memory");
        else
            rpc_error_set(&error, RPC_STORAGE_FAILED, "%s", strerror(-detail->error));
        break;
    case REFUSED_NO_THREAD:
        rpc_error_set(&error, RPC_INTERNAL, "cannot start a worker: %s", strerror(-detail->error));
        break;
    case REFUSED_NO_MEMORY:
        rpc_error_set(&error, RPC_INTERNAL, "no memory");
        break;
    }
    request_error(request, &error);
}

void request_when_stored(struct request *request, struct stored_answer *answer,
                         enum refusal refusal, const struct refusal_detail *detail)
{
    static const struct refusal_detail nothing = {.id = 0};
    if (refusal == REFUSED_NOT) {
        stored_answer_give(answer);
    } else {
        stored_answer_free(answer);
        request_fail_refusal(request, refusal, detail ? detail : &nothing);
    }
}

void session_notify(struct session *session, const char *method, uint64_t subscription,
                    uint64_t future_id, const struct writer *members)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"method\":";
    static const char params[] = ",\"params\":{\"subscription\":";
    struct writer *text = &session->service->text;
    writer_reset(text);
    writer_raw(text, head, sizeof(head) - 1);
    writer_cstring(text, method);
    writer_raw(text, params, sizeof(params) - 1);
    text->comma = false;
    writer_uint(text, subscription);
    writer_raw(text, ",", 1);
    writer_raw(text, members->data, members->size);
    writer_raw(text, "}}", 2);
    if (writer_failed(text) || writer_failed(members)) {
        log_error("no memory for a notification of client %llu",
                  (unsigned long long)session->client.number);
        session_fail(session);
        return;
    }
    if (session->replays > 0 && subscription != session->telling) {
        session_hold(session, text, "\n", 1);
        return;
    }
    struct batch *batch;
    TAILQ_FOREACH (batch, &session->batches, link) {
        if (batch_holds(batch, subscription, future_id)) {
            writer_raw(&batch->held, text->data, text->size);
            writer_raw(&batch->held, "\n", 1);
            return;
        }
    }
    session->output.notify(session->output.arg, text->data, text->size);
}

/* ---- from a line to handlers ---- */

static void answer_error(struct session *session, struct batch *batch, struct slice id,
                         const struct rpc_error *error)
{
    service_count_error(session->service, error);
    writer_reset(&session->service->text);
    rpc_write_error(&session->service->text, id, error);
    send_reply(session, batch, false);
}

static void answer_no_memory(struct session *session, struct batch *batch, struct slice id)
{
    struct rpc_error error = {.code = RPC_INTERNAL};
    rpc_error_set(&error, RPC_INTERNAL, "no memory");
    answer_error(session, batch, id, &error);
}

static void dispatch(struct session *session, struct batch *batch, const struct rpc_request *rpc)
{
    struct request *request = request_new(session, batch, rpc);
    if (!request) {
        if (rpc->has_id)
            answer_no_memory(session, batch, rpc->id);
        return;
    }
    const struct limits *limits = session->service->limits;
    if (rpc->error.code != 0) {
        request_error(request, &rpc->error);
        return;
    }
    if (session->request_count > limits->requests_in_flight) {
        struct rpc_error error = {.code = RPC_LIMIT_EXCEEDED};
        rpc_error_limit(&error, "requests_in_flight", limits->requests_in_flight);
        request_error(request, &error);
        return;
    }
    enum method method = method_find(rpc->method.text, rpc->method.size);
    method_fn *handler = method_handler(method);
    if (!handler) {
        struct rpc_error error = {.code = RPC_METHOD_NOT_FOUND};
        rpc_error_set(&error, RPC_METHOD_NOT_FOUND, "%.*s",
                      (int)(rpc->method.size < 100 ? rpc->method.size : 100), rpc->method.text);
        request_error(request, &error);
        return;
    }
    session->service->requests[method]++;
    request->handler = handler;
    handler(request);
}

/* The line has been handled and is about to go: requests that wait must not look at it. */
static void forget_line(struct session *session)
{
    struct request *request;
    TAILQ_FOREACH_REVERSE(request, &session->requests, request_list, link)
    {
        if (!request->rpc)
            break;
        request->rpc = NULL;
    }
}

/* What was cut off is dropped, whatever else is wrong with it. */
static void refuse_line(struct session *session, const char *line, size_t size, bool fragment,
                        int r, const struct rpc_error *error)
{
    static const struct slice no_id = {.text = "null", .size = 4};
    int complete = fragment && r != -ENOMEM ? json_text_complete(line, size) : 1;
    if (complete == 0)
        return;
    if (r == -ENOMEM || complete == -ENOMEM)
        answer_no_memory(session, NULL, no_id);
    else
        answer_error(session, NULL, no_id, error);
}

void dispatch_line(struct session *session, const char *line, size_t size, bool fragment)
{
    static const struct slice no_id = {.text = "null", .size = 4};
    struct rpc_error error = {.code = RPC_INTERNAL};
    struct rpc_line parsed;
    int r = rpc_parse(line, size, session->service->limits, &parsed, &error);
    if (r < 0) {
        refuse_line(session, line, size, fragment, r, &error);
        return;
    }
    struct batch *batch = NULL;
    if (parsed.is_batch && !(batch = batch_new(session))) {
        answer_no_memory(session, NULL, no_id);
    } else {
        for (size_t i = 0; i < parsed.count; i++)
            dispatch(session, batch, &parsed.requests[i]);
        if (batch)
            batch_done_one(batch);
        forget_line(session);
    }
    rpc_line_clear(&parsed);
}

/* wait, cancel, retry, forget, output, dump, backup and shutdown. */
#include "client/lib/libfuture_impl.h"

#include <errno.h>
#include <stdlib.h>

/* ---- wait ---- */

/* What future_waited_free frees; `waited` is the first member. */
struct waited_box {
    struct future_waited waited;
    uint64_t ids[]; /* the done ones, and behind them the others */
};

void future_waited_free(struct future_waited *waited)
{
    free(waited);
}

static int read_ids(const json_t *array, uint64_t *ret_ids)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *id = json_array_get(array, i);

        if (!json_is_integer(id) || json_integer_value(id) < 1)
            return -EBADMSG;
        ret_ids[i] = (uint64_t)json_integer_value(id);
    }
    return 0;
}

int future_read_waited(const struct future_message *message, struct future_waited **ret_waited)
{
    const json_t *done = json_object_get(message->result, "done");
    const json_t *not_done = json_object_get(message->result, "not_done");
    size_t done_count = json_array_size(done), not_done_count = json_array_size(not_done);
    struct waited_box *box;
    int r = reply_check(message);

    if (r < 0)
        return r;
    if (!json_is_array(done) || !json_is_array(not_done))
        return -EBADMSG;
    box = malloc(sizeof(*box) + (done_count + not_done_count) * sizeof(box->ids[0]));
    if (!box)
        return -ENOMEM;
    box->waited =
        (struct future_waited){done_count, not_done_count, box->ids, box->ids + done_count};
    r = read_ids(done, box->ids);
    if (r == 0)
        r = read_ids(not_done, box->ids + done_count);
    if (r < 0) {
        free(box);
        return r;
    }
    *ret_waited = &box->waited;
    return 0;
}

static void put_wait(struct call_params *params, const struct future_span *spans, size_t span_count,
                     enum future_when when, int64_t timeout_ms)
{
    static const char *const words[] = {
        [FUTURE_ALL_COMPLETED] = "ALL_COMPLETED",
        [FUTURE_FIRST_COMPLETED] = "FIRST_COMPLETED",
        [FUTURE_FIRST_EXCEPTION] = "FIRST_EXCEPTION",
    };

    put_ids(params, spans, span_count);
    put_timeout(params, timeout_ms);
    if ((unsigned)when > FUTURE_FIRST_EXCEPTION)
        put_failure(params, FUTURE_BAD_ARGUMENT, "when");
    else
        put_string(params, "return_when", words[when]);
}

int future_wait(struct future_client *client, const struct future_span *spans, size_t span_count,
                enum future_when when, int64_t timeout_ms, struct future_waited **ret_waited)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_wait(&params, spans, span_count, when, timeout_ms);
    r = call_with(client, "wait", &params, with_grace(timeout_ms), &reply);
    if (r == 0)
        r = future_read_waited(reply, ret_waited);
    return client_end(client, r, &params, reply);
}

int future_send_wait(struct future_client *client, const struct future_span *spans,
                     size_t span_count, enum future_when when, int64_t timeout_ms,
                     uint64_t *ret_request_id)
{
    struct call_params params = {0};

    put_wait(&params, spans, span_count, when, timeout_ms);
    return send_with(client, "wait", &params, ret_request_id);
}

/* ---- cancel ---- */

static void put_cancel(struct call_params *params, uint64_t id,
                       const struct future_cancelling *given)
{
    struct future_cancelling how = {0};

    put_uint(params, "id", id);
    if (given)
        take_structure(params, "how", given, &how, sizeof(how));
    if (params->failure < 0)
        return;
    put_flag(params, "terminate", how.terminate);
    if (how.signal < 0)
        put_failure(params, FUTURE_BAD_ARGUMENT, "signal");
    if (how.signal > 0)
        put_uint(params, "signal", (uint64_t)how.signal);
    if (how.grace_ms != 0)
        put_span_ms(params, "grace", how.grace_ms < 0 ? 0 : how.grace_ms);
    put_string(params, "reason", how.reason);
}

int future_read_cancelled(const struct future_message *message,
                          enum future_cancel_answer *ret_answer)
{
    const json_t *cancelled = json_object_get(message->result, "cancelled");
    int r = reply_check(message);

    if (r < 0)
        return r;
    if (!json_is_boolean(cancelled))
        return -EBADMSG;
    if (json_is_true(cancelled))
        *ret_answer = FUTURE_IS_CANCELLED;
    else if (json_is_true(json_object_get(message->result, "terminating")))
        *ret_answer = FUTURE_TERMINATING;
    else
        *ret_answer = FUTURE_NOT_CANCELLED;
    return 0;
}

int future_cancel(struct future_client *client, uint64_t id, const struct future_cancelling *how,
                  int64_t timeout_ms, enum future_cancel_answer *ret_answer)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_cancel(&params, id, how);
    r = call_with(client, "cancel", &params, timeout_ms, &reply);
    if (r == 0)
        r = future_read_cancelled(reply, ret_answer);
    return client_end(client, r, &params, reply);
}

int future_send_cancel(struct future_client *client, uint64_t id,
                       const struct future_cancelling *how, uint64_t *ret_request_id)
{
    struct call_params params = {0};

    put_cancel(&params, id, how);
    return send_with(client, "cancel", &params, ret_request_id);
}

/* ---- retry and forget ---- */

int future_retry(struct future_client *client, const struct future_span *spans, size_t span_count,
                 int64_t timeout_ms)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_ids(&params, spans, span_count);
    r = call_with(client, "retry", &params, timeout_ms, &reply);
    if (r == 0)
        r = reply_check(reply);
    return client_end(client, r, &params, reply);
}

static int read_forgotten(const struct future_message *message, uint64_t *ret_count)
{
    uint64_t count;
    int r = reply_check(message);

    if (r < 0)
        return r;
    if (!read_uint(message->result, "forgotten", &count))
        return -EBADMSG;
    if (ret_count)
        *ret_count = count;
    return 0;
}

int future_forget(struct future_client *client, const struct future_span *spans, size_t span_count,
                  int64_t timeout_ms, uint64_t *ret_count)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_ids(&params, spans, span_count);
    r = call_with(client, "forget", &params, timeout_ms, &reply);
    if (r == 0)
        r = read_forgotten(reply, ret_count);
    return client_end(client, r, &params, reply);
}

/* ---- output ---- */

/* What future_chunk_free frees; `chunk` is the first member. */
struct chunk_box {
    struct future_chunk chunk;
    void *decoded;
    struct future_message *message;
};

void future_chunk_free(struct future_chunk *chunk)
{
    struct chunk_box *box = (struct chunk_box *)chunk;

    if (!box)
        return;
    free(box->decoded);
    future_message_free(box->message);
    free(box);
}

static void put_output(struct call_params *params, uint64_t id, enum future_stream stream,
                       uint64_t offset, uint64_t limit, int64_t timeout_ms)
{
    /* The protocol knows no waiting for ever here; this is some thirty years. */
    const int64_t forever_ms = INT64_C(1000000000000);

    if (stream != FUTURE_STDOUT && stream != FUTURE_STDERR)
        put_failure(params, FUTURE_BAD_ARGUMENT, "stream");
    put_uint(params, "id", id);
    put_string(params, "stream", stream == FUTURE_STDERR ? "stderr" : "stdout");
    put_uint(params, "offset", offset);
    if (limit > 0)
        put_uint(params, "limit", limit);
    put_span_ms(params, "wait", timeout_ms < 0 ? forever_ms : timeout_ms);
}

static int read_chunk(const struct future_message *message, struct future_chunk **ret_chunk)
{
    struct chunk_box *box;
    int r = reply_check(message);

    if (r < 0)
        return r;
    box = calloc(1, sizeof(*box));
    if (!box)
        return -ENOMEM;
    box->message = future_message_share(message);
    box->chunk.end = json_is_true(json_object_get(message->result, "eof"));
    r = -EBADMSG;
    if (read_uint(message->result, "offset", &box->chunk.offset) &&
        read_uint(message->result, "next", &box->chunk.next))
        r = read_bytes(message->result, "data", "data_base64", &box->chunk.bytes, &box->decoded);
    if (r < 0) {
        future_chunk_free(&box->chunk);
        return r;
    }
    *ret_chunk = &box->chunk;
    return 0;
}

int future_output(struct future_client *client, uint64_t id, enum future_stream stream,
                  uint64_t offset, uint64_t limit, int64_t timeout_ms,
                  struct future_chunk **ret_chunk)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_output(&params, id, stream, offset, limit, timeout_ms);
    r = call_with(client, "output", &params, with_grace(timeout_ms), &reply);
    if (r == 0)
        r = read_chunk(reply, ret_chunk);
    return client_end(client, r, &params, reply);
}

/* ---- dump and backup ---- */

int future_dump(struct future_client *client, uint64_t from, uint64_t limit, int64_t timeout_ms,
                struct future_message **ret_reply)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_uint(&params, "from", from);
    if (limit > 0)
        put_uint(&params, "limit", limit);
    r = call_with(client, "dump", &params, timeout_ms, &reply);
    if (r == 0)
        r = reply_check(reply);
    if (r == 0 && !json_is_array(json_object_get(reply->result, "futures")))
        r = -EBADMSG;
    if (r == 0)
        *ret_reply = future_message_share(reply);
    return client_end(client, r, &params, reply);
}

int future_backup(struct future_client *client, const char *path, int64_t timeout_ms)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    if (!path)
        put_failure(&params, FUTURE_BAD_ARGUMENT, "path");
    put_string(&params, "path", path);
    r = call_with(client, "backup", &params, timeout_ms, &reply);
    if (r == 0)
        r = reply_check(reply);
    return client_end(client, r, &params, reply);
}

/* ---- shutdown ---- */

static int read_shutdown(const struct future_message *message)
{
    const json_t *terminated = json_object_get(message->result, "terminated");
    int r = reply_check(message);

    if (r < 0)
        return r;
    if (!json_is_boolean(terminated))
        return -EBADMSG;
    return json_is_true(terminated) ? 1 : 0;
}

int future_shutdown(struct future_client *client, unsigned flags, int64_t timeout_ms)
{
    const unsigned known =
        FUTURE_SHUTDOWN_CANCEL | FUTURE_SHUTDOWN_KEEP_PENDING | FUTURE_SHUTDOWN_NO_WAIT;
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    if (flags & ~known)
        put_failure(&params, FUTURE_BAD_ARGUMENT, "flags");
    put_flag(&params, "cancel_futures", flags & FUTURE_SHUTDOWN_CANCEL);
    put_flag(&params, "keep_pending", flags & FUTURE_SHUTDOWN_KEEP_PENDING);
    put_timeout(&params, timeout_ms);
    if (flags & FUTURE_SHUTDOWN_NO_WAIT) {
        put_name(&params, "wait");
        writer_bool(&params.text, false);
    }
    r = call_with(client, "shutdown", &params, with_grace(timeout_ms), &reply);
    if (r == 0)
        r = read_shutdown(reply);
    return client_end(client, r, &params, reply);
}

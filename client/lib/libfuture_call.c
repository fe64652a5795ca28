#include "client/lib/libfuture_impl.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/version.h"

const char *future_version(void)
{
    return FUTURED_VERSION;
}

/* ---- failures ---- */

const char *future_failure_text(int failure)
{
    const char *text;

    switch ((enum future_failure)failure) {
    case FUTURE_REFUSED:
        return "the daemon refused";
    case FUTURE_TIMED_OUT:
        return "not done in time";
    case FUTURE_DISCONNECTED:
        return "the daemon closed the connection";
    case FUTURE_BAD_PROTOCOL:
        return "what answers does not speak futured's protocol";
    case FUTURE_NO_MEMORY:
        return "no memory";
    case FUTURE_BAD_ARGUMENT:
        return "a bad argument";
    case FUTURE_TRY_AGAIN:
        return "the daemon is busy, try again";
    }
    text = failure > INT_MIN ? strerrordesc_np(abs(failure)) : NULL;
    return text ? text : "an unknown failure";
}

const struct future_error *future_last_error(const struct future_client *client)
{
    return &client->error;
}

/* Programs show the message alone: it names the parameter, too, where it does not do so by itself.
 * One that does not fit stays as it is. */
static void name_param(struct future_client *client)
{
    struct future_error *error = &client->error;
    int length;

    if (!error->param || strstr(error->message, error->param))
        return;
    length = snprintf(client->error_text, sizeof(client->error_text), "%s (%s)", error->message,
                      error->param);
    if (length > 0 && (size_t)length < sizeof(client->error_text))
        error->message = client->error_text;
}

int client_fail(struct future_client *client, int failure, const char *param)
{
    future_message_free(client->error_reply);
    client->error_reply = NULL;
    client->error = (struct future_error){
        .failure = failure, .message = future_failure_text(failure), .param = param};
    name_param(client);
    return failure;
}

/* What the daemon says about it. The reply stays with the client. */
static int fail_refused(struct future_client *client, int failure, struct future_message *reply)
{
    const json_t *data = reply->error.data;
    struct future_error *error = &client->error;

    client_fail(client, failure, read_string(data, "param"));
    client->error_reply = reply;
    error->code = reply->error.code;
    error->message = reply->error.message;
    name_param(client);
    error->limit = read_string(data, "limit");
    read_uint(data, "value", &error->limit_value);
    return failure;
}

int client_end(struct future_client *client, int result, const struct call_params *params,
               struct future_message *reply)
{
    if (result < 0 && reply && reply->kind == FUTURE_ERROR)
        return fail_refused(client, result, reply);
    future_message_free(reply);
    return result < 0 ? client_fail(client, result, params ? params->param : NULL) : result;
}

int reply_check(const struct future_message *message)
{
    switch (message->kind) {
    case FUTURE_REPLY:
        return 0;
    case FUTURE_ERROR:
        return message->error.code == FUTURE_CODE_TIMEOUT ? FUTURE_TIMED_OUT : FUTURE_REFUSED;
    case FUTURE_NOTIFICATION:
        return FUTURE_BAD_PROTOCOL;
    }
    return FUTURE_BAD_PROTOCOL;
}

/* ---- one call ---- */

/* An error without an id is about a request that the daemon could not read. */
static bool answers(const struct future_queued *queued)
{
    return queued->is_call ||
           (queued->message.kind == FUTURE_ERROR && queued->message.request_id == 0);
}

static int wait_for_reply(struct future_client *client, struct deadline *deadline,
                          struct future_message **ret_reply)
{
    for (;;) {
        struct future_queued *queued;
        int r = client_take(client, deadline, &queued);

        if (r < 0)
            return r;
        if (r == 0)
            continue;
        if (answers(queued)) {
            *ret_reply = &queued->message;
            return 0;
        }
        TAILQ_INSERT_TAIL(&client->queue, queued, link);
    }
}

int client_call(struct future_client *client, const char *method, const char *params,
                int64_t timeout_ms, struct future_message **ret_reply)
{
    struct deadline deadline = deadline_after(timeout_ms);
    uint64_t id = client->last_call_id + 1;
    int r = client_add_request(client, true, id, method, params);

    if (r < 0)
        return r;
    client->last_call_id = client->waiting_call = id;
    r = wait_for_reply(client, &deadline, ret_reply);
    client->waiting_call = 0;
    return r;
}

int future_call(struct future_client *client, const char *method, const char *params,
                int64_t timeout_ms, struct future_message **ret_message)
{
    int r =
        method ? client_call(client, method, params, timeout_ms, ret_message) : FUTURE_BAD_ARGUMENT;

    return r < 0 ? client_fail(client, r, method ? NULL : "method") : 0;
}

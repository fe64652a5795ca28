/* What became of a job: the replies to result and exception. */
#include "client/lib/libfuture_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json_text.h"

/* What future_outcome_free frees; `outcome` is the first member. */
struct outcome_box {
    struct future_outcome outcome;
    struct future_raised exception;
    struct future_exec exec;
    void *decoded[2];
    struct future_message *message;
};

void future_outcome_free(struct future_outcome *outcome)
{
    struct outcome_box *box = (struct outcome_box *)outcome;

    if (!box)
        return;
    free(box->decoded[0]);
    free(box->decoded[1]);
    future_message_free(box->message);
    free(box);
}

/* "SIGKILL" as a number; 0: unknown here. */
static int signal_number(const char *name)
{
    if (!name || strncmp(name, "SIG", 3) != 0)
        return 0;
    name += 3;
    if (strncmp(name, "RTMIN+", 6) == 0)
        return SIGRTMIN + atoi(name + 6);
    for (int number = 1; number < NSIG; number++) {
        const char *abbreviation = sigabbrev_np(number);

        if (abbreviation && strcmp(abbreviation, name) == 0)
            return number;
    }
    return 0;
}

/* Whether the value is what exec gives: also other functions may return an object. */
static bool is_exec_result(const json_t *value)
{
    return json_object_get(value, "exit_code") && json_object_get(value, "signal") &&
           json_is_object(json_object_get(value, "rusage"));
}

static int read_exec(const json_t *value, struct outcome_box *box)
{
    const json_t *exit_code = json_object_get(value, "exit_code");
    const json_t *rusage = json_object_get(value, "rusage");
    struct future_exec *exec = &box->exec;
    uint64_t maxrss_kb = 0;
    int r;

    exec->exit_code = json_is_integer(exit_code) ? (int)json_integer_value(exit_code) : -1;
    exec->signal_name = read_string(value, "signal");
    exec->signal = signal_number(exec->signal_name);
    exec->truncated = json_is_true(json_object_get(value, "truncated"));
    exec->utime_us = read_us(rusage, "utime");
    exec->stime_us = read_us(rusage, "stime");
    exec->wall_us = read_us(rusage, "wall");
    read_uint(rusage, "maxrss_kb", &maxrss_kb);
    exec->maxrss_kb = (int64_t)maxrss_kb;
    r = read_bytes(value, "stdout", "stdout_base64", &exec->out, &box->decoded[0]);
    if (r == 0)
        r = read_bytes(value, "stderr", "stderr_base64", &exec->err, &box->decoded[1]);
    box->outcome.exec = exec;
    return r;
}

static int read_exception(const json_t *value, struct outcome_box *box)
{
    struct future_raised *exception = &box->exception;

    exception->type = read_string(value, "type");
    exception->message = read_string(value, "message");
    exception->data = json_object_get(value, "data");
    if (json_is_null(exception->data))
        exception->data = NULL;
    if (!exception->type || !exception->message)
        return -EBADMSG;
    box->outcome.kind = FUTURE_RAISED;
    box->outcome.exception = exception;
    return is_exec_result(exception->data) ? read_exec(exception->data, box) : 0;
}

static int read_result(const struct future_message *message, const json_t *value,
                       struct outcome_box *box)
{
    struct slice text = {message->text, message->text_size}, reply, result;

    box->outcome.kind = FUTURE_RETURNED;
    if (!value)
        return 0; /* asked by future_exception */
    box->outcome.result = value;
    if (json_text_member(text, "result", &reply) && json_text_member(reply, "result", &result)) {
        box->outcome.result_text = result.text;
        box->outcome.result_size = result.size;
    }
    return is_exec_result(value) ? read_exec(value, box) : 0;
}

static int read_outcome(const struct future_message *message, struct outcome_box *box)
{
    const json_t *reply = message->result;
    const json_t *exception = json_object_get(reply, "exception");
    struct future_outcome *outcome = &box->outcome;

    if (!read_uint(reply, "id", &outcome->id) || !read_state(reply, &outcome->state))
        return -EBADMSG;
    if (outcome->state == FUTURE_CANCELLED) {
        outcome->kind = FUTURE_WAS_CANCELLED;
        return 0;
    }
    if (outcome->state != FUTURE_FINISHED)
        return -EBADMSG;
    if (json_is_object(exception))
        return read_exception(exception, box);
    if (!exception && !json_object_get(reply, "result"))
        return -EBADMSG;
    return read_result(message, json_object_get(reply, "result"), box);
}

int future_read_outcome(const struct future_message *message, struct future_outcome **ret_outcome)
{
    struct outcome_box *box;
    int r = reply_check(message);

    if (r < 0)
        return r;
    box = calloc(1, sizeof(*box));
    if (!box)
        return -ENOMEM;
    box->message = future_message_share(message);
    r = read_outcome(message, box);
    if (r < 0) {
        future_outcome_free(&box->outcome);
        return r;
    }
    *ret_outcome = &box->outcome;
    return 0;
}

static void put_result_params(struct call_params *params, uint64_t id, int64_t timeout_ms)
{
    put_uint(params, "id", id);
    put_timeout(params, timeout_ms);
}

static int outcome_of(struct future_client *client, const char *method, uint64_t id,
                      int64_t timeout_ms, struct future_outcome **ret_outcome)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_result_params(&params, id, timeout_ms);
    r = call_with(client, method, &params, with_grace(timeout_ms), &reply);
    if (r == 0)
        r = future_read_outcome(reply, ret_outcome);
    return client_end(client, r, &params, reply);
}

int future_result(struct future_client *client, uint64_t id, int64_t timeout_ms,
                  struct future_outcome **ret_outcome)
{
    return outcome_of(client, "result", id, timeout_ms, ret_outcome);
}

int future_exception(struct future_client *client, uint64_t id, int64_t timeout_ms,
                     struct future_outcome **ret_outcome)
{
    return outcome_of(client, "exception", id, timeout_ms, ret_outcome);
}

int future_send_result(struct future_client *client, uint64_t id, int64_t timeout_ms,
                       uint64_t *ret_request_id)
{
    struct call_params params = {0};

    put_result_params(&params, id, timeout_ms);
    return send_with(client, "result", &params, ret_request_id);
}

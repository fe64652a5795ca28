#include "daemon/run/handler_result.h"

#include "daemon/core/outcome.h"
#include "daemon/run/handler_process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIED          "HandlerDied"
#define MESSAGE_BYTES 256

static void no_memory(struct outcome *outcome)
{
    outcome_set_exception(outcome, "MemoryError", "out of memory", NULL, 0);
}

/* Takes ownership of `data`, NULL where there was no memory for it. */
static void raise(struct outcome *outcome, const char *type, const char *message, json_t *data)
{
    char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;

    json_decref(data);
    if (text)
        outcome_set_exception(outcome, type, message, text, strlen(text));
    else
        no_memory(outcome);
}

void handler_result_answer(struct outcome *outcome, const struct handler_message *answer)
{
    char *json = NULL;
    size_t bytes = answer->value.size;

    if (bytes > 0) {
        json = malloc(bytes);
        if (!json) {
            no_memory(outcome);
            return;
        }
        memcpy(json, answer->value.text, bytes);
    }
    if (answer->kind == HANDLER_RESULT)
        outcome_set_result(outcome, json, bytes);
    else if (json)
        outcome_set_exception(outcome, answer->type, answer->text, json, bytes);
    else
        raise(outcome, answer->type, answer->text,
              json_pack("{s:I}", "code", (json_int_t)answer->code));
}

void handler_result_init_refused(struct outcome *outcome, const struct handler_message *answer)
{
    char message[MESSAGE_BYTES];
    json_t *error = json_incref(json_object_get(answer->tree, "error"));

    snprintf(message, sizeof(message), "the handler refused to start: %.200s", answer->text);
    raise(outcome, DIED, message, json_pack("{s:s, s:o}", "reason", "init", "error", error));
}

static json_t *exit_data(const struct process_exit *status)
{
    char name[PROCESS_SIGNAL_NAME_BYTES];

    if (status->signal_number == 0)
        return json_pack("{s:s, s:i, s:n}", "reason", "exit", "exit_code", status->exit_code,
                         "signal");
    process_signal_name(status->signal_number, name);
    return json_pack("{s:s, s:n, s:s}", "reason", "exit", "exit_code", "signal", name);
}

static void raise_exit(struct outcome *outcome, const struct process_exit *status, const char *when)
{
    char message[MESSAGE_BYTES];
    char name[PROCESS_SIGNAL_NAME_BYTES];

    if (status->signal_number != 0) {
        process_signal_name(status->signal_number, name);
        snprintf(message, sizeof(message), "the handler was killed by %s%s", name, when);
    } else {
        snprintf(message, sizeof(message), "the handler exited with status %d%s", status->exit_code,
                 when);
    }
    raise(outcome, DIED, message, exit_data(status));
}

static void raise_line(struct outcome *outcome, const char *reason, const char *what,
                       const char *line)
{
    char message[MESSAGE_BYTES];

    snprintf(message, sizeof(message), "the handler wrote %s", what);
    raise(outcome, DIED, message, json_pack("{s:s, s:s}", "reason", reason, "line", line));
}

static void raise_oversize(struct outcome *outcome, uint64_t line_bytes)
{
    char message[MESSAGE_BYTES];

    snprintf(message, sizeof(message),
             "the handler wrote a line of more than %" PRIu64 " bytes (line_bytes)", line_bytes);
    raise(outcome, DIED, message,
          json_pack("{s:s, s:I}", "reason", "oversize", "limit", (json_int_t)line_bytes));
}

static void raise_silent(struct outcome *outcome, uint64_t timeout_ns, const char *when)
{
    char message[MESSAGE_BYTES];
    double seconds = (double)timeout_ns / 1e9;

    snprintf(message, sizeof(message), "the handler was silent for %g s%s", seconds, when);
    raise(outcome, "TimedOut", message,
          json_pack("{s:s, s:f}", "reason", "silence", "timeout", seconds));
}

void handler_result_failed(const struct handler_exchange *exchange, enum handler_end end,
                           const struct process_exit *status, bool at_init)
{
    struct outcome *outcome = call_outcome(exchange->call);
    const char *when = at_init ? " while it started" : "";

    switch (end) {
    case HANDLER_ANSWERED:
    case HANDLER_UNREAD:
    case HANDLER_EXITED:
        raise_exit(outcome, status, when);
        break;
    case HANDLER_CLOSED:
        raise(outcome, DIED, "the handler closed its stdout",
              json_pack("{s:s}", "reason", "closed"));
        break;
    case HANDLER_GARBAGE:
        raise_line(outcome, "garbage", exchange->why, exchange->line);
        break;
    case HANDLER_WRONG_ID:
        raise_line(outcome, "wrong_id", "an answer to something else", exchange->line);
        break;
    case HANDLER_OVERSIZE:
        raise_oversize(outcome, exchange->spec->bounds.line_bytes);
        break;
    case HANDLER_SILENT:
        raise_silent(outcome, exchange->timeout_ns, when);
        break;
    case HANDLER_STOPPED:
        call_raise_stopped(exchange->call, &exchange->stop, NULL, 0);
        break;
    case HANDLER_NO_MEMORY:
        no_memory(outcome);
        break;
    }
}

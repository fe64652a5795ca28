/* One call on a remote worker: sent, followed and ended. Worker threads. */
#include "daemon/run/remote_impl.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/core/call.h"
#include "daemon/core/outcome.h"
#include "daemon/core/output.h"
#include "daemon/core/runner.h"
#include "daemon/run/command_result.h"
#include "daemon/run/handler_exchange.h"
#include "daemon/run/handler_result.h"

/* How long a worker may take to answer after a stop's grace. */
#define STOP_PATIENCE_MS 5000

/* ---- what is different from a handler ---- */

/* The exchange of a seat. */
struct conversation {
    struct handler_exchange exchange;
    struct seat *seat;
};

static bool take_stderr(struct handler_exchange *exchange)
{
    return handler_process_log_stderr(exchange->process);
}

static void take_message(struct handler_exchange *exchange, const struct handler_message *message)
{
    struct conversation *talk = (struct conversation *)exchange;

    if (message->kind == HANDLER_ALIVE) {
        remote_write_alive(&exchange->more, message->number);
        return;
    }
    /* One of an earlier call comes too late. */
    if (message->id != exchange->id)
        return;
    if (message->kind == HANDLER_PID)
        atomic_store(&talk->seat->pid, (pid_t)message->number);
    else if (message->kind == HANDLER_OUTPUT)
        output_append(exchange->output, message->stream, message->data, message->data_bytes);
}

static void ask_to_stop(struct handler_exchange *exchange, const struct stop_request *request)
{
    remote_write_stop(&exchange->more, exchange->id, request);
}

static const struct exchange_peer peer = {
    .take_stderr = take_stderr,
    .take_message = take_message,
    .ask_to_stop = ask_to_stop,
    .patience_ms = STOP_PATIENCE_MS,
};

/* ---- how it is lost ---- */

/* What happened, in a word for programs and as a sentence. */
static const char *loss_of(const struct handler_exchange *exchange, enum handler_end end,
                           const struct process_exit *status, char ret_text[SEAT_EXIT_BYTES])
{
    switch (end) {
    case HANDLER_ANSWERED:
    case HANDLER_STOPPED:
    case HANDLER_UNREAD:
    case HANDLER_EXITED:
        seat_exit_text(status, ret_text);
        return "exit";
    case HANDLER_CLOSED:
        snprintf(ret_text, SEAT_EXIT_BYTES, "the launcher closed its stdout");
        return "closed";
    case HANDLER_GARBAGE:
        snprintf(ret_text, SEAT_EXIT_BYTES, "there came %s", exchange->why);
        return "garbage";
    case HANDLER_OVERSIZE:
        snprintf(ret_text, SEAT_EXIT_BYTES, "there came a line without end");
        return "oversize";
    case HANDLER_WRONG_ID:
        snprintf(ret_text, SEAT_EXIT_BYTES, "there came an answer to something else");
        return "wrong_id";
    case HANDLER_SILENT:
        snprintf(ret_text, SEAT_EXIT_BYTES, "it was silent for %g s",
                 (double)exchange->timeout_ns / 1e9);
        return "silence";
    case HANDLER_NO_MEMORY:
        break;
    }
    snprintf(ret_text, SEAT_EXIT_BYTES, "there was no memory for what it said");
    return "memory";
}

static char *loss_data(const char *reason, const char *host, const struct process_exit *status,
                       const char *words)
{
    char name[PROCESS_SIGNAL_NAME_BYTES];
    char *text;
    json_t *data;

    if (status->signal_number != 0)
        process_signal_name(status->signal_number, name);
    data = json_pack(
        "{s:s, s:s, s:{s:o, s:o}, s:s}", "reason", reason, "host", host, "launcher", "exit_code",
        status->signal_number ? json_null() : json_integer(status->exit_code), "signal",
        status->signal_number ? json_string(name) : json_null(), "stderr", words);
    text = data ? json_dumps(data, JSON_COMPACT) : NULL;
    json_decref(data);
    return text;
}

/* How long until nothing can be left of the call: a worker that hears nothing ends its job. */
static uint64_t rest_ns(const struct seat *seat, const struct handler_exchange *exchange)
{
    uint64_t now_ns = clock_mono_ns();
    uint64_t over_ns = exchange->heard_ns + remote_silence_ns(seat->remote);

    return exchange->heard_ns > 0 && over_ns > now_ns ? over_ns - now_ns : 0;
}

static void lose(struct seat *seat, struct handler_exchange *exchange, enum handler_end end)
{
    struct call *call = exchange->call;
    const char *host = seat->host; /* our own thread sets it */
    char words[HANDLER_LAST_WORDS_BYTES + 1], text[SEAT_EXIT_BYTES], message[256];
    struct process_exit status;
    const char *reason;
    char *data;

    seat_last_words(seat, words);
    handler_process_kill(seat->process, &status);
    reason = loss_of(exchange, end, &status, text);
    snprintf(message, sizeof(message), "the worker on %.64s was lost: %s", host, text);
    log_warning("pool %s: worker %s: %s", seat->remote->pool, seat->name, message);
    data = loss_data(reason, host, &status, words);
    if (data)
        outcome_set_exception(call_outcome(call), "WorkerLost", message, data, strlen(data));
    else
        command_result_no_memory(call_outcome(call));
    call_lost(call, end == HANDLER_UNREAD, rest_ns(seat, exchange));
    handler_backoff_failed(&seat->remote->backoff, clock_mono_ns());
    seat_lose(seat);
}

/* ---- the call ---- */

static int write_request(const struct function *function, struct call *call, struct writer *writer)
{
    struct remote_call request = {
        .id = call_id(call),
        .fn = function->name,
        .attempt = call_attempt(call),
    };
    const char *recipe = function->ops->recipe ? function->ops->recipe(function) : NULL;

    request.args.text = call_args(call, &request.args.size);
    request.item.text = call_item(call, &request.item.size);
    if (recipe)
        request.recipe = (struct slice){recipe, strlen(recipe)};
    remote_write_call(writer, &request);
    return writer_failed(writer) ? -1 : 0;
}

static void talk_to(struct seat *seat, struct call *call, const struct writer *request)
{
    struct conversation talk = {
        .exchange = {.peer = &peer,
                     .spec = &seat->spec,
                     .process = seat->process,
                     .call = call,
                     .output = call_output(call),
                     .request = request->data,
                     .request_bytes = request->size,
                     .id = call_id(call),
                     .timeout_ns = remote_silence_ns(seat->remote)},
        .seat = seat,
    };
    struct handler_exchange *exchange = &talk.exchange;
    enum handler_end end = handler_exchange_run(exchange);

    if (end == HANDLER_ANSWERED) {
        handler_result_answer(call_outcome(call), &exchange->answer);
        if (exchange->answer.break_pool)
            call_break_pool(call);
        handler_message_clear(&exchange->answer);
        seat->process->tasks++;
        atomic_store(&seat->pid, 0);
    } else {
        lose(seat, exchange, end);
    }
    writer_free(&exchange->more);
}

bool seat_run(struct seat *seat, const struct function *function, struct call *call)
{
    struct writer request = {0};

    if (write_request(function, call, &request) == 0 && call_output(call))
        talk_to(seat, call, &request);
    else
        command_result_no_memory(call_outcome(call));
    writer_free(&request);
    return !seat->lost;
}

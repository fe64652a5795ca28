/* One call of a handler's function, on a process of its stock. Worker threads. */
#include "daemon/run/handler_impl.h"

#include "daemon/base/clock.h"
#include "daemon/core/call.h"
#include "daemon/core/outcome.h"
#include "daemon/run/args.h"
#include "daemon/run/command_result.h"
#include "daemon/run/handler_exchange.h"
#include "daemon/run/handler_result.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* How often a call that waits for the next try looks whether another one has left a process. */
#define LOOK_NS (100 * NS_PER_MS)

/* What is left to do for a call. */
enum progress { CALL_OVER, CALL_GOES_ON };

/* ---- how it fails ---- */

static void note_failure(struct handler *handler, struct call *call)
{
    handler_backoff_failed(&handler->backoff, clock_mono_ns());
    if (handler->break_pool)
        call_break_pool(call);
}

/* Sets the outcome of an exchange without an answer, and gets rid of the process: it may still be
 * at the old call when the next one comes. */
static void fail_call(struct handler *handler, struct handler_exchange *exchange,
                      enum handler_end end, bool at_init)
{
    struct process_exit status;

    handler_process_kill(exchange->process, &status);
    exchange->process = NULL;
    call_set_pid(exchange->call, 0);
    handler_result_failed(exchange, end, &status, at_init);
    switch (end) {
    case HANDLER_ANSWERED:
    case HANDLER_UNREAD:
    case HANDLER_STOPPED:
    case HANDLER_NO_MEMORY:
        break;
    case HANDLER_SILENT:
        handler_backoff_failed(&handler->backoff, clock_mono_ns());
        break;
    case HANDLER_EXITED:
    case HANDLER_CLOSED:
    case HANDLER_GARBAGE:
    case HANDLER_OVERSIZE:
    case HANDLER_WRONG_ID:
        note_failure(handler, exchange->call);
        break;
    }
}

/* ---- a process for it ---- */

static struct handler_exchange exchange_with(const struct handler *handler,
                                             struct handler_process *process, struct call *call)
{
    return (struct handler_exchange){
        .spec = &handler->spec,
        .process = process,
        .call = call,
        .output = call_output(call),
        .timeout_ns = handler->timeout_ns,
    };
}

/* Sends `init` and waits for the answer. Where there is no good one the outcome is set, and the
 * process is gone. */
static int initialize(struct handler *handler, struct handler_process *process, struct call *call)
{
    struct handler_exchange exchange = exchange_with(handler, process, call);
    enum handler_end end;

    if (handler->init.size == 0)
        return 0;
    exchange.id = HANDLER_INIT_ID;
    exchange.request = handler->init.data;
    exchange.request_bytes = handler->init.size;
    end = handler_exchange_run(&exchange);
    if (end != HANDLER_ANSWERED) {
        fail_call(handler, &exchange, end, true);
        return -ECANCELED;
    }
    if (exchange.answer.kind == HANDLER_ERROR) {
        handler_process_kill(process, NULL);
        call_set_pid(call, 0);
        handler_result_init_refused(call_outcome(call), &exchange.answer);
        note_failure(handler, call);
        handler_message_clear(&exchange.answer);
        return -ECANCELED;
    }
    handler_message_clear(&exchange.answer);
    return 0;
}

static int start(struct handler *handler, struct call *call, struct handler_process **ret_process)
{
    struct handler_process *process;
    const char *step;
    int r = handler_process_start(&handler->spec, &process, &step);

    if (r < 0) {
        bool in_cwd = strcmp(step, process_step_name(PROCESS_STEP_CHDIR)) == 0;

        command_result_spawn_error(call_outcome(call), -r, step,
                                   in_cwd ? handler->cwd : handler->argv[0]);
        note_failure(handler, call);
        return -ECANCELED;
    }
    call_set_pid(call, process->process.pid);
    r = initialize(handler, process, call);
    if (r == 0)
        *ret_process = process;
    return r;
}

/* Waits for `retry_ns`, but not for long. False where the call is to stop: the outcome is set. */
static bool wait_for_retry(struct call *call, uint64_t retry_ns)
{
    struct pollfd stop = {.fd = call_stop_fd(call), .events = POLLIN};
    uint64_t look_ns = clock_mono_ns() + LOOK_NS;
    struct stop_request request;

    if (poll(&stop, 1, clock_poll_ms(retry_ns < look_ns ? retry_ns : look_ns)) <= 0 ||
        !call_stop(call, &request))
        return true;
    call_raise_stopped(call, &request, NULL, 0);
    return false;
}

/* An idle process, or a new one as soon as the failures before allow it. 0; -ECANCELED where there
 * is none, and the outcome is set. */
static int acquire(struct handler *handler, struct call *call, struct handler_process **ret_process)
{
    for (;;) {
        struct handler_process *process = handler_keeper_take(handler->keeper, &handler->stock);
        uint64_t retry_ns;

        if (process && handler_process_is_fit(process)) {
            call_set_pid(call, process->process.pid);
            *ret_process = process;
            return 0;
        }
        if (process) {
            handler_process_kill(process, NULL);
            continue;
        }
        retry_ns = handler_backoff_claim(&handler->backoff, clock_mono_ns());
        if (retry_ns == 0)
            return start(handler, call, ret_process);
        if (!wait_for_retry(call, retry_ns))
            return -ECANCELED;
    }
}

/* After an answer: kept for the next call, or at the end of its time. */
static void put_back(struct handler *handler, struct handler_process *process)
{
    handler_backoff_succeeded(&handler->backoff);
    process->tasks++;
    if (!handler_process_takes_lines(process))
        handler_process_kill(process, NULL);
    else if (handler->max_tasks > 0 && process->tasks >= handler->max_tasks)
        handler_keeper_end(handler->keeper, process);
    else
        handler_keeper_give(handler->keeper, &handler->stock, process);
}

/* ---- the call ---- */

/* The request for the call, as a line. 0 or -ENOMEM. */
static int write_request(const struct handler *handler, struct call *call, struct writer *writer)
{
    size_t args_bytes, item_bytes;
    const char *args = call_args(call, &args_bytes);
    const char *item = call_item(call, &item_bytes);
    struct slice params = {"{}", 2};
    char *joined = NULL;

    if (item) {
        int r = args_join_item(args, args_bytes, item, item_bytes, &joined, &params.size);

        if (r < 0)
            return r;
        params.text = joined;
    } else if (args_bytes > 0) {
        params = (struct slice){args, args_bytes};
    }
    handler_message_request(writer, call_id(call), handler->name, params);
    free(joined);
    return writer_failed(writer) ? -ENOMEM : 0;
}

/* One try on one process. */
static enum progress attempt(struct handler *handler, struct call *call,
                             const struct writer *request)
{
    struct handler_process *process;
    struct handler_exchange exchange;
    enum handler_end end;

    if (acquire(handler, call, &process) < 0)
        return CALL_OVER;
    exchange = exchange_with(handler, process, call);
    exchange.id = call_id(call);
    exchange.request = request->data;
    exchange.request_bytes = request->size;
    end = handler_exchange_run(&exchange);
    if (end == HANDLER_ANSWERED) {
        /* The answer lies in what the process has to read with. */
        handler_result_answer(call_outcome(call), &exchange.answer);
        handler_message_clear(&exchange.answer);
        put_back(handler, process);
        return CALL_OVER;
    }
    if (end == HANDLER_UNREAD) {
        handler_process_kill(process, NULL);
        return CALL_GOES_ON;
    }
    fail_call(handler, &exchange, end, false);
    return CALL_OVER;
}

void handler_run(const struct function *function, struct call *call)
{
    struct handler *handler = handler_of(function);
    struct writer request = {0};

    if (write_request(handler, call, &request) == 0 && call_output(call)) {
        while (attempt(handler, call, &request) == CALL_GOES_ON) {
        }
    } else {
        command_result_no_memory(call_outcome(call));
    }
    writer_free(&request);
}

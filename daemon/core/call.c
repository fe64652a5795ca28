#include "daemon/core/call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/call_impl.h"
#include "daemon/core/worker.h"

struct call *call_new(void)
{
    /* As calloc, which would go past the thread's cache of free memory. */
    struct call *call = malloc(sizeof(*call));
    if (call)
        *call = (struct call){
            .started.kind = MESSAGE_CALL_STARTED,
            .finished.kind = MESSAGE_CALL_FINISHED,
            .output_changed.kind = MESSAGE_CALL_OUTPUT,
            .progressed.kind = MESSAGE_CALL_PROGRESS,
        };
    return call;
}

void call_free(struct call *call)
{
    if (!call)
        return;
    struct output *output = atomic_load(&call->output);
    if (output)
        output_watch(output, NULL, NULL);
    output_unref(output);
    outcome_clear(&call->outcome);
    free(atomic_load(&call->progress));
    free(call->host);
    free(call);
}

uint64_t call_id(const struct call *call)
{
    return call->id;
}

unsigned call_attempt(const struct call *call)
{
    return call->attempt;
}

const char *call_args(const struct call *call, size_t *ret_bytes)
{
    *ret_bytes = call->args_bytes;
    return call->args;
}

const char *call_item(const struct call *call, size_t *ret_bytes)
{
    *ret_bytes = call->item_bytes;
    return call->item;
}

struct output *call_output_ensure(struct call *call)
{
    struct output *output = atomic_load(&call->output);
    if (output)
        return output;
    struct output *fresh = output_new(call->output_cap_bytes);
    if (!fresh)
        return NULL;
    if (atomic_compare_exchange_strong(&call->output, &output, fresh))
        return fresh;
    output_unref(fresh);
    return output;
}

/* On the worker's thread. */
static void on_output_changed(void *arg)
{
    struct call *call = arg;
    if (!atomic_exchange(&call->output_posted, true))
        worker_post(call->worker, &call->output_changed);
}

void call_watch_output(struct call *call)
{
    struct output *output = call_output_ensure(call);
    if (output)
        output_watch(output, on_output_changed, call);
}

struct output *call_output(struct call *call)
{
    return call_output_ensure(call);
}

int call_progress(struct call *call, const char *json, size_t json_bytes)
{
    if (call->id == 0)
        return 0; /* an initializer: nobody could ask */
    char *copy = strndup(json, json_bytes);
    if (!copy)
        return -ENOMEM;
    free(atomic_exchange(&call->progress, copy));
    if (!atomic_exchange(&call->progress_posted, true))
        worker_post(call->worker, &call->progressed);
    return 0;
}

bool stop_request_follow(struct stop_request *asked, const struct stop_request *newer)
{
    struct stop_request next = *newer;
    if (newer->cause == STOP_TIMEOUT && asked->cause != STOP_NONE)
        return false;
    if (newer->cause == asked->cause && newer->reason[0] == '\0')
        memcpy(next.reason, asked->reason, sizeof(next.reason));
    next.serial = asked->serial + 1;
    *asked = next;
    return true;
}

bool call_stop_asked(const struct call *call)
{
    return atomic_load_explicit(&call->stop_asked, memory_order_relaxed);
}

void call_break_pool(struct call *call)
{
    call->break_pool = true;
}

void call_lost(struct call *call, bool unseen, uint64_t rest_ns)
{
    call->lost = unseen ? LOST_UNSEEN : LOST;
    call->rest_ns = rest_ns;
}

struct outcome *call_outcome(struct call *call)
{
    return &call->outcome;
}

void call_set_pid(struct call *call, pid_t pid)
{
    atomic_store(&call->pid, pid);
}

void call_raise_stopped(struct call *call, const struct stop_request *request, char *data,
                        size_t data_bytes)
{
    const char *type = "Terminated";
    const char *what = "terminated";
    switch (request->cause) {
    case STOP_NONE:
    case STOP_TERMINATE:
        break;
    case STOP_TIMEOUT:
        type = "TimedOut";
        what = "ran for longer than its timeout";
        break;
    case STOP_DISCONNECT:
        what = "terminated: its client has gone away";
        break;
    case STOP_SHUTDOWN:
        what = "terminated: the daemon shuts down";
        break;
    }
    char message[sizeof(request->reason) + 64];
    if (request->reason[0] != '\0')
        snprintf(message, sizeof(message), "%s: %s", what, request->reason);
    else
        snprintf(message, sizeof(message), "%s", what);
    outcome_set_exception(&call->outcome, type, message, data, data_bytes);
}

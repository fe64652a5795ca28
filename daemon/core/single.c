#include "daemon/core/single.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/container.h"
#include "daemon/core/call_impl.h"
#include "daemon/core/completion.h"
#include "daemon/core/work_queue.h"
#include "daemon/core/worker.h"

struct single {
    struct single_hooks hooks;
    uint64_t output_bytes;
    struct completions *completions;
    struct work_queue *queue;
    struct worker *worker;
    bool busy;
    bool stop_waits, watch_waits; /* for the start to be told, which tells the call */
    struct stop_request stop;     /* where `stop_waits` */
    struct single_call what;      /* with its texts in `text`; the worker's while busy */
    char *text;                   /* the arguments, and the item behind them */
    struct work work;
    struct call *call; /* the running one, or the last; NULL: its start was not told yet */
};

/* On the worker's thread. */
static void begin_call(struct call *call, struct work *work)
{
    const struct single *single = CONTAINER_OF(work, struct single, work);
    const struct single_call *what = &single->what;

    call->id = what->id;
    call->function = what->function;
    call->args = what->args;
    call->args_bytes = what->args_bytes;
    call->item = what->item;
    call->item_bytes = what->item_bytes;
    call->output_cap_bytes = single->output_bytes;
    call->attempt = what->attempt;
}

static void clear(struct single *single)
{
    call_free(single->call);
    single->call = NULL;
    free(single->text);
    single->text = NULL;
}

static void on_started(struct single *single, struct message *message)
{
    struct call *call = CONTAINER_OF(message, struct call, started);

    single->call = call;
    if (single->stop_waits)
        worker_stop_call(single->worker, call, &single->stop);
    if (single->watch_waits) {
        call_watch_output(call);
        single->hooks.on_output(single->hooks.arg); /* there may be some already */
    }
    single->stop_waits = single->watch_waits = false;
}

static void on_progress(struct single *single)
{
    struct call *call = single->call;
    char *progress;

    atomic_store(&call->progress_posted, false);
    progress = atomic_exchange(&call->progress, NULL);
    if (progress)
        single->hooks.on_progress(single->hooks.arg, progress);
    free(progress);
}

static void handle(struct single *single, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_CALL_STARTED:
        on_started(single, message);
        break;
    case MESSAGE_CALL_OUTPUT:
        atomic_store(&single->call->output_posted, false);
        single->hooks.on_output(single->hooks.arg);
        break;
    case MESSAGE_CALL_PROGRESS:
        on_progress(single);
        break;
    case MESSAGE_CALL_FINISHED:
        single->busy = false;
        single->hooks.on_finished(single->hooks.arg, &single->call->outcome,
                                  single->call->break_pool);
        break;
    case MESSAGE_WORKER_EXITED:
    case MESSAGE_WORKER_BROKEN:
        break; /* it ends in single_free alone */
    }
}

static void on_wakeup(void *arg)
{
    struct single *single = arg;
    struct message *message = completions_take(single->completions);

    while (message) {
        struct message *next = message->next;

        handle(single, message);
        message = next;
    }
}

int single_new(struct loop *loop, const char *name, unsigned number, uint64_t output_bytes,
               const struct single_hooks *hooks, struct single **ret_single)
{
    struct single *single = calloc(1, sizeof(*single));
    struct work_queue_rules rules = {.max_threads = 1, .min_threads = 1};
    struct worker_settings settings = {
        .begin_call = begin_call, .name_prefix = name, .number = number};
    int r = -ENOMEM;

    if (!single)
        return r;
    single->hooks = *hooks;
    single->output_bytes = output_bytes;
    single->queue = work_queue_new();
    if (single->queue)
        r = completions_new(loop, on_wakeup, single, &single->completions);
    if (r == 0) {
        work_queue_set_rules(single->queue, &rules);
        settings.queue = single->queue;
        settings.completions = single->completions;
        r = worker_start(&settings, single, &single->worker);
    }
    if (r < 0) {
        single_free(single);
        return r;
    }
    *ret_single = single;
    return 0;
}

void single_free(struct single *single)
{
    struct work_queue_rules closing = {.max_threads = 1, .closing = true};

    if (!single)
        return;
    if (single->worker) {
        work_queue_set_rules(single->queue, &closing);
        worker_join(single->worker);
        worker_free(single->worker);
    }
    clear(single);
    completions_free(single->completions);
    work_queue_free(single->queue);
    free(single);
}

int single_start(struct single *single, const struct single_call *what)
{
    char *text = malloc(what->args_bytes + what->item_bytes + 1);
    int r;

    if (!text)
        return -ENOMEM;
    clear(single);
    memcpy(text, what->args, what->args_bytes);
    if (what->item)
        memcpy(text + what->args_bytes, what->item, what->item_bytes);
    single->text = text;
    single->what = *what;
    single->what.args = text;
    single->what.item = what->item ? text + what->args_bytes : NULL;
    single->stop_waits = single->watch_waits = false;
    r = work_queue_push(single->queue, &single->work, 0, 0, 0);
    work_queue_wake(single->queue);
    single->busy = r == 0;
    return r;
}

bool single_is_busy(const struct single *single)
{
    return single->busy;
}

void single_stop(struct single *single, const struct stop_request *request)
{
    if (!single->busy)
        return;
    if (single->call) {
        worker_stop_call(single->worker, single->call, request);
        return;
    }
    single->stop = *request;
    single->stop_waits = true;
    completions_wake_always(single->completions, true);
}

void single_watch(struct single *single)
{
    if (!single->busy)
        return;
    if (single->call) {
        call_watch_output(single->call);
        return;
    }
    single->watch_waits = true;
    completions_wake_always(single->completions, true);
}

struct output *single_output(const struct single *single)
{
    return single->call ? atomic_load(&single->call->output) : NULL;
}

pid_t single_pid(const struct single *single)
{
    return single->call ? atomic_load(&single->call->pid) : 0;
}

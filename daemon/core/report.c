/* What the workers report: a start, output, progress, an end, and their own end. The loop takes it
 * in when a report wakes it, and before each request, so that what has happened by then has
 * happened for the request, too. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/base/log.h"
#include "daemon/core/completion.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"
#include "daemon/core/worker.h"

void wake_for_starts(struct executor *executor)
{
    completions_wake_always(executor->completions,
                            executor->running_wanted || executor->reports_awaited > 0);
}

void await_report(struct future *future)
{
    struct executor *executor = executor_of(future);
    if (future->report_awaited)
        return;
    future->report_awaited = true;
    executor->reports_awaited++;
    wake_for_starts(executor);
}

void await_no_report(struct future *future)
{
    struct executor *executor = executor_of(future);
    if (!future->report_awaited)
        return;
    future->report_awaited = false;
    executor->reports_awaited--;
    wake_for_starts(executor);
}

/* What was asked of the call while nobody knew which it is. */
static void catch_up(struct future *future)
{
    struct call *call = future->call;
    struct rare *rare = future->rare;
    await_no_report(future);
    if (rare && rare->stop_on_start) {
        worker_stop_call(pool_call_worker(call), call, rare->stop_on_start);
        free(rare->stop_on_start);
        rare->stop_on_start = NULL;
    }
    if (!future->watch_output)
        return;
    call_watch_output(call);
    struct output *output = future_output(future);
    if (output && output_bytes(output) > 0)
        future_tell(future, EVENT_FUTURE_OUTPUT);
}

static void on_call_started(struct call *call)
{
    struct future *future = call->future;
    future->call = call;
    pool_call_started(future->spec->pool, call);
    start_call(future, call->started_us);
    let_start(future);
    catch_up(future);
}

static void on_call_output(struct call *call)
{
    struct future *future = call->future;
    atomic_store(&call->output_posted, false);
    future_tell(future, EVENT_FUTURE_OUTPUT);
}

static void on_call_progress(struct executor *executor, struct call *call)
{
    struct future *future = call->future;
    atomic_store(&call->progress_posted, false);
    char *progress = atomic_exchange(&call->progress, NULL);
    if (!progress)
        return;
    struct rare *rare = future_rare(future);
    if (!rare) {
        free(progress); /* there may be a later one */
        return;
    }
    free(rare->progress);
    rare->progress = progress;
    if (executor->observer.on_progress)
        executor->observer.on_progress(executor->observer.arg, future);
    future_tell(future, EVENT_FUTURE_PROGRESS);
}

/* The pool can run nothing any more, so everything that waits in it ends now. */
static void break_pool(struct executor *executor, struct pool *pool, const char *what,
                       const struct outcome *failure)
{
    if (pool_is_broken(pool))
        return;
    char message[512];
    snprintf(message, sizeof(message), "%s of pool %s failed: %s: %s", what, pool_name(pool),
             outcome_type(failure), outcome_message(failure));
    log_error("%s", message);
    pool_break(pool);
    struct future *future = future_table_above(executor->table, 1);
    for (; future; future = future_table_above(executor->table, future->id + 1)) {
        if (future->spec->pool != pool || future->state != FUTURE_PENDING || future->settling ||
            own_map(future))
            continue;
        if (future->starting || (future->queued && !pool_remove(pool, &future->work)))
            continue; /* another worker was good and has taken it */
        future->queued = false;
        settle_exception(future, "BrokenPool", message, NULL);
    }
}

static void on_worker_broken(struct executor *executor, struct worker *worker)
{
    break_pool(executor, pool_of_worker(worker), "the initializer", worker_failure(worker));
}

/* Once for all that have ended: they come in groups. */
static void look_ahead(struct executor *executor, struct pool *next_pool)
{
    if (executor->fast_pool && executor->fast_pool != next_pool)
        ahead_of(executor, executor->fast_pool);
    executor->fast_pool = next_pool;
}

static void on_call_finished(struct executor *executor, struct call *call)
{
    struct future *future = call->future;
    struct pool *pool = future->spec->pool;
    if (executor->marks && spec_is_gated(future->spec)) {
        /* Those that are taken in together have ended together. */
        if (executor->ends_ns == 0)
            executor->ends_ns = clock_mono_ns();
        if (pool_ends_fast(pool, executor->ends_ns))
            look_ahead(executor, pool);
    }
    pool_call_finished(pool, call);
    if (call->break_pool && call->outcome.kind == OUTCOME_EXCEPTION)
        break_pool(executor, pool, "a handler", &call->outcome);
    if (future->holds & HOLD_COMMIT)
        early_finished(future);
    else
        end_running(future);
}

static void handle(struct executor *executor, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_CALL_STARTED:
        on_call_started(CONTAINER_OF(message, struct call, started));
        return;
    case MESSAGE_CALL_FINISHED:
        on_call_finished(executor, CONTAINER_OF(message, struct call, finished));
        return;
    case MESSAGE_CALL_OUTPUT:
        on_call_output(CONTAINER_OF(message, struct call, output_changed));
        return;
    case MESSAGE_WORKER_BROKEN:
        on_worker_broken(executor, worker_of_message(message));
        return;
    case MESSAGE_CALL_PROGRESS:
        on_call_progress(executor, CONTAINER_OF(message, struct call, progressed));
        return;
    case MESSAGE_WORKER_EXITED:
        pool_worker_exited(worker_of_message(message));
        return;
    }
}

void executor_sync(struct executor *executor)
{
    if (executor->settling)
        return;
    retention_enforce(executor);
    cache_enforce(executor);
    struct message *message = completions_take(executor->completions);
    if (!message)
        return;
    executor->ends_ns = 0;
    while (message) {
        /* Handling it may free what holds it. */
        struct message *next = message->next;
        handle(executor, message);
        message = next;
    }
    look_ahead(executor, NULL);
    settle_run(executor);
}

void on_reports(void *arg)
{
    executor_sync(arg);
}

void executor_want_running(struct executor *executor, bool wanted)
{
    executor->running_wanted = wanted;
    wake_for_starts(executor);
    if (wanted)
        executor_sync(executor);
}

void give_calls_back(struct executor *executor)
{
    struct message *message = completions_take(executor->completions);
    for (; message; message = message->next)
        if (message->kind == MESSAGE_CALL_STARTED) {
            struct call *call = CONTAINER_OF(message, struct call, started);
            call->future->call = call;
        }
}

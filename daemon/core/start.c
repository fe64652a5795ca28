/* From the queue to RUNNING: a worker has taken a call. Where the start must be stored before it
 * happens the worker waits at its gate until it is. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/core/begun.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_log.h"
#include "daemon/core/worker.h"

/* Between the signal of a timeout and SIGKILL. */
#define TIMEOUT_GRACE_MS 10000

static void on_timeout(struct deadline *deadline)
{
    struct future *future = future_of_deadline(deadline);
    struct stop_request stop = {
        .cause = STOP_TIMEOUT,
        .signal_number = SIGTERM,
        .grace_ms = TIMEOUT_GRACE_MS,
    };
    if (!stop_call(future, &stop))
        log_error("future %llu: no memory for its timeout", (unsigned long long)future->id);
}

void begin_running(struct future *future, int64_t wall_us)
{
    struct executor *executor = executor_of(future);
    if (future->state != FUTURE_PENDING)
        return;
    /* Before anybody is told: whoever has seen it running must not find it pending again. */
    if (future->ahead)
        begun_set(executor->marks, future->id, future->attempt);
    /* What was stored has its cursor already. */
    uint64_t cursor = future->early_end  ? future->cursor
                      : future->starting ? future->coming_cursor
                                         : next_cursor(executor);
    future->queued = future->starting = false;
    if (!change_state(future, FUTURE_RUNNING, cursor, wall_us))
        return;
    if (future->spec->timeout_ns > 0 && !own_map(future)) {
        uint64_t now_ns = clock_mono_ns();
        uint64_t timeout_ns = future->spec->timeout_ns;
        uint64_t when_ns = timeout_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + timeout_ns;
        if (future_set_deadline(future, when_ns, on_timeout) < 0)
            log_error("future %llu: no memory for its timeout", (unsigned long long)future->id);
    }
    if (future->is_item)
        map_item_running(item_map(future), wall_us);
    future_log_running(future);
    if (executor->observer.on_running)
        executor->observer.on_running(executor->observer.arg, future);
    future_tell(future, EVENT_FUTURE_RUNNING);
}

void let_start(struct future *future)
{
    struct worker *worker = pool_call_worker(future->call);
    if (!future->let_start || !worker)
        return;
    /* Once: the worker's next call has to wait again. */
    future->let_start = false;
    /* What was stored ahead when it was taken waits at no gate. */
    if (future->call->gated)
        worker_open_gate(worker, future->refuse_start ? GATE_REFUSED
                                 : future->ahead      ? GATE_OPEN_AHEAD
                                                      : GATE_OPEN);
}

void start_stored(struct future *future, int error)
{
    if (error < 0) {
        /* Its end will tell. What was not stored as started is not executed. */
        log_error("future %llu: its start could not be stored: %s", (unsigned long long)future->id,
                  strerror(-error));
        future->refuse_start = true;
        reserve_again(executor_of(future));
    }
    future->let_start = true;
    begin_running(future, clock_wall_us());
    let_start(future);
    settle_run(executor_of(future));
}

static void on_start_stored(void *arg, int error)
{
    start_stored(arg, error);
}

void start_call(struct future *future, int64_t wall_us)
{
    struct executor *executor = executor_of(future);
    if (future->holds & HOLD_COMMIT) {
        early_started(future, wall_us);
        return;
    }
    if (!spec_is_gated(future->spec)) {
        begin_running(future, wall_us);
        return;
    }
    if (future->starting || future->state != FUTURE_PENDING)
        return;
    future->queued = false;
    if (future->ahead) {
        future->let_start = true;
        begin_running(future, wall_us);
        return;
    }
    future->starting = true;
    future->coming_cursor = next_cursor(executor);
    if (future->ahead_asked)
        return;
    put_started(future, wall_us);
    executor->settings.store->ops->commit(executor->settings.store, false, on_start_stored, future);
}

/* From RUNNING to done: what a finished call becomes, who is told, and what that sets free. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/base/log.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_log.h"
#include "daemon/core/worker.h"

void stop_waiting(struct future *future)
{
    future_clear_deadline(future);
    drop_dependencies(future);
    future->holds &= HOLD_COMMIT;
}

bool change_state(struct future *future, enum future_state state, uint64_t cursor, int64_t wall_us)
{
    int r = future_set_state(future, state, cursor, wall_us);
    if (r < 0)
        log_error("future %llu: refused to go from %s to %s", (unsigned long long)future->id,
                  future_state_name(future->state), future_state_name(state));
    return r == 0;
}

/* ---- running ---- */

int prepare_attempt(struct future *future)
{
    struct rare *rare = future_rare(future);
    if (rare && !rare->spare)
        rare->spare = calloc(1, sizeof(*rare->spare));
    return rare && rare->spare ? 0 : -ENOMEM;
}

void begin_attempt(struct future *future, uint64_t delay_ns)
{
    struct rare *rare = future->rare;
    struct attempt *attempt = rare->spare;
    rare->spare = NULL;
    *attempt = (struct attempt){
        .earlier = rare->attempts,
        .number = future->attempt,
        .started_us = future->started_us,
        .finished_us = future->finished_us,
    };
    rare->attempts = attempt;
    if (future->call) {
        attempt->outcome = future->call->outcome;
        if (!future_is_done(future))
            attempt->finished_us = future->call->finished_us;
        future->call->outcome = (struct outcome){.kind = OUTCOME_NONE};
    }
    future->attempt++;
    future->stopped = false;
    free(rare->progress);
    rare->progress = NULL;
    future->let_start = future->refuse_start = future->ahead = false;
    /* A done one had its lists there. */
    future->work = (struct work){.lane = NULL};
    future->queued_us = 0;
    change_state(future, FUTURE_PENDING, next_cursor(executor_of(future)), 0);
    call_free(future->call);
    future->call = NULL;
    if (future->watch_output)
        future_watch_output(future);
    put_retried(future, delay_ns > 0 ? clock_wall_us() + (int64_t)(delay_ns / 1000) : 0);
}

int next_attempt(struct future *future, uint64_t delay_ns)
{
    struct executor *executor = executor_of(future);
    if (prepare_attempt(future) < 0 || reserve_changes(executor, 1, retried_bytes(future)) < 0)
        return -ENOMEM;
    begin_attempt(future, delay_ns);
    commit_quietly(executor);
    return 0;
}

/* The wait before the next attempt: exponential, and up to a quarter longer by chance, so that
 * jobs which failed together do not come back together. */
static uint64_t retry_delay_ns(const struct future *future)
{
    static const double longest_ns = 1e18; /* some thirty years */
    double delay_ns = (double)future->spec->retry_delay_ns;
    double backoff = future->spec->retry_backoff;
    for (unsigned i = 1; i < future->attempt && backoff > 1 && delay_ns < longest_ns; i++)
        delay_ns *= backoff;
    delay_ns *= 1 + (double)arc4random_uniform(1000) / 4000;
    return (uint64_t)(delay_ns < longest_ns ? delay_ns : longest_ns);
}

/* Whether another attempt follows, and in how long. Where whoever executed it is lost, that is as a
 * crash of the daemon: who has asked for it gets another attempt, and so does what never began. */
static bool tries_again(const struct future *future, uint64_t *ret_delay_ns)
{
    const struct executor *executor = executor_of(future);
    const struct call *call = future->call;
    bool rerun = call->lost == LOST_UNSEEN ||
                 (call->lost == LOST && future->spec->rerun_on_crash && !future->spec->scoped);
    if (call->outcome.kind != OUTCOME_EXCEPTION || future->stopped || executor->drop_pending ||
        (!is_stored(future) && executor->keep_pending) ||
        (!rerun && future->attempt > future->spec->retry_max))
        return false;
    *ret_delay_ns = call->lost == LOST_UNSEEN ? 0 : retry_delay_ns(future);
    if (call->lost != LOST_NOT && *ret_delay_ns < call->rest_ns)
        *ret_delay_ns = call->rest_ns;
    return true;
}

void end_running(struct future *future)
{
    uint64_t delay_ns;
    future_clear_deadline(future);
    if (tries_again(future, &delay_ns)) {
        future_log_again(future);
        if (next_attempt(future, delay_ns) == 0) {
            if (hold_for(future, HOLD_RETRY, delay_ns) < 0)
                schedule(future);
            return;
        }
    }
    settle_finished(future);
}

/* ---- settling ---- */

bool ends_failed(const struct future *future)
{
    return !future->cancelling && future_decided(future)->kind == OUTCOME_EXCEPTION;
}

static void count_ending(struct future *future, int by)
{
    struct map *map = item_map(future);
    uint64_t *counter = future->cancelling    ? &map->ending_cancelled
                        : ends_failed(future) ? &map->ending_failed
                                              : &map->ending_well;
    *counter += (uint64_t)(int64_t)by;
}

/* The end goes its way, and that of a map with its last item's: so one commit has them both. */
static void begin_end(struct future *future)
{
    TAILQ_INSERT_TAIL(&executor_of(future)->to_settle, future, link);
    if (future->is_item) {
        count_ending(future, 1);
        map_item_ending(item_map(future), ends_failed(future));
    }
}

static void settle(struct future *future, bool cancelling)
{
    if (future->settling)
        return;
    stop_waiting(future);
    await_no_report(future);
    future->settling = true;
    future->cancelling = cancelling;
    executor_of(future)->cancels += cancelling;
    /* What may never have been has no end: let_in goes on. */
    if (!(future->holds & HOLD_COMMIT))
        begin_end(future);
}

void let_in(struct future *future)
{
    drop_hold(future, HOLD_COMMIT);
    if (future->settling && !future->early_end)
        begin_end(future);
}

void settle_cancelled(struct future *future)
{
    settle(future, true);
}

void settle_finished(struct future *future)
{
    settle(future, false);
}

void settle_exception(struct future *future, const char *type, const char *message,
                      const char *data)
{
    if (future->settling)
        return;
    struct call *call = future_call(future);
    if (call) {
        char *copy = data ? strdup(data) : NULL;
        outcome_set_exception(&call->outcome, type, message, copy, copy ? strlen(copy) : 0);
    }
    settle_finished(future);
}

static void on_again(struct deadline *deadline);

/* It keeps its place among the deadlines all the time: where it is needed there is no memory. */
#define AGAIN_NS   (100 * NS_PER_MS)
#define NOT_NOW_NS (UINT64_C(100) * 365 * 86400 * NS_PER_S)

int settle_ready(struct executor *executor)
{
    return deadline_set(executor->settings.timers, &executor->again, clock_mono_ns() + NOT_NOW_NS,
                        on_again);
}

static void on_again(struct deadline *deadline)
{
    struct executor *executor = CONTAINER_OF(deadline, struct executor, again);
    (void)settle_ready(executor); /* in the place that it has just left */
    executor->stalled = false;
    settle_run(executor);
    give_stored_answers(executor);
}

/* There was no memory to store the end. Nobody may be told before it is stored, so it must be in
 * the end; and those behind it, of which some end because of this one, keep their place. */
static void put_off(struct future *future, int error)
{
    struct executor *executor = executor_of(future);
    log_error("future %llu: its end could not be stored: %s", (unsigned long long)future->id,
              strerror(-error));
    reserve_again(executor);
    TAILQ_INSERT_HEAD(&executor->to_settle, future, link);
    executor->stalled = true;
    (void)deadline_set(executor->settings.timers, &executor->again, clock_mono_ns() + AGAIN_NS,
                       on_again);
}

/* The end is in the store: everybody may know. */
static void on_end_stored(void *arg, int error)
{
    struct future *future = arg;
    struct executor *executor = executor_of(future);
    executor->committing--;
    if (future->holds & HOLD_COMMIT && future->refuse_start) {
        /* Its submit was refused. */
        remove_future(future, false);
        settle_run(executor);
        return;
    }
    if (error < 0) {
        put_off(future, error);
        return;
    }
    future->settling = false;
    if (future->is_item)
        count_ending(future, -1);
    enum future_state state = future->cancelling ? FUTURE_CANCELLED : FUTURE_FINISHED;
    if (!change_state(future, state, future->coming_cursor, future->finished_us))
        return;
    executor->announced = future->cursor;
    future_log_done(future);
    if (!LIST_EMPTY(&executor->blocks))
        blocks_forget(executor, future);
    if (executor->observer.on_done)
        executor->observer.on_done(executor->observer.arg, future);
    future_tell(future, EVENT_FUTURE_DONE);
    struct output *output = future_output(future);
    if (output)
        output_watch(output, NULL, NULL);
    release_dependents(future);
    be_done(future);
    if (future->is_item)
        map_item_done(item_map(future), future);
    settle_run(executor);
}

void give_end(struct future *future)
{
    struct executor *executor = executor_of(future);
    struct store *store = executor->settings.store;
    if (executor->committing++ == 0)
        executor->announced = executor->cursor;
    future->coming_cursor = next_cursor(executor);
    put_end(future, future->finished_us);
    fail_dependents(future);
    store->ops->commit(store, false, on_end_stored, future);
}

void settle_run(struct executor *executor)
{
    if (executor->settling)
        return;
    executor->settling = true;
    struct future *future;
    do {
        while (!executor->stalled && (future = TAILQ_FIRST(&executor->to_settle))) {
            TAILQ_REMOVE(&executor->to_settle, future, link);
            bool ran = future->state == FUTURE_RUNNING && !own_map(future) && future->call;
            future->finished_us = ran ? future->call->finished_us : clock_wall_us();
            give_end(future);
        }
        admit_parked(executor);
    } while (!executor->stalled && !TAILQ_EMPTY(&executor->to_settle));
    executor->settling = false;
    tell_drained(executor);
}

void tell_drained(struct executor *executor)
{
    if (executor->observer.on_drained && executor_is_drained(executor) &&
        !executor_owes_answers(executor))
        executor->observer.on_drained(executor->observer.arg);
}

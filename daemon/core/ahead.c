/* Starts that are stored ahead.
 *
 * A start must be in the store before the call begins, and a worker that waits for a commit
 * executes nothing. Where calls are short that costs more than the calls. So in a pool whose calls
 * end fast the starts of those that come next are stored while they still wait in the queue,
 * together with whatever else is being stored; the worker that takes one of them begins at once.
 * And where a worker is free for what is submitted, its start is stored with the submit.
 *
 * Until then such a future is pending as any other: it can be cancelled, moved and paused. But the
 * store has it as started, and a daemon that is killed must not leave it Interrupted: the worker
 * marks each of these calls when it begins (see begun.h), and the loop before it tells anybody that
 * it runs; what the next daemon finds without its mark is pending again. Only after a crash of the
 * machine, where the marks are lost, do those few count as begun: at most once, as the contract has
 * it. */
#include <stdlib.h>

#include "daemon/core/begun.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"

/* So many for each worker, as the next commit is to find more of them when these are taken. */
#define AHEAD_PER_WORKER 2
#define AHEAD_MAX        64

/* Whether the mark of the future may be set: its place is its own. */
static bool take_place(struct executor *executor, const struct future *future)
{
    struct future *holder;
    if (!executor->places && !(executor->places = calloc(BEGUN_PLACES, sizeof(uint64_t))))
        return false;
    uint64_t *place = &executor->places[begun_place(future->id)];
    if (*place != 0 && *place != future->id &&
        future_table_find(executor->table, *place, &holder) == 0 && !future_is_done(holder))
        return false;
    *place = future->id;
    return true;
}

static void on_ahead_stored(void *arg, int error)
{
    struct future *future = arg;
    future->ahead_asked = false;
    future->ahead = error == 0;
    if (future->starting) {
        start_stored(future, error);
        return;
    }
    /* A worker that has taken it in this very moment is at its gate, and its report will tell. */
    if (error == 0 && future->queued)
        (void)pool_let_begin(future->spec->pool, &future->work);
}

static void store_ahead(struct future *future)
{
    struct executor *executor = executor_of(future);
    if (!future->queued || future->starting || future->settling || future->ahead ||
        future->ahead_asked || future->early || future->state != FUTURE_PENDING ||
        !spec_is_gated(future->spec) || !begun_fits(future->id, future->attempt) ||
        !take_place(executor, future))
        return;
    future->ahead_asked = true;
    put_may_start(future);
    executor->settings.store->ops->commit(executor->settings.store, false, on_ahead_stored, future);
}

void ahead_of(struct executor *executor, struct pool *pool)
{
    struct work *next[AHEAD_MAX];
    if (!executor->marks || executor->shut_down)
        return;
    size_t most = (size_t)pool_settings(pool)->max_workers * AHEAD_PER_WORKER;
    size_t count = pool_next(pool, next, most < AHEAD_MAX ? most : AHEAD_MAX);
    for (size_t i = 0; i < count; i++)
        store_ahead(future_of_work(next[i]));
}

void ahead_with_submit(struct future *future)
{
    struct executor *executor = executor_of(future);
    struct pool *pool = future->spec->pool;
    const struct pool_settings *settings = pool_settings(pool);
    /* Nothing may keep it from beginning as soon as it is stored, this future being pending. */
    bool at_once = pool_running(pool) + pool_pending(pool) <= settings->max_workers &&
                   future->holds == HOLD_COMMIT && !pool_is_paused(pool) &&
                   !settings->initializer && !settings->place;
    if (executor->marks && at_once && !own_map(future) && spec_is_gated(future->spec) &&
        begun_fits(future->id, future->attempt) && take_place(executor, future))
        future->ahead_asked = true;
}

void ahead_submitted(struct future *future)
{
    future->ahead = future->ahead_asked;
    future->ahead_asked = false;
}

void ahead_of_nothing(struct executor *executor)
{
    for (size_t i = 0; executor->places && i < BEGUN_PLACES; i++) {
        struct future *future;
        if (executor->places[i] == 0 ||
            future_table_find(executor->table, executor->places[i], &future) < 0)
            continue;
        bool stored = future->ahead || future->ahead_asked;
        if (stored && future->state == FUTURE_PENDING && !future->settling &&
            !begun_has(executor->marks, future->id, future->attempt))
            put_not_started(future);
    }
}

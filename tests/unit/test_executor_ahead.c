/* layers: core base */
/* extra: tests/support/core_fixture.c */
/* Starts that are stored before a worker takes the call. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/core/begun.h"
#include "tests/support/core_fixture.h"

#define WORKERS 5
#define QUEUED  30
#define MOST    4000

static _Atomic uint64_t marks[BEGUN_PLACES];
static struct future *futures[MOST];
static size_t count;

static void submit(struct core *core, size_t more)
{
    for (size_t i = 0; i < more; i++) {
        ck_assert_uint_lt(count, MOST);
        futures[count++] = core_start(core, &core->once, "1");
    }
}

/* Lets so many calls end, and as many others begin. */
static void turn_over(struct core *core, unsigned calls)
{
    size_t ends = core_ends(core);
    core_pass(core, calls);
    core_await_ends(core, ends + calls);
}

/* The first so many have begun: those that wait at their gates need the loop for that. */
static void await_begun(struct core *core, size_t begun)
{
    for (size_t i = 0; i < begun; i++)
        if (!future_is_done(futures[i]))
            core_await_running(core, futures[i]);
    core_await_bodies(core, begun);
}

static void recover_with_marks(struct core *core)
{
    count = 0;
    core->store.marks = marks;
    for (size_t i = 0; i < BEGUN_PLACES; i++)
        atomic_store(&marks[i], 0);
    ck_assert_int_eq(executor_recover(core->executor), 0);
}

/* All workers are busy and QUEUED calls wait, the first of which have their starts stored: calls
 * have ended fast. */
static struct core *fast_core(void)
{
    struct core_options options = {.max_workers = WORKERS};
    struct core *core = core_new(&options);
    recover_with_marks(core);
    submit(core, WORKERS + QUEUED);
    await_begun(core, WORKERS);
    while (core->store.changes[CHANGE_MAY_START] == 0) {
        turn_over(core, WORKERS);
        submit(core, WORKERS);
    }
    await_begun(core, count - QUEUED);
    return core;
}

static void end_all(struct core *core)
{
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    core_pass(core, (unsigned)count);
    for (size_t i = 0; i < count; i++)
        core_await_done(core, futures[i]);
}

static bool is_marked(const struct future *future)
{
    return begun_has(marks, future_id(future), 1);
}

static size_t marked(void)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += is_marked(futures[i]);
    return sum;
}

/* Starts that were stored before a worker took the call. */
static size_t stored_ahead(const struct core *core)
{
    return core->store.changes[CHANGE_MAY_START] + core->store.with_start;
}

/* Ends all: each ran once, and its start was stored once. */
static void expect_all_once(struct core *core)
{
    end_all(core);
    for (size_t i = 0; i < count; i++) {
        core_expect_result(futures[i], "1");
        ck_assert_uint_eq(core_ran(core, future_id(futures[i])), 1);
    }
    ck_assert_uint_eq(core->store.changes[CHANGE_STARTED] + stored_ahead(core), count);
    ck_assert_uint_eq(stored_ahead(core), marked());
}

START_TEST(the_next_ones_need_not_wait)
{
    struct core *core = fast_core();
    size_t begun = count - QUEUED, started = core->store.changes[CHANGE_STARTED];
    struct future *next = futures[begun];
    ck_assert_int_eq(future_state(next), FUTURE_PENDING);
    ck_assert(!is_marked(next));
    core->store.holding = true;
    core_pass(core, 1);
    /* Nothing is stored any more, and it begins all the same. */
    core_await_bodies(core, begun + 1);
    ck_assert_uint_eq(core_body(core, begun), future_id(next));
    ck_assert(is_marked(next));
    core_await_running(core, next);
    ck_assert_uint_eq(core->store.changes[CHANGE_STARTED], started);
    expect_all_once(core);
    core_free(core);
}
END_TEST

START_TEST(they_are_pending_until_then)
{
    struct core *core = fast_core();
    size_t next = count - QUEUED;
    ck_assert(core_cancel(core, futures[next]));
    ck_assert(core_cancel(core, futures[count - 1]));
    end_all(core);
    ck_assert_uint_eq(core_ran(core, future_id(futures[next])), 0);
    ck_assert(!is_marked(futures[next]));
    ck_assert_uint_eq(core_bodies(core), count - 2);
    core_free(core);
}
END_TEST

/* Lets calls end while the store holds everything, and waits until their ends are there. */
static void end_held(struct core *core, unsigned calls)
{
    size_t finished = core->store.changes[CHANGE_FINISHED];
    core->store.holding = true;
    core_pass(core, calls);
    while (core->store.changes[CHANGE_FINISHED] < finished + calls)
        core_turn(core);
}

/* Lets the calls end that have begun, and not those that wait at their gates. */
static void end_ahead(struct core *core)
{
    size_t finished = core->store.changes[CHANGE_FINISHED];
    size_t bodies = core_bodies(core);
    if (bodies > finished)
        end_held(core, (unsigned)(bodies - finished));
}

START_TEST(one_that_is_taken_meanwhile_waits)
{
    struct core *core = fast_core();
    size_t asked = core->store.changes[CHANGE_MAY_START];
    end_held(core, WORKERS);
    while (core->store.changes[CHANGE_MAY_START] == asked) {
        core->store.holding = false;
        core_store_release(core, SIZE_MAX, 0);
        turn_over(core, WORKERS);
        submit(core, 2 * WORKERS);
        await_begun(core, core_ends(core) + WORKERS);
        asked = core->store.changes[CHANGE_MAY_START];
        end_held(core, WORKERS);
    }
    /* Those that were stored before go, and then the workers stand before the others. */
    for (size_t before = 0; before != core->store.changes[CHANGE_FINISHED];) {
        before = core->store.changes[CHANGE_FINISHED];
        end_ahead(core);
    }
    expect_all_once(core);
    core_free(core);
}
END_TEST

START_TEST(what_has_not_begun_at_the_end_is_taken_back)
{
    struct core *core = fast_core();
    size_t begun = marked();
    ck_assert_uint_eq(core->store.changes[CHANGE_RETRIED], 0);
    core_end(core);
    ck_assert_uint_eq(core->store.changes[CHANGE_RETRIED], stored_ahead(core) - begun);
    core_free(core);
}
END_TEST

START_TEST(a_place_has_one_mark)
{
    struct core *core = fast_core();
    /* The same place as that of a call which runs on. */
    struct future *longest = NULL;
    for (size_t i = 0; i < count - QUEUED && !longest; i++)
        longest = is_marked(futures[i]) && !future_is_done(futures[i]) ? futures[i] : NULL;
    uint64_t id = longest ? future_id(longest) : 0;
    end_all(core);
    /* Now it is done, and the place is free for the ids that come round. */
    while (future_id(futures[count - 1]) < id + BEGUN_PLACES) {
        count = 0;
        submit(core, WORKERS + QUEUED);
        end_all(core);
    }
    ck_assert_uint_gt(core->store.changes[CHANGE_MAY_START], QUEUED);
    for (size_t i = 0; i < count; i++)
        core_expect_result(futures[i], "1");
    core_free(core);
}
END_TEST

START_TEST(without_marks_each_start_waits)
{
    struct core_options options = {.max_workers = WORKERS};
    struct core *core = core_new(&options);
    count = 0;
    ck_assert_int_eq(executor_recover(core->executor), 0);
    submit(core, WORKERS + QUEUED);
    end_all(core);
    ck_assert_uint_eq(core->store.changes[CHANGE_MAY_START], 0);
    ck_assert_uint_eq(core->store.changes[CHANGE_STARTED], count);
    core_free(core);
}
END_TEST

/* ---- with the submit ---- */

static struct core *idle_core(void)
{
    struct core_options options = {.max_workers = 2};
    struct core *core = core_new(&options);
    recover_with_marks(core);
    return core;
}

/* Its submit is on its way into the store. */
static void submit_held(struct core *core, const struct submission *submission,
                        struct core_answer *answer)
{
    core->store.holding = true;
    core_submit(core, submission, &core->client, answer);
    ck_assert_uint_eq(answer->count, 0);
    ck_assert_uint_eq(core->store.held, 1);
}

START_TEST(where_a_worker_is_free_one_commit_is_enough)
{
    struct core *core = idle_core();
    struct submission submission = core_call(core, &core->once, "1");
    struct core_answer answer;
    submit_held(core, &submission, &answer);
    ck_assert_uint_eq(core->store.with_start, 1);
    ck_assert_uint_eq(core_bodies(core), 0);
    core_store_release(core, 1, 0);
    ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    /* Nothing more is stored, and it begins. */
    core_await_bodies(core, 1);
    ck_assert(is_marked(answer.future));
    core_await_running(core, answer.future);
    ck_assert_uint_eq(core->store.changes[CHANGE_STARTED], 0);
    core->store.holding = false;
    core_pass(core, 1);
    core_await_done(core, answer.future);
    core_expect_result(answer.future, "1");
    core_free(core);
}
END_TEST

START_TEST(where_none_is_free_the_start_is_stored_later)
{
    struct core *core = idle_core();
    submit(core, 2);
    await_begun(core, 2);
    ck_assert_uint_eq(core->store.with_start, 2);
    submit(core, 1);
    ck_assert_uint_eq(core->store.with_start, 2);
    expect_all_once(core);
    core_free(core);
}
END_TEST

START_TEST(what_must_wait_is_not_started_with_its_submit)
{
    struct core *core = idle_core();
    struct submission delayed = core_call(core, &core->once, "1");
    delayed.delay_ns = NS_PER_MS;
    futures[count++] = core_take(core, &delayed);
    executor_pause_pool(core->executor, core->pool, true);
    submit(core, 1);
    ck_assert_uint_eq(core->store.with_start, 0);
    executor_pause_pool(core->executor, core->pool, false);
    expect_all_once(core);
    core_free(core);
}
END_TEST

START_TEST(a_refused_submit_does_not_start)
{
    struct core *core = idle_core();
    struct submission submission = core_call(core, &core->once, "1");
    struct core_answer answer;
    submit_held(core, &submission, &answer);
    core_store_release(core, 1, -ENOSPC);
    ck_assert_int_eq(answer.refusal, REFUSED_STORAGE);
    core->store.holding = false;
    submit(core, 1);
    end_all(core);
    ck_assert_uint_eq(core_bodies(core), 1);
    ck_assert_uint_eq(core_ran(core, future_id(futures[0])), 1);
    core_free(core);
}
END_TEST

START_TEST(it_can_be_cancelled_until_a_worker_has_it)
{
    struct core *core = idle_core();
    struct submission submission = core_call(core, &core->once, "1");
    struct core_answer answer;
    submit_held(core, &submission, &answer);
    executor_pause_pool(core->executor, core->pool, true);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_int_eq(future_state(answer.future), FUTURE_PENDING);
    ck_assert(core_cancel(core, answer.future));
    core_await_done(core, answer.future);
    ck_assert_int_eq(future_state(answer.future), FUTURE_CANCELLED);
    ck_assert(!is_marked(answer.future));
    ck_assert_uint_eq(core_bodies(core), 0);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_next_ones_need_not_wait,
        they_are_pending_until_then,
        one_that_is_taken_meanwhile_waits,
        what_has_not_begun_at_the_end_is_taken_back,
        a_place_has_one_mark,
        without_marks_each_start_waits,
        where_a_worker_is_free_one_commit_is_enough,
        where_none_is_free_the_start_is_stored_later,
        what_must_wait_is_not_started_with_its_submit,
        a_refused_submit_does_not_start,
        it_can_be_cancelled_until_a_worker_has_it,
    };
    return CORE_CHECK("executor_ahead", tests);
}

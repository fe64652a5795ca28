/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/executor.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "tests/support/core_fixture.h"

/* One that runs, one that is queued, one that is delayed. */
struct trio {
    struct future *running, *queued, *delayed;
};

static struct trio trio_start(struct core *core)
{
    struct submission submission = core_call(core, &core->ok, "3");
    struct trio trio;
    submission.delay_ns = 5 * NS_PER_MS;
    trio.running = core_start(core, &core->gate, "1");
    core_await_running(core, trio.running);
    trio.queued = core_start(core, &core->ok, "2");
    trio.delayed = core_take(core, &submission);
    return trio;
}

static void expect_refusing(struct core *core)
{
    struct submission submission = core_call(core, &core->ok, "1");
    struct core_answer answer;
    ck_assert(executor_is_shut_down(core->executor));
    core_refused(core, &submission, REFUSED_SHUT_DOWN, &answer);
}

START_TEST(an_idle_executor_is_drained_at_once)
{
    struct core *core = core_new(NULL);
    ck_assert(!executor_is_shut_down(core->executor));
    ck_assert(!executor_is_drained(core->executor));
    ck_assert_uint_eq(executor_shut_down(core->executor, false, false), 0);
    ck_assert(executor_is_drained(core->executor));
    ck_assert_uint_eq(core->drained, 1);
    expect_refusing(core);
    core_free(core);
}
END_TEST

START_TEST(shut_down_runs_what_was_taken)
{
    struct core *core = core_new(NULL);
    struct trio trio = trio_start(core);
    ck_assert_uint_eq(executor_shut_down(core->executor, false, false), 0);
    ck_assert(!executor_is_drained(core->executor));
    expect_refusing(core);
    ck_assert_uint_eq(core->drained, 0);
    core_pass(core, 1);
    core_await_drained(core);
    ck_assert_uint_ge(core->drained, 1);
    core_expect_result(trio.running, "1");
    core_expect_result(trio.queued, "2");
    core_expect_result(trio.delayed, "3");
    core_free(core);
}
END_TEST

START_TEST(shut_down_can_cancel_what_is_pending)
{
    struct core *core = core_new(NULL);
    struct trio trio = trio_start(core);
    ck_assert_uint_eq(executor_shut_down(core->executor, true, false), 2);
    ck_assert_int_eq(future_state(trio.queued), FUTURE_CANCELLED);
    ck_assert_int_eq(future_state(trio.delayed), FUTURE_CANCELLED);
    ck_assert_int_eq(future_state(trio.running), FUTURE_RUNNING);
    ck_assert(!executor_is_drained(core->executor));
    core_pass(core, 1);
    core_await_drained(core);
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

START_TEST(shut_down_can_keep_what_is_pending)
{
    struct core *core = core_new(NULL);
    struct trio trio = trio_start(core);
    ck_assert_uint_eq(executor_shut_down(core->executor, false, true), 0);
    core_pass(core, 1);
    core_await_drained(core);
    core_expect_result(trio.running, "1");
    ck_assert_int_eq(future_state(trio.queued), FUTURE_PENDING);
    ck_assert_int_eq(future_state(trio.delayed), FUTURE_PENDING);
    /* Nobody can start it any more. */
    executor_pause_pool(core->executor, core->pool, false);
    ck_assert(pool_is_paused(core->pool));
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

START_TEST(a_second_shut_down_adds_its_flags)
{
    struct core *core = core_new(NULL);
    struct trio trio = trio_start(core);
    ck_assert_uint_eq(executor_shut_down(core->executor, false, false), 0);
    ck_assert_uint_eq(executor_shut_down(core->executor, true, false), 2);
    ck_assert_uint_eq(executor_shut_down(core->executor, true, false), 0);
    ck_assert_int_eq(future_state(trio.queued), FUTURE_CANCELLED);
    core_pass(core, 1);
    core_await_drained(core);
    core_free(core);

    core = core_new(NULL);
    trio = trio_start(core);
    ck_assert_uint_eq(executor_shut_down(core->executor, false, true), 0);
    ck_assert_uint_eq(executor_shut_down(core->executor, false, false), 0);
    core_pass(core, 1);
    core_await_drained(core);
    ck_assert_int_eq(future_state(trio.queued), FUTURE_PENDING); /* kept is kept */
    ck_assert_uint_eq(executor_shut_down(core->executor, true, true), 2);
    ck_assert_int_eq(future_state(trio.queued), FUTURE_CANCELLED);
    core_free(core);
}
END_TEST

START_TEST(dependents_drain_too)
{
    struct core *core = core_new(NULL);
    struct future *first = core_start(core, &core->gate, "1");
    struct submission_after on = {.id = future_id(first), .on = AFTER_DONE};
    struct submission submission = core_call(core, &core->ok, "2");
    submission.after = &on;
    submission.after_count = 1;
    struct future *second = core_take(core, &submission);
    on.id = future_id(second);
    struct future *third = core_take(core, &submission);
    core_await_running(core, first);
    ck_assert_uint_eq(executor_shut_down(core->executor, true, false), 2);
    core_pass(core, 1);
    core_await_drained(core);
    ck_assert_int_eq(future_state(third), FUTURE_CANCELLED);
    core_free(core);
}
END_TEST

START_TEST(retries_drain_unless_they_are_cancelled)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->flaky, "2");
    submission.retry_max = 3;
    struct future *future = core_take(core, &submission);
    executor_shut_down(core->executor, false, false);
    core_await_drained(core);
    core_expect_result(future, "2");
    core_free(core);

    core = core_new(NULL);
    submission = core_call(core, &core->either, "fail");
    submission.retry_max = 3;
    struct future *gate = core_start(core, &core->gate, "1");
    core_await_running(core, gate);
    future = core_take(core, &submission);
    core_pass(core, 1);
    core_await_bodies(core, 2);
    executor_sync(core->executor);
    executor_shut_down(core->executor, true, false);
    core_await_drained(core);
    ck_assert(future_is_done(future));
    core_free(core);
}
END_TEST

START_TEST(an_open_map_is_closed)
{
    struct core *core = core_new(NULL);
    const char *const texts[] = {"1", "2"};
    struct submission_item items[2];
    struct submission submission = core_map(core, &core->ok, items, texts, 2);
    struct core_add_answer added;
    submission.open = true;
    struct future *map = core_take(core, &submission);
    submission.item_count = 0;
    struct future *empty = core_take(core, &submission);
    executor_shut_down(core->executor, false, false);
    core_add(core, map, texts, 1, &added);
    ck_assert_int_eq(added.refusal, REFUSED_SHUT_DOWN);
    core_await_drained(core);
    ck_assert_int_eq(future_outcome(map)->kind, OUTCOME_RESULT);
    ck_assert(future_is_done(empty));
    core_free(core);
}
END_TEST

static void submit_from_within(struct core *core, struct future *future)
{
    (void)future;
    expect_refusing(core);
}

START_TEST(a_submit_while_draining_is_refused)
{
    struct core *core = core_new(NULL);
    (void)core_start(core, &core->gate, "1");
    executor_shut_down(core->executor, false, false);
    core->on_done = submit_from_within;
    core_pass(core, 1);
    core_await_drained(core);
    ck_assert_uint_eq(core_ends(core), 1);
    core_free(core);
}
END_TEST

START_TEST(drained_comes_after_the_last_end)
{
    struct core_options options = {.max_workers = 4};
    struct core *core = core_new(&options);
    for (unsigned i = 0; i < 20; i++)
        (void)core_start(core, &core->ok, "1");
    executor_shut_down(core->executor, false, false);
    while (core->drained == 0)
        core_turn(core);
    ck_assert_uint_eq(core_ends(core), 20);
    ck_assert_uint_eq(core_bodies(core), 20);
    core_free(core);
}
END_TEST

/* ---- with a store that takes its time ---- */

START_TEST(drained_waits_for_the_last_commit)
{
    struct core *core = core_new(NULL);
    struct future *future = core_start(core, &core->gate, "1");
    core_await_running(core, future);
    core->store.holding = true;
    executor_shut_down(core->executor, false, false);
    core_pass(core, 1);
    while (core->store.changes[CHANGE_FINISHED] == 0)
        core_turn(core);
    ck_assert(!executor_is_drained(core->executor));
    core_store_release(core, SIZE_MAX, 0);
    ck_assert(executor_is_drained(core->executor));
    ck_assert_uint_ge(core->drained, 1);
    core_free(core);
}
END_TEST

static void count_answer(void *arg)
{
    unsigned *count = arg;
    ++*count;
}

/* Who waits for the store to be told of the last end is told before the daemon may end. */
START_TEST(drained_waits_for_the_last_answer)
{
    struct core *core = core_new(NULL);
    struct stored_answer *answer;
    unsigned answers = 0;
    core->store.holding = true;
    answer = stored_answer_new(core->executor, 1, count_answer, &answers);
    ck_assert_ptr_nonnull(answer);
    executor_shut_down(core->executor, true, false);
    ck_assert(executor_is_drained(core->executor));
    ck_assert_uint_eq(core->drained, 0);
    stored_answer_give(answer);
    ck_assert(executor_owes_answers(core->executor));
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_uint_eq(answers, 1);
    ck_assert_uint_eq(core->drained, 1);
    core_free(core);
}
END_TEST

START_TEST(what_is_being_cancelled_is_counted)
{
    struct core *core = core_new(NULL);
    struct trio trio = trio_start(core);
    core->store.holding = true;
    ck_assert_uint_eq(executor_shut_down(core->executor, true, false), 2);
    ck_assert_uint_eq(executor_shut_down(core->executor, true, false), 0);
    ck_assert_int_eq(future_state(trio.queued), FUTURE_PENDING);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_int_eq(future_state(trio.queued), FUTURE_CANCELLED);
    core_pass(core, 1);
    core_await_drained(core);
    core_free(core);
}
END_TEST

/* A call, a keyed call and its duplicate, and an open map are on their way into the store. */
static void shut_down_during_submits(bool cancel, bool keep, int error)
{
    struct core *core = core_new(NULL);
    const char *const texts[] = {"1", "2"};
    struct submission_item items[2];
    struct submission call = core_call(core, &core->ok, "1");
    struct submission keyed = core_call(core, &core->ok, "1");
    struct submission map = core_map(core, &core->ok, items, texts, 2);
    struct core_answer answers[4];
    map.open = true;
    keyed.key = "key";
    keyed.key_call = "call";
    core->store.holding = true;
    core_submit(core, &call, &core->client, &answers[0]);
    core_submit(core, &keyed, &core->client, &answers[1]);
    core_submit(core, &keyed, &core->client, &answers[2]);
    core_submit(core, &map, &core->client, &answers[3]);
    executor_shut_down(core->executor, cancel, keep);
    ck_assert(!executor_is_drained(core->executor));
    ck_assert_uint_eq(core->drained, 0);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, error);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(answers[i].count, 1);
        enum refusal expected = error ? REFUSED_STORAGE : REFUSED_NOT;
        if (i == 2)
            expected = REFUSED_SHUT_DOWN;
        ck_assert_int_eq(answers[i].refusal, expected);
    }
    core_await_drained(core);
    ck_assert_uint_ge(core->drained, 1);
    for (size_t i = 0; i < 4 && !error; i++) {
        enum future_state expected = cancel ? FUTURE_CANCELLED
                                     : keep ? FUTURE_PENDING
                                            : FUTURE_FINISHED;
        if (i != 2)
            ck_assert_int_eq(future_state(answers[i].future), expected);
    }
    ck_assert_uint_eq(core_bodies(core), error || cancel || keep ? 0 : 4);
    core_free(core);
}

START_TEST(submits_on_their_way_are_part_of_the_end)
{
    shut_down_during_submits(false, false, 0);
    shut_down_during_submits(true, false, 0);
    shut_down_during_submits(false, true, 0);
    shut_down_during_submits(false, false, -ENOSPC);
    shut_down_during_submits(true, false, -ENOSPC);
    shut_down_during_submits(false, true, -ENOSPC);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_idle_executor_is_drained_at_once,     shut_down_runs_what_was_taken,
        shut_down_can_cancel_what_is_pending,    shut_down_can_keep_what_is_pending,
        a_second_shut_down_adds_its_flags,       dependents_drain_too,
        retries_drain_unless_they_are_cancelled, an_open_map_is_closed,
        a_submit_while_draining_is_refused,      drained_comes_after_the_last_end,
        drained_waits_for_the_last_commit,       drained_waits_for_the_last_answer,
        what_is_being_cancelled_is_counted,      submits_on_their_way_are_part_of_the_end,
    };
    return CORE_CHECK("executor_shutdown", tests);
}

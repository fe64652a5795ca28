/* layers: core base */
/* extra: tests/support/core_fixture.c */
/* From the queue to RUNNING: what must not be executed twice is executed only once its start is
 * stored. */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "tests/support/core_fixture.h"

/* A future whose worker waits at its gate, with the commit of its start in the store's hands. */
static struct future *at_the_gate(struct core *core)
{
    core->store.holding = true;
    struct submission submission = core_call(core, &core->once, "1");
    struct core_answer answer;
    core_submit(core, &submission, &core->client, &answer);
    ck_assert_uint_eq(answer.count, 0);
    core_store_release(core, 1, 0);
    ck_assert_uint_eq(answer.count, 1);
    while (core->store.changes[CHANGE_STARTED] == 0)
        core_turn(core);
    ck_assert_uint_eq(core->store.held, 1);
    ck_assert_uint_eq(core_bodies(core), 0);
    ck_assert_int_eq(future_state(answer.future), FUTURE_PENDING);
    return answer.future;
}

static void end_well(struct core *core, struct future *future)
{
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    core_await_bodies(core, 1);
    core_pass(core, 1);
    core_await_done(core, future);
    core_expect_result(future, "1");
    ck_assert_uint_eq(core_bodies(core), 1);
}

START_TEST(it_runs_once_its_start_is_stored)
{
    struct core *core = core_new(NULL);
    struct future *future = at_the_gate(core);
    ck_assert_uint_eq(core->event_count, 0);
    core_store_release(core, 1, 0);
    ck_assert_int_eq(future_state(future), FUTURE_RUNNING);
    ck_assert_uint_eq(core->event_count, 1);
    end_well(core, future);
    core_free(core);
}
END_TEST

START_TEST(a_repeatable_one_does_not_wait)
{
    struct core *core = core_new(NULL);
    core->store.holding = true;
    struct submission submission = core_call(core, &core->gate, "1");
    struct core_answer answer;
    core_submit(core, &submission, &core->client, &answer);
    core_store_release(core, 1, 0);
    core_await_bodies(core, 1);
    core_await_running(core, answer.future);
    ck_assert_uint_eq(core->store.changes[CHANGE_STARTED], 0);
    core_pass(core, 1);
    end_well(core, answer.future);
    core_free(core);
}
END_TEST

START_TEST(nothing_waits_where_nothing_is_stored)
{
    struct core_options options = {.not_durable = true};
    struct core *core = core_new(&options);
    struct future *future = core_start(core, &core->once, "1");
    core_await_bodies(core, 1);
    ck_assert_uint_eq(core->store.changes[CHANGE_SUBMITTED], 0);
    end_well(core, future);
    core_free(core);
}
END_TEST

START_TEST(what_need_not_be_stored_is_not)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->once, "1");
    submission.not_stored = true;
    struct future *future = core_take(core, &submission);
    core_await_bodies(core, 1);
    core_pass(core, 1);
    core_await_done(core, future);
    ck_assert_uint_eq(core->store.changes[CHANGE_SUBMITTED], 0);
    ck_assert_uint_eq(core->store.changes[CHANGE_FINISHED], 0);
    /* But that its id and cursors are used is. */
    ck_assert_uint_ge(core->store.changes[CHANGE_RESERVED], 1);

    struct pool_settings settings = core_pool_settings(core);
    settings.durability = DURABILITY_NONE;
    core_set_pool(core, &settings);
    future = core_start(core, &core->ok, "1");
    core_await_done(core, future);
    ck_assert_uint_eq(core->store.changes[CHANGE_SUBMITTED], 0);
    core_free(core);
}
END_TEST

START_TEST(what_was_refused_has_reserved_nothing)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->ok, "1");
    struct core_answer answer;
    submission.not_stored = true;
    core->store.error = -ENOSPC;
    core_refused(core, &submission, REFUSED_STORAGE, &answer);
    core->store.error = 0;
    size_t reserved = core->store.changes[CHANGE_RESERVED];
    core_await_done(core, core_take(core, &submission));
    ck_assert_uint_gt(core->store.changes[CHANGE_RESERVED], reserved);
    core_free(core);
}
END_TEST

START_TEST(a_cancel_comes_too_late)
{
    struct core *core = core_new(NULL);
    struct future *future = at_the_gate(core);
    ck_assert(!core_cancel(core, future));
    end_well(core, future);
    core_free(core);
}
END_TEST

START_TEST(a_cancel_before_the_worker_has_said_so_is_too_late_as_well)
{
    struct core *core = core_new(NULL);
    struct future *future = core_start(core, &core->once, "1");
    while (pool_in_flight(core->pool) == 0)
        sched_yield();
    struct cancel_fate fate;
    struct cancel_options options = {.terminate = false};
    executor_cancel(core->executor, future, &options, &fate);
    ck_assert_uint_eq(core->store.changes[CHANGE_STARTED], 1);
    ck_assert_int_eq(future_state(future), FUTURE_RUNNING);
    core_turn(core); /* the worker says that it has it */
    end_well(core, future);
    ck_assert_uint_eq(core->store.changes[CHANGE_STARTED], 1);
    core_free(core);
}
END_TEST

START_TEST(what_waits_for_its_start_can_be_terminated)
{
    struct core *core = core_new(NULL);
    struct future *future = at_the_gate(core);
    struct cancel_fate fate = core_terminate(core, future);
    ck_assert(fate.terminating);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    core_await_done(core, future);
    core_expect_exception(future, "Terminated");
    core_free(core);
}
END_TEST

START_TEST(a_start_that_is_not_stored_is_none)
{
    struct core *core = core_new(NULL);
    struct future *future = at_the_gate(core);
    core->store.holding = false;
    core_store_release(core, 1, -ENOMEM);
    core_await_done(core, future);
    core_expect_exception(future, "MemoryError");
    ck_assert_uint_eq(core_bodies(core), 0);
    /* The worker is as good as before. */
    future = core_start(core, &core->ok, "2");
    core_await_done(core, future);
    core_expect_result(future, "2");
    core_free(core);
}
END_TEST

START_TEST(the_next_call_has_its_own_start)
{
    struct core *core = core_new(NULL);
    struct future *refused = core_start(core, &core->once, "1");
    core->store.error = -ENOMEM;
    while (core->store.changes[CHANGE_STARTED] == 0)
        core_turn(core);
    core->store.error = 0;
    core_await_done(core, refused);
    core_expect_exception(refused, "MemoryError");
    struct future *future = core_start(core, &core->once, "1");
    core_await_running(core, future);
    end_well(core, future);
    core_free(core);
}
END_TEST

START_TEST(an_end_that_is_not_stored_is_tried_again)
{
    struct core *core = core_new(NULL);
    struct future *future = core_start(core, &core->gate, "1");
    core_await_running(core, future);
    core->store.holding = true;
    core_pass(core, 1);
    while (core->store.changes[CHANGE_FINISHED] == 0)
        core_turn(core);
    core_store_release(core, 1, -ENOMEM);
    ck_assert(!future_is_done(future));
    ck_assert_uint_eq(core_ends(core), 0);
    core->store.holding = false;
    core_await_done(core, future);
    ck_assert_uint_eq(core->store.changes[CHANGE_FINISHED], 2);
    ck_assert_uint_eq(core_ends_of(core, future_id(future)), 1);
    core_free(core);
}
END_TEST

START_TEST(the_end_does_not_wait_for_a_start)
{
    struct core *core = core_new(NULL);
    (void)at_the_gate(core);
    core_end(core);
    ck_assert_uint_eq(core_bodies(core), 0);
    core_free(core);
}
END_TEST

START_TEST(cursors_rise_in_the_order_of_what_is_told)
{
    struct core_options options = {.max_workers = 4};
    struct core *core = core_new(&options);
    core->store.holding = true;
    struct core_answer answers[4];
    for (unsigned i = 0; i < 4; i++) {
        struct submission submission = core_call(core, &core->ok, "1");
        submission.not_stored = i % 2 == 1;
        core_submit(core, &submission, &core->client, &answers[i]);
    }
    core_store_release(core, 4, 0);
    while (core->store.held < 4)
        core_turn(core);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    core_await_ends(core, 4);
    uint64_t last = 0;
    for (size_t i = 0; i < core->event_count; i++) {
        if (core->events[i].kind != CORE_DONE)
            continue;
        struct future *future = NULL;
        ck_assert_int_eq(executor_find(core->executor, &core->client, core->events[i].id, &future),
                         REFUSED_NOT);
        ck_assert_uint_gt(future_cursor(future), last);
        last = future_cursor(future);
    }
    core_free(core);
}
END_TEST

START_TEST(the_cursor_of_now_passes_no_end_that_is_not_told_yet)
{
    struct core *core = core_new(NULL);
    struct future *first = core_start(core, &core->gate, "1");
    struct future *second = core_start(core, &core->gate, "2");
    core_await_running(core, first);
    core->store.holding = true;
    core_pass(core, 2);
    while (core->store.changes[CHANGE_FINISHED] < 2)
        core_turn(core);
    uint64_t now = executor_cursor(core->executor);
    core_store_release(core, 1, 0);
    ck_assert(future_is_done(first) && !future_is_done(second));
    ck_assert_uint_gt(future_cursor(first), now);
    ck_assert_uint_eq(executor_cursor(core->executor), future_cursor(first));
    core_store_release(core, 1, 0);
    ck_assert(future_is_done(second));
    ck_assert_uint_eq(executor_cursor(core->executor), future_cursor(second));
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_runs_once_its_start_is_stored,
        a_repeatable_one_does_not_wait,
        nothing_waits_where_nothing_is_stored,
        what_need_not_be_stored_is_not,
        what_was_refused_has_reserved_nothing,
        a_cancel_comes_too_late,
        a_cancel_before_the_worker_has_said_so_is_too_late_as_well,
        what_waits_for_its_start_can_be_terminated,
        a_start_that_is_not_stored_is_none,
        the_next_call_has_its_own_start,
        an_end_that_is_not_stored_is_tried_again,
        the_end_does_not_wait_for_a_start,
        cursors_rise_in_the_order_of_what_is_told,
        the_cursor_of_now_passes_no_end_that_is_not_told_yet,
    };
    return CORE_CHECK("executor_start", tests);
}

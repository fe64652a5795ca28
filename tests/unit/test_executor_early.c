/* layers: core base */
/* extra: tests/support/core_fixture.c */
/* Calls that are executed while their submit is on its way into the store: nobody sees that. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/support/core_fixture.h"

/* A call that a worker executes, while its submit is in the store's hands. */
static void begin_early(struct core *core, struct core_answer *answer)
{
    core->store.holding = true;
    struct submission submission = core_call(core, &core->swift, "1");
    core_submit(core, &submission, &core->client, answer);
    core_await_bodies(core, 1);
    ck_assert_uint_eq(answer->count, 0);
    ck_assert_uint_eq(core->store.held, 1);
    ck_assert_uint_eq(core->store.expected, 1);
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT_YET);
}

/* Lets it end, until the store has that as well. */
static void end_early(struct core *core)
{
    core_pass(core, 1);
    while (core->store.changes[CHANGE_FINISHED] == 0)
        core_turn(core);
    ck_assert_uint_eq(core->store.held, 2);
    ck_assert_uint_eq(core->event_count, 0);
}

/* Nothing is left of a refused one, and nothing was told of it. */
static void expect_gone(struct core *core)
{
    (void)executor_shut_down(core->executor, false, false);
    core_await_drained(core);
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT_FOUND);
    ck_assert_uint_eq(core->event_count, 0);
    core_free(core);
}

/* A call behind one that keeps the only worker, which is returned. */
static struct future *queue_early(struct core *core, struct core_answer *answer)
{
    struct submission submission = core_call(core, &core->swift, "1");
    struct future *first = core_start(core, &core->gate, "0");
    core_await_running(core, first);
    core->store.holding = true;
    core_submit(core, &submission, &core->client, answer);
    return first;
}

/* The one before it ends, and has been the only one that was executed. */
static void expect_alone(struct core *core, struct future *first)
{
    core_pass(core, 1);
    core_await_done(core, first);
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}

START_TEST(its_end_is_stored_with_its_submit)
{
    struct core *core = core_new(NULL);
    struct core_answer answer;
    begin_early(core, &answer);
    end_early(core);
    core_store_release(core, 1, 0);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    ck_assert_int_eq(answer.state, FUTURE_PENDING);
    /* After the answer: */
    ck_assert_uint_eq(core->event_count, 1);
    ck_assert_int_eq(core->events[0].kind, CORE_RUNNING);
    ck_assert_int_eq(future_state(answer.future), FUTURE_RUNNING);
    uint64_t running = future_cursor(answer.future);
    core_store_release(core, 1, 0);
    core_expect_result(answer.future, "1");
    ck_assert_uint_eq(core->event_count, 2);
    ck_assert_uint_gt(future_cursor(answer.future), running);
    ck_assert_int_ge(core_info(answer.future).finished_us, core_info(answer.future).started_us);
    ck_assert_uint_eq(core_bodies(core), 1);
    ck_assert_uint_eq(core->store.changes[CHANGE_STARTED], 0);
    core_free(core);
}
END_TEST

START_TEST(one_that_takes_longer_holds_nothing_back)
{
    struct core *core = core_new(NULL);
    struct core_answer answer;
    begin_early(core, &answer);
    core_store_release(core, 1, 0);
    ck_assert_uint_eq(answer.count, 1);
    core_await_running(core, answer.future);
    core_pass(core, 1);
    core->store.holding = false;
    core_await_done(core, answer.future);
    core_expect_result(answer.future, "1");
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

START_TEST(one_that_no_worker_has_yet_is_pending)
{
    struct core *core = core_new(NULL);
    struct core_answer answer;
    struct future *first = queue_early(core, &answer);
    core_store_release(core, 1, 0);
    ck_assert_int_eq(answer.state, FUTURE_PENDING);
    ck_assert_int_eq(future_state(answer.future), FUTURE_PENDING);
    ck_assert(core_cancel(core, answer.future) || core->store.held == 1);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_int_eq(future_state(answer.future), FUTURE_CANCELLED);
    expect_alone(core, first);
}
END_TEST

START_TEST(refused_while_it_runs)
{
    struct core *core = core_new(NULL);
    struct core_answer answer;
    begin_early(core, &answer);
    core_store_release(core, 1, -ENOSPC);
    ck_assert_int_eq(answer.refusal, REFUSED_STORAGE);
    /* Nobody waits for it, though it is still there. */
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT_FOUND);
    core_pass(core, 1);
    expect_gone(core);
}
END_TEST

START_TEST(refused_when_its_end_was_on_its_way)
{
    struct core *core = core_new(NULL);
    struct core_answer answer;
    begin_early(core, &answer);
    end_early(core);
    core_store_release(core, 1, -ENOSPC);
    ck_assert_int_eq(answer.refusal, REFUSED_STORAGE);
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT_FOUND);
    core->store.holding = false;
    core_store_release(core, 1, 0);
    expect_gone(core);
}
END_TEST

START_TEST(refused_while_it_is_queued)
{
    struct core *core = core_new(NULL);
    struct core_answer answer;
    struct future *first = queue_early(core, &answer);
    core_store_release(core, 1, -ENOSPC);
    ck_assert_int_eq(answer.refusal, REFUSED_STORAGE);
    core->store.holding = false;
    expect_alone(core, first);
}
END_TEST

START_TEST(an_end_without_memory_is_tried_again)
{
    struct core *core = core_new(NULL);
    struct core_answer answer;
    begin_early(core, &answer);
    end_early(core);
    core_store_release(core, 1, 0);
    core_store_release(core, 1, -ENOMEM);
    ck_assert_int_eq(future_state(answer.future), FUTURE_RUNNING);
    core->store.holding = false;
    core_await_done(core, answer.future);
    core_expect_result(answer.future, "1");
    core_free(core);
}
END_TEST

/* The first is with one worker, the other ones are over on another one, which has told of the
 * second at least. */
static struct core *begin_three(struct core_answer answers[3])
{
    const struct core_options options = {.max_workers = 2};
    struct core *core = core_new(&options);
    struct submission slow = core_call(core, &core->swift, "1");
    struct submission fast = core_call(core, &core->brisk, "2");
    core->store.holding = true;
    for (int i = 0; i < 3; i++)
        core_submit(core, i == 0 ? &slow : &fast, &core->client, &answers[i]);
    core_await_bodies(core, 3);
    executor_sync(core->executor);
    ck_assert_uint_eq(core->store.changes[CHANGE_FINISHED], 0);
    return core;
}

START_TEST(ends_come_in_the_order_of_the_submits)
{
    struct core_answer answers[3];
    struct core *core = begin_three(answers);
    core_pass(core, 1);
    while (core->store.changes[CHANGE_FINISHED] < 3)
        core_turn(core);
    core_store_release(core, SIZE_MAX, 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(future_state(answers[i].future), FUTURE_FINISHED);
    ck_assert_uint_lt(future_cursor(answers[0].future), future_cursor(answers[1].future));
    ck_assert_uint_lt(future_cursor(answers[1].future), future_cursor(answers[2].future));
    core_free(core);
}
END_TEST

START_TEST(one_that_takes_longer_holds_the_others_up_until_it_is_stored)
{
    struct core_answer answers[3];
    struct core *core = begin_three(answers);
    core_store_release(core, 1, 0);
    ck_assert_uint_eq(answers[0].count, 1);
    ck_assert_uint_ge(core->store.changes[CHANGE_FINISHED], 1);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    core_await_done(core, answers[1].future);
    core_await_done(core, answers[2].future);
    core_await_running(core, answers[0].future);
    core_pass(core, 1);
    core_await_done(core, answers[0].future);
    core_expect_result(answers[0].future, "1");
    core_free(core);
}
END_TEST

START_TEST(it_does_not_overtake)
{
    struct core *core = core_new(NULL);
    core->store.holding = true;
    struct submission submission = core_call(core, &core->gate, "0");
    struct core_answer first, second;
    core_submit(core, &submission, &core->client, &first);
    submission = core_call(core, &core->swift, "1");
    core_submit(core, &submission, &core->client, &second);
    ck_assert_uint_eq(core->store.expected, 0);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    core_pass(core, 2);
    core_await_done(core, first.future);
    core_await_done(core, second.future);
    ck_assert_uint_eq(core_body(core, 0), first.id);
    ck_assert_uint_eq(core_body(core, 1), second.id);
    /* There is nothing to overtake any more. */
    core->store.holding = true;
    core_submit(core, &submission, &core->client, &second);
    ck_assert_uint_eq(core->store.expected, 1);
    core_free(core);
}
END_TEST

START_TEST(what_may_need_more_than_one_go_is_not_early)
{
    struct core *core = core_new(NULL);
    core->store.holding = true;
    struct submission plain = core_call(core, &core->swift, "1");
    struct submission submissions[] = {plain, plain, plain, plain, plain};
    struct core_answer answer;
    submissions[0].retry_max = 1;
    submissions[1].timeout_ns = UINT64_C(1000000000000);
    submissions[2].delay_ns = UINT64_C(1000000000000);
    submissions[3].key = "key";
    submissions[3].key_call = "call";
    submissions[4].function = &core->gate;
    for (size_t i = 0; i < sizeof(submissions) / sizeof(submissions[0]); i++) {
        core_submit(core, &submissions[i], &core->client, &answer);
        ck_assert_uint_eq(core->store.expected, 0);
        core->store.holding = false;
        core_store_release(core, SIZE_MAX, 0);
        core->store.holding = true;
    }
    executor_pause_pool(core->executor, core->pool, true);
    core_store_release(core, SIZE_MAX, 0);
    core_submit(core, &plain, &core->client, &answer);
    ck_assert_uint_eq(core->store.expected, 0);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        its_end_is_stored_with_its_submit,
        one_that_takes_longer_holds_nothing_back,
        one_that_no_worker_has_yet_is_pending,
        refused_while_it_runs,
        refused_when_its_end_was_on_its_way,
        refused_while_it_is_queued,
        an_end_without_memory_is_tried_again,
        ends_come_in_the_order_of_the_submits,
        one_that_takes_longer_holds_the_others_up_until_it_is_stored,
        it_does_not_overtake,
        what_may_need_more_than_one_go_is_not_early,
    };
    return CORE_CHECK("executor_early", tests);
}

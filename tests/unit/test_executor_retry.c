/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/executor.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "tests/support/core_fixture.h"

static struct submission retrying(struct core *core, const struct function *function,
                                  const char *args, uint32_t max, uint64_t delay_ns, double backoff)
{
    struct submission submission = core_call(core, function, args);
    submission.retry_max = max;
    submission.retry_delay_ns = delay_ns;
    submission.retry_backoff = backoff;
    return submission;
}

/* ---- by itself ---- */

START_TEST(a_job_that_raises_is_tried_again)
{
    struct core *core = core_new(NULL);
    struct submission submission = retrying(core, &core->flaky, "3", 5, 0, 1);
    struct future *future = core_take(core, &submission);
    core_await_done(core, future);
    core_expect_result(future, "3");
    ck_assert_uint_eq(core_info(future).attempt, 3);
    ck_assert_uint_eq(core_ran(core, future_id(future)), 3);
    ck_assert_uint_eq(core_ends(core), 1);
    ck_assert_uint_eq(core->store.changes[CHANGE_RETRIED], 2);
    core_free(core);
}
END_TEST

START_TEST(attempts_come_to_an_end)
{
    struct core *core = core_new(NULL);
    struct submission submission = retrying(core, &core->fail, "1", 2, 0, 1);
    struct future *future = core_take(core, &submission);
    core_await_done(core, future);
    core_expect_exception(future, "Boom");
    ck_assert_uint_eq(core_info(future).attempt, 3);
    ck_assert_uint_eq(core_bodies(core), 3);
    core_free(core);
}
END_TEST

START_TEST(earlier_attempts_are_kept)
{
    struct core *core = core_new(NULL);
    struct submission submission = retrying(core, &core->flaky, "3", 2, 0, 1);
    struct future *future = core_take(core, &submission);
    core_await_done(core, future);
    const struct attempt *attempt = future_attempts(future);
    for (unsigned number = 2; number >= 1; number--, attempt = attempt->earlier) {
        ck_assert_ptr_nonnull(attempt);
        ck_assert_uint_eq(attempt->number, number);
        ck_assert_int_gt(attempt->started_us, 0);
        ck_assert_int_ge(attempt->finished_us, attempt->started_us);
        ck_assert_int_eq(attempt->outcome.kind, OUTCOME_EXCEPTION);
        ck_assert_str_eq(outcome_type(&attempt->outcome), "Boom");
    }
    ck_assert_ptr_null(attempt);
    core_free(core);
}
END_TEST

START_TEST(the_next_attempt_waits_for_its_time)
{
    struct core *core = core_new(NULL);
    enum { DELAY_NS = 8 * NS_PER_MS };
    struct submission submission = retrying(core, &core->flaky, "4", 3, DELAY_NS, 2);
    uint64_t since_ns = clock_mono_ns();
    struct future *future = core_take(core, &submission);
    while (core_info(future).waiting != WAITING_RETRY)
        core_turn(core);
    ck_assert_int_eq(future_state(future), FUTURE_PENDING);
    ck_assert_uint_eq(core_info(future).attempt, 2);
    ck_assert_int_eq(core_info(future).started_us, 0);
    ck_assert_int_eq(future_outcome(future)->kind, OUTCOME_NONE);
    core_await_done(core, future);
    /* 8, 16 and 32 ms, each up to a quarter longer. */
    ck_assert_uint_ge(clock_mono_ns() - since_ns, 7 * (uint64_t)DELAY_NS);
    core_expect_result(future, "4");
    core_free(core);
}
END_TEST

START_TEST(a_delay_without_measure_is_cut_and_does_not_overflow)
{
    struct core *core = core_new(NULL);
    struct submission submission = retrying(core, &core->fail, "1", 3, UINT64_MAX, 1e300);
    struct future *future = core_take(core, &submission);
    while (core_info(future).waiting != WAITING_RETRY)
        core_turn(core);
    core_await_done(core, core_start(core, &core->ok, "2"));
    ck_assert_int_eq(core_info(future).waiting, WAITING_RETRY);
    core_free(core);
}
END_TEST

START_TEST(what_waits_for_its_next_attempt_can_be_cancelled)
{
    struct core *core = core_new(NULL);
    struct submission submission = retrying(core, &core->fail, "1", 3, 3600 * NS_PER_S, 1);
    struct future *future = core_take(core, &submission);
    while (core_info(future).waiting != WAITING_RETRY)
        core_turn(core);
    ck_assert(core_cancel(core, future));
    ck_assert_uint_eq(core_bodies(core), 1);
    ck_assert_uint_eq(core_ends(core), 1);
    ck_assert_uint_eq(future_attempts(future)->number, 1);
    core_free(core);
}
END_TEST

START_TEST(watches_stay_over_attempts)
{
    struct core *core = core_new(NULL);
    struct submission submission = retrying(core, &core->flaky, "2", 1, 0, 1);
    struct future *future = core_take(core, &submission);
    core_await_done(core, future);
    /* RUNNING twice, done once. */
    ck_assert_uint_eq(core->event_count, 3);
    ck_assert_int_eq(core->events[0].kind, CORE_RUNNING);
    ck_assert_int_eq(core->events[1].kind, CORE_RUNNING);
    ck_assert_int_eq(core->events[2].kind, CORE_DONE);
    core_free(core);
}
END_TEST

START_TEST(those_who_wait_see_the_last_attempt_only)
{
    struct core *core = core_new(NULL);
    struct submission submission = retrying(core, &core->flaky, "2", 1, 0, 1);
    struct future *first = core_take(core, &submission);
    struct submission_after on = {.id = future_id(first), .on = AFTER_RESULT};
    struct submission next = core_call(core, &core->ok, "x");
    next.after = &on;
    next.after_count = 1;
    struct future *second = core_take(core, &next);
    core_await_done(core, second);
    core_expect_result(second, "x");
    core_free(core);
}
END_TEST

/* ---- timeouts ---- */

START_TEST(a_run_that_takes_too_long_is_timed_out)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->gate, "1");
    submission.timeout_ns = 5 * NS_PER_MS;
    uint64_t since_ns = clock_mono_ns();
    struct future *future = core_take(core, &submission);
    core_await_done(core, future);
    ck_assert_uint_ge(clock_mono_ns() - since_ns, submission.timeout_ns);
    core_expect_exception(future, "TimedOut");
    core_free(core);
}
END_TEST

START_TEST(the_timeout_starts_with_the_run)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->gate, "2");
    submission.timeout_ns = 1;
    core_await_running(core, core_start(core, &core->gate, "1"));
    struct future *future = core_take(core, &submission);
    /* Long over, if it counted already. */
    uint64_t until_ns = clock_mono_ns() + NS_PER_MS;
    while (clock_mono_ns() < until_ns)
        executor_sync(core->executor);
    ck_assert_int_eq(future_state(future), FUTURE_PENDING);
    core_pass(core, 1);
    core_await_done(core, future);
    core_expect_exception(future, "TimedOut");
    core_free(core);
}
END_TEST

START_TEST(each_attempt_has_its_own_timeout)
{
    struct core *core = core_new(NULL);
    struct submission submission = retrying(core, &core->gate, "1", 2, 0, 1);
    submission.timeout_ns = NS_PER_MS;
    struct future *future = core_take(core, &submission);
    core_await_done(core, future);
    core_expect_exception(future, "TimedOut");
    ck_assert_uint_eq(core_bodies(core), 3);
    ck_assert_uint_eq(core_stops(core), 3);
    core_free(core);
}
END_TEST

START_TEST(a_timeout_for_ever_is_none)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->gate, "1");
    submission.timeout_ns = UINT64_MAX;
    struct future *future = core_take(core, &submission);
    core_await_running(core, future);
    core_pass(core, 1);
    core_await_done(core, future);
    core_expect_result(future, "1");
    core_free(core);
}
END_TEST

/* ---- by somebody ---- */

START_TEST(a_done_future_starts_again_under_its_id)
{
    struct core_options options = {.not_durable = true};
    struct core *core = core_new(&options);
    struct future *listed;
    struct future *future = core_start(core, &core->flaky, "2");
    core_await_done(core, future);
    core_expect_exception(future, "Boom");
    uint64_t cursor = future_cursor(future);
    ck_assert_int_eq(core_retry(core, future), REFUSED_NOT);
    ck_assert_int_eq(future_state(future), FUTURE_PENDING);
    ck_assert_uint_gt(future_cursor(future), cursor);
    ck_assert_uint_eq(core_done_since(core, 0, &listed, 1), 0);
    core_await_done(core, future);
    core_expect_result(future, "2");
    ck_assert_uint_eq(core_ends_of(core, future_id(future)), 2);
    /* A success may be repeated too. */
    ck_assert_int_eq(core_retry(core, future), REFUSED_NOT);
    core_await_done(core, future);
    ck_assert_uint_eq(core_info(future).attempt, 3);
    ck_assert_uint_eq(core_done_since(core, cursor, &listed, 1), 1);
    ck_assert_ptr_eq(listed, future);
    core_free(core);
}
END_TEST

START_TEST(only_what_is_done_can_be_retried)
{
    struct core *core = core_new(NULL);
    struct future *running = core_start(core, &core->gate, "1");
    core_await_running(core, running);
    struct future *pending = core_start(core, &core->ok, "2");
    ck_assert_int_eq(core_retry(core, running), REFUSED_STATE);
    ck_assert_int_eq(core_retry(core, pending), REFUSED_STATE);
    ck_assert(core_cancel(core, pending));
    ck_assert_int_eq(core_retry(core, pending), REFUSED_NOT);
    core_pass(core, 1);
    core_await_done(core, pending);
    core_expect_result(pending, "2");
    core_free(core);
}
END_TEST

START_TEST(a_shutdown_takes_a_retry_and_waits_for_it)
{
    struct core *core = core_new(NULL);
    struct future *running = core_start(core, &core->gate, "1");
    core_await_running(core, running);
    struct future *pending = core_start(core, &core->ok, "2");
    ck_assert(core_cancel(core, pending));
    executor_shut_down(core->executor, false, false);
    ck_assert_int_eq(core_retry(core, pending), REFUSED_NOT);
    ck_assert_int_eq(future_state(pending), FUTURE_PENDING);
    core_pass(core, 1);
    core_await_done(core, pending);
    core_expect_result(pending, "2");
    core_free(core);
}
END_TEST

START_TEST(a_retry_may_be_tried_by_itself_again)
{
    struct core *core = core_new(NULL);
    struct submission submission = retrying(core, &core->gate, "1", 1, 0, 1);
    struct future *future = core_take(core, &submission);
    core_await_running(core, future);
    (void)core_terminate(core, future);
    core_await_done(core, future);
    /* Terminated once does not mean for ever. */
    ck_assert_int_eq(core_retry(core, future), REFUSED_NOT);
    core_await_running(core, future);
    core_pass(core, 1);
    core_await_done(core, future);
    core_expect_result(future, "1");
    core_free(core);
}
END_TEST

/* Retries what is done, while the store takes its time, and lets it be executed. */
static struct future *retry_slowly(struct core *core, const struct function *function)
{
    ck_assert_int_eq(executor_recover(core->executor), 0);
    struct future *future = core_start(core, function, "1");
    core_pass(core, 1);
    core_await_done(core, future);
    core->store.holding = true;
    ck_assert_int_eq(core_retry(core, future), REFUSED_NOT);
    return future;
}

static void expire(struct core *core, struct future *future)
{
    const struct store_observer *observer = &core->store.observer;
    memset(core->store.changes, 0, sizeof(core->store.changes));
    observer->on_expired(observer->arg, future_id(future), future_id(future));
    ck_assert_uint_eq(core->store.changes[CHANGE_SUBMITTED], 1);
}

START_TEST(what_expired_while_it_was_retried_is_stored_as_started)
{
    struct core *core = core_new(NULL);
    struct future *future = retry_slowly(core, &core->once);
    size_t started = core->store.changes[CHANGE_STARTED];
    while (core->store.changes[CHANGE_STARTED] == started)
        core_turn(core);
    expire(core, future);
    ck_assert_uint_eq(core->store.changes[CHANGE_STARTED], 1);
    core_free(core);
}
END_TEST

START_TEST(what_expired_while_it_was_retried_is_stored_with_its_end)
{
    struct core *core = core_new(NULL);
    struct future *future = retry_slowly(core, &core->gate);
    size_t finished = core->store.changes[CHANGE_FINISHED];
    core_pass(core, 1);
    while (core->store.changes[CHANGE_FINISHED] == finished)
        core_turn(core);
    expire(core, future);
    ck_assert_uint_eq(core->store.changes[CHANGE_STARTED], 0);
    ck_assert_uint_eq(core->store.changes[CHANGE_FINISHED], 1);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_job_that_raises_is_tried_again,
        attempts_come_to_an_end,
        earlier_attempts_are_kept,
        the_next_attempt_waits_for_its_time,
        a_delay_without_measure_is_cut_and_does_not_overflow,
        what_waits_for_its_next_attempt_can_be_cancelled,
        watches_stay_over_attempts,
        those_who_wait_see_the_last_attempt_only,
        a_run_that_takes_too_long_is_timed_out,
        the_timeout_starts_with_the_run,
        each_attempt_has_its_own_timeout,
        a_timeout_for_ever_is_none,
        a_done_future_starts_again_under_its_id,
        only_what_is_done_can_be_retried,
        a_shutdown_takes_a_retry_and_waits_for_it,
        a_retry_may_be_tried_by_itself_again,
        what_expired_while_it_was_retried_is_stored_as_started,
        what_expired_while_it_was_retried_is_stored_with_its_end,
    };
    return CORE_CHECK("executor_retry", tests);
}

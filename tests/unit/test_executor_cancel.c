/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/executor.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/core/begun.h"
#include "tests/support/core_fixture.h"

/* A worker looks at the wall clock between taking a call and reporting it. Stands before the
 * library's function, and holds the thread there while the test says so. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed;
    unsigned waiting;
} toll = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): those are reserved */
int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock == CLOCK_REALTIME && gettid() != getpid()) {
        pthread_mutex_lock(&toll.lock);
        toll.waiting++;
        pthread_cond_broadcast(&toll.changed);
        while (toll.closed)
            pthread_cond_wait(&toll.changed, &toll.lock);
        toll.waiting--;
        pthread_mutex_unlock(&toll.lock);
    }
    return (int)syscall(SYS_clock_gettime, clock, time);
}

static void toll_set(bool closed)
{
    pthread_mutex_lock(&toll.lock);
    toll.closed = closed;
    pthread_cond_broadcast(&toll.changed);
    pthread_mutex_unlock(&toll.lock);
}

static void toll_await(void)
{
    pthread_mutex_lock(&toll.lock);
    while (toll.waiting == 0)
        pthread_cond_wait(&toll.changed, &toll.lock);
    pthread_mutex_unlock(&toll.lock);
}

/* ---- cancel ---- */

START_TEST(a_cancelled_future_never_runs)
{
    struct core *core = core_new(NULL);
    struct future *running = core_start(core, &core->gate, "1");
    core_await_running(core, running);
    struct future *pending = core_start(core, &core->ok, "2");
    struct future *next = core_start(core, &core->ok, "3");
    ck_assert(core_cancel(core, pending));
    ck_assert(core_cancel(core, pending));
    ck_assert(!core_cancel(core, running));
    ck_assert_int_gt(core_info(pending).finished_us, 0);
    ck_assert_int_eq(core_info(pending).started_us, 0);
    core_pass(core, 1);
    core_await_done(core, next);
    ck_assert_int_eq(future_state(pending), FUTURE_CANCELLED);
    core_expect_result(running, "1");
    ck_assert_uint_eq(core_ran(core, future_id(pending)), 0);
    ck_assert_uint_eq(core_ends_of(core, future_id(pending)), 1);
    core_free(core);
}
END_TEST

START_TEST(what_waits_can_be_cancelled)
{
    struct core *core = core_new(NULL);
    struct submission delayed = core_call(core, &core->ok, "1");
    struct submission after = core_call(core, &core->ok, "2");
    delayed.delay_ns = 3600 * NS_PER_S;
    struct future *first = core_take(core, &delayed);
    struct submission_after on = {.id = future_id(first), .on = AFTER_DONE};
    after.after = &on;
    after.after_count = 1;
    struct future *second = core_take(core, &after);
    ck_assert(core_cancel(core, second));
    ck_assert(core_cancel(core, first));
    ck_assert_uint_eq(core_bodies(core), 0);
    ck_assert_uint_eq(pool_worker_count(core->pool), 0);
    core_free(core);
}
END_TEST

START_TEST(a_cancel_is_announced_after_its_commit)
{
    struct core *core = core_new(NULL);
    executor_pause_pool(core->executor, core->pool, true);
    struct future *future = core_start(core, &core->ok, "1");
    core->store.holding = true;
    ck_assert(!core_cancel(core, future));
    ck_assert_int_eq(future_state(future), FUTURE_PENDING);
    ck_assert_uint_eq(core->store.changes[CHANGE_CANCELLED], 1);
    /* Decided all the same: it cannot start, and is not cancelled twice. */
    executor_pause_pool(core->executor, core->pool, false);
    (void)core_cancel(core, future);
    ck_assert_uint_eq(core->store.changes[CHANGE_CANCELLED], 1);
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_int_eq(future_state(future), FUTURE_CANCELLED);
    ck_assert_uint_eq(core_ends_of(core, 1), 1);
    core->store.holding = false;
    core_await_done(core, core_start(core, &core->ok, "2"));
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

#define RACES 3000

START_TEST(a_future_is_cancelled_or_runs_and_never_both)
{
    struct core_options options = {.max_workers = 3};
    struct core *core = core_new(&options);
    static struct future *futures[RACES];
    unsigned seed = 1, cancelled = 0;
    for (size_t i = 0; i < RACES; i++) {
        futures[i] = core_start(core, &core->ok, "1");
        struct future *victim = futures[i - (unsigned)rand_r(&seed) % 4 % (i + 1)];
        bool was_done = future_is_done(victim);
        enum future_state before = future_state(victim);
        bool now = core_cancel(core, victim);
        ck_assert(future_state(victim) != FUTURE_PENDING);
        if (was_done)
            ck_assert_int_eq(future_state(victim), before);
        if (now && !was_done)
            cancelled++;
        if (i % 16 == 0)
            executor_sync(core->executor);
    }
    core_await_ends(core, RACES);
    for (size_t i = 0; i < RACES; i++) {
        bool is_cancelled = future_state(futures[i]) == FUTURE_CANCELLED;
        ck_assert_uint_eq(core_ran(core, future_id(futures[i])), is_cancelled ? 0 : 1);
        if (!is_cancelled)
            core_expect_result(futures[i], "1");
    }
    ck_assert_uint_eq(core_bodies(core) + cancelled, RACES);
    ck_assert_uint_eq(core_ends(core), RACES);
    core_free(core);
}
END_TEST

/* ---- terminate ---- */

START_TEST(terminate_ends_what_runs)
{
    struct core *core = core_new(NULL);
    struct future *future = core_start(core, &core->gate, "1");
    core_await_running(core, future);
    ck_assert(core_terminate(core, future).terminating);
    core_await_done(core, future);
    core_expect_exception(future, "Terminated");
    ck_assert_uint_eq(core_stops(core), 1);
    core_free(core);
}
END_TEST

START_TEST(terminate_cancels_what_is_pending)
{
    struct core *core = core_new(NULL);
    executor_pause_pool(core->executor, core->pool, true);
    struct future *future = core_start(core, &core->gate, "1");
    ck_assert(!core_terminate(core, future).terminating);
    ck_assert_int_eq(future_state(future), FUTURE_CANCELLED);
    ck_assert(!core_terminate(core, future).terminating);
    core_free(core);
}
END_TEST

START_TEST(each_terminate_reaches_the_job_once)
{
    struct core *core = core_new(NULL);
    struct future *future = core_start(core, &core->stubborn, "1");
    core_await_running(core, future);
    for (unsigned i = 1; i <= 3; i++) {
        ck_assert(core_terminate(core, future).terminating);
        core_await_stops(core, i);
    }
    core_pass(core, 1);
    core_await_done(core, future);
    core_expect_result(future, "1");
    ck_assert_uint_eq(core_stops(core), 3);
    core_free(core);
}
END_TEST

START_TEST(a_terminated_job_is_not_tried_again)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->gate, "1");
    submission.retry_max = 5;
    struct future *future = core_take(core, &submission);
    core_await_running(core, future);
    ck_assert(core_terminate(core, future).terminating);
    core_await_done(core, future);
    core_expect_exception(future, "Terminated");
    ck_assert_uint_eq(core_info(future).attempt, 1);
    core_free(core);
}
END_TEST

/* The worker has taken the call, and the loop does not know. */
static struct future *taken_and_not_reported(struct core *core, const struct submission *submission)
{
    toll_set(true);
    struct future *future = core_take(core, submission);
    toll_await();
    executor_sync(core->executor);
    ck_assert_int_eq(future_state(future), FUTURE_PENDING);
    return future;
}

START_TEST(cancel_between_take_and_report_answers_the_truth)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->ok, "1");
    struct future *future = taken_and_not_reported(core, &submission);
    ck_assert(!core_cancel(core, future));
    ck_assert_int_eq(future_state(future), FUTURE_RUNNING);
    toll_set(false);
    core_await_done(core, future);
    core_expect_result(future, "1");
    ck_assert_uint_eq(core->event_count, 2);
    core_free(core);
}
END_TEST

START_TEST(what_is_seen_running_is_marked)
{
    static _Atomic uint64_t marks[BEGUN_PLACES];
    struct core *core = core_new(NULL);
    core->store.marks = marks;
    ck_assert_int_eq(executor_recover(core->executor), 0);
    struct submission submission = core_call(core, &core->once, "1");
    struct future *future = taken_and_not_reported(core, &submission);
    ck_assert_uint_eq(core->store.with_start, 1);
    ck_assert(!begun_has(marks, future_id(future), 1));
    ck_assert(!core_cancel(core, future));
    ck_assert_int_eq(future_state(future), FUTURE_RUNNING);
    /* The worker has not come to that yet. */
    ck_assert(begun_has(marks, future_id(future), 1));
    toll_set(false);
    core_pass(core, 1);
    core_await_done(core, future);
    core_expect_result(future, "1");
    core_free(core);
}
END_TEST

START_TEST(terminate_between_take_and_report_reaches_the_job)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->gate, "1");
    /* Nobody wants to be told of starts: the report itself does not wake the loop. */
    executor_want_running(core->executor, false);
    struct future *future = taken_and_not_reported(core, &submission);
    ck_assert(core_terminate(core, future).terminating);
    ck_assert_int_eq(future_state(future), FUTURE_RUNNING);
    toll_set(false);
    core_await_done(core, future);
    core_expect_exception(future, "Terminated");
    ck_assert_uint_eq(core_stops(core), 1);
    ck_assert_uint_eq(core->event_count, 2);
    core_free(core);
}
END_TEST

START_TEST(terminate_after_the_report_that_nobody_read_reaches_the_job)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->stubborn, "1");
    executor_want_running(core->executor, false);
    struct future *future = core_take(core, &submission);
    core_await_bodies(core, 1);
    ck_assert_int_eq(future_state(future), FUTURE_PENDING);
    ck_assert(core_terminate(core, future).terminating);
    ck_assert(core_terminate(core, future).terminating);
    core_turn(core); /* the loop was woken for the report */
    core_await_stops(core, 1);
    core_pass(core, 1);
    core_await_done(core, future);
    core_expect_result(future, "1");
    ck_assert_uint_eq(core_stops(core), 1);
    core_free(core);
}
END_TEST

START_TEST(a_timeout_between_take_and_report_reaches_the_job)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->gate, "1");
    submission.timeout_ns = 1;
    struct future *future = taken_and_not_reported(core, &submission);
    ck_assert(!core_cancel(core, future));
    core_turn(core); /* the timeout */
    toll_set(false);
    core_await_done(core, future);
    core_expect_exception(future, "TimedOut");
    core_free(core);
}
END_TEST

START_TEST(an_executor_goes_with_a_stop_under_way)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->gate, "1");
    struct future *future = taken_and_not_reported(core, &submission);
    ck_assert(core_terminate(core, future).terminating);
    core_pass(core, 1);
    toll_set(false);
    core_free(core);
}
END_TEST

START_TEST(terminate_of_what_has_just_finished_does_nothing)
{
    struct core *core = core_new(NULL);
    struct future *first = core_start(core, &core->gate, "1");
    core_await_running(core, first);
    struct future *second = core_start(core, &core->gate, "2");
    core_pass(core, 1);
    core_await_bodies(core, 2); /* the worker is with the second one; the loop knows nothing */
    ck_assert_int_eq(future_state(first), FUTURE_RUNNING);
    (void)core_terminate(core, first);
    executor_sync(core->executor);
    core_expect_result(first, "1");
    core_await_running(core, second);
    core_pass(core, 1);
    core_await_done(core, second);
    core_expect_result(second, "2");
    ck_assert_uint_eq(core_stops(core), 0);
    core_free(core);
}
END_TEST

START_TEST(stop_all_ends_every_running_job)
{
    struct core_options options = {.max_workers = 2};
    struct core *core = core_new(&options);
    struct future *futures[3];
    struct stop_request stop = {.cause = STOP_SHUTDOWN, .signal_number = 15};
    for (size_t i = 0; i < 3; i++)
        futures[i] = core_start(core, &core->gate, "1");
    core_await_running(core, futures[0]);
    core_await_running(core, futures[1]);
    executor_stop_all(core->executor, &stop);
    core_await_done(core, futures[0]);
    core_await_done(core, futures[1]);
    core_expect_exception(futures[0], "Terminated");
    ck_assert_str_eq(outcome_message(future_outcome(futures[0])),
                     "terminated: the daemon shuts down");
    /* What was pending is none of its business. */
    core_await_running(core, futures[2]);
    core_pass(core, 1);
    core_await_done(core, futures[2]);
    core_expect_result(futures[2], "1");
    core_free(core);
}
END_TEST

/* ---- forget ---- */

START_TEST(only_what_is_done_can_be_forgotten)
{
    struct core *core = core_new(NULL);
    struct future *running = core_start(core, &core->gate, "1");
    struct future *pending = core_start(core, &core->ok, "2");
    core_await_running(core, running);
    ck_assert_int_eq(core_forget(core, running), REFUSED_STATE);
    ck_assert_int_eq(core_forget(core, pending), REFUSED_STATE);
    ck_assert(core_cancel(core, pending));
    ck_assert_int_eq(core_forget(core, pending), REFUSED_NOT);
    core_pass(core, 1);
    core_await_done(core, running);
    ck_assert_int_eq(core_forget(core, running), REFUSED_NOT);
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT_FOUND);
    ck_assert_int_eq(core_find(core, 2), REFUSED_NOT_FOUND);
    ck_assert_uint_eq(core->store.changes[CHANGE_FORGOTTEN], 2);
    core_free(core);
}
END_TEST

/* ---- the cursor ---- */

START_TEST(ends_are_listed_by_rising_cursor)
{
    struct core_options options = {.not_durable = true};
    struct core *core = core_new(&options);
    struct future *futures[5], *listed[5];
    for (size_t i = 0; i < 5; i++)
        futures[i] = core_start(core, i == 2 ? &core->fail : &core->ok, "1");
    core_await_ends(core, 5);
    uint64_t last = 0;
    ck_assert_uint_eq(core_done_since(core, 0, listed, 5), 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_ptr_eq(listed[i], futures[i]);
        ck_assert_uint_gt(future_cursor(listed[i]), last);
        last = future_cursor(listed[i]);
    }
    ck_assert_uint_eq(core_done_since(core, future_cursor(futures[2]), listed, 5), 2);
    ck_assert_ptr_eq(listed[0], futures[3]);
    ck_assert_uint_eq(core_done_since(core, last, listed, 5), 0);
    ck_assert_uint_eq(executor_cursor(core->executor), last);
    core_free(core);
}
END_TEST

/* Such a submit, whose client goes before it is stored. */
static void abandon(struct core *core, struct submission *submission)
{
    struct core_answer answer;
    submission->scoped = true;
    core->store.holding = true;
    core_submit(core, submission, &core->client, &answer);
    executor_client_gone(core->executor, core->client.number);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_uint_eq(answer.count, 0);
}

START_TEST(what_ends_with_its_client_ends_though_it_was_not_stored_yet)
{
    struct core *core = core_new(NULL);
    const char *const texts[] = {"1", "2"};
    struct submission_item items[2];
    struct submission call = core_call(core, &core->gate, "1");
    struct submission map = core_map(core, &core->gate, items, texts, 2);
    abandon(core, &call);
    abandon(core, &map);
    core_await_ends(core, 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(core->events[i].state, FUTURE_CANCELLED);
    ck_assert_uint_eq(core_bodies(core), 0);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_cancelled_future_never_runs,
        what_waits_can_be_cancelled,
        a_cancel_is_announced_after_its_commit,
        a_future_is_cancelled_or_runs_and_never_both,
        terminate_ends_what_runs,
        terminate_cancels_what_is_pending,
        each_terminate_reaches_the_job_once,
        a_terminated_job_is_not_tried_again,
        cancel_between_take_and_report_answers_the_truth,
        what_is_seen_running_is_marked,
        terminate_between_take_and_report_reaches_the_job,
        terminate_after_the_report_that_nobody_read_reaches_the_job,
        a_timeout_between_take_and_report_reaches_the_job,
        an_executor_goes_with_a_stop_under_way,
        terminate_of_what_has_just_finished_does_nothing,
        stop_all_ends_every_running_job,
        only_what_is_done_can_be_forgotten,
        ends_are_listed_by_rising_cursor,
        what_ends_with_its_client_ends_though_it_was_not_stored_yet,
    };
    return CORE_CHECK("executor_cancel", tests);
}

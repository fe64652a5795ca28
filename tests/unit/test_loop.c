/* layers: base */
#include "daemon/base/loop.h"

#include "daemon/base/clock.h"
#include "tests/support/suite.h"

#include <check.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#define RINGERS 4
#define RINGS   20000

static struct loop *loop;

static void set_up(void)
{
    ck_assert_int_eq(loop_new(&loop), 0);
}

static void tear_down(void)
{
    loop_free(loop);
}

static void count_and_stop(void *arg)
{
    int *count = arg;

    ++*count;
    loop_stop(loop);
}

START_TEST(loop_is_epoll)
{
    ck_assert_str_eq(event_base_get_method(loop_event_base(loop)), "epoll");
    loop_free(NULL);
}
END_TEST

static void *ring_once(void *arg)
{
    loop_wakeup_ring(arg);
    return NULL;
}

START_TEST(ring_wakes_the_loop)
{
    struct loop_wakeup *wakeup;
    pthread_t thread;
    int count = 0;

    ck_assert_int_eq(loop_wakeup_new(loop, count_and_stop, &count, &wakeup), 0);
    for (int round = 1; round <= 3; round++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, ring_once, wakeup), 0);
        ck_assert_int_eq(loop_run(loop), 0);
        pthread_join(thread, NULL);
        ck_assert_int_eq(count, round);
    }
    loop_wakeup_free(wakeup);
    loop_wakeup_free(NULL);
}
END_TEST

START_TEST(rings_before_the_loop_count_as_one)
{
    struct loop_wakeup *wakeup;
    int count = 0;

    ck_assert_int_eq(loop_wakeup_new(loop, count_and_stop, &count, &wakeup), 0);
    for (int i = 0; i < 10; i++)
        loop_wakeup_ring(wakeup);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(count, 1);
    loop_wakeup_free(wakeup);
}
END_TEST

START_TEST(rings_in_no_hurry_come_soon_and_count_as_one)
{
    struct loop_wakeup *wakeup;
    int count = 0;

    ck_assert_int_eq(loop_wakeup_new(loop, count_and_stop, &count, &wakeup), 0);
    for (int round = 1; round <= 3; round++) {
        uint64_t rung_ns = clock_mono_ns();

        for (int i = 0; i < 10; i++)
            loop_wakeup_ring_soon(wakeup);
        ck_assert_int_eq(loop_run(loop), 0);
        ck_assert_int_eq(count, round);
        ck_assert_uint_ge(clock_mono_ns() - rung_ns, LOOP_SOON_US * UINT64_C(1000));
    }
    /* One that is in a hurry does not wait for those. */
    loop_wakeup_ring_soon(wakeup);
    loop_wakeup_ring(wakeup);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(count, 4);
    loop_wakeup_free(wakeup);
}
END_TEST

/* Work that several threads hand to the loop: a counter each, without a lock; the rings alone must
 * carry it over. */
struct shared {
    struct loop_wakeup *wakeup;
    atomic_int done;
    int seen;
};

static void *ring_often(void *arg)
{
    struct shared *shared = arg;

    for (int i = 0; i < RINGS; i++) {
        atomic_fetch_add_explicit(&shared->done, 1, memory_order_relaxed);
        loop_wakeup_ring(shared->wakeup);
    }
    return NULL;
}

static void collect(void *arg)
{
    struct shared *shared = arg;

    shared->seen = atomic_load_explicit(&shared->done, memory_order_relaxed);
    if (shared->seen == RINGERS * RINGS)
        loop_stop(loop);
}

START_TEST(no_ring_is_lost)
{
    struct shared shared = {0};
    pthread_t threads[RINGERS];

    ck_assert_int_eq(loop_wakeup_new(loop, collect, &shared, &shared.wakeup), 0);
    for (int i = 0; i < RINGERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ring_often, &shared), 0);
    /* A lost last ring would let this wait for ever, and the test would time out. */
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(shared.seen, RINGERS * RINGS);
    for (int i = 0; i < RINGERS; i++)
        pthread_join(threads[i], NULL);
    loop_wakeup_free(shared.wakeup);
}
END_TEST

struct ring_again {
    struct loop_wakeup *wakeup;
    int count;
};

static void ring_from_callback(void *arg)
{
    struct ring_again *again = arg;

    if (++again->count < 3)
        loop_wakeup_ring(again->wakeup);
    else
        loop_stop(loop);
}

START_TEST(ring_from_its_own_callback_counts)
{
    struct ring_again again = {0};

    ck_assert_int_eq(loop_wakeup_new(loop, ring_from_callback, &again, &again.wakeup), 0);
    loop_wakeup_ring(again.wakeup);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(again.count, 3);
    loop_wakeup_free(again.wakeup);
}
END_TEST

START_TEST(timer_fires_at_its_time)
{
    struct loop_timer *timer;
    uint64_t when_ns = clock_mono_ns() + 30 * NS_PER_MS;
    int count = 0;

    ck_assert_int_eq(loop_timer_new(loop, count_and_stop, &count, &timer), 0);
    loop_timer_set(timer, when_ns);
    loop_timer_set(timer, when_ns);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(count, 1);
    ck_assert_uint_ge(clock_mono_ns(), when_ns);
    loop_timer_free(timer);
    loop_timer_free(NULL);
}
END_TEST

START_TEST(time_gone_by_fires_at_once)
{
    struct loop_timer *timer;
    int count = 0;

    ck_assert_int_eq(loop_timer_new(loop, count_and_stop, &count, &timer), 0);
    for (int round = 1; round <= 2; round++) {
        loop_timer_set(timer, 1);
        ck_assert_int_eq(loop_run(loop), 0);
        ck_assert_int_eq(count, round);
    }
    loop_timer_free(timer);
}
END_TEST

static void must_not_fire(void *arg)
{
    (void)arg;
    ck_abort_msg("a timer fired that was disarmed");
}

START_TEST(disarmed_timer_does_not_fire)
{
    struct loop_timer *disarmed, *last;
    uint64_t soon_ns = clock_mono_ns() + 10 * NS_PER_MS;
    int count = 0;

    ck_assert_int_eq(loop_timer_new(loop, must_not_fire, NULL, &disarmed), 0);
    ck_assert_int_eq(loop_timer_new(loop, count_and_stop, &count, &last), 0);
    loop_timer_set(disarmed, soon_ns);
    loop_timer_set(disarmed, 0);
    loop_timer_set(last, soon_ns + 10 * NS_PER_MS);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(count, 1);
    loop_timer_free(disarmed);
    loop_timer_free(last);
}
END_TEST

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

/* Both timers are due in one round; the first disarms the other. */
struct two_timers {
    struct loop_timer *timers[2];
    int fired;
};

static void disarm_both(void *arg)
{
    struct two_timers *two = arg;

    two->fired++;
    loop_timer_set(two->timers[0], 0);
    loop_timer_set(two->timers[1], 0);
}

START_TEST(timer_disarmed_in_the_same_round_does_not_fire)
{
    struct two_timers two = {0};
    struct loop_timer *last;

    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(loop_timer_new(loop, disarm_both, &two, &two.timers[i]), 0);
        loop_timer_set(two.timers[i], 1);
    }
    ck_assert_int_eq(loop_timer_new(loop, stop, NULL, &last), 0);
    loop_timer_set(last, clock_mono_ns() + 20 * NS_PER_MS);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(two.fired, 1);
    for (int i = 0; i < 2; i++)
        loop_timer_free(two.timers[i]);
    loop_timer_free(last);
}
END_TEST

struct errand {
    struct loop_task *task;
    struct loop_wakeup *others[2];
    int others_rung, done;
};

static void on_other(void *arg)
{
    struct errand *errand = arg;

    errand->others_rung++;
    loop_task_ask(errand->task);
}

static void do_errand(void *arg)
{
    struct errand *errand = arg;

    /* Behind all that was at hand when it was asked for. */
    ck_assert_int_eq(errand->others_rung, 2);
    errand->done++;
    loop_stop(loop);
}

START_TEST(task_is_done_once_at_the_end_of_the_turn)
{
    struct errand errand = {0};

    ck_assert_int_eq(loop_task_new(loop, do_errand, &errand, &errand.task), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(loop_wakeup_new(loop, on_other, &errand, &errand.others[i]), 0);
    for (int times = 1; times <= 2; times++) {
        errand.others_rung = 0;
        for (int i = 0; i < 2; i++)
            loop_wakeup_ring(errand.others[i]);
        ck_assert_int_eq(loop_run(loop), 0);
        ck_assert_int_eq(errand.done, times);
    }
    /* Asked for, and then not wanted any more. */
    loop_task_ask(errand.task);
    loop_task_free(errand.task);
    loop_task_free(NULL);
    for (int i = 0; i < 2; i++)
        loop_wakeup_free(errand.others[i]);
}
END_TEST

START_TEST(signal_reaches_the_loop)
{
    struct loop_signal *hook;
    int count = 0;

    ck_assert_int_eq(loop_signal_new(loop, SIGUSR1, count_and_stop, &count, &hook), 0);
    ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(count, 1);
    loop_signal_free(hook);
    loop_signal_free(NULL);
}
END_TEST

START_TEST(signal_that_comes_too_late_ends_nobody)
{
    static const struct timespec at_once;
    struct loop_signal *hook;
    sigset_t one;

    ck_assert_int_eq(loop_signal_new(loop, SIGUSR1, must_not_fire, NULL, &hook), 0);
    loop_signal_free(hook);
    ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    ck_assert_int_eq(sigtimedwait(&one, NULL, &at_once), SIGUSR1);
}
END_TEST

/* How often the thread goes to sleep until the timer of 200 ms has fired. */
static long sleeps_of_a_run(struct loop_timer *timer, const int *count)
{
    struct rusage before, after;
    int fired = *count;

    loop_timer_set(timer, clock_mono_ns() + 200 * NS_PER_MS);
    getrusage(RUSAGE_THREAD, &before);
    ck_assert_int_eq(loop_run(loop), 0);
    getrusage(RUSAGE_THREAD, &after);
    ck_assert_int_eq(*count, fired + 1);
    return after.ru_nvcsw - before.ru_nvcsw;
}

START_TEST(idle_loop_does_not_wake_up)
{
    struct loop_wakeup *wakeup;
    struct loop_timer *unset, *last;
    struct loop_signal *hook;
    int count = 0, tries = 10;

    ck_assert_int_eq(loop_wakeup_new(loop, must_not_fire, NULL, &wakeup), 0);
    ck_assert_int_eq(loop_timer_new(loop, must_not_fire, NULL, &unset), 0);
    ck_assert_int_eq(loop_signal_new(loop, SIGUSR1, must_not_fire, NULL, &hook), 0);
    ck_assert_int_eq(loop_timer_new(loop, count_and_stop, &count, &last), 0);
    /* The system may make it sleep too, for a page that is not there; a loop that wakes up by
     * itself does so each time. */
    while (sleeps_of_a_run(last, &count) > 2)
        ck_assert_int_gt(--tries, 0);
    loop_wakeup_free(wakeup);
    loop_timer_free(unset);
    loop_timer_free(last);
    loop_signal_free(hook);
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("loop", set_up, tear_down);

    tcase_add_test(tcase, loop_is_epoll);
    tcase_add_test(tcase, ring_wakes_the_loop);
    tcase_add_test(tcase, rings_before_the_loop_count_as_one);
    tcase_add_test(tcase, rings_in_no_hurry_come_soon_and_count_as_one);
    tcase_add_test(tcase, no_ring_is_lost);
    tcase_add_test(tcase, ring_from_its_own_callback_counts);
    tcase_add_test(tcase, timer_fires_at_its_time);
    tcase_add_test(tcase, time_gone_by_fires_at_once);
    tcase_add_test(tcase, disarmed_timer_does_not_fire);
    tcase_add_test(tcase, timer_disarmed_in_the_same_round_does_not_fire);
    tcase_add_test(tcase, task_is_done_once_at_the_end_of_the_turn);
    tcase_add_test(tcase, signal_reaches_the_loop);
    tcase_add_test(tcase, signal_that_comes_too_late_ends_nobody);
    tcase_add_test(tcase, idle_loop_does_not_wake_up);
    return suite_run();
}

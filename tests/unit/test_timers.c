/* layers: base */
#include "daemon/base/timers.h"

#include <check.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "tests/support/suite.h"

#define MANY 100000

struct alarm {
    struct deadline deadline;
    struct bench *bench;
    uint64_t when_ns;
    unsigned fired;
    unsigned again; /* sets itself that often again, for now */
};

struct bench {
    struct loop *loop;
    struct timers *timers;
    size_t left; /* alarms to come before the loop stops */
    struct alarm *order[16];
    size_t order_count;
    uint64_t last_ns;
};

static void bench_open(struct bench *bench)
{
    *bench = (struct bench){.left = 0};
    ck_assert_int_eq(loop_new(&bench->loop), 0);
    ck_assert_int_eq(timers_new(bench->loop, &bench->timers), 0);
}

static void bench_close(struct bench *bench)
{
    timers_free(bench->timers);
    loop_free(bench->loop);
}

static void on_alarm(struct deadline *deadline)
{
    struct alarm *alarm = (struct alarm *)deadline;
    struct bench *bench = alarm->bench;
    ck_assert_uint_ge(clock_mono_ns(), alarm->when_ns);
    ck_assert(!heap_contains(&deadline->node));
    alarm->fired++;
    if (bench->order_count < 16)
        bench->order[bench->order_count++] = alarm;
    if (alarm->again > 0) {
        alarm->again--;
        ck_assert_int_eq(deadline_set(bench->timers, deadline, clock_mono_ns(), on_alarm), 0);
    }
    if (--bench->left == 0)
        loop_stop(bench->loop);
}

static void set(struct bench *bench, struct alarm *alarm, uint64_t when_ns)
{
    alarm->bench = bench;
    alarm->when_ns = when_ns;
    ck_assert_int_eq(deadline_set(bench->timers, &alarm->deadline, when_ns, on_alarm), 0);
}

static void run(struct bench *bench, size_t alarms)
{
    bench->left = alarms;
    ck_assert_int_eq(loop_run(bench->loop), 0);
    ck_assert_uint_eq(bench->left, 0);
}

START_TEST(deadlines_come_in_their_order_and_never_before)
{
    struct alarm alarms[6] = {0};
    struct bench bench;
    uint64_t now_ns = clock_mono_ns();
    static const uint64_t after_ms[] = {9, 3, 6, 0, 3, 12};
    static const size_t order[] = {3, 1, 4, 2, 0, 5};
    bench_open(&bench);
    for (size_t i = 0; i < 6; i++)
        set(&bench, &alarms[i], now_ns + after_ms[i] * NS_PER_MS);
    run(&bench, 6);
    for (size_t i = 0; i < 6; i++)
        ck_assert_ptr_eq(bench.order[i], &alarms[order[i]]);
    bench_close(&bench);
}
END_TEST

START_TEST(a_time_gone_by_fires_at_once)
{
    struct alarm alarms[3] = {0};
    struct bench bench;
    bench_open(&bench);
    set(&bench, &alarms[0], 2);
    set(&bench, &alarms[1], 0);
    set(&bench, &alarms[2], 1);
    run(&bench, 3);
    ck_assert_ptr_eq(bench.order[0], &alarms[1]);
    ck_assert_ptr_eq(bench.order[1], &alarms[2]);
    ck_assert_ptr_eq(bench.order[2], &alarms[0]);
    bench_close(&bench);
}
END_TEST

START_TEST(a_cleared_deadline_stays_silent)
{
    struct alarm cleared[3] = {0}, kept = {.fired = 0};
    struct bench bench;
    uint64_t now_ns = clock_mono_ns();
    bench_open(&bench);
    for (size_t i = 0; i < 3; i++)
        set(&bench, &cleared[i], now_ns + i * NS_PER_MS);
    set(&bench, &kept, now_ns + 5 * NS_PER_MS);
    for (size_t i = 0; i < 3; i++)
        deadline_clear(bench.timers, &cleared[i].deadline);
    deadline_clear(bench.timers, &cleared[0].deadline);
    run(&bench, 1);
    ck_assert_uint_eq(kept.fired, 1);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(cleared[i].fired, 0);
    /* And it may be set again, after the timer was stopped altogether. */
    set(&bench, &cleared[1], clock_mono_ns() + NS_PER_MS);
    run(&bench, 1);
    ck_assert_uint_eq(cleared[1].fired, 1);
    bench_close(&bench);
}
END_TEST

START_TEST(a_deadline_set_again_moves)
{
    struct alarm moved_back = {.fired = 0}, moved_up = {.fired = 0}, middle = {.fired = 0};
    struct bench bench;
    uint64_t now_ns = clock_mono_ns();
    bench_open(&bench);
    set(&bench, &moved_back, now_ns);
    set(&bench, &moved_up, now_ns + 3600 * NS_PER_S);
    set(&bench, &middle, now_ns + 3 * NS_PER_MS);
    set(&bench, &moved_back, now_ns + 5 * NS_PER_MS);
    set(&bench, &moved_up, now_ns + 1 * NS_PER_MS);
    run(&bench, 3);
    ck_assert_ptr_eq(bench.order[0], &moved_up);
    ck_assert_ptr_eq(bench.order[1], &middle);
    ck_assert_ptr_eq(bench.order[2], &moved_back);
    bench_close(&bench);
}
END_TEST

START_TEST(one_that_sets_itself_again_does_not_hold_the_others)
{
    struct alarm eager = {.again = 3}, other = {.fired = 0};
    struct bench bench;
    bench_open(&bench);
    set(&bench, &eager, 1);
    set(&bench, &other, clock_mono_ns());
    run(&bench, 5);
    ck_assert_ptr_eq(bench.order[0], &eager);
    ck_assert_ptr_eq(bench.order[1], &other);
    ck_assert_uint_eq(eager.fired, 4);
    bench_close(&bench);
}
END_TEST

static void on_ordered(struct deadline *deadline)
{
    struct alarm *alarm = (struct alarm *)deadline;
    struct bench *bench = alarm->bench;
    if (clock_mono_ns() < alarm->when_ns || alarm->when_ns < bench->last_ns)
        ck_abort_msg("too early");
    bench->last_ns = alarm->when_ns;
    alarm->fired++;
    if (--bench->left == 0)
        loop_stop(bench->loop);
}

START_TEST(a_hundred_thousand_come_in_order)
{
    struct alarm *alarms = calloc(MANY, sizeof(*alarms));
    struct bench bench;
    unsigned seed = 7;
    size_t left = MANY;
    bench_open(&bench);
    uint64_t now_ns = clock_mono_ns();
    for (size_t i = 0; i < MANY; i++) {
        alarms[i].bench = &bench;
        alarms[i].when_ns = now_ns + (uint64_t)rand_r(&seed) % (50 * NS_PER_MS);
        if (deadline_set(bench.timers, &alarms[i].deadline, alarms[i].when_ns, on_ordered) < 0)
            ck_abort_msg("no memory for a deadline");
    }
    for (size_t i = 0; i < MANY; i += 3) {
        deadline_clear(bench.timers, &alarms[i].deadline);
        left--;
    }
    run(&bench, left);
    size_t right = 0;
    for (size_t i = 0; i < MANY; i++)
        right += alarms[i].fired == (i % 3 != 0);
    ck_assert_uint_eq(right, MANY);
    bench_close(&bench);
    free(alarms);
}
END_TEST

START_TEST(timers_go_with_deadlines_set)
{
    struct alarm alarm = {.fired = 0};
    struct bench bench;
    bench_open(&bench);
    set(&bench, &alarm, UINT64_MAX);
    bench_close(&bench);
    timers_free(NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        deadlines_come_in_their_order_and_never_before,
        a_time_gone_by_fires_at_once,
        a_cleared_deadline_stays_silent,
        a_deadline_set_again_moves,
        one_that_sets_itself_again_does_not_hold_the_others,
        a_hundred_thousand_come_in_order,
        timers_go_with_deadlines_set,
    };
    TCase *tcase = suite_tests("timers", NULL, NULL);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    return suite_run();
}

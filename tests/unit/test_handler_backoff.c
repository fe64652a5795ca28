/* layers: run core base */
#include "daemon/run/handler_backoff.h"

#include "daemon/base/clock.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>

#define NOW (UINT64_C(1000) * NS_PER_S)

static struct handler_backoff backoff;

static void set_up(void)
{
    ck_assert_int_eq(handler_backoff_init(&backoff), 0);
}

static void tear_down(void)
{
    handler_backoff_destroy(&backoff);
}

/* The delay that the next claim has to wait for, in ms; 0: none. */
static uint64_t delay_ms(uint64_t now_ns)
{
    uint64_t retry_ns = handler_backoff_claim(&backoff, now_ns);

    return retry_ns == 0 ? 0 : (retry_ns - now_ns) / NS_PER_MS;
}

START_TEST(without_a_failure_anybody_may_start)
{
    ck_assert_uint_eq(delay_ms(NOW), 0);
    ck_assert_uint_eq(delay_ms(NOW), 0);
    handler_backoff_succeeded(&backoff);
    ck_assert_uint_eq(delay_ms(NOW), 0);
}
END_TEST

START_TEST(the_delay_doubles_up_to_ten_seconds)
{
    static const uint64_t wanted[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000, 10000};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
        handler_backoff_failed(&backoff, NOW);
        ck_assert_uint_eq(delay_ms(NOW), wanted[i]);
    }
}
END_TEST

START_TEST(it_stays_at_ten_seconds_for_ever)
{
    for (int i = 0; i < 1000; i++)
        handler_backoff_failed(&backoff, NOW);
    ck_assert_uint_eq(delay_ms(NOW), 10000);
}
END_TEST

START_TEST(a_good_call_ends_it)
{
    handler_backoff_failed(&backoff, NOW);
    handler_backoff_failed(&backoff, NOW);
    handler_backoff_succeeded(&backoff);
    ck_assert_uint_eq(delay_ms(NOW), 0);
    handler_backoff_failed(&backoff, NOW);
    ck_assert_uint_eq(delay_ms(NOW), 100);
}
END_TEST

START_TEST(one_at_a_time_tries_again)
{
    handler_backoff_failed(&backoff, NOW);
    ck_assert_uint_eq(delay_ms(NOW + 99 * NS_PER_MS), 1);
    ck_assert_uint_eq(delay_ms(NOW + 100 * NS_PER_MS), 0);
    /* That one has the next 100 ms for itself. */
    ck_assert_uint_eq(delay_ms(NOW + 101 * NS_PER_MS), 99);
    ck_assert_uint_eq(delay_ms(NOW + 200 * NS_PER_MS), 0);
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("handler_backoff", set_up, tear_down);

    tcase_add_test(tcase, without_a_failure_anybody_may_start);
    tcase_add_test(tcase, the_delay_doubles_up_to_ten_seconds);
    tcase_add_test(tcase, it_stays_at_ten_seconds_for_ever);
    tcase_add_test(tcase, a_good_call_ends_it);
    tcase_add_test(tcase, one_at_a_time_tries_again);
    return suite_run();
}

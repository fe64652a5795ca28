/* layers: core base */
#include "daemon/core/future_table.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/support/suite.h"

/* The table never looks into a future: any address will do. */
static uint64_t futures[5000];

static struct future *future_at(uint64_t id)
{
    return (struct future *)&futures[id];
}

static struct future_table *table_with(uint64_t count)
{
    struct future_table *table = future_table_new();
    ck_assert_ptr_nonnull(table);
    ck_assert_int_eq(future_table_reserve(table, count), 0);
    for (uint64_t id = 1; id <= count; id++)
        ck_assert_uint_eq(future_table_add(table, future_at(id), 7), id);
    return table;
}

START_TEST(an_empty_table_has_nothing)
{
    struct future_table *table = table_with(0);
    struct future *future = future_at(9);
    ck_assert_uint_eq(future_table_next_id(table), 1);
    ck_assert_int_eq(future_table_find(table, 0, &future), -ENOENT);
    ck_assert_int_eq(future_table_find(table, 1, &future), -ENOENT);
    ck_assert_int_eq(future_table_find(table, UINT64_MAX, &future), -ENOENT);
    ck_assert_ptr_eq(future, future_at(9));
    ck_assert_ptr_null(future_table_below(table, UINT64_MAX));
    ck_assert_ptr_null(future_table_above(table, 0));
    future_table_free(table);
    future_table_free(NULL);
}
END_TEST

START_TEST(every_id_finds_its_future)
{
    struct future_table *table = table_with(3000);
    struct future *future;
    for (uint64_t id = 1; id <= 3000; id++) {
        ck_assert_int_eq(future_table_find(table, id, &future), 0);
        ck_assert_ptr_eq(future, future_at(id));
    }
    ck_assert_int_eq(future_table_find(table, 3001, &future), -ENOENT);
    ck_assert_uint_eq(future_table_next_id(table), 3001);
    future_table_free(table);
}
END_TEST

START_TEST(forgotten_is_not_expired)
{
    struct future_table *table = table_with(10);
    struct future *future;
    future_table_remove(table, 3, false);
    future_table_remove(table, 4, true);
    ck_assert_int_eq(future_table_find(table, 3, &future), -ENOENT);
    ck_assert_int_eq(future_table_find(table, 4, &future), -ESTALE);
    ck_assert_int_eq(future_table_find(table, 5, &future), 0);
    ck_assert_ptr_eq(future, future_at(5));
    /* Ids are never used again. */
    ck_assert_int_eq(future_table_reserve(table, 1), 0);
    ck_assert_uint_eq(future_table_add(table, future_at(11), 7), 11);
    future_table_free(table);
}
END_TEST

START_TEST(a_page_that_is_gone_remembers_why)
{
    struct future_table *table = table_with(4096);
    struct future *future;
    for (uint64_t id = 1; id <= 1024; id++)
        future_table_remove(table, id, true);
    for (uint64_t id = 1025; id <= 2048; id++)
        future_table_remove(table, id, false);
    ck_assert_int_eq(future_table_find(table, 1, &future), -ESTALE);
    ck_assert_int_eq(future_table_find(table, 1024, &future), -ESTALE);
    ck_assert_int_eq(future_table_find(table, 1025, &future), -ENOENT);
    ck_assert_int_eq(future_table_find(table, 2048, &future), -ENOENT);
    ck_assert_int_eq(future_table_find(table, 2049, &future), 0);
    ck_assert_ptr_eq(future_table_above(table, 1), future_at(2049));
    ck_assert_ptr_null(future_table_below(table, 2048));
    ck_assert_ptr_eq(future_table_below(table, UINT64_MAX), future_at(4096));
    future_table_free(table);
}
END_TEST

START_TEST(the_last_page_stays_for_the_ids_to_come)
{
    struct future_table *table = table_with(1023);
    struct future *future;
    for (uint64_t id = 1; id <= 1023; id++)
        future_table_remove(table, id, true);
    ck_assert_ptr_null(future_table_below(table, UINT64_MAX));
    ck_assert_int_eq(future_table_reserve(table, 2), 0);
    ck_assert_uint_eq(future_table_add(table, future_at(1024), 7), 1024);
    ck_assert_uint_eq(future_table_add(table, future_at(1025), 7), 1025);
    ck_assert_int_eq(future_table_find(table, 1023, &future), -ESTALE);
    ck_assert_int_eq(future_table_find(table, 1024, &future), 0);
    future_table_remove(table, 1024, true);
    ck_assert_int_eq(future_table_find(table, 7, &future), -ESTALE);
    ck_assert_int_eq(future_table_find(table, 1025, &future), 0);
    future_table_free(table);
}
END_TEST

START_TEST(neighbours_are_found_over_the_gaps)
{
    struct future_table *table = table_with(4000);
    for (uint64_t id = 1; id <= 4000; id++)
        if (id != 5 && id != 1024 && id != 1025 && id != 3999)
            future_table_remove(table, id, id % 2);
    ck_assert_ptr_eq(future_table_above(table, 0), future_at(5));
    ck_assert_ptr_eq(future_table_above(table, 5), future_at(5));
    ck_assert_ptr_eq(future_table_above(table, 6), future_at(1024));
    ck_assert_ptr_eq(future_table_above(table, 1025), future_at(1025));
    ck_assert_ptr_eq(future_table_above(table, 1026), future_at(3999));
    ck_assert_ptr_null(future_table_above(table, 4000));
    ck_assert_ptr_eq(future_table_below(table, UINT64_MAX), future_at(3999));
    ck_assert_ptr_eq(future_table_below(table, 3998), future_at(1025));
    ck_assert_ptr_eq(future_table_below(table, 1024), future_at(1024));
    ck_assert_ptr_eq(future_table_below(table, 1023), future_at(5));
    ck_assert_ptr_null(future_table_below(table, 4));
    ck_assert_ptr_null(future_table_below(table, 0));
    future_table_free(table);
}
END_TEST

/* Somebody's one future among many of another's: it is the second of its page. */
START_TEST(pages_of_others_are_passed_over)
{
    struct future_table *table = table_with(2049);
    ck_assert_int_eq(future_table_reserve(table, 2000), 0);
    ck_assert_uint_eq(future_table_add(table, future_at(2050), 8), 2050);
    for (uint64_t id = 2051; id <= 4000; id++)
        (void)future_table_add(table, future_at(id), 7);
    ck_assert_ptr_eq(future_table_above_of(table, 1, 8), future_at(2049));
    ck_assert_uint_eq(future_table_known_above_of(table, 1, 8), 2049);
    ck_assert_ptr_eq(future_table_below_of(table, 4000, 8), future_at(3072));
    ck_assert_ptr_null(future_table_above_of(table, 3073, 8));
    ck_assert_uint_eq(future_table_known_above_of(table, 3073, 8), 0);
    ck_assert_ptr_null(future_table_below_of(table, 2048, 8));
    ck_assert_ptr_null(future_table_above_of(table, 1, 9));
    ck_assert_ptr_eq(future_table_above_of(table, 1, 7), future_at(1));
    /* What a restart brings back counts. */
    struct trace trace = {.uid = 9, .state = FUTURE_FINISHED};
    ck_assert_int_eq(future_table_restore_trace(table, 4500, &trace), 0);
    ck_assert_uint_eq(future_table_known_above_of(table, 1, 9), 4500);
    future_table_free(table);
}
END_TEST

START_TEST(room_that_cannot_be_is_refused)
{
    struct future_table *table = table_with(1);
    ck_assert_int_eq(future_table_reserve(table, UINT64_MAX), -ENOMEM);
    ck_assert_int_eq(future_table_reserve(table, UINT64_MAX / 2), -ENOMEM);
    ck_assert_int_eq(future_table_reserve(table, 0), 0);
    ck_assert_int_eq(future_table_reserve(table, 3000), 0);
    ck_assert_uint_eq(future_table_add(table, future_at(2), 7), 2);
    future_table_free(table);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_empty_table_has_nothing,
        every_id_finds_its_future,
        forgotten_is_not_expired,
        a_page_that_is_gone_remembers_why,
        the_last_page_stays_for_the_ids_to_come,
        neighbours_are_found_over_the_gaps,
        pages_of_others_are_passed_over,
        room_that_cannot_be_is_refused,
    };
    TCase *tcase = suite_tests("future_table", NULL, NULL);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    return suite_run();
}

/* layers: proto */
#include "proto/limits.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/support/suite.h"

START_TEST(the_defaults_are_the_table)
{
    struct limits limits;
    size_t count = 0;

    memset(&limits, 0xa5, sizeof(limits));
    limits_set_defaults(&limits);
    ck_assert_uint_eq(limits.line_bytes, 16777216);
    ck_assert_uint_eq(limits.depth, 32);
    ck_assert_uint_eq(limits.retention_seconds, 604800);
    for (const struct limit_entry *entry = limit_table; entry->name != NULL; entry++, count++) {
        uint64_t value = 0;

        ck_assert_int_eq(limits_get(&limits, entry->name, &value), 0);
        ck_assert_uint_eq(value, entry->value);
        ck_assert_uint_gt(value, 0);
        ck_assert_uint_gt(strlen(entry->meaning), 0);
    }
    ck_assert_uint_eq(count * sizeof(uint64_t), sizeof(limits));
}
END_TEST

START_TEST(one_is_set_and_no_other)
{
    struct limits limits, defaults;

    limits_set_defaults(&defaults);
    for (const struct limit_entry *entry = limit_table; entry->name != NULL; entry++) {
        limits_set_defaults(&limits);
        ck_assert_int_eq(limits_set(&limits, entry->name, 7), 0);
        for (const struct limit_entry *other = limit_table; other->name != NULL; other++) {
            uint64_t value = 0;

            ck_assert_int_eq(limits_get(&limits, other->name, &value), 0);
            ck_assert_uint_eq(value, other == entry ? 7 : other->value);
        }
    }
    limits_set_defaults(&limits);
    ck_assert_int_eq(limits_set(&limits, "batch", UINT64_MAX), 0);
    ck_assert_uint_eq(limits.batch, UINT64_MAX);
}
END_TEST

START_TEST(what_is_wrong_changes_nothing)
{
    struct limits limits, before;
    uint64_t value = 99;

    limits_set_defaults(&limits);
    before = limits;
    ck_assert_int_eq(limits_get(&limits, "unknown", &value), -ENOENT);
    ck_assert_int_eq(limits_get(&limits, "", &value), -ENOENT);
    ck_assert_uint_eq(value, 99);
    ck_assert_int_eq(limits_set(&limits, "Batch", 5), -ENOENT);
    ck_assert_int_eq(limits_set(&limits, "batch", 0), -EINVAL);
    ck_assert_int_eq(memcmp(&limits, &before, sizeof(limits)), 0);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("limits", NULL, NULL);

    tcase_add_test(tests, the_defaults_are_the_table);
    tcase_add_test(tests, one_is_set_and_no_other);
    tcase_add_test(tests, what_is_wrong_changes_nothing);
    return suite_run();
}

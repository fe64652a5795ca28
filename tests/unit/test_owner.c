/* layers: core base */
#include "daemon/core/owner.h"

#include <check.h>
#include <stdlib.h>

#include "tests/support/suite.h"

static void expect_counts(const struct owners *owners, bool all, uint32_t uid, uint64_t pending,
                          uint64_t running, uint64_t cancelled, uint64_t finished)
{
    uint64_t counts[FUTURE_STATES] = {99, 99, 99, 99};
    owners_counts(owners, all, uid, counts);
    ck_assert_uint_eq(counts[FUTURE_PENDING], pending);
    ck_assert_uint_eq(counts[FUTURE_RUNNING], running);
    ck_assert_uint_eq(counts[FUTURE_CANCELLED], cancelled);
    ck_assert_uint_eq(counts[FUTURE_FINISHED], finished);
}

START_TEST(an_owner_is_one_as_long_as_somebody_refers_to_it)
{
    struct owners *owners = owners_new();
    struct owner *one = owner_ref(owners, 1000);
    struct owner *root = owner_ref(owners, 0);
    ck_assert_ptr_nonnull(one);
    ck_assert_ptr_ne(one, root);
    ck_assert_ptr_eq(owner_ref(owners, 1000), one);
    ck_assert_uint_eq(owner_uid(one), 1000);
    ck_assert_uint_eq(owner_uid(root), 0);
    owner_unref(one);
    owner_count(one, FUTURE_PENDING, 1);
    expect_counts(owners, false, 1000, 1, 0, 0, 0);
    owner_count(one, FUTURE_PENDING, -1);
    owner_unref(one);
    owner_unref(root);
    owner_unref(NULL);
    expect_counts(owners, false, 1000, 0, 0, 0, 0);
    owners_free(owners);
    owners_free(NULL);
}
END_TEST

START_TEST(counts_are_for_each_and_for_all)
{
    struct owners *owners = owners_new();
    struct owner *a = owner_ref(owners, 1);
    struct owner *b = owner_ref(owners, UINT32_MAX);
    for (int i = 0; i < 3; i++)
        owner_count(a, FUTURE_PENDING, 1);
    owner_count(a, FUTURE_PENDING, -1);
    owner_count(a, FUTURE_RUNNING, 1);
    owner_count(b, FUTURE_FINISHED, 5);
    owner_count(b, FUTURE_CANCELLED, 2);
    expect_counts(owners, false, 1, 2, 1, 0, 0);
    expect_counts(owners, false, UINT32_MAX, 0, 0, 2, 5);
    expect_counts(owners, false, 2, 0, 0, 0, 0);
    expect_counts(owners, true, 1, 2, 1, 2, 5);
    owner_unref(a);
    owner_unref(b);
    owners_free(owners);
}
END_TEST

START_TEST(many_owners_are_told_apart)
{
    struct owners *owners = owners_new();
    struct owner *all[1000];
    for (uint32_t i = 0; i < 1000; i++) {
        all[i] = owner_ref(owners, i * 7919);
        owner_count(all[i], FUTURE_PENDING, (int)i);
    }
    for (uint32_t i = 0; i < 1000; i++)
        expect_counts(owners, false, i * 7919, i, 0, 0, 0);
    for (uint32_t i = 0; i < 1000; i++)
        owner_unref(all[i]);
    owners_free(owners);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_owner_is_one_as_long_as_somebody_refers_to_it,
        counts_are_for_each_and_for_all,
        many_owners_are_told_apart,
    };
    TCase *tcase = suite_tests("owner", NULL, NULL);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    return suite_run();
}

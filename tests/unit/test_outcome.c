/* layers: core base */
#include "daemon/core/outcome.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

START_TEST(zeroed_outcome_is_none)
{
    struct outcome outcome = {0};

    ck_assert_int_eq(outcome.kind, OUTCOME_NONE);
    outcome_clear(&outcome);
    ck_assert_int_eq(outcome.kind, OUTCOME_NONE);
}
END_TEST

START_TEST(result_keeps_its_text)
{
    struct outcome outcome = {0};

    outcome_set_result(&outcome, strdup("[1]"), 3);
    ck_assert_int_eq(outcome.kind, OUTCOME_RESULT);
    ck_assert_uint_eq(outcome.json_bytes, 3);
    ck_assert_mem_eq(outcome.json, "[1]", 3);
    outcome_set_result(&outcome, NULL, 7);
    ck_assert_int_eq(outcome.kind, OUTCOME_RESULT);
    ck_assert_ptr_null(outcome.json);
    ck_assert_uint_eq(outcome.json_bytes, 0);
    outcome_clear(&outcome);
    ck_assert_int_eq(outcome.kind, OUTCOME_NONE);
}
END_TEST

START_TEST(exception_copies_its_words)
{
    struct outcome outcome = {0};
    char type[] = "ExitStatus";
    char message[] = "exited with status 7";

    outcome_set_exception(&outcome, type, message, strdup("{}"), 2);
    type[0] = message[0] = '#';
    ck_assert_int_eq(outcome.kind, OUTCOME_EXCEPTION);
    ck_assert_str_eq(outcome_type(&outcome), "ExitStatus");
    ck_assert_str_eq(outcome_message(&outcome), "exited with status 7");
    ck_assert_mem_eq(outcome.json, "{}", 2);
    ck_assert_uint_eq(outcome.json_bytes, 2);
    outcome_clear(&outcome);
}
END_TEST

START_TEST(newer_outcome_replaces_older)
{
    struct outcome outcome = {0};

    outcome_set_exception(&outcome, "A", "first", strdup("1"), 1);
    /* The words of the older may be used for the newer. */
    outcome_set_exception(&outcome, outcome_type(&outcome), outcome_message(&outcome), NULL, 0);
    ck_assert_str_eq(outcome_type(&outcome), "A");
    ck_assert_str_eq(outcome_message(&outcome), "first");
    ck_assert_ptr_null(outcome.json);
    outcome_set_result(&outcome, strdup("2"), 1);
    ck_assert_int_eq(outcome.kind, OUTCOME_RESULT);
    ck_assert_ptr_null(outcome.type);
    ck_assert_ptr_null(outcome.message);
    outcome_clear(&outcome);
}
END_TEST

START_TEST(exception_without_memory_is_a_memory_error)
{
    struct outcome outcome = {.kind = OUTCOME_EXCEPTION};

    ck_assert_str_eq(outcome_type(&outcome), "MemoryError");
    ck_assert_str_eq(outcome_message(&outcome), "out of memory");
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("outcome", NULL, NULL);

    tcase_add_test(tcase, zeroed_outcome_is_none);
    tcase_add_test(tcase, result_keeps_its_text);
    tcase_add_test(tcase, exception_copies_its_words);
    tcase_add_test(tcase, newer_outcome_replaces_older);
    tcase_add_test(tcase, exception_without_memory_is_a_memory_error);
    return suite_run();
}

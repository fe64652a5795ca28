/* layers: run core base */
#include "daemon/run/dump.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

static void check_text(json_t *value, size_t max_bytes, const char *expected)
{
    char *text = NULL;
    size_t bytes = 0;

    ck_assert_int_eq(dump_value(value, max_bytes, &text, &bytes), 0);
    ck_assert_uint_eq(bytes, strlen(expected));
    ck_assert_mem_eq(text, expected, bytes);
    free(text);
}

static void check_error(json_t *value, size_t max_bytes, int error)
{
    char *text = NULL;
    size_t bytes = 77;

    ck_assert_int_eq(dump_value(value, max_bytes, &text, &bytes), error);
    ck_assert_ptr_null(text);
    ck_assert_uint_eq(bytes, 77);
}

static json_t *nested(size_t levels)
{
    json_t *value = json_array();

    for (size_t i = 1; i < levels; i++)
        value = i % 2 ? json_pack("{s:o}", "a", value) : json_pack("[o]", value);
    return value;
}

static json_t *circle(void)
{
    json_t *inner = json_array(), *outer = json_object();

    json_object_set(outer, "inner", inner);
    json_array_append(inner, outer);
    json_array_append(inner, inner);
    json_decref(inner);
    return outer;
}

/* 2^60 empty arrays in 60 small ones. */
static json_t *doubled(void)
{
    json_t *value = json_array();

    for (int i = 0; i < 60; i++)
        value = json_pack("[O, o]", value, value);
    return value;
}

START_TEST(values_become_text)
{
    check_text(json_null(), 100, "null");
    check_text(json_true(), 100, "true");
    check_text(json_string("a\n\xc3\xa9"), 100, "\"a\\n\xc3\xa9\"");
    check_text(json_stringn("\0", 1), 100, "\"\\u0000\"");
    check_text(json_pack("{s:[i, f, n, b], s:{}}", "a", 1, 0.5, 1, "b"), 100,
               "{\"a\":[1,0.5,null,true],\"b\":{}}");
    check_text(json_pack("[O, O]", json_true(), json_true()), 100, "[true,true]");
}
END_TEST

START_TEST(long_text)
{
    const size_t size = 1000000;
    char *letters = malloc(size), *text;
    size_t bytes;

    memset(letters, 'x', size);
    ck_assert_int_eq(dump_value(json_stringn(letters, size), size + 2, &text, &bytes), 0);
    ck_assert_uint_eq(bytes, size + 2);
    ck_assert_mem_eq(text + 1, letters, size);
    free(text);
    check_error(json_stringn(letters, size), size + 1, -E2BIG);
    free(letters);
}
END_TEST

START_TEST(bounds)
{
    check_text(json_string("abc"), 5, "\"abc\"");
    check_error(json_string("abc"), 4, -E2BIG);
    check_error(json_string("abc"), 0, -E2BIG);
    check_error(doubled(), 1000, -E2BIG);
    char *text;
    size_t bytes;
    ck_assert_int_eq(dump_value(nested(DUMP_DEPTH), 10000, &text, &bytes), 0);
    free(text);
    check_error(nested(DUMP_DEPTH + 1), 10000, -ELOOP);
}
END_TEST

START_TEST(garbage)
{
    check_error(NULL, 100, -EINVAL);
    check_error(json_string_nocheck("\xff"), 100, -EINVAL);
    check_error(json_pack("[i, o]", 1, json_string_nocheck("\xc3\x28")), 100, -EINVAL);
    check_error(circle(), 100000, -ELOOP);
    /* Deep enough to end any stack, were it freed level by level. */
    check_error(nested(300000), SIZE_MAX, -ELOOP);
}
END_TEST

START_TEST(everything_is_freed)
{
    json_t *shared = json_pack("[i]", 1);

    dump_discard(NULL);
    dump_discard(json_null());
    dump_discard(json_string("a"));
    dump_discard(circle());
    dump_discard(doubled());
    dump_discard(json_pack("[O, {s:o}]", shared, "a", shared));
    dump_discard(nested(300000));
}
END_TEST

static size_t allocations_left;

static void *scarce_malloc(size_t size)
{
    return allocations_left > 0 ? (allocations_left--, malloc(size)) : NULL;
}

START_TEST(without_memory)
{
    char *text = NULL;
    size_t bytes;
    int r;

    json_set_alloc_funcs(scarce_malloc, free);
    for (size_t allocations = 0;; allocations++) {
        allocations_left = SIZE_MAX;
        json_t *value = json_pack("{s:[i, f], s:{}, s:s}", "a", 1, 0.5, "b", "c", "d");
        allocations_left = allocations;
        r = dump_value(value, 1000, &text, &bytes);
        if (r == 0)
            break;
        ck_assert_msg(r == -EINVAL || r == -ENOMEM, "%d", r);
        ck_assert_uint_lt(allocations, 1000);
    }
    ck_assert_uint_eq(bytes, strlen("{\"a\":[1,0.5],\"b\":{},\"c\":\"d\"}"));
    free(text);
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("dump", NULL, NULL);

    tcase_add_test(tcase, values_become_text);
    tcase_add_test(tcase, long_text);
    tcase_add_test(tcase, bounds);
    tcase_add_test(tcase, garbage);
    tcase_add_test(tcase, everything_is_freed);
    tcase_add_test(tcase, without_memory);
    return suite_run();
}

/* layers: proto */
#include "proto/json_text.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

static struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static void expect_slice(struct slice slice, const char *text)
{
    ck_assert_msg(slice.size == strlen(text) && memcmp(slice.text, text, slice.size) == 0,
                  "got %.*s, expected %s", (int)slice.size, slice.text, text);
}

/* ---- bounds ---- */

START_TEST(values_are_counted_and_names_are_not)
{
    static const struct {
        const char *text;
        uint64_t values;
    } samples[] = {
        {"", 0},
        {" \t\r\n", 0},
        {"1", 1},
        {"-1.5e3", 1},
        {"\"a\"", 1},
        {"[]", 1},
        {"[1,2,3]", 4},
        {"{\"a\":1}", 2},
        {"{\"a\" : \"b\"}", 2},
        {"{\"a\":{\"b\":[true,false,null]},\"c\":\"d\"}", 7},
        {"[\"a,b:[{}]\",\"\\\"\",\"\\\\\"]", 4},
        {"[\"\\\\\\\"\",1]", 3},
    };

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const char *text = samples[i].text;
        uint64_t values = samples[i].values;

        ck_assert_int_eq(json_text_bounds(text, strlen(text), 9, values), JSON_WITHIN_BOUNDS);
        if (values > 0)
            ck_assert_msg(json_text_bounds(text, strlen(text), 9, values - 1) ==
                              JSON_TOO_MANY_VALUES,
                          "%s", text);
    }
}
END_TEST

START_TEST(nesting_is_measured)
{
    const char *text = "[[],{\"a\":[{}]},[[[\"[[[[[[[\"]]]]";

    ck_assert_int_eq(json_text_bounds(text, strlen(text), 4, 99), JSON_WITHIN_BOUNDS);
    ck_assert_int_eq(json_text_bounds(text, strlen(text), 3, 99), JSON_TOO_DEEP);
    ck_assert_int_eq(json_text_bounds("1", 1, 0, 99), JSON_WITHIN_BOUNDS);
    ck_assert_int_eq(json_text_bounds("[", 1, 0, 99), JSON_TOO_DEEP);
}
END_TEST

START_TEST(a_nul_byte_is_found_everywhere)
{
    ck_assert_int_eq(json_text_bounds("{}\0", 3, 9, 9), JSON_HAS_NUL);
    ck_assert_int_eq(json_text_bounds("\0", 1, 9, 9), JSON_HAS_NUL);
    ck_assert_int_eq(json_text_bounds("\"a\0b\"", 5, 9, 9), JSON_HAS_NUL);
    ck_assert_int_eq(json_text_bounds("[[[[\0", 5, 1, 9), JSON_HAS_NUL);
    ck_assert_int_eq(json_text_bounds("\"\\u0000\"", 8, 9, 9), JSON_WITHIN_BOUNDS);
}
END_TEST

/* The form alone counts, not what a parser refuses all the same. Each sample lies in memory of
 * exactly its size. */
static int complete(const char *text)
{
    size_t size = strlen(text);
    char *copy = malloc(size + 1);
    int r;

    ck_assert_ptr_nonnull(copy);
    memmove(copy + 1, text, size);
    r = json_text_complete(copy + 1, size);
    free(copy);
    return r;
}

START_TEST(texts_are_complete_or_not)
{
    static const char *const whole[] = {
        "{\"a\":1,\"a\":2}",
        " [1e999 ,-0.5E+7] ",
        "\"\xff\n\\ud800\\x\"",
        "[[{}],{\"a\":[[]]}]",
        "null",
        "\t-0\r",
        "99999999999999999999",
        "{\"a\" : {\"b\":[]} }",
    };
    static const char *const parts[] = {
        "",          " ",       "{",          "[",          "[1",        "[1,",    "[1,]",
        "[,1]",      "[1 2]",   "[}",         "{]",         "{]}",       "[[]",    "]",
        "1,",        "1 2",     "{}{}",       "[]x",        "{\"a\"",    "{1:1}",  "{\"a\":",
        "{\"a\",1}", "{\"a\"}", "{\"a\":1,}", "{\"a\" 1}",  "\"abc\\\"", "\"abc",  "tru",
        "nulls",     "-",       "01",         "1.",         ".5",        "1e",     "+1",
        "\"a\":1",   ":",       "[1:2]",      "{\"a\":[}]", "{,}",       "[\"a\"",
    };

    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        ck_assert_msg(complete(whole[i]) == 1, "%s", whole[i]);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        ck_assert_msg(complete(parts[i]) == 0, "%s", parts[i]);
}
END_TEST

START_TEST(however_deep_a_text_may_be_complete)
{
    enum { DEPTH = 1000000 };
    char *text = malloc(2 * DEPTH);

    ck_assert_ptr_nonnull(text);
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    ck_assert_int_eq(json_text_complete(text, 2 * DEPTH), 1);
    ck_assert_int_eq(json_text_complete(text, 2 * DEPTH - 1), 0);
    ck_assert_int_eq(json_text_complete(text + 1, 2 * DEPTH - 1), 0);
    free(text);
}
END_TEST

/* Every text that is no JSON is left to the parser, but must not be run past. Each sample lies in
 * memory of exactly its size, so that a sanitizer sees one byte too many. */
START_TEST(any_bytes_are_safe)
{
    static const char *const samples[] = {
        "\"",  "\"\\",     "\"\\\"", "{\"a\"",    "{\"a\":",       "{\"a\":1",
        "[",   "[1",       "[1,",    "]",         "}}}}",          ",,,",
        ":::", "\"a\":",   "[\"",    "{\"\\u00",  "{\"\\ud83d\\u", "tru",
        "\\",  "\xff\xfe", "{,}",    "{\"a\" 1}",
    };

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        size_t size = strlen(samples[i]);
        char *text = malloc(size);
        struct slice *elements = NULL;
        struct slice slice = {text, size};
        size_t count;

        ck_assert_ptr_nonnull(text);
        memcpy(text, samples[i], size);
        ck_assert_int_eq(json_text_bounds(text, size, 9, 99), JSON_WITHIN_BOUNDS);
        json_text_member(slice, "a", &slice);
        ck_assert_int_eq(json_text_elements((struct slice){text, size}, &elements, &count),
                         -EINVAL);
        free(text);
    }
}
END_TEST

/* ---- members ---- */

START_TEST(members_are_found)
{
    struct slice object = slice_of(" { \"a\" : 1 ,\t\"b\":[1, {\"z\":2}] , \"c\":{\"a\":\"}\"},"
                                   "\"d\":\"\\\"x\", \"\":null,\"e\":-1.5e3 } ");
    static const char *const expected[][2] = {
        {"a", "1"},   {"b", "[1, {\"z\":2}]"}, {"c", "{\"a\":\"}\"}"}, {"d", "\"\\\"x\""},
        {"", "null"}, {"e", "-1.5e3"},
    };

    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct slice value = {0};

        ck_assert(json_text_member(object, expected[i][0], &value));
        expect_slice(value, expected[i][1]);
    }
}
END_TEST

START_TEST(what_is_no_member_is_not_found)
{
    struct slice value = slice_of("untouched");

    ck_assert(!json_text_member((struct slice){0}, "a", &value));
    ck_assert(!json_text_member(slice_of("{}"), "a", &value));
    ck_assert(!json_text_member(slice_of("{\"b\":{\"a\":1}}"), "a", &value));
    ck_assert(!json_text_member(slice_of("{\"b\":\"a\"}"), "a", &value));
    ck_assert(!json_text_member(slice_of("{\"ab\":1}"), "a", &value));
    ck_assert(!json_text_member(slice_of("{\"a\":1}"), "ab", &value));
    ck_assert(!json_text_member(slice_of("[\"a\",1]"), "a", &value));
    ck_assert(!json_text_member(slice_of("\"a\""), "a", &value));
    ck_assert(!json_text_member(slice_of(""), "a", &value));
    expect_slice(value, "untouched");
}
END_TEST

START_TEST(names_with_escapes_are_found)
{
    static const char *const samples[][2] = {
        {"{\"x\":0,\"\\u0061rgs\":1}", "args"},
        {"{\"x\":0,\"\\u0061\\u0072\\u0067\\u0073\":1}", "args"},
        {"{\"x\":0,\"\\u00e9\":1}", "\xc3\xa9"},
        {"{\"x\":0,\"\\u20AC\":1}", "\xe2\x82\xac"},
        {"{\"x\":0,\"\\ud83d\\uDE00!\":1}", "\xf0\x9f\x98\x80!"},
        {"{\"x\":0,\"\\\"\\\\\\/\\b\\f\\n\\r\\t\":1}", "\"\\/\b\f\n\r\t"},
        {"{\"\\u0061rg\":0,\"\\u0061\":0,\"args\":1}", "args"},
        {"{\"arg\\u0000\\u0000\\u0000\":0,\"arg\":1}", "arg"},
        {"{\"arg\\u0000\":0,\"arg\\u0073x\":0,\"arg\":1}", "arg"},
    };

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct slice value = {0};

        ck_assert_msg(json_text_member(slice_of(samples[i][0]), samples[i][1], &value), "%s",
                      samples[i][0]);
        expect_slice(value, "1");
    }
}
END_TEST

/* ---- elements ---- */

START_TEST(elements_are_cut_out)
{
    struct slice array = slice_of(" [ 1 ,\"a,]\", [2,[3]],{\"b\":[4]} , null,\"\\\\\" ] ");
    static const char *const expected[] = {"1",           "\"a,]\"", "[2,[3]]",
                                           "{\"b\":[4]}", "null",    "\"\\\\\""};
    struct slice *elements = NULL;
    size_t count = 0;

    ck_assert_int_eq(json_text_elements(array, &elements, &count), 0);
    ck_assert_uint_eq(count, 6);
    for (size_t i = 0; i < count; i++)
        expect_slice(elements[i], expected[i]);
    free(elements);
}
END_TEST

START_TEST(an_empty_array_has_none)
{
    struct slice one = {0};
    struct slice *elements = &one;
    size_t count = 9;

    ck_assert_int_eq(json_text_elements(slice_of("[ ]"), &elements, &count), 0);
    ck_assert_ptr_null(elements);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(what_is_no_array_has_no_elements)
{
    struct slice *elements = NULL;
    size_t count = 9;

    ck_assert_int_eq(json_text_elements(slice_of("{}"), &elements, &count), -EINVAL);
    ck_assert_int_eq(json_text_elements(slice_of("1"), &elements, &count), -EINVAL);
    ck_assert_int_eq(json_text_elements(slice_of(""), &elements, &count), -EINVAL);
    ck_assert_uint_eq(count, 9);
}
END_TEST

START_TEST(a_million_elements)
{
    const size_t wanted = 1000000;
    char *text = malloc(wanted * 4 + 2);
    struct slice *elements = NULL;
    size_t count = 0;

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < wanted; i++)
        memcpy(text + i * 4, i % 2 == 0 ? ",\"a\"" : ",[1]", 4);
    text[0] = '[';
    text[wanted * 4] = ']';
    ck_assert_int_eq(json_text_elements((struct slice){text, wanted * 4 + 1}, &elements, &count),
                     0);
    ck_assert_uint_eq(count, wanted);
    for (size_t i = 0; i < count; i++) {
        if (elements[i].text != text + i * 4 + 1 || elements[i].size != 3)
            ck_abort_msg("element %zu is cut wrongly", i);
    }
    free(elements);
    free(text);
}
END_TEST

/* ---- strings ---- */

START_TEST(strings_are_decoded_as_far_as_they_fit)
{
    static const struct {
        const char *json, *text;
        size_t room;
    } samples[] = {
        {"\"\"", "", 8},
        {"\"abc\"", "abc", 8},
        {"\"abc\"", "ab", 2},
        {"\"a\\n\\u0041\\\"\"", "a\nA\"", 8},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4},
        {"\"\\ud83d\\ude00\"", "", 3},
        {"\"\xc3\xa9\xc3\xa9\"", "\xc3\xa9", 3},
        {"17", "", 8},
        {"\"", "", 8},
    };

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        char text[8];
        size_t size = json_text_string(slice_of(samples[i].json), text, samples[i].room);

        ck_assert_msg(size == strlen(samples[i].text) && memcmp(text, samples[i].text, size) == 0,
                      "%s: %.*s", samples[i].json, (int)size, text);
    }
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("json_text", NULL, NULL);

    tcase_add_test(tests, values_are_counted_and_names_are_not);
    tcase_add_test(tests, nesting_is_measured);
    tcase_add_test(tests, a_nul_byte_is_found_everywhere);
    tcase_add_test(tests, texts_are_complete_or_not);
    tcase_add_test(tests, however_deep_a_text_may_be_complete);
    tcase_add_test(tests, any_bytes_are_safe);
    tcase_add_test(tests, members_are_found);
    tcase_add_test(tests, what_is_no_member_is_not_found);
    tcase_add_test(tests, names_with_escapes_are_found);
    tcase_add_test(tests, elements_are_cut_out);
    tcase_add_test(tests, an_empty_array_has_none);
    tcase_add_test(tests, what_is_no_array_has_no_elements);
    tcase_add_test(tests, a_million_elements);
    tcase_add_test(tests, strings_are_decoded_as_far_as_they_fit);
    return suite_run();
}

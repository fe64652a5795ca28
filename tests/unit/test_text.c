/* layers: proto */
#include "proto/text.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

struct sample {
    const char *text;
    size_t size;
    bool valid;
};

#define GOOD(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1, true                                                               \
    }
#define BAD(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1, false                                                              \
    }

static const struct sample samples[] = {
    GOOD(""),
    GOOD("plain text that is longer than one word"),
    GOOD("nul \0 inside"),
    GOOD("\x7f"),
    GOOD("\xc2\x80"),
    GOOD("\xdf\xbf"),
    GOOD("\xe0\xa0\x80"),
    GOOD("\xed\x9f\xbf"),
    GOOD("\xee\x80\x80"),
    GOOD("\xef\xbf\xbf"),
    GOOD("\xf0\x90\x80\x80"),
    GOOD("\xf4\x8f\xbf\xbf"),
    GOOD("seven..\xe2\x82\xac and on"),
    BAD("\x80"),
    BAD("\xbf"),
    BAD("\xc0\x80"),
    BAD("\xc1\xbf"),
    BAD("\xc2"),
    BAD("\xc2\x41"),
    BAD("\xe0\x9f\xbf"),
    BAD("\xe2\x82"),
    BAD("\xe2\x82\x41"),
    BAD("\xed\xa0\x80"),
    BAD("\xed\xbf\xbf"),
    BAD("\xf0\x8f\xbf\xbf"),
    BAD("\xf0\x9f\x98"),
    BAD("\xf4\x90\x80\x80"),
    BAD("\xf5\x80\x80\x80"),
    BAD("\xff"),
    BAD("eight...\xfe"),
};

START_TEST(utf8_is_told_from_what_is_not)
{
    const struct sample *sample = &samples[_i];

    ck_assert_msg(utf8_valid(sample->text, sample->size) == sample->valid, "sample %d", _i);
}
END_TEST

START_TEST(a_bad_byte_is_found_wherever_it_stands)
{
    char text[32];

    for (size_t at = 0; at < sizeof(text); at++) {
        memset(text, 'a', sizeof(text));
        ck_assert(utf8_valid(text, sizeof(text)));
        text[at] = '\x80';
        ck_assert(!utf8_valid(text, sizeof(text)));
    }
}
END_TEST

START_TEST(a_cut_never_splits_a_character)
{
    const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
    const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};

    for (size_t size = 0; size < sizeof(expected) / sizeof(expected[0]); size++) {
        ck_assert_uint_eq(utf8_cut(text, size), expected[size]);
        ck_assert(utf8_valid(text, utf8_cut(text, size)));
    }
}
END_TEST

START_TEST(a_cut_leaves_what_is_no_utf8)
{
    ck_assert_uint_eq(utf8_cut("\x80\x80\x80\x80", 4), 4);
    ck_assert_uint_eq(utf8_cut("\xff", 1), 1);
    ck_assert_uint_eq(utf8_cut("\x80", 1), 1);
}
END_TEST

START_TEST(base64_gives_the_bytes)
{
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+"},
    };

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        void *data = NULL;
        size_t size = 99;

        ck_assert_int_eq(base64_decode(vectors[i][1], strlen(vectors[i][1]), &data, &size), 0);
        ck_assert_ptr_nonnull(data);
        ck_assert_uint_eq(size, strlen(vectors[i][0]));
        ck_assert_int_eq(memcmp(data, vectors[i][0], size), 0);
        free(data);
    }
}
END_TEST

START_TEST(base64_refuses_what_is_not)
{
    static const char *const bad[] = {
        "Z",    "Zg",   "Zg=",  "=",    "====", "Z===", "Zg==Zg==", "Zm9v\n",
        "Zm 9", "Zm9-", "Zm9_", "Zh==", "Zm9=", "=Zg=", "Zg=A",     "\xc3\xa9Zg",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        void *data = NULL;
        size_t size = 99;

        ck_assert_msg(base64_decode(bad[i], strlen(bad[i]), &data, &size) == -EINVAL, "%s", bad[i]);
        ck_assert_ptr_null(data);
        ck_assert_uint_eq(size, 99);
    }
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("text", NULL, NULL);

    tcase_add_loop_test(tests, utf8_is_told_from_what_is_not, 0,
                        (int)(sizeof(samples) / sizeof(samples[0])));
    tcase_add_test(tests, a_bad_byte_is_found_wherever_it_stands);
    tcase_add_test(tests, a_cut_never_splits_a_character);
    tcase_add_test(tests, a_cut_leaves_what_is_no_utf8);
    tcase_add_test(tests, base64_gives_the_bytes);
    tcase_add_test(tests, base64_refuses_what_is_not);
    return suite_run();
}

/* layers: proto */
#include "proto/writer.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

/* The text so far, compared byte by byte; the writer starts over. */
static void expect(struct writer *writer, const char *text)
{
    size_t size = 0;
    char *taken = writer_take(writer, &size);

    ck_assert_ptr_nonnull(taken);
    ck_assert_str_eq(taken, text);
    ck_assert_uint_eq(size, strlen(text));
    free(taken);
}

START_TEST(commas_are_put_where_they_belong)
{
    struct writer w = {0};

    writer_begin_object(&w);
    writer_key(&w, "a");
    writer_begin_array(&w);
    writer_end_array(&w);
    writer_key(&w, "b");
    writer_begin_array(&w);
    writer_int(&w, 1);
    writer_begin_object(&w);
    writer_end_object(&w);
    writer_null(&w);
    writer_bool(&w, true);
    writer_bool(&w, false);
    writer_json(&w, "[7]", 3);
    writer_cstring(&w, "x");
    writer_base64(&w, "f", 1);
    writer_end_array(&w);
    writer_key(&w, "c");
    writer_cstring(&w, NULL);
    writer_end_object(&w);
    expect(&w, "{\"a\":[],\"b\":[1,{},null,true,false,[7],\"x\",\"Zg==\"],\"c\":null}");
}
END_TEST

START_TEST(raw_bytes_neither_take_nor_give_a_comma)
{
    struct writer w = {0};

    writer_int(&w, 1);
    writer_raw(&w, "\n", 1);
    writer_raw(&w, "", 0);
    writer_int(&w, 2);
    expect(&w, "1\n,2");
}
END_TEST

START_TEST(numbers_at_their_ends)
{
    struct writer w = {0};

    writer_begin_array(&w);
    writer_int(&w, 0);
    writer_int(&w, -1);
    writer_int(&w, INT64_MAX);
    writer_int(&w, INT64_MIN);
    writer_uint(&w, UINT64_MAX);
    writer_end_array(&w);
    expect(&w, "[0,-1,9223372036854775807,-9223372036854775808,18446744073709551615]");
}
END_TEST

START_TEST(seconds_have_six_digits)
{
    struct writer w = {0};

    writer_begin_array(&w);
    writer_seconds(&w, 0);
    writer_seconds(&w, 1);
    writer_seconds(&w, 1764000000123456);
    writer_seconds(&w, 2000000);
    writer_seconds(&w, -1500000);
    writer_seconds(&w, -1);
    writer_seconds(&w, INT64_MIN);
    writer_end_array(&w);
    expect(&w, "[0.000000,0.000001,1764000000.123456,2.000000,-1.500000,-0.000001,"
               "-9223372036854.775808]");
}
END_TEST

START_TEST(what_must_be_escaped_is)
{
    struct writer w = {0};

    writer_string(&w, "\"\\\b\f\n\r\t\0\x01\x1f/\x7f", 12);
    expect(&w, "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f/\x7f\"");
}
END_TEST

/* Writes `text` and has jansson read it: what it gives must be the same bytes. */
static void round_trip(const char *text, size_t size)
{
    struct writer w = {0};
    json_t *value;

    writer_string(&w, text, size);
    ck_assert(!writer_failed(&w));
    value = json_loadb(w.data, w.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    ck_assert_msg(json_is_string(value), "jansson refuses %.*s", (int)w.size, w.data);
    ck_assert_uint_eq(json_string_length(value), size);
    ck_assert_int_eq(memcmp(json_string_value(value), text, size), 0);
    json_decref(value);
    writer_free(&w);
}

START_TEST(strings_come_back_as_they_were)
{
    static const char *const samples[] = {
        "",
        "\xc3\xa9",
        "\xe2\x82\xac\xe2\x80\xa8\xe2\x80\xa9",
        "\xf0\x9f\x98\x80",
        "\xf4\x8f\xbf\xbf",
        "a\"\xc3\xa9\\\xe2\x82\xac\n\xf0\x9f\x98\x80",
    };
    char all[128];

    for (size_t i = 0; i < sizeof(all); i++) {
        all[i] = (char)i;
        round_trip(&all[i], 1);
    }
    round_trip(all, sizeof(all));
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        round_trip(samples[i], strlen(samples[i]));
}
END_TEST

/* Every code point of two bytes and more, as a writer of UTF-8 would put it. */
START_TEST(every_character_comes_back)
{
    char text[4];

    for (unsigned code = 0x80; code < 0x110000; code += code < 0x3000 ? 1 : 257) {
        size_t size = 0;

        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        if (code < 0x800) {
            text[size++] = (char)(0xc0 | code >> 6);
        } else if (code < 0x10000) {
            text[size++] = (char)(0xe0 | code >> 12);
            text[size++] = (char)(0x80 | (code >> 6 & 63));
        } else {
            text[size++] = (char)(0xf0 | code >> 18);
            text[size++] = (char)(0x80 | (code >> 12 & 63));
            text[size++] = (char)(0x80 | (code >> 6 & 63));
        }
        text[size++] = (char)(0x80 | (code & 63));
        round_trip(text, size);
    }
}
END_TEST

START_TEST(base64_as_in_rfc_4648)
{
    static const char *const vectors[][2] = {
        {"", "\"\""},
        {"f", "\"Zg==\""},
        {"fo", "\"Zm8=\""},
        {"foo", "\"Zm9v\""},
        {"foob", "\"Zm9vYg==\""},
        {"fooba", "\"Zm9vYmE=\""},
        {"foobar", "\"Zm9vYmFy\""},
        {"\xfb\xff\xfe", "\"+//+\""},
    };
    struct writer w = {0};

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        writer_base64(&w, vectors[i][0], strlen(vectors[i][0]));
        expect(&w, vectors[i][1]);
    }
}
END_TEST

START_TEST(much_text_keeps_its_order)
{
    struct writer w = {0};
    json_t *array;

    writer_begin_array(&w);
    for (unsigned i = 0; i < 50000; i++)
        writer_uint(&w, i);
    writer_end_array(&w);
    array = json_loadb(w.data, w.size, 0, NULL);
    ck_assert_uint_eq(json_array_size(array), 50000);
    for (unsigned i = 0; i < 50000; i++)
        ck_assert_int_eq(json_integer_value(json_array_get(array, i)), i);
    json_decref(array);
    writer_free(&w);
}
END_TEST

START_TEST(a_failure_is_remembered_until_reset)
{
    struct writer w = {0};

    writer_cstring(&w, "before");
    writer_raw(&w, "x", SIZE_MAX / 2);
    ck_assert(writer_failed(&w));
    writer_cstring(&w, "after");
    ck_assert(writer_failed(&w));
    ck_assert_uint_eq(w.size, strlen("\"before\""));
    writer_reset(&w);
    ck_assert(!writer_failed(&w));
    writer_cstring(&w, "again");
    expect(&w, "\"again\"");
    w.failed = true;
    ck_assert_ptr_null(writer_take(&w, NULL));
    ck_assert(!writer_failed(&w));
    expect(&w, "");
}
END_TEST

START_TEST(reset_keeps_the_buffer_and_forgets_the_comma)
{
    struct writer w = {0};
    size_t capacity;

    writer_cstring(&w, "some text");
    capacity = w.capacity;
    writer_reset(&w);
    ck_assert_uint_eq(w.size, 0);
    ck_assert_uint_eq(w.capacity, capacity);
    writer_int(&w, 1);
    ck_assert_uint_eq(w.size, 1);
    writer_free(&w);
    ck_assert_ptr_null(w.data);
    writer_free(&w);
    writer_free(NULL);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("writer", NULL, NULL);

    tcase_add_test(tests, commas_are_put_where_they_belong);
    tcase_add_test(tests, raw_bytes_neither_take_nor_give_a_comma);
    tcase_add_test(tests, numbers_at_their_ends);
    tcase_add_test(tests, seconds_have_six_digits);
    tcase_add_test(tests, what_must_be_escaped_is);
    tcase_add_test(tests, strings_come_back_as_they_were);
    tcase_add_test(tests, every_character_comes_back);
    tcase_add_test(tests, base64_as_in_rfc_4648);
    tcase_add_test(tests, much_text_keeps_its_order);
    tcase_add_test(tests, a_failure_is_remembered_until_reset);
    tcase_add_test(tests, reset_keeps_the_buffer_and_forgets_the_comma);
    return suite_run();
}

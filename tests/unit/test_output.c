/* layers: core base */
#include "daemon/core/output.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"

static void append(struct output *output, enum output_stream stream, const char *text)
{
    ck_assert_int_eq(output_append(output, stream, text, strlen(text)), 0);
}

static void check_stream(struct output *output, enum output_stream stream, const char *expected)
{
    char data[256];
    uint64_t kept;
    bool ended;
    size_t size = output_read(output, stream, 0, data, sizeof(data), &kept, &ended);

    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_uint_eq(kept, strlen(expected));
    ck_assert_mem_eq(data, expected, size);
}

START_TEST(streams_are_apart)
{
    struct output *output = output_new(100);

    append(output, OUTPUT_STDOUT, "one ");
    append(output, OUTPUT_STDERR, "err");
    append(output, OUTPUT_STDOUT, "two");
    check_stream(output, OUTPUT_STDOUT, "one two");
    check_stream(output, OUTPUT_STDERR, "err");
    ck_assert(!output_truncated(output));
    output_unref(output);
    output_unref(NULL);
}
END_TEST

START_TEST(read_starts_at_offset)
{
    struct output *output = output_new(100);
    char data[4] = "####";
    uint64_t kept;
    bool ended;

    append(output, OUTPUT_STDOUT, "0123456789");
    ck_assert_uint_eq(output_read(output, OUTPUT_STDOUT, 8, data, 4, &kept, &ended), 2);
    ck_assert_mem_eq(data, "89##", 4);
    ck_assert_uint_eq(kept, 10);
    ck_assert(!ended);
    ck_assert_uint_eq(output_read(output, OUTPUT_STDOUT, 10, data, 4, &kept, &ended), 0);
    ck_assert_uint_eq(output_read(output, OUTPUT_STDOUT, UINT64_MAX, data, 4, &kept, &ended), 0);
    ck_assert_uint_eq(output_read(output, OUTPUT_STDOUT, 3, NULL, 0, &kept, &ended), 0);
    ck_assert_uint_eq(kept, 10);
    output_end(output);
    ck_assert_uint_eq(output_read(output, OUTPUT_STDOUT, 2, data, 3, &kept, &ended), 3);
    ck_assert_mem_eq(data, "234#", 4);
    ck_assert(ended);
    output_unref(output);
}
END_TEST

START_TEST(cap_is_for_each_stream)
{
    struct output *output = output_new(5);

    append(output, OUTPUT_STDOUT, "12345");
    ck_assert(!output_truncated(output));
    append(output, OUTPUT_STDOUT, "6");
    ck_assert(output_truncated(output));
    append(output, OUTPUT_STDERR, "abc");
    append(output, OUTPUT_STDERR, "defgh");
    check_stream(output, OUTPUT_STDOUT, "12345");
    check_stream(output, OUTPUT_STDERR, "abcde");
    ck_assert_uint_le(output_bytes(output), 10);
    output_unref(output);
}
END_TEST

/* The cap is at every byte of a character once. */
START_TEST(what_is_cut_off_ends_with_a_whole_character)
{
    static const char text[] = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z";
    static const char *const kept[] = {
        "",
        "a",
        "a",
        "a\xc3\xbc",
        "a\xc3\xbc",
        "a\xc3\xbc",
        "a\xc3\xbc\xe2\x82\xac",
        "a\xc3\xbc\xe2\x82\xac",
        "a\xc3\xbc\xe2\x82\xac",
        "a\xc3\xbc\xe2\x82\xac",
        "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80",
    };

    for (size_t cap = 0; cap < sizeof(kept) / sizeof(kept[0]); cap++) {
        struct output *output = output_new(cap);
        append(output, OUTPUT_STDOUT, text);
        append(output, OUTPUT_STDOUT, "more");
        output_end(output);
        ck_assert(output_truncated(output));
        check_stream(output, OUTPUT_STDOUT, kept[cap]);
        output_unref(output);
    }
}
END_TEST

START_TEST(what_is_complete_is_left_as_it_is)
{
    struct output *output = output_new(100);

    append(output, OUTPUT_STDOUT, "half a character \xe2\x82");
    output_end(output);
    check_stream(output, OUTPUT_STDOUT, "half a character \xe2\x82");
    output_unref(output);
}
END_TEST

START_TEST(cap_of_nothing_keeps_nothing)
{
    struct output *output = output_new(0);

    append(output, OUTPUT_STDOUT, "");
    ck_assert(!output_truncated(output));
    append(output, OUTPUT_STDOUT, "x");
    ck_assert(output_truncated(output));
    check_stream(output, OUTPUT_STDOUT, "");
    ck_assert_uint_eq(output_bytes(output), 0);
    output_unref(output);
}
END_TEST

START_TEST(end_gives_spare_memory_back)
{
    struct output *output = output_new(1 << 20);
    char block[3000];

    memset(block, 'b', sizeof(block));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(output_append(output, OUTPUT_STDOUT, block, sizeof(block)), 0);
    ck_assert_uint_ge(output_bytes(output), 9000);
    output_end(output);
    ck_assert_uint_eq(output_bytes(output), 9000);
    output_unref(output);
}
END_TEST

static void count(void *arg)
{
    ++*(int *)arg;
}

START_TEST(watcher_is_told_of_each_change)
{
    struct output *output = output_new(5);
    int told = 0;

    append(output, OUTPUT_STDOUT, "1");
    output_watch(output, count, &told);
    ck_assert_int_eq(told, 0);
    append(output, OUTPUT_STDOUT, "2");
    append(output, OUTPUT_STDERR, "3");
    ck_assert_int_eq(told, 2);
    append(output, OUTPUT_STDERR, "4567");
    ck_assert_int_eq(told, 3);
    append(output, OUTPUT_STDERR, "dropped");
    ck_assert_int_eq(told, 3);
    output_watch(output, NULL, NULL);
    append(output, OUTPUT_STDOUT, "4");
    ck_assert_int_eq(told, 3);
    output_watch(output, count, &told);
    output_end(output);
    output_end(output);
    ck_assert_int_eq(told, 4);
    output_unref(output);
}
END_TEST

#define LINES      20000
#define LINE_BYTES 11

static void *write_lines(void *arg)
{
    struct output *output = arg;
    char line[16];

    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof(line), "%010d\n", i);
        output_append(output, i % 2 ? OUTPUT_STDERR : OUTPUT_STDOUT, line, LINE_BYTES);
    }
    output_end(output);
    output_unref(output);
    return NULL;
}

/* Follows one stream until its end; every byte must be the right one. */
static void follow(struct output *output, enum output_stream stream, int line_number)
{
    uint64_t offset = 0, kept = 0;
    char expected[16], data[77 * LINE_BYTES];
    bool ended = false;

    while (!ended || offset < kept) {
        size_t size = output_read(output, stream, offset, data, sizeof(data), &kept, &ended);

        ck_assert_uint_le(offset + size, kept);
        for (size_t i = 0; i < size; i += LINE_BYTES, line_number += 2) {
            snprintf(expected, sizeof(expected), "%010d\n", line_number);
            ck_assert_mem_eq(data + i, expected, LINE_BYTES);
        }
        offset += size;
    }
    ck_assert_uint_eq(offset, LINES / 2 * LINE_BYTES);
}

START_TEST(reader_follows_a_writer)
{
    struct output *output = output_new(1 << 20);
    pthread_t writer;

    output_ref(output);
    ck_assert_int_eq(pthread_create(&writer, NULL, write_lines, output), 0);
    follow(output, OUTPUT_STDOUT, 0);
    follow(output, OUTPUT_STDERR, 1);
    output_unref(output);
    pthread_join(writer, NULL);
}
END_TEST

static void *let_go(void *arg)
{
    output_unref(arg);
    return NULL;
}

START_TEST(last_reference_frees)
{
    for (int round = 0; round < 200; round++) {
        struct output *output = output_new(100);
        pthread_t thread;

        append(output, OUTPUT_STDOUT, "x");
        ck_assert_ptr_eq(output_ref(output), output);
        ck_assert_int_eq(pthread_create(&thread, NULL, let_go, output), 0);
        append(output, OUTPUT_STDOUT, "y");
        output_unref(output);
        pthread_join(thread, NULL);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("output", NULL, NULL);

    tcase_add_test(tcase, streams_are_apart);
    tcase_add_test(tcase, read_starts_at_offset);
    tcase_add_test(tcase, cap_is_for_each_stream);
    tcase_add_test(tcase, what_is_cut_off_ends_with_a_whole_character);
    tcase_add_test(tcase, what_is_complete_is_left_as_it_is);
    tcase_add_test(tcase, cap_of_nothing_keeps_nothing);
    tcase_add_test(tcase, end_gives_spare_memory_back);
    tcase_add_test(tcase, watcher_is_told_of_each_change);
    tcase_add_test(tcase, reader_follows_a_writer);
    tcase_add_test(tcase, last_reference_frees);
    return suite_run();
}

/* layers: proto */
#include "proto/frame.h"

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

static void feed(struct frame *frame, const char *bytes, size_t size)
{
    char *room;
    size_t room_size;

    ck_assert_int_eq(frame_room(frame, size, &room, &room_size), 0);
    ck_assert_uint_ge(room_size, size);
    memcpy(room, bytes, size);
    frame_added(frame, size);
}

static void feed_text(struct frame *frame, const char *text)
{
    feed(frame, text, strlen(text));
}

static void expect_line(struct frame *frame, const char *text)
{
    char *line;
    size_t size;

    ck_assert_int_eq(frame_next(frame, &line, &size), 1);
    ck_assert_str_eq(line, text);
    ck_assert_uint_eq(size, strlen(text));
}

static void expect_result(struct frame *frame, int rc)
{
    char *line = NULL;
    size_t size = 99;

    ck_assert_int_eq(frame_next(frame, &line, &size), rc);
    ck_assert_ptr_null(line);
    ck_assert_uint_eq(size, 99);
}

static void expect_rest(struct frame *frame, const char *text)
{
    char *rest = NULL;
    size_t size = 99;

    frame_rest(frame, &rest, &size);
    ck_assert_str_eq(rest, text);
    ck_assert_uint_eq(size, strlen(text));
}

START_TEST(lines_end_with_lf_and_may_have_a_cr)
{
    struct frame *frame = frame_new(100);

    expect_result(frame, 0);
    feed_text(frame, "one\ntwo\r\n\n\r\nth\rree\r\r\nrest\r");
    expect_line(frame, "one");
    expect_line(frame, "two");
    expect_line(frame, "");
    expect_line(frame, "");
    expect_line(frame, "th\rree\r");
    expect_result(frame, 0);
    expect_rest(frame, "rest\r");
    feed_text(frame, "\n");
    expect_line(frame, "rest");
    expect_result(frame, 0);
    expect_rest(frame, "");
    frame_free(frame);
}
END_TEST

START_TEST(a_nul_byte_is_a_byte_like_others)
{
    struct frame *frame = frame_new(100);
    char *line;
    size_t size;

    feed(frame, "a\0b\n", 4);
    ck_assert_int_eq(frame_next(frame, &line, &size), 1);
    ck_assert_uint_eq(size, 3);
    ck_assert_int_eq(memcmp(line, "a\0b", 4), 0);
    frame_free(frame);
}
END_TEST

/* One line of `size` bytes with `end` behind it; `byte_by_byte` has frame_next look after each. */
static int try_line(uint64_t limit, size_t size, const char *end, bool byte_by_byte)
{
    struct frame *frame = frame_new(limit);
    char *text = malloc(size + 3);
    char *line = NULL;
    size_t line_size = 0;
    size_t total = size + strlen(end);
    int rc = 0;

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', size);
    memcpy(text + size, end, strlen(end) + 1);
    for (size_t i = 0; byte_by_byte && i < total && rc == 0; i++) {
        feed(frame, text + i, 1);
        rc = frame_next(frame, &line, &line_size);
    }
    if (!byte_by_byte) {
        feed(frame, text, total);
        rc = frame_next(frame, &line, &line_size);
    }
    if (rc == 1)
        ck_assert_uint_eq(line_size, size);
    free(text);
    frame_free(frame);
    return rc;
}

START_TEST(the_limit_is_exact)
{
    bool byte_by_byte = _i != 0;

    ck_assert_int_eq(try_line(10, 10, "\n", byte_by_byte), 1);
    ck_assert_int_eq(try_line(10, 10, "\r\n", byte_by_byte), 1);
    ck_assert_int_eq(try_line(10, 10, "", byte_by_byte), 0);
    ck_assert_int_eq(try_line(10, 10, "\r", byte_by_byte), 0);
    ck_assert_int_eq(try_line(10, 11, "\n", byte_by_byte), -EMSGSIZE);
    ck_assert_int_eq(try_line(10, 11, "\r\n", byte_by_byte), -EMSGSIZE);
    ck_assert_int_eq(try_line(10, 11, "", byte_by_byte), -EMSGSIZE);
    ck_assert_int_eq(try_line(10, 10, "\rx", byte_by_byte), -EMSGSIZE);
    ck_assert_int_eq(try_line(10, 10, "\r\r", byte_by_byte), -EMSGSIZE);
    ck_assert_int_eq(try_line(0, 0, "\r\n", byte_by_byte), 1);
    ck_assert_int_eq(try_line(0, 1, "", byte_by_byte), -EMSGSIZE);
}
END_TEST

START_TEST(too_long_stays_too_long)
{
    struct frame *frame = frame_new(3);

    feed_text(frame, "abc\nabcd\nabc\n");
    expect_line(frame, "abc");
    expect_result(frame, -EMSGSIZE);
    expect_result(frame, -EMSGSIZE);
    expect_rest(frame, "");
    feed_text(frame, "x\n");
    expect_result(frame, -EMSGSIZE);
    expect_rest(frame, "");
    frame_free(frame);
}
END_TEST

/* Any way to cut the same bytes gives the same lines. */
START_TEST(cutting_changes_nothing)
{
    const char text[] =
        "{\"a\":1}\r\n\n[1,2,3]\n\r\n\r\r\nlonger line than the others here\nx\nrest";
    const char *const lines[] = {
        "{\"a\":1}", "", "[1,2,3]", "", "\r", "longer line than the others here", "x"};
    const size_t count = sizeof(lines) / sizeof(lines[0]);
    unsigned seed = 1;

    for (unsigned round = 0; round < 3000; round++) {
        struct frame *frame = frame_new(40);
        size_t next = 0;
        size_t at = 0;

        while (at < sizeof(text) - 1) {
            size_t left = sizeof(text) - 1 - at;
            size_t most = round % 64 + 1;
            size_t size;
            char *line;

            seed = seed * 1103515245 + 12345;
            size = (seed >> 16) % most + 1;
            size = size < left ? size : left;
            feed(frame, text + at, size);
            at += size;
            /* Not every reader looks after each read, nor takes all that is there. */
            for (unsigned takes = (seed >> 8) % 4; takes > 0; takes--) {
                if (frame_next(frame, &line, &size) != 1)
                    break;
                ck_assert_uint_lt(next, count);
                ck_assert_str_eq(line, lines[next++]);
            }
        }
        while (next < count)
            expect_line(frame, lines[next++]);
        expect_result(frame, 0);
        expect_rest(frame, "rest");
        frame_free(frame);
    }
}
END_TEST

START_TEST(an_empty_frame_gives_its_buffer_back)
{
    struct frame *frame = frame_new(1 << 20);
    size_t empty = frame_memory(frame);
    char *big = malloc(1 << 20);

    ck_assert_ptr_nonnull(big);
    memset(big, 'x', 1 << 20);
    feed(frame, big, 1 << 20);
    ck_assert_uint_ge(frame_memory(frame), 1 << 20);
    feed_text(frame, "\n");
    free(big);
    ck_assert_int_eq(frame_next(frame, &big, &empty), 1);
    ck_assert_uint_eq(empty, 1 << 20);
    expect_result(frame, 0);
    ck_assert_uint_lt(frame_memory(frame), 200);
    feed_text(frame, "again\n");
    expect_line(frame, "again");
    frame_free(frame);
    frame_free(NULL);
}
END_TEST

START_TEST(frames_share_a_spare_buffer)
{
    struct frame_spare spare = {0};
    struct frame *one = frame_new(1 << 20);
    struct frame *other = frame_new(1 << 20);
    const char *data;
    char *room;
    size_t size;

    frame_share_spare(one, &spare);
    frame_share_spare(other, &spare);
    expect_result(one, 0);
    ck_assert_ptr_null(spare.data);
    feed_text(one, "a\nb");
    expect_line(one, "a");
    expect_result(one, 0);
    ck_assert_ptr_null(spare.data); /* there is something left in it */
    feed_text(one, "c\n");
    expect_line(one, "bc");
    expect_result(one, 0);
    data = spare.data;
    ck_assert_ptr_nonnull(data);
    ck_assert_int_eq(frame_room(other, 1, &room, &size), 0);
    ck_assert_ptr_eq(room, data);
    ck_assert_ptr_null(spare.data);
    memcpy(room, "x\n", 2);
    frame_added(other, 2);
    feed_text(one, "y\n");
    expect_line(other, "x");
    expect_line(one, "y");
    expect_result(other, 0);
    expect_result(one, 0); /* there is a spare one already: this one goes */
    ck_assert_ptr_eq(spare.data, data);
    frame_free(one);
    frame_free(other);
    frame_spare_clear(&spare);
    ck_assert_ptr_null(spare.data);
}
END_TEST

START_TEST(a_large_buffer_is_no_spare_one)
{
    struct frame_spare spare = {0};
    struct frame *frame = frame_new(1 << 20);
    char *room;
    size_t size;

    frame_share_spare(frame, &spare);
    ck_assert_int_eq(frame_room(frame, 1 << 20, &room, &size), 0);
    room[0] = '\n';
    frame_added(frame, 1);
    expect_line(frame, "");
    expect_result(frame, 0);
    ck_assert_ptr_null(spare.data);
    frame_free(frame);
}
END_TEST

/* A line of 4 MiB that comes byte by byte, with frame_next after each: were a byte looked at or
 * moved more than a few times, this would take hours. */
START_TEST(slow_senders_cost_no_more)
{
    const size_t size = 4 << 20;
    struct frame *frame = frame_new(size);
    char *room, *line;
    size_t room_size, line_size;

    for (size_t i = 0; i < size; i++) {
        if (frame_room(frame, 65536, &room, &room_size) < 0 || room_size < 65536)
            ck_abort_msg("no room at byte %zu", i);
        *room = 'x';
        frame_added(frame, 1);
        if (frame_next(frame, &line, &line_size) != 0)
            ck_abort_msg("a line at byte %zu", i);
    }
    feed_text(frame, "\n");
    ck_assert_int_eq(frame_next(frame, &line, &line_size), 1);
    ck_assert_uint_eq(line_size, size);
    frame_free(frame);
}
END_TEST

/* The same for many short lines that lie there already and are taken one between two reads. */
START_TEST(slow_takers_cost_no_more)
{
    const size_t count = 1 << 20;
    struct frame *frame = frame_new(100);
    char *room, *line;
    size_t room_size, line_size;

    ck_assert_int_eq(frame_room(frame, count * 4, &room, &room_size), 0);
    for (size_t i = 0; i < count; i++)
        memcpy(room + i * 4, "abc\n", 4);
    frame_added(frame, count * 4);
    for (size_t i = 0; i < count; i++) {
        if (frame_next(frame, &line, &line_size) != 1 || line_size != 3)
            ck_abort_msg("no line %zu", i);
        if (frame_room(frame, 4, &room, &room_size) < 0 || room_size < 4)
            ck_abort_msg("no room behind line %zu", i);
    }
    expect_result(frame, 0);
    frame_free(frame);
}
END_TEST

START_TEST(absurd_wishes_are_refused)
{
    struct frame *frame = frame_new(100);
    char *room = NULL;
    size_t size = 0;

    ck_assert_int_eq(frame_room(frame, SIZE_MAX, &room, &size), -ENOMEM);
    ck_assert_int_eq(frame_room(frame, SIZE_MAX - 8, &room, &size), -ENOMEM);
    ck_assert_ptr_null(room);
    feed_text(frame, "still good\n");
    expect_line(frame, "still good");
    frame_free(frame);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("frame", NULL, NULL);

    tcase_add_test(tests, lines_end_with_lf_and_may_have_a_cr);
    tcase_add_test(tests, a_nul_byte_is_a_byte_like_others);
    tcase_add_loop_test(tests, the_limit_is_exact, 0, 2);
    tcase_add_test(tests, too_long_stays_too_long);
    tcase_add_test(tests, cutting_changes_nothing);
    tcase_add_test(tests, an_empty_frame_gives_its_buffer_back);
    tcase_add_test(tests, frames_share_a_spare_buffer);
    tcase_add_test(tests, a_large_buffer_is_no_spare_one);
    tcase_add_test(tests, slow_senders_cost_no_more);
    tcase_add_test(tests, slow_takers_cost_no_more);
    tcase_add_test(tests, absurd_wishes_are_refused);
    return suite_run();
}

/* layers: net base */
#include "daemon/net/outbox.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/shared_text.h"
#include "tests/support/suite.h"

static struct shared_text *text_of(char c, size_t size)
{
    char *data = malloc(size);
    memset(data, c, size);
    return shared_text_new(data, size);
}

static void make_pair(int fds[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

/* Reads all there is; every byte must be `c`. */
static size_t read_all(int fd, char c)
{
    char bytes[65536];
    size_t sum = 0;
    ssize_t count;
    while ((count = read(fd, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < count; i++)
            if (bytes[i] != c)
                ck_abort_msg("a byte is %d", bytes[i]);
        sum += (size_t)count;
    }
    return sum;
}

START_TEST(own_bytes_are_counted_until_they_are_written)
{
    uint64_t total = 0;
    int fds[2];
    char bytes[8];
    make_pair(fds);
    struct outbox *a = outbox_new(&total), *b = outbox_new(&total);
    ck_assert_int_eq(outbox_add(a, "abc", 3), 0);
    ck_assert_int_eq(outbox_add(b, "defgh", 5), 0);
    ck_assert_uint_eq(total, 8);
    ck_assert_uint_eq(outbox_bytes(a), 3);
    ck_assert_int_eq(outbox_write(a, fds[0]), 3);
    ck_assert_uint_eq(outbox_bytes(a), 0);
    ck_assert_uint_eq(total, 5);
    ck_assert_int_eq(read(fds[1], bytes, sizeof(bytes)), 3);
    ck_assert_int_eq(memcmp(bytes, "abc", 3), 0);
    outbox_free(a);
    outbox_free(b);
    ck_assert_uint_eq(total, 0);
    outbox_free(NULL);
}
END_TEST

START_TEST(a_shared_text_counts_once)
{
    enum { SIZE = 1000000 };
    uint64_t total = 0;
    struct outbox *boxes[3];
    struct shared_text *text = text_of('x', SIZE);
    for (size_t i = 0; i < 3; i++) {
        boxes[i] = outbox_new(&total);
        ck_assert_int_eq(outbox_add(boxes[i], "head", 4), 0);
        ck_assert_int_eq(outbox_add_shared(boxes[i], text), 0);
        ck_assert_uint_eq(outbox_bytes(boxes[i]), SIZE + 4);
    }
    ck_assert_uint_eq(total, SIZE + 3 * 4);
    ck_assert_uint_eq(text->references, 4);
    shared_text_unref(text); /* the outboxes keep it */
    outbox_clear(boxes[0]);
    ck_assert_uint_eq(outbox_bytes(boxes[0]), 0);
    outbox_free(boxes[1]);
    ck_assert_uint_eq(total, SIZE + 4);
    outbox_free(boxes[2]);
    ck_assert_uint_eq(total, 0);
    outbox_free(boxes[0]);
}
END_TEST

START_TEST(partial_writes_tell_own_from_shared)
{
    /* More than the socket takes at once: the writes end anywhere. */
    enum { ROUNDS = 5, OWN = 100001, SHARED = 300007 };
    uint64_t total = 0;
    int fds[2];
    size_t got = 0;
    char *own = malloc(OWN);
    memset(own, 'z', OWN);
    make_pair(fds);
    struct shared_text *text = text_of('z', SHARED);
    struct outbox *outbox = outbox_new(&total);
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(outbox_add(outbox, own, OWN), 0);
        ck_assert_int_eq(outbox_add_shared(outbox, text), 0);
    }
    ck_assert_uint_eq(total, ROUNDS * OWN + SHARED);
    while (outbox_bytes(outbox) > 0) {
        int n = outbox_write(outbox, fds[0]);
        if (n < 0)
            ck_assert_int_eq(n, -EAGAIN);
        if (n < 0)
            got += read_all(fds[1], 'z');
        /* What is left of our own, and the text once as long as any of it is left. */
        uint64_t sent = (uint64_t)ROUNDS * (OWN + SHARED) - outbox_bytes(outbox);
        uint64_t whole = sent / (OWN + SHARED), part = sent % (OWN + SHARED);
        uint64_t left = ROUNDS * OWN - whole * OWN - (part < OWN ? part : OWN);
        ck_assert_uint_eq(total, left + (whole < ROUNDS ? SHARED : 0));
    }
    got += read_all(fds[1], 'z');
    ck_assert_uint_eq(got, ROUNDS * (OWN + SHARED));
    ck_assert_uint_eq(total, 0);
    ck_assert_uint_eq(text->references, 1);
    ck_assert_uint_eq(text->queued, 0);
    shared_text_unref(text);
    outbox_free(outbox);
    free(own);
}
END_TEST

START_TEST(a_short_text_is_copied)
{
    uint64_t total = 0;
    struct outbox *outbox = outbox_new(&total);
    struct shared_text *text = text_of('x', 10);
    ck_assert_int_eq(outbox_add_shared(outbox, text), 0);
    ck_assert_uint_eq(text->references, 1);
    ck_assert_uint_eq(total, 10);
    shared_text_unref(text);
    shared_text_unref(NULL);
    outbox_free(outbox);
}
END_TEST

START_TEST(a_closed_socket_is_an_error)
{
    uint64_t total = 0;
    int fds[2];
    make_pair(fds);
    close(fds[1]);
    struct outbox *outbox = outbox_new(&total);
    ck_assert_int_eq(outbox_add(outbox, "x", 1), 0);
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(outbox_write(outbox, fds[0]), -EPIPE);
    ck_assert_uint_eq(total, 1);
    outbox_free(outbox);
    ck_assert_uint_eq(total, 0);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("outbox", NULL, NULL);

    tcase_add_test(tests, own_bytes_are_counted_until_they_are_written);
    tcase_add_test(tests, a_shared_text_counts_once);
    tcase_add_test(tests, partial_writes_tell_own_from_shared);
    tcase_add_test(tests, a_short_text_is_copied);
    tcase_add_test(tests, a_closed_socket_is_an_error);
    return suite_run();
}

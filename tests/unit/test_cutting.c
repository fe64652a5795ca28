/* layers: net rpc run store core proto base */
/* extra: tests/support/served.c */
/* However the bytes of a client are cut into reads, it gets the same replies: cut once at each
 * byte, into single bytes, and in many ways by chance. */
#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/net/connection.h"
#include "daemon/rpc/session.h"
#include "tests/support/served.h"
#include "tests/support/suite.h"

/* How the stream is cut: the number of bytes until the next cut, which is at least 1. */
typedef size_t cut_fn(size_t at, size_t how);

struct replies {
    char text[16384];
    size_t size;
};

#define REQUEST(id, method, params)                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define SUBMIT(id, key)                                                                            \
    REQUEST(id, "submit", "{\"fn\":\"echo\",\"delay\":1000,\"key\":\"" key "\"}")
#define CANCEL(id) REQUEST(id, "cancel", "{\"id\":1}")

/* The pieces of a stream. What waits for nothing, so that the order of the replies is that of the
 * requests. */
static const char *const mixed[] = {
    REQUEST("1", "pool.pause", "{\"pool\":\"nothing\"}"),
    "\n",
    REQUEST("2", "ping", "{}"),
    "\r\n\r\n \n",
    SUBMIT("3", "k\\u00e9\xc3\xa9"),
    "\n",
    SUBMIT("\"\xf0\x9f\x98\x80\\ud83d\\ude00\"", "k\xc3\xa9\\u00e9"),
    "\n[",
    CANCEL("4"),
    ",\n[",
    CANCEL("5"),
    ",",
    REQUEST("6", "nothing", "[]"),
    ",7,",
    REQUEST("7", "wait", "{\"ids\":[1]}"),
    "]\n",
    "{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}\n",
    "not JSON\n\"\xff\"\n[]\n{\"a\":1,\"a\":2}\n",
    REQUEST("8", "status", "{\"id\":99}"),
    "\n",
    REQUEST("9", "forget", "{\"ids\":[1]}"),
    NULL,
};

static const char *const half_a_line[] = {
    REQUEST("1", "ping", "{}"),
    "\n{\"jsonrpc\":\"2.0\",\"id\":2",
    NULL,
};

/* The limit of a line is 100 bytes here: one that has them, and one that has one more. */
#define NINETY                                                                                     \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
static const char *const too_long[] = {
    REQUEST("1", "ping", "{}"),
    "\n\"" NINETY "xxxxxxxx\"\r\n",
    "\"" NINETY "xxxxxxxxx\"\n",
    REQUEST("2", "ping", "{}"),
    "\n",
    NULL,
};

static const struct {
    const char *const *pieces;
    uint64_t line_bytes; /* 0: the default */
} streams[] = {{mixed, 0}, {half_a_line, 0}, {too_long, 100}};
enum { STREAMS = sizeof(streams) / sizeof(streams[0]) };

static char stream[4096]; /* the one under test, in one piece */
static size_t stream_size;
static struct limits limits;

static void join(int number)
{
    stream_size = 0;
    for (const char *const *piece = streams[number].pieces; *piece; piece++) {
        size_t size = strlen(*piece);
        ck_assert_uint_le(stream_size + size, sizeof(stream));
        memcpy(stream + stream_size, *piece, size);
        stream_size += size;
    }
    limits_set_defaults(&limits);
    if (streams[number].line_bytes > 0)
        limits.line_bytes = streams[number].line_bytes;
}

/* False: the daemon has closed. */
static bool take_replies(int fd, struct replies *replies)
{
    for (;;) {
        ck_assert_uint_lt(replies->size, sizeof(replies->text));
        ssize_t n = recv(fd, replies->text + replies->size, sizeof(replies->text) - replies->size,
                         MSG_DONTWAIT);
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        replies->size += (size_t)n;
    }
}

static void run(cut_fn *next_cut, size_t how, struct replies *replies)
{
    static const struct peer peer = {.uid = 0, .is_master = true, .is_admin = true};
    struct connections *connections;
    int ends[2];
    bool open = true;

    struct served *served = served_new(&limits);
    ck_assert_int_eq(connections_new(served->loop, served->timers, served->service, &served->limits,
                                     &connections),
                     0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    connections_add(connections, ends[0], &peer);
    replies->size = 0;
    for (size_t at = 0; at < stream_size && open;) {
        size_t piece = next_cut(at, how);
        if (piece > stream_size - at)
            piece = stream_size - at;
        /* The daemon may have closed by now; then it reads no more. */
        (void)send(ends[1], stream + at, piece, MSG_NOSIGNAL);
        at += piece;
        served_turn(served);
        open = take_replies(ends[1], replies);
    }
    shutdown(ends[1], SHUT_WR);
    while (take_replies(ends[1], replies))
        served_turn(served);
    close(ends[1]);
    connections_free(connections);
    served_free(served);
}

static size_t no_cut(size_t at, size_t how)
{
    (void)at;
    (void)how;
    return SIZE_MAX;
}

static size_t one_cut(size_t at, size_t how)
{
    return at == 0 ? how : SIZE_MAX;
}

static size_t each_byte(size_t at, size_t how)
{
    (void)at;
    (void)how;
    return 1;
}

/* By chance, but the same each time. */
static size_t many_cuts(size_t at, size_t how)
{
    uint32_t number = (uint32_t)(at + 1) * 2654435761u ^ (uint32_t)how * 40503u;

    number ^= number >> 15;
    return 1 + number * 2246822519u % (how % 60 + 1);
}

static void expect_same(cut_fn *next_cut, size_t how, const struct replies *wanted)
{
    struct replies replies;

    run(next_cut, how, &replies);
    if (replies.size != wanted->size || memcmp(replies.text, wanted->text, wanted->size) != 0)
        ck_abort_msg("cut %zu: %.*s and not %.*s", how, (int)replies.size, replies.text,
                     (int)wanted->size, wanted->text);
}

START_TEST(any_cut_gives_the_same_replies)
{
    struct replies wanted;

    join(_i);
    run(no_cut, 0, &wanted);
    ck_assert_uint_gt(wanted.size, 40);
    for (size_t at = 1; at < stream_size; at++)
        expect_same(one_cut, at, &wanted);
    expect_same(each_byte, 0, &wanted);
    for (size_t how = 0; how < 300; how++)
        expect_same(many_cuts, how, &wanted);
}
END_TEST

/* The replies that all the others are compared with. */
START_TEST(the_replies_are_right)
{
    struct replies replies;
    size_t lines = 0;

    join(0);
    run(no_cut, 0, &replies);
    for (size_t i = 0; i < replies.size; i++)
        lines += replies.text[i] == '\n';
    ck_assert_uint_eq(lines, 12);
    join(1);
    run(no_cut, 0, &replies);
    ck_assert_uint_eq(replies.size, strlen("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"pong\"}\n"));
    join(2);
    run(no_cut, 0, &replies);
    replies.text[replies.size] = '\0';
    ck_assert_ptr_nonnull(strstr(replies.text, "\"limit\":\"line_bytes\",\"value\":100}}}\n"));
    ck_assert_ptr_null(strstr(replies.text, "\"id\":2"));
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("cutting", NULL, NULL);

    tcase_add_loop_test(tests, any_cut_gives_the_same_replies, 0, STREAMS);
    tcase_add_test(tests, the_replies_are_right);
    return suite_run();
}

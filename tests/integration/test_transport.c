/* The transport: bytes, lines, half-closed and vanished clients, and those that do not read. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/deadline.h"
#include "tests/support/fixture.h"
#include "tests/support/text.h"

static struct fixture f;

static void setup(void)
{
    fixture_start(&f, NULL);
}

static void teardown(void)
{
    fixture_stop(&f);
}

static void expect_line(struct client *client, const char *line)
{
    char *got = client_read_line(client);

    ck_assert_ptr_nonnull(got);
    ck_assert_str_eq(got, line);
    free(got);
}

#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define PONG(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":\"pong\"}"

static void send_text(struct client *client, const char *text)
{
    client_send(client, text, strlen(text));
}

/* ---- lines ---- */

START_TEST(lines_end_with_lf_or_crlf)
{
    send_text(f.client, PING("1") "\n" PING("2") "\r\n\r\n\n");
    expect_line(f.client, PONG("1"));
    expect_line(f.client, PONG("2"));
    expect_quiet(f.client);
}
END_TEST

START_TEST(many_lines_in_one_write)
{
    send_text(f.client, PING("1") "\n" PING("2") "\n" PING("3") "\n{\"jsonrpc\":\"2.0\",\"id\":4,");
    expect_line(f.client, PONG("1"));
    expect_line(f.client, PONG("2"));
    expect_line(f.client, PONG("3"));
    send_text(f.client, "\"method\":\"ping\"}\n");
    expect_line(f.client, PONG("4"));
}
END_TEST

START_TEST(byte_by_byte)
{
    static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":\"\xc3\xa4\\n\",\"method\":\"submit\","
                               "\"params\":{\"fn\":\"echo\",\"args\":{\"a\":\"\xe2\x82\xac\"}}}\n";

    for (size_t i = 0; i < sizeof(text) - 1; i++)
        client_send(f.client, &text[i], 1);
    json_t *reply = client_read(f.client);
    json_expect(reply, "id", "'\xc3\xa4\\n'");
    expect_result(f.client, json_int_at(reply, "result.id"), "{'a':'\xe2\x82\xac'}");
    json_decref(reply);
}
END_TEST

/* ---- the last line ---- */

START_TEST(last_line_without_lf_is_taken_when_complete)
{
    send_text(f.client, PING("1") "\n" PING("2"));
    client_half_close(f.client);
    expect_line(f.client, PONG("1"));
    expect_line(f.client, PONG("2"));
    client_expect_end(f.client);
}
END_TEST

START_TEST(last_batch_without_lf_is_taken)
{
    send_text(f.client, "[" PING("1") "]");
    client_half_close(f.client);
    expect_line(f.client, "[" PONG("1") "]");
    client_expect_end(f.client);
}
END_TEST

START_TEST(a_line_without_lf_is_not_taken_before_the_close)
{
    /* Nobody knows yet that it is the last one. */
    send_text(f.client, PING("1"));
    struct client *other = fixture_client(&f);
    json_decref(client_result(other, "ping", "{}"));
    client_close(other);
    struct pollfd fd = {.fd = client_fd(f.client), .events = POLLIN};
    ck_assert_int_eq(poll(&fd, 1, 0), 0);
    send_text(f.client, "\n");
    expect_line(f.client, PONG("1"));
}
END_TEST

#define BY_10(text) text text text text text text text text text text
#define TOO_DEEP    BY_10(BY_10("["))

START_TEST(last_line_without_lf_is_dropped_when_incomplete)
{
    static const char *const rests[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"",
        "{",
        "[" PING("2") ",",
        "x",
        "\"abc",
        " ",
        "\r",
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"pi\xc3",
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"id\":2,\"method\":\"ping\"",
        TOO_DEEP "1",
        PING("2") "}",
    };

    for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
        struct client *client = fixture_client(&f);
        send_text(client, PING("1") "\n");
        send_text(client, rests[i]);
        client_half_close(client);
        expect_line(client, PONG("1"));
        client_expect_end(client);
        client_close(client);
    }
}
END_TEST

START_TEST(complete_last_line_that_is_no_request_is_answered)
{
    send_text(f.client, "{\"jsonrpc\":\"2.0\",\"id\":5}");
    client_half_close(f.client);
    json_t *reply = client_read(f.client);
    ck_assert_int_eq(reply_error(reply), -32600);
    json_expect(reply, "id", "5");
    json_decref(reply);
    client_expect_end(f.client);
}
END_TEST

/* What is there as a whole and is refused is told so, as with its LF. */
START_TEST(complete_last_line_that_is_refused_is_answered)
{
    static const struct {
        const char *rest;
        int code;
    } samples[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":2,\"id\":2,\"method\":\"ping\"}", -32700},
        {"{\"jsonrpc\":\"2.0\",\"id\":1e999,\"method\":\"ping\"} ", -32700},
        {"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"pi\xc3\"}\r", -32700},
        {"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"\\ud800\"}", -32700},
        {TOO_DEEP BY_10(BY_10("]")), -32600},
        {"[]", -32600},
        {"7", -32600},
    };

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct client *client = fixture_client(&f);
        send_text(client, samples[i].rest);
        client_half_close(client);
        json_t *reply = client_read(client);
        ck_assert_int_eq(reply_error(reply), samples[i].code);
        json_expect(reply, "id", "null");
        json_decref(reply);
        client_expect_end(client);
        client_close(client);
    }
}
END_TEST

/* ---- half-closed clients ---- */

START_TEST(half_closed_without_a_word)
{
    client_half_close(f.client);
    client_expect_end(f.client);
}
END_TEST

START_TEST(half_closed_gets_the_reply_that_waits)
{
    struct client *half = fixture_client(&f);
    json_int_t id = fixture_hold(&f);
    json_int_t result = client_request(half, "result", "{'id':%lld}", id);
    json_int_t exception = client_request(half, "exception", "{'id':%lld,'timeout':3600}", id);
    json_int_t wait = client_request(half, "wait", "{'ids':[%lld]}", id);
    json_int_t ping = client_request(half, "ping", "{}");
    client_half_close(half);
    json_decref(client_reply(half, ping));
    json_decref(client_result(f.client, "ping", "{}"));
    gate_pass(f.gate, 1);

    json_t *reply = client_reply(half, result);
    json_expect(reply, "result.result.stdout", "'passed\\n'");
    json_decref(reply);
    reply = client_reply(half, exception);
    json_expect(reply, "result", "{'id':%lld,'state':'FINISHED','exception':null}", id);
    json_decref(reply);
    reply = client_reply(half, wait);
    json_expect(reply, "result", "{'done':[%lld],'not_done':[]}", id);
    json_decref(reply);
    client_expect_end(half);
    client_close(half);
}
END_TEST

START_TEST(half_closed_gets_its_notification)
{
    struct client *half = fixture_client(&f);
    json_int_t request = client_request(
        half, "submit", "{'fn':'exec','args':{'argv':%s},'subscribe':true}", gate_argv(f.gate));
    client_half_close(half);
    json_t *reply = client_reply(half, request);
    json_int_t id = json_int_at(reply, "result.id");
    json_decref(reply);
    gate_wait_running(f.gate);
    gate_pass(f.gate, 1);
    expect_done(half, id);
    client_expect_end(half);
    client_close(half);
}
END_TEST

START_TEST(half_closed_reads_more_than_the_socket_holds)
{
    enum { COUNT = 20, BYTES = 1000000 };
    char *text = malloc(BYTES + 1);
    json_int_t ids[COUNT];

    memset(text, 'x', BYTES);
    text[BYTES] = '\0';
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{'a':'%s'}}", text);
    for (size_t i = 0; i < COUNT; i++)
        ids[i] = client_request(f.client, "result", "{'id':%lld}", id);
    client_half_close(f.client);
    for (size_t i = 0; i < COUNT; i++) {
        json_t *reply = client_reply(f.client, ids[i]);
        ck_assert_str_eq(json_text_at(reply, "result.result.a"), text);
        json_decref(reply);
    }
    client_expect_end(f.client);
    free(text);
}
END_TEST

/* ---- clients that wait, vanish, or do not read ---- */

START_TEST(a_waiting_call_holds_up_no_other)
{
    json_int_t id = fixture_hold(&f);
    json_int_t waiting = client_request(f.client, "result", "{'id':%lld}", id);
    json_int_t other = client_submit(f.client, "{'fn':'echo','args':{'a':1}}");

    expect_result(f.client, other, "{'a':1}");
    expect_state(f.client, id, "RUNNING");
    gate_pass(f.gate, 1);
    json_t *reply = client_reply(f.client, waiting);
    json_expect(reply, "result.state", "'FINISHED'");
    json_decref(reply);
}
END_TEST

START_TEST(a_client_that_vanishes_while_it_waits)
{
    struct client *gone = fixture_client(&f);
    json_int_t id = fixture_hold(&f);
    json_int_t own = client_submit(gone, "{'fn':'exec','args':{'argv':%s}}", gate_argv(f.gate));

    gate_wait_running(f.gate);
    client_request(gone, "result", "{'id':%lld}", id);
    client_request(gone, "wait", "{'ids':[%lld,%lld],'return_when':'FIRST_COMPLETED'}", id, own);
    client_request(gone, "output", "{'id':%lld,'wait':3600}", id);
    client_request(gone, "subscribe", "{'all':true,'events':['done','running','output']}");
    client_request(gone, "subscribe", "{'ids':[%lld],'events':['done','output']}", id);
    send_text(gone, "[" PING("1") ",{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"result\",\"params\":"
                                  "{\"id\":1}}]\n");
    json_decref(client_result(gone, "ping", "{}"));
    send_text(gone, "{\"jsonrpc\"");
    json_int_t waiting = client_request(f.client, "wait", "{'ids':[%lld,%lld]}", id, own);
    client_close(gone);
    json_decref(client_result(f.client, "ping", "{}"));
    expect_state(f.client, own, "RUNNING");
    gate_pass(f.gate, 2);
    json_t *reply = client_reply(f.client, waiting);
    json_expect(reply, "result.done", "[%lld,%lld]", id, own);
    json_decref(reply);
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
}
END_TEST

/* Sends it without ever reading, as far as the daemon takes it. */
static void push(struct client *client, const char *text)
{
    ck_assert_int_gt(send(client_fd(client), text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT), 0);
}

START_TEST(a_client_that_does_not_read)
{
    enum { COUNT = 40, BYTES = 1000000 };
    struct client *lazy = fixture_client(&f);
    char *text = malloc(BYTES + 1);

    memset(text, 'y', BYTES);
    text[BYTES] = '\0';
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{'a':'%s'}}", text);
    for (int i = 1; i <= COUNT; i++) {
        char *line = text_print("{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"result\",\"params\":"
                                "{\"id\":%lld}}\n",
                                i, id);
        push(lazy, line);
        free(line);
    }
    /* Its socket is full now, and others do not notice. */
    for (int i = 0; i < 100; i++)
        expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{'i':%d}}", i),
                      "{'i':%d}", i);
    /* It is owed all of it whenever it cares to read. */
    for (int i = 1; i <= COUNT; i++) {
        json_t *reply = client_read(lazy);
        json_expect(reply, "id", "%d", i);
        ck_assert_str_eq(json_text_at(reply, "result.result.a"), text);
        json_decref(reply);
    }
    client_close(lazy);
    free(text);
}
END_TEST

/* What only the store has is answered when the store has brought it, much at once: no more of it is
 * asked for than may wait for the client. */
static void ask_for_much(const char *method, json_int_t id)
{
    enum { COUNT = 100 };
    struct client *lazy = fixture_client(&f);
    bool seen[COUNT] = {false};

    for (int i = 0; i < COUNT; i++) {
        char *line = text_print("{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":"
                                "{\"id\":%lld}}\n",
                                i, method, id);
        push(lazy, line);
        free(line);
    }
    /* All that can be answered is by the time that others have been answered from the store. */
    for (int i = 1; i <= COUNT; i++)
        json_decref(client_result(f.client, "status", "{'limit':%d}", i));
    for (int i = 0; i < COUNT; i++) {
        json_t *reply = client_read(lazy);
        json_int_t which = json_int_at(reply, "id");
        ck_assert(which >= 0 && which < COUNT && !seen[which]);
        seen[which] = true;
        ck_assert_uint_gt(json_object_size(json_object_get(reply, "result")), 1);
        json_decref(reply);
    }
    client_close(lazy);
}

START_TEST(much_that_is_stored_for_one_that_does_not_read)
{
    enum { BYTES = 1000000 };
    char *text = malloc(BYTES + 1);

    memset(text, 'z', BYTES);
    text[BYTES] = '\0';
    json_int_t echo = client_submit(f.client, "{'fn':'echo','args':{'a':'%s'}}", text);
    json_int_t cat =
        client_submit(f.client, "{'fn':'exec','args':{'argv':['cat'],'stdin':'%s'}}", text);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld,%lld]}", echo, cat));
    free(text);
    fixture_kill_and_restart(&f);
    ask_for_much("result", echo);
    fixture_kill_and_restart(&f);
    ask_for_much("output", cat);
}
END_TEST

START_TEST(a_flood_of_requests_from_one_that_does_not_read)
{
    static const char line[] = PING("1") "\n";
    struct client *lazy = fixture_client(&f);
    int count = 0;
    size_t rest = 0; /* of a line that went out in part */

    /* Until neither the socket nor the daemon takes any more; a daemon that is slow does in the
     * end. */
    for (;;) {
        struct pollfd fd = {.fd = client_fd(lazy), .events = POLLOUT};
        ssize_t sent =
            send(fd.fd, line + rest, sizeof(line) - 1 - rest, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            rest = (rest + (size_t)sent) % (sizeof(line) - 1);
            count += rest == 0;
        } else if (poll(&fd, 1, count > 10000 ? 300 : deadline_ms()) == 0) {
            break;
        }
    }
    ck_assert_int_gt(count, 10000);
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
    for (int i = 0; i < count; i++)
        expect_line(lazy, PONG("1"));
    if (rest > 0)
        client_send(lazy, line + rest, sizeof(line) - 1 - rest);
    client_half_close(lazy);
    if (rest > 0)
        expect_line(lazy, PONG("1"));
    client_expect_end(lazy);
    client_close(lazy);
}
END_TEST

START_TEST(the_longest_line)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"submit\",\"params\":"
                               "{\"fn\":\"echo\",\"args\":{\"a\":\"";
    const size_t size = 16777216;
    char *line = malloc(size + 2);

    memset(line, 'z', size);
    memcpy(line, head, sizeof(head) - 1);
    memcpy(line + size - 4, "\"}}}\n", 6);
    client_send(f.client, line, size + 1);
    json_t *reply = client_read(f.client);
    json_t *result =
        client_result(f.client, "result", "{'id':%lld}", json_int_at(reply, "result.id"));
    ck_assert_uint_eq(json_string_length(json_at(result, "result.a")), size - sizeof(head) - 3);
    json_decref(result);
    json_decref(reply);
    free(line);
}
END_TEST

/* ---- limits of the transport ---- */

static void setup_limits(void)
{
    static const struct daemon_options options = {
        .config = "[limits]\nline_bytes = 2000\nunsent_pause_bytes = 2000\n"
                  "unsent_bytes = 100000\nconnections = 3\nbatch = 3\nrequests_in_flight = 2\n",
    };

    fixture_start(&f, &options);
}

START_TEST(a_line_that_is_too_long)
{
    struct client *client = fixture_client(&f);
    char *line = text_print(PING("1") "%*s", 2000 - (int)strlen(PING("1")), "");

    client_send_line(client, line);
    expect_line(client, PONG("1"));
    send_text(client, line);
    send_text(client, " ");
    json_t *reply = client_read(client);
    ck_assert_int_eq(reply_error(reply), -32600);
    ck_assert(json_null_at(reply, "id"));
    json_expect(reply, "error.data", "{'limit':'line_bytes','value':2000}");
    json_decref(reply);
    client_expect_end(client);
    client_close(client);
    free(line);
    json_decref(client_result(f.client, "ping", "{}"));
}
END_TEST

START_TEST(a_line_that_is_too_long_behind_a_good_one)
{
    char *line = text_print(PING("1") "\n%*s\n", 2001, "");

    send_text(f.client, line);
    expect_line(f.client, PONG("1"));
    json_t *reply = client_read(f.client);
    ck_assert_int_eq(reply_error(reply), -32600);
    json_decref(reply);
    client_expect_end(f.client);
    free(line);
}
END_TEST

START_TEST(a_client_that_never_reads_is_left)
{
    struct client *lazy = fixture_client(&f);
    char rest[65536];
    ssize_t count;

    json_decref(client_result(lazy, "subscribe", "{'all':true}"));
    for (int i = 0; i < 3000; i++) {
        json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");
        json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    }
    /* It has been cut off with what its socket held. */
    do {
        deadline_wait(client_fd(lazy), POLLIN, "the end of the stream");
        count = read(client_fd(lazy), rest, sizeof(rest));
    } while (count > 0);
    client_close(lazy);
}
END_TEST

START_TEST(too_many_connections)
{
    struct client *second = fixture_client(&f), *third = fixture_client(&f);
    json_decref(client_result(second, "ping", "{}"));
    json_decref(client_result(third, "ping", "{}"));
    struct client *fourth = fixture_client(&f);
    json_t *reply = client_read(fourth);

    ck_assert_int_eq(reply_error(reply), -32005);
    json_expect(reply, "error.data", "{'limit':'connections','value':3}");
    json_decref(reply);
    client_expect_end(fourth);
    client_close(fourth);
    client_close(second);
    client_close(third);
    json_decref(client_result(f.client, "ping", "{}"));
    fourth = fixture_client(&f);
    json_decref(client_result(fourth, "ping", "{}"));
    client_close(fourth);
}
END_TEST

START_TEST(too_long_batch_and_too_many_waiting)
{
    send_text(f.client, "[1,2,3,4]\n");
    json_t *reply = client_read(f.client);
    ck_assert_int_eq(reply_error(reply), -32005);
    json_expect(reply, "error.data", "{'limit':'batch','value':3}");
    json_decref(reply);

    json_int_t id = fixture_hold(&f);
    json_int_t first = client_request(f.client, "result", "{'id':%lld}", id);
    json_int_t second = client_request(f.client, "result", "{'id':%lld}", id);
    expect_limit(f.client, "ping", "requests_in_flight", 2, "{}");
    gate_pass(f.gate, 1);
    json_decref(client_reply(f.client, first));
    json_decref(client_reply(f.client, second));
    json_decref(client_result(f.client, "ping", "{}"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        lines_end_with_lf_or_crlf,
        many_lines_in_one_write,
        byte_by_byte,
        last_line_without_lf_is_taken_when_complete,
        last_batch_without_lf_is_taken,
        a_line_without_lf_is_not_taken_before_the_close,
        last_line_without_lf_is_dropped_when_incomplete,
        complete_last_line_that_is_no_request_is_answered,
        complete_last_line_that_is_refused_is_answered,
        half_closed_without_a_word,
        half_closed_gets_the_reply_that_waits,
        half_closed_gets_its_notification,
        half_closed_reads_more_than_the_socket_holds,
        a_waiting_call_holds_up_no_other,
        a_client_that_vanishes_while_it_waits,
        a_client_that_does_not_read,
        much_that_is_stored_for_one_that_does_not_read,
        a_flood_of_requests_from_one_that_does_not_read,
        the_longest_line,
        NULL,
    };
    const TTest *const limits[] = {
        a_line_that_is_too_long,
        a_line_that_is_too_long_behind_a_good_one,
        a_client_that_never_reads_is_left,
        too_many_connections,
        too_long_batch_and_too_many_waiting,
        NULL,
    };
    int plain = fixture_run("transport", setup, teardown, tests);
    int limited = fixture_run("transport limits", setup_limits, teardown, limits);

    return plain | limited;
}

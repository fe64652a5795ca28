/* layers: future */
/* extra: tests/support/fake_server.c tests/support/libfuture_fixture.c */
/* The connection and its messages: cut, out of order, late, broken, too many. */
#include "client/future.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/libfuture_fixture.h"
#include "tests/support/suite.h"

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t send_ping(void)
{
    uint64_t id;

    ck_assert_int_eq(future_send(client, "ping", NULL, &id), 0);
    return id;
}

/* The next message must be the reply to this request with this integer as its result. */
static void expect_reply(uint64_t id, json_int_t result)
{
    struct future_message *message;

    ck_assert_int_eq(future_receive(client, LONG_MS, &message), 0);
    ck_assert_int_eq(message->kind, FUTURE_REPLY);
    ck_assert_uint_eq(message->request_id, id);
    ck_assert_int_eq(json_integer_value(message->result), result);
    future_message_free(message);
}

static void expect_failure(int failure)
{
    struct future_message *message;

    ck_assert_int_eq(future_receive(client, 0, &message), failure);
    ck_assert_int_eq(future_last_error(client)->failure, failure);
    ck_assert_str_eq(future_last_error(client)->message, future_failure_text(failure));
}

/* ---- connecting ---- */

static int make_listener(const char *directory, int backlog, char *ret_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(ret_path, sizeof(address.sun_path), "%s/socket", directory);
    memcpy(address.sun_path, ret_path, strlen(ret_path) + 1);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (backlog >= 0)
        ck_assert_int_eq(listen(fd, backlog), 0);
    return fd;
}

START_TEST(connecting_says_what_is_wrong)
{
    char directory[] = "/tmp/libfuture.XXXXXX", path[200], far[200];
    struct future_client *none = client;
    int fd;

    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/socket", directory);
    ck_assert_int_eq(future_connect(path, -1, &none), -ENOENT);
    ck_assert_int_eq(future_connect("", -1, &none), -EINVAL);
    memset(far, 'x', sizeof(far) - 1);
    far[sizeof(far) - 1] = '\0';
    ck_assert_int_eq(future_connect(far, -1, &none), -ENAMETOOLONG);
    fd = make_listener(directory, -1, path);
    ck_assert_int_eq(future_connect(path, -1, &none), -ECONNREFUSED);
    ck_assert_ptr_eq(none, client);
    close(fd);
    unlink(path);
    rmdir(directory);
}
END_TEST

START_TEST(connecting_takes_no_longer_than_allowed)
{
    enum { CLIENTS = 16 };
    char directory[] = "/tmp/libfuture.XXXXXX", path[200];
    struct future_client *clients[CLIENTS] = {NULL};
    struct future_client *one_more;
    int fd, r = 0;
    int64_t start;

    ck_assert_ptr_nonnull(mkdtemp(directory));
    fd = make_listener(directory, 0, path);
    for (int i = 0; i < CLIENTS && r == 0; i++)
        r = future_connect(path, 0, &clients[i]);
    ck_assert_int_eq(r, FUTURE_TIMED_OUT);
    start = now_ms();
    ck_assert_int_eq(future_connect(path, 30, &one_more), FUTURE_TIMED_OUT);
    ck_assert_int_ge(now_ms() - start, 29);
    for (int i = 0; i < CLIENTS; i++)
        future_close(clients[i]);
    close(fd);
    unlink(path);
    rmdir(directory);
}
END_TEST

START_TEST(a_descriptor_is_taken_over)
{
    int fd = future_fd(client);

    ck_assert_int_ge(fd, 0);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    ck_assert_int_eq(future_last_error(client)->failure, 0);
    ck_assert_ptr_nonnull(future_last_error(client)->message);
    future_close(client);
    client = NULL;
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

/* ---- lines and replies ---- */

START_TEST(a_line_may_come_in_pieces)
{
    static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":7}\r\n";

    send_ping();
    for (size_t i = 0; i + 1 < sizeof(line) - 1; i++) {
        fake_server_write(server, line + i, 1);
        expect_failure(FUTURE_TIMED_OUT);
    }
    fake_server_write(server, "\n", 1);
    expect_reply(1, 7);
    expect_failure(FUTURE_TIMED_OUT);
}
END_TEST

START_TEST(many_lines_may_come_at_once)
{
    send_ping();
    send_ping();
    fake_server_say(server, "{'id':1,'result':1}\n{'id':2,'result':2}");
    expect_reply(1, 1);
    expect_reply(2, 2);
}
END_TEST

START_TEST(replies_come_in_any_order)
{
    uint64_t a = send_ping(), b = send_ping(), c = send_ping();

    ck_assert_uint_eq(a, 1);
    ck_assert_uint_eq(b, 2);
    ck_assert_uint_eq(c, 3);
    fake_server_expect(server, "{'jsonrpc':'2.0','id':1,'method':'ping'}");
    fake_server_expect(server, "{'jsonrpc':'2.0','id':2,'method':'ping'}");
    fake_server_say(server, "{'id':3,'result':30}");
    fake_server_say(server, "{'id':1,'result':10}");
    fake_server_say(server, "{'id':2,'result':20}");
    expect_reply(c, 30);
    expect_reply(a, 10);
    expect_reply(b, 20);
}
END_TEST

START_TEST(a_call_takes_its_own_reply_alone)
{
    struct future_message *message;
    uint64_t request = send_ping();

    fake_server_say(server, "{'method':'future.done','params':{'subscription':1}}");
    fake_server_say(server, "{'id':1,'result':10}");
    fake_server_say(server, "{'id':'c1','result':{'mine':true}}");
    fake_server_say(server, "{'method':'future.done','params':{'subscription':2}}");
    ck_assert_int_eq(future_call(client, "info", "{\"a\":\n1}", LONG_MS, &message), 0);
    ck_assert_int_eq(message->kind, FUTURE_REPLY);
    ck_assert(json_is_true(json_object_get(message->result, "mine")));
    future_message_free(message);
    fake_server_expect(server, "{'jsonrpc':'2.0','id':1,'method':'ping'}");
    /* The line feed in its params did not cut it. */
    fake_server_expect(server, "{'jsonrpc':'2.0','id':'c1','method':'info','params':{'a':1}}");

    ck_assert_int_eq(future_receive(client, 0, &message), 0);
    ck_assert_int_eq(message->kind, FUTURE_NOTIFICATION);
    ck_assert_str_eq(message->method, "future.done");
    ck_assert_int_eq(json_integer_value(json_object_get(message->params, "subscription")), 1);
    future_message_free(message);
    expect_reply(request, 10);
    ck_assert_int_eq(future_receive(client, 0, &message), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(message->params, "subscription")), 2);
    future_message_free(message);
    expect_failure(FUTURE_TIMED_OUT);
}
END_TEST

START_TEST(an_error_is_a_reply)
{
    struct future_message *message;

    fake_server_say(server, "{'id':'c1','error':{'code':-32602,'message':'Invalid params: no',"
                            "'data':{'param':'x'}}}");
    ck_assert_int_eq(future_call(client, "m", NULL, LONG_MS, &message), 0);
    ck_assert_int_eq(message->kind, FUTURE_ERROR);
    ck_assert_int_eq(message->error.code, FUTURE_CODE_INVALID_PARAMS);
    ck_assert_str_eq(message->error.message, "Invalid params: no");
    ck_assert_str_eq(json_string_value(json_object_get(message->error.data, "param")), "x");
    future_message_free(message);
    /* What the daemon could not read it answers without an id. */
    fake_server_say(server, "{'id':null,'error':{'code':-32700,'message':'Parse error'}}");
    ck_assert_int_eq(future_call(client, "m", "{", LONG_MS, &message), 0);
    ck_assert_int_eq(message->error.code, FUTURE_CODE_PARSE_ERROR);
    ck_assert_uint_eq(message->request_id, 0);
    ck_assert_ptr_null(message->error.data);
    future_message_free(message);
}
END_TEST

START_TEST(strings_may_hold_anything)
{
    struct future_message *message;
    const json_t *text;

    fake_server_say(server, "{'id':'c1','result':'a\\u0000b\\n\xc3\xbc'}");
    ck_assert_int_eq(future_call(client, "m", NULL, LONG_MS, &message), 0);
    text = message->result;
    ck_assert_uint_eq(json_string_length(text), 6);
    ck_assert_mem_eq(json_string_value(text), "a\0b\n\xc3\xbc", 6);
    ck_assert_uint_eq(message->text_size, strlen(message->text));
    ck_assert_str_eq(message->text, "{\"id\":\"c1\",\"result\":\"a\\u0000b\\n\xc3\xbc\"}");
    future_message_free(message);
}
END_TEST

/* ---- time ---- */

START_TEST(a_late_reply_is_dropped)
{
    struct future_message *message;
    int64_t start = now_ms();

    ck_assert_int_eq(future_call(client, "a", NULL, 20, &message), FUTURE_TIMED_OUT);
    ck_assert_int_ge(now_ms() - start, 20);
    ck_assert_int_eq(future_call(client, "b", NULL, 0, &message), FUTURE_TIMED_OUT);
    ck_assert_int_eq(future_last_error(client)->code, FUTURE_CODE_NONE);
    fake_server_say(server, "{'id':'c1','result':1}");
    expect_failure(FUTURE_TIMED_OUT);
    fake_server_say(server, "{'id':'c2','error':{'code':-1,'message':'late'}}");
    fake_server_say(server, "{'id':'c3','result':3}");
    ck_assert_int_eq(future_call(client, "c", NULL, LONG_MS, &message), 0);
    ck_assert_int_eq(json_integer_value(message->result), 3);
    future_message_free(message);
    expect_failure(FUTURE_TIMED_OUT);
}
END_TEST

static void *talk_without_end(void *context)
{
    static const char line[] = "{\"method\":\"future.done\",\"params\":{}}\n";

    (void)context;
    while (send(fake_server_fd(server), line, sizeof(line) - 1, MSG_NOSIGNAL) > 0)
        ;
    return NULL;
}

START_TEST(a_stream_of_messages_does_not_stretch_a_wait)
{
    struct future_message *message;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, talk_without_end, NULL), 0);
    ck_assert_int_eq(future_call(client, "a", NULL, 30, &message), FUTURE_TIMED_OUT);
    future_close(client);
    client = NULL;
    pthread_join(thread, NULL);
}
END_TEST

static void on_signal(int number)
{
    (void)number;
}

static void *interrupt_then_answer(void *context)
{
    pthread_t *waiting = context;
    json_t *request = fake_server_read(server); /* now it waits, or will at once */

    json_decref(request);
    for (int i = 0; i < 100; i++)
        pthread_kill(*waiting, SIGUSR1);
    fake_server_say(server, "{'id':'c1','result':5}");
    return NULL;
}

START_TEST(a_signal_does_not_end_a_wait)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct future_message *message;
    pthread_t self = pthread_self(), thread;

    sigaction(SIGUSR1, &action, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_then_answer, &self), 0);
    ck_assert_int_eq(future_call(client, "a", NULL, -1, &message), 0);
    ck_assert_int_eq(json_integer_value(message->result), 5);
    future_message_free(message);
    pthread_join(thread, NULL);
}
END_TEST

/* ---- the end ---- */

START_TEST(the_end_comes_after_what_was_said)
{
    struct future_message *message;

    send_ping();
    fake_server_say(server, "{'id':1,'result':1}");
    fake_server_write(server, "{\"id\":2,\"res", 12);
    fake_server_hang_up(server);
    expect_reply(1, 1);
    for (int i = 0; i < 3; i++) {
        expect_failure(FUTURE_DISCONNECTED);
        ck_assert_int_eq(future_call(client, "a", NULL, -1, &message), FUTURE_DISCONNECTED);
    }
    ck_assert_int_eq(future_send(client, "a", NULL, NULL), FUTURE_DISCONNECTED);
}
END_TEST

START_TEST(a_daemon_that_refuses_the_connection_is_heard)
{
    struct future_message *message;

    fake_server_say(server, "{'id':null,'error':{'code':-32005,'message':'Limit exceeded',"
                            "'data':{'limit':'connections','value':1}}}");
    fake_server_hang_up(server);
    ck_assert_int_eq(future_call(client, "ping", NULL, LONG_MS, &message), 0);
    ck_assert_int_eq(message->error.code, FUTURE_CODE_LIMIT_EXCEEDED);
    future_message_free(message);
    expect_failure(FUTURE_DISCONNECTED);
}
END_TEST

static void *read_request_and_hang_up(void *context)
{
    (void)context;
    json_decref(fake_server_read(server));
    fake_server_hang_up(server);
    return NULL;
}

START_TEST(a_wait_ends_with_the_connection)
{
    struct future_message *message;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, read_request_and_hang_up, NULL), 0);
    ck_assert_int_eq(future_call(client, "a", NULL, -1, &message), FUTURE_DISCONNECTED);
    pthread_join(thread, NULL);
}
END_TEST

static const char *const garbage[] = {
    "no JSON",
    "",
    "17",
    "[]",
    "[{\"id\":1,\"result\":1}]",
    "{}",
    "{\"id\":1}",
    "{\"id\":null,\"result\":1}",
    "{\"id\":0,\"result\":1}",
    "{\"id\":-1,\"result\":1}",
    "{\"id\":1.5,\"result\":1}",
    "{\"id\":\"x1\",\"result\":1}",
    "{\"id\":\"c\",\"result\":1}",
    "{\"id\":\"c1x\",\"result\":1}",
    "{\"id\":\"c99999999999999999999999\",\"result\":1}",
    "{\"id\":1,\"error\":7}",
    "{\"id\":1,\"error\":{\"code\":1}}",
    "{\"id\":1,\"error\":{\"code\":\"1\",\"message\":\"\"}}",
    "{\"id\":1,\"result\":\"\xff\"}",
    "{\"id\":1,\"result\":1",
    "HTTP/1.1 400 Bad Request",
};

START_TEST(garbage_is_the_end)
{
    struct future_message *message;

    send_ping();
    fake_server_say(server, "{'id':1,'result':1}");
    fake_server_write(server, garbage[_i], strlen(garbage[_i]));
    fake_server_write(server, "\n", 1);
    fake_server_say(server, "{'id':2,'result':2}");
    expect_reply(1, 1);
    expect_failure(FUTURE_BAD_PROTOCOL);
    expect_failure(FUTURE_BAD_PROTOCOL);
    ck_assert_int_eq(future_call(client, "a", NULL, -1, &message), FUTURE_BAD_PROTOCOL);
}
END_TEST

/* ---- full buffers ---- */

enum { MANY = 10000 };

/* Talks first and listens afterwards, as nobody should. */
static void *talk_then_listen(void *context)
{
    (void)context;
    for (int i = 0; i < MANY; i++)
        fake_server_say(server, "{'method':'future.done','params':{'number':%d,'text':'%0100d'}}",
                        i, 0);
    for (int i = 1; i <= MANY; i++) {
        json_t *request = fake_server_read(server);

        ck_assert_int_eq(json_integer_value(json_object_get(request, "id")), i);
        json_decref(request);
    }
    fake_server_say(server, "{'id':%d,'result':1}", MANY);
    return NULL;
}

START_TEST(two_full_buffers_do_not_wait_for_each_other)
{
    char params[256];
    pthread_t thread;
    struct future_message *message;

    snprintf(params, sizeof(params), "{\"padding\":\"%0200d\"}", 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, talk_then_listen, NULL), 0);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(future_send(client, "m", params, NULL), 0);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(future_receive(client, LONG_MS, &message), 0);
        ck_assert_int_eq(json_integer_value(json_object_get(message->params, "number")), i);
        future_message_free(message);
    }
    expect_reply(MANY, 1);
    pthread_join(thread, NULL);
}
END_TEST

static void *answer_at_length(void *context)
{
    enum { SIZE = 8 << 20 };
    char *text = malloc(SIZE + 1);

    (void)context;
    memset(text, 'x', SIZE);
    text[SIZE] = '\0';
    json_decref(fake_server_read(server));
    fake_server_say(server, "{'id':'c1','result':'%s'}", text);
    free(text);
    return NULL;
}

START_TEST(a_reply_may_be_long)
{
    struct future_message *message;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, answer_at_length, NULL), 0);
    ck_assert_int_eq(future_call(client, "m", NULL, LONG_MS, &message), 0);
    ck_assert_uint_eq(json_string_length(message->result), 8 << 20);
    future_message_free(message);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(nonblocking_sending_says_try_again)
{
    char params[1024];
    uint64_t sent = 0, id;
    int r;

    snprintf(params, sizeof(params), "{\"padding\":\"%0900d\"}", 0);
    future_set_nonblocking(client, true);
    ck_assert_int_eq(future_events(client), POLLIN);
    while ((r = future_send(client, "m", params, &id)) == 0)
        ck_assert_uint_eq(id, ++sent);
    ck_assert_int_eq(r, FUTURE_TRY_AGAIN);
    ck_assert_int_eq(future_last_error(client)->failure, FUTURE_TRY_AGAIN);
    ck_assert_uint_gt(sent * 900, FUTURE_UNSENT_BYTES);
    ck_assert_int_eq(future_events(client), POLLIN | POLLOUT);
    /* All that was taken arrives, and no more. */
    for (uint64_t i = 1; i <= sent; i++) {
        json_t *request = fake_server_read(server);

        ck_assert_uint_eq((uint64_t)json_integer_value(json_object_get(request, "id")), i);
        json_decref(request);
        expect_failure(FUTURE_TIMED_OUT); /* sends more */
    }
    ck_assert_int_eq(future_events(client), POLLIN);
    fake_server_expect_silence(server);
    ck_assert_int_eq(future_send(client, "m", params, &id), 0);
    ck_assert_uint_eq(id, sent + 1);
}
END_TEST

/* ---- event loops ---- */

struct collected {
    int count;
    uint64_t ids[8];
    int stop_at; /* 0: never */
    int calls_back;
};

static int collect(void *context, struct future_message *message)
{
    struct collected *collected = context;
    struct future_message *reply;

    collected->ids[collected->count++] = message->request_id;
    future_message_free(message);
    if (collected->calls_back) {
        ck_assert_int_eq(future_call(client, "again", NULL, LONG_MS, &reply), 0);
        future_message_free(reply);
    }
    return collected->count == collected->stop_at ? 77 : 0;
}

START_TEST(dispatch_hands_out_all_there_is)
{
    struct collected collected = {0};
    struct pollfd ready = {.fd = future_fd(client), .events = future_events(client)};

    for (int i = 0; i < 3; i++)
        send_ping();
    ck_assert_int_eq(future_dispatch(client, collect, &collected), 0);
    ck_assert_int_eq(collected.count, 0);
    fake_server_say(server, "{'id':2,'result':1}");
    fake_server_say(server, "{'id':3,'result':1}");
    fake_server_write(server, "{\"id\":1,", 8);
    ck_assert_int_eq(poll(&ready, 1, LONG_MS), 1);
    ck_assert_int_eq(future_dispatch(client, collect, &collected), 0);
    ck_assert_int_eq(collected.count, 2);
    ck_assert_uint_eq(collected.ids[0], 2);
    ck_assert_uint_eq(collected.ids[1], 3);
    ck_assert_int_eq(poll(&ready, 1, 0), 0);
    fake_server_say(server, "'result':1}");
    fake_server_hang_up(server);
    ck_assert_int_eq(poll(&ready, 1, LONG_MS), 1);
    while (future_dispatch(client, collect, &collected) == 0)
        ck_assert_int_eq(poll(&ready, 1, LONG_MS), 1);
    ck_assert_int_eq(collected.count, 3);
    ck_assert_int_eq(future_dispatch(client, collect, &collected), FUTURE_DISCONNECTED);
}
END_TEST

START_TEST(a_handler_may_stop_the_round)
{
    struct collected collected = {.stop_at = 2};

    for (int i = 0; i < 3; i++)
        fake_server_say(server, "{'id':%d,'result':1}", i + 1);
    ck_assert_int_eq(future_dispatch(client, collect, &collected), 77);
    ck_assert_int_eq(collected.count, 2);
    ck_assert_int_eq(future_dispatch(client, collect, &collected), 0);
    ck_assert_int_eq(collected.count, 3);
}
END_TEST

START_TEST(a_handler_may_call)
{
    struct collected collected = {.calls_back = 1};

    fake_server_say(server, "{'id':1,'result':1}");
    fake_server_say(server, "{'id':2,'result':1}");
    fake_server_say(server, "{'id':'c1','result':1}");
    fake_server_say(server, "{'id':'c2','result':1}");
    ck_assert_int_eq(future_dispatch(client, collect, &collected), 0);
    ck_assert_int_eq(collected.count, 2);
    ck_assert_uint_eq(collected.ids[1], 2);
}
END_TEST

/* ---- words ---- */

START_TEST(failures_have_words)
{
    static const int failures[] = {FUTURE_REFUSED,
                                   FUTURE_TIMED_OUT,
                                   FUTURE_DISCONNECTED,
                                   FUTURE_BAD_PROTOCOL,
                                   FUTURE_NO_MEMORY,
                                   FUTURE_BAD_ARGUMENT,
                                   FUTURE_TRY_AGAIN,
                                   -ENOENT,
                                   -99999,
                                   0,
                                   INT_MIN};

    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        ck_assert_ptr_nonnull(future_failure_text(failures[i]));
        for (size_t j = 0; j < i && i < 8; j++)
            ck_assert_str_ne(future_failure_text(failures[i]), future_failure_text(failures[j]));
    }
    ck_assert_str_eq(future_failure_text(-ENOENT), "No such file or directory");
    ck_assert_str_eq(future_state_name(FUTURE_PENDING), "PENDING");
    ck_assert_str_eq(future_state_name(FUTURE_FINISHED), "FINISHED");
    ck_assert_ptr_null(future_state_name((enum future_state)4));
    ck_assert_str_eq(future_version(), "0.1.0");
}
END_TEST

START_TEST(what_is_left_is_freed)
{
    struct future_message *message;

    send_ping();
    fake_server_say(server, "{'method':'future.done','params':{}}");
    fake_server_say(server, "{'id':'c1','result':1}");
    fake_server_say(server, "{'method':'future.done','params':{}}");
    ck_assert_int_eq(future_call(client, "m", NULL, LONG_MS, &message), 0);
    /* The message outlives the client; the sanitizer sees what the client leaves behind. */
    future_close(client);
    client = NULL;
    ck_assert_int_eq(json_integer_value(message->result), 1);
    future_message_free(message);
    future_message_free(NULL);
    future_close(NULL);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("connection", setup, teardown);

    tcase_add_test(tests, connecting_says_what_is_wrong);
    tcase_add_test(tests, connecting_takes_no_longer_than_allowed);
    tcase_add_test(tests, a_descriptor_is_taken_over);
    tcase_add_test(tests, a_line_may_come_in_pieces);
    tcase_add_test(tests, many_lines_may_come_at_once);
    tcase_add_test(tests, replies_come_in_any_order);
    tcase_add_test(tests, a_call_takes_its_own_reply_alone);
    tcase_add_test(tests, an_error_is_a_reply);
    tcase_add_test(tests, strings_may_hold_anything);
    tcase_add_test(tests, a_late_reply_is_dropped);
    tcase_add_test(tests, a_stream_of_messages_does_not_stretch_a_wait);
    tcase_add_test(tests, a_signal_does_not_end_a_wait);
    tcase_add_test(tests, the_end_comes_after_what_was_said);
    tcase_add_test(tests, a_daemon_that_refuses_the_connection_is_heard);
    tcase_add_test(tests, a_wait_ends_with_the_connection);
    tcase_add_loop_test(tests, garbage_is_the_end, 0, sizeof(garbage) / sizeof(garbage[0]));
    tcase_add_test(tests, two_full_buffers_do_not_wait_for_each_other);
    tcase_add_test(tests, a_reply_may_be_long);
    tcase_add_test(tests, nonblocking_sending_says_try_again);
    tcase_add_test(tests, dispatch_hands_out_all_there_is);
    tcase_add_test(tests, a_handler_may_stop_the_round);
    tcase_add_test(tests, a_handler_may_call);
    tcase_add_test(tests, failures_have_words);
    tcase_add_test(tests, what_is_left_is_freed);
    return suite_run();
}

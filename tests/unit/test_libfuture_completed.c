/* layers: future */
/* extra: tests/support/fake_server.c */
/* future_as_completed: its own messages, everybody else's, and its end. */
#include "client/future.h"

#include <check.h>
#include <stdlib.h>

#include "tests/support/fake_server.h"
#include "tests/support/suite.h"

/* A wait that ought to end by itself. */
enum { LONG_MS = 50000 };

static struct fake_server *server;
static struct future_client *client;
static struct future_completed *completed;

static const struct future_span span = {1, 3};

static void setup(void)
{
    server = fake_server_new(&client);
    fake_server_say(server, "{'id':'c1','result':{'subscription':4,'cursor':9,'count':3}}");
    ck_assert_int_eq(future_as_completed(client, &span, 1, LONG_MS, &completed), 0);
    fake_server_expect_call(server, "subscribe", "{'ids':[[1,3]]}");
}

static void teardown(void)
{
    future_completed_free(completed);
    future_close(client);
    fake_server_free(server);
}

static void say_done(int subscription, int id)
{
    fake_server_say(server,
                    "{'method':'future.done','params':{'subscription':%d,'cursor':10,'future':{"
                    "'id':%d,'state':'FINISHED','fn':'exec','pool':'default','failed':false}}}",
                    subscription, id);
}

static void expect_next(uint64_t id)
{
    struct future_info *info;

    ck_assert_int_eq(future_completed_next(completed, LONG_MS, &info), 1);
    ck_assert_uint_eq(info->id, id);
    ck_assert_int_eq(info->state, FUTURE_FINISHED);
    future_info_free(info);
}

static void expect_nothing(int r)
{
    struct future_info *info = NULL;

    ck_assert_int_eq(future_completed_next(completed, 0, &info), r);
    ck_assert_ptr_null(info);
}

static void expect_message_of(int subscription)
{
    struct future_message *message;

    ck_assert_int_eq(future_receive(client, 0, &message), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(message->params, "subscription")),
                     subscription);
    future_message_free(message);
}

static void expect_no_message(void)
{
    struct future_message *message;

    ck_assert_int_eq(future_receive(client, 0, &message), FUTURE_TIMED_OUT);
}

START_TEST(in_their_order)
{
    say_done(4, 2);
    say_done(4, 3);
    say_done(4, 1);
    ck_assert_uint_eq(future_completed_left(completed), 3);
    expect_next(2);
    expect_next(3);
    ck_assert_uint_eq(future_completed_left(completed), 1);
    expect_next(1);
    expect_nothing(0);
    expect_nothing(0);
}
END_TEST

START_TEST(time_runs_out)
{
    expect_nothing(FUTURE_TIMED_OUT);
    ck_assert_int_eq(future_last_error(client)->failure, FUTURE_TIMED_OUT);
    say_done(4, 1);
    expect_next(1);
    expect_nothing(FUTURE_TIMED_OUT);
}
END_TEST

START_TEST(others_messages_stay)
{
    struct future_message *message;

    say_done(7, 1);
    say_done(4, 1);
    fake_server_say(server, "{'id':'c2','result':1}");
    say_done(4, 2);
    say_done(8, 1);
    expect_next(1);
    ck_assert_int_eq(future_call(client, "ping", NULL, LONG_MS, &message), 0);
    future_message_free(message);
    expect_message_of(7);
    expect_message_of(8);
    expect_no_message();
    expect_next(2);
}
END_TEST

START_TEST(two_at_once)
{
    struct future_completed *first = completed, *second;

    fake_server_say(server, "{'id':'c2','result':{'subscription':5,'cursor':9,'count':1}}");
    say_done(5, 9);
    say_done(4, 1);
    ck_assert_int_eq(future_as_completed(client, &span, 1, LONG_MS, &second), 0);
    expect_next(1);
    completed = second;
    expect_next(9);
    expect_nothing(0);
    completed = first;
    future_completed_free(second);
}
END_TEST

START_TEST(freed_it_is_told_of_nothing)
{
    fake_server_expect_silence(server);
    say_done(4, 1);
    expect_next(1);
    say_done(4, 2);
    future_completed_free(completed);
    completed = NULL;
    fake_server_expect(server, "{'jsonrpc':'2.0','id':'c2','method':'unsubscribe','params':"
                               "{'subscription':4}}");
    say_done(4, 3);
    say_done(6, 1);
    fake_server_say(server, "{'id':'c2','result':true}");
    say_done(7, 1);
    expect_message_of(6);
    expect_message_of(7);
    expect_no_message();
}
END_TEST

START_TEST(freed_behind_the_client)
{
    struct future_info *info;

    say_done(4, 1);
    say_done(4, 2);
    expect_next(1);
    expect_no_message(); /* takes the other one in */
    future_close(client);
    client = NULL;
    expect_next(2);
    ck_assert_int_eq(future_completed_next(completed, -1, &info), FUTURE_DISCONNECTED);
    future_completed_free(completed);
    completed = NULL;
    future_completed_free(NULL);
}
END_TEST

START_TEST(the_connection_is_lost)
{
    say_done(4, 1);
    say_done(4, 2);
    fake_server_hang_up(server);
    expect_next(1);
    expect_next(2);
    expect_nothing(FUTURE_DISCONNECTED);
    expect_nothing(FUTURE_DISCONNECTED);
}
END_TEST

START_TEST(misshapen_news)
{
    fake_server_say(server, "{'method':'future.done','params':{'subscription':4,'future':{}}}");
    expect_nothing(FUTURE_BAD_PROTOCOL);
    ck_assert_int_eq(future_last_error(client)->failure, FUTURE_BAD_PROTOCOL);
}
END_TEST

START_TEST(nothing_to_wait_for)
{
    struct future_completed *none;
    struct future_info *info;

    fake_server_say(server, "{'id':'c2','result':{'subscription':5,'cursor':9,'count':0}}");
    ck_assert_int_eq(future_as_completed(client, NULL, 0, LONG_MS, &none), 0);
    ck_assert_int_eq(future_completed_next(none, -1, &info), 0);
    future_completed_free(none);
}
END_TEST

START_TEST(refused)
{
    struct future_completed *none = NULL;

    fake_server_say(server, "{'id':'c2','error':{'code':-32002,'message':'Not found'}}");
    ck_assert_int_eq(future_as_completed(client, &span, 1, LONG_MS, &none), FUTURE_REFUSED);
    ck_assert_int_eq(future_last_error(client)->code, FUTURE_CODE_NOT_FOUND);
    fake_server_say(server, "{'id':'c3','result':{'subscription':5,'cursor':9}}");
    ck_assert_int_eq(future_as_completed(client, &span, 1, LONG_MS, &none), FUTURE_BAD_PROTOCOL);
    ck_assert_ptr_null(none);
}
END_TEST

/* The daemon has subscribed us when nobody waits for that any more. */
START_TEST(given_up_too_early)
{
    struct future_completed *none = NULL;

    ck_assert_int_eq(future_as_completed(client, &span, 1, 0, &none), FUTURE_TIMED_OUT);
    ck_assert_ptr_null(none);
    fake_server_expect_call(server, "subscribe", "{'ids':[[1,3]]}");
    fake_server_say(server, "{'id':'c2','result':{'subscription':5,'cursor':9,'count':3}}");
    say_done(5, 1);
    say_done(6, 1);
    expect_message_of(6);
    fake_server_expect(server, "{'jsonrpc':'2.0','id':'c3','method':'unsubscribe','params':"
                               "{'subscription':5}}");
    fake_server_say(server, "{'id':'c3','result':true}");
    expect_no_message();
    ck_assert_int_eq(future_as_completed(client, &span, 1, 0, &none), FUTURE_TIMED_OUT);
    fake_server_say(server, "{'id':'c4','error':{'code':-32002,'message':'Not found'}}");
    expect_no_message();
    ck_assert_int_eq(future_as_completed(client, &span, 1, 0, &none), FUTURE_TIMED_OUT);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("completed", setup, teardown);

    tcase_add_test(tests, in_their_order);
    tcase_add_test(tests, time_runs_out);
    tcase_add_test(tests, others_messages_stay);
    tcase_add_test(tests, two_at_once);
    tcase_add_test(tests, freed_it_is_told_of_nothing);
    tcase_add_test(tests, freed_behind_the_client);
    tcase_add_test(tests, the_connection_is_lost);
    tcase_add_test(tests, misshapen_news);
    tcase_add_test(tests, nothing_to_wait_for);
    tcase_add_test(tests, refused);
    tcase_add_test(tests, given_up_too_early);
    return suite_run();
}

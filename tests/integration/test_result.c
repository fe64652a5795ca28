/* result and exception: every state, every form of timeout. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/fixture.h"

static struct fixture f;

static void setup(void)
{
    fixture_start(&f, NULL);
}

static void teardown(void)
{
    fixture_stop(&f);
}

static double mono_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

START_TEST(of_a_result)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{'a':[1]}}");
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "", "{'id':%lld,'state':'FINISHED','result':{'a':[1]}}", id);
    json_decref(reply);
    reply = client_result(f.client, "exception", "{'id':%lld}", id);
    json_expect(reply, "", "{'id':%lld,'state':'FINISHED','exception':null}", id);
    json_decref(reply);
    /* As often as one likes. */
    expect_result(f.client, id, "{'a':[1]}");
}
END_TEST

START_TEST(of_a_result_that_is_null)
{
    json_int_t id = client_submit(f.client, "{'fn':'sleep','args':{'seconds':0}}");
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "", "{'id':%lld,'state':'FINISHED','result':null}", id);
    json_decref(reply);
}
END_TEST

START_TEST(of_an_exception)
{
    json_int_t id = client_submit(
        f.client, "{'fn':'exec','args':{'argv':['sh','-c','echo out; echo err >&2; exit 7']}}");
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "state", "'FINISHED'");
    ck_assert(!json_has(reply, "result"));
    json_expect(reply, "exception.type", "'ExitStatus'");
    json_expect(reply, "exception.message", "'exited with status 7'");
    json_expect(reply, "exception.data.exit_code", "7");
    json_expect(reply, "exception.data.signal", "null");
    json_expect(reply, "exception.data.stdout", "'out\\n'");
    json_expect(reply, "exception.data.stderr", "'err\\n'");
    json_t *other = client_result(f.client, "exception", "{'id':%lld}", id);
    ck_assert(json_equal(json_at(reply, "exception"), json_at(other, "exception")));
    ck_assert_uint_eq(json_object_size(other), 3);
    json_decref(other);
    json_decref(reply);
}
END_TEST

START_TEST(of_a_cancelled_one)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','delay':3600}");
    json_int_t waiting = client_request(f.client, "result", "{'id':%lld}", id);
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", id));
    json_t *reply = client_reply(f.client, waiting);
    json_expect(reply, "result", "{'id':%lld,'state':'CANCELLED'}", id);
    json_decref(reply);
    reply = client_result(f.client, "result", "{'id':%lld,'timeout':0}", id);
    json_expect(reply, "", "{'id':%lld,'state':'CANCELLED'}", id);
    json_decref(reply);
    reply = client_result(f.client, "exception", "{'id':%lld}", id);
    json_expect(reply, "", "{'id':%lld,'state':'CANCELLED','exception':null}", id);
    json_decref(reply);
}
END_TEST

START_TEST(of_a_pending_and_a_running_one)
{
    json_int_t running = fixture_hold(&f);
    json_int_t pending = client_submit(f.client, "{'fn':'echo','args':{},'after':[%lld]}", running);
    static const char *const timeouts[] = {"0", "0.0", "-1", "-0.5", "-1e300", "1e-9", "0.01"};
    for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
        ck_assert_int_eq(
            client_error(f.client, "result", "{'id':%lld,'timeout':%s}", pending, timeouts[i]),
            -32001);
        ck_assert_int_eq(
            client_error(f.client, "exception", "{'id':%lld,'timeout':%s}", running, timeouts[i]),
            -32001);
    }
    static const char *const longs[] = {"null", "3600", "1e9", "1e300", "9223372036854775807"};
    json_int_t requests[5];
    for (size_t i = 0; i < 5; i++)
        requests[i] =
            client_request(f.client, "result", "{'id':%lld,'timeout':%s}", pending, longs[i]);
    json_decref(client_result(f.client, "ping", "{}"));
    gate_pass(f.gate, 1);
    for (size_t i = 0; i < 5; i++) {
        json_t *reply = client_reply(f.client, requests[i]);
        json_expect(reply, "result.result", "{}");
        json_decref(reply);
    }
}
END_TEST

START_TEST(a_done_one_needs_no_time)
{
    static const char *const timeouts[] = {"0", "-1", "0.5", "null"};
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");

    expect_result(f.client, id, "{}");
    for (size_t i = 0; i < 4; i++) {
        json_t *reply =
            client_result(f.client, "result", "{'id':%lld,'timeout':%s}", id, timeouts[i]);
        json_expect(reply, "result", "{}");
        json_decref(reply);
    }
}
END_TEST

START_TEST(a_timeout_is_not_over_before_its_time)
{
    json_int_t id = fixture_hold(&f);
    double start = mono_s();
    ck_assert_int_eq(client_error(f.client, "result", "{'id':%lld,'timeout':0.25}", id), -32001);
    ck_assert_double_ge(mono_s() - start, 0.25);
    expect_state(f.client, id, "RUNNING");
    gate_pass(f.gate, 1);
}
END_TEST

START_TEST(a_shorter_timeout_does_not_wait_for_a_longer_one)
{
    json_int_t id = fixture_hold(&f);
    json_int_t never = client_request(f.client, "result", "{'id':%lld}", id);
    json_int_t late = client_request(f.client, "result", "{'id':%lld,'timeout':3600}", id);
    json_int_t soon = client_request(f.client, "result", "{'id':%lld,'timeout':0.02}", id);
    json_t *reply = client_reply(f.client, soon);
    ck_assert_int_eq(reply_error(reply), -32001);
    json_decref(reply);
    gate_pass(f.gate, 1);
    json_decref(client_reply(f.client, never));
    reply = client_reply(f.client, late);
    json_expect(reply, "result.state", "'FINISHED'");
    json_decref(reply);
}
END_TEST

START_TEST(a_jobs_own_timeout_is_an_exception)
{
    /* An exception of the job, whatever its name, comes as `exception`, never as an error. */
    json_int_t id =
        client_submit(f.client, "{'fn':'sleep','args':{'seconds':3600},'timeout':0.01}");
    json_t *reply = client_call(f.client, "result", "{'id':%lld,'timeout':60}", id);
    ck_assert_int_eq(reply_error(reply), 0);
    json_expect(reply, "result.exception.type", "'TimedOut'");
    json_decref(reply);
}
END_TEST

START_TEST(all_clients_get_the_same_answer)
{
    enum { CLIENTS = 10 };
    struct client *clients[CLIENTS];
    json_int_t requests[CLIENTS], id = fixture_hold(&f);
    json_t *first = NULL;

    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fixture_client(&f);
        requests[i] = client_request(clients[i], "result", "{'id':%lld}", id);
    }
    for (int i = 0; i < CLIENTS; i++)
        json_decref(client_result(clients[i], "ping", "{}"));
    gate_pass(f.gate, 1);
    for (int i = 0; i < CLIENTS; i++) {
        json_t *reply = client_reply(clients[i], requests[i]);
        if (first)
            ck_assert(json_equal(json_at(first, "result"), json_at(reply, "result")));
        else
            first = json_incref(reply);
        json_decref(reply);
        client_close(clients[i]);
    }
    json_decref(first);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        of_a_result,
        of_a_result_that_is_null,
        of_an_exception,
        of_a_cancelled_one,
        of_a_pending_and_a_running_one,
        a_done_one_needs_no_time,
        a_timeout_is_not_over_before_its_time,
        a_shorter_timeout_does_not_wait_for_a_longer_one,
        a_jobs_own_timeout_is_an_exception,
        all_clients_get_the_same_answer,
        NULL,
    };

    return fixture_run("result", setup, teardown, tests);
}

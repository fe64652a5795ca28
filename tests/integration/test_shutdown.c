/* shutdown in all its forms, and the signals that end the daemon. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/fixture.h"
#include "tests/support/text.h"

static struct fixture f;

static void setup(void)
{
    static const char *const args[] = {"--max-workers", "1", NULL};
    static const struct daemon_options options = {.args = args, .own_socket = true};

    fixture_start(&f, &options);
}

/* The daemon has ended by itself, with status 0 and its socket gone. */
static void teardown(void)
{
    char *socket = text_print("%s", daemon_socket(f.daemon));
    int status = daemon_wait(f.daemon);

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        char *log = daemon_log(f.daemon);
        fputs(log, stderr);
        free(log);
        ck_abort_msg("the daemon ended with status %#x", status);
    }
    ck_assert_int_ne(access(socket, F_OK), 0);
    free(socket);
    /* The proof that the log is clean is in the ordinary end. */
    daemon_restart(f.daemon);
    fixture_stop(&f);
}

static void expect_reply(json_int_t request, const char *wanted)
{
    json_t *reply = client_reply(f.client, request);

    json_expect(reply, "result", "%s", wanted);
    json_decref(reply);
}

#define TERMINATED(n) "{\"terminated\":true,\"cancelled\":" #n "}"
#define GOING_ON(n)   "{\"terminated\":false,\"cancelled\":" #n "}"

START_TEST(with_nothing_to_do)
{
    expect_reply(client_request(f.client, "shutdown", "{}"), TERMINATED(0));
    client_expect_end(f.client);
}
END_TEST

START_TEST(without_wait_and_nothing_to_do)
{
    expect_reply(client_request(f.client, "shutdown", "{'wait':false}"), TERMINATED(0));
    client_expect_end(f.client);
}
END_TEST

START_TEST(without_params)
{
    client_send_line(f.client, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"shutdown\"}");
    expect_reply(7, TERMINATED(0));
    client_expect_end(f.client);
}
END_TEST

START_TEST(waits_for_all)
{
    json_int_t held = fixture_hold(&f);
    json_int_t pending = client_submit(f.client, "{'fn':'echo','args':{'a':1}}");
    json_int_t delayed = client_submit(f.client, "{'fn':'echo','delay':0.05}");
    json_int_t after = client_submit(f.client, "{'fn':'echo','after':[%lld]}", pending);
    json_int_t result = client_request(f.client, "result", "{'id':%lld}", pending);
    json_int_t wait =
        client_request(f.client, "wait", "{'ids':[%lld,%lld,%lld]}", held, delayed, after);
    json_int_t request = client_request(f.client, "shutdown", "{'wait':true}");
    json_decref(client_result(f.client, "ping", "{}"));
    gate_pass(f.gate, 1);
    json_t *reply = client_reply(f.client, result);
    json_expect(reply, "result.result", "{'a':1}");
    json_decref(reply);
    reply = client_reply(f.client, wait);
    ck_assert_uint_eq(json_count_at(reply, "result.done"), 3);
    json_decref(reply);
    expect_reply(request, TERMINATED(0));
    client_expect_end(f.client);
}
END_TEST

START_TEST(without_wait)
{
    json_int_t held = fixture_hold(&f);
    json_int_t pending = client_submit(f.client, "{'fn':'echo','args':{'a':1}}");
    expect_reply(client_request(f.client, "shutdown", "{'wait':false}"), GOING_ON(0));
    expect_state(f.client, held, "RUNNING");
    json_int_t result = client_request(f.client, "result", "{'id':%lld}", pending);
    gate_pass(f.gate, 1);
    json_t *reply = client_reply(f.client, result);
    json_expect(reply, "result.result", "{'a':1}");
    json_decref(reply);
    client_expect_end(f.client);
}
END_TEST

START_TEST(with_a_timeout)
{
    static const char *const timeouts[] = {"0", "-1", "0.02", "0.0"};
    fixture_hold(&f);
    for (size_t i = 0; i < 4; i++)
        expect_reply(client_request(f.client, "shutdown", "{'timeout':%s}", timeouts[i]),
                     GOING_ON(0));
    json_int_t request = client_request(f.client, "shutdown", "{'timeout':3600}");
    json_decref(client_result(f.client, "ping", "{}"));
    gate_pass(f.gate, 1);
    expect_reply(request, TERMINATED(0));
}
END_TEST

START_TEST(cancelling_what_is_pending)
{
    json_int_t held = fixture_hold(&f);
    client_submit(f.client, "{'fn':'exec','args':{'argv':%s}}", gate_argv(f.gate));
    client_submit(f.client, "{'fn':'echo','delay':3600}");
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1,2]}");
    json_int_t after = client_submit(f.client, "{'fn':'echo','after':[%lld]}", held);
    json_int_t wait = client_request(f.client, "wait", "{'ids':[[%lld,%lld]]}", held + 1, after);
    json_int_t request = client_request(f.client, "shutdown", "{'cancel_futures':true}");
    /* Two, the map with its two items, and the last one. */
    json_t *reply = client_reply(f.client, wait);
    ck_assert_uint_eq(json_count_at(reply, "result.done"), 6);
    json_decref(reply);
    expect_state(f.client, held, "RUNNING");
    expect_state(f.client, after, "CANCELLED");
    expect_state(f.client, json_int_at(map, "id"), "CANCELLED");
    json_decref(map);
    gate_pass(f.gate, 1);
    expect_reply(request, TERMINATED(6));
    ck_assert(!gate_has_visitor(f.gate));
}
END_TEST

START_TEST(the_flags_of_a_second_call_count_too)
{
    json_int_t held = fixture_hold(&f);
    json_int_t pending = client_submit(f.client, "{'fn':'echo','delay':3600}");
    json_int_t first = client_request(f.client, "shutdown", "{}");
    json_decref(client_result(f.client, "ping", "{}"));
    expect_state(f.client, pending, "PENDING");
    expect_reply(client_request(f.client, "shutdown", "{'wait':false,'cancel_futures':true}"),
                 GOING_ON(1));
    expect_state(f.client, pending, "CANCELLED");
    expect_reply(client_request(f.client, "shutdown", "{'wait':false,'cancel_futures':true}"),
                 GOING_ON(0));
    expect_state(f.client, held, "RUNNING");
    struct client *other = fixture_client(&f);
    json_int_t second = client_request(other, "shutdown", "{}");
    json_decref(client_result(other, "ping", "{}"));
    gate_pass(f.gate, 1);
    expect_reply(first, TERMINATED(0));
    json_t *reply = client_reply(other, second);
    json_expect(reply, "result.terminated", "true");
    json_decref(reply);
    client_close(other);
}
END_TEST

START_TEST(keeping_what_is_pending)
{
    fixture_hold(&f);
    json_int_t pending =
        client_submit(f.client, "{'fn':'exec','args':{'argv':%s}}", gate_argv(f.gate));
    json_int_t delayed = client_submit(f.client, "{'fn':'echo','delay':0.001}");
    json_int_t request = client_request(f.client, "shutdown", "{'keep_pending':true}");
    json_decref(client_result(f.client, "ping", "{}"));
    json_decref(client_result(f.client, "pool.resume", "{'pool':'default'}"));
    expect_state(f.client, pending, "PENDING");
    expect_state(f.client, delayed, "PENDING");
    gate_pass(f.gate, 1);
    expect_reply(request, TERMINATED(0));
    ck_assert(!gate_has_visitor(f.gate));
}
END_TEST

START_TEST(a_job_that_submits_gets_the_error)
{
    /* The job is a client itself, of the daemon that runs it. */
    json_int_t held = fixture_hold(&f);
    json_int_t job = client_submit(
        f.client,
        "{'fn':'exec','args':{'argv':['sh','-c','printf \\\"%%s\\\\\\\\n\\\" \\\"$2\\\" | "
        "nc -N -U \\\"$1\\\"','sh','%s',"
        "'{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":1,\\\"method\\\":\\\"submit\\\","
        "\\\"params\\\":{\\\"fn\\\":\\\"echo\\\"}}']}}",
        daemon_socket(f.daemon));
    json_int_t result = client_request(f.client, "result", "{'id':%lld}", job);
    json_int_t request = client_request(f.client, "shutdown", "{}");
    json_decref(client_result(f.client, "ping", "{}"));
    gate_pass(f.gate, 1);
    json_t *reply = client_reply(f.client, result);
    ck_assert_ptr_nonnull(strstr(json_text_at(reply, "result.result.stdout"), "-32003"));
    json_decref(reply);
    expect_reply(request, TERMINATED(0));
    ck_assert_int_gt(job, held);
}
END_TEST

START_TEST(who_waits_for_room_is_told)
{
    json_decref(
        client_result(f.client, "pool.set", "{'pool':'default','queue_limit':1,'on_full':'wait'}"));
    fixture_hold(&f);
    client_submit(f.client, "{'fn':'echo'}");
    json_int_t parked = client_request(f.client, "submit", "{'fn':'echo'}");
    json_int_t request = client_request(f.client, "shutdown", "{}");
    json_t *reply = client_reply(f.client, parked);
    ck_assert_int_eq(reply_error(reply), -32003);
    json_decref(reply);
    gate_pass(f.gate, 1);
    expect_reply(request, TERMINATED(0));
}
END_TEST

START_TEST(a_large_reply_goes_out_before_the_end)
{
    char *text = malloc(3000001);
    memset(text, 'l', 3000000);
    text[3000000] = '\0';
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{'a':'%s'}}", text);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", id));
    json_int_t result = client_request(f.client, "result", "{'id':%lld}", id);
    json_int_t request = client_request(f.client, "shutdown", "{}");
    json_t *reply = client_reply(f.client, result);
    ck_assert_str_eq(json_text_at(reply, "result.result.a"), text);
    json_decref(reply);
    expect_reply(request, TERMINATED(0));
    client_expect_end(f.client);
    free(text);
}
END_TEST

START_TEST(a_client_that_does_not_read_does_not_hold_it)
{
    char *text = malloc(3000001);
    memset(text, 'l', 3000000);
    text[3000000] = '\0';
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{'a':'%s'}}", text);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", id));
    struct client *lazy = fixture_client(&f);
    client_request(lazy, "result", "{'id':%lld}", id);
    json_decref(client_result(f.client, "ping", "{}"));
    expect_reply(client_request(f.client, "shutdown", "{}"), TERMINATED(0));
    daemon_wait(f.daemon);
    daemon_restart(f.daemon);
    client_close(lazy);
    free(text);
    /* For the teardown. */
    struct client *other = fixture_client(&f);
    json_decref(client_result(other, "shutdown", "{}"));
    client_close(other);
}
END_TEST

/* ---- signals ---- */

/* What would not survive the daemon is cancelled, so that somebody is told. */
static void end_in_order(int number)
{
    json_int_t held = fixture_hold(&f);
    json_int_t pending = client_submit(f.client, "{'fn':'echo','durable':false}");
    json_int_t of_held = client_request(f.client, "result", "{'id':%lld}", held);
    json_int_t of_pending = client_request(f.client, "result", "{'id':%lld}", pending);
    json_decref(client_result(f.client, "ping", "{}"));
    ck_assert_int_eq(kill(daemon_pid(f.daemon), number), 0);
    /* What is pending will not run, what runs may end. */
    json_t *reply = client_reply(f.client, of_pending);
    json_expect(reply, "result.state", "'CANCELLED'");
    json_decref(reply);
    ck_assert_int_eq(client_error(f.client, "submit", "{'fn':'echo'}"), -32003);
    gate_pass(f.gate, 1);
    reply = client_reply(f.client, of_held);
    json_expect(reply, "result.result.stdout", "'passed\\n'");
    json_decref(reply);
    client_expect_end(f.client);
}

START_TEST(term_ends_it_in_order)
{
    end_in_order(SIGTERM);
}
END_TEST

START_TEST(int_ends_it_in_order)
{
    end_in_order(SIGINT);
}
END_TEST

START_TEST(a_second_signal_ends_the_jobs)
{
    json_int_t held = fixture_hold(&f);
    json_int_t request = client_request(f.client, "result", "{'id':%lld}", held);
    json_decref(client_result(f.client, "ping", "{}"));
    ck_assert_int_eq(kill(daemon_pid(f.daemon), SIGTERM), 0);
    /* Two signals at once could become one: the first must be in force. */
    json_t *refused = client_call(f.client, "submit", "{'fn':'echo'}");
    while (reply_error(refused) == 0) {
        json_decref(refused);
        refused = client_call(f.client, "submit", "{'fn':'echo'}");
    }
    ck_assert_int_eq(reply_error(refused), -32003);
    json_decref(refused);
    ck_assert_int_eq(kill(daemon_pid(f.daemon), SIGTERM), 0);
    json_t *reply = client_reply(f.client, request);
    json_expect(reply, "result.state", "'FINISHED'");
    ck_assert(json_has(reply, "result.exception.type"));
    json_decref(reply);
    client_expect_end(f.client);
}
END_TEST

START_TEST(a_job_that_does_not_end_is_ended)
{
    json_int_t id = client_submit(
        f.client, "{'fn':'exec','args':{'argv':['sh','-c','trap \\\"\\\" TERM; echo ready; "
                  "exec sleep 3600']}}");
    json_decref(client_result(f.client, "output", "{'id':%lld,'wait':60}", id));
    json_int_t request = client_request(f.client, "result", "{'id':%lld}", id);
    json_decref(client_result(f.client, "ping", "{}"));
    ck_assert_int_eq(kill(daemon_pid(f.daemon), SIGTERM), 0);
    json_t *reply = client_reply(f.client, request);
    json_expect(reply, "result.state", "'FINISHED'");
    ck_assert(json_has(reply, "result.exception.type"));
    json_decref(reply);
    client_expect_end(f.client);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        with_nothing_to_do,
        without_wait_and_nothing_to_do,
        without_params,
        waits_for_all,
        without_wait,
        with_a_timeout,
        cancelling_what_is_pending,
        the_flags_of_a_second_call_count_too,
        keeping_what_is_pending,
        a_job_that_submits_gets_the_error,
        who_waits_for_room_is_told,
        a_large_reply_goes_out_before_the_end,
        a_client_that_does_not_read_does_not_hold_it,
        term_ends_it_in_order,
        int_ends_it_in_order,
        a_second_signal_ends_the_jobs,
        a_job_that_does_not_end_is_ended,
        NULL,
    };

    return fixture_run("shutdown", setup, teardown, tests);
}

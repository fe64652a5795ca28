/* When a future runs: priority, delay, after, timeout, retry, and turns among clients. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/deadline.h"
#include "tests/support/fixture.h"

static struct fixture f;

static void setup(void)
{
    static const char *const args[] = {"--max-workers", "1", NULL};
    static const struct daemon_options options = {.args = args};

    fixture_start(&f, &options);
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

static double time_of(json_int_t id, const char *which)
{
    json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
    double at = json_number_at(future, which);

    json_decref(future);
    return at;
}

/* ---- priority ---- */

START_TEST(higher_priority_first_then_in_order)
{
    static const int priorities[] = {0, 5, -2, 5, 0, 1000000, -1000000, 1};
    static const int order[] = {5, 1, 3, 7, 0, 4, 2, 6};
    enum { COUNT = 8 };
    json_int_t ids[COUNT];

    fixture_hold(&f);
    for (int i = 0; i < COUNT; i++)
        ids[i] =
            client_submit(f.client, "{'fn':'echo','priority':%d,'subscribe':true}", priorities[i]);
    gate_pass(f.gate, 1);
    for (int i = 0; i < COUNT; i++)
        expect_done(f.client, ids[order[i]]);
}
END_TEST

START_TEST(the_whole_range_of_priorities)
{
    fixture_hold(&f);
    json_int_t low = client_submit(f.client, "{'fn':'echo','subscribe':true,"
                                             "'priority':-9223372036854775808}");
    json_int_t middle = client_submit(f.client, "{'fn':'echo','subscribe':true}");
    json_int_t high = client_submit(f.client, "{'fn':'echo','subscribe':true,"
                                              "'priority':9223372036854775807}");
    gate_pass(f.gate, 1);
    expect_done(f.client, high);
    expect_done(f.client, middle);
    expect_done(f.client, low);
    json_t *future = client_result(f.client, "status", "{'id':%lld}", high);
    json_expect(future, "priority", "9223372036854775807");
    json_decref(future);
}
END_TEST

START_TEST(priority_of_a_map_is_that_of_its_items)
{
    fixture_hold(&f);
    json_decref(client_result(f.client, "subscribe", "{'all':true}"));
    json_int_t single = client_submit(f.client, "{'fn':'echo'}");
    json_t *reply = client_result(f.client, "map", "{'fn':'echo','items':[1,2],'priority':1}");
    json_int_t map = json_int_at(reply, "id");
    json_decref(reply);
    gate_pass(f.gate, 1);
    json_decref(client_notification(f.client)); /* the held one */
    expect_done(f.client, map + 1);
    expect_done(f.client, map + 2);
    json_decref(client_result(f.client, "result", "{'id':%lld}", single));
    ck_assert_double_ge(time_of(single, "started"), time_of(map + 2, "finished"));
}
END_TEST

/* ---- delay ---- */

START_TEST(not_before_its_delay)
{
    double start = mono_s();
    json_int_t far = client_submit(f.client, "{'fn':'echo','args':{},'delay':3600}");
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{},'delay':0.2}");
    json_int_t soon = client_submit(f.client, "{'fn':'echo','args':{},'delay':0.02}");
    json_int_t now = client_submit(f.client, "{'fn':'echo','args':{}}");
    expect_result(f.client, now, "{}");
    expect_result(f.client, soon, "{}");
    expect_result(f.client, id, "{}");
    ck_assert_double_ge(mono_s() - start, 0.2);
    ck_assert_double_ge(time_of(soon, "started") - time_of(soon, "submitted"), 0.019);
    ck_assert_double_ge(time_of(id, "started") - time_of(id, "submitted"), 0.199);
    /* Those that came later and were due sooner have not waited for it. */
    expect_state(f.client, far, "PENDING");
}
END_TEST

START_TEST(many_delays_in_order)
{
    enum { COUNT = 50 };
    json_int_t ids[COUNT];

    for (int i = 0; i < COUNT; i++)
        ids[i] = client_submit(f.client, "{'fn':'echo','delay':%.3f}", 0.3 - 0.004 * i);
    for (int i = 0; i < COUNT; i++)
        json_decref(client_result(f.client, "result", "{'id':%lld}", ids[i]));
    for (int i = 0; i < COUNT; i++)
        ck_assert_double_ge(time_of(ids[i], "started") - time_of(ids[i], "submitted"),
                            0.299 - 0.004 * i);
}
END_TEST

START_TEST(a_delay_for_ever_can_be_cancelled)
{
    static const char *const delays[] = {"1e18", "1e300", "9223372036854775807"};

    for (size_t i = 0; i < 3; i++) {
        json_int_t id = client_submit(f.client, "{'fn':'echo','delay':%s}", delays[i]);
        json_decref(client_result(f.client, "ping", "{}"));
        json_t *reply = client_result(f.client, "cancel", "{'id':%lld}", id);
        json_expect(reply, "cancelled", "true");
        json_decref(reply);
    }
}
END_TEST

/* ---- after ---- */

enum { GOOD, BAD, GONE, ENDS };

START_TEST(after_in_all_forms)
{
    static const char *const ons[] = {"result", "exception", "done"};
    static const bool runs[ENDS][3] = {
        [GOOD] = {true, false, true},
        [BAD] = {false, true, true},
        [GONE] = {false, false, true},
    };

    /* First waiting for what is still pending, then for what is done already. */
    for (int done_before = 0; done_before < 2; done_before++) {
        json_int_t on[ENDS];
        on[GOOD] = client_submit(f.client, "{'fn':'echo','delay':%s}", done_before ? "0" : "0.1");
        on[BAD] = client_submit(f.client, "{'fn':'exec','args':{'argv':['false']},'delay':%s}",
                                done_before ? "0" : "0.1");
        on[GONE] = client_submit(f.client, "{'fn':'echo','delay':3600}");
        if (done_before) {
            json_decref(client_result(f.client, "cancel", "{'id':%lld}", on[GONE]));
            json_decref(client_result(f.client, "wait", "{'ids':[%lld,%lld]}", on[GOOD], on[BAD]));
        }
        json_int_t ids[ENDS][3], plain;
        for (int end = 0; end < ENDS; end++)
            for (int i = 0; i < 3; i++)
                ids[end][i] = client_submit(
                    f.client, "{'fn':'echo','args':{},'after':[{'id':%lld,'on':'%s'}]}", on[end],
                    ons[i]);
        plain = client_submit(f.client, "{'fn':'echo','args':{},'after':[{'id':%lld}]}", on[GOOD]);
        if (!done_before)
            json_decref(client_result(f.client, "cancel", "{'id':%lld}", on[GONE]));
        for (int end = 0; end < ENDS; end++)
            for (int i = 0; i < 3; i++) {
                if (runs[end][i])
                    expect_result(f.client, ids[end][i], "{}");
                else
                    expect_exception(f.client, ids[end][i], "DependencyFailed");
            }
        expect_result(f.client, plain, "{}");
    }
}
END_TEST

START_TEST(after_several)
{
    json_int_t held = fixture_hold(&f);
    json_int_t a = client_submit(f.client, "{'fn':'echo'}");
    json_int_t b = client_submit(f.client, "{'fn':'echo'}");
    json_int_t id = client_submit(
        f.client, "{'fn':'echo','args':{},'after':[%lld,%lld,{'id':%lld,'on':'done'},%lld]}", a, b,
        held, a);
    json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "waiting", "'after'");
    json_decref(future);
    gate_pass(f.gate, 1);
    expect_result(f.client, id, "{}");
    ck_assert_double_ge(time_of(id, "started"), time_of(b, "finished"));
    ck_assert_double_ge(time_of(id, "started"), time_of(held, "finished"));
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{},'after':[]}"), "{}");
}
END_TEST

START_TEST(chains_and_diamonds)
{
    enum { LENGTH = 200 };
    json_int_t held = fixture_hold(&f), last = held;

    for (int i = 0; i < LENGTH; i++)
        last = client_submit(f.client, "{'fn':'echo','args':{'i':%d},'after':[%lld]}", i, last);
    json_int_t top = client_submit(f.client, "{'fn':'echo','after':[%lld]}", held);
    json_int_t left = client_submit(f.client, "{'fn':'echo','after':[%lld]}", top);
    json_int_t right = client_submit(f.client, "{'fn':'echo','after':[%lld]}", top);
    json_int_t bottom =
        client_submit(f.client, "{'fn':'echo','args':{},'after':[%lld,%lld]}", left, right);
    gate_pass(f.gate, 1);
    expect_result(f.client, last, "{'i':%d}", LENGTH - 1);
    expect_result(f.client, bottom, "{}");
    ck_assert_double_ge(time_of(bottom, "started"), time_of(left, "finished"));
    ck_assert_double_ge(time_of(bottom, "started"), time_of(right, "finished"));
}
END_TEST

START_TEST(a_long_chain_fails_as_a_whole)
{
    const int length = 20000 / (int)test_slowness();
    json_int_t first = client_submit(f.client, "{'fn':'echo','delay':3600}"), last = first;

    for (int i = 0; i < length; i++)
        last = client_submit(f.client, "{'fn':'echo','after':[%lld]}", last);
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", first));
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", last);
    json_expect(reply, "exception.type", "'DependencyFailed'");
    json_expect(reply, "exception.data.id", "%lld", last - 1);
    json_decref(reply);
    reply = client_result(f.client, "status", "{'limit':0}");
    json_expect(reply, "counts", "{'PENDING':0,'RUNNING':0,'CANCELLED':1,'FINISHED':%d}", length);
    json_decref(reply);
}
END_TEST

START_TEST(a_waiting_one_can_be_cancelled)
{
    json_int_t held = fixture_hold(&f);
    json_int_t id = client_submit(f.client, "{'fn':'echo','after':[%lld]}", held);
    json_int_t next = client_submit(f.client, "{'fn':'echo','after':[%lld]}", id);
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", id));
    expect_exception(f.client, next, "DependencyFailed");
    gate_pass(f.gate, 1);
    json_decref(client_result(f.client, "result", "{'id':%lld}", held));
    expect_state(f.client, id, "CANCELLED");
}
END_TEST

/* ---- timeout of the run ---- */

START_TEST(timeout_of_the_run)
{
    json_int_t id =
        client_submit(f.client, "{'fn':'exec','args':{'argv':['sleep','3600']},'timeout':0.05}");
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "exception.type", "'TimedOut'");
    json_expect(reply, "exception.data.signal", "'SIGTERM'");
    json_decref(reply);
    id = client_submit(f.client, "{'fn':'sleep','args':{'seconds':3600},'timeout':0.05}");
    expect_exception(f.client, id, "TimedOut");
    ck_assert_double_ge(time_of(id, "finished") - time_of(id, "started"), 0.049);
    /* Waiting in the queue does not count, and enough is enough. */
    fixture_hold(&f);
    id = client_submit(f.client, "{'fn':'echo','args':{},'timeout':0.05}");
    ck_assert_int_eq(client_error(f.client, "result", "{'id':%lld,'timeout':0.1}", id), -32001);
    gate_pass(f.gate, 1);
    expect_result(f.client, id, "{}");
}
END_TEST

/* ---- retry ---- */

START_TEST(retried_until_it_works)
{
    json_int_t id = client_submit(f.client,
                                  "{'fn':'exec','args':{'argv':['sh','-c','echo x >>\\\"$1\\\"; "
                                  "test $(wc -l <\\\"$1\\\") -ge 3','sh','%s/tries']},"
                                  "'retry':{'max':5,'delay':0.01},'subscribe':true}",
                                  daemon_directory(f.daemon));
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "result.exit_code", "0");
    json_decref(reply);
    json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "attempt", "3");
    json_expect(future, "failed", "false");
    json_decref(future);
    /* Only the end is told. */
    expect_done(f.client, id);
    expect_quiet(f.client);
}
END_TEST

START_TEST(retried_in_vain)
{
    json_int_t id = client_submit(f.client, "{'fn':'exec','args':{'argv':['false']},"
                                            "'retry':{'max':2,'delay':0.02,'backoff':3}}");
    expect_exception(f.client, id, "ExitStatus");
    json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "attempt", "3");
    /* 0.02 s, then three times that. */
    ck_assert_double_ge(json_number_at(future, "finished") - json_number_at(future, "submitted"),
                        0.079);
    json_decref(future);
    id = client_submit(f.client, "{'fn':'exec','args':{'argv':['false']},'retry':{'max':0}}");
    expect_exception(f.client, id, "ExitStatus");
    future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "attempt", "1");
    json_decref(future);
}
END_TEST

START_TEST(between_two_attempts_it_can_be_cancelled)
{
    json_int_t id = client_submit(f.client,
                                  "{'fn':'exec','args':{'argv':%s},"
                                  "'retry':{'max':1,'delay':3600}}",
                                  gate_argv(f.gate));
    pid_t pid = gate_wait_running(f.gate);
    json_decref(client_result(f.client, "subscribe", "{'ids':[%lld]}", id));
    ck_assert_int_eq(kill(pid, 9), 0);
    json_t *future;
    while ((future = client_result(f.client, "status", "{'id':%lld}", id)) &&
           strcmp(json_text_at(future, "state"), "RUNNING") == 0)
        json_decref(future);
    json_expect(future, "state", "'PENDING'");
    json_expect(future, "waiting", "'retry'");
    json_expect(future, "attempt", "2");
    json_decref(future);
    json_t *reply = client_result(f.client, "cancel", "{'id':%lld}", id);
    json_expect(reply, "cancelled", "true");
    json_decref(reply);
    expect_done(f.client, id);
}
END_TEST

START_TEST(a_terminated_one_is_not_retried)
{
    json_int_t id = client_submit(f.client,
                                  "{'fn':'exec','args':{'argv':%s},"
                                  "'retry':{'max':5,'delay':0}}",
                                  gate_argv(f.gate));
    gate_wait_running(f.gate);
    json_decref(client_result(f.client, "cancel", "{'id':%lld,'terminate':true}", id));
    expect_exception(f.client, id, "Terminated");
    json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "attempt", "1");
    json_decref(future);
}
END_TEST

/* ---- fairness ---- */

START_TEST(no_client_starves_another)
{
    enum { QUEUE = 1000 };
    struct client *late = fixture_client(&f);

    fixture_hold(&f);
    json_int_t first = 0;
    for (int i = 0; i < QUEUE; i++) {
        json_int_t id = client_submit(f.client, "{'fn':'echo'}");
        first = first ? first : id;
    }
    json_int_t id = client_submit(late, "{'fn':'echo','subscribe':true}");
    json_decref(client_result(late, "subscribe", "{'ids':[[%lld,%lld]]}", first, id));
    gate_pass(f.gate, 1);
    /* At most one of the others starts before it. */
    int before = 0;
    for (;;) {
        json_t *message = client_notification(late);
        bool mine = json_int_at(message, "params.future.id") == id;
        json_decref(message);
        if (mine)
            break;
        before++;
    }
    ck_assert_int_le(before, 1);
    client_close(late);
}
END_TEST

START_TEST(clients_take_turns)
{
    enum { CLIENTS = 3, EACH = 20 };
    struct client *clients[CLIENTS];
    json_int_t owner[1000] = {0};

    fixture_hold(&f);
    json_decref(client_result(f.client, "subscribe", "{'all':true}"));
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fixture_client(&f);
        for (int k = 0; k < EACH; k++)
            owner[client_submit(clients[i], "{'fn':'echo'}")] = i + 1;
    }
    gate_pass(f.gate, 1);
    json_decref(client_notification(f.client));
    int counts[CLIENTS + 1] = {0};
    for (int k = 0; k < CLIENTS * EACH; k++) {
        json_t *message = client_notification(f.client);
        counts[owner[json_int_at(message, "params.future.id")]]++;
        json_decref(message);
        /* At any time nobody is ahead of anybody by more than one. */
        for (int i = 1; i <= CLIENTS; i++)
            ck_assert_int_le(abs(counts[i] - (k + 1) / CLIENTS), 1);
    }
    for (int i = 0; i < CLIENTS; i++)
        client_close(clients[i]);
}
END_TEST

/* ---- scope ---- */

START_TEST(scope_of_the_connection)
{
    struct client *other = fixture_client(&f);
    json_int_t running = client_submit(
        other, "{'fn':'exec','args':{'argv':%s},'scope':'connection'}", gate_argv(f.gate));
    gate_wait_running(f.gate);
    json_int_t pending = client_submit(other, "{'fn':'echo','scope':'connection'}");
    json_int_t delayed = client_submit(other, "{'fn':'echo','scope':'connection','delay':3600}");
    json_t *reply = client_result(other, "map", "{'fn':'echo','items':[1,2],'scope':'connection'}");
    json_int_t map = json_int_at(reply, "id");
    json_decref(reply);
    json_int_t lives = client_submit(other, "{'fn':'echo','args':{},'scope':'daemon'}");
    client_close(other);
    expect_exception(f.client, running, "Terminated");
    reply = client_result(f.client, "wait", "{'ids':[%lld,%lld,%lld]}", pending, delayed, map);
    json_decref(reply);
    expect_state(f.client, pending, "CANCELLED");
    expect_state(f.client, delayed, "CANCELLED");
    expect_state(f.client, map, "CANCELLED");
    expect_state(f.client, map + 1, "CANCELLED");
    expect_result(f.client, lives, "{}");
}
END_TEST

START_TEST(scope_ends_with_the_connection_not_with_the_half_of_it)
{
    struct client *half = fixture_client(&f);
    json_int_t id = client_submit(half, "{'fn':'exec','args':{'argv':%s},'scope':'connection'}",
                                  gate_argv(f.gate));
    gate_wait_running(f.gate);
    json_int_t request = client_request(half, "result", "{'id':%lld}", id);
    client_half_close(half);
    json_decref(client_result(f.client, "ping", "{}"));
    expect_state(f.client, id, "RUNNING");
    gate_pass(f.gate, 1);
    json_t *reply = client_reply(half, request);
    json_expect(reply, "result.result.stdout", "'passed\\n'");
    json_decref(reply);
    client_expect_end(half);
    client_close(half);
    expect_state(f.client, id, "FINISHED");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        higher_priority_first_then_in_order,
        the_whole_range_of_priorities,
        priority_of_a_map_is_that_of_its_items,
        not_before_its_delay,
        many_delays_in_order,
        a_delay_for_ever_can_be_cancelled,
        after_in_all_forms,
        after_several,
        chains_and_diamonds,
        a_long_chain_fails_as_a_whole,
        a_waiting_one_can_be_cancelled,
        timeout_of_the_run,
        retried_until_it_works,
        retried_in_vain,
        between_two_attempts_it_can_be_cancelled,
        a_terminated_one_is_not_retried,
        no_client_starves_another,
        clients_take_turns,
        scope_of_the_connection,
        scope_ends_with_the_connection_not_with_the_half_of_it,
        NULL,
    };

    return fixture_run("schedule", setup, teardown, tests);
}

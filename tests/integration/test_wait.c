/* wait: every return_when, every timeout, over all states and pools. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* Futures that stay as they are until the test says otherwise. */
static json_int_t pending(void)
{
    return client_submit(f.client, "{'fn':'echo','delay':3600}");
}

static json_int_t good(void)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");

    expect_result(f.client, id, "{}");
    return id;
}

static json_int_t failed(void)
{
    json_int_t id = client_submit(f.client, "{'fn':'exec','args':{'argv':['false']}}");

    expect_exception(f.client, id, "ExitStatus");
    return id;
}

static void cancel(json_int_t id)
{
    json_t *reply = client_result(f.client, "cancel", "{'id':%lld}", id);

    json_expect(reply, "cancelled", "true");
    json_decref(reply);
}

static json_int_t cancelled(void)
{
    json_int_t id = pending();

    cancel(id);
    return id;
}

/* The answer to a wait must be these. */
#define expect_wait(params, wanted, ...)                                                           \
    do {                                                                                           \
        json_t *reply_ = client_result(f.client, "wait", params, __VA_ARGS__);                     \
        json_expect(reply_, "", wanted, __VA_ARGS__);                                              \
        json_decref(reply_);                                                                       \
    } while (0)

/* Sends a wait for two futures that is not over yet. */
static json_int_t wait_two(const char *when, json_int_t a, json_int_t b)
{
    json_int_t request =
        client_request(f.client, "wait", "{'ids':[%lld,%lld],'return_when':'%s'}", a, b, when);

    json_decref(client_result(f.client, "ping", "{}"));
    return request;
}

START_TEST(for_nothing)
{
    static const char *const whens[] = {"ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"};

    for (size_t i = 0; i < 3; i++) {
        json_t *reply = client_result(f.client, "wait", "{'ids':[],'return_when':'%s'}", whens[i]);
        json_expect(reply, "", "{'done':[],'not_done':[]}");
        json_decref(reply);
    }
}
END_TEST

START_TEST(for_what_is_done_already)
{
    json_int_t a = good(), b = failed();

    expect_wait("{'ids':[%lld,%lld]}", "{'done':[%lld,%lld],'not_done':[]}", a, b);
    expect_wait("{'ids':[%lld,%lld],'timeout':0}", "{'done':[%lld,%lld],'not_done':[]}", b, a);
    json_int_t c = cancelled();
    expect_wait("{'ids':[%lld,%lld],'timeout':-1}", "{'done':[%lld,%lld],'not_done':[]}", a, c);
}
END_TEST

START_TEST(running_out_of_time_is_no_error)
{
    static const char *const timeouts[] = {"0", "0.0", "-1", "-0.001", "0.01", "1e-12"};
    json_int_t a = good(), b = pending();

    for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
        json_t *reply =
            client_result(f.client, "wait", "{'ids':[%lld,%lld],'timeout':%s}", a, b, timeouts[i]);
        json_expect(reply, "", "{'done':[%lld],'not_done':[%lld]}", a, b);
        json_decref(reply);
    }
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld],'timeout':0.2}", b));
    clock_gettime(CLOCK_MONOTONIC, &end);
    ck_assert_int_ge((end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec,
                     200000000L);
}
END_TEST

START_TEST(all_completed)
{
    json_int_t a = pending(), b = pending();
    json_int_t plain = client_request(f.client, "wait", "{'ids':[%lld,%lld]}", a, b);
    json_int_t request = wait_two("ALL_COMPLETED", a, b);

    cancel(b);
    json_t *now = client_result(f.client, "wait", "{'ids':[%lld,%lld],'timeout':0}", a, b);
    json_expect(now, "", "{'done':[%lld],'not_done':[%lld]}", b, a);
    json_decref(now);
    cancel(a);
    for (int i = 0; i < 2; i++) {
        json_t *reply = client_reply(f.client, i ? request : plain);
        json_expect(reply, "result", "{'done':[%lld,%lld],'not_done':[]}", a, b);
        json_decref(reply);
    }
}
END_TEST

START_TEST(first_completed)
{
    json_int_t a = pending(), b = pending();
    json_int_t request = wait_two("FIRST_COMPLETED", a, b);

    cancel(b);
    json_t *reply = client_reply(f.client, request);
    json_expect(reply, "result", "{'done':[%lld],'not_done':[%lld]}", b, a);
    json_decref(reply);
}
END_TEST

START_TEST(first_exception_waits_for_one)
{
    json_int_t held = fixture_hold(&f), b = pending();
    json_int_t request = wait_two("FIRST_EXCEPTION", held, b);

    json_decref(client_result(f.client, "cancel", "{'id':%lld,'terminate':true}", held));
    json_t *reply = client_reply(f.client, request);
    json_expect(reply, "result", "{'done':[%lld],'not_done':[%lld]}", held, b);
    json_decref(reply);
}
END_TEST

START_TEST(first_exception_at_once_for_one_that_has_failed)
{
    json_int_t a = failed(), b = pending();

    expect_wait("{'return_when':'FIRST_EXCEPTION','ids':[%lld,%lld]}",
                "{'done':[%lld],'not_done':[%lld]}", a, b);
}
END_TEST

START_TEST(first_exception_is_not_triggered_by_a_cancelled_one)
{
    json_int_t a = cancelled(), b = pending(), c = fixture_hold(&f);
    json_int_t request = client_request(
        f.client, "wait", "{'ids':[%lld,%lld,%lld],'return_when':'FIRST_EXCEPTION'}", a, b, c);
    json_decref(client_result(f.client, "ping", "{}"));
    cancel(b);
    /* Nor by a result. */
    expect_wait("{'ids':[%lld],'timeout':0,'return_when':'FIRST_EXCEPTION'}",
                "{'done':[%lld],'not_done':[]}", b);
    json_t *now = client_result(
        f.client, "wait", "{'ids':[%lld,%lld,%lld],'return_when':'FIRST_EXCEPTION','timeout':0}", a,
        b, c);
    json_expect(now, "", "{'done':[%lld,%lld],'not_done':[%lld]}", a, b, c);
    json_decref(now);
    gate_pass(f.gate, 1);
    json_t *reply = client_reply(f.client, request);
    json_expect(reply, "result", "{'done':[%lld,%lld,%lld],'not_done':[]}", a, b, c);
    json_decref(reply);
}
END_TEST

START_TEST(first_exception_without_any_is_all)
{
    json_int_t a = good(), b = good();

    expect_wait("{'ids':[%lld,%lld],'return_when':'FIRST_EXCEPTION'}",
                "{'done':[%lld,%lld],'not_done':[]}", a, b);
}
END_TEST

START_TEST(duplicates_count_once)
{
    json_int_t a = good(), b = pending();

    json_t *reply =
        client_result(f.client, "wait", "{'ids':[%lld,%lld,[%lld,%lld],%lld,%lld],'timeout':0}", b,
                      a, a, b, a, b);
    json_expect(reply, "", "{'done':[%lld],'not_done':[%lld]}", a, b);
    json_decref(reply);
    json_int_t request = client_request(f.client, "wait", "{'ids':[%lld,%lld,%lld]}", b, b, b);
    json_decref(client_result(f.client, "ping", "{}"));
    cancel(b);
    reply = client_reply(f.client, request);
    json_expect(reply, "result", "{'done':[%lld],'not_done':[]}", b);
    json_decref(reply);
}
END_TEST

START_TEST(pairs_name_ranges)
{
    json_int_t first = good();
    good();
    json_int_t last = good();

    json_t *reply = client_result(f.client, "wait", "{'ids':[[%lld,%lld]]}", first, last);
    json_expect(reply, "", "{'done':[%lld,%lld,%lld],'not_done':[]}", first, first + 1, last);
    json_decref(reply);
    reply = client_result(f.client, "wait", "{'ids':[[%lld,%lld],%lld]}", last, last, first);
    json_expect(reply, "", "{'done':[%lld,%lld],'not_done':[]}", last, first);
    json_decref(reply);
}
END_TEST

START_TEST(futures_of_several_pools)
{
    json_decref(client_result(f.client, "pool.set", "{'pool':'other','max_workers':1}"));
    json_int_t held = fixture_hold(&f);
    json_int_t other = client_submit(f.client, "{'fn':'exec','pool':'other','args':{'argv':%s}}",
                                     gate_argv(f.gate));
    gate_wait_running(f.gate);
    json_int_t request = wait_two("ALL_COMPLETED", held, other);

    gate_pass(f.gate, 2);
    json_t *reply = client_reply(f.client, request);
    json_expect(reply, "result", "{'done':[%lld,%lld],'not_done':[]}", held, other);
    json_decref(reply);
}
END_TEST

START_TEST(thousands_at_once)
{
    enum { COUNT = 5000 };
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[],'open':true}");
    json_int_t id = json_int_at(map, "id");
    json_t *items = json_array();

    for (int i = 0; i < COUNT; i++)
        json_array_append_new(items, json_integer(i));
    char *text = json_dumps(items, JSON_COMPACT);
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
    json_t *added = client_result(f.client, "map.add", "{'id':%lld,'items':%s}", id, text);
    json_int_t first = json_int_at(added, "first");
    json_int_t request =
        client_request(f.client, "wait", "{'ids':[[%lld,%lld]]}", first, first + COUNT - 1);
    json_decref(client_result(f.client, "pool.resume", "{'pool':'default'}"));
    json_t *reply = client_reply(f.client, request);
    ck_assert_uint_eq(json_count_at(reply, "result.done"), COUNT);
    ck_assert_uint_eq(json_count_at(reply, "result.not_done"), 0);
    json_decref(reply);
    json_decref(client_result(f.client, "map.close", "{'id':%lld}", id));
    json_decref(added);
    json_decref(map);
    json_decref(items);
    free(text);
}
END_TEST

START_TEST(a_pair_waits_for_what_is_on_its_way_into_the_store)
{
    json_int_t last = client_submit(f.client, "{'fn':'echo'}");
    char *line = text_print("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"map\",\"params\":"
                            "{\"fn\":\"echo\",\"items\":[1,2]}},"
                            "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"wait\",\"params\":"
                            "{\"ids\":[[%lld,%lld]]}}]",
                            last + 1, last + 3);
    client_send_line(f.client, line);
    free(line);
    json_t *replies = client_read(f.client);
    json_expect(json_array_get(replies, 1), "result", "{'done':[%lld,%lld,%lld],'not_done':[]}",
                last + 1, last + 2, last + 3);
    json_decref(replies);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        for_nothing,
        for_what_is_done_already,
        running_out_of_time_is_no_error,
        all_completed,
        first_completed,
        first_exception_waits_for_one,
        first_exception_at_once_for_one_that_has_failed,
        first_exception_is_not_triggered_by_a_cancelled_one,
        first_exception_without_any_is_all,
        duplicates_count_once,
        pairs_name_ranges,
        futures_of_several_pools,
        thousands_at_once,
        a_pair_waits_for_what_is_on_its_way_into_the_store,
        NULL,
    };

    return fixture_run("wait", setup, teardown, tests);
}

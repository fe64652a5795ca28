/* Open maps: map.add, map.close and the window. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/fixture.h"
#include "tests/support/text.h"

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

static json_int_t open_map(const char *more)
{
    json_t *reply = client_result(f.client, "map", "{'fn':'echo','open':true%s}", more);
    json_int_t id = json_int_at(reply, "id");

    json_decref(reply);
    return id;
}

START_TEST(fed_bit_by_bit)
{
    json_int_t id = open_map(",\"items\":[0]");
    json_t *reply = client_result(f.client, "map.add", "{'id':%lld,'items':[1,2]}", id);
    json_int_t first = json_int_at(reply, "first");
    json_expect(reply, "count", "2");
    json_decref(reply);
    expect_result(f.client, first + 1, "{'item':2}");
    ck_assert_int_eq(client_error(f.client, "result", "{'id':%lld,'timeout':0}", id), -32001);
    reply = client_result(f.client, "map.add", "{'id':%lld,'items':[]}", id);
    json_expect(reply, "count", "0");
    json_decref(reply);
    reply = client_result(f.client, "map.add", "{'id':%lld,'items':['x']}", id);
    json_decref(reply);
    reply = client_result(f.client, "map.close", "{'id':%lld}", id);
    json_expect(reply, "", "{'count':4}");
    json_decref(reply);
    expect_result(f.client, id, "[{'item':0},{'item':1},{'item':2},{'item':'x'}]");
    ck_assert_int_eq(client_error(f.client, "map.add", "{'id':%lld,'items':[1]}", id), -32007);
    /* Closing twice does no harm. */
    reply = client_result(f.client, "map.close", "{'id':%lld}", id);
    json_expect(reply, "", "{'count':4}");
    json_decref(reply);
}
END_TEST

START_TEST(opened_and_closed_without_items)
{
    json_int_t id = open_map("");
    json_decref(client_result(f.client, "map.close", "{'id':%lld}", id));
    expect_result(f.client, id, "[]");
}
END_TEST

START_TEST(the_answer_waits_while_the_window_is_full)
{
    json_int_t held = fixture_hold(&f);
    json_int_t id = open_map(",\"window\":3");
    json_t *reply = client_result(f.client, "map.add", "{'id':%lld,'items':[1,2]}", id);
    json_int_t first = json_int_at(reply, "first");
    json_decref(reply);
    /* Over the window: taken, but the producer is held. */
    json_int_t request = client_request(f.client, "map.add", "{'id':%lld,'items':[3,4,5]}", id);
    json_decref(client_result(f.client, "ping", "{}"));
    json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "map.pending", "5");
    json_decref(future);
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", first));
    struct client *other = fixture_client(&f);
    json_decref(client_result(other, "cancel", "{'ids':[%lld]}", first + 1));
    client_close(other);
    reply = client_reply(f.client, request);
    json_expect(reply, "result.count", "3");
    json_expect(reply, "result.first", "%lld", first + 2);
    json_decref(reply);
    gate_pass(f.gate, 1);
    json_decref(client_result(f.client, "map.close", "{'id':%lld}", id));
    expect_exception(f.client, id, "CancelledError");
    expect_result(f.client, first + 4, "{'item':5}");
    expect_state(f.client, held, "FINISHED");
}
END_TEST

START_TEST(it_does_wait)
{
    json_int_t held = fixture_hold(&f);
    json_int_t id = open_map(",\"window\":2");
    json_int_t request = client_request(f.client, "map.add", "{'id':%lld,'items':[1,2,3]}", id);
    json_t *early = client_result(f.client, "wait", "{'ids':[%lld],'timeout':0.05}", held);
    json_decref(early);
    /* Whatever has arrived by now: the answer is not among it. */
    gate_pass(f.gate, 1);
    json_t *done = client_read(f.client);
    json_expect(done, "id", "%lld", request);
    json_decref(done);
    json_decref(client_result(f.client, "map.close", "{'id':%lld}", id));
    expect_result(f.client, id, "[{'item':1},{'item':2},{'item':3}]");
}
END_TEST

START_TEST(a_producer_without_an_end)
{
    enum { ROUNDS = 200, CHUNK = 50 };
    json_int_t id = open_map(",\"window\":100");

    for (int i = 0; i < ROUNDS; i++) {
        json_t *items = json_array();
        for (int k = 0; k < CHUNK; k++)
            json_array_append_new(items, json_integer(i * CHUNK + k));
        char *text = json_dumps(items, JSON_COMPACT);
        json_t *reply = client_result(f.client, "map.add", "{'id':%lld,'items':%s}", id, text);
        json_expect(reply, "count", "%d", CHUNK);
        json_decref(reply);
        free(text);
        json_decref(items);
        json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
        ck_assert_int_le(json_int_at(future, "map.pending"), 100);
        json_decref(future);
    }
    json_t *reply = client_result(f.client, "map.close", "{'id':%lld}", id);
    json_expect(reply, "count", "%d", ROUNDS * CHUNK);
    json_decref(reply);
    reply = client_result(f.client, "result", "{'id':%lld}", id);
    ck_assert_uint_eq(json_count_at(reply, "result"), ROUNDS * CHUNK);
    for (int i = 0; i < ROUNDS * CHUNK; i++)
        ck_assert_int_eq(json_int_at(json_array_get(json_at(reply, "result"), (size_t)i), "item"),
                         i);
    json_decref(reply);
}
END_TEST

START_TEST(a_producer_that_vanishes_while_it_waits)
{
    json_int_t held = fixture_hold(&f);
    struct client *producer = fixture_client(&f);
    json_t *reply = client_result(producer, "map", "{'fn':'echo','open':true,'window':1}");
    json_int_t id = json_int_at(reply, "id");
    json_decref(reply);
    client_request(producer, "map.add", "{'id':%lld,'items':[1,2,3]}", id);
    json_decref(client_result(producer, "ping", "{}"));
    client_close(producer);
    json_decref(client_result(f.client, "ping", "{}"));
    gate_pass(f.gate, 1);
    expect_result(f.client, id + 3, "{'item':3}");
    json_decref(client_result(f.client, "map.close", "{'id':%lld}", id));
    expect_result(f.client, id, "[{'item':1},{'item':2},{'item':3}]");
    expect_state(f.client, held, "FINISHED");
}
END_TEST

START_TEST(cancelling_an_open_map_closes_it)
{
    json_int_t held = fixture_hold(&f), id = open_map(",\"items\":[1,2]");
    json_t *reply = client_result(f.client, "cancel", "{'id':%lld}", id);
    json_expect(reply, "cancelled", "true");
    json_decref(reply);
    ck_assert_int_eq(client_error(f.client, "map.add", "{'id':%lld,'items':[1]}", id), -32007);
    expect_state(f.client, id, "CANCELLED");
    id = open_map("");
    reply = client_result(f.client, "cancel", "{'id':%lld}", id);
    json_expect(reply, "", "{'id':%lld,'cancelled':true,'state':'CANCELLED'}", id);
    json_decref(reply);
    gate_pass(f.gate, 1);
    json_decref(client_result(f.client, "result", "{'id':%lld}", held));
}
END_TEST

START_TEST(fail_fast_of_an_open_map)
{
    json_t *reply = client_result(f.client, "map",
                                  "{'fn':'exec','args':{'argv':['test','{}','!=','1']},"
                                  "'open':true,'fail_fast':true,'items':[0,1,2]}");
    json_int_t id = json_int_at(reply, "id"), first = json_int_at(reply, "first");
    json_decref(reply);
    expect_exception(f.client, first + 1, "ExitStatus");
    reply = client_call(f.client, "map.close", "{'id':%lld}", id);
    json_decref(reply);
    expect_exception(f.client, id, "MapFailed");
}
END_TEST

START_TEST(shutdown_closes_open_maps)
{
    json_int_t held = fixture_hold(&f), id = open_map(",\"items\":[1]");
    json_decref(client_result(f.client, "shutdown", "{'wait':false}"));
    ck_assert_int_eq(client_error(f.client, "map.add", "{'id':%lld,'items':[1]}", id), -32003);
    json_int_t request = client_request(f.client, "result", "{'id':%lld}", id);
    json_decref(client_result(f.client, "ping", "{}"));
    gate_pass(f.gate, 1);
    json_t *reply = client_reply(f.client, request);
    json_expect(reply, "result.result", "[{'item':1}]");
    json_decref(reply);
    ck_assert_int_gt(held, 0);
    daemon_wait(f.daemon);
    daemon_restart(f.daemon);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        fed_bit_by_bit,
        opened_and_closed_without_items,
        the_answer_waits_while_the_window_is_full,
        it_does_wait,
        a_producer_without_an_end,
        a_producer_that_vanishes_while_it_waits,
        cancelling_an_open_map_closes_it,
        fail_fast_of_an_open_map,
        shutdown_closes_open_maps,
        NULL,
    };

    return fixture_run("open maps", setup, teardown, tests);
}

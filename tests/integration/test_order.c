/* The six promises of order that clients lean on. Messages are read here as they come, whatever
 * they are. */
#include <stdlib.h>
#include <string.h>

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

/* The next message must be this notification. */
static void next_is_done(json_int_t id)
{
    json_t *message = client_read(f.client);

    json_expect(message, "method", "'future.done'");
    json_expect(message, "params.future.id", "%lld", id);
    json_decref(message);
}

/* The next message must be the reply to this request; the caller owns it. */
static json_t *next_is_reply(json_int_t request)
{
    json_t *message = client_read(f.client);

    ck_assert_msg(json_has(message, "id"), "a notification came first: %s",
                  json_dumps(message, JSON_COMPACT));
    json_expect(message, "id", "%lld", request);
    return message;
}

/* ---- 1. the reply to submit or map, then its notifications ---- */

START_TEST(reply_to_submit_first)
{
    json_int_t watch =
        client_request(f.client, "subscribe", "{'all':true,'events':['done','running','output']}");
    json_decref(next_is_reply(watch));
    for (int i = 0; i < 200; i++) {
        json_int_t request = client_request(
            f.client, "submit", "{'fn':'echo','args':{},'subscribe':%s}", i % 2 ? "true" : "false");
        json_t *reply = next_is_reply(request);
        json_int_t id = json_int_at(reply, "result.id");
        json_decref(reply);
        for (int told = 0; told < (i % 2 ? 2 : 1);) {
            json_t *message = client_read(f.client);
            json_expect(message, "params.future.id", "%lld", id);
            told += strcmp(json_text_at(message, "method"), "future.done") == 0;
            json_decref(message);
        }
    }
}
END_TEST

START_TEST(reply_to_map_first)
{
    json_int_t watch = client_request(f.client, "subscribe", "{'all':true}");
    json_decref(next_is_reply(watch));
    for (int i = 0; i < 50; i++) {
        json_int_t request =
            client_request(f.client, "map", "{'fn':'echo','items':[%s]}", i % 2 ? "1,2,3" : "");
        json_t *reply = next_is_reply(request);
        json_int_t id = json_int_at(reply, "result.id");
        json_int_t count = json_int_at(reply, "result.count");
        json_decref(reply);
        for (json_int_t k = 0; k <= count; k++) {
            json_t *message = client_read(f.client);
            json_int_t told = json_int_at(message, "params.future.id");
            ck_assert(told >= id && told <= id + count);
            /* The items before their map. */
            ck_assert_int_eq(told == id, k == count);
            json_decref(message);
        }
    }
}
END_TEST

START_TEST(reply_to_map_add_first)
{
    json_decref(client_result(f.client, "subscribe", "{'all':true}"));
    json_t *reply = client_result(f.client, "map", "{'fn':'echo','open':true}");
    json_int_t map = json_int_at(reply, "id");
    json_decref(reply);
    for (int i = 0; i < 50; i++) {
        reply =
            next_is_reply(client_request(f.client, "map.add", "{'id':%lld,'items':[%d]}", map, i));
        json_int_t item = json_int_at(reply, "result.first");
        json_decref(reply);
        next_is_done(item);
    }
    json_int_t request = client_request(f.client, "map.close", "{'id':%lld}", map);
    json_t *first = client_read(f.client), *second = client_read(f.client);
    ck_assert(json_has(first, "method") != json_has(second, "method"));
    ck_assert_int_gt(request, 0);
    json_decref(first);
    json_decref(second);
}
END_TEST

START_TEST(inside_a_batch_that_is_held)
{
    json_decref(client_result(f.client, "subscribe", "{'all':true}"));
    json_int_t held = fixture_hold(&f);
    char *batch = text_print(
        "[{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"submit\",\"params\":{\"fn\":\"echo\","
        "\"args\":{\"mine\":1},\"subscribe\":true}},"
        "{\"jsonrpc\":\"2.0\",\"id\":\"m\",\"method\":\"map\",\"params\":{\"fn\":\"echo\","
        "\"items\":[1]}},"
        "{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"method\":\"subscribe\",\"params\":{\"all\":true,"
        "\"since\":0}},"
        "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"result\",\"params\":{\"id\":%lld}}]",
        held);
    client_send_line(f.client, batch);
    free(batch);
    /* All of it is done, as another client can see, but the batch still waits for the gate. */
    struct client *other = fixture_client(&f);
    json_decref(client_result(other, "result", "{'id':%lld}", held + 1));
    json_decref(client_result(other, "result", "{'id':%lld}", held + 2));
    client_close(other);
    json_int_t ping = client_request(f.client, "ping", "{}");
    json_decref(next_is_reply(ping));
    gate_pass(f.gate, 1);
    /* What is not of this batch may come, then the batch, then what it has promised. */
    size_t told = 0;
    json_t *message = client_read(f.client);
    while (!json_is_array(message)) {
        json_expect(message, "params.future.id", "%lld", held);
        json_decref(message);
        message = client_read(f.client);
    }
    ck_assert_uint_eq(json_array_size(message), 4);
    json_decref(message);
    client_request(f.client, "ping", "{}");
    for (;;) {
        message = client_read(f.client);
        bool end = json_has(message, "id");
        if (!end)
            json_expect(message, "method", "'future.done'");
        json_decref(message);
        if (end)
            break;
        told++;
    }
    /* echo: the first subscription, its own, the third. The map and its item: first and third. The
     * held one: the third. */
    ck_assert_uint_eq(told, 3 + 2 + 2 + 1);
}
END_TEST

/* ---- 2. future.done, then the replies that it satisfies ---- */

START_TEST(done_before_the_replies_it_satisfies)
{
    for (int i = 0; i < 20; i++) {
        json_int_t id = fixture_hold(&f);
        json_int_t requests[4];
        /* The subscription comes after the waiting calls, and is told before them. */
        requests[0] = client_request(f.client, "result", "{'id':%lld}", id);
        requests[1] = client_request(f.client, "exception", "{'id':%lld}", id);
        requests[2] = client_request(f.client, "wait", "{'ids':[%lld]}", id);
        requests[3] =
            client_request(f.client, "wait", "{'ids':[%lld],'return_when':'FIRST_COMPLETED'}", id);
        json_decref(next_is_reply(client_request(f.client, "subscribe", "{'ids':[%lld]}", id)));
        gate_pass(f.gate, 1);
        next_is_done(id);
        for (int k = 0; k < 4; k++)
            json_decref(client_reply(f.client, requests[k]));
    }
}
END_TEST

START_TEST(done_before_a_reply_that_need_not_wait)
{
    for (int i = 0; i < 200; i++) {
        json_int_t request =
            client_request(f.client, "submit", "{'fn':'echo','args':{},'subscribe':true}");
        json_t *reply = next_is_reply(request);
        json_int_t id = json_int_at(reply, "result.id");
        json_decref(reply);
        request = i % 2 ? client_request(f.client, "result", "{'id':%lld}", id)
                        : client_request(f.client, "wait", "{'ids':[%lld]}", id);
        next_is_done(id);
        json_decref(next_is_reply(request));
    }
}
END_TEST

START_TEST(done_before_the_reply_to_cancel)
{
    for (int i = 0; i < 50; i++) {
        json_t *reply = next_is_reply(
            client_request(f.client, "submit", "{'fn':'echo','delay':3600,'subscribe':true}"));
        json_int_t id = json_int_at(reply, "result.id");
        json_decref(reply);
        json_int_t request = i % 2 ? client_request(f.client, "cancel", "{'id':%lld}", id)
                                   : client_request(f.client, "cancel", "{'ids':[%lld]}", id);
        next_is_done(id);
        json_decref(next_is_reply(request));
    }
}
END_TEST

START_TEST(done_before_the_reply_to_a_maps_cancel)
{
    json_decref(client_result(f.client, "subscribe", "{'all':true}"));
    json_t *reply = client_result(f.client, "map", "{'fn':'echo','items':[1,2,3],'delay':3600}");
    json_int_t id = json_int_at(reply, "id");
    json_decref(reply);
    json_int_t request = client_request(f.client, "cancel", "{'id':%lld}", id);
    for (int i = 1; i <= 3; i++)
        next_is_done(id + i);
    next_is_done(id);
    json_decref(next_is_reply(request));
}
END_TEST

START_TEST(done_before_the_reply_to_shutdown)
{
    json_int_t held = fixture_hold(&f);
    json_int_t pending = client_submit(f.client, "{'fn':'echo','delay':3600}");
    json_decref(client_result(f.client, "subscribe", "{'all':true}"));
    json_int_t request = client_request(f.client, "shutdown", "{'cancel_futures':true}");
    next_is_done(pending);
    gate_pass(f.gate, 1);
    next_is_done(held);
    json_t *reply = next_is_reply(request);
    json_expect(reply, "result", "{'terminated':true,'cancelled':1}");
    json_decref(reply);
    client_expect_end(f.client);
    daemon_wait(f.daemon);
    daemon_restart(f.daemon);
}
END_TEST

START_TEST(reply_to_subscribe_before_its_replay)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");
    expect_result(f.client, id, "{}");
    json_int_t request = client_request(f.client, "subscribe", "{'all':true,'since':0}");
    json_decref(next_is_reply(request));
    next_is_done(id);
    request = client_request(f.client, "subscribe", "{'ids':[%lld]}", id);
    json_decref(next_is_reply(request));
    next_is_done(id);
}
END_TEST

/* ---- 3. a worker is idle before its future is announced ---- */

static void expect_threads(const char *pool, json_int_t threads)
{
    json_t *list = client_result(f.client, "pool.list", "{'pool':'%s'}", pool);

    json_expect(list, "pools.0.threads", "%lld", threads);
    ck_assert_uint_eq(json_count_at(list, "pools.0.workers"), (size_t)threads);
    json_decref(list);
}

START_TEST(a_worker_is_idle_before_the_announcement)
{
    expect_threads("default", 0);
    for (int i = 0; i < 300; i++) {
        json_int_t id = client_submit(f.client, "{'fn':'%s','args':{%s},'subscribe':true}",
                                      i % 3 ? "echo" : "exec", i % 3 ? "" : "\"argv\":[\"true\"]");
        expect_done(f.client, id);
    }
    expect_threads("default", 1);
    for (int i = 0; i < 300; i++) {
        json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");
        json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    }
    expect_threads("default", 1);
}
END_TEST

START_TEST(a_worker_is_gone_before_the_announcement)
{
    json_decref(client_result(f.client, "pool.set",
                              "{'pool':'short','max_tasks_per_worker':1,'max_workers':1}"));
    for (int i = 0; i < 100; i++) {
        json_int_t id = client_submit(f.client, "{'fn':'echo','pool':'short','subscribe':true}");
        expect_done(f.client, id);
        expect_threads("short", 0);
    }
}
END_TEST

/* ---- 4. one terminal state, told once ---- */

START_TEST(told_once_to_everybody)
{
    enum { CLIENTS = 8, COUNT = 100 };
    struct client *clients[CLIENTS];
    json_int_t cursors[COUNT];

    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fixture_client(&f);
        json_decref(client_result(clients[i], "subscribe", "{'all':true}"));
    }
    for (int i = 0; i < COUNT; i++) {
        json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");
        json_decref(client_result(clients[i % CLIENTS], "cancel", "{'id':%lld}", id));
    }
    for (int i = 0; i < CLIENTS; i++) {
        json_int_t last = 0;
        for (int k = 0; k < COUNT; k++) {
            json_t *message = client_notification(clients[i]);
            json_int_t cursor = json_int_at(message, "params.cursor");
            ck_assert_int_gt(cursor, last);
            last = cursor;
            if (i == 0)
                cursors[k] = cursor;
            ck_assert_int_eq(cursors[k], cursor);
            json_decref(message);
        }
        expect_quiet(clients[i]);
        client_close(clients[i]);
    }
}
END_TEST

struct told {
    json_int_t id, cursor;
};

static struct told next_done(struct client *client)
{
    json_t *message = client_notification(client);
    struct told told = {json_int_at(message, "params.future.id"),
                        json_int_at(message, "params.cursor")};

    json_expect(message, "method", "'future.done'");
    json_decref(message);
    return told;
}

static void submit_many(int count, bool commands)
{
    for (int i = 0; i < count; i++)
        (void)client_request(f.client, "submit",
                             commands ? "{'fn':'exec','args':{'argv':['true']}}"
                                      : "{'fn':'echo','args':{'n':1},'pool':'quick'}");
    for (int i = 0; i < count; i++) {
        json_t *reply = client_read(f.client);
        json_expect(reply, "result.state", "'PENDING'");
        json_decref(reply);
    }
}

/* Calls that are over before their submit is stored, while such as are not end as well. */
START_TEST(cursors_rise_whatever_ends_and_a_replay_repeats_them)
{
    enum { ROUNDS = 30, COMMANDS = 10, ECHOES = 40, COUNT = ROUNDS * (COMMANDS + ECHOES) };
    struct client *watcher = fixture_client(&f);
    struct told told[COUNT];

    json_decref(client_result(f.client, "pool.set", "{'pool':'quick','max_workers':2}"));
    json_decref(client_result(watcher, "subscribe", "{'all':true}"));
    for (int round = 0; round < ROUNDS; round++) {
        submit_many(COMMANDS, true);
        submit_many(ECHOES, false);
    }
    for (int i = 0; i < COUNT; i++) {
        told[i] = next_done(watcher);
        ck_assert_int_gt(told[i].cursor, i > 0 ? told[i - 1].cursor : 0);
    }
    client_close(watcher);
    /* Only the store knows of them then. */
    client_close(f.client);
    daemon_kill(f.daemon);
    daemon_restart(f.daemon);
    f.client = fixture_client(&f);
    json_decref(client_result(f.client, "subscribe", "{'all':true,'since':%lld}", told[99].cursor));
    for (int i = 100; i < COUNT; i++) {
        struct told again = next_done(f.client);
        ck_assert_int_eq(again.id, told[i].id);
        ck_assert_int_eq(again.cursor, told[i].cursor);
    }
}
END_TEST

/* ---- 5. while the pool drains, everything but submit and map works ---- */

START_TEST(all_works_while_draining)
{
    json_int_t done = client_submit(f.client, "{'fn':'echo','args':{}}");
    json_int_t other = client_submit(f.client, "{'fn':'echo','args':{}}");
    expect_result(f.client, done, "{}");
    expect_result(f.client, other, "{}");
    json_int_t held = fixture_hold(&f);
    json_int_t pending = client_submit(f.client, "{'fn':'echo','args':{},'after':[%lld]}", held);
    json_int_t again = client_submit(f.client, "{'fn':'echo','args':{'n':2}}");
    expect_result(f.client, again, "{'n':2}");
    json_t *reply = client_result(f.client, "shutdown", "{'wait':false}");
    json_expect(reply, "", "{'terminated':false,'cancelled':0}");
    json_decref(reply);

    ck_assert_int_eq(client_error(f.client, "submit", "{'fn':'echo'}"), -32003);
    ck_assert_int_eq(client_error(f.client, "map", "{'fn':'echo','items':[]}"), -32003);
    struct client *late = fixture_client(&f);
    json_decref(client_result(late, "ping", "{}"));
    json_decref(client_result(late, "info", "{}"));
    json_decref(client_result(late, "status", "{}"));
    expect_result(late, done, "{}");
    json_decref(client_result(late, "retry", "{'ids':[%lld]}", again));
    expect_result(late, again, "{'n':2}");
    json_decref(client_result(late, "wait", "{'ids':[%lld],'timeout':0}", held));
    json_decref(client_result(late, "output", "{'id':%lld}", held));
    json_decref(client_result(late, "subscribe", "{'all':true,'events':['done','running']}"));
    json_decref(client_result(late, "forget", "{'ids':[%lld]}", other));
    json_decref(client_result(late, "pool.list", "{}"));
    json_decref(client_result(late, "pool.set", "{'pool':'default','max_workers':3}"));
    reply = client_result(late, "cancel", "{'id':%lld}", held);
    json_expect(reply, "cancelled", "false");
    json_decref(reply);
    reply = client_result(late, "cancel", "{'id':%lld}", pending);
    json_expect(reply, "cancelled", "true");
    json_decref(reply);
    expect_done(late, pending);
    gate_pass(f.gate, 1);
    expect_done(late, held);
    client_expect_end(late);
    client_close(late);
    daemon_wait(f.daemon);
    daemon_restart(f.daemon);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        reply_to_submit_first,
        reply_to_map_first,
        reply_to_map_add_first,
        inside_a_batch_that_is_held,
        done_before_the_replies_it_satisfies,
        done_before_a_reply_that_need_not_wait,
        done_before_the_reply_to_cancel,
        done_before_the_reply_to_a_maps_cancel,
        done_before_the_reply_to_shutdown,
        reply_to_subscribe_before_its_replay,
        a_worker_is_idle_before_the_announcement,
        a_worker_is_gone_before_the_announcement,
        told_once_to_everybody,
        cursors_rise_whatever_ends_and_a_replay_repeats_them,
        all_works_while_draining,
        NULL,
    };

    return fixture_run("order", setup, teardown, tests);
}

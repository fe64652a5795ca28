/* What a client asks for while the store is read for its subscription: future.done comes before
 * the replies that it satisfies, whatever the store has to bring first. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/client.h"
#include "tests/support/daemon.h"
#include "tests/support/fixture.h"
#include "tests/support/gate.h"
#include "tests/support/json.h"
#include "tests/support/text.h"

/* More than one portion of the store's. */
#define ITEMS 2500

static struct fixture f;
static json_int_t map_id, last_id;

/* A map that is done, and after a restart in the store alone. */
static void make_map(void)
{
    char *items = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&items, &size);
    ck_assert_ptr_nonnull(stream);
    for (int i = 0; i < ITEMS; i++)
        fprintf(stream, "%s%d", i > 0 ? "," : "", i);
    fclose(stream);
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[%s]}", items);
    free(items);
    map_id = json_int_at(map, "id");
    last_id = json_int_at(map, "first") + ITEMS - 1;
    json_decref(map);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", map_id));
    client_close(f.client);
    daemon_kill(f.daemon);
    daemon_restart(f.daemon);
    f.client = fixture_client(&f);
}

static void setup(void)
{
    fixture_start(&f, NULL);
    make_map();
}

static void teardown(void)
{
    fixture_stop(&f);
}

/* Reads until the reply with that id is there; whether future.done of `id` came before. */
static bool told_before(json_int_t request, json_int_t id)
{
    bool told = false;
    for (;;) {
        json_t *message = client_read(f.client);
        bool reply = json_has(message, "id");
        bool this_one = reply && json_int_at(message, "id") == request;
        if (!reply && json_int_at(message, "params.future.id") == id)
            told = true;
        json_decref(message);
        if (this_one)
            return told;
    }
}

/* Calls a method with `param`, which is id or ids. */
static void expect_told_before(const char *method, const char *param, json_int_t id)
{
    bool many = strcmp(param, "ids") == 0;
    json_int_t request =
        client_request(f.client, method, many ? "{'ids':[%lld]}" : "{'id':%lld}", id);
    ck_assert_msg(told_before(request, id), "%s is answered before future.done", method);
}

/* Each asks for the last that the replay will tell. */
static void subscribe_to_all(void)
{
    (void)client_request(f.client, "subscribe", "{'all':true,'since':0}");
}

static void subscribe_to_these(void)
{
    (void)client_request(f.client, "subscribe", "{'ids':[[%lld,%lld]]}", map_id, last_id);
}

START_TEST(result_follows_the_replay)
{
    subscribe_to_all();
    expect_told_before("result", "id", last_id);
}
END_TEST

START_TEST(exception_follows_the_replay)
{
    subscribe_to_all();
    expect_told_before("exception", "id", last_id);
}
END_TEST

START_TEST(wait_follows_the_replay)
{
    subscribe_to_all();
    expect_told_before("wait", "ids", last_id);
}
END_TEST

START_TEST(cancel_follows_the_replay)
{
    subscribe_to_all();
    expect_told_before("cancel", "id", last_id);
}
END_TEST

START_TEST(shutdown_follows_the_replay)
{
    subscribe_to_all();
    json_int_t request = client_request(f.client, "shutdown", "{}");
    ck_assert(told_before(request, last_id));
    client_expect_end(f.client);
    daemon_wait(f.daemon);
    daemon_restart(f.daemon);
}
END_TEST

START_TEST(a_batch_follows_the_replay)
{
    subscribe_to_all();
    char *batch = text_print("[{\"jsonrpc\":\"2.0\",\"id\":\"w\",\"method\":\"wait\",\"params\":{"
                             "\"ids\":[%lld]}}]",
                             (long long)last_id);
    client_send_line(f.client, batch);
    free(batch);
    bool told = false;
    json_t *message = client_read(f.client);
    while (!json_is_array(message)) {
        told |= !json_has(message, "id") && json_int_at(message, "params.future.id") == last_id;
        json_decref(message);
        message = client_read(f.client);
    }
    json_decref(message);
    ck_assert(told);
}
END_TEST

START_TEST(a_subscription_that_must_be_looked_up_comes_first_too)
{
    subscribe_to_these();
    expect_told_before("wait", "ids", last_id);
}
END_TEST

START_TEST(what_waits_for_nothing_is_not_held_back)
{
    subscribe_to_all();
    json_int_t request = client_request(f.client, "submit", "{'fn':'echo'}");
    json_decref(client_reply(f.client, request));
    json_decref(client_result(f.client, "ping", "{}"));
}
END_TEST

START_TEST(what_ends_meanwhile_is_told_in_its_turn)
{
    json_int_t held = fixture_hold(&f);
    json_int_t request = client_request(f.client, "result", "{'id':%lld}", held);
    subscribe_to_all();
    gate_pass(f.gate, 1);
    ck_assert(told_before(request, held));
}
END_TEST

/* Answers that are held back count as unsent: the client is not read from for a while, and not sent
 * away. */
START_TEST(who_asks_for_more_than_may_be_held_waits)
{
    enum { ANSWERS = 200 }; /* each names all items */
    static const struct daemon_options options = {
        .config = "[limits]\nunsent_pause_bytes = 262144\nunsent_bytes = 1048576\n",
    };
    fixture_stop(&f);
    fixture_start(&f, &options);
    make_map();
    subscribe_to_all();
    for (int i = 0; i < ANSWERS; i++)
        (void)client_request(f.client, "wait", "{'ids':[[%lld,%lld]]}", map_id, last_id);
    for (int answers = 0; answers < ANSWERS;) {
        json_t *message = client_read(f.client);
        answers += json_has(message, "result.done");
        json_decref(message);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        result_follows_the_replay,
        exception_follows_the_replay,
        wait_follows_the_replay,
        cancel_follows_the_replay,
        shutdown_follows_the_replay,
        a_batch_follows_the_replay,
        a_subscription_that_must_be_looked_up_comes_first_too,
        what_waits_for_nothing_is_not_held_back,
        what_ends_meanwhile_is_told_in_its_turn,
        who_asks_for_more_than_may_be_held_waits,
        NULL,
    };
    return fixture_run("replay", setup, teardown, tests);
}

/* subscribe and unsubscribe: who is told of what, once, in the order of the cursor. */
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

static json_int_t echo(void)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");

    expect_result(f.client, id, "{}");
    return id;
}

static json_int_t subscribe(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static json_int_t subscribe(struct client *client, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *params = text_vjson(format, args);
    va_end(args);
    json_t *reply = client_result(client, "subscribe", "%s", params);
    json_int_t subscription = json_int_at(reply, "subscription");
    ck_assert(json_is_integer(json_at(reply, "cursor")));
    json_decref(reply);
    free(params);
    return subscription;
}

START_TEST(named_futures)
{
    json_int_t held = fixture_hold(&f);
    json_int_t other = client_submit(f.client, "{'fn':'echo','after':[%lld]}", held);
    json_int_t third = client_submit(f.client, "{'fn':'echo','after':[%lld]}", held);
    json_int_t subscription = subscribe(f.client, "{'ids':[%lld,[%lld,%lld]]}", held, held, other);
    gate_pass(f.gate, 1);
    json_t *message = client_notification(f.client);
    json_expect(message, "jsonrpc", "'2.0'");
    json_expect(message, "method", "'future.done'");
    json_expect(message, "params.subscription", "%lld", subscription);
    json_expect(message, "params.future.id", "%lld", held);
    json_expect(message, "params.future.state", "'FINISHED'");
    json_expect(message, "params.future.failed", "false");
    ck_assert(!json_has(message, "id"));
    json_int_t cursor = json_int_at(message, "params.cursor");
    json_t *status = client_result(f.client, "status", "{'id':%lld}", held);
    ck_assert(json_equal(status, json_at(message, "params.future")));
    json_decref(status);
    json_decref(message);
    ck_assert_int_gt(expect_done(f.client, other), cursor);
    json_decref(client_result(f.client, "result", "{'id':%lld}", third));
    expect_quiet(f.client);
}
END_TEST

START_TEST(done_ones_are_told_at_once_in_cursor_order)
{
    json_int_t a = echo(), b = echo(), c = echo();
    json_int_t pending = client_submit(f.client, "{'fn':'echo','delay':3600}");
    subscribe(f.client, "{'ids':[%lld,%lld,%lld,%lld]}", c, pending, a, b);
    json_int_t first = expect_done(f.client, a);
    json_int_t second = expect_done(f.client, b);
    json_int_t third = expect_done(f.client, c);
    ck_assert_int_lt(first, second);
    ck_assert_int_lt(second, third);
    expect_quiet(f.client);
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", pending));
    ck_assert_int_gt(expect_done(f.client, pending), third);
    expect_quiet(f.client);
}
END_TEST

START_TEST(all_by_pool_and_label)
{
    json_decref(client_result(f.client, "pool.set", "{'pool':'other'}"));
    struct client *everything = fixture_client(&f), *pool = fixture_client(&f),
                  *label = fixture_client(&f), *both = fixture_client(&f);
    echo();
    subscribe(everything, "{'all':true}");
    subscribe(pool, "{'all':true,'pool':'other'}");
    subscribe(label, "{'all':true,'label':'x'}");
    subscribe(both, "{'all':true,'pool':'other','label':'x'}");
    json_int_t ids[4];
    static const char *const params[] = {"", ",\"pool\":\"other\"", ",\"label\":\"x\"",
                                         ",\"pool\":\"other\",\"label\":\"x\""};
    for (int i = 0; i < 4; i++) {
        ids[i] = client_submit(f.client, "{'fn':'echo'%s}", params[i]);
        json_decref(client_result(f.client, "result", "{'id':%lld}", ids[i]));
    }
    json_int_t last = 0;
    for (int i = 0; i < 4; i++) {
        json_int_t cursor = expect_done(everything, ids[i]);
        ck_assert_int_gt(cursor, last);
        last = cursor;
    }
    expect_done(pool, ids[1]);
    expect_done(pool, ids[3]);
    expect_done(label, ids[2]);
    expect_done(label, ids[3]);
    expect_done(both, ids[3]);
    struct client *clients[] = {everything, pool, label, both};
    for (int i = 0; i < 4; i++) {
        expect_quiet(clients[i]);
        client_close(clients[i]);
    }
}
END_TEST

START_TEST(several_subscriptions_each_tell)
{
    json_int_t held = fixture_hold(&f);
    json_int_t a = subscribe(f.client, "{'ids':[%lld]}", held);
    json_int_t b = subscribe(f.client, "{'ids':[%lld]}", held);
    json_int_t c = subscribe(f.client, "{'all':true}");
    ck_assert_int_ne(a, b);
    ck_assert_int_ne(b, c);
    gate_pass(f.gate, 1);
    bool told[3] = {false};
    for (int i = 0; i < 3; i++) {
        json_t *message = client_notification(f.client);
        json_int_t subscription = json_int_at(message, "params.subscription");
        int which = subscription == a ? 0 : subscription == b ? 1 : 2;
        ck_assert(!told[which]);
        told[which] = true;
        json_decref(message);
    }
    ck_assert(told[0] && told[1] && told[2]);
    expect_quiet(f.client);
}
END_TEST

START_TEST(unsubscribe_ends_it)
{
    json_int_t all = subscribe(f.client, "{'all':true,'events':['done','running','output']}");
    json_int_t held = fixture_hold(&f);
    json_decref(client_notification(f.client)); /* running */
    json_int_t named = subscribe(f.client, "{'ids':[%lld],'events':['done','output']}", held);
    json_t *reply = client_call(f.client, "unsubscribe", "{'subscription':%lld}", all);
    json_expect(reply, "result", "true");
    json_decref(reply);
    reply = client_call(f.client, "unsubscribe", "{'subscription':%lld}", named);
    json_expect(reply, "result", "true");
    json_decref(reply);
    ck_assert_int_eq(client_error(f.client, "unsubscribe", "{'subscription':%lld}", named), -32002);
    struct client *other = fixture_client(&f);
    json_int_t foreign = subscribe(other, "{'all':true}");
    ck_assert_int_eq(client_error(f.client, "unsubscribe", "{'subscription':%lld}", foreign),
                     -32002);
    gate_pass(f.gate, 1);
    json_decref(client_result(f.client, "result", "{'id':%lld}", held));
    expect_quiet(f.client);
    expect_done(other, held);
    client_close(other);
}
END_TEST

START_TEST(running_and_done)
{
    json_int_t held = fixture_hold(&f);
    json_int_t id = client_submit(f.client, "{'fn':'exec','args':{'argv':%s},'after':[%lld]}",
                                  gate_argv(f.gate), held);
    json_int_t subscription = subscribe(f.client, "{'ids':[%lld],'events':['running','done']}", id);
    gate_pass(f.gate, 1);
    json_t *message = client_notification(f.client);
    json_expect(message, "method", "'future.running'");
    json_expect(message, "params.subscription", "%lld", subscription);
    json_expect(message, "params.future.id", "%lld", id);
    json_expect(message, "params.future.state", "'RUNNING'");
    json_int_t cursor = json_int_at(message, "params.cursor");
    json_decref(message);
    gate_wait_running(f.gate);
    expect_quiet(f.client);
    gate_pass(f.gate, 1);
    ck_assert_int_gt(expect_done(f.client, id), cursor);
    expect_quiet(f.client);
}
END_TEST

START_TEST(events_that_were_not_asked_for_do_not_come)
{
    struct client *running = fixture_client(&f);
    subscribe(running, "{'all':true,'events':['running']}");
    subscribe(f.client, "{'all':true,'events':['done','done']}");
    json_int_t id = fixture_hold(&f);
    gate_pass(f.gate, 1);
    expect_done(f.client, id);
    expect_quiet(f.client);
    json_t *message = client_notification(running);
    json_expect(message, "method", "'future.running'");
    json_decref(message);
    expect_quiet(running);
    client_close(running);
}
END_TEST

/* ---- output ---- */

/* Puts the pieces of one stream together until done; checks their offsets. */
static void expect_output(struct client *client, json_int_t id, const char *out, const char *err)
{
    char *text[2] = {text_print("%s", ""), text_print("%s", "")};

    for (;;) {
        json_t *message = client_notification(client);
        if (strcmp(json_text_at(message, "method"), "future.done") == 0) {
            json_expect(message, "params.future.id", "%lld", id);
            json_decref(message);
            break;
        }
        json_expect(message, "method", "'future.output'");
        json_expect(message, "params.id", "%lld", id);
        int which = strcmp(json_text_at(message, "params.stream"), "stderr") == 0;
        ck_assert_int_eq(json_int_at(message, "params.offset"), (json_int_t)strlen(text[which]));
        char *longer = text_print("%s%s", text[which], json_text_at(message, "params.data"));
        free(text[which]);
        text[which] = longer;
        json_decref(message);
    }
    ck_assert_str_eq(text[0], out);
    ck_assert_str_eq(text[1], err);
    free(text[0]);
    free(text[1]);
}

START_TEST(output_comes_as_it_is_written)
{
    json_int_t id = client_submit(f.client,
                                  "{'fn':'exec','args':{'argv':['sh','-c','echo one; echo two >&2; "
                                  "read x <\\\"$1\\\"; echo three','sh','%s/gate.pass']}}",
                                  daemon_directory(f.daemon));
    subscribe(f.client, "{'ids':[%lld],'events':['output','done']}", id);
    struct client *other = fixture_client(&f);
    subscribe(other, "{'all':true,'events':['output','done']}");
    json_t *message = client_notification(f.client);
    json_expect(message, "method", "'future.output'");
    json_expect(message, "params.stream", "'stdout'");
    json_expect(message, "params.data", "'one\\n'");
    json_expect(message, "params.future.id", "%lld", id);
    json_expect(message, "params.future.state", "'RUNNING'");
    json_int_t cursor = json_int_at(message, "params.cursor");
    json_decref(message);
    message = client_notification(f.client);
    json_expect(message, "params.stream", "'stderr'");
    json_expect(message, "params.offset", "0");
    json_expect(message, "params.data", "'two\\n'");
    json_decref(message);
    gate_pass(f.gate, 1);
    message = client_notification(f.client);
    json_expect(message, "params.offset", "4");
    json_expect(message, "params.data", "'three\\n'");
    json_decref(message);
    ck_assert_int_gt(expect_done(f.client, id), cursor);
    expect_quiet(f.client);
    expect_output(other, id, "one\nthree\n", "two\n");
    client_close(other);
}
END_TEST

START_TEST(output_of_all_is_whole)
{
    subscribe(f.client, "{'all':true,'events':['output','done']}");
    json_int_t id = client_submit(
        f.client, "{'fn':'exec','args':{'argv':['sh','-c','seq 1 20000; seq 1 100 >&2']}}");
    struct client *other = fixture_client(&f);
    json_t *reply = client_result(other, "result", "{'id':%lld}", id);
    expect_output(f.client, id, json_text_at(reply, "result.stdout"),
                  json_text_at(reply, "result.stderr"));
    json_decref(reply);
    /* Told of one that is done, the output comes first. */
    subscribe(other, "{'ids':[%lld],'events':['output','done']}", id);
    reply = client_result(f.client, "result", "{'id':%lld}", id);
    expect_output(other, id, json_text_at(reply, "result.stdout"),
                  json_text_at(reply, "result.stderr"));
    json_decref(reply);
    client_close(other);
}
END_TEST

START_TEST(output_of_a_second_attempt_is_told_once)
{
    subscribe(f.client, "{'all':true,'events':['output','done']}");
    json_int_t id = client_submit(
        f.client, "{'fn':'exec','retry':{'max':1,'delay':0},'args':{'argv':['sh','-c',"
                  "'echo $FUTURE_ATTEMPT; exit $((2 - FUTURE_ATTEMPT))']}}");
    for (int attempt = 1; attempt <= 2; attempt++) {
        json_t *message = client_notification(f.client);
        json_expect(message, "method", "'future.output'");
        json_expect(message, "params.future.attempt", "%d", attempt);
        json_expect(message, "params.offset", "0");
        json_expect(message, "params.data", "'%d\\n'", attempt);
        json_decref(message);
    }
    expect_done(f.client, id);
    expect_quiet(f.client);
}
END_TEST

/* ---- since ---- */

START_TEST(since_tells_what_was_missed)
{
    json_t *info = client_result(f.client, "info", "{}");
    json_int_t start = json_int_at(info, "cursor");
    json_decref(info);
    json_int_t a = echo(), b = echo();
    json_int_t held = fixture_hold(&f);
    struct client *other = fixture_client(&f);
    subscribe(other, "{'all':true,'since':%lld}", start);
    json_int_t first = expect_done(other, a);
    json_int_t second = expect_done(other, b);
    ck_assert_int_gt(first, start);
    ck_assert_int_gt(second, first);
    expect_quiet(other);
    gate_pass(f.gate, 1);
    json_int_t third = expect_done(other, held);
    ck_assert_int_gt(third, second);
    client_close(other);

    other = fixture_client(&f);
    subscribe(other, "{'all':true,'since':%lld}", first);
    ck_assert_int_eq(expect_done(other, b), second);
    ck_assert_int_eq(expect_done(other, held), third);
    expect_quiet(other);
    subscribe(other, "{'all':true,'since':%lld}", third);
    expect_quiet(other);
    subscribe(other, "{'ids':[%lld,%lld],'since':%lld}", a, b, first);
    expect_done(other, b);
    expect_quiet(other);
    client_close(other);
}
END_TEST

START_TEST(all_without_since_is_from_now_on)
{
    echo();
    subscribe(f.client, "{'all':true}");
    expect_quiet(f.client);
    expect_done(f.client, client_submit(f.client, "{'fn':'echo'}"));
}
END_TEST

START_TEST(replay_has_no_gap_and_no_repeat)
{
    enum { COUNT = 2000 };
    json_t *reply = client_result(f.client, "map", "{'fn':'echo','open':true}");
    json_int_t map = json_int_at(reply, "id");
    json_decref(reply);
    char *items = malloc(COUNT * 2 + 3), *at = items;
    *at++ = '[';
    for (int i = 0; i < COUNT; i++) {
        *at++ = '1';
        *at++ = ',';
    }
    memcpy(at - 1, "]", 2);
    client_request(f.client, "map.add", "{'id':%lld,'items':%s}", map, items);
    client_request(f.client, "map.close", "{'id':%lld}", map);
    /* Comes and goes while completions go on, each time from where it was. */
    bool seen[COUNT + 2] = {false};
    json_int_t cursor = 0;
    for (int told = 0; told < COUNT + 1;) {
        struct client *other = fixture_client(&f);
        subscribe(other, "{'all':true,'since':%lld}", cursor);
        for (int i = 0; i < 150 && told < COUNT + 1; i++, told++) {
            json_t *message = client_notification(other);
            json_int_t id = json_int_at(message, "params.future.id");
            ck_assert_int_gt(json_int_at(message, "params.cursor"), cursor);
            cursor = json_int_at(message, "params.cursor");
            ck_assert(id >= map && id <= map + COUNT && !seen[id - map]);
            seen[id - map] = true;
            json_decref(message);
        }
        client_close(other);
    }
    free(items);
}
END_TEST

START_TEST(the_replys_cursor_is_where_it_starts)
{
    echo();
    json_t *reply = client_result(f.client, "subscribe", "{'all':true}");
    json_int_t cursor = json_int_at(reply, "cursor");
    json_decref(reply);
    json_int_t id = echo();
    ck_assert_int_gt(expect_done(f.client, id), cursor);
    struct client *other = fixture_client(&f);
    subscribe(other, "{'all':true,'since':%lld}", cursor);
    expect_done(other, id);
    expect_quiet(other);
    client_close(other);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        named_futures,
        done_ones_are_told_at_once_in_cursor_order,
        all_by_pool_and_label,
        several_subscriptions_each_tell,
        unsubscribe_ends_it,
        running_and_done,
        events_that_were_not_asked_for_do_not_come,
        output_comes_as_it_is_written,
        output_of_all_is_whole,
        output_of_a_second_attempt_is_told_once,
        since_tells_what_was_missed,
        all_without_since_is_from_now_on,
        replay_has_no_gap_and_no_repeat,
        the_replys_cursor_is_where_it_starts,
        NULL,
    };

    return fixture_run("subscribe", setup, teardown, tests);
}

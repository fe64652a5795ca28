/* submit, ping and info: every param, every member of the replies, and a future as it is shown. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* ---- ping, info ---- */

START_TEST(info_says_what_this_is)
{
    static const char *const functions[] = {"exec", "sleep", "echo"};
    json_t *info = client_result(f.client, "info", "{}");

    json_expect(info, "name", "'futured'");
    ck_assert(json_text_at(info, "version")[0] != '\0');
    json_expect(info, "protocol", "1");
    json_expect(info, "pid", "%d", (int)daemon_pid(f.daemon));
    json_expect(info, "uid", "%d", (int)getuid());
    json_expect(info, "durability", "'full'");
    json_expect(info, "cursor", "0");
    ck_assert_int_eq(json_int_at(info, "limits.line_bytes"), 16777216);
    ck_assert(json_is_array(json_at(info, "pools")));
    json_expect(info, "pools.0.name", "'default'");
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        json_t *function;
        size_t index;
        bool found = false;
        json_array_foreach (json_at(info, "functions"), index, function)
            found |= strcmp(json_text_at(function, "name"), functions[i]) == 0;
        ck_assert_msg(found, "%s is missing", functions[i]);
    }
    json_decref(info);
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");
    expect_result(f.client, id, "{}");
    info = client_result(f.client, "info", "{}");
    ck_assert_int_gt(json_int_at(info, "cursor"), 0);
    json_decref(info);
}
END_TEST

/* ---- the reply, and the future ---- */

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

START_TEST(the_reply_to_submit)
{
    json_t *reply = client_result(f.client, "submit", "{'fn':'echo','args':{'a':1}}");
    json_expect(reply, "id", "1");
    json_expect(reply, "state", "'PENDING'");
    ck_assert(!json_has(reply, "duplicate"));
    json_decref(reply);
    reply = client_result(f.client, "submit", "{'fn':'echo'}");
    json_expect(reply, "id", "2");
    json_decref(reply);
    expect_result(f.client, 2, "{}");
}
END_TEST

START_TEST(a_future_through_its_life)
{
    double before = now_s();
    json_int_t held = fixture_hold(&f);
    json_int_t id =
        client_submit(f.client,
                      "{'fn':'exec','args':{'argv':%s},'label':'nightly \xe2\x98\xbe',"
                      "'priority':-3,'pool':'default','after':[{'id':%lld,'on':'done'}]}",
                      gate_argv(f.gate), held);
    json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "id", "%lld", id);
    json_expect(future, "state", "'PENDING'");
    json_expect(future, "fn", "'exec'");
    json_expect(future, "pool", "'default'");
    json_expect(future, "label", "'nightly \xe2\x98\xbe'");
    json_expect(future, "priority", "-3");
    json_expect(future, "attempt", "1");
    json_expect(future, "started", "null");
    json_expect(future, "finished", "null");
    json_expect(future, "uid", "%d", (int)getuid());
    json_expect(future, "waiting", "'after'");
    ck_assert(!json_has(future, "failed"));
    ck_assert(!json_has(future, "map"));
    ck_assert(!json_has(future, "item_of"));
    ck_assert(json_is_real(json_at(future, "submitted")));
    double submitted = json_number_at(future, "submitted");
    ck_assert_double_ge(submitted, before - 0.001);
    ck_assert_double_le(submitted, now_s() + 0.001);
    json_decref(future);

    gate_pass(f.gate, 1);
    gate_wait_running(f.gate);
    future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "state", "'RUNNING'");
    json_expect(future, "waiting", "null");
    json_expect(future, "finished", "null");
    ck_assert(!json_has(future, "failed"));
    ck_assert(json_is_real(json_at(future, "started")));
    double started = json_number_at(future, "started");
    ck_assert_double_ge(started, submitted);
    json_decref(future);

    gate_pass(f.gate, 1);
    json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "state", "'FINISHED'");
    json_expect(future, "failed", "false");
    ck_assert(json_is_real(json_at(future, "finished")));
    ck_assert_double_eq(json_number_at(future, "submitted"), submitted);
    ck_assert_double_eq(json_number_at(future, "started"), started);
    ck_assert_double_ge(json_number_at(future, "finished"), started);
    ck_assert_double_le(json_number_at(future, "finished"), now_s() + 0.001);
    json_decref(future);

    future = client_result(f.client, "status", "{'id':%lld}", held);
    json_expect(future, "label", "null");
    json_expect(future, "priority", "0");
    json_decref(future);
}
END_TEST

START_TEST(a_failed_and_a_cancelled_future)
{
    json_int_t failed = client_submit(f.client, "{'fn':'exec','args':{'argv':['false']}}");
    expect_exception(f.client, failed, "ExitStatus");
    json_t *future = client_result(f.client, "status", "{'id':%lld}", failed);
    json_expect(future, "state", "'FINISHED'");
    json_expect(future, "failed", "true");
    json_decref(future);

    json_int_t id = client_submit(f.client, "{'fn':'echo','delay':3600}");
    future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "waiting", "'delay'");
    json_decref(future);
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", id));
    future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "state", "'CANCELLED'");
    json_expect(future, "waiting", "null");
    json_expect(future, "started", "null");
    ck_assert(json_is_real(json_at(future, "finished")));
    ck_assert(!json_has(future, "failed"));
    json_decref(future);
}
END_TEST

START_TEST(echo_gives_back_what_it_got)
{
    static const char *const values[] = {
        "{}",
        "{\"a\":null,\"b\":true,\"c\":[1,-2,3.5,\"x\"],\"d\":{\"e\":{}}}",
        "{\"big\":9223372036854775807,\"small\":-9223372036854775808,\"real\":1.5e308}",
        "{\"text\":\"\\u0000 \\\" \\\\ \\u20ac \\ud83d\\ude00 \\u2028\"}",
        "[1,2]",
        "\"text\"",
        "7",
        "null",
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        json_t *reply = client_call(f.client, "submit", "{'fn':'echo','args':%s}", values[i]);
        /* Args are an object; what echo does with others is its own affair, if it takes them. */
        if (reply_error(reply) == -32602 && values[i][0] != '{')
            json_expect(reply, "error.data.param", "'args'");
        else if (strcmp(values[i], "null") != 0) {
            json_t *result =
                client_result(f.client, "result", "{'id':%lld}", json_int_at(reply, "result.id"));
            json_t *wanted = json_loads(values[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            ck_assert(json_equal(json_at(result, "result"), wanted));
            json_decref(wanted);
            json_decref(result);
        }
        json_decref(reply);
    }
}
END_TEST

START_TEST(sleep_returns_null)
{
    json_int_t id = client_submit(f.client, "{'fn':'sleep','args':{'seconds':0.001}}");
    expect_result(f.client, id, "null");
    expect_result(f.client, client_submit(f.client, "{'fn':'sleep','args':{'seconds':0}}"), "null");
}
END_TEST

START_TEST(every_param_is_taken)
{
    json_int_t first = client_submit(f.client, "{'fn':'echo','args':{}}");
    json_t *reply = client_result(
        f.client, "submit",
        "{'fn':'echo','args':{'x':1},'pool':'default','priority':5,'label':'l','key':'k',"
        "'after':[%lld],'delay':0,'timeout':100,'retry':{'max':2,'delay':0.1,'backoff':2},"
        "'on_crash':'rerun','scope':'daemon','durable':false,'subscribe':true}",
        first);
    expect_done(f.client, json_int_at(reply, "id"));
    expect_result(f.client, json_int_at(reply, "id"), "{'x':1}");
    json_decref(reply);
    /* Null is as good as absent. */
    expect_result(f.client,
                  client_submit(f.client, "{'fn':'echo','args':{},'pool':null,'priority':null,"
                                          "'label':null,'key':null,'after':null,'delay':null,"
                                          "'timeout':null,'retry':null,'scope':null,"
                                          "'on_crash':null,'durable':null,'subscribe':null}"),
                  "{}");
}
END_TEST

/* ---- keys ---- */

START_TEST(a_key_names_one_future_in_every_state)
{
    static const char call[] = "{'fn':'exec','args':{'argv':%s},'key':'once','delay':%d}";
    json_int_t held = fixture_hold(&f);
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));

    json_t *reply = client_result(f.client, "submit", call, gate_argv(f.gate), 0);
    json_int_t id = json_int_at(reply, "id");
    ck_assert(!json_has(reply, "duplicate"));
    json_decref(reply);
    static const char *const states[] = {"PENDING", "RUNNING", "FINISHED"};
    for (size_t i = 0; i < 3; i++) {
        if (i == 1) {
            json_decref(client_result(f.client, "pool.resume", "{'pool':'default'}"));
            gate_wait_running(f.gate);
        } else if (i == 2) {
            gate_pass(f.gate, 2);
            json_decref(client_result(f.client, "result", "{'id':%lld}", id));
        }
        reply = client_result(f.client, "submit", call, gate_argv(f.gate), 0);
        json_expect(reply, "id", "%lld", id);
        json_expect(reply, "state", "'%s'", states[i]);
        json_expect(reply, "duplicate", "true");
        json_decref(reply);
    }
    json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", held));
    ck_assert(!gate_has_visitor(f.gate));
    /* It goes with its future. */
    json_decref(client_result(f.client, "forget", "{'ids':[%lld]}", id));
    reply = client_result(f.client, "submit", "{'fn':'echo','key':'once'}");
    ck_assert(!json_has(reply, "duplicate"));
    json_decref(reply);
}
END_TEST

START_TEST(the_same_call_however_it_is_written)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{'a':1,'b':[2]},'key':'k'}");
    json_t *reply = client_result(f.client, "submit",
                                  "{ 'key':'k', 'args':{'b':[ 2 ],'a':1}, 'fn':'\\u0065cho' }");
    json_expect(reply, "id", "%lld", id);
    json_expect(reply, "duplicate", "true");
    json_decref(reply);
}
END_TEST

START_TEST(what_counts_where_nothing_is_given_is_the_same_call)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','key':'k'}");
    json_t *replies[] = {
        client_result(f.client, "submit", "{'fn':'echo','key':'k','args':{}}"),
        client_result(f.client, "submit", "{'fn':'echo','key':'k','pool':'default'}"),
        client_result(f.client, "submit", "{'fn':'echo','key':'k','pool':null,'args':{}}"),
    };
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        json_expect(replies[i], "id", "%lld", id);
        json_expect(replies[i], "duplicate", "true");
        json_decref(replies[i]);
    }
    ck_assert_int_eq(client_error(f.client, "submit", "{'fn':'echo','key':'k','args':null}"),
                     -32008);
}
END_TEST

START_TEST(a_map_without_items_is_another_call)
{
    json_t *map = client_result(f.client, "map", "{'fn':'echo','key':'k','open':true}");
    ck_assert_int_eq(client_error(f.client, "submit", "{'fn':'echo','key':'k'}"), -32008);
    json_t *reply =
        client_result(f.client, "map", "{'fn':'echo','key':'k','open':true,'items':[]}");
    json_expect(reply, "id", "%lld", json_int_at(map, "id"));
    json_expect(reply, "duplicate", "true");
    json_decref(reply);
    json_decref(map);
}
END_TEST

START_TEST(a_duplicate_is_subscribed_to_all_the_same)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{},'key':'k'}");
    expect_result(f.client, id, "{}");
    json_t *reply =
        client_result(f.client, "submit", "{'fn':'echo','args':{},'key':'k','subscribe':true}");
    json_expect(reply, "duplicate", "true");
    json_decref(reply);
    expect_done(f.client, id);
    expect_quiet(f.client);
}
END_TEST

START_TEST(ids_rise_and_are_not_used_again)
{
    json_int_t last = 0;
    for (int i = 0; i < 20; i++) {
        json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");
        ck_assert_int_gt(id, last);
        last = id;
        expect_result(f.client, id, "{}");
        json_decref(client_result(f.client, "forget", "{'ids':[%lld]}", id));
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        info_says_what_this_is,
        the_reply_to_submit,
        a_future_through_its_life,
        a_failed_and_a_cancelled_future,
        echo_gives_back_what_it_got,
        sleep_returns_null,
        every_param_is_taken,
        a_key_names_one_future_in_every_state,
        the_same_call_however_it_is_written,
        what_counts_where_nothing_is_given_is_the_same_call,
        a_map_without_items_is_another_call,
        a_duplicate_is_subscribed_to_all_the_same,
        ids_rise_and_are_not_used_again,
        NULL,
    };

    return fixture_run("submit", setup, teardown, tests);
}

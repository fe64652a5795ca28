/* forget and retry. */
#include <stdlib.h>
#include <string.h>

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

static json_int_t echo(void)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");

    expect_result(f.client, id, "{}");
    return id;
}

/* ---- forget ---- */

START_TEST(forgotten_is_not_found)
{
    json_int_t a = echo(), b = echo(), c = echo();
    json_t *reply = client_result(f.client, "forget", "{'ids':[%lld,%lld]}", a, c);
    json_expect(reply, "", "{'forgotten':2}");
    json_decref(reply);
    ck_assert_int_eq(client_error(f.client, "status", "{'id':%lld}", a), -32002);
    ck_assert_int_eq(client_error(f.client, "result", "{'id':%lld}", c), -32002);
    expect_result(f.client, b, "{}");
    ck_assert_int_eq(client_error(f.client, "forget", "{'ids':[%lld]}", a), -32002);
    reply = client_result(f.client, "status", "{}");
    ck_assert_uint_eq(json_count_at(reply, "futures"), 1);
    json_expect(reply, "counts.FINISHED", "1");
    json_decref(reply);
}
END_TEST

START_TEST(forget_takes_pairs_and_counts_once)
{
    json_int_t a = echo(), b = echo();
    echo();
    json_t *reply = client_result(f.client, "forget", "{'ids':[]}");
    json_expect(reply, "", "{'forgotten':0}");
    json_decref(reply);
    reply = client_result(f.client, "forget", "{'ids':[%lld,[%lld,%lld],%lld]}", b, a, b + 1, a);
    json_expect(reply, "", "{'forgotten':3}");
    json_decref(reply);
}
END_TEST

START_TEST(a_map_is_forgotten_with_its_items)
{
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1,2,3]}");
    json_int_t id = json_int_at(map, "id"), first = json_int_at(map, "first");
    json_decref(map);
    json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    json_decref(client_result(f.client, "forget", "{'ids':[%lld]}", id));
    ck_assert_int_eq(client_error(f.client, "status", "{'id':%lld}", first + 1), -32002);
    json_t *list = client_result(f.client, "status", "{}");
    json_expect(list, "futures", "[]");
    json_decref(list);
}
END_TEST

START_TEST(a_forgotten_item_leaves_the_others)
{
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1,2,3]}");
    json_int_t id = json_int_at(map, "id"), first = json_int_at(map, "first");
    json_decref(map);
    json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    json_decref(client_result(f.client, "forget", "{'ids':[%lld]}", first + 1));
    expect_result(f.client, first, "{'item':1}");
    expect_result(f.client, first + 2, "{'item':3}");
    ck_assert_int_eq(client_error(f.client, "result", "{'id':%lld}", first + 1), -32002);
    /* Its result cannot be whole any more, and says so. */
    ck_assert_int_eq(client_error(f.client, "result", "{'id':%lld}", id), -32004);
    json_decref(client_result(f.client, "forget", "{'ids':[%lld]}", id));
}
END_TEST

START_TEST(forgetting_while_others_look)
{
    json_int_t a = echo();
    json_decref(client_result(f.client, "subscribe", "{'ids':[%lld]}", a));
    expect_done(f.client, a);
    struct client *other = fixture_client(&f);
    json_decref(client_result(other, "forget", "{'ids':[%lld]}", a));
    client_close(other);
    json_int_t b = echo();
    json_t *reply = client_result(f.client, "subscribe", "{'all':true,'since':0}");
    json_decref(reply);
    expect_done(f.client, b);
    expect_quiet(f.client);
}
END_TEST

/* ---- retry ---- */

START_TEST(a_failed_one_starts_again_under_its_id)
{
    /* It fails as long as the file is not there. */
    json_int_t id =
        client_submit(f.client, "{'fn':'exec','args':{'argv':['cat','%s/later']},'label':'l'}",
                      daemon_directory(f.daemon));
    expect_exception(f.client, id, "ExitStatus");
    json_decref(client_result(f.client, "result", "{'id':%lld}",
                              client_submit(f.client,
                                            "{'fn':'exec','args':{'argv':['sh','-c',"
                                            "'echo now >\\\"$1\\\"','sh','%s/later']}}",
                                            daemon_directory(f.daemon))));
    json_t *reply = client_result(f.client, "retry", "{'ids':[%lld]}", id);
    ck_assert_uint_eq(json_count_at(reply, "futures"), 1);
    json_expect(reply, "futures.0.id", "%lld", id);
    json_expect(reply, "futures.0.attempt", "2");
    json_expect(reply, "futures.0.label", "'l'");
    ck_assert_str_ne(json_text_at(reply, "futures.0.state"), "CANCELLED");
    json_decref(reply);
    reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "result.stdout", "'now\\n'");
    json_decref(reply);
    reply = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(reply, "attempt", "2");
    json_expect(reply, "failed", "false");
    json_decref(reply);
}
END_TEST

START_TEST(cancelled_and_good_ones_start_again_too)
{
    json_int_t good = echo();
    json_int_t gone = client_submit(f.client, "{'fn':'echo','args':{'a':1},'delay':3600}");
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", gone));
    json_t *reply = client_result(f.client, "retry", "{'ids':[%lld,%lld]}", good, gone);
    ck_assert_uint_eq(json_count_at(reply, "futures"), 2);
    json_decref(reply);
    /* The delay was the first attempt's. */
    expect_result(f.client, gone, "{'a':1}");
    expect_result(f.client, good, "{}");
    /* An attempt that never began has no time of its start. */
    reply = client_result(f.client, "status", "{'id':%lld}", gone);
    json_expect(reply, "attempts.0.started", "null");
    json_decref(reply);
    reply = client_result(f.client, "status", "{'ids':[%lld,%lld]}", good, gone);
    json_expect(reply, "counts", "{'PENDING':0,'RUNNING':0,'CANCELLED':0,'FINISHED':2}");
    json_decref(reply);
}
END_TEST

START_TEST(the_new_attempt_is_announced)
{
    json_int_t id = echo();
    json_decref(client_result(f.client, "subscribe", "{'all':true}"));
    json_decref(client_result(f.client, "retry", "{'ids':[%lld]}", id));
    expect_result(f.client, id, "{}");
    expect_done(f.client, id);
    expect_quiet(f.client);
}
END_TEST

START_TEST(waiting_for_the_new_attempt)
{
    json_int_t id = fixture_hold(&f);
    gate_pass(f.gate, 1);
    json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    json_decref(client_result(f.client, "retry", "{'ids':[%lld]}", id));
    gate_wait_running(f.gate);
    expect_state(f.client, id, "RUNNING");
    ck_assert_int_eq(client_error(f.client, "result", "{'id':%lld,'timeout':0}", id), -32001);
    ck_assert_int_eq(client_error(f.client, "retry", "{'ids':[%lld]}", id), -32007);
    ck_assert_int_eq(client_error(f.client, "forget", "{'ids':[%lld]}", id), -32007);
    json_int_t request = client_request(f.client, "result", "{'id':%lld}", id);
    gate_pass(f.gate, 1);
    json_t *reply = client_reply(f.client, request);
    json_expect(reply, "result.result.stdout", "'passed\\n'");
    json_decref(reply);
}
END_TEST

START_TEST(nothing_starts_again_where_one_cannot)
{
    json_int_t good = client_submit(f.client, "{'fn':'echo'}");
    expect_result(f.client, good, "{}");
    json_decref(
        client_result(f.client, "pool.set",
                      "{'pool':'bad','initializer':{'fn':'exec','args':{'argv':['false']}}}"));
    json_int_t broken = client_submit(f.client, "{'fn':'echo','pool':'bad'}");
    expect_exception(f.client, broken, "BrokenPool");
    ck_assert_int_eq(client_error(f.client, "retry", "{'ids':[%lld,%lld]}", good, broken), -32010);
    json_t *status = client_result(f.client, "status", "{'id':%lld}", good);
    json_expect(status, "attempt", "1");
    json_expect(status, "state", "'FINISHED'");
    json_decref(status);
}
END_TEST

START_TEST(a_map_runs_its_failed_items_again)
{
    const char *directory = daemon_directory(f.daemon);
    json_t *map = client_result(f.client, "map",
                                "{'fn':'exec','args':{'argv':['sh','-c','test -e \\\"$1\\\" || "
                                "{ touch \\\"$1\\\"; exit 1; }; echo x >>\\\"$1\\\"','sh']},"
                                "'items':['%s/a','%s/b']}",
                                directory, directory);
    json_int_t id = json_int_at(map, "id"), first = json_int_at(map, "first");
    json_decref(map);
    expect_exception(f.client, id, "MapFailed");
    json_decref(client_result(f.client, "retry", "{'ids':[%lld]}", first));
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "exception.type", "'MapFailed'");
    json_expect(reply, "exception.data", "{'failed':1,'first':%lld}", first + 1);
    json_decref(reply);
    json_decref(client_result(f.client, "retry", "{'ids':[%lld]}", id));
    reply = client_result(f.client, "result", "{'id':%lld}", id);
    ck_assert(!json_has(reply, "exception"));
    ck_assert_uint_eq(json_count_at(reply, "result"), 2);
    json_decref(reply);
    reply = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(reply, "map.failed", "0");
    json_expect(reply, "map.finished", "2");
    json_decref(reply);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        forgotten_is_not_found,
        forget_takes_pairs_and_counts_once,
        a_map_is_forgotten_with_its_items,
        a_forgotten_item_leaves_the_others,
        forgetting_while_others_look,
        a_failed_one_starts_again_under_its_id,
        cancelled_and_good_ones_start_again_too,
        the_new_attempt_is_announced,
        waiting_for_the_new_attempt,
        nothing_starts_again_where_one_cannot,
        a_map_runs_its_failed_items_again,
        NULL,
    };

    return fixture_run("forget and retry", setup, teardown, tests);
}

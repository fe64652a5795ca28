/* What a daemon that starts makes of what the one before it, which was killed, has left: futures
 * that waited, maps that were half done, and those that lean on what nobody stored. */
#include <check.h>
#include <stdlib.h>

#include "tests/support/client.h"
#include "tests/support/daemon.h"
#include "tests/support/fixture.h"
#include "tests/support/gate.h"
#include "tests/support/json.h"

static struct fixture f;

static void setup(void)
{
    static const struct daemon_options options = {
        .config = "[pool default]\nmax_workers = 2\n[pool fleeting]\ndurability = none\n"};
    fixture_start(&f, &options);
}

static void teardown(void)
{
    fixture_stop(&f);
}

static void pause_pool(void)
{
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
}

static void resume_pool(void)
{
    json_decref(client_result(f.client, "pool.resume", "{'pool':'default'}"));
}

/* ---- waiting ---- */

START_TEST(a_delay_goes_on_where_it_was)
{
    json_int_t late = client_submit(f.client, "{'fn':'echo','delay':3600}");
    json_int_t soon = client_submit(f.client, "{'fn':'echo','args':{'n':1},'delay':0.01}");
    fixture_kill_and_restart(&f);
    expect_result(f.client, soon, "{'n':1}");
    json_t *shown = client_result(f.client, "status", "{'id':%lld}", late);
    json_expect(shown, "state", "'PENDING'");
    json_expect(shown, "waiting", "'delay'");
    json_decref(shown);
}
END_TEST

START_TEST(a_retry_keeps_its_attempts_and_its_pause)
{
    json_int_t id =
        client_submit(f.client, "{'fn':'exec','args':{'argv':['false']},'subscribe':true,"
                                "'retry':{'max':2,'delay':3600}}");
    json_t *shown = client_result(f.client, "status", "{'id':%lld}", id);
    while (json_int_at(shown, "attempt") == 1) {
        json_decref(shown);
        shown = client_result(f.client, "status", "{'id':%lld}", id);
    }
    /* What is stored later is stored behind it. */
    (void)client_submit(f.client, "{'fn':'echo'}");
    fixture_kill_and_restart(&f);
    json_t *after = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(after, "waiting", "'retry'");
    json_expect(after, "attempt", "2");
    json_expect(after, "attempts.0.exception.type", "'ExitStatus'");
    ck_assert(json_equal(json_at(shown, "attempts"), json_at(after, "attempts")));
    json_decref(shown);
    json_decref(after);
}
END_TEST

START_TEST(who_was_given_another_chance_waits_for_nobody)
{
    pause_pool();
    json_int_t bad = client_submit(f.client, "{'fn':'exec','args':{'argv':['false']}}");
    json_int_t waiter = client_submit(f.client, "{'fn':'echo','args':{'n':1},'after':[%lld]}", bad);
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", bad));
    expect_exception(f.client, waiter, "DependencyFailed");
    json_decref(client_result(f.client, "retry", "{'ids':[%lld]}", waiter));
    fixture_kill_and_restart(&f);
    expect_state(f.client, waiter, "PENDING");
    resume_pool();
    expect_result(f.client, waiter, "{'n':1}");
}
END_TEST

START_TEST(what_it_waited_for_was_done_and_is_forgotten)
{
    json_int_t good = client_submit(f.client, "{'fn':'echo'}");
    expect_result(f.client, good, "{}");
    pause_pool();
    json_int_t waiter =
        client_submit(f.client, "{'fn':'echo','args':{'n':2},'after':[%lld]}", good);
    json_decref(client_result(f.client, "forget", "{'ids':[%lld]}", good));
    fixture_kill_and_restart(&f);
    resume_pool();
    expect_result(f.client, waiter, "{'n':2}");
}
END_TEST

/* Where calls are short the starts of those that come next are in the store already. */
START_TEST(what_was_next_has_not_begun)
{
    enum { BEFORE = 60, HELD = 2, BEHIND = 20, ALL = BEFORE + HELD + BEHIND };
    struct gate *gate = gate_new(daemon_directory(f.daemon), "held");
    json_int_t ids[ALL];
    unsigned interrupted = 0;
    pause_pool();
    for (int i = 0; i < ALL; i++) {
        bool held = i >= BEFORE && i < BEFORE + HELD;
        ids[i] = client_submit(f.client, "{'fn':'exec','args':{'argv':%s}}",
                               held ? gate_argv(gate) : "[\"true\"]");
    }
    resume_pool();
    for (int i = 0; i < HELD; i++)
        (void)gate_wait_running(gate);
    fixture_kill_and_restart(&f);
    for (int i = 0; i < ALL; i++) {
        json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", ids[i]));
        json_t *reply = client_result(f.client, "exception", "{'id':%lld}", ids[i]);
        bool failed = json_has(reply, "exception.type");
        if (failed)
            json_expect(reply, "exception.type", "'Interrupted'");
        /* The ends of some that had ended may not have been stored. */
        ck_assert(!failed || i < BEFORE + HELD);
        interrupted += failed;
        json_decref(reply);
    }
    ck_assert_uint_ge(interrupted, HELD);
    gate_free(gate);
}
END_TEST

/* ---- what nobody stored ---- */

START_TEST(who_waits_for_what_was_lost_does_not_run)
{
    json_int_t lost = client_submit(f.client, "{'fn':'echo','delay':3600,'durable':false}");
    json_int_t waiter = client_submit(f.client, "{'fn':'echo','after':[%lld]}", lost);
    json_t *map =
        client_result(f.client, "map", "{'fn':'echo','items':[1,2],'after':[%lld]}", lost);
    json_int_t map_id = json_int_at(map, "id");
    json_int_t any =
        client_submit(f.client, "{'fn':'echo','after':[{'id':%lld,'on':'done'}]}", lost);
    json_decref(map);
    fixture_kill_and_restart(&f);
    ck_assert_int_eq(client_error(f.client, "status", "{'id':%lld}", lost), -32002);
    expect_exception(f.client, waiter, "DependencyFailed");
    expect_exception(f.client, map_id, "DependencyFailed");
    expect_exception(f.client, map_id + 1, "DependencyFailed");
    expect_exception(f.client, any, "DependencyFailed");
}
END_TEST

START_TEST(who_waited_for_what_was_done_in_time_runs)
{
    json_int_t quick = client_submit(f.client, "{'fn':'echo','pool':'fleeting'}");
    expect_result(f.client, quick, "{}");
    pause_pool();
    json_int_t waiter =
        client_submit(f.client, "{'fn':'echo','args':{'n':3},'after':[%lld]}", quick);
    fixture_kill_and_restart(&f);
    resume_pool();
    expect_result(f.client, waiter, "{'n':3}");
}
END_TEST

START_TEST(a_map_that_is_not_stored_is_gone_with_its_items_and_its_key)
{
    pause_pool();
    json_t *map =
        client_result(f.client, "map",
                      "{'fn':'echo','items':[1,2],'durable':false,'key':'fleeting','label':'x'}");
    json_int_t id = json_int_at(map, "id");
    json_decref(map);
    json_int_t kept = client_submit(f.client, "{'fn':'echo'}");
    fixture_kill_and_restart(&f);
    for (json_int_t i = id; i <= id + 2; i++)
        ck_assert_int_eq(client_error(f.client, "status", "{'id':%lld}", i), -32002);
    json_t *again =
        client_result(f.client, "map",
                      "{'fn':'echo','items':[1,2],'durable':false,'key':'fleeting','label':'x'}");
    ck_assert(!json_has(again, "duplicate"));
    /* An id is never used again, not even one that nobody stored. */
    ck_assert_int_gt(json_int_at(again, "id"), kept);
    json_decref(again);
    resume_pool();
}
END_TEST

/* ---- maps ---- */

START_TEST(a_map_half_done_goes_on)
{
    static const char job[] = "test $0 != block && echo $0 || exec sleep 1000";
    json_decref(client_result(f.client, "pool.set", "{'pool':'default','max_workers':1}"));
    json_t *map = client_result(f.client, "map",
                                "{'fn':'exec','args':{'argv':['sh','-c','%s']},'items':['one','two'"
                                ",'block','four','five']}",
                                job);
    json_int_t id = json_int_at(map, "id");
    json_decref(map);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld,%lld]}", id + 1, id + 2));
    json_t *started = client_result(f.client, "status", "{'id':%lld}", id + 3);
    while (json_null_at(started, "started")) {
        json_decref(started);
        started = client_result(f.client, "status", "{'id':%lld}", id + 3);
    }
    json_decref(started);
    fixture_kill_and_restart(&f);
    expect_exception(f.client, id, "MapFailed");
    json_t *shown = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(shown, "map.finished", "5");
    json_expect(shown, "map.failed", "1");
    json_expect(shown, "map.pending", "0");
    json_decref(shown);
    expect_exception(f.client, id + 3, "Interrupted");
    for (int i = 1; i <= 5; i++) {
        if (i == 3)
            continue;
        json_t *result = client_result(f.client, "result", "{'id':%lld}", id + i);
        json_expect(result, "result.exit_code", "0");
        json_decref(result);
        /* Nothing ran twice. */
        result = client_result(f.client, "status", "{'id':%lld}", id + i);
        json_expect(result, "attempt", "1");
        json_decref(result);
    }
}
END_TEST

START_TEST(a_map_that_has_failed_fast_stays_closed)
{
    json_t *map = client_result(f.client, "map",
                                "{'fn':'exec','args':{'argv':['sh','-c','exit $0']},"
                                "'items':['1'],'open':true,'fail_fast':true}");
    json_int_t id = json_int_at(map, "id");
    json_decref(map);
    expect_exception(f.client, id + 1, "ExitStatus");
    fixture_kill_and_restart(&f);
    ck_assert_int_eq(client_error(f.client, "map.add", "{'id':%lld,'items':['0']}", id), -32007);
    expect_exception(f.client, id, "MapFailed");
}
END_TEST

START_TEST(an_open_map_takes_more)
{
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1],'open':true}");
    json_int_t id = json_int_at(map, "id");
    json_decref(map);
    expect_result(f.client, id + 1, "{'item':1}");
    fixture_kill_and_restart(&f);
    json_decref(client_result(f.client, "map.add", "{'id':%lld,'items':[2]}", id));
    fixture_kill_and_restart(&f);
    pause_pool();
    json_decref(client_result(f.client, "map.add", "{'id':%lld,'items':[3]}", id));
    json_t *closed = client_result(f.client, "map.close", "{'id':%lld}", id);
    json_expect(closed, "count", "3");
    json_decref(closed);
    fixture_kill_and_restart(&f);
    ck_assert_int_eq(client_error(f.client, "map.add", "{'id':%lld,'items':[4]}", id), -32007);
    resume_pool();
    expect_result(f.client, id, "[{'item':1},{'item':2},{'item':3}]");
}
END_TEST

START_TEST(what_belonged_to_a_connection_ends_with_the_daemon)
{
    json_int_t call = client_submit(f.client, "{'fn':'echo','delay':3600,'scope':'connection'}");
    json_t *map = client_result(
        f.client, "map", "{'fn':'echo','items':[1],'delay':3600,'open':true,'scope':'connection'}");
    json_t *empty =
        client_result(f.client, "map", "{'fn':'echo','open':true,'scope':'connection'}");
    json_int_t ids[] = {call, json_int_at(map, "id"), json_int_at(map, "id") + 1,
                        json_int_at(empty, "id")};
    json_decref(map);
    json_decref(empty);
    /* Not by its end, which would cancel them. */
    daemon_kill(f.daemon);
    client_close(f.client);
    daemon_restart(f.daemon);
    f.client = fixture_client(&f);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        json_t *reply = client_result(f.client, "result", "{'id':%lld}", ids[i]);
        json_expect(reply, "state", "'CANCELLED'");
        json_decref(reply);
    }
}
END_TEST

START_TEST(items_of_a_done_map_are_found_again)
{
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1,2,3]}");
    json_int_t id = json_int_at(map, "id");
    json_decref(map);
    map = client_result(f.client, "map", "{'fn':'echo','items':[4]}");
    json_int_t other = json_int_at(map, "id");
    json_decref(map);
    expect_result(f.client, other, "[{'item':4}]");
    expect_result(f.client, id, "[{'item':1},{'item':2},{'item':3}]");
    fixture_kill_and_restart(&f);
    json_t *list = client_result(f.client, "status", "{'item_of':%lld,'limit':2}", id);
    ck_assert_uint_eq(json_count_at(list, "futures"), 2);
    ck_assert_int_eq(json_int_at(list, "futures.0.id"), id + 3);
    ck_assert_int_eq(json_int_at(list, "futures.1.id"), id + 2);
    json_decref(list);
    /* Some of the items are in memory now, and not all. */
    expect_result(f.client, id, "[{'item':1},{'item':2},{'item':3}]");
    fixture_kill_and_restart(&f);
    expect_state(f.client, id, "FINISHED");
    json_decref(client_result(f.client, "status", "{'item_of':%lld,'limit':1}", id));
    expect_result(f.client, id, "[{'item':1},{'item':2},{'item':3}]");
    fixture_kill_and_restart(&f);
    json_decref(
        client_result(f.client, "subscribe", "{'all':true,'since':0,'item_of':%lld}", other));
    (void)expect_done(f.client, other + 1);
    json_decref(client_result(f.client, "ping", "{}"));
    expect_quiet(f.client);
}
END_TEST

/* ---- keys and retention ---- */

START_TEST(keys_hold_whatever_became_of_the_future)
{
#define CALL "{'fn':'echo','args':{'n':1},'key':'%s'}"
    json_int_t done = client_submit(f.client, CALL, "done");
    expect_result(f.client, done, "{'n':1}");
    pause_pool();
    json_int_t pending = client_submit(f.client, CALL, "pending");
    json_int_t cancelled = client_submit(f.client, CALL, "cancelled");
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", cancelled));
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1],'key':'map'}");
    json_int_t map_id = json_int_at(map, "id");
    json_decref(map);
    for (int round = 0; round < 2; round++) {
        fixture_kill_and_restart(&f);
        ck_assert_int_eq(client_submit(f.client, CALL, "done"), done);
        ck_assert_int_eq(client_submit(f.client, CALL, "pending"), pending);
        ck_assert_int_eq(client_submit(f.client, CALL, "cancelled"), cancelled);
        map = client_result(f.client, "map", "{'fn':'echo','items':[1],'key':'map'}");
        ck_assert_int_eq(json_int_at(map, "id"), map_id);
        json_expect(map, "duplicate", "true");
        json_decref(map);
        ck_assert_int_eq(client_error(f.client, "submit", "{'fn':'echo','key':'done'}"), -32008);
        ck_assert_int_eq(client_error(f.client, "map", "{'fn':'echo','items':[2],'key':'map'}"),
                         -32008);
    }
    json_decref(client_result(f.client, "forget", "{'ids':[%lld]}", done));
    fixture_kill_and_restart(&f);
    ck_assert_int_gt(client_submit(f.client, CALL, "done"), map_id);
    resume_pool();
}
END_TEST

START_TEST(a_priority_that_was_changed_stays)
{
    pause_pool();
    json_int_t first = client_submit(f.client, "{'fn':'echo'}");
    json_int_t second = client_submit(f.client, "{'fn':'echo'}");
    json_decref(client_result(f.client, "pool.set", "{'pool':'default','max_workers':1}"));
    json_decref(client_result(f.client, "update", "{'ids':[%lld],'priority':7}", second));
    fixture_kill_and_restart(&f);
    json_decref(client_result(f.client, "subscribe", "{'ids':[%lld,%lld]}", first, second));
    json_decref(client_result(f.client, "pool.set", "{'pool':'default','max_workers':1}"));
    resume_pool();
    (void)expect_done(f.client, second);
    (void)expect_done(f.client, first);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_delay_goes_on_where_it_was,
        a_retry_keeps_its_attempts_and_its_pause,
        who_was_given_another_chance_waits_for_nobody,
        what_it_waited_for_was_done_and_is_forgotten,
        who_waits_for_what_was_lost_does_not_run,
        what_was_next_has_not_begun,
        who_waited_for_what_was_done_in_time_runs,
        a_map_that_is_not_stored_is_gone_with_its_items_and_its_key,
        a_map_half_done_goes_on,
        a_map_that_has_failed_fast_stays_closed,
        an_open_map_takes_more,
        what_belonged_to_a_connection_ends_with_the_daemon,
        items_of_a_done_map_are_found_again,
        keys_hold_whatever_became_of_the_future,
        a_priority_that_was_changed_stays,
        NULL,
    };
    return fixture_run("recovery", setup, teardown, tests);
}

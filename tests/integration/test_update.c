/* update: another priority for what is pending. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/fixture.h"

static struct fixture f;

static void setup(void)
{
    fixture_start(&f, NULL);
    json_decref(client_result(f.client, "pool.set", "{'pool':'default','max_workers':1}"));
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
}

static void teardown(void)
{
    fixture_stop(&f);
}

static json_int_t submit(void)
{
    return client_submit(f.client, "{'fn':'echo','subscribe':true}");
}

static void resume(void)
{
    json_decref(client_result(f.client, "pool.resume", "{'pool':'default'}"));
}

START_TEST(they_start_in_the_new_order)
{
    json_int_t a = submit(), b = submit(), c = submit();
    json_t *reply = client_result(f.client, "update", "{'ids':[%lld,%lld],'priority':5}", c, b);
    json_expect(reply, "futures.0.id", "%lld", c);
    json_expect(reply, "futures.0.priority", "5");
    json_expect(reply, "futures.1.priority", "5");
    json_expect(reply, "futures.1.waiting", "'paused'");
    json_decref(reply);
    resume();
    expect_done(f.client, c);
    expect_done(f.client, b);
    expect_done(f.client, a);
}
END_TEST

START_TEST(down_as_well_as_up)
{
    json_int_t a = submit(), b = submit();
    json_decref(client_result(f.client, "update", "{'ids':[%lld],'priority':-3}", a));
    resume();
    expect_done(f.client, b);
    expect_done(f.client, a);
}
END_TEST

START_TEST(all_or_none)
{
    json_int_t a = submit(), b = submit();
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", b));
    expect_done(f.client, b);
    ck_assert_int_eq(client_error(f.client, "update", "{'ids':[%lld,%lld],'priority':5}", a, b),
                     -32007);
    json_t *future = client_result(f.client, "status", "{'id':%lld}", a);
    json_expect(future, "priority", "0");
    json_decref(future);
}
END_TEST

START_TEST(bad_params)
{
    json_int_t a = submit();
    expect_refused(f.client, "update", "ids", "{'priority':1}");
    expect_refused(f.client, "update", "priority", "{'ids':[%lld]}", a);
    expect_refused(f.client, "update", "priority", "{'ids':[%lld],'priority':1.5}", a);
    expect_refused(f.client, "update", "priority", "{'ids':[%lld],'priority':'high'}", a);
    expect_refused(f.client, "update", "label", "{'ids':[%lld],'priority':1,'label':'x'}", a);
    ck_assert_int_eq(client_error(f.client, "update", "{'ids':[99],'priority':1}"), -32002);
}
END_TEST

START_TEST(what_belongs_to_others_is_not_found)
{
    if (!is_root())
        return;
    struct client *other = fixture_client_of(&f, 12345);
    json_int_t a = submit();
    ck_assert_int_eq(client_error(other, "update", "{'ids':[%lld],'priority':1}", a), -32002);
    client_close(other);
}
END_TEST

/* ---- what goes with it: what a future waits for, and the items of one map ---- */

START_TEST(status_names_what_it_waits_for)
{
    json_int_t a = submit(), b = submit();
    json_int_t c =
        client_submit(f.client, "{'fn':'echo','after':[%lld,{'id':%lld,'on':'done'}]}", a, b);
    json_t *future = client_result(f.client, "status", "{'id':%lld}", c);
    ck_assert_uint_eq(json_count_at(future, "after"), 2);
    json_decref(future);
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", b));
    future = client_result(f.client, "status", "{'id':%lld}", c);
    json_expect(future, "after", "[{'id':%lld,'on':'result'}]", a);
    json_decref(future);
    future = client_result(f.client, "status", "{'id':%lld}", a);
    ck_assert(!json_has(future, "after"));
    json_decref(future);
}
END_TEST

START_TEST(status_of_the_items_of_one_map)
{
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1,2]}");
    json_int_t id = json_int_at(map, "id");
    submit();
    json_t *list = client_result(f.client, "status", "{'item_of':%lld}", id);
    ck_assert_uint_eq(json_count_at(list, "futures"), 2);
    json_expect(list, "futures.0.index", "1");
    json_expect(list, "futures.1.index", "0");
    json_expect(list, "counts.PENDING", "2");
    json_decref(list);
    list = client_result(f.client, "status", "{'item_of':%lld}", id + 3);
    json_expect(list, "futures", "[]");
    json_decref(list);
    expect_refused(f.client, "status", "item_of", "{'item_of':0}");
    expect_refused(f.client, "status", "item_of", "{'id':1,'item_of':1}");
    json_decref(map);
}
END_TEST

START_TEST(a_subscription_of_the_items_of_one_map)
{
    json_int_t before = client_submit(f.client, "{'fn':'echo'}");
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1,2]}");
    json_int_t id = json_int_at(map, "id"), first = json_int_at(map, "first");
    resume();
    expect_result(f.client, first, "{'item':1}");
    expect_result(f.client, first + 1, "{'item':2}");
    expect_result(f.client, before, "{}");
    /* What is done, and what starts again. */
    json_decref(client_result(f.client, "subscribe",
                              "{'all':true,'item_of':%lld,'since':0,'events':['done']}", id));
    expect_done(f.client, first);
    expect_done(f.client, first + 1);
    json_int_t behind = client_submit(f.client, "{'fn':'echo'}");
    expect_result(f.client, behind, "{}");
    expect_quiet(f.client);
    json_decref(client_result(f.client, "retry", "{'ids':[%lld]}", first + 1));
    expect_done(f.client, first + 1);
    expect_refused(f.client, "subscribe", "item_of", "{'ids':[%lld],'item_of':%lld}", first, id);
    expect_refused(f.client, "subscribe", "item_of", "{'all':true,'item_of':'x'}");
    json_decref(map);
}
END_TEST

START_TEST(a_command_tells_its_end)
{
    resume();
    json_int_t bad = client_submit(f.client, "{'fn':'exec','args':{'argv':['sh','-c','exit 3']}}");
    json_int_t killed =
        client_submit(f.client, "{'fn':'exec','args':{'argv':['sh','-c','kill -9 $$']}}");
    json_int_t none = client_submit(f.client, "{'fn':'exec','args':{'argv':['no-such-program']}}");
    json_int_t echo = client_submit(f.client, "{'fn':'echo','args':{'exit_code':5}}");
    expect_exception(f.client, bad, "ExitStatus");
    expect_exception(f.client, killed, "Signalled");
    expect_exception(f.client, none, "SpawnError");
    expect_result(f.client, echo, "{'exit_code':5}");
    json_t *list = client_result(f.client, "status", "{}");
    json_expect(list, "futures.3.exit_code", "3");
    json_expect(list, "futures.3.signal", "null");
    ck_assert_double_ge(json_number_at(list, "futures.3.rusage.wall"), 0);
    json_expect(list, "futures.3.worker", "'pool-1'");
    json_expect(list, "futures.2.exit_code", "null");
    json_expect(list, "futures.2.signal", "'SIGKILL'");
    ck_assert(!json_has(list, "futures.1.exit_code"));
    ck_assert(!json_has(list, "futures.0.exit_code"));
    json_decref(list);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        they_start_in_the_new_order,
        down_as_well_as_up,
        all_or_none,
        bad_params,
        what_belongs_to_others_is_not_found,
        status_names_what_it_waits_for,
        status_of_the_items_of_one_map,
        a_subscription_of_the_items_of_one_map,
        a_command_tells_its_end,
        NULL,
    };

    return fixture_run("update", setup, teardown, tests);
}

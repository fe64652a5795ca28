/* The error codes of the service, each with its data. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/fixture.h"
#include "tests/support/text.h"

static struct fixture f;

static void teardown(void)
{
    fixture_stop(&f);
}

static void setup_plain(void)
{
    fixture_start(&f, NULL);
}

START_TEST(timeout_is_the_calls_and_not_the_jobs)
{
    json_int_t id = fixture_hold(&f);
    json_t *reply = client_call(f.client, "result", "{'id':%lld,'timeout':0}", id);
    ck_assert_int_eq(reply_error(reply), -32001);
    ck_assert_int_eq(strncmp(json_text_at(reply, "error.message"), "Timeout", 7), 0);
    json_decref(reply);
    ck_assert_int_eq(client_error(f.client, "exception", "{'id':%lld,'timeout':0.01}", id), -32001);
    ck_assert_int_eq(client_error(f.client, "result", "{'id':%lld,'timeout':-3}", id), -32001);
    expect_state(f.client, id, "RUNNING");
    gate_pass(f.gate, 1);
}
END_TEST

START_TEST(messages_start_with_the_name_of_the_code)
{
    static const struct {
        const char *method, *params, *name;
    } calls[] = {
        {"nope", "{}", "Method not found"},
        {"ping", "{\"a\":1}", "Invalid params"},
        {"result", "{\"id\":99}", "Not found"},
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        json_t *reply = client_call(f.client, calls[i].method, "%s", calls[i].params);
        const char *message = json_text_at(reply, "error.message");
        ck_assert_int_eq(strncmp(message, calls[i].name, strlen(calls[i].name)), 0);
        json_decref(reply);
    }
}
END_TEST

START_TEST(shut_down)
{
    json_int_t id = fixture_hold(&f);
    json_decref(client_result(f.client, "shutdown", "{'wait':false}"));
    ck_assert_int_eq(client_error(f.client, "submit", "{'fn':'echo'}"), -32003);
    ck_assert_int_eq(client_error(f.client, "map", "{'fn':'echo','items':[1]}"), -32003);
    json_t *list = client_result(f.client, "status", "{}");
    ck_assert_uint_eq(json_count_at(list, "futures"), 1);
    json_decref(list);
    expect_state(f.client, id, "RUNNING");
    gate_pass(f.gate, 1);
    json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    daemon_wait(f.daemon);
    daemon_restart(f.daemon);
}
END_TEST

START_TEST(invalid_state)
{
    json_int_t running = fixture_hold(&f);
    json_int_t pending = client_submit(f.client, "{'fn':'echo','after':[%lld]}", running);
    json_int_t done = client_submit(f.client, "{'fn':'echo'}");
    json_decref(client_result(f.client, "result", "{'id':%lld}", done));
    ck_assert_int_eq(client_error(f.client, "forget", "{'ids':[%lld]}", running), -32007);
    ck_assert_int_eq(client_error(f.client, "forget", "{'ids':[%lld,%lld]}", done, pending),
                     -32007);
    ck_assert_int_eq(client_error(f.client, "retry", "{'ids':[%lld]}", running), -32007);
    ck_assert_int_eq(client_error(f.client, "retry", "{'ids':[%lld,%lld]}", done, pending), -32007);
    /* Nothing of them was applied. */
    json_t *future = client_result(f.client, "status", "{'id':%lld}", done);
    json_expect(future, "state", "'FINISHED'");
    json_expect(future, "attempt", "1");
    json_decref(future);
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1]}");
    json_int_t closed = json_int_at(map, "id");
    json_decref(map);
    ck_assert_int_eq(client_error(f.client, "map.add", "{'id':%lld,'items':[1]}", closed), -32007);
    gate_pass(f.gate, 1);
}
END_TEST

START_TEST(key_conflict)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{'a':1},'key':'k'}");
    ck_assert_int_eq(client_error(f.client, "submit", "{'fn':'echo','args':{'a':2},'key':'k'}"),
                     -32008);
    ck_assert_int_eq(client_error(f.client, "submit",
                                  "{'fn':'sleep','args':{'seconds':0},"
                                  "'key':'k'}"),
                     -32008);
    ck_assert_int_eq(client_error(f.client, "map",
                                  "{'fn':'echo','args':{'a':1},'items':[],"
                                  "'key':'k'}"),
                     -32008);
    ck_assert_int_eq(client_submit(f.client, "{'fn':'echo','args':{'a':1},'key':'k'}"), id);
}
END_TEST

START_TEST(broken_pool)
{
    json_decref(client_result(f.client, "pool.set",
                              "{'pool':'bad','initializer':{'fn':'exec','args':"
                              "{'argv':['false']}}}"));
    json_int_t id = client_submit(f.client, "{'fn':'echo','pool':'bad'}");
    expect_exception(f.client, id, "BrokenPool");
    ck_assert_int_eq(client_error(f.client, "submit", "{'fn':'echo','pool':'bad'}"), -32010);
    ck_assert_int_eq(client_error(f.client, "map", "{'fn':'echo','pool':'bad','items':[1]}"),
                     -32010);
    ck_assert_int_eq(client_error(f.client, "retry", "{'ids':[%lld]}", id), -32010);
    json_t *pools = client_result(f.client, "pool.list", "{'pool':'bad'}");
    json_expect(pools, "pools.0.broken", "true");
    json_decref(pools);
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
}
END_TEST

/* ---- limits ---- */

static void setup_limits(void)
{
    static const struct daemon_options options = {
        .config = "[limits]\nsubscriptions = 2\npending = 5\nmap_items = 4\npools = 2\n"
                  "label_bytes = 4\nkey_bytes = 4\nafter = 2\nstatus_limit = 3\n"
                  "retention_count = 2\n[pool default]\nmax_workers = 1\n",
    };

    fixture_start(&f, &options);
}

START_TEST(limits_are_named)
{
    expect_limit(f.client, "status", "status_limit", 3, "{'limit':4}");
    expect_limit(f.client, "map", "map_items", 4, "{'fn':'echo','items':[1,2,3,4,5]}");
    expect_limit(f.client, "submit", "after", 2, "{'fn':'echo','after':[1,2,3]}");
    expect_refused(f.client, "submit", "label", "{'fn':'echo','label':'12345'}");
    expect_refused(f.client, "submit", "key", "{'fn':'echo','key':'12345'}");
    json_decref(client_result(f.client, "subscribe", "{'all':true,'pool':'x'}"));
    json_decref(client_result(f.client, "subscribe", "{'all':true,'pool':'x'}"));
    expect_limit(f.client, "subscribe", "subscriptions", 2, "{'all':true}");
    json_t *info = client_result(f.client, "info", "{}");
    json_expect(info, "limits.subscriptions", "2");
    json_expect(info, "limits.pending", "5");
    json_decref(info);
    json_decref(client_result(f.client, "pool.set", "{'pool':'one'}"));
    expect_limit(f.client, "pool.set", "pools", 2, "{'pool':'two'}");
    json_decref(client_result(f.client, "pool.set", "{'pool':'one','max_workers':3}"));
}
END_TEST

START_TEST(pending_futures_are_limited)
{
    fixture_hold(&f);
    json_int_t last = 0;
    for (int i = 0; i < 5; i++)
        last = client_submit(f.client, "{'fn':'echo','args':{}}");
    expect_limit(f.client, "submit", "pending", 5, "{'fn':'echo'}");
    expect_limit(f.client, "map", "pending", 5, "{'fn':'echo','items':[1]}");
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", last));
    last = client_submit(f.client, "{'fn':'echo','args':{}}");
    gate_pass(f.gate, 1);
    expect_result(f.client, last, "{}");
}
END_TEST

START_TEST(queue_limit_of_a_pool)
{
    json_decref(client_result(f.client, "pool.set", "{'pool':'default','queue_limit':2}"));
    fixture_hold(&f);
    client_submit(f.client, "{'fn':'echo','args':{}}");
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");
    expect_limit(f.client, "submit", "queue_limit", 2, "{'fn':'echo'}");
    expect_limit(f.client, "map", "queue_limit", 2, "{'fn':'echo','items':[1]}");
    gate_pass(f.gate, 1);
    expect_result(f.client, id, "{}");
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
}
END_TEST

START_TEST(expired_is_not_unknown)
{
    json_int_t ids[4];
    for (int i = 0; i < 4; i++) {
        ids[i] = client_submit(f.client, "{'fn':'echo','args':{}}");
        json_decref(client_call(f.client, "result", "{'id':%lld}", ids[i]));
    }
    /* The store keeps house in its own time. */
    json_t *reply = client_call(f.client, "status", "{'id':%lld}", ids[1]);
    while (reply_error(reply) == 0) {
        json_decref(reply);
        reply = client_call(f.client, "status", "{'id':%lld}", ids[1]);
    }
    json_decref(reply);
    ck_assert_int_eq(client_error(f.client, "status", "{'id':%lld}", ids[0]), -32004);
    ck_assert_int_eq(client_error(f.client, "result", "{'id':%lld}", ids[1]), -32004);
    ck_assert_int_eq(client_error(f.client, "wait", "{'ids':[%lld]}", ids[0]), -32004);
    ck_assert_int_eq(client_error(f.client, "forget", "{'ids':[%lld]}", ids[0]), -32004);
    ck_assert_int_eq(client_error(f.client, "submit", "{'fn':'echo','after':[%lld]}", ids[0]),
                     -32004);
    ck_assert_int_eq(client_error(f.client, "wait", "{'ids':[[%lld,%lld]]}", ids[0], ids[1]),
                     -32004);
    ck_assert_int_eq(
        client_error(f.client, "wait", "{'ids':[[%lld,%lld]]}", ids[3] + 1, ids[3] + 9), -32002);
    expect_result(f.client, ids[3], "{}");
    ck_assert_int_eq(client_error(f.client, "status", "{'id':%lld}", ids[3] + 100), -32002);
    json_decref(client_result(f.client, "forget", "{'ids':[%lld]}", ids[3]));
    ck_assert_int_eq(client_error(f.client, "status", "{'id':%lld}", ids[3]), -32002);
}
END_TEST

/* ---- other users ---- */

/* A client of another user; for root only. */
static struct client *nobody(void)
{
    const uid_t uid = 65534;

    ck_assert_int_eq(chmod(daemon_directory(f.daemon), 0755), 0);
    ck_assert_int_eq(chmod(daemon_socket(f.daemon), 0777), 0);
    /* From within, because the directories above are closed to others. */
    ck_assert_int_eq(chdir(daemon_directory(f.daemon)), 0);
    ck_assert_int_eq(seteuid(uid), 0);
    struct client *client = client_connect("socket");
    ck_assert_int_eq(seteuid(0), 0);
    return client;
}

START_TEST(permission_denied)
{
    if (geteuid() != 0)
        return;
    struct client *other = nobody();

    ck_assert_int_eq(client_error(other, "shutdown", "{}"), -32006);
    ck_assert_int_eq(client_error(other, "backup", "{'path':'/tmp/nobodys-copy'}"), -32006);
    ck_assert_int_eq(client_error(other, "pool.set", "{'pool':'default','max_workers':1}"), -32006);
    ck_assert_int_eq(client_error(other, "pool.pause", "{'pool':'default'}"), -32006);
    ck_assert_int_eq(client_error(other, "pool.resume", "{'pool':'default'}"), -32006);
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
    client_close(other);
}
END_TEST

START_TEST(what_is_not_yours_is_not_found)
{
    if (geteuid() != 0)
        return;
    struct client *other = nobody();
    json_int_t mine = fixture_hold(&f);
    json_decref(client_result(other, "subscribe", "{'all':true}"));
    json_int_t theirs = client_submit(other, "{'fn':'echo','args':{'a':1}}");
    expect_result(other, theirs, "{'a':1}");
    expect_done(other, theirs);

    ck_assert_int_eq(client_error(other, "status", "{'id':%lld}", mine), -32002);
    ck_assert_int_eq(client_error(other, "result", "{'id':%lld}", mine), -32002);
    ck_assert_int_eq(client_error(other, "cancel", "{'id':%lld,'terminate':true}", mine), -32002);
    ck_assert_int_eq(client_error(other, "output", "{'id':%lld}", mine), -32002);
    ck_assert_int_eq(client_error(other, "wait", "{'ids':[%lld,%lld]}", theirs, mine), -32002);
    ck_assert_int_eq(client_error(other, "submit", "{'fn':'echo','after':[%lld]}", mine), -32002);
    json_t *list = client_result(other, "status", "{}");
    ck_assert_uint_eq(json_count_at(list, "futures"), 1);
    json_expect(list, "futures.0.id", "%lld", theirs);
    json_expect(list, "futures.0.uid", "65534");
    json_expect(list, "counts", "{'PENDING':0,'RUNNING':0,'CANCELLED':0,'FINISHED':1}");
    json_decref(list);
    /* A range names what is there for this client. */
    list = client_result(other, "status", "{'ids':[[1,%lld]]}", theirs);
    ck_assert_uint_eq(json_count_at(list, "futures"), 1);
    json_decref(list);
    /* Root sees all. */
    list = client_result(f.client, "status", "{}");
    ck_assert_uint_eq(json_count_at(list, "futures"), 2);
    json_decref(list);
    gate_pass(f.gate, 1);
    json_decref(client_result(f.client, "result", "{'id':%lld}", mine));
    expect_quiet(other);
    client_close(other);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        timeout_is_the_calls_and_not_the_jobs,
        messages_start_with_the_name_of_the_code,
        shut_down,
        invalid_state,
        key_conflict,
        broken_pool,
        permission_denied,
        what_is_not_yours_is_not_found,
        NULL,
    };
    const TTest *const limits[] = {
        limits_are_named,
        pending_futures_are_limited,
        queue_limit_of_a_pool,
        expired_is_not_unknown,
        NULL,
    };
    int plain = fixture_run("errors", setup_plain, teardown, tests);
    int limited = fixture_run("limits", setup_limits, teardown, limits);

    return plain | limited;
}

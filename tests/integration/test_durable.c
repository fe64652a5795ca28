/* What was acknowledged is there after the daemon was killed or has ended. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/client.h"
#include "tests/support/daemon.h"
#include "tests/support/fixture.h"
#include "tests/support/json.h"
#include "tests/support/text.h"

static struct fixture f;

static void setup(void)
{
    static const struct daemon_options options = {.config = "[pool default]\nmax_workers = 4\n"};
    fixture_start(&f, &options);
}

static void teardown(void)
{
    fixture_stop(&f);
}

/* ---- what comes back ---- */

START_TEST(pending_futures_come_back_as_they_were)
{
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
    json_int_t one = client_submit(
        f.client, "{'fn':'echo','args':{'n':1},'priority':5,'label':'l','key':'k','timeout':9}");
    json_int_t two = client_submit(f.client, "{'fn':'echo','args':{'n':2},'after':[%lld]}", one);
    json_int_t late = client_submit(f.client, "{'fn':'echo','args':{'n':3},'delay':3600}");
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1,'a',[2]]}");
    json_int_t map_id = json_int_at(map, "id");
    json_t *before = client_result(f.client, "status", "{'ids':[[%lld,%lld]]}", one, map_id + 3);
    json_decref(map);
    fixture_kill_and_restart(&f);
    json_t *after = client_result(f.client, "status", "{'ids':[[%lld,%lld]]}", one, map_id + 3);
    ck_assert_msg(json_equal(json_at(before, "futures"), json_at(after, "futures")), "%s\n%s",
                  json_dumps(before, 0), json_dumps(after, 0));
    json_decref(before);
    json_decref(after);
    json_t *pool = client_result(f.client, "pool.list", "{'pool':'default'}");
    json_expect(pool, "pools.0.paused", "true");
    json_decref(pool);
    json_t *again = client_result(
        f.client, "submit",
        "{'fn':'echo','args':{'n':1},'priority':5,'label':'l','key':'k','timeout':9}");
    ck_assert_int_eq(json_int_at(again, "id"), one);
    json_expect(again, "duplicate", "true");
    json_decref(again);
    json_decref(client_result(f.client, "pool.resume", "{'pool':'default'}"));
    expect_result(f.client, one, "{'n':1}");
    expect_result(f.client, two, "{'n':2}");
    expect_result(f.client, map_id, "[{'item':1},{'item':'a'},{'item':[2]}]");
    expect_state(f.client, late, "PENDING");
}
END_TEST

START_TEST(results_come_back)
{
    json_int_t good = client_submit(f.client, "{'fn':'exec','args':{'argv':['echo','hi']}}");
    json_int_t bad = client_submit(f.client, "{'fn':'exec','args':{'argv':['false']}}");
    json_int_t large =
        client_submit(f.client, "{'fn':'exec','args':{'argv':['head','-c','300000','/dev/zero']}}");
    json_decref(client_result(f.client, "wait", "{'ids':[%lld,%lld,%lld]}", good, bad, large));
    json_t *before = client_result(f.client, "result", "{'id':%lld}", large);
    fixture_kill_and_restart(&f);
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", good);
    json_expect(reply, "result.stdout", "'hi\\n'");
    json_decref(reply);
    reply = client_result(f.client, "output", "{'id':%lld}", good);
    json_expect(reply, "data", "'hi\\n'");
    json_expect(reply, "eof", "true");
    json_decref(reply);
    reply = client_result(f.client, "exception", "{'id':%lld}", bad);
    json_expect(reply, "exception.type", "'ExitStatus'");
    json_decref(reply);
    reply = client_result(f.client, "result", "{'id':%lld}", large);
    ck_assert(json_equal(before, reply));
    json_decref(before);
    json_decref(reply);
    /* Ids go on. */
    ck_assert_int_gt(client_submit(f.client, "{'fn':'echo'}"), large);
}
END_TEST

/* They are executed before their submit is stored: what was answered is there all the same. */
START_TEST(calls_that_are_over_at_once_come_back)
{
    json_int_t ids[60];
    for (int i = 0; i < 60; i++)
        ids[i] = client_submit(f.client, "{'fn':'echo','args':{'n':%d}}", i);
    fixture_kill_and_restart(&f);
    for (int i = 0; i < 60; i++)
        expect_result(f.client, ids[i], "{'n':%d}", i);
}
END_TEST

/* The pid of a job that writes it to its output first. */
static pid_t pid_of(json_int_t id)
{
    json_t *output = client_result(f.client, "output", "{'id':%lld,'wait':60}", id);
    pid_t pid = (pid_t)atoi(json_text_at(output, "data"));
    json_decref(output);
    ck_assert_int_gt(pid, 1);
    return pid;
}

START_TEST(what_was_started_is_interrupted_or_run_again)
{
    static const char job[] = "echo $$; test $FUTURE_ATTEMPT = 2 || exec sleep 1000";
    json_int_t ids[3];
    pid_t pids[3];
    ids[0] = client_submit(f.client, "{'fn':'exec','args':{'argv':['sh','-c','%s']}}", job);
    ids[1] = client_submit(
        f.client, "{'fn':'exec','args':{'argv':['sh','-c','%s']},'on_crash':'rerun'}", job);
    ids[2] = client_submit(
        f.client, "{'fn':'exec','args':{'argv':['sh','-c','%s']},'scope':'connection'}", job);
    json_int_t once = ids[0], again = ids[1], scoped = ids[2];
    for (size_t i = 0; i < 3; i++)
        pids[i] = pid_of(ids[i]);
    /* Before the connection, whose end would end the last one. */
    daemon_kill(f.daemon);
    client_close(f.client);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(kill(pids[i], 0), 0);
    daemon_restart(f.daemon);
    f.client = fixture_client(&f);
    json_t *reply = client_result(f.client, "exception", "{'id':%lld}", once);
    json_expect(reply, "exception.type", "'Interrupted'");
    json_decref(reply);
    reply = client_result(f.client, "exception", "{'id':%lld}", scoped);
    json_expect(reply, "exception.type", "'Interrupted'");
    json_decref(reply);
    reply = client_result(f.client, "result", "{'id':%lld}", again);
    json_expect(reply, "result.exit_code", "0");
    json_decref(reply);
    reply = client_result(f.client, "status", "{'id':%lld}", again);
    json_expect(reply, "attempt", "2");
    json_decref(reply);
    /* The daemon has ended them before it went on. */
    for (size_t i = 0; i < 3; i++) {
        char path[40], state = 'Z';
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pids[i]);
        FILE *file = fopen(path, "re");
        if (file) {
            ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
            fclose(file);
        }
        ck_assert_int_eq(state, 'Z');
    }
}
END_TEST

START_TEST(what_was_seen_running_is_not_run_again)
{
    json_int_t id = client_submit(f.client, "{'fn':'sleep','args':{'seconds':3600}}");
    json_decref(client_result(f.client, "subscribe", "{'all':true,'events':['running']}"));
    json_t *status = client_result(f.client, "status", "{'id':%lld}", id);
    if (strcmp(json_text_at(status, "state"), "PENDING") == 0)
        json_decref(client_notification(f.client));
    json_decref(status);
    fixture_kill_and_restart(&f);
    expect_exception(f.client, id, "Interrupted");
}
END_TEST

START_TEST(the_scope_of_a_connection_ends_with_the_daemon)
{
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
    json_int_t one = client_submit(f.client, "{'fn':'echo','scope':'connection'}");
    json_t *map =
        client_result(f.client, "map", "{'fn':'echo','items':[1,2],'scope':'connection'}");
    json_int_t stays = client_submit(f.client, "{'fn':'echo'}");
    fixture_kill_and_restart(&f);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld,%lld],'timeout':60}", one,
                              json_int_at(map, "id")));
    expect_state(f.client, one, "CANCELLED");
    expect_state(f.client, json_int_at(map, "id"), "CANCELLED");
    expect_state(f.client, json_int_at(map, "first"), "CANCELLED");
    expect_state(f.client, stays, "PENDING");
    json_decref(map);
}
END_TEST

START_TEST(a_reader_of_cursors_misses_nothing)
{
    json_int_t seen[40] = {0};
    json_int_t cursor = 0;
    json_decref(client_result(f.client, "subscribe", "{'all':true}"));
    for (int i = 0; i < 10; i++)
        (void)client_submit(f.client, "{'fn':'echo','args':{}}");
    for (int i = 0; i < 5; i++) {
        json_t *told = client_notification(f.client);
        cursor = json_int_at(told, "params.cursor");
        seen[json_int_at(told, "params.future.id")]++;
        json_decref(told);
    }
    json_decref(client_result(f.client, "wait", "{'ids':[[1,10]]}"));
    fixture_kill_and_restart(&f);
    json_decref(client_result(f.client, "subscribe", "{'all':true,'since':%lld}", cursor));
    for (int i = 0; i < 10; i++)
        (void)client_submit(f.client, "{'fn':'echo','args':{}}");
    for (int i = 0; i < 15; i++) {
        json_t *told = client_notification(f.client);
        ck_assert_int_gt(json_int_at(told, "params.cursor"), cursor);
        cursor = json_int_at(told, "params.cursor");
        seen[json_int_at(told, "params.future.id")]++;
        json_decref(told);
    }
    for (int id = 1; id <= 20; id++)
        ck_assert_int_eq(seen[id], 1);
}
END_TEST

START_TEST(what_need_not_survive_does_not)
{
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
    json_int_t gone = client_submit(f.client, "{'fn':'echo','durable':false}");
    json_t *set = client_result(f.client, "pool.set", "{'pool':'fast','durability':'none'}");
    json_expect(set, "durability", "'none'");
    json_decref(set);
    json_int_t fast = client_submit(f.client, "{'fn':'echo','pool':'fast','delay':3600}");
    json_int_t kept = client_submit(f.client, "{'fn':'echo'}");
    fixture_kill_and_restart(&f);
    ck_assert_int_eq(client_error(f.client, "status", "{'id':%lld}", gone), -32002);
    ck_assert_int_eq(client_error(f.client, "status", "{'id':%lld}", fast), -32002);
    expect_state(f.client, kept, "PENDING");
    json_t *pool = client_result(f.client, "pool.list", "{'pool':'fast'}");
    json_expect(pool, "pools.0.durability", "'none'");
    json_decref(pool);
    ck_assert_int_gt(client_submit(f.client, "{'fn':'echo'}"), kept);
}
END_TEST

START_TEST(an_end_in_order_keeps_what_is_pending)
{
    json_int_t held = fixture_hold(&f);
    json_int_t pending =
        client_submit(f.client, "{'fn':'echo','args':{'a':1},'after':[%lld]}", held);
    json_int_t of_held = client_request(f.client, "result", "{'id':%lld}", held);
    json_decref(client_result(f.client, "ping", "{}"));
    ck_assert_int_eq(kill(daemon_pid(f.daemon), SIGTERM), 0);
    json_t *refused = client_call(f.client, "submit", "{'fn':'echo'}");
    while (reply_error(refused) == 0) {
        json_decref(refused);
        refused = client_call(f.client, "submit", "{'fn':'echo'}");
    }
    json_decref(refused);
    gate_pass(f.gate, 1);
    json_decref(client_reply(f.client, of_held));
    client_expect_end(f.client);
    ck_assert_int_eq(daemon_wait(f.daemon), 0);
    client_close(f.client);
    daemon_restart(f.daemon);
    f.client = fixture_client(&f);
    expect_result(f.client, pending, "{'a':1}");
}
END_TEST

/* Who asks for an id of the daemon before must not be told of another job. */
START_TEST(ids_are_never_used_again_even_where_nothing_is_kept)
{
    static const char *const arguments[] = {"--durability", "none", NULL};
    static const struct daemon_options options = {.args = arguments};
    fixture_stop(&f);
    fixture_start(&f, &options);
    json_int_t before = client_submit(f.client, "{'fn':'echo'}");
    expect_result(f.client, before, "{}");
    json_t *info = client_result(f.client, "info", "{}");
    json_int_t cursor = json_int_at(info, "cursor");
    json_decref(info);
    fixture_kill_and_restart(&f);
    ck_assert_int_eq(client_error(f.client, "status", "{'id':%lld}", before), -32002);
    json_int_t after = client_submit(f.client, "{'fn':'echo'}");
    ck_assert_int_gt(after, before);
    info = client_result(f.client, "info", "{}");
    ck_assert_int_gt(json_int_at(info, "cursor"), cursor);
    json_decref(info);
    ck_assert_int_eq(kill(daemon_pid(f.daemon), SIGTERM), 0);
    ck_assert_int_eq(daemon_wait(f.daemon), 0);
    client_close(f.client);
    daemon_restart(f.daemon);
    f.client = fixture_client(&f);
    ck_assert_int_eq(client_submit(f.client, "{'fn':'echo'}"), after + 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        pending_futures_come_back_as_they_were,
        results_come_back,
        calls_that_are_over_at_once_come_back,
        what_was_started_is_interrupted_or_run_again,
        what_was_seen_running_is_not_run_again,
        the_scope_of_a_connection_ends_with_the_daemon,
        a_reader_of_cursors_misses_nothing,
        what_need_not_survive_does_not,
        an_end_in_order_keeps_what_is_pending,
        ids_are_never_used_again_even_where_nothing_is_kept,
        NULL,
    };
    return fixture_run("durable", setup, teardown, tests);
}

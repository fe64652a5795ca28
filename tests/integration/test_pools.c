/* Pools: threads, settings, pause and resume, full queues, initializers. */
#include <dirent.h>
#include <stdio.h>
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

/* pool.set, whose answer must be the pool; the caller owns it. */
static json_t *set(const char *format, ...) __attribute__((format(printf, 1, 2)));

static json_t *set(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *params = text_vjson(format, args);
    va_end(args);
    json_t *reply = client_result(f.client, "pool.set", "%s", params);
    free(params);
    return reply;
}

static json_t *pool(const char *name)
{
    json_t *list = client_result(f.client, "pool.list", "{'pool':'%s'}", name);

    ck_assert_uint_eq(json_count_at(list, "pools"), 1);
    json_t *only = json_incref(json_at(list, "pools.0"));
    json_decref(list);
    return only;
}

static void expect_pool(const char *name, const char *path, const char *value)
{
    json_t *only = pool(name);

    json_expect(only, path, "%s", value);
    json_decref(only);
}

START_TEST(the_default_pool)
{
    json_t *list = client_result(f.client, "pool.list", "{}");
    ck_assert_uint_eq(json_count_at(list, "pools"), 1);
    json_t *only = json_at(list, "pools.0");
    json_expect(only, "name", "'default'");
    ck_assert_int_ge(json_int_at(only, "max_workers"), 5);
    ck_assert_int_le(json_int_at(only, "max_workers"), 32);
    json_expect(only, "min_workers", "0");
    ck_assert_double_gt(json_number_at(only, "idle_timeout"), 0);
    json_expect(only, "max_tasks_per_worker", "0");
    json_expect(only, "queue_limit", "0");
    json_expect(only, "on_full", "'error'");
    json_expect(only, "paused", "false");
    json_expect(only, "broken", "false");
    json_expect(only, "pending", "0");
    json_expect(only, "running", "0");
    json_expect(only, "initializer", "null");
    json_expect(only, "workers", "[]");
    json_decref(list);
}
END_TEST

START_TEST(a_pool_shows_the_durability_in_force)
{
    static const char *const arguments[] = {"--durability", "process", NULL};
    static const struct daemon_options options = {.args = arguments};
    fixture_stop(&f);
    fixture_start(&f, &options);
    json_t *reply = set("{'pool':'p','durability':'full'}");
    json_expect(reply, "durability", "'process'");
    json_decref(reply);
    reply = set("{'pool':'p','durability':'none'}");
    json_expect(reply, "durability", "'none'");
    json_decref(reply);
    expect_pool("default", "durability", "\"process\"");
}
END_TEST

START_TEST(every_setting)
{
    json_t *reply = set("{'pool':'p','max_workers':7,'min_workers':2,'idle_timeout':1.5,"
                        "'max_tasks_per_worker':9,'queue_limit':11,'on_full':'wait',"
                        "'thread_name_prefix':'abc','initializer':{'fn':'echo','args':{'a':1}}}");
    json_t *shown = pool("p");
    ck_assert(json_equal(json_at(reply, "name"), json_at(shown, "name")));
    json_expect(shown, "max_workers", "7");
    json_expect(shown, "min_workers", "2");
    ck_assert_double_eq(json_number_at(shown, "idle_timeout"), 1.5);
    json_expect(shown, "max_tasks_per_worker", "9");
    json_expect(shown, "queue_limit", "11");
    json_expect(shown, "on_full", "'wait'");
    json_expect(shown, "thread_name_prefix", "'abc'");
    json_expect(shown, "initializer", "{'fn':'echo','args':{'a':1}}");
    json_decref(shown);
    json_decref(reply);
    /* What is not given stays. */
    json_decref(set("{'pool':'p','max_workers':5,'initializer':null}"));
    shown = pool("p");
    json_expect(shown, "max_workers", "5");
    json_expect(shown, "min_workers", "2");
    json_expect(shown, "on_full", "'wait'");
    json_expect(shown, "initializer", "null");
    json_decref(shown);
    json_t *list = client_result(f.client, "pool.list", "{}");
    ck_assert_uint_eq(json_count_at(list, "pools"), 2);
    json_decref(list);
    json_t *info = client_result(f.client, "info", "{}");
    ck_assert_uint_eq(json_count_at(info, "pools"), 2);
    json_decref(info);
}
END_TEST

/* ---- threads ---- */

/* Threads of the daemon whose name starts like that, as the kernel knows them. */
static int threads_named(const char *prefix)
{
    char *path = text_print("/proc/%d/task", (int)daemon_pid(f.daemon));
    DIR *tasks = opendir(path);
    struct dirent *entry;
    int count = 0;

    ck_assert_ptr_nonnull(tasks);
    while ((entry = readdir(tasks))) {
        char *name = text_print("%s/%s/comm", path, entry->d_name);
        char *text = text_of_file(name);
        count += strncmp(text, prefix, strlen(prefix)) == 0;
        free(text);
        free(name);
    }
    closedir(tasks);
    free(path);
    return count;
}

START_TEST(threads_come_with_work)
{
    json_decref(set("{'pool':'lazy','max_workers':4}"));
    expect_pool("lazy", "threads", "0");
    ck_assert_int_eq(threads_named("lazy-"), 0);
    for (int i = 0; i < 10; i++) {
        json_int_t id = client_submit(f.client, "{'fn':'echo','pool':'lazy'}");
        json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    }
    expect_pool("lazy", "threads", "1");
    ck_assert_int_eq(threads_named("lazy-"), 1);
    for (int i = 0; i < 6; i++)
        client_submit(f.client, "{'fn':'exec','pool':'lazy','args':{'argv':%s}}",
                      gate_argv(f.gate));
    for (int i = 0; i < 4; i++)
        gate_wait_running(f.gate);
    json_t *shown = pool("lazy");
    json_expect(shown, "threads", "4");
    json_expect(shown, "running", "4");
    json_expect(shown, "pending", "2");
    json_decref(shown);
    ck_assert_int_eq(threads_named("lazy-"), 4);
    ck_assert(!gate_has_visitor(f.gate));
    gate_pass(f.gate, 6);
    gate_wait_running(f.gate);
    gate_wait_running(f.gate);
}
END_TEST

START_TEST(workers_are_shown)
{
    json_int_t id = fixture_hold(&f);
    json_t *shown = pool("default");
    ck_assert_uint_eq(json_count_at(shown, "workers"), 1);
    char *name = text_print("%s-1", json_text_at(shown, "thread_name_prefix"));
    ck_assert_str_eq(json_text_at(shown, "workers.0.name"), name);
    ck_assert_int_eq(threads_named(name), 1);
    free(name);
    ck_assert_int_gt(json_int_at(shown, "workers.0.thread"), 0);
    json_expect(shown, "workers.0.state", "'running'");
    json_expect(shown, "workers.0.future", "%lld", id);
    json_decref(shown);
    /* The process runs a moment before its worker knows its number. */
    while ((shown = pool("default")) && json_null_at(shown, "workers.0.pid"))
        json_decref(shown);
    ck_assert_int_gt(json_int_at(shown, "workers.0.pid"), 0);
    json_decref(shown);
    gate_pass(f.gate, 1);
    json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    shown = pool("default");
    json_expect(shown, "workers.0.state", "'idle'");
    json_expect(shown, "workers.0.future", "null");
    json_expect(shown, "workers.0.pid", "null");
    json_decref(shown);
}
END_TEST

/* Asks until the pool has so many threads; what makes it so is on its way. */
static void await_threads(const char *name, json_int_t threads)
{
    json_t *shown = pool(name);

    for (int i = 0; json_int_at(shown, "threads") != threads; i++) {
        ck_assert_int_lt(i, 1000000);
        json_decref(shown);
        shown = pool(name);
    }
    json_decref(shown);
}

START_TEST(idle_threads_leave)
{
    json_decref(set("{'pool':'p','max_workers':5,'min_workers':2,'idle_timeout':0.05}"));
    json_t *reply = client_result(f.client, "map",
                                  "{'fn':'exec','pool':'p','args':{'argv':%s},'items':[1,2,3,4,5]}",
                                  gate_argv(f.gate));
    json_int_t id = json_int_at(reply, "id");
    json_decref(reply);
    for (int i = 0; i < 5; i++)
        gate_wait_running(f.gate);
    expect_pool("p", "threads", "5");
    gate_pass(f.gate, 5);
    json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    await_threads("p", 2);
    json_decref(client_result(f.client, "result", "{'id':%lld}",
                              client_submit(f.client, "{'fn':'echo','pool':'p'}")));
    expect_pool("p", "threads", "2");
}
END_TEST

START_TEST(resizing_interrupts_nothing)
{
    json_decref(set("{'pool':'p','max_workers':1}"));
    json_int_t ids[4];
    for (int i = 0; i < 4; i++)
        ids[i] = client_submit(f.client, "{'fn':'exec','pool':'p','args':{'argv':%s}}",
                               gate_argv(f.gate));
    gate_wait_running(f.gate);
    expect_pool("p", "running", "1");
    json_decref(set("{'pool':'p','max_workers':3}"));
    gate_wait_running(f.gate);
    gate_wait_running(f.gate);
    expect_pool("p", "running", "3");
    expect_state(f.client, ids[3], "PENDING");
    json_decref(set("{'pool':'p','max_workers':1}"));
    expect_pool("p", "running", "3");
    gate_pass(f.gate, 4);
    json_t *reply = client_result(f.client, "wait", "{'ids':[[%lld,%lld]]}", ids[0], ids[3]);
    ck_assert_uint_eq(json_count_at(reply, "done"), 4);
    json_decref(reply);
    for (int i = 0; i < 4; i++) {
        reply = client_result(f.client, "result", "{'id':%lld}", ids[i]);
        json_expect(reply, "result.stdout", "'passed\\n'");
        json_decref(reply);
    }
    await_threads("p", 1);
}
END_TEST

START_TEST(a_worker_leaves_after_its_share)
{
    json_decref(set("{'pool':'p','max_workers':1,'max_tasks_per_worker':3,"
                    "'thread_name_prefix':'share'}"));
    json_int_t last_thread = 0;
    int threads = 0;
    for (int i = 0; i < 9; i++) {
        json_int_t id = client_submit(f.client, "{'fn':'exec','pool':'p','args':{'argv':%s}}",
                                      gate_argv(f.gate));
        gate_wait_running(f.gate);
        json_t *shown = pool("p");
        json_int_t thread = json_int_at(shown, "workers.0.thread");
        threads += thread != last_thread;
        last_thread = thread;
        json_decref(shown);
        gate_pass(f.gate, 1);
        json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    }
    ck_assert_int_eq(threads, 3);
    /* It is replaced only if there is work. */
    expect_pool("p", "threads", "0");
}
END_TEST

/* ---- pause, resume ---- */

START_TEST(pause_and_resume)
{
    json_int_t running = fixture_hold(&f);
    json_t *reply = client_result(f.client, "pool.pause", "{'pool':'default'}");
    json_expect(reply, "paused", "true");
    json_expect(reply, "name", "'default'");
    json_decref(reply);
    json_int_t id = client_submit(f.client, "{'fn':'exec','args':{'argv':%s}}", gate_argv(f.gate));
    gate_pass(f.gate, 1);
    /* What runs goes on, and nothing starts. */
    json_decref(client_result(f.client, "result", "{'id':%lld}", running));
    expect_state(f.client, id, "PENDING");
    json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "waiting", "'paused'");
    json_decref(future);
    ck_assert_int_eq(client_error(f.client, "result", "{'id':%lld,'timeout':0.05}", id), -32001);
    ck_assert(!gate_has_visitor(f.gate));
    reply = client_result(f.client, "pool.resume", "{'pool':'default'}");
    json_expect(reply, "paused", "false");
    json_decref(reply);
    gate_wait_running(f.gate);
    future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "waiting", "null");
    json_decref(future);
    gate_pass(f.gate, 1);
}
END_TEST

START_TEST(a_paused_pool_starts_no_thread)
{
    json_decref(set("{'pool':'p','initializer':{'fn':'echo','args':{}}}"));
    json_decref(client_result(f.client, "pool.pause", "{'pool':'p'}"));
    json_int_t id = client_submit(f.client, "{'fn':'echo','pool':'p','args':{}}");
    expect_pool("p", "threads", "0");
    json_decref(client_result(f.client, "pool.resume", "{'pool':'p'}"));
    expect_result(f.client, id, "{}");
    expect_pool("p", "threads", "1");
}
END_TEST

START_TEST(what_is_paused_can_be_cancelled)
{
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
    json_int_t id = client_submit(f.client, "{'fn':'echo'}");
    json_t *reply = client_result(f.client, "cancel", "{'id':%lld}", id);
    json_expect(reply, "cancelled", "true");
    json_decref(reply);
    json_decref(client_result(f.client, "pool.resume", "{'pool':'default'}"));
    expect_state(f.client, id, "CANCELLED");
}
END_TEST

/* ---- a full queue ---- */

START_TEST(a_full_queue_that_makes_wait)
{
    json_decref(set("{'pool':'default','max_workers':1,'queue_limit':2,'on_full':'wait'}"));
    fixture_hold(&f);
    json_int_t a = client_submit(f.client, "{'fn':'echo','args':{}}");
    client_submit(f.client, "{'fn':'echo','args':{}}");
    json_int_t third = client_request(f.client, "submit", "{'fn':'echo','args':{'n':3}}");
    json_int_t fourth = client_request(f.client, "submit", "{'fn':'echo','args':{'n':4}}");
    json_decref(client_result(f.client, "ping", "{}"));
    expect_pool("default", "pending", "2");
    /* Another pool is not concerned. */
    json_decref(set("{'pool':'other'}"));
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','pool':'other','args':{}}"),
                  "{}");
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", a));
    json_t *reply = client_reply(f.client, third);
    json_int_t id = json_int_at(reply, "result.id");
    json_decref(reply);
    gate_pass(f.gate, 1);
    expect_result(f.client, id, "{'n':3}");
    reply = client_reply(f.client, fourth);
    expect_result(f.client, json_int_at(reply, "result.id"), "{'n':4}");
    json_decref(reply);
    /* What can never fit is refused at once. */
    expect_limit(f.client, "map", "queue_limit", 2, "{'fn':'echo','items':[1,2,3]}");
}
END_TEST

START_TEST(who_waits_for_room_may_go)
{
    json_decref(set("{'pool':'default','max_workers':1,'queue_limit':1,'on_full':'wait'}"));
    fixture_hold(&f);
    json_int_t a = client_submit(f.client, "{'fn':'echo','args':{}}");
    struct client *other = fixture_client(&f);
    client_request(other, "submit", "{'fn':'echo','label':'gone'}");
    json_decref(client_result(other, "ping", "{}"));
    json_int_t request = client_request(f.client, "submit", "{'fn':'echo','args':{}}");
    client_close(other);
    await_connections(f.client, 1);
    gate_pass(f.gate, 1);
    expect_result(f.client, a, "{}");
    json_t *reply = client_reply(f.client, request);
    expect_result(f.client, json_int_at(reply, "result.id"), "{}");
    json_decref(reply);
    reply = client_result(f.client, "status", "{'label':'gone'}");
    json_expect(reply, "futures", "[]");
    json_decref(reply);
}
END_TEST

START_TEST(a_higher_limit_lets_in)
{
    json_decref(set("{'pool':'default','max_workers':1,'queue_limit':1,'on_full':'wait'}"));
    fixture_hold(&f);
    client_submit(f.client, "{'fn':'echo','args':{}}");
    json_int_t request = client_request(f.client, "submit", "{'fn':'echo','args':{}}");
    json_decref(set("{'pool':'default','queue_limit':0}"));
    json_decref(client_reply(f.client, request));
    gate_pass(f.gate, 1);
}
END_TEST

/* ---- initializers ---- */

START_TEST(an_initializer_runs_in_every_worker)
{
    json_decref(set("{'pool':'p','max_workers':2,'initializer':{'fn':'exec','args':{'argv':"
                    "['sh','-c','echo x >>\\\"$1\\\"','sh','%s/started']}}}",
                    daemon_directory(f.daemon)));
    for (int i = 0; i < 2; i++)
        client_submit(f.client, "{'fn':'exec','pool':'p','args':{'argv':%s}}", gate_argv(f.gate));
    gate_wait_running(f.gate);
    gate_wait_running(f.gate);
    char *path = text_print("%s/started", daemon_directory(f.daemon));
    char *text = text_of_file(path);
    ck_assert_str_eq(text, "x\nx\n");
    free(text);
    free(path);
    gate_pass(f.gate, 2);
}
END_TEST

START_TEST(a_broken_pool_ends_what_waits_in_it)
{
    json_decref(set("{'pool':'bad','max_workers':3,'initializer':{'fn':'exec','args':{'argv':"
                    "['sh','-c','exit 3']}}}"));
    json_decref(client_result(f.client, "pool.pause", "{'pool':'bad'}"));
    json_int_t a = client_submit(f.client, "{'fn':'echo','pool':'bad','subscribe':true}");
    json_int_t b = client_submit(f.client, "{'fn':'echo','pool':'bad','delay':3600}");
    json_t *map = client_result(f.client, "map", "{'fn':'echo','pool':'bad','items':[1,2]}");
    json_decref(client_result(f.client, "pool.resume", "{'pool':'bad'}"));
    expect_exception(f.client, a, "BrokenPool");
    expect_exception(f.client, b, "BrokenPool");
    expect_exception(f.client, json_int_at(map, "first") + 1, "BrokenPool");
    expect_exception(f.client, json_int_at(map, "id"), "MapFailed");
    json_decref(map);
    expect_done(f.client, a);
    await_threads("bad", 0);
    expect_pool("bad", "broken", "true");
    /* The others are well. */
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_default_pool,
        a_pool_shows_the_durability_in_force,
        every_setting,
        threads_come_with_work,
        workers_are_shown,
        idle_threads_leave,
        resizing_interrupts_nothing,
        a_worker_leaves_after_its_share,
        pause_and_resume,
        a_paused_pool_starts_no_thread,
        what_is_paused_can_be_cancelled,
        a_full_queue_that_makes_wait,
        who_waits_for_room_may_go,
        a_higher_limit_lets_in,
        an_initializer_runs_in_every_worker,
        a_broken_pool_ends_what_waits_in_it,
        NULL,
    };

    return fixture_run("pools", setup, teardown, tests);
}

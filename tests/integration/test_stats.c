/* stats: what the daemon counts, over the wire. */
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

static json_t *stats(void)
{
    return client_result(f.client, "stats", "{}");
}

START_TEST(of_a_new_daemon)
{
    json_t *reply = stats();
    ck_assert_double_le(json_number_at(reply, "started"), json_number_at(reply, "now"));
    ck_assert_double_gt(json_number_at(reply, "started"), 1e9);
    json_expect(reply, "futures", "{'PENDING':0,'RUNNING':0,'CANCELLED':0,'FINISHED':0}");
    json_expect(reply, "pools.0.name", "'default'");
    json_expect(reply, "pools.0.run_time.count", "0");
    json_expect(reply, "connections", "{'open':1,'accepted':1}");
    json_expect(reply, "errors", "0");
    json_decref(reply);
}
END_TEST

START_TEST(of_what_is_stored)
{
    expect_result(f.client, client_submit(f.client, "{'fn':'echo'}"), "{}");
    json_t *reply = stats();
    ck_assert_int_ge(json_int_at(reply, "store.commits"), 2); /* its submit and its end */
    ck_assert_int_ge(json_int_at(reply, "store.changes"), 2);
    ck_assert_double_gt(json_number_at(reply, "store.commit_seconds"), 0);
    ck_assert_int_gt(json_int_at(reply, "store.bytes"), 0);
    json_expect(reply, "store.full", "false");
    json_decref(reply);
}
END_TEST

START_TEST(of_a_daemon_that_stores_nothing)
{
    static const char *const args[] = {"--durability", "none", NULL};
    const struct daemon_options options = {.args = args};
    struct fixture other;
    fixture_start(&other, &options);
    json_t *reply = client_result(other.client, "stats", "{}");
    ck_assert(!json_has(reply, "store"));
    json_decref(reply);
    fixture_stop(&other);
}
END_TEST

START_TEST(what_runs_waits_and_has_ended)
{
    json_decref(client_result(f.client, "pool.set", "{'pool':'default','max_workers':1}"));
    json_int_t held = fixture_hold(&f);
    json_int_t waits = client_submit(f.client, "{'fn':'echo'}");
    json_t *reply = stats();
    json_expect(reply, "pools.0.futures.PENDING", "1");
    json_expect(reply, "pools.0.futures.RUNNING", "1");
    json_expect(reply, "pools.0.workers", "{'max':1,'threads':1,'running':1}");
    json_expect(reply, "pools.0.queue_wait.count", "1");
    json_decref(reply);
    gate_pass(f.gate, 1);
    json_decref(client_result(f.client, "result", "{'id':%lld}", held));
    expect_result(f.client, waits, "{}");
    reply = stats();
    json_expect(reply, "futures.FINISHED", "2");
    json_expect(reply, "pools.0.submitted", "2");
    json_expect(reply, "pools.0.returned", "2");
    json_expect(reply, "pools.0.queue_wait.count", "2");
    json_decref(reply);
}
END_TEST

/* Buckets rise in both columns, and end at what `count` says where nothing took longer. */
static void expect_histogram(json_t *histogram)
{
    size_t index;
    json_t *bucket;
    double bound = 0;
    json_int_t count = 0;
    json_array_foreach (json_at(histogram, "buckets"), index, bucket) {
        ck_assert_double_gt(json_number_at(bucket, "0"), bound);
        ck_assert_int_ge(json_int_at(bucket, "1"), count);
        bound = json_number_at(bucket, "0");
        count = json_int_at(bucket, "1");
    }
    ck_assert_uint_gt(index, 0);
    ck_assert_int_eq(count, json_int_at(histogram, "count"));
}

START_TEST(histograms_are_cumulative)
{
    for (int i = 0; i < 3; i++)
        expect_result(f.client, client_submit(f.client, "{'fn':'echo'}"), "{}");
    json_int_t slow = client_submit(f.client, "{'fn':'sleep','args':{'seconds':0.06}}");
    expect_result(f.client, slow, "null");
    json_t *reply = stats();
    json_t *run_time = json_at(reply, "pools.0.run_time");
    expect_histogram(run_time);
    expect_histogram(json_at(reply, "pools.0.queue_wait"));
    ck_assert_int_eq(json_int_at(run_time, "count"), 4);
    ck_assert_double_ge(json_number_at(run_time, "sum"), 0.06);
    /* The sixth bound is 0.05 s: the slow one is not below it. */
    ck_assert_double_eq(json_number_at(run_time, "buckets.5.0"), 0.05);
    ck_assert_int_le(json_int_at(run_time, "buckets.5.1"), 3);
    json_decref(reply);
}
END_TEST

START_TEST(requests_errors_and_limits)
{
    ck_assert_int_eq(client_error(f.client, "result", "{'id':77}"), -32002);
    json_decref(client_result(f.client, "pool.set", "{'pool':'small','queue_limit':1}"));
    json_decref(client_result(f.client, "pool.pause", "{'pool':'small'}"));
    client_submit(f.client, "{'fn':'echo','pool':'small'}");
    expect_limit(f.client, "submit", "queue_limit", 1, "{'fn':'echo','pool':'small'}");
    client_send_line(f.client, "[]");
    json_decref(client_read(f.client));
    json_t *reply = stats();
    json_expect(reply, "requests.result", "1");
    json_expect(reply, "requests.submit", "2");
    json_expect(reply, "requests.stats", "1");
    json_expect(reply, "requests.cancel", "0");
    json_expect(reply, "errors", "3");
    json_expect(reply, "limits_hit.queue_limit", "1");
    json_expect(reply, "limits_hit.pending", "0");
    json_expect(reply, "pools.1.name", "'small'");
    json_expect(reply, "pools.1.futures.PENDING", "1");
    json_decref(reply);
}
END_TEST

START_TEST(connections_come_and_go)
{
    struct client *other = fixture_client(&f);
    json_decref(client_result(other, "ping", "{}"));
    json_t *reply = stats();
    json_expect(reply, "connections", "{'open':2,'accepted':2}");
    json_decref(reply);
    client_half_close(other);
    client_expect_end(other);
    client_close(other);
    /* It is counted out when the daemon has seen that it is gone. */
    while ((reply = stats()) && json_int_at(reply, "connections.open") == 2)
        json_decref(reply);
    json_expect(reply, "connections", "{'open':1,'accepted':2}");
    json_decref(reply);
}
END_TEST

START_TEST(takes_no_params)
{
    expect_refused(f.client, "stats", "pool", "{'pool':'default'}");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        of_a_new_daemon,
        of_what_is_stored,
        of_a_daemon_that_stores_nothing,
        what_runs_waits_and_has_ended,
        histograms_are_cumulative,
        requests_errors_and_limits,
        connections_come_and_go,
        takes_no_params,
        NULL,
    };

    return fixture_run("stats", setup, teardown, tests);
}

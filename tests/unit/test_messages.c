/* layers: proto */
/* extra: tests/support/messages_fixture.c */
/* Every method's params, as they are accepted. */
#include "proto/messages.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/messages_fixture.h"
#include "tests/support/suite.h"

static void expect_slice(struct slice slice, const char *expected)
{
    ck_assert_msg(slice.size == strlen(expected) && memcmp(slice.text, expected, slice.size) == 0,
                  "got %.*s, expected %s", (int)slice.size, slice.text, expected);
}

static void expect_range(struct id_list ids, size_t at, uint64_t first, uint64_t last, bool single)
{
    ck_assert_uint_gt(ids.count, at);
    ck_assert_uint_eq(ids.ranges[at].first, first);
    ck_assert_uint_eq(ids.ranges[at].last, last);
    ck_assert_int_eq(ids.ranges[at].single, single);
}

START_TEST(no_params)
{
    ck_assert_int_eq(no_params_decode(request(""), &error), 0);
    ck_assert_int_eq(no_params_decode(request("{}"), &error), 0);
}
END_TEST

START_TEST(plain_ids_and_names)
{
    struct id_list ids = {0};
    const char *pool = "untouched";
    uint64_t id = 0;

    ck_assert_int_eq(id_params_decode(request("{\"id\":9223372036854775807}"), "id", &id, &error),
                     0);
    ck_assert_uint_eq(id, INT64_MAX);
    ck_assert_int_eq(id_params_decode(request("{\"\\u0069d\":3}"), "id", &id, &error), 0);
    ck_assert_uint_eq(id, 3);
    ck_assert_int_eq(ids_params_decode(request("{\"ids\":[7,[2,9],[4,4],7]}"), &ids, &error), 0);
    ck_assert_uint_eq(ids.count, 4);
    expect_range(ids, 0, 7, 7, true);
    expect_range(ids, 1, 2, 9, false);
    expect_range(ids, 2, 4, 4, false);
    expect_range(ids, 3, 7, 7, true);
    id_list_clear(&ids);
    ck_assert_ptr_null(ids.ranges);
    ck_assert_int_eq(ids_params_decode(request("{\"ids\":[]}"), &ids, &error), 0);
    ck_assert_uint_eq(ids.count, 0);
    id_list_clear(&ids);
    id_list_clear(NULL);
    ck_assert_int_eq(pool_name_decode(request("{\"pool\":\"gpu\"}"), true, &pool, &error), 0);
    ck_assert_str_eq(pool, "gpu");
    ck_assert_int_eq(pool_name_decode(request("{\"pool\":null}"), false, &pool, &error), 0);
    ck_assert_ptr_null(pool);
    pool = "untouched";
    ck_assert_int_eq(pool_name_decode(request(""), false, &pool, &error), 0);
    ck_assert_ptr_null(pool);
}
END_TEST

START_TEST(timeouts_in_every_form)
{
    static const struct {
        const char *timeout;
        bool forever;
        uint64_t ns;
    } samples[] = {
        {"null", true, 0},         {"0", false, 0},
        {"0.0", false, 0},         {"-0", false, 0},
        {"-1", false, 0},          {"-0.5", false, 0},
        {"-1e308", false, 0},      {"1", false, 1000000000},
        {"0.1", false, 100000000}, {"2.5", false, 2500000000},
        {"1e-30", false, 1},       {"9000000000", false, 9000000000000000000},
        {"10000000000", true, 0},  {"9223372036854775807", true, 0},
        {"1e300", true, 0},
    };
    struct result_params result;

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        char params[100];

        snprintf(params, sizeof(params), "{\"timeout\":%s,\"id\":5}", samples[i].timeout);
        ck_assert_int_eq(result_params_decode(request(params), &result, &error), 0);
        ck_assert_uint_eq(result.id, 5);
        ck_assert_msg(
            result.timeout.forever == samples[i].forever && result.timeout.ns == samples[i].ns,
            "%s: %d %lu", params, result.timeout.forever, (unsigned long)result.timeout.ns);
    }
    ck_assert_int_eq(result_params_decode(request("{\"id\":1}"), &result, &error), 0);
    ck_assert(result.timeout.forever);
}
END_TEST

START_TEST(waits)
{
    static const struct {
        const char *name;
        enum return_when value;
    } samples[] = {
        {"\"ALL_COMPLETED\"", ALL_COMPLETED},
        {"\"FIRST_COMPLETED\"", FIRST_COMPLETED},
        {"\"FIRST_EXCEPTION\"", FIRST_EXCEPTION},
        {"null", ALL_COMPLETED},
    };
    struct wait_params wait;

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        char params[100];

        snprintf(params, sizeof(params), "{\"ids\":[[1,3],5],\"timeout\":2,\"return_when\":%s}",
                 samples[i].name);
        ck_assert_int_eq(wait_params_decode(request(params), &wait, &error), 0);
        ck_assert_int_eq(wait.return_when, samples[i].value);
        ck_assert_uint_eq(wait.ids.count, 2);
        expect_range(wait.ids, 0, 1, 3, false);
        ck_assert_uint_eq(wait.timeout.ns, 2000000000);
        id_list_clear(&wait.ids);
    }
    ck_assert_int_eq(wait_params_decode(request("{\"ids\":[]}"), &wait, &error), 0);
    ck_assert_uint_eq(wait.ids.count, 0);
    ck_assert(wait.timeout.forever);
    ck_assert_int_eq(wait.return_when, ALL_COMPLETED);
}
END_TEST

START_TEST(a_submit_with_nothing_but_fn)
{
    static const char *const forms[] = {
        "{\"fn\":\"exec\"}",
        "{\"fn\":\"exec\",\"pool\":null,\"priority\":null,\"label\":null,"
        "\"key\":null,\"after\":null,\"delay\":null,\"timeout\":null,\"retry\":null,"
        "\"on_crash\":null,\"scope\":null,\"durable\":null,\"subscribe\":null}",
        "{\"fn\":\"exec\",\"after\":[],\"delay\":0}",
    };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct submit_params submit;

        ck_assert_int_eq(submit_params_decode(request(forms[i]), false, &limits, &submit, &error),
                         0);
        ck_assert_str_eq(submit.fn, "exec");
        expect_slice(submit.args, "{}");
        ck_assert_ptr_null(submit.pool);
        ck_assert_ptr_null(submit.label);
        ck_assert_ptr_null(submit.key);
        ck_assert_int_eq(submit.priority, 0);
        ck_assert_uint_eq(submit.after_count, 0);
        ck_assert_uint_eq(submit.delay_ns, 0);
        ck_assert_uint_eq(submit.timeout_ns, 0);
        ck_assert_uint_eq(submit.retry_max, 0);
        ck_assert_uint_eq(submit.retry_delay_ns, 1000000000);
        ck_assert_double_eq(submit.retry_backoff, 2.0);
        ck_assert(!submit.rerun_on_crash && !submit.scope_connection && !submit.subscribe);
        ck_assert(submit.durable);
        ck_assert_uint_eq(submit.item_count, 0);
        ck_assert_uint_eq(submit.chunksize, 0);
        ck_assert_uint_eq(submit.window, 0);
        ck_assert(!submit.fail_fast && !submit.open);
        submit_params_clear(&submit);
    }
}
END_TEST

/* null is as good an argument as any other: it is not the absence of one. */
START_TEST(null_is_an_argument)
{
    struct submit_params submit;

    ck_assert_int_eq(submit_params_decode(request("{\"fn\":\"echo\",\"args\":null}"), false,
                                          &limits, &submit, &error),
                     0);
    expect_slice(submit.args, "null");
    submit_params_clear(&submit);
}
END_TEST

START_TEST(a_submit_with_everything)
{
    struct submit_params submit;
    const struct rpc_request *r =
        request("{\"after\":[7,{\"id\":8,\"on\":\"done\"},{\"on\":\"exception\",\"id\":9},"
                "{\"id\":7},{\"id\":7,\"on\":null},{\"id\":7,\"on\":\"result\"}],"
                "\"args\": {\"argv\" : [\"a\\u0062\"]} ,\"delay\":0.25,\"durable\":false,"
                "\"fn\":\"\\u0065xec\",\"key\":\"k\xc3\xa9\",\"label\":\"\",\"on_crash\":\"rerun\","
                "\"pool\":\"gpu\",\"priority\":-5,\"retry\":{\"max\":3,\"delay\":0.5,"
                "\"backoff\":1},\"scope\":\"connection\",\"subscribe\":true,\"timeout\":1e-12}");

    ck_assert_int_eq(submit_params_decode(r, false, &limits, &submit, &error), 0);
    ck_assert_uint_eq(submit.after_count, 6);
    ck_assert_uint_eq(submit.after[0].id, 7);
    ck_assert_int_eq(submit.after[0].on, ON_RESULT);
    ck_assert_uint_eq(submit.after[1].id, 8);
    ck_assert_int_eq(submit.after[1].on, ON_DONE);
    ck_assert_uint_eq(submit.after[2].id, 9);
    ck_assert_int_eq(submit.after[2].on, ON_EXCEPTION);
    for (size_t i = 3; i < 6; i++) {
        ck_assert_uint_eq(submit.after[i].id, 7);
        ck_assert_int_eq(submit.after[i].on, ON_RESULT);
    }
    expect_slice(submit.args, "{\"argv\" : [\"a\\u0062\"]}");
    ck_assert_uint_eq(submit.delay_ns, 250000000);
    ck_assert(!submit.durable);
    ck_assert_str_eq(submit.fn, "exec");
    ck_assert_str_eq(submit.key, "k\xc3\xa9");
    ck_assert_str_eq(submit.label, "");
    ck_assert_str_eq(submit.pool, "gpu");
    ck_assert(submit.rerun_on_crash && submit.scope_connection && submit.subscribe);
    ck_assert_int_eq(submit.priority, -5);
    ck_assert_uint_eq(submit.retry_max, 3);
    ck_assert_uint_eq(submit.retry_delay_ns, 500000000);
    ck_assert_double_eq(submit.retry_backoff, 1.0);
    ck_assert_uint_eq(submit.timeout_ns, 1);
    submit_params_clear(&submit);
    ck_assert_ptr_null(submit.after);
    submit_params_clear(&submit);
    submit_params_clear(NULL);
}
END_TEST

START_TEST(a_submit_at_its_limits)
{
    struct submit_params submit;

    limits.name_bytes = limits.label_bytes = limits.key_bytes = 4;
    limits.after = 2;
    ck_assert_int_eq(
        submit_params_decode(request("{\"fn\":\"f\",\"pool\":\"abcd\",\"label\":\"abcd\","
                                     "\"key\":\"abcd\",\"after\":[1,1],\"timeout\":1e300,"
                                     "\"delay\":1e300,\"priority\":-9223372036854775808,"
                                     "\"retry\":{\"max\":4294967295,\"delay\":0}}"),
                             false, &limits, &submit, &error),
        0);
    ck_assert_uint_eq(submit.timeout_ns, 0);
    ck_assert_uint_eq(submit.delay_ns, INT64_MAX);
    ck_assert_int_eq(submit.priority, INT64_MIN);
    ck_assert_uint_eq(submit.retry_max, UINT32_MAX);
    ck_assert_uint_eq(submit.retry_delay_ns, 0);
    ck_assert_uint_eq(submit.after_count, 2);
    submit_params_clear(&submit);
    ck_assert_int_eq(submit_params_decode(request("{\"fn\":\"f\",\"retry\":{\"max\":0}}"), false,
                                          &limits, &submit, &error),
                     0);
    ck_assert_uint_eq(submit.retry_max, 0);
}
END_TEST

/* Whatever args are, they go on as they were sent. */
START_TEST(args_are_raw)
{
    static const char *const args[] = {"{}", "[]", "1", "\"\\u0000\"", "false", "[ 1 , {} ]"};

    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
        struct submit_params submit;
        char params[100];

        snprintf(params, sizeof(params), "{\"\\u0061rgs\": %s ,\"fn\":\"echo\"}", args[i]);
        ck_assert_int_eq(submit_params_decode(request(params), false, &limits, &submit, &error), 0);
        expect_slice(submit.args, args[i]);
    }
}
END_TEST

START_TEST(maps)
{
    struct submit_params map;

    limits.map_items = 4;
    ck_assert_int_eq(submit_params_decode(request("{\"fn\":\"f\",\"items\":[\"a,\", 2,[3],null],"
                                                  "\"chunksize\":10,\"fail_fast\":true}"),
                                          true, &limits, &map, &error),
                     0);
    ck_assert_uint_eq(map.item_count, 4);
    expect_slice(map.items[0], "\"a,\"");
    expect_slice(map.items[1], "2");
    expect_slice(map.items[2], "[3]");
    expect_slice(map.items[3], "null");
    ck_assert_uint_eq(map.chunksize, 10);
    ck_assert(map.fail_fast && !map.open);
    submit_params_clear(&map);
    ck_assert_int_eq(
        submit_params_decode(request("{\"fn\":\"f\",\"items\":[]}"), true, &limits, &map, &error),
        0);
    ck_assert_uint_eq(map.item_count, 0);
    submit_params_clear(&map);
    ck_assert_int_eq(submit_params_decode(request("{\"fn\":\"f\",\"open\":true,\"window\":1}"),
                                          true, &limits, &map, &error),
                     0);
    ck_assert(map.open);
    ck_assert_uint_eq(map.window, 1);
    ck_assert_uint_eq(map.item_count, 0);
    submit_params_clear(&map);
    ck_assert_int_eq(submit_params_decode(request("{\"fn\":\"f\",\"open\":true,\"items\":[1]}"),
                                          true, &limits, &map, &error),
                     0);
    ck_assert_uint_eq(map.item_count, 1);
    submit_params_clear(&map);
}
END_TEST

START_TEST(map_adds)
{
    struct map_add_params add;

    ck_assert_int_eq(
        map_add_params_decode(request("{\"items\":[1,{\"a\":2}],\"id\":4}"), &limits, &add, &error),
        0);
    ck_assert_uint_eq(add.id, 4);
    ck_assert_uint_eq(add.item_count, 2);
    expect_slice(add.items[1], "{\"a\":2}");
    map_add_params_clear(&add);
    ck_assert_ptr_null(add.items);
    map_add_params_clear(&add);
    map_add_params_clear(NULL);
}
END_TEST

START_TEST(cancels)
{
    struct cancel_params cancel;

    ck_assert_int_eq(cancel_params_decode(request("{\"id\":3}"), &cancel, &error), 0);
    ck_assert(!cancel.many && !cancel.terminate);
    ck_assert_uint_eq(cancel.id, 3);
    ck_assert_int_eq(cancel.signal_number, SIGTERM);
    ck_assert_uint_eq(cancel.grace_ms, 10000);
    ck_assert_str_eq(cancel.reason, "");
    ck_assert_int_eq(cancel_params_decode(request("{\"ids\":[[1,9],12],\"terminate\":true,"
                                                  "\"signal\":\"SIGINT\",\"grace\":0.0001,"
                                                  "\"reason\":\"too slow\"}"),
                                          &cancel, &error),
                     0);
    ck_assert(cancel.many && cancel.terminate);
    ck_assert_uint_eq(cancel.ids.count, 2);
    expect_range(cancel.ids, 0, 1, 9, false);
    ck_assert_int_eq(cancel.signal_number, SIGINT);
    ck_assert_uint_eq(cancel.grace_ms, 1);
    ck_assert_str_eq(cancel.reason, "too slow");
    id_list_clear(&cancel.ids);
    ck_assert_int_eq(
        cancel_params_decode(request("{\"ids\":[],\"id\":null,\"grace\":0}"), &cancel, &error), 0);
    ck_assert(cancel.many);
    ck_assert_uint_eq(cancel.ids.count, 0);
    ck_assert_uint_eq(cancel.grace_ms, 0);
}
END_TEST

START_TEST(signals)
{
    static const struct {
        const char *text;
        int number;
    } samples[] = {
        {"\"HUP\"", SIGHUP},
        {"\"SIGHUP\"", SIGHUP},
        {"\"KILL\"", SIGKILL},
        {"\"USR1\"", SIGUSR1},
        {"\"USR2\"", SIGUSR2},
        {"\"STOP\"", SIGSTOP},
        {"\"CONT\"", SIGCONT},
        {"\"QUIT\"", SIGQUIT},
        {"1", 1},
        {"9", 9},
        {"64", 64},
        {"null", SIGTERM},
    };

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct cancel_params cancel;
        char params[100];

        snprintf(params, sizeof(params), "{\"id\":1,\"signal\":%s}", samples[i].text);
        ck_assert_int_eq(cancel_params_decode(request(params), &cancel, &error), 0);
        ck_assert_int_eq(cancel.signal_number, samples[i].number);
    }
}
END_TEST

START_TEST(statuses)
{
    struct status_params status;

    ck_assert_int_eq(status_params_decode(request(""), &limits, &status, &error), 0);
    ck_assert_int_eq(status.form, STATUS_LIST);
    ck_assert_uint_eq(status.states, 0);
    ck_assert_uint_eq(status.limit, 100);
    ck_assert_uint_eq(status.before, 0);
    ck_assert_ptr_null(status.pool);
    ck_assert_ptr_null(status.label);
    ck_assert_int_eq(status_params_decode(request("{\"id\":3,\"ids\":null,\"limit\":null}"),
                                          &limits, &status, &error),
                     0);
    ck_assert_int_eq(status.form, STATUS_ONE);
    ck_assert_uint_eq(status.id, 3);
    ck_assert_int_eq(status_params_decode(request("{\"ids\":[4]}"), &limits, &status, &error), 0);
    ck_assert_int_eq(status.form, STATUS_IDS);
    expect_range(status.ids, 0, 4, 4, true);
    id_list_clear(&status.ids);
    ck_assert_int_eq(status_params_decode(request("{\"state\":[\"RUNNING\",\"FINISHED\","
                                                  "\"RUNNING\"],\"pool\":\"p\",\"label\":\"\","
                                                  "\"limit\":100000,\"before\":17}"),
                                          &limits, &status, &error),
                     0);
    ck_assert_int_eq(status.form, STATUS_LIST);
    ck_assert_uint_eq(status.states, 1U << STATE_RUNNING | 1U << STATE_FINISHED);
    ck_assert_str_eq(status.pool, "p");
    ck_assert_str_eq(status.label, "");
    ck_assert_uint_eq(status.limit, 100000);
    ck_assert_uint_eq(status.before, 17);
    ck_assert(!status.describe);
    ck_assert_int_eq(
        status_params_decode(request("{\"id\":3,\"describe\":true}"), &limits, &status, &error), 0);
    ck_assert(status.describe);
    ck_assert_int_eq(status_params_decode(request("{\"limit\":0}"), &limits, &status, &error), 0);
    ck_assert_uint_eq(status.limit, 0);
    /* Who gave no limit has none exceeded. */
    limits.status_limit = 10;
    ck_assert_int_eq(status_params_decode(request("{}"), &limits, &status, &error), 0);
    ck_assert_uint_eq(status.limit, 10);
}
END_TEST

START_TEST(subscriptions)
{
    struct subscribe_params subscribe;

    ck_assert_int_eq(
        subscribe_params_decode(request("{\"ids\":[1,[2,3]],\"all\":false}"), &subscribe, &error),
        0);
    ck_assert(!subscribe.all && !subscribe.has_since);
    ck_assert_uint_eq(subscribe.ids.count, 2);
    ck_assert_uint_eq(subscribe.events, EVENT_DONE);
    id_list_clear(&subscribe.ids);
    ck_assert_int_eq(subscribe_params_decode(request("{\"ids\":[]}"), &subscribe, &error), 0);
    ck_assert_uint_eq(subscribe.ids.count, 0);
    ck_assert_int_eq(subscribe_params_decode(request("{\"all\":true}"), &subscribe, &error), 0);
    ck_assert(subscribe.all);
    ck_assert_ptr_null(subscribe.pool);
    ck_assert_int_eq(
        subscribe_params_decode(request("{\"all\":true,\"pool\":\"p\",\"label\":\"l\",\"since\":0,"
                                        "\"events\":[\"progress\",\"done\",\"done\"]}"),
                                &subscribe, &error),
        0);
    ck_assert_str_eq(subscribe.pool, "p");
    ck_assert_str_eq(subscribe.label, "l");
    ck_assert(subscribe.has_since);
    ck_assert_uint_eq(subscribe.since, 0);
    ck_assert_uint_eq(subscribe.events, EVENT_PROGRESS | EVENT_DONE);
    ck_assert_int_eq(subscribe_params_decode(request("{\"all\":true,\"since\":101,"
                                                     "\"events\":[\"running\",\"output\"]}"),
                                             &subscribe, &error),
                     0);
    ck_assert_uint_eq(subscribe.since, 101);
    ck_assert_uint_eq(subscribe.events, EVENT_RUNNING | EVENT_OUTPUT);
}
END_TEST

START_TEST(outputs)
{
    struct output_params output;

    ck_assert_int_eq(output_params_decode(request("{\"id\":1}"), &limits, &output, &error), 0);
    ck_assert_uint_eq(output.id, 1);
    ck_assert_uint_eq(output.stream, 0);
    ck_assert_uint_eq(output.offset, 0);
    ck_assert_uint_eq(output.limit, 65536);
    ck_assert_uint_eq(output.wait_ns, 0);
    ck_assert_int_eq(output_params_decode(request("{\"id\":1,\"stream\":\"stderr\",\"offset\":"
                                                  "9223372036854775807,\"limit\":1,\"wait\":1.5}"),
                                          &limits, &output, &error),
                     0);
    ck_assert_uint_eq(output.stream, 1);
    ck_assert_uint_eq(output.offset, INT64_MAX);
    ck_assert_uint_eq(output.limit, 1);
    ck_assert_uint_eq(output.wait_ns, 1500000000);
    ck_assert_int_eq(
        output_params_decode(request("{\"id\":1,\"stream\":\"stdout\",\"limit\":9999999999}"),
                             &limits, &output, &error),
        0);
    ck_assert_uint_eq(output.stream, 0);
    ck_assert_uint_eq(output.limit, 1048576);
    limits.output_chunk_bytes = 100;
    ck_assert_int_eq(output_params_decode(request("{\"id\":1}"), &limits, &output, &error), 0);
    ck_assert_uint_eq(output.limit, 100);
}
END_TEST

START_TEST(pool_settings)
{
    struct pool_params pool;

    ck_assert_int_eq(pool_params_decode(request("{\"pool\":\"p\"}"), &limits, &pool, &error), 0);
    ck_assert_str_eq(pool.pool, "p");
    ck_assert(!pool.has_max_workers && !pool.has_min_workers && !pool.has_idle_timeout);
    ck_assert(!pool.has_max_tasks && !pool.has_queue_limit && !pool.has_on_full);
    ck_assert(!pool.has_initializer);
    ck_assert_ptr_null(pool.thread_name_prefix);
    ck_assert_int_eq(
        pool_params_decode(request("{\"pool\":\"p\",\"max_workers\":10000,\"min_workers\":10000,"
                                   "\"idle_timeout\":0.5,\"max_tasks_per_worker\":7,"
                                   "\"queue_limit\":9,\"on_full\":\"wait\","
                                   "\"thread_name_prefix\":\"abcdefghijkl\","
                                   "\"initializer\":{\"args\":[1],\"fn\":\"f\"}}"),
                           &limits, &pool, &error),
        0);
    ck_assert(pool.has_max_workers && pool.has_min_workers && pool.has_idle_timeout);
    ck_assert(pool.has_max_tasks && pool.has_queue_limit && pool.has_on_full);
    ck_assert_uint_eq(pool.max_workers, 10000);
    ck_assert_uint_eq(pool.min_workers, 10000);
    ck_assert_uint_eq(pool.idle_timeout_ns, 500000000);
    ck_assert_uint_eq(pool.max_tasks, 7);
    ck_assert_uint_eq(pool.queue_limit, 9);
    ck_assert(pool.on_full_wait);
    ck_assert_str_eq(pool.thread_name_prefix, "abcdefghijkl");
    ck_assert(pool.has_initializer);
    ck_assert_str_eq(pool.initializer_fn, "f");
    expect_slice(pool.initializer_args, "[1]");
}
END_TEST

START_TEST(pool_settings_that_say_none)
{
    struct pool_params pool;

    ck_assert_int_eq(
        pool_params_decode(request("{\"pool\":\"p\",\"min_workers\":0,\"idle_timeout\":0,"
                                   "\"max_tasks_per_worker\":0,\"queue_limit\":0,"
                                   "\"on_full\":\"error\",\"initializer\":null,"
                                   "\"max_workers\":null,\"thread_name_prefix\":null}"),
                           &limits, &pool, &error),
        0);
    ck_assert(pool.has_min_workers && pool.has_idle_timeout && pool.has_max_tasks);
    ck_assert(pool.has_queue_limit && pool.has_on_full && !pool.on_full_wait);
    ck_assert(!pool.has_max_workers);
    ck_assert_uint_eq(pool.min_workers, 0);
    ck_assert_uint_eq(pool.idle_timeout_ns, 0);
    ck_assert(pool.has_initializer);
    ck_assert_ptr_null(pool.initializer_fn);
    ck_assert_int_eq(pool_params_decode(request("{\"pool\":\"p\",\"initializer\":{\"fn\":\"f\"}}"),
                                        &limits, &pool, &error),
                     0);
    ck_assert_str_eq(pool.initializer_fn, "f");
    expect_slice(pool.initializer_args, "{}");
}
END_TEST

START_TEST(shutdowns)
{
    struct shutdown_params shutdown;

    ck_assert_int_eq(shutdown_params_decode(request("{}"), &shutdown, &error), 0);
    ck_assert(shutdown.wait && !shutdown.cancel_futures && !shutdown.keep_pending);
    ck_assert(shutdown.timeout.forever);
    ck_assert_int_eq(shutdown_params_decode(request("{\"wait\":false,\"cancel_futures\":true,"
                                                    "\"keep_pending\":true,\"timeout\":-3}"),
                                            &shutdown, &error),
                     0);
    ck_assert(!shutdown.wait && shutdown.cancel_futures && shutdown.keep_pending);
    ck_assert(!shutdown.timeout.forever);
    ck_assert_uint_eq(shutdown.timeout.ns, 0);
}
END_TEST

/* ---- shapes ---- */

START_TEST(states_have_names)
{
    unsigned state = 99;

    for (unsigned i = 0; i < STATE_COUNT; i++) {
        ck_assert_int_eq(state_parse(state_name(i), &state), 0);
        ck_assert_uint_eq(state, i);
    }
    ck_assert_str_eq(state_name(STATE_CANCELLED), "CANCELLED");
    ck_assert_ptr_nonnull(state_name(STATE_COUNT));
    ck_assert_int_eq(state_parse("DONE", &state), -EINVAL);
    ck_assert_uint_eq(state, STATE_COUNT - 1);
}
END_TEST

static void expect_future(const struct future_msg *future, const char *expected)
{
    struct writer w = {0};
    char *taken;

    future_msg_write(&w, future);
    taken = writer_take(&w, NULL);
    ck_assert_str_eq(taken, expected);
    free(taken);
}

START_TEST(a_future_is_written)
{
    struct future_msg future = {
        .id = 17,
        .state = STATE_RUNNING,
        .fn = "exec",
        .pool = "default",
        .label = "night\"ly",
        .priority = -2,
        .attempt = 1,
        .submitted_us = 1764000000123456,
        .started_us = 1764000000200000,
        .uid = 1000,
    };

    expect_future(&future, "{\"id\":17,\"state\":\"RUNNING\",\"fn\":\"exec\",\"pool\":\"default\","
                           "\"label\":\"night\\\"ly\",\"priority\":-2,\"attempt\":1,"
                           "\"submitted\":1764000000.123456,\"started\":1764000000.200000,"
                           "\"finished\":null,\"uid\":1000,\"waiting\":null}");
    future.label = NULL;
    future.state = STATE_FINISHED;
    future.started_us = 0;
    future.finished_us = 1764000001000001;
    future.waiting = "delay";
    future.has_failed = future.failed = true;
    future.is_item = true;
    future.item_of = 16;
    expect_future(&future, "{\"id\":17,\"state\":\"FINISHED\",\"fn\":\"exec\",\"pool\":\"default\","
                           "\"label\":null,\"priority\":-2,\"attempt\":1,"
                           "\"submitted\":1764000000.123456,\"started\":null,"
                           "\"finished\":1764000001.000001,\"uid\":1000,\"waiting\":\"delay\","
                           "\"failed\":true,\"item_of\":16,\"index\":0}");
}
END_TEST

START_TEST(a_map_is_written_and_commas_go_on)
{
    struct future_msg future = {
        .id = 1,
        .state = STATE_PENDING,
        .fn = "f",
        .pool = "p",
        .attempt = 1,
        .is_map = true,
        .map_first = 2,
        .map_count = 15,
        .map_pending = 1,
        .map_running = 2,
        .map_finished = 3,
        .map_cancelled = 4,
        .map_failed = 5,
        .map_open = true,
    };
    struct writer w = {0};
    json_t *tree;

    writer_begin_array(&w);
    future_msg_write(&w, &future);
    future_msg_write(&w, &future);
    writer_end_array(&w);
    ck_assert(!writer_failed(&w));
    tree = json_loadb(w.data, w.size, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_uint_eq(json_array_size(tree), 2);
    ck_assert(json_equal(json_array_get(tree, 0), json_array_get(tree, 1)));
    json_decref(tree);
    writer_free(&w);
    expect_future(&future, "{\"id\":1,\"state\":\"PENDING\",\"fn\":\"f\",\"pool\":\"p\","
                           "\"label\":null,\"priority\":0,\"attempt\":1,\"submitted\":null,"
                           "\"started\":null,\"finished\":null,\"uid\":0,\"waiting\":null,"
                           "\"map\":{\"first\":2,\"count\":15,\"pending\":1,\"running\":2,"
                           "\"finished\":3,\"cancelled\":4,\"failed\":5,\"open\":true}}");
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("messages", setup, teardown);

    tcase_add_test(tests, no_params);
    tcase_add_test(tests, plain_ids_and_names);
    tcase_add_test(tests, timeouts_in_every_form);
    tcase_add_test(tests, waits);
    tcase_add_test(tests, a_submit_with_nothing_but_fn);
    tcase_add_test(tests, null_is_an_argument);
    tcase_add_test(tests, a_submit_with_everything);
    tcase_add_test(tests, a_submit_at_its_limits);
    tcase_add_test(tests, args_are_raw);
    tcase_add_test(tests, maps);
    tcase_add_test(tests, map_adds);
    tcase_add_test(tests, cancels);
    tcase_add_test(tests, signals);
    tcase_add_test(tests, statuses);
    tcase_add_test(tests, subscriptions);
    tcase_add_test(tests, outputs);
    tcase_add_test(tests, pool_settings);
    tcase_add_test(tests, pool_settings_that_say_none);
    tcase_add_test(tests, shutdowns);
    tcase_add_test(tests, states_have_names);
    tcase_add_test(tests, a_future_is_written);
    tcase_add_test(tests, a_map_is_written_and_commas_go_on);
    return suite_run();
}

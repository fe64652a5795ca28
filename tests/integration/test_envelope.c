/* JSON-RPC 2.0 around the calls: ids, notifications, batches, and what is no request. */
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

/* Sends the line, in which apostrophes stand for quotes. */
static void send_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void send_line(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *line = text_vjson(format, args);
    va_end(args);
    client_send_line(f.client, line);
    free(line);
}

/* ---- ids ---- */

START_TEST(ids_are_echoed_exactly)
{
    static const char *const ids[] = {
        "0",
        "-1",
        "-0",
        "7",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "null",
        "\"\"",
        "\"7\"",
        "\"null\"",
        "\"a \\\"b\\\" \\\\ \\/ \\n \\t\"",
        "\"\\u00e9\\ud83d\\ude00\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        "\"\\u0000\"",
    };

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        char *request =
            text_print("{\"id\" : %s ,\"method\":\"ping\",\"jsonrpc\":\"2.0\"}", ids[i]);
        char *wanted = text_print("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":\"pong\"}", ids[i]);
        client_send_line(f.client, request);
        char *line = client_read_line(f.client);
        ck_assert_str_eq(line, wanted);
        free(line);
        free(wanted);
        free(request);
    }
}
END_TEST

START_TEST(ids_are_echoed_by_errors)
{
    client_send_line(f.client, "{\"jsonrpc\":\"2.0\",\"id\":\"\\u0041\",\"method\":\"nope\"}");
    char *line = client_read_line(f.client);
    ck_assert_ptr_nonnull(strstr(line, "\"id\":\"\\u0041\""));
    ck_assert_ptr_nonnull(strstr(line, "-32601"));
    free(line);
}
END_TEST

START_TEST(an_unknown_member_of_a_request_is_named)
{
    send_line("{'jsonrpc':'2.0','id':5,'method':'ping','extra':1}");
    json_t *reply = client_read(f.client);
    json_expect(reply, "id", "5");
    json_expect(reply, "error.code", "-32602");
    json_expect(reply, "error.data", "{'param':'extra'}");
    json_decref(reply);
    send_line("{'jsonrpc':'2.0','method':'ping','extra':1}");
    send_line("{'jsonrpc':'2.0','id':6,'method':'ping'}");
    reply = client_read(f.client);
    json_expect(reply, "id", "6");
    json_decref(reply);
}
END_TEST

START_TEST(one_id_twice_is_the_clients_own_affair)
{
    json_int_t id = fixture_hold(&f);
    send_line("{'jsonrpc':'2.0','id':5,'method':'result','params':{'id':%lld}}", id);
    send_line("{'jsonrpc':'2.0','id':5,'method':'ping'}");
    json_t *reply = client_read(f.client);
    json_expect(reply, "", "{'jsonrpc':'2.0','id':5,'result':'pong'}");
    json_decref(reply);
    gate_pass(f.gate, 1);
    reply = client_read(f.client);
    json_expect(reply, "id", "5");
    json_expect(reply, "result.state", "'FINISHED'");
    json_decref(reply);
}
END_TEST

/* ---- what is no request ---- */

struct bad_line {
    const char *line;
    int code;
    const char *id; /* as it comes back */
};

static const struct bad_line bad_lines[] = {
    /* -32700: not JSON */
    {"{", -32700, "null"},
    {"}", -32700, "null"},
    {"nonsense", -32700, "null"},
    {"{'jsonrpc':'2.0','id':1,'method':'ping'", -32700, "null"},
    {"{'jsonrpc':'2.0','id':1,'method':'ping'}x", -32700, "null"},
    {"{'jsonrpc':'2.0','id':1,'method':'ping'} {}", -32700, "null"},
    {"{'jsonrpc':'2.0','id':1,'method':'ping',}", -32700, "null"},
    {"{'jsonrpc':'2.0','id':1,'id':1,'method':'ping'}", -32700, "null"},
    {"{'jsonrpc':'2.0','id':1,'method':'submit','params':{'fn':'echo','args':{'a':1,'a':2}}}",
     -32700, "null"},
    {"{'jsonrpc':'2.0','id':1,'method':'submit','params':{'fn':'echo','fn':'echo'}}", -32700,
     "null"},
    {"{'jsonrpc':'2.0','id':9223372036854775808,'method':'ping'}", -32700, "null"},
    {"{'jsonrpc':'2.0','id':1,'method':'result','params':{'id':1,'timeout':1e999}}", -32700,
     "null"},
    {"{'jsonrpc':'2.0','id':1,'method':'result','params':{'id':1,'timeout':NaN}}", -32700, "null"},
    {"{'jsonrpc':'2.0','id':01,'method':'ping'}", -32700, "null"},
    {"{'jsonrpc':'2.0','id':'\xff','method':'ping'}", -32700, "null"},
    {"{'jsonrpc':'2.0','id':'\xc3','method':'ping'}", -32700, "null"},
    {"{'jsonrpc':'2.0','id':'\xed\xa0\x80','method':'ping'}", -32700, "null"},
    {"{'jsonrpc':'2.0','id':'\\ud800','method':'ping'}", -32700, "null"},
    {"{'jsonrpc':'2.0','id':'a\tb','method':'ping'}", -32700, "null"},
    {"[{'jsonrpc':'2.0','id':1,'method':'ping'}", -32700, "null"},
    /* -32600: JSON, but no request */
    {"1", -32600, "null"},
    {"'ping'", -32600, "null"},
    {"null", -32600, "null"},
    {"true", -32600, "null"},
    {"[]", -32600, "null"},
    {"{}", -32600, "null"},
    {"{'jsonrpc':'2.0','id':3}", -32600, "3"},
    {"{'jsonrpc':'2.0','id':3,'method':7}", -32600, "3"},
    {"{'jsonrpc':'2.0','id':3,'method':null}", -32600, "3"},
    {"{'jsonrpc':'2.0','id':3,'method':['ping']}", -32600, "3"},
    {"{'jsonrpc':'1.0','id':'x','method':'ping'}", -32600, "\"x\""},
    {"{'jsonrpc':2.0,'id':3,'method':'ping'}", -32600, "3"},
    {"{'jsonrpc':2,'id':3,'method':'ping'}", -32600, "3"},
    {"{'jsonrpc':'2.0 ','id':3,'method':'ping'}", -32600, "3"},
    {"{'jsonrpc':'2.0\\u0000','id':3,'method':'ping'}", -32600, "3"},
    {"{'jsonrpc':null,'id':3,'method':'ping'}", -32600, "3"},
    {"{'id':3,'method':'ping'}", -32600, "3"},
    {"{'jsonrpc':'2.0','id':1.5,'method':'ping'}", -32600, "null"},
    {"{'jsonrpc':'2.0','id':1.0,'method':'ping'}", -32600, "null"},
    {"{'jsonrpc':'2.0','id':1e2,'method':'ping'}", -32600, "null"},
    {"{'jsonrpc':'2.0','id':true,'method':'ping'}", -32600, "null"},
    {"{'jsonrpc':'2.0','id':[1],'method':'ping'}", -32600, "null"},
    {"{'jsonrpc':'2.0','id':{},'method':'ping'}", -32600, "null"},
    {"{'jsonrpc':'2.0','id':3,'method':'ping','params':7}", -32600, "3"},
    {"{'jsonrpc':'2.0','id':3,'method':'ping','params':'x'}", -32600, "3"},
    /* -32601 */
    {"{'jsonrpc':'2.0','id':3,'method':'nope'}", -32601, "3"},
    {"{'jsonrpc':'2.0','id':3,'method':''}", -32601, "3"},
    {"{'jsonrpc':'2.0','id':3,'method':'PING'}", -32601, "3"},
    {"{'jsonrpc':'2.0','id':3,'method':'ping\\u0000'}", -32601, "3"},
    {"{'jsonrpc':'2.0','id':3,'method':'rpc.ping'}", -32601, "3"},
    /* -32602 */
    {"{'jsonrpc':'2.0','id':3,'method':'status','params':[1]}", -32602, "3"},
    {"{'jsonrpc':'2.0','id':3,'method':'ping','params':{'a':1}}", -32602, "3"},
};

static void expect_error(json_t *reply, int code, const char *id)
{
    ck_assert_int_eq(reply_error(reply), code);
    json_expect(reply, "jsonrpc", "'2.0'");
    json_t *wanted = json_parse("%s", id);
    ck_assert(json_equal(json_at(reply, "id"), wanted));
    json_decref(wanted);
    ck_assert(json_text_at(reply, "error.message")[0] != '\0');
    ck_assert(!json_has(reply, "result"));
    json_decref(reply);
}

START_TEST(what_is_no_request_is_told_so)
{
    for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
        const struct bad_line *bad = &bad_lines[i];
        char *line = text_print("%s", bad->line);

        for (char *mark = strchr(line, '\''); mark; mark = strchr(mark, '\''))
            *mark = '"';
        client_send_line(f.client, line);
        json_t *reply = client_read(f.client);
        ck_assert_msg(reply_error(reply) == bad->code, "%s: %d", line, reply_error(reply));
        expect_error(reply, bad->code, bad->id);
        /* The connection goes on. */
        json_decref(client_result(f.client, "ping", "{}"));
        free(line);
    }
}
END_TEST

START_TEST(a_nul_byte_is_a_parse_error)
{
    static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\0\n";

    client_send(f.client, line, sizeof(line) - 1);
    expect_error(client_read(f.client), -32700, "null");
    client_send(f.client, "\0{}\n", 4);
    expect_error(client_read(f.client), -32700, "null");
    json_decref(client_result(f.client, "ping", "{}"));
}
END_TEST

START_TEST(too_deep_and_too_many_values)
{
    enum { VALUES = 1048577 };
    char deep[200], *many = malloc(2 * VALUES + 3);

    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    char *line = text_print("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"submit\",\"params\":"
                            "{\"fn\":\"echo\",\"args\":{\"a\":%.200s}}}",
                            deep);
    client_send_line(f.client, line);
    json_t *reply = client_read(f.client);
    json_expect(reply, "error.data.limit", "'depth'");
    expect_error(reply, -32600, "null");
    free(line);

    for (size_t i = 0; i < VALUES; i++)
        memcpy(many + 2 * i, "1,", 2);
    many[2 * VALUES - 1] = '\0';
    line = text_print("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"map\",\"params\":"
                      "{\"fn\":\"echo\",\"items\":[%s]}}",
                      many);
    client_send_line(f.client, line);
    reply = client_read(f.client);
    json_expect(reply, "error.data.limit", "'values'");
    expect_error(reply, -32600, "null");
    free(line);
    free(many);
    json_decref(client_result(f.client, "ping", "{}"));
}
END_TEST

START_TEST(params_may_be_missing_or_empty)
{
    send_line("{'jsonrpc':'2.0','id':1,'method':'ping'}");
    send_line("{'jsonrpc':'2.0','id':1,'method':'ping','params':{}}");
    for (int i = 0; i < 2; i++) {
        json_t *reply = client_read(f.client);
        json_expect(reply, "", "{'jsonrpc':'2.0','id':1,'result':'pong'}");
        json_decref(reply);
    }
}
END_TEST

/* ---- notifications ---- */

START_TEST(notifications_are_never_answered)
{
    send_line("{'jsonrpc':'2.0','method':'ping'}");
    send_line("{'jsonrpc':'2.0','method':'nope'}");
    send_line("{'jsonrpc':'2.0','method':'submit','params':{}}");
    send_line("{'jsonrpc':'2.0','method':'submit','params':[1]}");
    send_line("{'jsonrpc':'2.0','method':'result','params':{'id':999}}");
    send_line("{'jsonrpc':'2.0','method':'info'}");
    send_line("{'jsonrpc':'2.0','id':1,'method':'ping'}");
    json_t *reply = client_read(f.client);
    json_expect(reply, "", "{'jsonrpc':'2.0','id':1,'result':'pong'}");
    json_decref(reply);
}
END_TEST

START_TEST(notifications_are_carried_out)
{
    send_line("{'jsonrpc':'2.0','method':'submit','params':{'fn':'echo','args':{'a':1},"
              "'label':'quiet'}}");
    /* Nobody is told when it is there; but one that comes after it is there later. */
    (void)client_submit(f.client, "{'fn':'echo','args':{}}");
    json_t *list = client_result(f.client, "status", "{'label':'quiet'}");
    ck_assert_uint_eq(json_count_at(list, "futures"), 1);
    json_int_t id = json_int_at(list, "futures.0.id");
    json_decref(list);
    send_line("{'jsonrpc':'2.0','method':'result','params':{'id':%lld}}", id);
    expect_result(f.client, id, "{'a':1}");
    send_line("{'jsonrpc':'2.0','method':'forget','params':{'ids':[%lld]}}", id);
    ck_assert_int_eq(client_error(f.client, "status", "{'id':%lld}", id), -32002);
}
END_TEST

START_TEST(a_notification_that_waits)
{
    json_int_t id = fixture_hold(&f);
    send_line("{'jsonrpc':'2.0','method':'result','params':{'id':%lld}}", id);
    send_line("{'jsonrpc':'2.0','method':'wait','params':{'ids':[%lld]}}", id);
    gate_pass(f.gate, 1);
    send_line("{'jsonrpc':'2.0','id':1,'method':'exception','params':{'id':%lld}}", id);
    json_t *reply = client_read(f.client);
    json_expect(reply, "id", "1");
    json_decref(reply);
    expect_quiet(f.client);
}
END_TEST

/* ---- batches ---- */

/* The reply with that id, out of an array in any order; borrowed. */
static json_t *of_batch(json_t *batch, const char *id)
{
    json_t *element, *wanted = json_parse("%s", id);
    size_t index;

    ck_assert(json_is_array(batch));
    json_array_foreach (batch, index, element) {
        if (json_equal(json_find(element, "id"), wanted)) {
            json_decref(wanted);
            return element;
        }
    }
    ck_abort_msg("no reply with id %s", id);
    return NULL;
}

START_TEST(a_batch_is_answered_as_one)
{
    send_line("[{'jsonrpc':'2.0','id':1,'method':'ping'},"
              "{'jsonrpc':'2.0','method':'ping'},"
              "{'jsonrpc':'2.0','id':'s','method':'submit','params':{'fn':'echo','args':{'a':1}}},"
              "{'jsonrpc':'2.0','id':3,'method':'nope'}]");
    json_t *batch = client_read(f.client);
    ck_assert_uint_eq(json_array_size(batch), 3);
    json_expect(of_batch(batch, "1"), "result", "'pong'");
    json_expect(of_batch(batch, "3"), "error.code", "-32601");
    expect_result(f.client, json_int_at(of_batch(batch, "\"s\""), "result.id"), "{'a':1}");
    json_decref(batch);
}
END_TEST

START_TEST(a_batch_of_one_is_an_array_of_one)
{
    send_line("[{'jsonrpc':'2.0','id':1,'method':'ping'}]");
    json_t *batch = client_read(f.client);
    json_expect(batch, "", "[{'jsonrpc':'2.0','id':1,'result':'pong'}]");
    json_decref(batch);
}
END_TEST

START_TEST(a_batch_of_notifications_has_no_answer)
{
    send_line("[{'jsonrpc':'2.0','method':'ping'},{'jsonrpc':'2.0','method':'nope'},"
              "{'jsonrpc':'2.0','method':'submit','params':{'fn':'echo','label':'n'}}]");
    send_line("{'jsonrpc':'2.0','id':2,'method':'ping'}");
    json_t *reply = client_read(f.client);
    json_expect(reply, "", "{'jsonrpc':'2.0','id':2,'result':'pong'}");
    json_decref(reply);
    (void)client_submit(f.client, "{'fn':'echo','args':{}}");
    reply = client_result(f.client, "status", "{'label':'n'}");
    ck_assert_uint_eq(json_count_at(reply, "futures"), 1);
    json_decref(reply);
}
END_TEST

START_TEST(bad_elements_spoil_no_other)
{
    send_line("[1,'x',null,[],[{'jsonrpc':'2.0','id':8,'method':'ping'}],{},"
              "{'jsonrpc':'1.0','id':4,'method':'ping'},{'jsonrpc':'2.0','id':1.5,'method':'ping'},"
              "{'jsonrpc':'2.0','id':5,'method':'submit','params':{'fn':'nope'}},"
              "{'jsonrpc':'2.0','id':6,'method':'submit','params':{'fn':'echo','args':{'b':2}}},"
              "{'jsonrpc':'2.0','id':7,'method':'ping'}]");
    json_t *batch = client_read(f.client), *element;
    size_t index, nobodys = 0;

    ck_assert_uint_eq(json_array_size(batch), 11);
    json_array_foreach (batch, index, element) {
        if (json_null_at(element, "id")) {
            json_expect(element, "error.code", "-32600");
            nobodys++;
        }
    }
    ck_assert_uint_eq(nobodys, 7);
    json_expect(of_batch(batch, "4"), "error.code", "-32600");
    json_expect(of_batch(batch, "5"), "error.code", "-32602");
    json_expect(of_batch(batch, "5"), "error.data.param", "'fn'");
    json_expect(of_batch(batch, "7"), "result", "'pong'");
    expect_result(f.client, json_int_at(of_batch(batch, "6"), "result.id"), "{'b':2}");
    json_decref(batch);
}
END_TEST

START_TEST(a_batch_that_waits_holds_up_no_other_call)
{
    json_int_t id = fixture_hold(&f);
    send_line("[{'jsonrpc':'2.0','id':'r','method':'result','params':{'id':%lld}},"
              "{'jsonrpc':'2.0','id':'p','method':'ping'}]",
              id);
    send_line("[{'jsonrpc':'2.0','id':'q','method':'ping'}]");
    json_t *batch = client_read(f.client);
    json_expect(batch, "", "[{'jsonrpc':'2.0','id':'q','result':'pong'}]");
    json_decref(batch);
    gate_pass(f.gate, 1);
    batch = client_read(f.client);
    ck_assert_uint_eq(json_array_size(batch), 2);
    json_expect(of_batch(batch, "\"r\""), "result.result.stdout", "'passed\\n'");
    json_expect(of_batch(batch, "\"p\""), "result", "'pong'");
    json_decref(batch);
}
END_TEST

START_TEST(a_large_batch)
{
    enum { COUNT = 10000 };
    char *text = malloc(COUNT * 80 + 3), *at = text;

    *at++ = '[';
    for (int i = 0; i < COUNT; i++)
        at += sprintf(at, "%s{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"ping\"}", i ? "," : "", i);
    memcpy(at, "]", 2);
    client_send_line(f.client, text);
    json_t *batch = client_read(f.client), *element;
    size_t index;
    bool seen[COUNT] = {false};
    ck_assert_uint_eq(json_array_size(batch), COUNT);
    json_array_foreach (batch, index, element) {
        json_int_t id = json_int_at(element, "id");
        ck_assert(id >= 0 && id < COUNT && !seen[id]);
        seen[id] = true;
        json_expect(element, "result", "'pong'");
    }
    json_decref(batch);
    free(text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        ids_are_echoed_exactly,
        ids_are_echoed_by_errors,
        an_unknown_member_of_a_request_is_named,
        one_id_twice_is_the_clients_own_affair,
        a_nul_byte_is_a_parse_error,
        too_deep_and_too_many_values,
        params_may_be_missing_or_empty,
        notifications_are_never_answered,
        notifications_are_carried_out,
        a_notification_that_waits,
        a_batch_is_answered_as_one,
        a_batch_of_one_is_an_array_of_one,
        a_batch_of_notifications_has_no_answer,
        bad_elements_spoil_no_other,
        a_batch_that_waits_holds_up_no_other_call,
        a_large_batch,
        what_is_no_request_is_told_so,
        NULL,
    };

    return fixture_run("envelope", setup, teardown, tests);
}

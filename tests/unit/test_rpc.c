/* layers: proto */
#include "proto/rpc.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "tests/support/suite.h"

static struct limits limits;
static struct rpc_line line;
static struct rpc_error error;

static void setup(void)
{
    limits_set_defaults(&limits);
    line = (struct rpc_line){0};
    error = (struct rpc_error){0};
}

static void teardown(void)
{
    rpc_line_clear(&line);
    rpc_line_clear(&line);
    rpc_line_clear(NULL);
}

static void parse(const char *text)
{
    rpc_line_clear(&line);
    ck_assert_msg(rpc_parse(text, strlen(text), &limits, &line, &error) == 0, "%s: %s", text,
                  error.detail);
}

/* Refused as a whole. */
static void refuse(const char *text, int code, const char *detail)
{
    rpc_line_clear(&line);
    ck_assert_int_eq(rpc_parse(text, strlen(text), &limits, &line, &error), -EBADMSG);
    ck_assert_int_eq(error.code, code);
    ck_assert_msg(strstr(error.detail, detail) != NULL, "%s: %s", text, error.detail);
    ck_assert_ptr_null(line.tree);
}

static void expect_slice(struct slice slice, const char *text)
{
    ck_assert_msg(slice.size == strlen(text) && memcmp(slice.text, text, slice.size) == 0,
                  "got %.*s, expected %s", (int)slice.size, slice.text, text);
}

/* One request that is none: it is answered, with that id. */
static void expect_invalid(const char *text, const char *id, const char *detail)
{
    const struct rpc_request *request;

    parse(text);
    ck_assert_uint_eq(line.count, 1);
    request = &line.requests[0];
    ck_assert_msg(request->error.code == RPC_INVALID_REQUEST, "%s: %d", text, request->error.code);
    ck_assert_msg(strstr(request->error.detail, detail) != NULL, "%s: %s", text,
                  request->error.detail);
    ck_assert(request->has_id);
    expect_slice(request->id, id);
}

/* The params as a tree, whichever way the line was parsed. */
static json_t *params_of(const struct rpc_request *request)
{
    json_t *params = NULL;

    ck_assert_int_eq(rpc_request_params(request, &params), 0);
    return params;
}

START_TEST(a_request_is_taken_apart)
{
    const struct rpc_request *request;

    parse(" {\"jsonrpc\":\"2.0\", \"params\": {\"a\": [1, 2]} ,\"id\" : 17,\"method\":\"x.y\"} ");
    request = &line.requests[0];
    ck_assert(!line.is_batch);
    ck_assert_uint_eq(line.count, 1);
    ck_assert_int_eq(request->error.code, 0);
    ck_assert(request->has_id);
    expect_slice(request->id, "17");
    expect_slice(request->method, "x.y");
    expect_slice(request->params_text, "{\"a\": [1, 2]}");
    ck_assert(json_is_object(params_of(request)));
    ck_assert_ptr_eq(params_of(request), params_of(request));
}
END_TEST

START_TEST(a_notification_has_no_id_and_params_may_be_absent)
{
    parse("{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}");
    ck_assert_int_eq(line.requests[0].error.code, 0);
    ck_assert(!line.requests[0].has_id);
    expect_slice(line.requests[0].id, "null");
    ck_assert_ptr_null(params_of(&line.requests[0]));
    ck_assert_uint_eq(line.requests[0].params_text.size, 0);
    parse("{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"params\":[ 1]}");
    ck_assert(json_is_array(params_of(&line.requests[0])));
    expect_slice(line.requests[0].params_text, "[ 1]");
}
END_TEST

START_TEST(ids_are_kept_to_the_letter)
{
    static const char *const ids[] = {
        "0",
        "-0",
        "-17",
        "9223372036854775807",
        "\"\"",
        "null",
        "\"a b\"",
        "\"\\u0061\\/\\ud83d\\ude00\"",
        "\"\xc3\xa9\\u0000\"",
    };
    char text[200];

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\": %s }", ids[i]);
        parse(text);
        ck_assert_int_eq(line.requests[0].error.code, 0);
        ck_assert(line.requests[0].has_id);
        expect_slice(line.requests[0].id, ids[i]);
    }
    parse("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"\\u0069d\":5}");
    expect_slice(line.requests[0].id, "5");
}
END_TEST

START_TEST(other_ids_are_refused)
{
    static const char *const ids[] = {"1.0", "1e2", "0.5", "true", "false", "[]", "{}", "[1]"};
    char text[200];

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":%s}", ids[i]);
        expect_invalid(text, "null", "id must be");
    }
}
END_TEST

START_TEST(bad_envelopes_are_refused_with_their_id)
{
    expect_invalid("{}", "null", "jsonrpc");
    expect_invalid("{\"method\":\"m\",\"id\":3}", "3", "jsonrpc must be \"2.0\"");
    expect_invalid("{\"jsonrpc\":\"1.0\",\"method\":\"m\",\"id\":3}", "3", "jsonrpc");
    expect_invalid("{\"jsonrpc\":2.0,\"method\":\"m\",\"id\":3}", "3", "jsonrpc");
    expect_invalid("{\"jsonrpc\":\"2.0\\u0000\",\"method\":\"m\",\"id\":3}", "3", "jsonrpc");
    expect_invalid("{\"jsonrpc\":\"2.0\",\"id\":3}", "3", "method is missing");
    expect_invalid("{\"jsonrpc\":\"2.0\",\"method\":1,\"id\":3}", "3", "method must be a string");
    expect_invalid("{\"jsonrpc\":\"2.0\",\"method\":null,\"id\":3}", "3", "method must be");
    expect_invalid("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":1,\"id\":3}", "3", "params");
    expect_invalid("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":null,\"id\":3}", "3",
                   "params must be an object or an array");
}
END_TEST

START_TEST(an_unknown_member_of_a_request_is_named)
{
    parse("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":\"\\u0061\",\"foo\":1}");
    ck_assert_int_eq(line.requests[0].error.code, RPC_INVALID_PARAMS);
    ck_assert_str_eq(line.requests[0].error.param, "foo");
    expect_slice(line.requests[0].id, "\"\\u0061\"");
    parse("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"foo\":1}");
    ck_assert_int_eq(line.requests[0].error.code, RPC_INVALID_PARAMS);
    ck_assert(!line.requests[0].has_id); /* a notification, so it is not answered */
}
END_TEST

START_TEST(a_bad_notification_is_answered_with_null)
{
    expect_invalid("{\"jsonrpc\":\"2.0\"}", "null", "method");
    expect_invalid("{\"method\":\"m\"}", "null", "jsonrpc");
}
END_TEST

START_TEST(method_names_are_unescaped_and_may_be_anything)
{
    parse("{\"jsonrpc\":\"2.0\",\"method\":\"p\\u0069ng\"}");
    expect_slice(line.requests[0].method, "ping");
    parse("{\"jsonrpc\":\"2.0\",\"method\":\"ping\\u0000x\"}");
    ck_assert_uint_eq(line.requests[0].method.size, 6);
    ck_assert_uint_eq(method_find(line.requests[0].method.text, line.requests[0].method.size),
                      METHOD_COUNT);
    parse("{\"jsonrpc\":\"2.0\",\"method\":\"\"}");
    ck_assert_int_eq(line.requests[0].error.code, 0);
}
END_TEST

START_TEST(one_bad_request_of_a_batch_spoils_no_other)
{
    parse("[ {\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1,\"params\":{\"n\":1}} ,7,"
          "{\"jsonrpc\":\"2.0\",\"method\":\"b\",\"params\":{\"n\":2}},null,[],"
          "{\"jsonrpc\":\"1\",\"id\":\"x\",\"method\":\"c\"},"
          "{\"jsonrpc\":\"2.0\",\"method\":\"d\",\"id\":2,\"params\":[{}]}]");
    ck_assert(line.is_batch);
    ck_assert_uint_eq(line.count, 7);
    expect_slice(line.requests[0].id, "1");
    expect_slice(line.requests[0].params_text, "{\"n\":1}");
    expect_slice(line.requests[2].method, "b");
    expect_slice(line.requests[2].params_text, "{\"n\":2}");
    ck_assert(!line.requests[2].has_id);
    expect_slice(line.requests[5].id, "\"x\"");
    ck_assert_int_eq(line.requests[5].error.code, RPC_INVALID_REQUEST);
    expect_slice(line.requests[6].params_text, "[{}]");
    for (size_t i = 0; i < 7; i++) {
        const struct rpc_request *request = &line.requests[i];

        if (i == 1 || i == 3 || i == 4) {
            ck_assert_int_eq(request->error.code, RPC_INVALID_REQUEST);
            ck_assert(request->has_id);
            expect_slice(request->id, "null");
        } else if (i != 5) {
            ck_assert_int_eq(request->error.code, 0);
        }
    }
}
END_TEST

START_TEST(batches_have_their_bounds)
{
    refuse("[]", RPC_INVALID_REQUEST, "at least one");
    refuse(" [ ] ", RPC_INVALID_REQUEST, "at least one");
    limits.batch = 2;
    parse("[1,2]");
    ck_assert_uint_eq(line.count, 2);
    refuse("[1,2,3]", RPC_LIMIT_EXCEEDED, "batch");
    ck_assert_str_eq(error.limit, "batch");
    ck_assert_uint_eq(error.value, 2);
}
END_TEST

START_TEST(bounds_come_before_the_parser)
{
    limits.depth = 3;
    parse("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[[]]}");
    refuse("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[[[]]]}", RPC_INVALID_REQUEST, "deep");
    ck_assert_str_eq(error.limit, "depth");
    ck_assert_uint_eq(error.value, 3);
    limits.values = 5;
    parse("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[1]}");
    refuse("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[1,2]}", RPC_INVALID_REQUEST,
           "values");
    ck_assert_str_eq(error.limit, "values");
    ck_assert_uint_eq(error.value, 5);
}
END_TEST

START_TEST(parse_errors_say_what_and_where)
{
    refuse("", RPC_PARSE, "empty");
    refuse(" \t ", RPC_PARSE, "empty");
    refuse("{\"a\":1,\"a\":2}", RPC_PARSE, "duplicate object key");
    refuse("{\"a\":tru}", RPC_PARSE, "at byte ");
    refuse("[1,2", RPC_PARSE, "at byte 4");
    refuse("\"\xff\"", RPC_PARSE, "unable to decode byte 0xff");
    ck_assert(utf8_valid(error.detail, strlen(error.detail)));
    ck_assert_int_eq(rpc_parse("[1]\0", 4, &limits, &line, &error), -EBADMSG);
    ck_assert_int_eq(error.code, RPC_PARSE);
    ck_assert_ptr_nonnull(strstr(error.detail, "NUL byte"));
    ck_assert_ptr_nonnull(strstr(error.detail, "at byte 3"));
}
END_TEST

/* ---- answers ---- */

static void expect_text(struct writer *writer, const char *text)
{
    char *taken = writer_take(writer, NULL);

    ck_assert_ptr_nonnull(taken);
    ck_assert_str_eq(taken, text);
    free(taken);
}

START_TEST(answers_are_written)
{
    struct writer w = {0};

    rpc_write_result(&w, (struct slice){"\"\\u0061\"", 8}, (struct slice){"[1,2]", 5});
    expect_text(&w, "{\"jsonrpc\":\"2.0\",\"id\":\"\\u0061\",\"result\":[1,2]}");
    rpc_error_set(&error, RPC_NOT_FOUND, "%s", "");
    rpc_write_error(&w, (struct slice){"1", 1}, &error);
    expect_text(&w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32002,"
                    "\"message\":\"Not found\"}}");
    rpc_error_set(&error, RPC_TIMEOUT, "not done in %d s", 5);
    rpc_write_error(&w, (struct slice){"1", 1}, &error);
    expect_text(&w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32001,"
                    "\"message\":\"Timeout: not done in 5 s\"}}");
    rpc_error_param(&error, "retry.max", "%s must be an integer", "retry.max");
    rpc_write_error(&w, (struct slice){"null", 4}, &error);
    expect_text(&w, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32602,\"message\":"
                    "\"Invalid params: retry.max must be an integer\","
                    "\"data\":{\"param\":\"retry.max\"}}}");
    rpc_error_limit(&error, "batch", 10);
    rpc_write_error(&w, (struct slice){"1", 1}, &error);
    expect_text(&w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32005,\"message\":"
                    "\"Limit exceeded: batch: 10 requests in one batch\","
                    "\"data\":{\"limit\":\"batch\",\"value\":10}}}");
}
END_TEST

START_TEST(answers_of_a_batch_have_commas_between_them)
{
    struct writer w = {0};
    struct slice one = {"1", 1};

    rpc_error_set(&error, RPC_SHUT_DOWN, "%s", "");
    writer_begin_array(&w);
    rpc_write_result(&w, one, one);
    rpc_write_error(&w, one, &error);
    rpc_write_result(&w, one, one);
    writer_end_array(&w);
    expect_text(&w, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1},"
                    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32003,\"message\":"
                    "\"Shut down\"}},{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}]");
}
END_TEST

START_TEST(an_unknown_limit_is_named_too)
{
    rpc_error_limit(&error, "queue_limit", 7);
    ck_assert_str_eq(error.limit, "queue_limit");
    ck_assert_uint_eq(error.value, 7);
    ck_assert_ptr_nonnull(strstr(error.detail, "queue_limit"));
}
END_TEST

/* Whatever a client sent and however much of it: the answer is JSON. */
START_TEST(quoted_text_breaks_no_answer)
{
    char text[1000] = "";
    json_error_t json_error;
    json_t *tree;

    for (size_t shift = 0; shift < 4; shift++) {
        struct writer w = {0};

        memset(text, 'x', shift);
        for (size_t i = shift; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\xe2\x82\xac", 4);
        rpc_error_param(&error, text, "unknown \"\\\n%s", text);
        ck_assert_uint_ge(strlen(error.detail), sizeof(error.detail) - 4);
        ck_assert_uint_ge(strlen(error.param), sizeof(error.param) - 4);
        ck_assert(utf8_valid(error.detail, strlen(error.detail)));
        ck_assert(utf8_valid(error.param, strlen(error.param)));
        ck_assert_ptr_null(strchr(error.detail, '?'));
        rpc_write_error(&w, (struct slice){"1", 1}, &error);
        tree = json_loadb(w.data, w.size, 0, &json_error);
        ck_assert_msg(tree != NULL, "%s", json_error.text);
        ck_assert_str_eq(json_string_value(json_object_get(
                             json_object_get(json_object_get(tree, "error"), "data"), "param")),
                         error.param);
        json_decref(tree);
        writer_free(&w);
    }
    rpc_error_set(&error, RPC_PARSE, "near %s", "\xff\xc3");
    ck_assert_str_eq(error.detail, "near ??");
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("rpc", setup, teardown);

    tcase_add_test(tests, a_request_is_taken_apart);
    tcase_add_test(tests, a_notification_has_no_id_and_params_may_be_absent);
    tcase_add_test(tests, ids_are_kept_to_the_letter);
    tcase_add_test(tests, other_ids_are_refused);
    tcase_add_test(tests, bad_envelopes_are_refused_with_their_id);
    tcase_add_test(tests, an_unknown_member_of_a_request_is_named);
    tcase_add_test(tests, a_bad_notification_is_answered_with_null);
    tcase_add_test(tests, method_names_are_unescaped_and_may_be_anything);
    tcase_add_test(tests, one_bad_request_of_a_batch_spoils_no_other);
    tcase_add_test(tests, batches_have_their_bounds);
    tcase_add_test(tests, bounds_come_before_the_parser);
    tcase_add_test(tests, parse_errors_say_what_and_where);
    tcase_add_test(tests, answers_are_written);
    tcase_add_test(tests, answers_of_a_batch_have_commas_between_them);
    tcase_add_test(tests, an_unknown_limit_is_named_too);
    tcase_add_test(tests, quoted_text_breaks_no_answer);
    return suite_run();
}

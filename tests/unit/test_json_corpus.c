/* layers: proto */
/* What RFC 8259 allows and forbids, case by case, and what the daemon answers to it. */
#include "proto/rpc.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json_text.h"
#include "tests/support/suite.h"

#define ACCEPTED 0

struct sample {
    const char *text;
    size_t size;
    int code; /* of the answer; 0: it is a good request */
};

/* Sizes are of the literal, as some samples have NUL bytes inside. */
#define S(text, code)                                                                              \
    {                                                                                              \
        text, sizeof(text) - 1, code                                                               \
    }
#define YES(text) S(text, ACCEPTED)
#define NO(text)  S(text, RPC_PARSE)

/* Values, tried inside of a request's params. */
static const struct sample values[] = {
    /* literals */
    YES("true"),
    YES("false"),
    YES("null"),
    NO("True"),
    NO("tru"),
    NO("nul"),
    NO("truee"),
    NO("undefined"),
    NO("NaN"),
    NO("Infinity"),
    NO("-Infinity"),
    /* numbers */
    YES("0"),
    YES("-0"),
    YES("1"),
    YES("-1"),
    YES("1234567890"),
    YES("0.1"),
    YES("-0.0"),
    YES("1.5"),
    YES("1e3"),
    YES("1E3"),
    YES("1e+3"),
    YES("1e-3"),
    YES("1.5E-10"),
    YES("0e0"),
    YES("1e-400"),
    YES("9223372036854775807"),
    YES("-9223372036854775808"),
    NO("9223372036854775808"),
    NO("-9223372036854775809"),
    NO("123456789012345678901234567890"),
    NO("1e400"),
    NO("-1e400"),
    NO("01"),
    NO("-01"),
    NO("+1"),
    NO("-"),
    NO("- 1"),
    NO("--1"),
    NO(".5"),
    NO("-.5"),
    NO("1."),
    NO("1.e3"),
    NO("1e"),
    NO("1e+"),
    NO("1.5.2"),
    NO("1e3.5"),
    NO("0x10"),
    NO("1_000"),
    NO("1a"),
    /* strings */
    YES("\"\""),
    YES("\"abc\""),
    YES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    YES("\"/\""),
    YES("\"\x7f\""),
    YES("\"\\u0041\\u00e9\\u20AC\""),
    YES("\"\\u0000\""),
    YES("\"\\ud83d\\ude00\""),
    YES("\"\\uD83D\\uDE00\""),
    YES("\"\\uffff\""),
    YES("\"\xc3\xa9\""),
    YES("\"\xe2\x82\xac\""),
    YES("\"\xf0\x9f\x98\x80\""),
    YES("\"\xf4\x8f\xbf\xbf\""),
    YES("\"\xe2\x80\xa8\""),
    NO("\"\n\""),
    NO("\"\t\""),
    NO("\"\x01\""),
    NO("\"\x1f\""),
    NO("\"a\0b\""),
    NO("\"\\a\""),
    NO("\"\\x41\""),
    NO("\"\\'\""),
    NO("\"\\u12\""),
    NO("\"\\u12G4\""),
    NO("\"\\U0041\""),
    NO("\"\\ud83d\""),
    NO("\"\\ud83dx\""),
    NO("\"\\ud83d\\n\""),
    NO("\"\\ud83d\\u0041\""),
    NO("\"\\ud83d\\ud83d\""),
    NO("\"\\ude00\""),
    NO("\"\\ude00\\ud83d\""),
    NO("\"\x80\""),
    NO("\"\xff\""),
    NO("\"\xc3\""),
    NO("\"\xc0\x80\""),
    NO("\"\xc1\xbf\""),
    NO("\"\xe0\x80\x80\""),
    NO("\"\xed\xa0\x80\""),
    NO("\"\xed\xa0\xbd\xed\xb8\x80\""),
    NO("\"\xf0\x80\x80\x80\""),
    NO("\"\xf4\x90\x80\x80\""),
    NO("\"\xf5\x80\x80\x80\""),
    NO("'abc'"),
    NO("\"abc"),
    NO("\"abc\\\""),
    NO("abc\""),
    NO("\"a\" \"b\""),
    /* arrays */
    YES("[]"),
    YES("[ ]"),
    YES("[1,\"a\",null,[],{}]"),
    YES("[\t1\r,\n2 ]"),
    NO("[1,]"),
    NO("[,1]"),
    NO("[,]"),
    NO("[1,,2]"),
    NO("[1 2]"),
    NO("[1"),
    NO("[1}"),
    NO("1]"),
    /* objects */
    YES("{}"),
    YES("{\"a\":1,\"b\":{\"a\":2}}"),
    YES("{\"\":0}"),
    YES("{ \"a\" : 1 }"),
    YES("{\"a\":1,\"A\":2}"),
    NO("{\"a\":1,\"a\":2}"),
    NO("{\"a\":1,\"\\u0061\":2}"),
    NO("{\"a\":1,}"),
    NO("{,\"a\":1}"),
    NO("{\"a\"}"),
    NO("{\"a\":}"),
    NO("{\"a\" 1}"),
    NO("{\"a\":1 \"b\":2}"),
    NO("{\"a\"::1}"),
    NO("{a:1}"),
    NO("{'a':1}"),
    NO("{1:1}"),
    NO("{null:1}"),
    NO("{\"a\":1"),
    NO("{\"a\":1]"),
    NO("{\"\xff\":1}"),
    /* Allowed by the RFC and refused all the same: no name of this protocol can be meant. */
    NO("{\"a\\u0000b\":1}"),
    /* what is no JSON at all */
    NO(""),
    NO("// comment\n1"),
    NO("/* comment */ 1"),
    NO("# comment"),
    NO("1;"),
    NO("\xc2\xa0"
       "1"),
    NO("\x0b"
       "1"),
    NO("\x0c"
       "1"),
    NO("\xef\xbb\xbf"
       "1"),
    NO("1\0"),
};

#define GOOD "{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1}"

/* Whole texts. */
static const struct sample texts[] = {
    YES(GOOD),
    YES(" \t\r\n" GOOD " \t\r\n"),
    YES("[" GOOD "]"),
    YES("{\"jsonrpc\":\"2.0\",\"method\":\"\\u0070ing\",\"id\":1}"),
    NO(""),
    NO(" "),
    NO("\r"),
    NO("\0"),
    NO(GOOD "\0"),
    NO("\0" GOOD),
    NO(GOOD GOOD),
    NO(GOOD "," GOOD),
    NO(GOOD "x"),
    NO(GOOD "]"),
    NO("\xef\xbb\xbf" GOOD),
    NO("\xff\xfe{\0}\0"),
    NO("{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1"),
    NO("{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1,\"id\":1}"),
    NO("{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":18446744073709551616}"),
    NO("{"),
    NO("["),
    NO("]"),
    NO("\""),
    NO("ping"),
    NO("[" GOOD ",]"),
    S("null", RPC_INVALID_REQUEST),
    S("true", RPC_INVALID_REQUEST),
    S("1", RPC_INVALID_REQUEST),
    S("-1.5", RPC_INVALID_REQUEST),
    S("\"ping\"", RPC_INVALID_REQUEST),
    S("[]", RPC_INVALID_REQUEST),
    S("{}", RPC_INVALID_REQUEST),
    S("[1]", RPC_INVALID_REQUEST),
    S("[[]]", RPC_INVALID_REQUEST),
    /* Bounds come before grammar: what is too deep is not parsed at all. */
    S("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", RPC_INVALID_REQUEST),
    NO("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["),
};

/* The code of the answer to `text`, the same for all elements of a batch. */
static int answer_to(const char *text, size_t size)
{
    struct rpc_line line = {0};
    struct rpc_error error = {0};
    struct limits limits;
    int rc;

    limits_set_defaults(&limits);
    rc = rpc_parse(text, size, &limits, &line, &error);
    if (rc == -EBADMSG) {
        ck_assert_ptr_null(line.requests);
        ck_assert_uint_gt(strlen(error.detail), 0);
        return error.code;
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_ge(line.count, 1);
    rc = (int)line.requests[0].error.code;
    for (size_t i = 1; i < line.count; i++)
        ck_assert_int_eq(line.requests[i].error.code, rc);
    rpc_line_clear(&line);
    return rc;
}

/* `text` in memory of exactly its size and the NUL that rpc_parse wants behind it. */
static void check_answer(const char *before, const struct sample *sample, const char *after)
{
    size_t size = strlen(before) + sample->size + strlen(after);
    char *text = malloc(size + 1);
    char *end = text;

    ck_assert_ptr_nonnull(text);
    end = mempcpy(end, before, strlen(before));
    end = mempcpy(end, sample->text, sample->size);
    memcpy(end, after, strlen(after) + 1);
    ck_assert_msg(answer_to(text, size) == sample->code, "%.*s: got %d, expected %d", (int)size,
                  text, answer_to(text, size), sample->code);
    free(text);
}

START_TEST(a_value_in_params)
{
    check_answer("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"x\":", &values[_i],
                 "},\"id\":1}");
}
END_TEST

START_TEST(a_whole_text)
{
    check_answer("", &texts[_i], "");
}
END_TEST

/* Whatever a parser takes has the form of JSON, and without its end it has not. */
START_TEST(what_is_accepted_is_complete)
{
    const struct sample *sample = &values[_i];
    char *text;
    int length;

    if (sample->code != ACCEPTED)
        return;
    length = asprintf(&text, "{\"x\":[%s]} ", sample->text);
    ck_assert_int_gt(length, 0);
    ck_assert_int_eq(json_text_complete(text, (size_t)length), 1);
    for (size_t size = 0; size < (size_t)length - 1; size++)
        ck_assert_int_eq(json_text_complete(text, size), 0);
    free(text);
}
END_TEST

/* A value alone is no request, but it is JSON, or is not, all the same. */
START_TEST(a_value_alone)
{
    struct sample sample = values[_i];

    if (sample.code == ACCEPTED)
        sample.code = RPC_INVALID_REQUEST;
    check_answer("", &sample, "");
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("json corpus", NULL, NULL);

    tcase_add_loop_test(tests, a_value_in_params, 0, (int)(sizeof(values) / sizeof(values[0])));
    tcase_add_loop_test(tests, a_value_alone, 0, (int)(sizeof(values) / sizeof(values[0])));
    tcase_add_loop_test(tests, what_is_accepted_is_complete, 0,
                        (int)(sizeof(values) / sizeof(values[0])));
    tcase_add_loop_test(tests, a_whole_text, 0, (int)(sizeof(texts) / sizeof(texts[0])));
    return suite_run();
}

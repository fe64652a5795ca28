/* layers: run proto core base */
#include "daemon/run/handler_message.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

static const struct handler_bounds bounds = {.line_bytes = 1000, .depth = 5, .values = 50};

/* The line with apostrophes as quotes; static. */
static const char *json(const char *text)
{
    static char line[1000];

    snprintf(line, sizeof(line), "%s", text);
    for (char *c = line; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    return line;
}

static struct handler_message parse(const char *text)
{
    struct handler_message message;
    const char *why = "";
    const char *line = json(text);

    ck_assert_msg(handler_message_parse(line, strlen(line), &bounds, &message, &why) == 0, "%s: %s",
                  text, why);
    return message;
}

static void check_value(const struct handler_message *message, const char *wanted)
{
    ck_assert_uint_eq(message->value.size, strlen(wanted));
    if (message->value.size > 0)
        ck_assert_mem_eq(message->value.text, wanted, message->value.size);
}

START_TEST(a_result)
{
    static const char *const values[] = {"null", "17", "[1, 2]", "{}", "\"\""};

    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        char line[100];

        snprintf(line, sizeof(line), " {'jsonrpc':'2.0', 'id': 42, 'result': %s }", values[i]);
        struct handler_message message = parse(line);
        ck_assert_int_eq(message.kind, HANDLER_RESULT);
        ck_assert_uint_eq(message.id, 42);
        check_value(&message, values[i]);
        handler_message_clear(&message);
        ck_assert_ptr_null(message.tree);
    }
}
END_TEST

static void check_error(const char *text, int code, const char *type, const char *message_text,
                        const char *data)
{
    struct handler_message message = parse(text);

    ck_assert_int_eq(message.kind, HANDLER_ERROR);
    ck_assert_uint_eq(message.id, 7);
    ck_assert_int_eq(message.code, code);
    ck_assert_str_eq(message.type, type);
    ck_assert_str_eq(message.text, message_text);
    check_value(&message, data);
    handler_message_clear(&message);
}

START_TEST(an_error)
{
    char line[300], long_name[140];

    check_error(
        "{'jsonrpc':'2.0','id':7,'error':{'code':1,'message':'m','data':{'type':'T','x':1}}}", 1,
        "T", "m", "{\"type\":\"T\",\"x\":1}");
    check_error("{'jsonrpc':'2.0','id':7,'error':{'code':-32000,'message':''}}", -32000,
                "HandlerError", "", "");
    check_error("{'jsonrpc':'2.0','id':7,'error':{'code':-32602,'message':'m'}}", -32602,
                "InvalidArguments", "m", "");
    check_error(
        "{'jsonrpc':'2.0','id':7,'error':{'code':-32602,'message':'m','data':{'type':'T'}}}",
        -32602, "T", "m", "{\"type\":\"T\"}");
    check_error("{'jsonrpc':'2.0','id':7,'error':{'code':1,'message':'m','data':{'type':7}}}", 1,
                "HandlerError", "m", "{\"type\":7}");
    check_error("{'jsonrpc':'2.0','id':7,'error':{'code':1,'message':'m','data':{'type':''}}}", 1,
                "HandlerError", "m", "{\"type\":\"\"}");
    check_error("{'jsonrpc':'2.0','id':7,'error':{'code':1,'message':'m','data':'x'}}", 1,
                "HandlerError", "m", "\"x\"");
    memset(long_name, 'x', sizeof(long_name));
    long_name[129] = '\0';
    snprintf(line, sizeof(line),
             "{'jsonrpc':'2.0','id':7,'error':{'code':1,'message':'m','data':{'type':'%s'}}}",
             long_name);
    struct handler_message message = parse(line);
    ck_assert_str_eq(message.type, "HandlerError");
    handler_message_clear(&message);
}
END_TEST

START_TEST(a_progress)
{
    struct handler_message message =
        parse("{'jsonrpc':'2.0','method':'progress','params':{'id':42,'value':{'done': 0.5}}}");

    ck_assert_int_eq(message.kind, HANDLER_PROGRESS);
    ck_assert_uint_eq(message.id, 42);
    ck_assert(!message.any_id);
    check_value(&message, "{\"done\": 0.5}");
    handler_message_clear(&message);
    message = parse("{'jsonrpc':'2.0','method':'progress','params':{'value':null}}");
    ck_assert_int_eq(message.kind, HANDLER_PROGRESS);
    ck_assert(message.any_id);
    check_value(&message, "null");
    handler_message_clear(&message);
}
END_TEST

START_TEST(a_log)
{
    struct handler_message message =
        parse("{'jsonrpc':'2.0','method':'log','params':{'level':'warning','message':'m'}}");

    ck_assert_int_eq(message.kind, HANDLER_LOG);
    ck_assert_int_eq(message.level, LOG_LEVEL_WARNING);
    ck_assert_str_eq(message.text, "m");
    handler_message_clear(&message);
    message = parse("{'jsonrpc':'2.0','method':'log','params':{'message':'m'}}");
    ck_assert_int_eq(message.level, LOG_LEVEL_INFO);
    handler_message_clear(&message);
}
END_TEST

START_TEST(notifications_of_the_future_are_fine)
{
    struct handler_message message = parse("{'jsonrpc':'2.0','method':'ready'}");

    ck_assert_int_eq(message.kind, HANDLER_UNKNOWN);
    handler_message_clear(&message);
}
END_TEST

static void check_refused(const char *text, const char *wanted)
{
    struct handler_message message;
    const char *why = "";
    const char *line = json(text);

    ck_assert_msg(handler_message_parse(line, strlen(line), &bounds, &message, &why) == -EBADMSG,
                  "%s", text);
    ck_assert_str_eq(why, wanted);
}

START_TEST(what_is_refused)
{
    static const char no_answer[] = "an answer without the `id` of its request";
    static const char neither[] = "an answer without either `result` or `error`";
    static const char bad_error[] = "an error without an integer `code` and a string `message`";

    check_refused("", "a line that is no JSON");
    check_refused("hello", "a line that is no JSON");
    check_refused("{'jsonrpc':'2.0','id':1,'result':1", "a line that is no JSON");
    check_refused("{'jsonrpc':'2.0','id':1,'id':1,'result':1}", "a line that is no JSON");
    check_refused("{'jsonrpc':'2.0','id':1,'result':'\xff'}", "a line that is no JSON");
    check_refused("17", "a line that is no JSON");
    check_refused("[{'jsonrpc':'2.0','id':1,'result':1}]", "JSON that is no JSON-RPC 2.0 message");
    check_refused("{'id':1,'result':1}", "JSON that is no JSON-RPC 2.0 message");
    check_refused("{'jsonrpc':2.0,'id':1,'result':1}", "JSON that is no JSON-RPC 2.0 message");
    check_refused("{'jsonrpc':'1.0','id':1,'result':1}", "JSON that is no JSON-RPC 2.0 message");
    check_refused("{'jsonrpc':'2.0','result':1}", no_answer);
    check_refused("{'jsonrpc':'2.0','id':'1','result':1}", no_answer);
    check_refused("{'jsonrpc':'2.0','id':null,'result':1}", no_answer);
    check_refused("{'jsonrpc':'2.0','id':-1,'result':1}", no_answer);
    check_refused("{'jsonrpc':'2.0','id':1}", neither);
    check_refused("{'jsonrpc':'2.0','id':1,'result':1,'error':null}", neither);
    check_refused("{'jsonrpc':'2.0','id':1,'error':'x'}", bad_error);
    check_refused("{'jsonrpc':'2.0','id':1,'error':{'message':'x'}}", bad_error);
    check_refused("{'jsonrpc':'2.0','id':1,'error':{'code':'1','message':'x'}}", bad_error);
    check_refused("{'jsonrpc':'2.0','id':1,'error':{'code':1}}", bad_error);
    check_refused("{'jsonrpc':'2.0','id':1,'method':'submit'}",
                  "a request, and the daemon takes none");
    check_refused("{'jsonrpc':'2.0','method':'progress'}", "a progress without a `value`");
    check_refused("{'jsonrpc':'2.0','method':'progress','params':[1]}",
                  "a progress without a `value`");
    check_refused("{'jsonrpc':'2.0','method':'progress','params':{'id':'1','value':1}}",
                  "a progress whose `id` is no id");
    check_refused("{'jsonrpc':'2.0','method':'log','params':{'message':1}}",
                  "a log without a string `message`");
    check_refused("{'jsonrpc':'2.0','method':'log','params':{'level':'loud','message':'m'}}",
                  "a log whose `level` is none");
    check_refused("{'jsonrpc':'2.0','id':1,'result':[[[[[1]]]]]}", "JSON that is nested too deep");
    check_refused("{'jsonrpc':'2.0','id':1,'result':[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
                  "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}",
                  "JSON with too many values");
}
END_TEST

START_TEST(a_request)
{
    struct writer writer = {0};

    handler_message_request(&writer, 42, "resize", (struct slice){"{\"a\":\n [1,\n2]}", 14});
    ck_assert(!writer_failed(&writer));
    writer_raw(&writer, "", 1);
    ck_assert_str_eq(
        writer.data,
        "{\"jsonrpc\":\"2.0\",\"id\":42,\"method\":\"resize\",\"params\":{\"a\":  [1, 2]}}\n");
    writer_free(&writer);
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("handler_message", NULL, NULL);

    tcase_add_test(tcase, a_result);
    tcase_add_test(tcase, an_error);
    tcase_add_test(tcase, a_progress);
    tcase_add_test(tcase, a_log);
    tcase_add_test(tcase, notifications_of_the_future_are_fine);
    tcase_add_test(tcase, what_is_refused);
    tcase_add_test(tcase, a_request);
    return suite_run();
}

/* layers: run core base */
/* extra: tests/support/plugin_fixture.c tests/support/fake_call.c tests/support/text.c */
#include "daemon/run/plugin_call.h"

#include "daemon/base/log.h"
#include "daemon/run/dump.h"
#include "tests/support/fake_call.h"
#include "tests/support/plugin_fixture.h"
#include "tests/support/suite.h"
#include "tests/support/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 8

static struct plugin_fixture f;

static void setup(void)
{
    log_set_level(LOG_LEVEL_ERROR); /* the plugin talks much */
    plugin_fixture_start(&f);
    plugin_fixture_install(&f, "calls", "calls.so");
    plugin_fixture_load(&f);
}

static void teardown(void)
{
    plugin_fixture_stop(&f);
}

static const struct function *function(const char *name)
{
    const struct function *found = plugin_fixture_function(&f, name);

    ck_assert_msg(found, "there is no %s", name);
    return found;
}

static void check_outcome_result(struct call *call, const char *expected)
{
    const struct outcome *outcome = call_outcome(call);

    ck_assert_msg(outcome->kind == OUTCOME_RESULT, "%s: %s", outcome_type(outcome),
                  outcome_message(outcome));
    ck_assert_uint_eq(outcome->json_bytes, strlen(expected));
    ck_assert_mem_eq(outcome->json, expected, outcome->json_bytes);
}

/* `data` NULL: none. */
static void check_outcome_exception(struct call *call, const char *type, const char *message,
                                    const char *data)
{
    const struct outcome *outcome = call_outcome(call);

    ck_assert_int_eq(outcome->kind, OUTCOME_EXCEPTION);
    ck_assert_str_eq(outcome_type(outcome), type);
    ck_assert_str_eq(outcome_message(outcome), message);
    ck_assert_uint_eq(outcome->json_bytes, data ? strlen(data) : 0);
    if (data)
        ck_assert_mem_eq(outcome->json, data, outcome->json_bytes);
    else
        ck_assert_ptr_null(outcome->json);
}

static void check_result(const char *name, const char *args, const char *item, const char *expected)
{
    struct call *call = fake_call_new(args, item, 0);

    fake_call_run(call, function(name));
    check_outcome_result(call, expected);
    fake_call_free(call);
}

static void check_exception(const char *name, const char *args, const char *type,
                            const char *message, const char *data)
{
    struct call *call = fake_call_new(args, NULL, 0);

    fake_call_run(call, function(name));
    check_outcome_exception(call, type, message, data);
    fake_call_free(call);
}

/* ---- arguments and results ---- */

START_TEST(arguments_arrive_and_results_return)
{
    check_result("add", "{\"a\":40,\"b\":2}", NULL, "42");
    check_result("echo_args", "{ \"x\" : [1.5, null] }", NULL, "{\"x\":[1.5,null]}");
    check_result("echo_args", "\"\\u0000\"", NULL, "\"\\u0000\"");
    check_result("echo_args", "", NULL, "{}");
    check_result("echo_args", "[]", NULL, "[]");
    check_result("echo_args", "null", NULL, "null");
}
END_TEST

START_TEST(items_join_the_arguments)
{
    check_result("echo_args", "{}", "[1]", "{\"item\":[1]}");
    check_result("echo_args", "{\"a\":1}", "null", "{\"a\":1,\"item\":null}");
}
END_TEST

START_TEST(a_function_knows_its_call)
{
    check_result("who", "{}", NULL, "[42,3,1,1]");
}
END_TEST

START_TEST(arguments_that_nobody_has_checked)
{
    struct call *call = fake_call_new("{\"a\":", NULL, 0);

    fake_call_run(call, function("echo_args"));
    ck_assert_int_eq(call_outcome(call)->kind, OUTCOME_EXCEPTION);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "InvalidArguments");
    fake_call_free(call);
}
END_TEST

/* ---- what fails ---- */

START_TEST(what_is_raised)
{
    check_exception("raise", "{\"why\":[1]}", "ValueError", "7 is no colour", "{\"why\":[1]}");
    check_exception("raise_twice", "{}", "Second", "second", NULL);
    check_exception("raise_no_text", "{}", "PluginError", "caf?", NULL);
    check_exception("out_of_memory", "{}", "MemoryError", "out of memory", NULL);
}
END_TEST

START_TEST(garbage)
{
    check_exception("nothing", "{}", "InvalidResult",
                    "the function returned nothing and raised nothing", NULL);
    check_exception("no_utf8", "{}", "InvalidResult", "the function returned what makes no JSON",
                    NULL);
    check_exception("circle", "{}", "InvalidResult",
                    "the function returned what is nested too deep, or in a circle", NULL);
    check_exception("doubled", "{}", "InvalidResult", "the function returned too large a value",
                    NULL);
}
END_TEST

START_TEST(nested_values)
{
    char *args = text_print("{\"levels\":%d}", DUMP_DEPTH);
    struct call *call = fake_call_new(args, NULL, 0);

    fake_call_run(call, function("deep"));
    ck_assert_int_eq(call_outcome(call)->kind, OUTCOME_RESULT);
    ck_assert_uint_eq(call_outcome(call)->json_bytes, 2 * DUMP_DEPTH);
    fake_call_free(call);
    free(args);
    check_exception("deep", "{\"levels\":300000}", "InvalidResult",
                    "the function returned what is nested too deep, or in a circle", NULL);
}
END_TEST

START_TEST(large_values)
{
    size_t letters = PLUGIN_FIXTURE_RESULT_BYTES - 2;
    char *text = malloc(letters + 3);

    memset(text, 'x', letters + 3);
    text[0] = text[letters + 1] = '"';
    text[letters + 2] = '\0';
    check_result("echo_args", text, NULL, text);
    free(text);
    text = text_print("[\"%0*d\"]", (int)letters, 0);
    check_exception("echo_args", text, "InvalidResult", "the function returned too large a value",
                    NULL);
    check_exception("raise", text, "ValueError", "7 is no colour", NULL);
    free(text);
}
END_TEST

static size_t allocations_left;

static void *scarce_malloc(size_t bytes)
{
    return allocations_left > 0 ? (allocations_left--, malloc(bytes)) : NULL;
}

/* Whichever allocation of a value fails: the call fails, and nothing else. (A circle is lost then.)
 */
START_TEST(memory_runs_out_anywhere)
{
    static const char *const names[] = {"echo_args", "raise", "tell"};

    json_set_alloc_funcs(scarce_malloc, free);
    for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
        for (size_t allocations = 0; allocations < 100; allocations++) {
            struct call *call = fake_call_new("{\"a\":{\"b\":[1,2.5,\"x\"]}}", NULL, 0);

            allocations_left = allocations;
            fake_call_run(call, function(names[n]));
            allocations_left = SIZE_MAX;
            ck_assert_int_ne(call_outcome(call)->kind, OUTCOME_NONE);
            if (allocations == 0)
                ck_assert_str_eq(outcome_type(call_outcome(call)), "MemoryError");
            fake_call_free(call);
        }
    }
    json_set_alloc_funcs(malloc, free);
    check_result("echo_args", "{\"a\":1}", NULL, "{\"a\":1}");
}
END_TEST

/* ---- while it runs ---- */

START_TEST(progress)
{
    struct call *call = fake_call_new("{\"at\":\"end\"}", NULL, 0);
    unsigned count;

    fake_call_run(call, function("tell"));
    check_outcome_result(call, "[0,-22,-12,0]");
    ck_assert_str_eq(fake_call_progress(call, &count), "{\"at\":\"end\"}");
    ck_assert_uint_eq(count, 2);
    fake_call_free(call);
}
END_TEST

static void check_stream(struct call *call, enum output_stream stream, const char *expected,
                         size_t size)
{
    char data[64];
    uint64_t kept;
    bool ended;

    ck_assert_uint_eq(output_read(call_output(call), stream, 0, data, sizeof(data), &kept, &ended),
                      size);
    ck_assert_mem_eq(data, expected, size);
}

START_TEST(output)
{
    struct call *call = fake_call_new("{}", NULL, 1000);

    fake_call_run(call, function("print"));
    check_outcome_result(call, "[0,0,-22]");
    check_stream(call, OUTPUT_STDOUT, "out\n", 4);
    check_stream(call, OUTPUT_STDERR, "e\0r\n", 4);
    fake_call_free(call);
}
END_TEST

START_TEST(cancel)
{
    static const struct {
        enum stop_cause cause;
        const char *type;
    } ways[] = {{STOP_TERMINATE, "Terminated"}, {STOP_TIMEOUT, "TimedOut"}};

    for (size_t i = 0; i < 2; i++) {
        struct call *call = fake_call_new("{}", NULL, 0);

        fake_call_start(call, function("wait_for_cancel"));
        fake_call_await_progress(call);
        fake_call_stop(call, ways[i].cause, 15, 1000);
        fake_call_join(call);
        check_outcome_exception(call, ways[i].type, "stopped", NULL);
        fake_call_free(call);
    }
}
END_TEST

START_TEST(a_result_in_spite_of_cancel)
{
    struct call *call = fake_call_new("{\"result\":true}", NULL, 0);

    fake_call_start(call, function("wait_for_cancel"));
    fake_call_await_progress(call);
    fake_call_stop(call, STOP_TERMINATE, 15, 1000);
    fake_call_join(call);
    check_outcome_result(call, "\"done all the same\"");
    fake_call_free(call);
}
END_TEST

START_TEST(many_at_once)
{
    static const char *const names[THREADS] = {"add",  "raise", "circle", "no_utf8",
                                               "tell", "print", "deep",   "wait_for_cancel"};
    struct call *calls[THREADS];

    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < THREADS; i++) {
            calls[i] = fake_call_new("{\"a\":1,\"b\":2,\"levels\":5000}", NULL, 1000);
            fake_call_start(calls[i], function(names[i]));
        }
        fake_call_await_progress(calls[THREADS - 1]);
        fake_call_stop(calls[THREADS - 1], STOP_TERMINATE, 15, 0);
        for (size_t i = 0; i < THREADS; i++)
            fake_call_join(calls[i]);
        check_outcome_result(calls[0], "3");
        ck_assert_str_eq(outcome_type(call_outcome(calls[1])), "ValueError");
        ck_assert_str_eq(outcome_type(call_outcome(calls[2])), "InvalidResult");
        ck_assert_str_eq(outcome_type(call_outcome(calls[6])), "InvalidResult");
        ck_assert_str_eq(outcome_type(call_outcome(calls[7])), "Terminated");
        for (size_t i = 0; i < THREADS; i++)
            fake_call_free(calls[i]);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("plugin_call", setup, teardown);

    tcase_add_test(tcase, arguments_arrive_and_results_return);
    tcase_add_test(tcase, items_join_the_arguments);
    tcase_add_test(tcase, a_function_knows_its_call);
    tcase_add_test(tcase, arguments_that_nobody_has_checked);
    tcase_add_test(tcase, what_is_raised);
    tcase_add_test(tcase, garbage);
    tcase_add_test(tcase, nested_values);
    tcase_add_test(tcase, large_values);
    tcase_add_test(tcase, memory_runs_out_anywhere);
    tcase_add_test(tcase, progress);
    tcase_add_test(tcase, output);
    tcase_add_test(tcase, cancel);
    tcase_add_test(tcase, a_result_in_spite_of_cancel);
    tcase_add_test(tcase, many_at_once);
    return suite_run();
}

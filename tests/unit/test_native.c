/* layers: run core base */
/* extra: tests/support/fake_call.c */
#include "daemon/run/native.h"

#include "daemon/base/clock.h"
#include "daemon/run/args.h"
#include "tests/support/fake_call.h"
#include "tests/support/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int check(const struct function *function, const char *args, bool is_map,
                 struct check_error *ret_error)
{
    return function->ops->check_args(function, args, strlen(args), is_map, ret_error);
}

static void check_refused(const struct function *function, const char *args, bool is_map,
                          const char *param)
{
    struct check_error error = {0};

    ck_assert_msg(check(function, args, is_map, &error) == -EINVAL, "not refused: %s", args);
    ck_assert_str_eq(error.param, param);
    ck_assert_str_ne(error.message, "");
}

static void check_accepted(const struct function *function, const char *args, bool is_map)
{
    struct check_error error;

    ck_assert_msg(check(function, args, is_map, &error) == 0, "refused: %s", args);
}

static void check_result(const struct function *function, const char *args, const char *item,
                         const char *expected)
{
    struct call *call = fake_call_new(args, item, 0);
    const struct outcome *outcome = call_outcome(call);

    fake_call_run(call, function);
    ck_assert_int_eq(outcome->kind, OUTCOME_RESULT);
    if (expected) {
        ck_assert_uint_eq(outcome->json_bytes, strlen(expected));
        ck_assert_mem_eq(outcome->json, expected, outcome->json_bytes);
    } else {
        ck_assert_ptr_null(outcome->json);
    }
    fake_call_free(call);
}

START_TEST(names)
{
    ck_assert_str_eq(native_sleep()->name, "sleep");
    ck_assert_str_eq(native_echo()->name, "echo");
    ck_assert_str_eq(native_sleep()->ops->kind, "native");
    ck_assert_str_eq(native_echo()->ops->kind, "native");
    ck_assert(!native_echo()->ops->streams_in_result);
}
END_TEST

START_TEST(sleep_checks_its_arguments)
{
    check_accepted(native_sleep(), "{\"seconds\":0}", false);
    check_accepted(native_sleep(), "{\"seconds\":1e300}", false);
    check_accepted(native_sleep(), "{\"seconds\":0.25}", true);
    check_refused(native_sleep(), "", false, "args.seconds");
    check_refused(native_sleep(), "{}", false, "args.seconds");
    check_refused(native_sleep(), "{\"seconds\":-0.1}", false, "args.seconds");
    check_refused(native_sleep(), "{\"seconds\":true}", false, "args.seconds");
    check_refused(native_sleep(), "{\"seconds\":\"1\"}", false, "args.seconds");
    check_refused(native_sleep(), "{\"seconds\":1,\"minutes\":1}", false, "args.minutes");
    check_refused(native_sleep(), "{\"minutes\":1}", false, "args.minutes");
    check_refused(native_sleep(), "[1]", false, "args");
    check_refused(native_sleep(), "{\"seconds\":1,\"item\":2}", true, "args.item");
}
END_TEST

START_TEST(sleep_takes_its_time)
{
    uint64_t start_ns = clock_mono_ns();

    check_result(native_sleep(), "{\"seconds\":0.05}", NULL, NULL);
    ck_assert_uint_ge(clock_mono_ns() - start_ns, 50 * NS_PER_MS);
    check_result(native_sleep(), "{\"seconds\":0}", "3", NULL);
}
END_TEST

START_TEST(stop_wakes_the_sleeper)
{
    static const char *const endless[] = {"{\"seconds\":3600}", "{\"seconds\":1e300}"};

    for (size_t i = 0; i < 2; i++) {
        struct call *call = fake_call_new(endless[i], NULL, 0);

        fake_call_start(call, native_sleep());
        fake_call_stop(call, i == 0 ? STOP_TERMINATE : STOP_TIMEOUT, 15, 1000);
        fake_call_join(call);
        ck_assert_int_eq(call_outcome(call)->kind, OUTCOME_EXCEPTION);
        ck_assert_str_eq(outcome_type(call_outcome(call)), i == 0 ? "Terminated" : "TimedOut");
        fake_call_free(call);
    }
}
END_TEST

START_TEST(echo_returns_its_text)
{
    check_result(native_echo(), "{ \"a\" : 1.50 }", NULL, "{ \"a\" : 1.50 }");
    check_result(native_echo(), "[null,true]", NULL, "[null,true]");
    check_result(native_echo(), "\"x\"", NULL, "\"x\"");
    check_result(native_echo(), "", NULL, "{}");
    check_accepted(native_echo(), "7", false);
    check_accepted(native_echo(), "{\"item\":1}", false);
}
END_TEST

START_TEST(item_joins_the_arguments)
{
    check_result(native_echo(), "", "1", "{\"item\":1}");
    check_result(native_echo(), "{}", "1", "{\"item\":1}");
    check_result(native_echo(), " { \t} \n", "\"x\"", " {\"item\":\"x\"}");
    check_result(native_echo(), "{\"a\":{}}", "[1,{}]", "{\"a\":{},\"item\":[1,{}]}");
    check_result(native_echo(), "{\"a\":\"}\" } ", "null", "{\"a\":\"}\",\"item\":null}");
}
END_TEST

START_TEST(map_needs_an_object_without_item)
{
    check_accepted(native_echo(), "", true);
    check_accepted(native_echo(), "{\"a\":{\"item\":1}}", true);
    check_refused(native_echo(), "[1]", true, "args");
    check_refused(native_echo(), "null", true, "args");
    check_refused(native_echo(), "{\"a\":1,\"item\":null}", true, "args.item");
}
END_TEST

START_TEST(refusals_are_cut_between_characters)
{
    struct check_error error;
    char name[200];

    /* Two-byte characters at odd and at even places: one of the two would be cut through. */
    for (size_t shift = 0; shift < 2; shift++) {
        memset(name, 'x', sizeof(name));
        for (size_t i = shift; i + 1 < sizeof(name) - 1; i += 2)
            memcpy(name + i, "\xc3\xa9", 2);
        name[sizeof(name) - 1] = '\0';
        ck_assert_int_eq(args_refuse_member(&error, "args", name), -EINVAL);
        json_t *valid = json_string(error.param);
        ck_assert_ptr_nonnull(valid);
        json_decref(valid);
        ck_assert_uint_ge(strlen(error.param), sizeof(error.param) - 2);
        ck_assert_int_eq(args_refuse(&error, "args", "%s\xe2\x82\xac", "euro"), -EINVAL);
        ck_assert_str_eq(error.message, "euro\xe2\x82\xac");
    }
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("native", NULL, NULL);

    tcase_add_test(tcase, names);
    tcase_add_test(tcase, sleep_checks_its_arguments);
    tcase_add_test(tcase, sleep_takes_its_time);
    tcase_add_test(tcase, stop_wakes_the_sleeper);
    tcase_add_test(tcase, echo_returns_its_text);
    tcase_add_test(tcase, item_joins_the_arguments);
    tcase_add_test(tcase, map_needs_an_object_without_item);
    tcase_add_test(tcase, refusals_are_cut_between_characters);
    return suite_run();
}

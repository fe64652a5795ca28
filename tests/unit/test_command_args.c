/* layers: run core base */
#include "daemon/run/command_args.h"

#include "daemon/core/runner.h"
#include "daemon/run/base64.h"
#include "daemon/run/command_argv.h"
#include "daemon/run/command_env.h"
#include "tests/support/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- arguments ----------------------------------------------------------------------------- */

static struct command_args parse(const char *text)
{
    struct command_args args;
    struct check_error error;
    int r = command_args_parse(text, strlen(text), &args, &error);

    ck_assert_msg(r == 0, "refused: %s: %s", text, r == -EINVAL ? error.message : "");
    return args;
}

START_TEST(defaults)
{
    struct command_args args = parse("{\"argv\":[\"true\"]}");

    ck_assert(args.check);
    ck_assert(!args.clean_env);
    ck_assert(!args.merge_stderr);
    ck_assert(!args.has_stdin);
    ck_assert(!args.set_nice);
    ck_assert_ptr_null(args.cwd);
    ck_assert_ptr_null(args.env);
    ck_assert_uint_eq(args.limit_count, 0);
    ck_assert_uint_eq(json_array_size(args.argv), 1);
    command_args_clear(&args);
    command_args_clear(&args);
}
END_TEST

START_TEST(null_is_absent)
{
    struct command_args args =
        parse("{\"argv\":[\"true\"],\"cwd\":null,\"env\":null,\"clean_env\":null,\"stdin\":null,"
              "\"stdin_base64\":null,\"check\":null,\"merge_stderr\":null,\"limits\":null,"
              "\"nice\":null}");

    ck_assert(args.check);
    ck_assert(!args.has_stdin);
    ck_assert(!args.set_nice);
    ck_assert_ptr_null(args.cwd);
    ck_assert_ptr_null(args.env);
    command_args_clear(&args);
}
END_TEST

START_TEST(every_member_is_read)
{
    struct command_args args =
        parse("{\"argv\":[\"a\",\"\"],\"cwd\":\"/tmp\",\"env\":{\"A\":\"1\"},"
              "\"clean_env\":true,\"stdin\":\"x\\u0000y\",\"check\":false,"
              "\"merge_stderr\":true,\"nice\":-20,\"limits\":{\"as\":0,"
              "\"fsize\":1,\"nofile\":2,\"nproc\":3}}");

    ck_assert(!args.check);
    ck_assert(args.clean_env);
    ck_assert(args.merge_stderr);
    ck_assert(args.has_stdin);
    ck_assert_uint_eq(args.stdin_bytes, 3);
    ck_assert_mem_eq(args.stdin_data, "x\0y", 3);
    ck_assert(args.set_nice);
    ck_assert_int_eq(args.nice, -20);
    ck_assert_str_eq(args.cwd, "/tmp");
    ck_assert_uint_eq(json_object_size(args.env), 1);
    ck_assert_uint_eq(args.limit_count, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(args.limits[i].value.rlim_cur, i);
        ck_assert_uint_eq(args.limits[i].value.rlim_max, i);
    }
    command_args_clear(&args);
}
END_TEST

START_TEST(stdin_may_be_base64)
{
    struct command_args args = parse("{\"argv\":[\"a\"],\"stdin_base64\":\"AP/+Cg==\"}");

    ck_assert(args.has_stdin);
    ck_assert_uint_eq(args.stdin_bytes, 4);
    ck_assert_mem_eq(args.stdin_data, "\x00\xff\xfe\n", 4);
    command_args_clear(&args);
    args = parse("{\"argv\":[\"a\"],\"stdin_base64\":\"\"}");
    ck_assert(args.has_stdin);
    ck_assert_uint_eq(args.stdin_bytes, 0);
    command_args_clear(&args);
}
END_TEST

static const struct {
    const char *text, *param;
} refused[] = {
    {"", "args.argv"},
    {"{", "args"},
    {"[]", "args"},
    {"\"x\"", "args"},
    {"null", "args"},
    {"{}", "args.argv"},
    {"{\"argv\":[\"a\"],\"argv\":[\"b\"]}", "args"},
    {"{\"argv\":\"true\"}", "args.argv"},
    {"{\"argv\":[]}", "args.argv"},
    {"{\"argv\":{}}", "args.argv"},
    {"{\"argv\":[1]}", "args.argv"},
    {"{\"argv\":[\"a\",null]}", "args.argv"},
    {"{\"argv\":[\"\"]}", "args.argv"},
    {"{\"argv\":[\"a\\u0000b\"]}", "args.argv"},
    {"{\"argv\":[\"a\",\"\\u0000\"]}", "args.argv"},
    {"{\"argv\":[\"a\"],\"xyz\":1}", "args.xyz"},
    {"{\"argv\":[\"a\"],\"item\":1}", "args.item"},
    {"{\"argv\":[\"a\"],\"cwd\":1}", "args.cwd"},
    {"{\"argv\":[\"a\"],\"cwd\":\"\"}", "args.cwd"},
    {"{\"argv\":[\"a\"],\"cwd\":\"/tmp\\u0000\"}", "args.cwd"},
    {"{\"argv\":[\"a\"],\"env\":[]}", "args.env"},
    {"{\"argv\":[\"a\"],\"env\":{\"A\":1}}", "args.env"},
    {"{\"argv\":[\"a\"],\"env\":{\"A\":null}}", "args.env"},
    {"{\"argv\":[\"a\"],\"env\":{\"\":\"1\"}}", "args.env"},
    {"{\"argv\":[\"a\"],\"env\":{\"A=B\":\"1\"}}", "args.env"},
    {"{\"argv\":[\"a\"],\"env\":{\"A\":\"\\u0000\"}}", "args.env"},
    {"{\"argv\":[\"a\"],\"clean_env\":1}", "args.clean_env"},
    {"{\"argv\":null}", "args.argv"},
    {"{\"argv\":[\"a\"],\"merge_stderr\":\"true\"}", "args.merge_stderr"},
    {"{\"argv\":[\"a\"],\"stdin\":1}", "args.stdin"},
    {"{\"argv\":[\"a\"],\"stdin_base64\":1}", "args.stdin_base64"},
    {"{\"argv\":[\"a\"],\"stdin_base64\":\"AA\"}", "args.stdin_base64"},
    {"{\"argv\":[\"a\"],\"stdin_base64\":\"A===\"}", "args.stdin_base64"},
    {"{\"argv\":[\"a\"],\"stdin\":\"\",\"stdin_base64\":\"\"}", "args.stdin_base64"},
    {"{\"argv\":[\"a\"],\"stdin_base64\":\"\",\"stdin\":\"\"}", "args.stdin_base64"},
    {"{\"argv\":[\"a\"],\"limits\":1}", "args.limits"},
    {"{\"argv\":[\"a\"],\"limits\":{\"core\":1}}", "args.limits.core"},
    {"{\"argv\":[\"a\"],\"limits\":{\"cpu\":-1}}", "args.limits.cpu"},
    {"{\"argv\":[\"a\"],\"limits\":{\"nofile\":1.5}}", "args.limits.nofile"},
    {"{\"argv\":[\"a\"],\"limits\":{\"nproc\":true}}", "args.limits.nproc"},
    {"{\"argv\":[\"a\"],\"limits\":{\"as\":\"1\"}}", "args.limits.as"},
    {"{\"argv\":[\"a\"],\"limits\":{\"fsize\":null}}", "args.limits.fsize"},
    {"{\"argv\":[\"a\"],\"nice\":20}", "args.nice"},
    {"{\"argv\":[\"a\"],\"nice\":-21}", "args.nice"},
    {"{\"argv\":[\"a\"],\"nice\":1.0}", "args.nice"},
    {"{\"argv\":[\"a\"],\"nice\":false}", "args.nice"},
};

START_TEST(refusals_name_the_member)
{
    const char *text = refused[_i].text;
    struct check_error error = {0};
    struct command_args args = {.nice = 77};

    ck_assert_msg(command_args_parse(text, strlen(text), &args, &error) == -EINVAL,
                  "not refused: %s", text);
    ck_assert_str_eq(error.param, refused[_i].param);
    ck_assert_str_ne(error.message, "");
    ck_assert_int_eq(args.nice, 77);
}
END_TEST

START_TEST(base64_is_strict)
{
    static const struct {
        const char *text, *bytes;
    } good[] = {{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg==", "foob"}};
    static const char *const bad[] = {
        "Z",        "Zg",   "Zg=",  "====", "Zh==",   "Zm9=",  "Zg==Zg==",
        "Zm 9v===", "Zm9-", "Z=g=", "=Zg=", "Zm9v\n", "Zm\n9", "Zg==\n"};
    char *data;
    size_t bytes;

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        ck_assert_int_eq(base64_to_bytes(good[i].text, strlen(good[i].text), &data, &bytes), 0);
        ck_assert_uint_eq(bytes, strlen(good[i].bytes));
        ck_assert_ptr_nonnull(data);
        ck_assert_int_eq(memcmp(data, good[i].bytes, bytes), 0);
        free(data);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        ck_assert_msg(base64_to_bytes(bad[i], strlen(bad[i]), &data, &bytes) == -EINVAL,
                      "not refused: %s", bad[i]);
}
END_TEST

/* --- items and placeholders ---------------------------------------------------------------- */

/* `argv` with the item put in, its strings joined by '|'. */
static const char *expand(const char *argv_text, const char *item_text)
{
    static char joined[512];
    json_t *argv = json_loads(argv_text, 0, NULL);
    struct command_item item = {0};
    struct check_error error;
    char **vector;

    ck_assert_ptr_nonnull(argv);
    if (item_text)
        ck_assert_int_eq(command_item_parse(item_text, strlen(item_text), &item, &error), 0);
    ck_assert_int_eq(command_argv_build(argv, &item, &vector), 0);
    char *end = stpcpy(joined, vector[0]);
    for (size_t i = 1; vector[i]; i++)
        end = stpcpy(stpcpy(end, "|"), vector[i]);
    free(vector);
    command_item_clear(&item);
    json_decref(argv);
    return joined;
}

static const struct {
    const char *argv, *item, *expected;
} expansions[] = {
    /* no item: nothing is touched */
    {"[\"a\",\"{}\",\"{1}\"]", NULL, "a|{}|{1}"},
    /* no placeholder: appended */
    {"[\"a\"]", "\"x y\"", "a|x y"},
    {"[\"a\"]", "\"\"", "a|"},
    {"[\"a\",\"b\"]", "[\"x\",2,\"\"]", "a|b|x|2|"},
    /* the whole item */
    {"[\"a\",\"{}\"]", "\"x\"", "a|x"},
    {"[\"{}\"]", "\"prog\"", "prog"},
    {"[\"a\",\"<{}-{}>\",\"{}\"]", "\"x\"", "a|<x-x>|x"},
    {"[\"a\",\"{}\"]", "[\"x\",1,\"z w\"]", "a|x 1 z w"},
    {"[\"a\",\"{}\",\"b\"]", "\"\"", "a||b"},
    /* parts */
    {"[\"a\",\"{2}{1}\"]", "[\"x\",\"y\"]", "a|yx"},
    {"[\"a\",\"{1}\"]", "\"x\"", "a|x"},
    {"[\"a\",\"{2}\",\"{3}\"]", "\"x\"", "a||"},
    {"[\"a\",\"{10}\"]", "[1,2,3,4,5,6,7,8,9,\"ten\"]", "a|ten"},
    {"[\"a\",\"<{99999999999999999999999999}>\"]", "[1]", "a|<>"},
    /* numbers keep their text */
    {"[\"a\"]", "1.50", "a|1.50"},
    {"[\"a\"]", " -1E+2 ", "a|-1E+2"},
    {"[\"a\",\"{}\"]", "[ 1.0 ,-0, \"a\\\"],1\" , 2e3 ]", "a|1.0 -0 a\"],1 2e3"},
    {"[\"a\",\"{2}\"]", "[\"\\\\\",3.10]", "a|3.10"},
    /* no placeholders */
    {"[\"a\",\"{0}\",\"{01}\",\"{x}\",\"{\",\"}\",\"{ }\",\"{1\"]", "1",
     "a|{0}|{01}|{x}|{|}|{ }|{1|1"},
    {"[\"a\",\"{{}\",\"{{1}}\",\"{}}\"]", "1", "a|{1|{1}|1}"},
    {"[\"a\",\"${}\",\"{-1}\"]", "\"v\"", "a|$v|{-1}"},
    /* what was put in is not looked at again */
    {"[\"a\",\"{}\",\"{1}\"]", "\"{1}{}\"", "a|{1}{}|{1}{}"},
    {"[\"a\"]", "\"{}\"", "a|{}"},
    {"[\"a\",\"{1}{2}\"]", "[\"{\",\"2}\"]", "a|{2}"},
};

START_TEST(placeholders)
{
    ck_assert_str_eq(expand(expansions[_i].argv, expansions[_i].item), expansions[_i].expected);
}
END_TEST

static const char *const refused_items[] = {
    "",
    "null",
    "true",
    "{}",
    "[]",
    "[null]",
    "[\"a\",true]",
    "[[\"a\"]]",
    "[{}]",
    "\"a\\u0000\"",
    "[1,\"\\u0000\"]",
    "[1",
    "1 2",
};

START_TEST(items_that_are_refused)
{
    struct command_item item = {.part_count = 77};
    struct check_error error = {0};
    const char *text = refused_items[_i];

    ck_assert_msg(command_item_parse(text, strlen(text), &item, &error) == -EINVAL,
                  "not refused: %s", text);
    ck_assert_str_eq(error.param, "items");
    ck_assert_str_ne(error.message, "");
    ck_assert_uint_eq(item.part_count, 77);
}
END_TEST

START_TEST(multiplied_item_needs_no_memory)
{
    size_t item_bytes = (size_t)1 << 20;
    char *item_text = malloc(item_bytes + 1);
    char *pattern = malloc(200001);
    json_t *argv;
    struct command_item item;
    struct check_error error;
    char **vector;

    memset(item_text, 'x', item_bytes);
    item_text[0] = item_text[item_bytes - 1] = '"';
    for (size_t i = 0; i < 200000; i += 2)
        memcpy(pattern + i, "{}", 2);
    pattern[200000] = '\0';
    argv = json_pack("[ss]", "echo", pattern);
    ck_assert_int_eq(command_item_parse(item_text, item_bytes, &item, &error), 0);
    /* It would be 100 GiB. */
    ck_assert_int_eq(command_argv_build(argv, &item, &vector), -E2BIG);
    command_item_clear(&item);
    json_decref(argv);
    free(pattern);
    free(item_text);
}
END_TEST

/* --- environment --------------------------------------------------------------------------- */

static char *const base[] = {
    (char[]){"HOME=/root"},         (char[]){"LISTEN_FDS=1"},
    (char[]){"LISTEN_PID=1"},       (char[]){"LISTEN_FDNAMES=x"},
    (char[]){"NOTIFY_SOCKET=x"},    (char[]){"WATCHDOG_USEC=1"},
    (char[]){"WATCHDOG_PID=1"},     (char[]){"INVOCATION_ID=x"},
    (char[]){"JOURNAL_STREAM=8:1"}, (char[]){"MAINPID=1"},
    (char[]){"FDSTORE=1"},          (char[]){"MANAGERPID=1"},
    (char[]){"SYSTEMD_EXEC_PID=1"}, (char[]){"MEMORY_PRESSURE_WATCH=x"},
    (char[]){"FUTURE_ID=1"},        (char[]){"FUTURE_SOCKET=x"},
    (char[]){"MAINPIDX=kept"},      (char[]){"LISTENER=kept"},
    (char[]){"PATH=/bin"},          NULL,
};

/* The environment of a job with the given arguments, joined by '|'. */
static const char *environment_of(const char *text, const char *socket_path)
{
    static char joined[512];
    struct command_args args = parse(text);
    struct command_env *env;
    char **vector;

    ck_assert_int_eq(command_env_new(base, socket_path, &env), 0);
    ck_assert_int_eq(command_env_build(env, &args, 42, 3, &vector), 0);
    char *end = joined;
    for (size_t i = 0; vector[i]; i++)
        end = stpcpy(stpcpy(end, vector[i]), "|");
    free(vector);
    command_env_free(env);
    command_env_free(NULL);
    command_args_clear(&args);
    return joined;
}

START_TEST(environment_is_cleaned_and_laid_over)
{
    ck_assert_str_eq(environment_of("{\"argv\":[\"a\"]}", "/run/s"),
                     "FUTURE_ID=42|FUTURE_ATTEMPT=3|FUTURE_SOCKET=/run/s|HOME=/root|"
                     "MAINPIDX=kept|LISTENER=kept|PATH=/bin|");
    ck_assert_str_eq(
        environment_of("{\"argv\":[\"a\"],\"env\":{\"PATH\":\"\",\"PAT\":\"x=y\"}}", NULL),
        "FUTURE_ID=42|FUTURE_ATTEMPT=3|PATH=|PAT=x=y|HOME=/root|MAINPIDX=kept|"
        "LISTENER=kept|");
    ck_assert_str_eq(environment_of("{\"argv\":[\"a\"],\"clean_env\":true}", "/run/s"),
                     "FUTURE_ID=42|FUTURE_ATTEMPT=3|FUTURE_SOCKET=/run/s|");
    /* A job that hands its whole environment on does not hand its identity on. */
    ck_assert_str_eq(environment_of("{\"argv\":[\"a\"],\"clean_env\":true,\"env\":{\"A\":\"1\","
                                    "\"FUTURE_ID\":\"9\",\"LISTEN_FDS\":\"3\"}}",
                                    "/run/s"),
                     "FUTURE_ID=42|FUTURE_ATTEMPT=3|FUTURE_SOCKET=/run/s|A=1|LISTEN_FDS=3|");
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("command_args", NULL, NULL);

    tcase_add_test(tcase, defaults);
    tcase_add_test(tcase, null_is_absent);
    tcase_add_test(tcase, every_member_is_read);
    tcase_add_test(tcase, stdin_may_be_base64);
    tcase_add_loop_test(tcase, refusals_name_the_member, 0, sizeof(refused) / sizeof(*refused));
    tcase_add_test(tcase, base64_is_strict);
    tcase_add_loop_test(tcase, placeholders, 0, sizeof(expansions) / sizeof(*expansions));
    tcase_add_loop_test(tcase, items_that_are_refused, 0,
                        sizeof(refused_items) / sizeof(*refused_items));
    tcase_add_test(tcase, multiplied_item_needs_no_memory);
    tcase_add_test(tcase, environment_is_cleaned_and_laid_over);
    return suite_run();
}

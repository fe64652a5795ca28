/* layers: run core base */
/* extra: tests/support/text.c */
#include "daemon/run/params.h"

#include "daemon/core/runner.h"
#include "tests/support/suite.h"
#include "tests/support/text.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char all_types[] =
    "{\"string\":{\"type\":\"string\"},\"path\":{\"type\":\"path\"},"
    "\"integer\":{\"type\":\"integer\"},\"number\":{\"type\":\"number\",\"required\":false},"
    "\"boolean\":{\"type\":\"boolean\",\"doc\":\"yes or no\"},\"object\":{\"type\":\"object\"},"
    "\"array\":{\"type\":\"array\"},\"any\":{}}";

static const char file_params[] =
    "{\"path\":{\"type\":\"path\",\"required\":true},\"level\":{\"type\":\"integer\"},"
    "\"item\":{\"type\":\"path\",\"instead_of\":\"path\"},"
    "\"text\":{\"type\":\"string\",\"instead_of\":\"path\"}}";

static struct described_params *describe(const char *text)
{
    struct check_error error = {.message = ""};
    struct described_params *params = NULL;

    ck_assert_msg(described_params_new(text, &params, &error) == 0, "%s: %s", error.param,
                  error.message);
    return params;
}

static int check(const struct described_params *params, const char *args, bool is_map,
                 struct check_error *ret_error)
{
    return described_params_check_args(params, args, strlen(args), is_map, ret_error);
}

static void check_accepted(const struct described_params *params, const char *args, bool is_map)
{
    struct check_error error = {.message = ""};

    ck_assert_msg(check(params, args, is_map, &error) == 0, "%s: %s: %s", args, error.param,
                  error.message);
}

static void check_refused(const struct described_params *params, const char *args, bool is_map,
                          const char *param, const char *message)
{
    struct check_error error = {.message = ""};

    ck_assert_msg(check(params, args, is_map, &error) == -EINVAL, "not refused: %s", args);
    ck_assert_str_eq(error.param, param);
    ck_assert_str_eq(error.message, message);
}

START_TEST(descriptions_are_read)
{
    described_params_free(describe("{}"));
    described_params_free(describe(all_types));
    described_params_free(describe(file_params));
    described_params_free(NULL);
}
END_TEST

/* The example of proto/PLUGIN.md is one, and means what the document says. */
START_TEST(the_example_of_the_document)
{
    char *document = text_of_file("proto/PLUGIN.md");
    char *begin = strstr(document, "    {\"path\":");
    ck_assert_ptr_nonnull(begin);
    char *end = strstr(begin, "\n\n");
    ck_assert_ptr_nonnull(end);
    *end = '\0';
    struct described_params *params = describe(begin);
    check_accepted(params, "{\"path\":\"/a\",\"level\":9}", false);
    check_accepted(params, "{\"level\":9}", true);
    check_refused(params, "{\"level\":9}", false, "args.path", "is missing");
    described_params_free(params);
    free(document);
}
END_TEST

START_TEST(wrong_descriptions_are_refused)
{
    static const struct {
        const char *text, *param;
    } wrong[] = {
        {"", "params"},
        {"[]", "params"},
        {"{\"a\":{},\"a\":{}}", "params"},
        {"{\"a\":1}", "params.a"},
        {"{\"a\":\"string\"}", "params.a"},
        {"{\"a\":{\"type\":\"text\"}}", "params.a.type"},
        {"{\"a\":{\"type\":\"\"}}", "params.a.type"},
        {"{\"a\":{\"type\":null}}", "params.a.type"},
        {"{\"b\":{},\"a\":{\"required\":1}}", "params.a.required"},
        {"{\"a\":{\"doc\":false}}", "params.a.doc"},
        {"{\"a\":{\"default\":1}}", "params.a.default"},
        {"{\"a\":{\"instead_of\":1}}", "params.a.instead_of"},
        {"{\"a\":{\"instead_of\":\"b\"}}", "params.a.instead_of"},
        {"{\"a\":{\"instead_of\":\"a\"}}", "params.a.instead_of"},
        {"{\"a\":{\"instead_of\":\"b\",\"required\":true},\"b\":{}}", "params.a.required"},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct check_error error = {.message = ""};
        struct described_params *params = NULL;

        ck_assert_msg(described_params_new(wrong[i].text, &params, &error) == -EINVAL,
                      "not refused: %s", wrong[i].text);
        ck_assert_ptr_null(params);
        ck_assert_str_eq(error.param, wrong[i].param);
        ck_assert_str_ne(error.message, "");
    }
}
END_TEST

START_TEST(each_type)
{
    static const char *const values[] = {"\"a\"", "\"a\\u0000b\"", "\"\"", "3",  "3.5",      "true",
                                         "false", "null",          "{}",   "[]", "\"/b c\"", "-0"};
    static const struct {
        const char *type, *fitting, *message; /* a digit for each value */
    } types[] = {
        {"string", "111000000010", "must be a string"},
        {"path", "100000000010", "must be a path: a string that is not empty and holds no NUL"},
        {"integer", "000100000001", "must be an integer"},
        {"number", "000110000001", "must be a number"},
        {"boolean", "000001100000", "must be true or false"},
        {"object", "000000001000", "must be an object"},
        {"array", "000000000100", "must be an array"},
        {"any", "111111111111", ""},
    };
    struct described_params *params = describe(all_types);
    char args[100], param[50];

    for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++) {
        for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
            snprintf(args, sizeof(args), "{\"%s\":%s}", types[t].type, values[v]);
            snprintf(param, sizeof(param), "args.%s", types[t].type);
            if (types[t].fitting[v] == '1')
                check_accepted(params, args, false);
            else
                check_refused(params, args, false, param, types[t].message);
        }
    }
    described_params_free(params);
}
END_TEST

START_TEST(members)
{
    struct described_params *params = describe(file_params);

    check_accepted(params, "{\"path\":\"/a\"}", false);
    check_accepted(params, " {\"level\":3, \"path\":\"a\"}\n", false);
    check_refused(params, "", false, "args.path", "is missing");
    check_refused(params, "{}", false, "args.path", "is missing");
    check_refused(params, "{\"level\":1}", false, "args.path", "is missing");
    check_refused(params, "{\"path\":\"a\",\"Level\":1}", false, "args.Level",
                  "there is no such member");
    check_refused(params, "{\"path\":null}", false, "args.path",
                  "must be a path: a string that is not empty and holds no NUL");
    check_refused(params, "[]", false, "args", "must be an object");
    check_refused(params, "null", false, "args", "must be an object");
    described_params_free(params);
    params = describe("{}");
    check_accepted(params, "", false);
    check_refused(params, "{\"a\":1}", false, "args.a", "there is no such member");
    described_params_free(params);
}
END_TEST

START_TEST(one_in_the_place_of_another)
{
    struct described_params *params = describe(file_params);

    check_accepted(params, "{\"text\":\"\"}", false);
    check_accepted(params, "{\"item\":\"a\",\"level\":1}", false);
    check_refused(params, "{\"text\":\"\",\"path\":\"a\"}", false, "args.path",
                  "cannot go together with \"text\"");
    check_refused(params, "{\"path\":\"a\",\"item\":\"b\"}", false, "args.path",
                  "cannot go together with \"item\"");
    described_params_free(params);
}
END_TEST

START_TEST(maps)
{
    struct described_params *params = describe(file_params);
    struct check_error error = {.message = ""};

    check_accepted(params, "", true);
    check_accepted(params, "{\"level\":1}", true);
    check_refused(params, "{\"path\":\"a\"}", true, "args.path",
                  "cannot go together with \"item\"");
    check_refused(params, "{\"item\":\"a\"}", true, "args.item",
                  "is where the items of the map will be");
    check_refused(params, "{\"levle\":1}", true, "args.levle", "there is no such member");
    ck_assert_int_eq(described_params_check_item(params, "\"a\"", 3, &error), 0);
    ck_assert_int_eq(described_params_check_item(params, "1", 1, &error), -EINVAL);
    ck_assert_str_eq(error.param, "items");
    ck_assert_str_eq(error.message, "must be a path: a string that is not empty and holds no NUL");
    described_params_free(params);

    params = describe("{\"a\":{\"required\":true}}");
    check_refused(params, "{\"a\":1}", true, "items", "this function takes no items");
    described_params_free(params);

    params = describe("{\"a\":{\"required\":true},\"item\":{\"required\":true}}");
    check_accepted(params, "{\"a\":1}", true);
    check_refused(params, "{}", true, "args.a", "is missing");
    check_refused(params, "{\"a\":1}", false, "args.item", "is missing");
    ck_assert_int_eq(described_params_check_item(params, "{\"x\":[null]}", 12, &error), 0);
    described_params_free(params);
}
END_TEST

START_TEST(nothing_described)
{
    struct check_error error = {.message = ""};

    check_accepted(NULL, "[1]", false);
    check_accepted(NULL, "{\"item\":1}", false);
    check_accepted(NULL, "{\"a\":1}", true);
    check_refused(NULL, "[1]", true, "args", "must be an object");
    check_refused(NULL, "{\"item\":1}", true, "args.item", "is where the items of the map will be");
    ck_assert_int_eq(described_params_check_item(NULL, "1", 1, &error), 0);
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("params", NULL, NULL);

    tcase_add_test(tcase, descriptions_are_read);
    tcase_add_test(tcase, the_example_of_the_document);
    tcase_add_test(tcase, wrong_descriptions_are_refused);
    tcase_add_test(tcase, each_type);
    tcase_add_test(tcase, members);
    tcase_add_test(tcase, one_in_the_place_of_another);
    tcase_add_test(tcase, maps);
    tcase_add_test(tcase, nothing_described);
    return suite_run();
}

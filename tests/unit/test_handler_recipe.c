/* layers: run proto core base */
#include "daemon/run/handler_recipe.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

START_TEST(what_is_written_is_read_back)
{
    char program[] = "python3", script[] = "a \"b\".py", empty[] = "";
    char *argv[] = {program, script, empty, NULL};
    struct handler_settings settings = {
        .name = "f",
        .doc = "stays behind",
        .params = "{}",
        .argv = argv,
        .init = "{\"a\":\n1}",
        .cwd = "/srv",
        .max_tasks = 3,
        .idle_timeout_ms = 500,
        .memory_limit_bytes = 1 << 20,
        .timeout_ms = 7,
        .break_pool = true,
    };
    struct handler_recipe recipe;
    char *text;

    ck_assert_int_eq(handler_recipe_write(&settings, &text), 0);
    ck_assert_ptr_null(strchr(text, '\n'));
    ck_assert_int_eq(handler_recipe_read("g", text, strlen(text), &recipe), 0);
    ck_assert_str_eq(recipe.settings.name, "g");
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(recipe.settings.argv[i], argv[i]);
    ck_assert_ptr_null(recipe.settings.argv[3]);
    ck_assert_str_eq(recipe.settings.init, "{\"a\":1}");
    ck_assert_str_eq(recipe.settings.cwd, "/srv");
    ck_assert_ptr_null(recipe.settings.doc);
    ck_assert_uint_eq(recipe.settings.max_tasks, 3);
    ck_assert_uint_eq(recipe.settings.idle_timeout_ms, 500);
    ck_assert_uint_eq(recipe.settings.memory_limit_bytes, 1 << 20);
    ck_assert_uint_eq(recipe.settings.timeout_ms, 7);
    ck_assert(recipe.settings.break_pool);
    handler_recipe_clear(&recipe);
    free(text);
}
END_TEST

START_TEST(the_least_is_a_program)
{
    char program[] = "cat";
    char *argv[] = {program, NULL};
    struct handler_settings settings = {.name = "f", .argv = argv};
    struct handler_recipe recipe;
    char *text;

    ck_assert_int_eq(handler_recipe_write(&settings, &text), 0);
    ck_assert_int_eq(handler_recipe_read("f", text, strlen(text), &recipe), 0);
    ck_assert_ptr_null(recipe.settings.init);
    ck_assert_ptr_null(recipe.settings.cwd);
    ck_assert(!recipe.settings.break_pool);
    handler_recipe_clear(&recipe);
    free(text);
}
END_TEST

START_TEST(other_text_is_refused)
{
    static const char *const texts[] = {
        "", "7", "{}", "{\"argv\":[]}", "{\"argv\":[1]}", "{\"argv\":[\"a\",null]}"};
    struct handler_recipe recipe;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        ck_assert_int_eq(handler_recipe_read("f", texts[i], strlen(texts[i]), &recipe), -EINVAL);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("all", NULL, NULL);

    tcase_add_test(tests, what_is_written_is_read_back);
    tcase_add_test(tests, the_least_is_a_program);
    tcase_add_test(tests, other_text_is_refused);
    return suite_run();
}

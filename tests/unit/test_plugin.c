/* layers: run core base */
/* extra: tests/support/plugin_fixture.c tests/support/fake_call.c tests/support/text.c */
#include "daemon/run/plugin.h"

#include "tests/support/plugin_fixture.h"
#include "tests/support/suite.h"
#include "tests/support/text.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct plugin_fixture f;

static void setup(void)
{
    plugin_fixture_start(&f);
}

static void teardown(void)
{
    plugin_fixture_stop(&f);
}

static void write_file(const char *name, const char *text)
{
    char *path = plugin_fixture_path(&f, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    free(path);
}

static void change_mode(const char *name, mode_t mode)
{
    char *path = plugin_fixture_path(&f, name);

    ck_assert_int_eq(chmod(path, mode), 0);
    free(path);
}

/* ---- what is taken ---- */

START_TEST(a_plugin_is_loaded)
{
    plugin_fixture_install(&f, "one", "one.so");
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, "loaded one.so 1\n");
    const struct function *one = plugin_fixture_function(&f, "one");
    ck_assert_ptr_nonnull(one);
    ck_assert_str_eq(one->doc, "Returns 1");
    ck_assert_ptr_null(one->params);
    ck_assert_str_eq(one->ops->kind, "plugin");
    ck_assert(!one->ops->streams_in_result);
}
END_TEST

START_TEST(all_functions_are_there)
{
    plugin_fixture_install(&f, "calls", "calls.so");
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, "loaded calls.so 15\n");
    ck_assert_uint_eq(f.function_count, 15);
    ck_assert_str_eq(f.functions[0]->name, "echo_args");
    ck_assert_str_eq(plugin_fixture_function(&f, "who")->doc, "");
    const char *params = plugin_fixture_function(&f, "add")->params;
    ck_assert_ptr_nonnull(strstr(params, "\"required\":true"));
}
END_TEST

START_TEST(arguments_are_checked)
{
    struct check_error error = {.message = ""};

    plugin_fixture_install(&f, "calls", "calls.so");
    plugin_fixture_load(&f);
    const struct function *add = plugin_fixture_function(&f, "add");
    ck_assert_int_eq(add->ops->check_args(add, "{\"a\":1,\"b\":2}", 13, false, &error), 0);
    ck_assert_int_lt(add->ops->check_args(add, "{\"a\":1,\"c\":2}", 13, false, &error), 0);
    ck_assert_str_eq(error.param, "args.c");
    ck_assert_int_eq(add->ops->check_args(add, "{\"a\":1}", 7, true, &error), 0);
    ck_assert_int_eq(add->ops->check_item(add, "3", 1, &error), 0);
    ck_assert_int_lt(add->ops->check_item(add, "\"3\"", 3, &error), 0);
    ck_assert_str_eq(error.param, "items");
}
END_TEST

START_TEST(directories_and_names_have_an_order)
{
    char *second = plugin_fixture_path(&f, "second");
    char *both = text_print(":%s:%s::%s", second, f.directory, second);

    ck_assert_int_eq(mkdir(second, 0755), 0);
    plugin_fixture_install(&f, "one", "a.so");
    plugin_fixture_install(&f, "life_a", "B.so");
    plugin_fixture_install(&f, "life_b", "second/z.so");
    plugin_fixture_install(&f, "one", ".hidden.so");
    plugin_fixture_install(&f, "one", "one.so.old");
    plugin_fixture_install(&f, "one", "so");
    plugin_fixture_load_from(&f, both);
    plugin_fixture_expect(&f, "loaded second/z.so 1\nloaded B.so 1\nloaded a.so 1\n");
    free(second);
    free(both);
}
END_TEST

START_TEST(links_are_followed)
{
    char *library = plugin_fixture_path(&f, "library");
    char *target = plugin_fixture_path(&f, "library/one.so.1");
    char *link = plugin_fixture_path(&f, "one.so");

    ck_assert_int_eq(mkdir(library, 0755), 0);
    plugin_fixture_install(&f, "one", "library/one.so.1");
    ck_assert_int_eq(symlink(target, link), 0);
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, "loaded library/one.so.1 1\n");
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, "");
    free(library);
    free(target);
    free(link);
}
END_TEST

/* ---- what is refused ---- */

static const struct {
    const char *plugin, *reason;
} bad[] = {
    {"abi_other", "it was built for version 99 of the plugin ABI, this is 1"},
    {"doc_bad", "the doc of the function one is no UTF-8"},
    {"init_fails", "its init failed: No such device"},
    {"name_bad", "a function's name must be 1 to 64 of A-Z a-z 0-9 _ - ."},
    {"name_taken", "there is a function one already"},
    {"name_twice", "there is a function twin already"},
    {"no_code", "the function one has no code"},
    {"no_functions", "it has no functions"},
    {"no_symbol", "it has no symbol futured_plugin: this is no plugin"},
    {"no_table", "it has no functions"},
    {"params_bad", "the function one: params.a.type: is no type"},
    {"size_newer", "it was built for a newer daemon (sizes 48, 32)"},
    {"size_odd", "its table has a wrong size (sizes 40, 29)"},
    {"size_short", "its table has a wrong size (sizes 32, 32)"},
};

/* `one` is there first only for the one that wants its name. */
START_TEST(a_bad_plugin_is_refused)
{
    char *file = text_print("%s.so", bad[_i].plugin);
    bool taken = strcmp(bad[_i].plugin, "name_taken") == 0;
    char *news = text_print("%srefused %s: %s\nloaded zz.so 1\n", taken ? "loaded aa.so 1\n" : "",
                            file, bad[_i].reason);

    if (taken)
        plugin_fixture_install(&f, "one", "aa.so");
    plugin_fixture_install(&f, bad[_i].plugin, file);
    plugin_fixture_install(&f, "life_a", "zz.so");
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, news);
    ck_assert_uint_eq(f.function_count, taken ? 2 : 1);
    ck_assert_ptr_nonnull(plugin_fixture_function(&f, "life_a"));
    ck_assert_ptr_null(plugin_fixture_function(&f, "other"));
    free(file);
    free(news);
}
END_TEST

START_TEST(what_is_no_library_is_refused)
{
    char *directory = plugin_fixture_path(&f, "b.so");
    char *fifo = plugin_fixture_path(&f, "c.so");
    char *link = plugin_fixture_path(&f, "d.so");

    write_file("a.so", "#!/bin/sh\n"
                       "echo This is no library, and long enough to have the head of one.\n");
    ck_assert_int_eq(mkdir(directory, 0755), 0);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_eq(symlink("nowhere", link), 0);
    plugin_fixture_install(&f, "one", "one.so");
    plugin_fixture_load(&f);
    ck_assert_ptr_nonnull(strstr(f.news, "refused a.so: "));
    ck_assert_ptr_nonnull(strstr(f.news, "invalid ELF header\nrefused b.so: "));
    ck_assert_ptr_nonnull(strstr(f.news, "refused b.so: is no regular file"));
    ck_assert_ptr_nonnull(strstr(f.news, "refused c.so: is no regular file"));
    ck_assert_ptr_nonnull(strstr(f.news, "refused d.so: No such file or directory\n"
                                         "loaded one.so 1\n"));
    free(directory);
    free(fifo);
    free(link);
}
END_TEST

START_TEST(files_that_others_may_write_are_refused)
{
    char *wanted = text_print("refused one.so: is writable by its group (user %u, mode 0775)\n"
                              "refused two.so: is writable by others (user %u, mode 0757)\n"
                              "loaded zz.so 1\n",
                              (unsigned)geteuid(), (unsigned)geteuid());

    plugin_fixture_install(&f, "one", "one.so");
    plugin_fixture_install(&f, "one", "two.so");
    plugin_fixture_install(&f, "life_a", "zz.so");
    change_mode("one.so", 0775);
    change_mode("two.so", 0757);
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, wanted);
    free(wanted);

    /* Mended, it is taken with the next reload. */
    change_mode("one.so", 0755);
    unlink("two.so");
    plugin_fixture_load(&f);
    ck_assert_ptr_nonnull(strstr(f.news, "loaded one.so 1\n"));
}
END_TEST

START_TEST(directories_that_others_may_write_are_refused)
{
    char *inner = plugin_fixture_path(&f, "inner");
    char *two = text_print("%s:%s", inner, f.directory);
    char *wanted = text_print("refused inner: is writable by others (user %u, mode 1777)\n"
                              "loaded one.so 1\n",
                              (unsigned)geteuid());

    ck_assert_int_eq(mkdir(inner, 0755), 0);
    plugin_fixture_install(&f, "life_a", "inner/life_a.so");
    plugin_fixture_install(&f, "one", "one.so");
    change_mode("inner", 01777);
    plugin_fixture_load_from(&f, two);
    plugin_fixture_expect(&f, wanted);
    free(wanted);

    change_mode("inner", 0755);
    change_mode(".", 0770);
    plugin_fixture_load_from(&f, two);
    wanted = text_print("refused inner: %s above it is writable by its group (user %u, mode 0770)\n"
                        "refused %s: is writable by its group (user %u, mode 0770)\n"
                        "refused one.so: it is gone: what was loaded stays until the daemon "
                        "restarts\n",
                        f.directory, (unsigned)geteuid(), f.directory, (unsigned)geteuid());
    plugin_fixture_expect(&f, wanted);
    free(wanted);
    free(inner);
    free(two);
}
END_TEST

START_TEST(files_of_others_are_refused)
{
    if (geteuid() != 0)
        return; /* nobody else can give a file away */
    plugin_fixture_install(&f, "one", "one.so");
    char *path = plugin_fixture_path(&f, "one.so");
    ck_assert_int_eq(chown(path, 4711, -1), 0);
    free(path);
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, "refused one.so: belongs to neither root nor the daemon's user "
                              "(user 4711, mode 0755)\n");
    ck_assert_int_eq(chown(f.directory, 4711, -1), 0);
    plugin_fixture_load(&f);
    char *wanted = text_print("refused %s: belongs to neither root nor the daemon's user "
                              "(user 4711, mode 0700)\n",
                              f.directory);
    plugin_fixture_expect(&f, wanted);
    free(wanted);
}
END_TEST

START_TEST(a_directory_that_is_not_there)
{
    char *missing = plugin_fixture_path(&f, "missing");
    char *two = text_print("%s:%s", missing, f.directory);

    plugin_fixture_install(&f, "one", "one.so");
    plugin_fixture_load_from(&f, two);
    plugin_fixture_expect(&f, "refused missing: No such file or directory\nloaded one.so 1\n");
    free(missing);
    free(two);
}
END_TEST

START_TEST(no_memory_for_functions)
{
    char *life = plugin_fixture_path(&f, "life");

    setenv("PLUGIN_LIFE", life, 1);
    plugin_fixture_install(&f, "life_a", "a.so");
    plugin_fixture_install(&f, "calls", "calls.so");
    f.room = 0;
    f.status = -ENOMEM;
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, "");
    char *text = text_of_file(life);
    ck_assert_str_eq(text, "init life_a\nfini life_a\n");
    free(text);
    free(life);
    /* What is in use already keeps its plugin. */
    f.room = 3;
    f.status = 0;
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, "loaded a.so 1\nloaded calls.so 15\n");
    ck_assert_str_eq(f.functions[2]->name, "add");
}
END_TEST

/* ---- reload, and the end ---- */

START_TEST(a_reload_loads_what_is_new)
{
    plugin_fixture_install(&f, "one", "one.so");
    plugin_fixture_load(&f);
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, "loaded one.so 1\n");
    const struct function *one = plugin_fixture_function(&f, "one");
    plugin_fixture_install(&f, "life_a", "a.so");
    plugin_fixture_install(&f, "abi_other", "b.so");
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, "loaded a.so 1\n"
                              "refused b.so: it was built for version 99 of the plugin ABI, "
                              "this is 1\n");
    ck_assert_uint_eq(f.function_count, 2);
    /* The bad one is replaced. */
    plugin_fixture_install(&f, "life_b", "b.so");
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, "loaded b.so 1\n");
    ck_assert_ptr_eq(plugin_fixture_function(&f, "one"), one);
    ck_assert_str_eq(one->doc, "Returns 1");
}
END_TEST

START_TEST(what_changed_or_is_gone_stays_loaded)
{
    char *path = plugin_fixture_path(&f, "one.so");

    plugin_fixture_install(&f, "one", "one.so");
    plugin_fixture_load(&f);
    plugin_fixture_install(&f, "life_a", "one.so");
    plugin_fixture_load(&f);
    plugin_fixture_load(&f); /* told once */
    plugin_fixture_expect(&f, "loaded one.so 1\nrefused one.so: it has changed: what was loaded "
                              "stays until the daemon restarts\n");
    ck_assert_int_eq(unlink(path), 0);
    plugin_fixture_load(&f);
    plugin_fixture_load(&f);
    plugin_fixture_expect(&f, "refused one.so: it is gone: what was loaded stays until the daemon "
                              "restarts\n");
    ck_assert_str_eq(plugin_fixture_function(&f, "one")->doc, "Returns 1");
    ck_assert_ptr_null(plugin_fixture_function(&f, "life_a"));
    free(path);
}
END_TEST

START_TEST(the_end_comes_in_reverse)
{
    char *life = plugin_fixture_path(&f, "life");

    setenv("PLUGIN_LIFE", life, 1);
    plugin_fixture_install(&f, "life_a", "1.so");
    plugin_fixture_install(&f, "abi_other", "2.so");
    plugin_fixture_install(&f, "life_b", "3.so");
    plugin_fixture_load(&f);
    char *text = text_of_file(life);
    ck_assert_str_eq(text, "init life_a\ninit life_b\n");
    free(text);
    plugins_free(f.plugins);
    f.plugins = NULL;
    text = text_of_file(life);
    ck_assert_str_eq(text, "init life_a\ninit life_b\nfini life_b\nfini life_a\n");
    free(text);
    free(life);
}
END_TEST

START_TEST(load_and_unload_again_and_again)
{
    plugin_fixture_install(&f, "calls", "calls.so");
    plugin_fixture_install(&f, "life_a", "life_a.so");
    for (int i = 0; i < 20; i++) {
        plugin_fixture_load(&f);
        plugin_fixture_expect(&f, "loaded calls.so 15\nloaded life_a.so 1\n");
        plugins_free(f.plugins);
        f.plugins = NULL;
        f.function_count = 0;
    }
}
END_TEST

START_TEST(nothing_to_free)
{
    plugins_free(NULL);
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("plugin", setup, teardown);

    tcase_add_test(tcase, a_plugin_is_loaded);
    tcase_add_test(tcase, all_functions_are_there);
    tcase_add_test(tcase, arguments_are_checked);
    tcase_add_test(tcase, directories_and_names_have_an_order);
    tcase_add_test(tcase, links_are_followed);
    tcase_add_loop_test(tcase, a_bad_plugin_is_refused, 0, sizeof(bad) / sizeof(*bad));
    tcase_add_test(tcase, what_is_no_library_is_refused);
    tcase_add_test(tcase, files_that_others_may_write_are_refused);
    tcase_add_test(tcase, directories_that_others_may_write_are_refused);
    tcase_add_test(tcase, files_of_others_are_refused);
    tcase_add_test(tcase, a_directory_that_is_not_there);
    tcase_add_test(tcase, no_memory_for_functions);
    tcase_add_test(tcase, a_reload_loads_what_is_new);
    tcase_add_test(tcase, what_changed_or_is_gone_stays_loaded);
    tcase_add_test(tcase, the_end_comes_in_reverse);
    tcase_add_test(tcase, load_and_unload_again_and_again);
    tcase_add_test(tcase, nothing_to_free);
    return suite_run();
}

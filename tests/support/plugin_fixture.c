#include "tests/support/plugin_fixture.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/text.h"

/* ---- the stand-in for the executor ---- */

static void note(struct plugin_fixture *fixture, const char *text)
{
    char *longer = text_print("%s%s\n", fixture->news, text);

    free(fixture->news);
    fixture->news = longer;
}

static const char *base_name(const struct plugin_fixture *fixture, const char *path)
{
    size_t size = strlen(fixture->directory);

    return strncmp(path, fixture->directory, size) == 0 && path[size] == '/' ? path + size + 1
                                                                             : path;
}

static bool has(void *arg, const char *name)
{
    return plugin_fixture_function(arg, name) != NULL;
}

static int add(void *arg, const struct function *function)
{
    struct plugin_fixture *fixture = arg;

    if (fixture->function_count == fixture->room)
        return -ENOMEM;
    fixture->functions[fixture->function_count++] = function;
    return 0;
}

static void loaded(void *arg, const char *path, size_t functions)
{
    char *text = text_print("loaded %s %zu", base_name(arg, path), functions);

    note(arg, text);
    free(text);
}

static void refused(void *arg, const char *path, const char *reason)
{
    char *text = text_print("refused %s: %s", base_name(arg, path), reason);

    note(arg, text);
    free(text);
}

/* ---- the directory ---- */

void plugin_fixture_start(struct plugin_fixture *fixture)
{
    const char *base = getenv("TMPDIR");
    char *made = text_print("%s/plugins.XXXXXX", base ? base : "/tmp");

    *fixture = (struct plugin_fixture){.room = 64, .news = text_print("%s", "")};
    ck_assert_ptr_nonnull(mkdtemp(made));
    fixture->directory = realpath(made, NULL);
    ck_assert_ptr_nonnull(fixture->directory);
    free(made);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

void plugin_fixture_stop(struct plugin_fixture *fixture)
{
    plugins_free(fixture->plugins);
    nftw(fixture->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(fixture->directory);
    free(fixture->news);
}

char *plugin_fixture_path(const struct plugin_fixture *fixture, const char *name)
{
    return text_print("%s/%s", fixture->directory, name);
}

void plugin_fixture_install(struct plugin_fixture *fixture, const char *name, const char *as)
{
    const char *build = getenv("BUILD");
    char *from = text_print("%s/tests/plugins/%s.so", build ? build : "build", name);
    char *fresh = text_print("%s/.fresh", fixture->directory);
    char *to = plugin_fixture_path(fixture, as);
    char buffer[65536];
    ssize_t size;

    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    ck_assert_msg(in >= 0, "cannot read %s: %s", from, strerror(errno));
    ck_assert_int_ge(out, 0);
    while ((size = read(in, buffer, sizeof(buffer))) > 0)
        ck_assert_int_eq(write(out, buffer, (size_t)size), size);
    close(in);
    close(out);
    chmod(fresh, 0755);
    ck_assert_int_eq(rename(fresh, to), 0);
    free(from);
    free(fresh);
    free(to);
}

/* ---- loading ---- */

void plugin_fixture_load_from(struct plugin_fixture *fixture, const char *directories)
{
    struct plugins_hooks hooks = {
        .arg = fixture, .has = has, .add = add, .loaded = loaded, .refused = refused};

    if (!fixture->plugins)
        ck_assert_int_eq(
            plugins_new(directories, PLUGIN_FIXTURE_RESULT_BYTES, &hooks, &fixture->plugins), 0);
    ck_assert_int_eq(plugins_load(fixture->plugins), fixture->status);
}

void plugin_fixture_load(struct plugin_fixture *fixture)
{
    plugin_fixture_load_from(fixture, fixture->directory);
}

const struct function *plugin_fixture_function(const struct plugin_fixture *fixture,
                                               const char *name)
{
    for (size_t i = 0; i < fixture->function_count; i++)
        if (strcmp(fixture->functions[i]->name, name) == 0)
            return fixture->functions[i];
    return NULL;
}

void plugin_fixture_expect(struct plugin_fixture *fixture, const char *news)
{
    ck_assert_str_eq(fixture->news, news);
    free(fixture->news);
    fixture->news = text_print("%s", "");
}

/* What the tests of plugins start from: a directory that is trusted, plugins of the build put into
 * it, and a stand-in for the executor that keeps the functions and the news. One thread, one
 * fixture a process. */
#ifndef FUTURED_TESTS_PLUGIN_FIXTURE_H
#define FUTURED_TESTS_PLUGIN_FIXTURE_H

#include <stddef.h>

#include "daemon/core/runner.h"
#include "daemon/run/plugin.h"

#define PLUGIN_FIXTURE_RESULT_BYTES 10000

struct plugin_fixture {
    char *directory;
    struct plugins *plugins; /* NULL until plugin_fixture_load */
    const struct function *functions[64];
    size_t function_count;
    size_t room; /* for functions: past it there is no memory */
    int status;  /* what plugins_load must return: 0 unless set */
    char *news;  /* "loaded one.so 1\n", "refused one.so: why\n" since last taken */
};

void plugin_fixture_start(struct plugin_fixture *fixture);
/* Frees the plugins and removes the directory. */
void plugin_fixture_stop(struct plugin_fixture *fixture);

/* Copies tests/plugins/NAME.so of the build to AS in the directory, as a new file. */
void plugin_fixture_install(struct plugin_fixture *fixture, const char *name, const char *as);
/* A file in the directory; the caller frees. */
char *plugin_fixture_path(const struct plugin_fixture *fixture, const char *name);

/* plugins_load of the directory (and plugins_new before the first time). */
void plugin_fixture_load(struct plugin_fixture *fixture);
/* The same with these directories. */
void plugin_fixture_load_from(struct plugin_fixture *fixture, const char *directories);

/* NULL: unknown. */
const struct function *plugin_fixture_function(const struct plugin_fixture *fixture,
                                               const char *name);
/* Fails the test unless the news are these, and takes them. The directory is cut off names. */
void plugin_fixture_expect(struct plugin_fixture *fixture, const char *news);

#endif

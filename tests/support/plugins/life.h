/* A plugin for tests that writes its begin and its end into the file $PLUGIN_LIFE; what includes
 * this names it. */
#include "proto/plugin.h"

#include <stdio.h>
#include <stdlib.h>

static void note(const char *what)
{
    const char *path = getenv("PLUGIN_LIFE");
    FILE *file = path ? fopen(path, "ae") : NULL;

    if (file) {
        fprintf(file, "%s %s\n", what, NAME);
        fclose(file);
    }
}

static int init(const struct futured_api *api)
{
    api->log(NULL, FUTURED_LOG_DEBUG, "%s begins", NAME);
    note("init");
    return 0;
}

static void fini(void)
{
    note("fini");
}

#define INIT init
#define FINI fini
#include "tests/support/plugins/table.h"

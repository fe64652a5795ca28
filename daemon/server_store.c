#include "daemon/server_store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/config.h"
#include "daemon/core/store.h"
#include "daemon/run/leftovers.h"
#include "daemon/store/null_store.h"
#include "daemon/store/sqlite_store.h"

/* Processes at once that can be written down: more may run, but would outlive a kill of the daemon
 * by as long as they like. */
#define PROCESSES_MAX 16384
/* How long those that an earlier daemon has left may take to die. */
#define LEFTOVERS_MS 10000

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] != '\0' ? value : NULL;
}

/* What the service manager made for us, else the usual place of this user. False: there is none, or
 * its name is too long. */
static bool find_directory(const struct config *config, char *path, size_t size)
{
    const char *directory = config->state_dir;
    const char *home = environment("HOME");
    int length;
    if (!directory)
        directory = environment("STATE_DIRECTORY"); /* several are separated by ":" */
    if (directory)
        length = snprintf(path, size, "%.*s",
                          config->state_dir ? INT_MAX : (int)strcspn(directory, ":"), directory);
    else if ((directory = environment("XDG_STATE_HOME")))
        length = snprintf(path, size, "%s/futured", directory);
    else if (geteuid() == 0)
        length = snprintf(path, size, "/var/lib/futured");
    else if (home)
        length = snprintf(path, size, "%s/.local/state/futured", home);
    else
        return false;
    return length > 0 && (size_t)length < size;
}

/* The directory is ours by now, so whoever wrote the file is gone. */
static int end_leftovers(const char *directory, struct leftovers **ret_leftovers)
{
    char path[PATH_MAX];
    struct leftovers *leftovers = NULL;
    snprintf(path, sizeof(path), "%.*s/processes", PATH_MAX - 16, directory);
    int r = leftovers_open(path, PROCESSES_MAX, &leftovers);
    if (r < 0) {
        log_error("cannot write down in %s which processes run: %s", path, strerror(-r));
        return r;
    }
    r = leftovers_end(leftovers, LEFTOVERS_MS);
    if (r < 0) {
        /* What was submitted to run but once must not run beside what is left of it. */
        log_error("processes of an earlier daemon cannot be ended: %s", strerror(-r));
        leftovers_free(leftovers);
        return r;
    }
    *ret_leftovers = leftovers;
    return 0;
}

/* In memory, but for the counters; it does without them where there is no place for them. */
static int open_null_store(const struct config *config, struct store **ret_store)
{
    char directory[PATH_MAX], message[512];
    struct store *store = null_store_new();
    if (!store)
        return -ENOMEM;
    if (find_directory(config, directory, sizeof(directory)) &&
        null_store_keep_counters(store, directory, message, sizeof(message)) < 0)
        log_warning("%s: the next daemon may use ids again", message);
    *ret_store = store;
    return 0;
}

int server_store_open(const struct config *config, struct loop *loop, struct store **ret_store,
                      struct leftovers **ret_leftovers)
{
    char directory[PATH_MAX], message[512];
    if (config->durability == DURABILITY_NONE)
        return open_null_store(config, ret_store);
    if (!find_directory(config, directory, sizeof(directory))) {
        log_error("there is no place for the state: set state_dir, or durability = none");
        return -ENOENT;
    }
    struct sqlite_store_settings settings = {
        .directory = directory,
        .durability = config->durability,
        .retention_count = config->limits.retention_count,
        .retention_bytes = config->limits.retention_bytes,
        .retention_s = config->limits.retention_seconds,
        .reserve_bytes = SQLITE_STORE_RESERVE_BYTES,
        .loop = loop,
    };
    int r = sqlite_store_open(&settings, ret_store, message, sizeof(message));
    if (r < 0) {
        log_error("%s", message);
        return r;
    }
    return end_leftovers(directory, ret_leftovers);
}

/* Plugins: shared objects in directories that the operator names, with functions for the executor
 * (kind "plugin"). What they may expect stands in proto/plugin.h. This module finds and loads them
 * and looks after them until the end; plugin_call.h executes their functions. Loop thread only, but
 * for the functions' run.
 *
 * What is loaded stays: the executor and running calls hold on to functions, and dlclose would only
 * promise that a library is not needed any more, not that it is gone. So a file that has changed or
 * is gone leaves what was loaded from it in use until the daemon ends. The other half is up to
 * whoever installs: a file must be replaced by a new one (install, mv), for one that is written
 * over in place changes under the feet of the code that runs from it. */
#ifndef FUTURED_RUN_PLUGIN_H
#define FUTURED_RUN_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

struct function;
struct plugins;

/* Where the functions go, and who is told. `arg` comes back. */
struct plugins_hooks {
    void *arg;
    /* Is there a function of this name already? */
    bool (*has)(void *arg, const char *name);
    /* Takes the function, which lives until plugins_free. 0 or -errno. */
    int (*add)(void *arg, const struct function *function);
    /* What happened to a file or a directory, as a sentence without a full stop. */
    void (*loaded)(void *arg, const char *path, size_t functions);
    void (*refused)(void *arg, const char *path, const char *reason);
};

/* `directories` are separated by ":"; empty ones do not count. Everything is copied. Loads
 * nothing yet. `result_bytes` bounds the text of a result. 0 or -ENOMEM. */
int plugins_new(const char *directories, size_t result_bytes, const struct plugins_hooks *hooks,
                struct plugins **ret_plugins);

/* Other directories for the next plugins_load; "" is none. What was loaded stays. 0 or -ENOMEM. */
int plugins_set_directories(struct plugins *plugins, const char *directories);

/* Loads each *.so of the directories that is not loaded yet, in the order of the directories and
 * of the names; those that start with a dot are left alone. Directories and files must belong to
 * root or to this process's user, be writable for nobody else, and so must all that is above them
 * (trusted.h). What cannot be loaded is told to `refused` and changes nothing for the others; so
 * is a loaded file that has changed or is gone since the last time. To be called at the start, and
 * again to reload. 0 or -ENOMEM. */
int plugins_load(struct plugins *plugins);

/* Ends and unloads them, the last one first. No function of theirs may run or be called any more.
 */
void plugins_free(struct plugins *plugins);

#endif

#include "daemon/run/plugin.h"

#include "daemon/core/runner.h"
#include "daemon/run/args.h"
#include "daemon/run/params.h"
#include "daemon/run/plugin_call.h"
#include "daemon/run/trusted.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYMBOL         "futured_plugin"
#define NAME_BYTES     64
#define FUNCTIONS_MAX  1000 /* a table without an end ends here */
#define FIRST_PLUGIN   (offsetof(struct futured_plugin, fini) + sizeof(void *))
#define FIRST_FUNCTION (offsetof(struct futured_function, run) + sizeof(void *))

struct plugin_function {
    struct function function;
    struct described_params *params; /* NULL: anything */
    json_t *(*run)(struct futured_call *, json_t *);
    size_t result_bytes;
};

struct plugin {
    TAILQ_ENTRY(plugin) link;
    char *path;
    struct stat identity; /* of the file, as it was when this was last told of */
    bool seen;            /* by the plugins_load that is under way */
    bool gone;            /* told already */
    void *handle;
    struct futured_plugin table; /* completed with zeroes where the plugin's is shorter */
    bool started;                /* init was called, so fini will be */
    struct plugin_function *functions;
    size_t function_count;
};

TAILQ_HEAD(plugin_list, plugin);

struct plugins {
    char *directories;
    size_t result_bytes;
    struct plugins_hooks hooks;
    struct plugin_list list; /* in the order of loading */
};

/* Why a file is not taken. */
struct reason {
    char text[512];
};

static int refuse(struct reason *ret_reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(struct reason *ret_reason, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(ret_reason->text, sizeof(ret_reason->text), format, arguments);
    va_end(arguments);
    return -EINVAL;
}

/* ---- a function ---- */

static int check_args(const struct function *function, const char *args, size_t args_bytes,
                      bool is_map, struct check_error *ret_error)
{
    const struct plugin_function *self = function->state;

    return described_params_check_args(self->params, args, args_bytes, is_map, ret_error);
}

static int check_item(const struct function *function, const char *item, size_t item_bytes,
                      struct check_error *ret_error)
{
    const struct plugin_function *self = function->state;

    return described_params_check_item(self->params, item, item_bytes, ret_error);
}

static void run(const struct function *function, struct call *call)
{
    const struct plugin_function *self = function->state;

    plugin_call_run(call, function->name, self->run, self->result_bytes);
}

static const struct function_ops ops = {
    .kind = "plugin",
    .check_args = check_args,
    .check_item = check_item,
    .run = run,
};

static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_-.";
    size_t size = strlen(name);

    return size > 0 && size <= NAME_BYTES && strspn(name, allowed) == size;
}

static bool is_utf8(const char *text)
{
    json_t *value = json_string(text);
    bool valid = value != NULL;

    json_decref(value);
    return valid;
}

static int make_function(struct plugin_function *function, const struct futured_function *entry,
                         size_t result_bytes, struct reason *ret_reason)
{
    struct check_error error;

    if (!is_name(entry->name))
        return refuse(ret_reason, "a function's name must be 1 to %d of A-Z a-z 0-9 _ - .",
                      NAME_BYTES);
    if (!entry->run)
        return refuse(ret_reason, "the function %s has no code", entry->name);
    if (entry->doc && !is_utf8(entry->doc))
        return refuse(ret_reason, "the doc of the function %s is no UTF-8", entry->name);
    *function = (struct plugin_function){
        .function = {.name = entry->name,
                     .doc = entry->doc ? entry->doc : "",
                     .params = entry->params,
                     .ops = &ops,
                     .state = function},
        .run = entry->run,
        .result_bytes = result_bytes,
    };
    if (!entry->params)
        return 0;
    int r = described_params_new(entry->params, &function->params, &error);
    if (r == -EINVAL)
        return refuse(ret_reason, "the function %s: %s: %s", entry->name, error.param,
                      error.message);
    return r;
}

/* ---- the table of a plugin ---- */

static int read_table(struct plugin *plugin, struct reason *ret_reason)
{
    const struct futured_plugin *table = dlsym(plugin->handle, SYMBOL);

    if (!table)
        return refuse(ret_reason, "it has no symbol %s: this is no plugin", SYMBOL);
    if (table->abi != FUTURED_PLUGIN_ABI)
        return refuse(ret_reason, "it was built for version %u of the plugin ABI, this is %u",
                      table->abi, FUTURED_PLUGIN_ABI);
    if (table->size > sizeof(*table) || table->function_size > sizeof(struct futured_function))
        return refuse(ret_reason, "it was built for a newer daemon (sizes %u, %u)", table->size,
                      table->function_size);
    if (table->size < FIRST_PLUGIN || table->function_size < FIRST_FUNCTION ||
        table->function_size % sizeof(void *) != 0)
        return refuse(ret_reason, "its table has a wrong size (sizes %u, %u)", table->size,
                      table->function_size);
    memcpy(&plugin->table, table, table->size);
    if (!plugin->table.functions)
        return refuse(ret_reason, "it has no functions");
    return 0;
}

/* The entry at this index, completed with zeroes where the plugin's is shorter. */
static struct futured_function entry_at(const struct plugin *plugin, size_t index)
{
    struct futured_function entry = {0};

    memcpy(&entry,
           (const char *)plugin->table.functions + index * (size_t)plugin->table.function_size,
           plugin->table.function_size);
    return entry;
}

static bool is_twice(const struct plugin *plugin, const char *name)
{
    for (size_t i = 0; i < plugin->function_count; i++) {
        const char *other = plugin->functions[i].function.name;

        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

static int make_functions(const struct plugins *plugins, struct plugin *plugin,
                          struct reason *ret_reason)
{
    size_t count = 0;

    while (count < FUNCTIONS_MAX && entry_at(plugin, count).name)
        count++;
    if (count == 0 || count == FUNCTIONS_MAX)
        return refuse(ret_reason,
                      count == 0 ? "it has no functions" : "its table of functions has no end");
    plugin->functions = calloc(count, sizeof(*plugin->functions));
    if (!plugin->functions)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct futured_function entry = entry_at(plugin, i);
        int r;

        if (is_twice(plugin, entry.name) || plugins->hooks.has(plugins->hooks.arg, entry.name))
            return refuse(ret_reason, "there is a function %s already", entry.name);
        r = make_function(&plugin->functions[i], &entry, plugins->result_bytes, ret_reason);
        if (r < 0)
            return r;
        plugin->function_count++;
    }
    return 0;
}

static int start(struct plugin *plugin, struct reason *ret_reason)
{
    int r = plugin->table.init ? plugin->table.init(plugin_api()) : 0;

    if (r != 0)
        return refuse(ret_reason, "its init failed: %s", r < 0 ? strerror(-r) : "no errno");
    plugin->started = true;
    return 0;
}

/* ---- loading a file ---- */

static void plugin_free(struct plugin *plugin)
{
    if (plugin->started && plugin->table.fini)
        plugin->table.fini();
    for (size_t i = 0; i < plugin->function_count; i++)
        described_params_free(plugin->functions[i].params);
    free(plugin->functions);
    if (plugin->handle)
        dlclose(plugin->handle);
    free(plugin->path);
    free(plugin);
}

static int open_library(struct plugin *plugin, struct reason *ret_reason)
{
    struct distrust distrust = {.reason = ""};
    int r = trusted_path(plugin->path, false, geteuid(), &distrust);

    if (r == -EPERM)
        return refuse(ret_reason, "%s", distrust.reason);
    if (r < 0 || stat(plugin->path, &plugin->identity) < 0)
        return refuse(ret_reason, "%s", strerror(r < 0 ? -r : errno));
    plugin->handle = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);
    return plugin->handle ? 0 : refuse(ret_reason, "%s", dlerror());
}

/* The functions are all there or, but for want of memory, none. */
static int add_functions(const struct plugins *plugins, struct plugin *plugin)
{
    size_t added = 0;
    int r = 0;

    while (r == 0 && added < plugin->function_count) {
        r = plugins->hooks.add(plugins->hooks.arg, &plugin->functions[added].function);
        if (r == 0)
            added++;
    }
    /* What was added is in use, and keeps the plugin. */
    return added > 0 ? 0 : r;
}

/* Takes ownership of `path`. 0; -EINVAL with *ret_reason; -ENOMEM. */
static int load_file(struct plugins *plugins, char *path, struct reason *ret_reason)
{
    struct plugin *plugin = calloc(1, sizeof(*plugin));
    int r;

    if (!plugin) {
        free(path);
        return -ENOMEM;
    }
    plugin->path = path;
    plugin->seen = true;
    r = open_library(plugin, ret_reason);
    if (r == 0)
        r = read_table(plugin, ret_reason);
    if (r == 0)
        r = make_functions(plugins, plugin, ret_reason);
    if (r == 0)
        r = start(plugin, ret_reason);
    if (r == 0)
        r = add_functions(plugins, plugin);
    if (r < 0) {
        plugin_free(plugin);
        return r;
    }
    TAILQ_INSERT_TAIL(&plugins->list, plugin, link);
    plugins->hooks.loaded(plugins->hooks.arg, path, plugin->function_count);
    return 0;
}

/* ---- what is loaded already ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static struct plugin *find_plugin(struct plugins *plugins, const char *path)
{
    struct plugin *plugin;

    TAILQ_FOREACH (plugin, &plugins->list, link)
        if (strcmp(plugin->path, path) == 0)
            return plugin;
    return NULL;
}

/* The file of a loaded plugin is there (still, or again). */
static void see_again(struct plugins *plugins, struct plugin *plugin)
{
    struct stat now;

    plugin->seen = true;
    plugin->gone = false;
    if (stat(plugin->path, &now) < 0 || same_file(&now, &plugin->identity))
        return;
    plugin->identity = now;
    plugins->hooks.refused(plugins->hooks.arg, plugin->path,
                           "it has changed: what was loaded stays until the daemon restarts");
}

static void tell_gone(struct plugins *plugins)
{
    struct plugin *plugin;

    TAILQ_FOREACH (plugin, &plugins->list, link) {
        if (!plugin->seen && !plugin->gone) {
            plugin->gone = true;
            plugins->hooks.refused(plugins->hooks.arg, plugin->path,
                                   "it is gone: what was loaded stays until the daemon restarts");
        }
        plugin->seen = false;
    }
}

/* ---- directories ---- */

static int is_candidate(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);

    return entry->d_name[0] != '.' && size > strlen(".so") &&
           strcmp(entry->d_name + size - strlen(".so"), ".so") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_entry(struct plugins *plugins, const char *directory, const char *name)
{
    struct reason reason;
    char path[PATH_MAX];

    /* Both are names of things that are there, but together they may be too long for one path. */
    if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
        return 0;
    char *real = realpath(path, NULL);
    if (!real) {
        plugins->hooks.refused(plugins->hooks.arg, path, strerror(errno));
        return 0;
    }
    struct plugin *loaded = find_plugin(plugins, real);
    if (loaded) {
        see_again(plugins, loaded);
        free(real);
        return 0;
    }
    int r = load_file(plugins, real, &reason);
    if (r == -EINVAL)
        plugins->hooks.refused(plugins->hooks.arg, path, reason.text);
    return r == -EINVAL ? 0 : r;
}

static int scan(struct plugins *plugins, const char *directory)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_candidate, by_name);
    int r = 0;

    if (count < 0 && errno == ENOMEM)
        return -ENOMEM;
    if (count < 0) {
        plugins->hooks.refused(plugins->hooks.arg, directory, strerror(errno));
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (r == 0)
            r = load_entry(plugins, directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return r;
}

static int load_directory(struct plugins *plugins, const char *name)
{
    struct distrust distrust = {.reason = ""};
    char *real = realpath(name, NULL);

    if (!real) {
        plugins->hooks.refused(plugins->hooks.arg, name, strerror(errno));
        return 0;
    }
    int r = trusted_path(real, true, geteuid(), &distrust);
    if (r == 0)
        r = scan(plugins, real);
    else if (r != -ENOMEM)
        plugins->hooks.refused(plugins->hooks.arg, name,
                               r == -EPERM ? distrust.reason : strerror(-r));
    free(real);
    return r == -ENOMEM ? r : 0;
}

/* ---- all of them ---- */

int plugins_new(const char *directories, size_t result_bytes, const struct plugins_hooks *hooks,
                struct plugins **ret_plugins)
{
    struct plugins *plugins = calloc(1, sizeof(*plugins));

    if (!plugins)
        return -ENOMEM;
    plugins->directories = strdup(directories);
    if (!plugins->directories) {
        free(plugins);
        return -ENOMEM;
    }
    plugins->result_bytes = result_bytes;
    plugins->hooks = *hooks;
    TAILQ_INIT(&plugins->list);
    *ret_plugins = plugins;
    return 0;
}

int plugins_set_directories(struct plugins *plugins, const char *directories)
{
    char *copy = strdup(directories);

    if (!copy)
        return -ENOMEM;
    free(plugins->directories);
    plugins->directories = copy;
    return 0;
}

int plugins_load(struct plugins *plugins)
{
    char *names = strdup(plugins->directories);
    char *rest = names;
    const char *name;
    int r = names ? 0 : -ENOMEM;

    while (r == 0 && (name = strsep(&rest, ":")))
        if (*name)
            r = load_directory(plugins, name);
    if (r == 0)
        tell_gone(plugins);
    free(names);
    return r;
}

void plugins_free(struct plugins *plugins)
{
    struct plugin *plugin;

    if (!plugins)
        return;
    while ((plugin = TAILQ_LAST(&plugins->list, plugin_list))) {
        TAILQ_REMOVE(&plugins->list, plugin, link);
        plugin_free(plugin);
    }
    free(plugins->directories);
    free(plugins);
}

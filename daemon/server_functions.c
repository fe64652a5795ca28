#include "daemon/server_functions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/config.h"
#include "daemon/config_files.h"
#include "daemon/config_function.h"
#include "daemon/core/executor.h"
#include "daemon/run/command.h"
#include "daemon/run/handler.h"
#include "daemon/run/native.h"
#include "daemon/run/plugin.h"

/* A function that was made, and its standing with the executor. */
struct known {
    const struct function *function;
    bool is_handler;
    bool shown;
};

struct functions {
    struct functions_settings settings;
    struct function *command;
    struct plugins *plugins;   /* NULL: none so far */
    struct handlers *handlers; /* NULL: none so far */
    struct known *known;
    size_t known_count;
    const struct function **drafts; /* prepared handlers; NULL: taken */
    size_t draft_count;
    unsigned refused; /* plugins, in the loading that goes on */
};

/* ---- what is known ---- */

static struct known *find_known(const struct functions *functions, const char *name)
{
    for (size_t i = 0; i < functions->known_count; i++)
        if (strcmp(functions->known[i].function->name, name) == 0)
            return &functions->known[i];
    return NULL;
}

static int add_known(struct functions *functions, const struct function *function, bool is_handler)
{
    struct known *grown =
        reallocarray(functions->known, functions->known_count + 1, sizeof(*functions->known));
    if (!grown)
        return -ENOMEM;
    functions->known = grown;
    grown[functions->known_count++] = (struct known){function, is_handler, false};
    return 0;
}

static int show(struct known *known, struct executor *executor)
{
    int r = known->shown ? 0 : executor_add_function(executor, known->function);
    known->shown |= r == 0;
    return r;
}

static const struct function *find_draft(const struct functions *functions, const char *name)
{
    for (size_t i = 0; i < functions->draft_count; i++)
        if (functions->drafts[i] && strcmp(functions->drafts[i]->name, name) == 0)
            return functions->drafts[i];
    return NULL;
}

static const struct config_function *find_section(const struct config *config, const char *name)
{
    for (size_t i = 0; config && i < config->function_count; i++)
        if (strcmp(config->functions[i].name, name) == 0)
            return &config->functions[i];
    return NULL;
}

/* ---- plugins ---- */

static bool has(void *arg, const char *name)
{
    return find_known(arg, name) != NULL;
}

static int add(void *arg, const struct function *function)
{
    return add_known(arg, function, false);
}

static void on_loaded(void *arg, const char *path, size_t count)
{
    (void)arg;
    log_info("plugin %s: loaded, functions: %zu", path, count);
}

static void on_refused(void *arg, const char *path, const char *reason)
{
    struct functions *functions = arg;
    functions->refused++;
    log_error("plugin %s: %s", path, reason);
}

static int load_plugins(struct functions *functions, const struct config *config,
                        unsigned *ret_refused)
{
    const char *directories = config->plugin_dir ? config->plugin_dir : "";
    int r;
    functions->refused = 0;
    if (functions->plugins) {
        r = plugins_set_directories(functions->plugins, directories);
    } else {
        struct plugins_hooks hooks = {
            .arg = functions, .has = has, .add = add, .loaded = on_loaded, .refused = on_refused};
        r = plugins_new(directories, config->limits.result_bytes, &hooks, &functions->plugins);
    }
    if (r == 0)
        r = plugins_load(functions->plugins);
    *ret_refused = functions->refused;
    return r;
}

/* ---- handlers ---- */

static int make_handlers(struct functions *functions, const struct config *config)
{
    struct handlers_settings settings = {
        .environment = functions->settings.environment,
        .socket_path = functions->settings.socket_path,
        .open_files = functions->settings.open_files,
        .leftovers = functions->settings.leftovers,
        .cgroups = functions->settings.cgroups,
        .line_bytes = config->limits.line_bytes,
        .depth = config->limits.depth,
        .values = config->limits.values,
    };
    return functions->handlers ? 0 : handlers_new(&settings, &functions->handlers);
}

static int draft(struct functions *functions, const struct config *config,
                 const struct config_function *section, struct config_error *error)
{
    const struct known *known = find_known(functions, section->name);
    if (known && !known->is_handler) {
        char name[sizeof("function ") + 64];
        snprintf(name, sizeof(name), "function %s", section->name);
        return config_fail(config, name, "handler", error,
                           "[%s]: there is a function of that name already", name);
    }
    return config_function_make(config, section, functions->handlers,
                                &functions->drafts[functions->draft_count], error);
}

static int draft_handlers(struct functions *functions, const struct config *old,
                          const struct config *new, struct config_error *error)
{
    if (new->function_count == 0)
        return 0;
    int r = make_handlers(functions, new);
    functions->drafts = calloc(new->function_count, sizeof(const struct function *));
    if (r == 0 && !functions->drafts)
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < new->function_count; i++) {
        const struct config_function *section = &new->functions[i];
        const struct config_function *before = find_section(old, section->name);
        if (before && config_function_equal(before, section))
            continue;
        r = draft(functions, new, section, error);
        functions->draft_count += r == 0;
    }
    return r;
}

void functions_discard(struct functions *functions)
{
    for (size_t i = 0; i < functions->draft_count; i++)
        if (functions->drafts[i])
            handlers_discard(functions->handlers, functions->drafts[i]);
    free(functions->drafts);
    functions->drafts = NULL;
    functions->draft_count = 0;
}

/* ---- initializers ---- */

/* The function as it will be. */
static const struct function *find_next(const struct functions *functions,
                                        const struct config *config, const char *name)
{
    const struct function *found = find_draft(functions, name);
    const struct known *known = find_known(functions, name);
    if (found || !known)
        return found;
    return known->is_handler && !find_section(config, name) ? NULL : known->function;
}

static int check_initializer(const struct functions *functions, const struct config *config,
                             const struct config_pool *pool, struct config_error *error)
{
    char section[sizeof("pool ") + 256];
    const char *args = pool->initializer_args ? pool->initializer_args : "{}";
    struct check_error check;
    if (!pool->initializer)
        return 0;
    snprintf(section, sizeof(section), "pool %s", pool->name);
    const struct function *function = find_next(functions, config, pool->initializer);
    if (!function)
        return config_fail(config, section, "initializer", error, "[%s]: there is no function %s",
                           section, pool->initializer);
    if (!function->ops->check_args)
        return 0;
    int r = function->ops->check_args(function, args, strlen(args), false, &check);
    if (r != -EINVAL)
        return r;
    return config_fail(config, section, "initializer_args", error, "[%s]: initializer_args: %s: %s",
                       section, check.param, check.message);
}

/* ---- the steps ---- */

int functions_prepare(struct functions *functions, const struct config *old,
                      const struct config *new, unsigned *ret_refused,
                      struct config_error *ret_error)
{
    int r = load_plugins(functions, new, ret_refused);
    if (r == 0)
        r = draft_handlers(functions, old, new, ret_error);
    for (size_t i = 0; r == 0 && i < new->pool_count; i++)
        r = check_initializer(functions, new, &new->pools[i], ret_error);
    if (r < 0)
        functions_discard(functions);
    return r;
}

static int commit_draft(struct functions *functions, const struct function *function)
{
    const struct known *known = find_known(functions, function->name);
    if (!known)
        return add_known(functions, function, true);
    handlers_replace(functions->handlers, known->function, function);
    return 0;
}

int functions_commit(struct functions *functions, const struct config *new,
                     struct executor *executor)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < functions->draft_count; i++) {
        r = commit_draft(functions, functions->drafts[i]);
        if (r == 0)
            functions->drafts[i] = NULL;
    }
    functions_discard(functions);
    for (size_t i = 0; i < functions->known_count; i++) {
        struct known *known = &functions->known[i];
        if (!known->is_handler || find_section(new, known->function->name)) {
            int shown = show(known, executor);
            r = r == 0 ? shown : r;
        } else if (known->shown) {
            executor_remove_function(executor, known->function);
            known->shown = false;
        }
    }
    return r;
}

void functions_limit_output(struct functions *functions, uint64_t total_bytes)
{
    command_function_limit(functions->command, total_bytes);
}

int functions_new(const struct functions_settings *settings, struct functions **ret_functions)
{
    struct functions *functions = calloc(1, sizeof(*functions));
    if (!functions)
        return -ENOMEM;
    functions->settings = *settings;
    struct command_settings command = {
        .environment = settings->environment,
        .socket_path = settings->socket_path,
        .pipe_grace_ms = COMMAND_PIPE_GRACE_MS,
        .open_files = settings->open_files,
        .leftovers = settings->leftovers,
        .cgroups = settings->cgroups,
    };
    int r = command_function_new(&command, &functions->command);
    if (r == 0)
        r = add_known(functions, functions->command, false);
    if (r == 0)
        r = add_known(functions, native_sleep(), false);
    if (r == 0)
        r = add_known(functions, native_echo(), false);
    if (r < 0) {
        functions_free(functions);
        return r;
    }
    *ret_functions = functions;
    return 0;
}

void functions_free(struct functions *functions)
{
    if (!functions)
        return;
    functions_discard(functions);
    command_function_free(functions->command);
    handlers_free(functions->handlers);
    plugins_free(functions->plugins);
    free(functions->known);
    free(functions);
}

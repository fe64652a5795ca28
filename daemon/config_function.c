#include "daemon/config_function.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_files.h"
#include "daemon/config_values.h"
#include "daemon/core/runner.h"
#include "daemon/run/handler.h"
#include "daemon/run/handler_argv.h"

/* `what` is a key, or begins with one and a dot: a member of its value. */
static int refuse(const struct config *config, const struct config_function *function,
                  const char *what, const char *why, struct config_error *error)
{
    char section[sizeof("function ") + 64], key[64];
    snprintf(section, sizeof(section), "function %s", function->name);
    snprintf(key, sizeof(key), "%.*s", (int)strcspn(what, "."), what);
    return config_fail(config, section, key, error, "[%s]: %s: %s", section, what, why);
}

static int split(const struct config *config, const struct config_function *function,
                 char ***ret_argv, struct config_error *error)
{
    const char *why = "is missing";
    int r = function->handler ? handler_argv_split(function->handler, ret_argv, &why) : -EINVAL;
    if (r == -EINVAL)
        (void)refuse(config, function, "handler", why, error);
    return r;
}

static struct handler_settings settings_of(const struct config_function *function, char **argv)
{
    return (struct handler_settings){
        .name = function->name,
        .doc = function->doc,
        .params = function->params,
        .argv = argv,
        .init = function->init,
        .cwd = function->cwd,
        .max_tasks = function->max_tasks,
        .idle_timeout_ms = function->idle_timeout_ms,
        .memory_limit_bytes = function->memory_limit_bytes,
        .timeout_ms = function->timeout_ms,
        .break_pool = function->break_pool,
    };
}

int config_function_check(const struct config *config, const struct config_function *function,
                          struct config_error *ret_error)
{
    struct check_error error;
    char **argv;
    /* The request to a process that has just started has this name. */
    if (strcmp(function->name, "init") == 0)
        return refuse(config, function, "the name", "is taken", ret_error);
    int r = split(config, function, &argv, ret_error);
    if (r < 0)
        return r;
    struct handler_settings settings = settings_of(function, argv);
    r = handler_settings_check(&settings, &error);
    free(argv);
    return r == -EINVAL ? refuse(config, function, error.param, error.message, ret_error) : r;
}

bool config_function_equal(const struct config_function *a, const struct config_function *b)
{
    return value_same(a->name, b->name) && value_same(a->handler, b->handler) &&
           value_same(a->init, b->init) && value_same(a->doc, b->doc) &&
           value_same(a->params, b->params) && value_same(a->cwd, b->cwd) &&
           a->max_tasks == b->max_tasks && a->idle_timeout_ms == b->idle_timeout_ms &&
           a->memory_limit_bytes == b->memory_limit_bytes && a->timeout_ms == b->timeout_ms &&
           a->break_pool == b->break_pool;
}

int config_function_make(const struct config *config, const struct config_function *function,
                         struct handlers *handlers, const struct function **ret_function,
                         struct config_error *ret_error)
{
    char **argv;
    int r = split(config, function, &argv, ret_error);
    if (r < 0)
        return r;
    struct handler_settings settings = settings_of(function, argv);
    struct check_error error;
    r = handlers_add(handlers, &settings, ret_function, &error);
    free(argv);
    return r == -EINVAL ? refuse(config, function, error.param, error.message, ret_error) : r;
}

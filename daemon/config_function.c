#include "daemon/config_function.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/runner.h"
#include "daemon/run/handler.h"
#include "daemon/run/handler_argv.h"

static int refuse(const struct config_function *function, const char *key, const char *why,
                  struct config_error *error)
{
    snprintf(error->text, sizeof(error->text), "[function %s]: %s: %s", function->name, key, why);
    return -EINVAL;
}

static int split(const struct config_function *function, char ***ret_argv,
                 struct config_error *error)
{
    const char *why = "is missing";
    int r = function->handler ? handler_argv_split(function->handler, ret_argv, &why) : -EINVAL;
    return r == -EINVAL ? refuse(function, "handler", why, error) : r;
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

int config_function_check(const struct config_function *function, struct config_error *ret_error)
{
    struct check_error error;
    char **argv;
    /* The request to a process that has just started has this name. */
    if (strcmp(function->name, "init") == 0)
        return refuse(function, "the name", "is taken", ret_error);
    int r = split(function, &argv, ret_error);
    if (r < 0)
        return r;
    struct handler_settings settings = settings_of(function, argv);
    r = handler_settings_check(&settings, &error);
    free(argv);
    return r == -EINVAL ? refuse(function, error.param, error.message, ret_error) : r;
}

int config_function_make(const struct config_function *function, struct handlers *handlers,
                         const struct function **ret_function, struct config_error *ret_error)
{
    char **argv;
    int r = split(function, &argv, ret_error);
    if (r < 0)
        return r;
    struct handler_settings settings = settings_of(function, argv);
    struct check_error error;
    r = handlers_add(handlers, &settings, ret_function, &error);
    free(argv);
    return r == -EINVAL ? refuse(function, error.param, error.message, ret_error) : r;
}

#include "daemon/server_plugins.h"

#include <string.h>

#include "daemon/base/log.h"
#include "daemon/core/executor.h"
#include "daemon/run/plugin.h"

static bool has(void *arg, const char *name)
{
    return executor_function(arg, name) != NULL;
}

static int add(void *arg, const struct function *function)
{
    return executor_add_function(arg, function);
}

static void on_loaded(void *arg, const char *path, size_t functions)
{
    (void)arg;
    log_info("plugin %s: loaded, functions: %zu", path, functions);
}

static void on_refused(void *arg, const char *path, const char *reason)
{
    (void)arg;
    log_error("plugin %s: %s", path, reason);
}

int server_plugins_new(const char *directories, size_t result_bytes, struct executor *executor,
                       struct plugins **ret_plugins)
{
    struct plugins_hooks hooks = {
        .arg = executor, .has = has, .add = add, .loaded = on_loaded, .refused = on_refused};
    struct plugins *plugins = NULL;
    int r = 0;

    if (directories)
        r = plugins_new(directories, result_bytes, &hooks, &plugins);
    if (r == 0 && plugins)
        r = plugins_load(plugins);
    if (r < 0) {
        plugins_free(plugins);
        return r;
    }
    *ret_plugins = plugins;
    return 0;
}

void server_plugins_reload(struct plugins *plugins)
{
    if (!plugins)
        return;
    int r = plugins_load(plugins);
    if (r < 0)
        log_error("cannot load plugins: %s", strerror(-r));
}

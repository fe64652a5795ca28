/* What the settings become, at the start and at each reload: functions, pools, limits, the log. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/config.h"
#include "daemon/config_files.h"
#include "daemon/config_pool.h"
#include "daemon/config_values.h"
#include "daemon/core/executor.h"
#include "daemon/net/listener.h"
#include "daemon/server_cgroups.h"
#include "daemon/server_functions.h"
#include "daemon/server_impl.h"
#include "daemon/server_manager.h"
#include "daemon/server_places.h"

extern char **environ;

void server_executor_limits(const struct config *config, struct executor_settings *settings)
{
    const struct limits *limits = &config->limits;
    settings->output_bytes = limits->output_bytes;
    settings->pending_limit = limits->pending;
    settings->pending_per_uid = limits->pending_per_uid;
    settings->map_items_limit = limits->map_items;
    settings->pools_limit = limits->pools;
    settings->retention_count = limits->retention_count;
    settings->retention_bytes = limits->retention_bytes;
    settings->retention_s = limits->retention_seconds;
}

void server_identity_rules(const struct config *config, struct identity_rules *ret_rules)
{
    *ret_rules = (struct identity_rules){.uid = getuid(), .admin_group = config->admin_group};
}

/* ---- pools ---- */

static const struct config_pool *find_pool(const struct config *config, const char *name)
{
    for (size_t i = 0; config && i < config->pool_count; i++)
        if (strcmp(config->pools[i].name, name) == 0)
            return &config->pools[i];
    return NULL;
}

/* What was set at run time stays, unless the file says something new about the pool. */
static int set_pools(struct server *server, const struct config *old, const struct config *new)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < new->pool_count; i++) {
        const struct config_pool *pool = &new->pools[i];
        const struct config_pool *before = find_pool(old, pool->name);
        struct pool_settings settings = pool->settings;
        bool same = before && config_pool_equal(before, pool);
        /* Workers elsewhere are told of the limits when they start. */
        if (same && (!pool->launcher || places_same_limits(&old->limits, &new->limits)))
            continue;
        if (same)
            settings = *pool_settings(executor_pool(server->executor, pool->name));
        if (!same) {
            if (pool->initializer)
                settings.initializer = executor_function(server->executor, pool->initializer);
            settings.initializer_args = pool->initializer_args;
            settings.configured = true;
        }
        r = places_make(server->places, new, pool, &settings.place);
        if (r < 0)
            break;
        r = executor_set_pool(server->executor, pool->name, &settings);
        if (r == 0)
            places_use(server->places, pool->name, settings.place);
        else
            places_drop(server->places, settings.place);
    }
    for (size_t i = 0; old && i < old->pool_count; i++)
        if (!find_pool(new, old->pools[i].name))
            log_warning("[pool %s] is gone from the configuration: the pool stays as it is until "
                        "the daemon starts again",
                        old->pools[i].name);
    return r;
}

/* Pools cannot be removed, so that those of the file come on top of those that are there. */
static int check_pools(const struct server *server, const struct config *config,
                       struct config_error *error)
{
    size_t count = 0;
    while (executor_pool_at(server->executor, count))
        count++;
    for (size_t i = 0; i < config->pool_count; i++) {
        const char *name = config->pools[i].name;
        char section[sizeof("pool ") + 256];
        if (executor_pool(server->executor, name) || ++count <= config->limits.pools)
            continue;
        snprintf(section, sizeof(section), "pool %s", name);
        return config_fail(config, section, "", error, "[%s]: there are %llu pools already",
                           section, (unsigned long long)config->limits.pools);
    }
    return 0;
}

/* ---- the start ---- */

static void say(int r, const struct config_error *error)
{
    log_error("%s", r == -EINVAL ? error->text : strerror(-r));
}

int server_make_functions(struct server *server)
{
    struct functions_settings settings = {
        .environment = environ,
        .socket_path = server->socket_path,
        .open_files = server->job_open_files.rlim_max > 0 ? &server->job_open_files : NULL,
        .leftovers = server->leftovers,
        .cgroups = server->cgroups,
    };
    struct places_settings places = {
        .environment = settings.environment,
        .socket_path = settings.socket_path,
        .open_files = settings.open_files,
        .leftovers = settings.leftovers,
        .timers = server->timers,
    };
    struct config_error error = {.text = ""};
    unsigned refused;
    int r = functions_new(&settings, &server->functions);
    if (r == 0)
        r = places_new(&places, &server->places);
    if (r == 0)
        r = functions_prepare(server->functions, NULL, server->config, &refused, &error);
    if (r == 0)
        r = check_pools(server, server->config, &error);
    if (r == 0)
        r = functions_commit(server->functions, server->config, server->executor);
    if (r == 0)
        functions_limit_output(server->functions, server->config->limits.output_total_bytes);
    if (r == 0)
        r = set_pools(server, NULL, server->config);
    if (r < 0)
        say(r, &error);
    return r;
}

int server_check(const struct config *config, struct config_error *ret_error)
{
    struct functions_settings settings = {.environment = environ};
    struct functions *functions = NULL;
    unsigned refused = 0;
    int r = functions_new(&settings, &functions);
    if (r == 0)
        r = functions_prepare(functions, NULL, config, &refused, ret_error);
    functions_free(functions);
    if (r == 0 && refused > 0)
        r = config_fail(config, "daemon", "plugin_dir", ret_error,
                        "plugin_dir: not everything can be loaded, see above");
    return r;
}

/* ---- reload ---- */

static void swap_text(char **a, char **b)
{
    char *text = *a;
    *a = *b;
    *b = text;
}

/* What only a start can change stays as it was in force. `old` is thrown away afterwards. */
static void keep_fixed(struct config *old, struct config *new)
{
    const struct {
        const char *key;
        char **old, **new;
    } texts[] = {{"socket", &old->socket, &new->socket},
                 {"state_dir", &old->state_dir, &new->state_dir}};
    bool group = old->socket_group != new->socket_group;
    bool durability = old->durability != new->durability;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (!value_same(*texts[i].old, *texts[i].new))
            log_warning("%s has changed: that takes effect when the daemon starts again",
                        texts[i].key);
        swap_text(texts[i].old, texts[i].new);
    }
    if (group)
        log_warning("socket_group has changed: that takes effect when the daemon starts again");
    if (durability)
        log_warning("durability has changed: that takes effect when the daemon starts again");
    if (old->job_cgroups != new->job_cgroups)
        log_warning("job_cgroups has changed: that takes effect when the daemon starts again");
    new->job_cgroups = old->job_cgroups;
    new->durability = old->durability;
    new->socket_group = old->socket_group;
    new->ready_fd = old->ready_fd;
}

static int prepare(struct server *server, struct config *new, struct config_error *error)
{
    unsigned refused;
    int r = server->loader.load(server->loader.arg, new, error);
    if (r == 0)
        r = check_pools(server, new, error);
    if (r == 0)
        r = functions_prepare(server->functions, server->config, new, &refused, error);
    if (r < 0 && error->text[0] == '\0')
        snprintf(error->text, sizeof(error->text), "%s", strerror(-r));
    return r;
}

/* From here on only memory can be lacking, and what is done stays done. */
static void apply(struct server *server, struct config *new)
{
    struct executor_settings limits = {.loop = NULL};
    int r = functions_commit(server->functions, new, server->executor);
    if (r == 0)
        r = set_pools(server, server->config, new);
    if (r < 0)
        log_error("only a part of the configuration is in force: %s", strerror(-r));
    keep_fixed(server->config, new);
    config_free(server->config);
    *server->config = *new;
    config_set_log(server->config);
    server_executor_limits(server->config, &limits);
    executor_set_limits(server->executor, &limits);
    functions_limit_output(server->functions, server->config->limits.output_total_bytes);
    (void)server_cgroups_limit(server->cgroups, server->config);
    if (server->listener) {
        struct identity_rules rules;
        server_identity_rules(server->config, &rules);
        listener_set_rules(server->listener, &rules);
    }
}

void server_reload(struct server *server)
{
    struct config new;
    struct config_error error = {.text = ""};
    manager_tell_reloading(server->manager);
    executor_sync(server->executor);
    if (prepare(server, &new, &error) < 0) {
        log_error("reload: %s; nothing was changed", error.text);
        manager_tell_reloaded(server->manager, error.text);
        config_free(&new);
        return;
    }
    apply(server, &new);
    log_info("reloaded");
    manager_tell_reloaded(server->manager, NULL);
}

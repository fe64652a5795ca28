#include "daemon/config_pool.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/config_files.h"
#include "daemon/config_values.h"
#include "daemon/run/remote.h"

#define LAUNCHER_TIMEOUT_MS 30000

struct config_pool *config_pool(struct config *config, const char *name)
{
    for (size_t i = 0; i < config->pool_count; i++)
        if (strcmp(config->pools[i].name, name) == 0)
            return &config->pools[i];
    struct config_pool *grown =
        realloc(config->pools, (config->pool_count + 1) * sizeof(*config->pools));
    if (!grown)
        return NULL;
    config->pools = grown;
    struct config_pool *pool = &grown[config->pool_count];
    *pool = (struct config_pool){
        .name = strdup(name), .launcher_timeout_ms = LAUNCHER_TIMEOUT_MS, .slots = 1};
    if (!pool->name)
        return NULL;
    pool_default_settings(name, &pool->settings);
    config->pool_count++;
    return pool;
}

static int set_pool_workers(const struct config *config, struct pool_settings *settings,
                            const char *key, const char *value, struct config_error *error)
{
    uint64_t count = 0;
    bool max = strcmp(key, "max_workers") == 0;
    int r = value_count(key, value, config->limits.workers, &count, error);
    if (r < 0)
        return r;
    if (max && count == 0)
        return value_fail(error, "max_workers must be at least 1");
    *(max ? &settings->max_workers : &settings->min_workers) = (unsigned)count;
    return 0;
}

/* The keys about a pool's launcher; -ENOENT: it is none of them. */
static int set_launcher(struct config_pool *pool, const char *key, const char *value,
                        bool continues, struct config_error *error)
{
    uint64_t slots = 0;
    int r;
    if (strcmp(key, "launcher") == 0)
        return continues ? value_continue(&pool->launcher, value, error)
                         : value_text(&pool->launcher, value, error);
    if (strcmp(key, "launcher_program") == 0)
        return value_text(&pool->launcher_program, value, error);
    if (strcmp(key, "launcher_timeout") == 0)
        return value_ms(key, value, &pool->launcher_timeout_ms, error);
    if (strcmp(key, "slots") != 0)
        return -ENOENT;
    r = value_count(key, value, INT_MAX, &slots, error);
    if (r == 0 && slots == 0)
        return value_fail(error, "slots must be at least 1");
    if (r == 0)
        pool->slots = (unsigned)slots;
    return r;
}

int config_pool_set(struct config *config, const char *name, const char *key, const char *value,
                    bool continues, struct config_error *error)
{
    if (name[0] == '\0' || strlen(name) > config->limits.name_bytes)
        return value_fail(error, "a pool's name has 1 to %llu bytes",
                          (unsigned long long)config->limits.name_bytes);
    struct config_pool *pool = config_pool(config, name);
    if (!pool)
        return value_fail(error, "no memory");
    struct pool_settings *settings = &pool->settings;
    double seconds;
    if (continues && strcmp(key, "launcher") != 0)
        return value_fail(error, "%s has one line: the next key must not be indented", key);
    int r = set_launcher(pool, key, value, continues, error);
    if (r != -ENOENT)
        return r;
    if (strcmp(key, "max_workers") == 0 || strcmp(key, "min_workers") == 0)
        return set_pool_workers(config, settings, key, value, error);
    if (strcmp(key, "idle_timeout") == 0) {
        r = value_seconds(key, value, &seconds, error);
        if (r == 0)
            settings->idle_timeout_ns = (uint64_t)(seconds * (double)NS_PER_S);
        return r;
    }
    if (strcmp(key, "max_tasks_per_worker") == 0)
        return value_count(key, value, UINT64_MAX / 4, &settings->max_tasks_per_worker, error);
    if (strcmp(key, "queue_limit") == 0)
        return value_count(key, value, UINT64_MAX / 4, &settings->queue_limit, error);
    if (strcmp(key, "on_full") == 0) {
        settings->on_full_wait = strcmp(value, "wait") == 0;
        if (!settings->on_full_wait && strcmp(value, "error") != 0)
            return value_fail(error, "on_full must be error or wait, not \"%s\"", value);
        return 0;
    }
    if (strcmp(key, "durability") == 0) {
        if (!durability_from_name(value, &settings->durability))
            return value_fail(error, "durability must be full, process or none, not \"%s\"", value);
        return 0;
    }
    if (strcmp(key, "thread_name_prefix") == 0) {
        if (value[0] == '\0' || strlen(value) >= POOL_PREFIX_SIZE)
            return value_fail(error, "thread_name_prefix has 1 to %d bytes", POOL_PREFIX_SIZE - 1);
        snprintf(settings->thread_name_prefix, POOL_PREFIX_SIZE, "%s", value);
        return 0;
    }
    if (strcmp(key, "initializer") == 0)
        return value_text(&pool->initializer, value, error);
    if (strcmp(key, "initializer_args") == 0)
        return value_text(&pool->initializer_args, value, error);
    return value_fail(error, "unknown key \"%s\" in [pool %s]", key, name);
}

bool config_pool_equal(const struct config_pool *a, const struct config_pool *b)
{
    const struct pool_settings *x = &a->settings, *y = &b->settings;
    return value_same(a->initializer, b->initializer) &&
           value_same(a->initializer_args, b->initializer_args) &&
           value_same(a->launcher, b->launcher) &&
           value_same(a->launcher_program, b->launcher_program) &&
           a->launcher_timeout_ms == b->launcher_timeout_ms && a->slots == b->slots &&
           x->max_workers == y->max_workers && x->min_workers == y->min_workers &&
           x->idle_timeout_ns == y->idle_timeout_ns &&
           x->max_tasks_per_worker == y->max_tasks_per_worker && x->queue_limit == y->queue_limit &&
           x->on_full_wait == y->on_full_wait && x->durability == y->durability &&
           strcmp(x->thread_name_prefix, y->thread_name_prefix) == 0;
}

int config_pool_check(const struct config *config, const struct config_pool *pool,
                      struct config_error *error)
{
    char section[sizeof("pool ") + 256];
    snprintf(section, sizeof(section), "pool %s", pool->name);
    if (pool->settings.min_workers > pool->settings.max_workers)
        return config_fail(config, section, "min_workers", error,
                           "[%s]: min_workers is above max_workers", section);
    const char *why;
    int r = pool->launcher ? remote_launcher_check(pool->launcher, &why) : 0;
    if (r == -EINVAL)
        return config_fail(config, section, "launcher", error, "[%s]: launcher: %s", section, why);
    if (r < 0)
        return r;
    if (pool->initializer_args && !pool->initializer)
        return config_fail(config, section, "initializer_args", error,
                           "[%s]: initializer_args without initializer", section);
    return 0;
}

#include "daemon/config.h"

#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"

static int fail(struct config_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct config_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return -EINVAL;
}

void config_set_defaults(struct config *config)
{
    *config = (struct config){
        .log_level = LOG_LEVEL_INFO,
        .stop_timeout_ms = 3000,
        .stop_grace_ms = 2000,
    };
    limits_set_defaults(&config->limits);
}

void config_free(struct config *config)
{
    for (size_t i = 0; i < config->pool_count; i++) {
        free(config->pools[i].name);
        free(config->pools[i].initializer);
        free(config->pools[i].initializer_args);
    }
    free(config->pools);
    free(config->socket);
    free(config->state_dir);
    free(config->durability);
}

/* ---- values ---- */

static int set_text(char **text, const char *value, struct config_error *error)
{
    char *copy = strdup(value);
    if (!copy)
        return fail(error, "no memory");
    free(*text);
    *text = copy;
    return 0;
}

static int parse_count(const char *key, const char *value, uint64_t max, uint64_t *ret_count,
                       struct config_error *error)
{
    char *end;
    errno = 0;
    unsigned long long count = strtoull(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || value[0] == '-' || count > max)
        return fail(error, "%s must be a whole number of at most %llu, not \"%s\"", key,
                    (unsigned long long)max, value);
    *ret_count = count;
    return 0;
}

static int parse_seconds(const char *key, const char *value, double *ret_seconds,
                         struct config_error *error)
{
    char *end;
    double seconds = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(seconds) || seconds < 0 || seconds > 1e9)
        return fail(error, "%s must be a number of seconds, not \"%s\"", key, value);
    *ret_seconds = seconds;
    return 0;
}

static int parse_ms(const char *key, const char *value, uint64_t *ret_ms,
                    struct config_error *error)
{
    double seconds;
    int r = parse_seconds(key, value, &seconds, error);
    if (r == 0)
        *ret_ms = (uint64_t)(seconds * 1000);
    return r;
}

/* ---- [daemon] and [limits] ---- */

int config_set(struct config *config, const char *key, const char *value,
               struct config_error *error)
{
    if (strcmp(key, "socket") == 0)
        return set_text(&config->socket, value, error);
    if (strcmp(key, "state_dir") == 0)
        return set_text(&config->state_dir, value, error);
    if (strcmp(key, "durability") == 0) {
        if (strcmp(value, "full") != 0 && strcmp(value, "process") != 0 &&
            strcmp(value, "none") != 0)
            return fail(error, "durability must be full, process or none, not \"%s\"", value);
        return set_text(&config->durability, value, error);
    }
    if (strcmp(key, "log_level") == 0) {
        if (log_level_parse(value, &config->log_level) < 0)
            return fail(error, "log_level must be error, warning, info or debug, not \"%s\"",
                        value);
        return 0;
    }
    if (strcmp(key, "stop_timeout") == 0)
        return parse_ms(key, value, &config->stop_timeout_ms, error);
    if (strcmp(key, "stop_grace") == 0)
        return parse_ms(key, value, &config->stop_grace_ms, error);
    return fail(error, "unknown key \"%s\" in [daemon]", key);
}

static int set_limit(struct config *config, const char *key, const char *value,
                     struct config_error *error)
{
    uint64_t limit;
    int r = parse_count(key, value, UINT64_MAX / 4, &limit, error);
    if (r < 0)
        return r;
    r = limits_set(&config->limits, key, limit);
    if (r == -ENOENT)
        return fail(error, "unknown key \"%s\" in [limits]", key);
    if (r < 0)
        return fail(error, "%s must not be 0", key);
    return 0;
}

/* ---- [pool NAME] ---- */

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
    *pool = (struct config_pool){.name = strdup(name)};
    if (!pool->name)
        return NULL;
    pool_default_settings(name, &pool->settings);
    config->pool_count++;
    return pool;
}

static int set_pool_workers(const struct config *config, struct pool_settings *settings,
                            const char *key, const char *value, struct config_error *error)
{
    uint64_t count;
    bool max = strcmp(key, "max_workers") == 0;
    int r = parse_count(key, value, config->limits.workers, &count, error);
    if (r < 0)
        return r;
    if (max && count == 0)
        return fail(error, "max_workers must be at least 1");
    *(max ? &settings->max_workers : &settings->min_workers) = (unsigned)count;
    return 0;
}

static int set_pool(struct config *config, const char *name, const char *key, const char *value,
                    struct config_error *error)
{
    if (name[0] == '\0' || strlen(name) > config->limits.name_bytes)
        return fail(error, "a pool's name has 1 to %llu bytes",
                    (unsigned long long)config->limits.name_bytes);
    struct config_pool *pool = config_pool(config, name);
    if (!pool)
        return fail(error, "no memory");
    struct pool_settings *settings = &pool->settings;
    double seconds;
    int r = 0;
    if (strcmp(key, "max_workers") == 0 || strcmp(key, "min_workers") == 0)
        return set_pool_workers(config, settings, key, value, error);
    if (strcmp(key, "idle_timeout") == 0) {
        r = parse_seconds(key, value, &seconds, error);
        if (r == 0)
            settings->idle_timeout_ns = (uint64_t)(seconds * (double)NS_PER_S);
        return r;
    }
    if (strcmp(key, "max_tasks_per_worker") == 0)
        return parse_count(key, value, UINT64_MAX / 4, &settings->max_tasks_per_worker, error);
    if (strcmp(key, "queue_limit") == 0)
        return parse_count(key, value, UINT64_MAX / 4, &settings->queue_limit, error);
    if (strcmp(key, "on_full") == 0) {
        settings->on_full_wait = strcmp(value, "wait") == 0;
        if (!settings->on_full_wait && strcmp(value, "error") != 0)
            return fail(error, "on_full must be error or wait, not \"%s\"", value);
        return 0;
    }
    if (strcmp(key, "thread_name_prefix") == 0) {
        if (value[0] == '\0' || strlen(value) >= POOL_PREFIX_SIZE)
            return fail(error, "thread_name_prefix has 1 to %d bytes", POOL_PREFIX_SIZE - 1);
        snprintf(settings->thread_name_prefix, POOL_PREFIX_SIZE, "%s", value);
        return 0;
    }
    if (strcmp(key, "initializer") == 0)
        return set_text(&pool->initializer, value, error);
    if (strcmp(key, "initializer_args") == 0)
        return set_text(&pool->initializer_args, value, error);
    return fail(error, "unknown key \"%s\" in [pool %s]", key, name);
}

/* ---- the file ---- */

struct reading {
    struct config *config;
    struct config_error error; /* the first one */
    bool failed;
};

static int on_key(void *arg, const char *section, const char *key, const char *value)
{
    struct reading *reading = arg;
    struct config_error error = {.text = ""};
    int r;
    if (reading->failed)
        return 0;
    if (strcmp(section, "daemon") == 0)
        r = config_set(reading->config, key, value, &error);
    else if (strcmp(section, "limits") == 0)
        r = set_limit(reading->config, key, value, &error);
    else if (strncmp(section, "pool ", 5) == 0)
        r = set_pool(reading->config, section + 5, key, value, &error);
    else if (section[0] == '\0')
        r = fail(&error, "\"%s\" stands before any section", key);
    else
        r = fail(&error, "unknown section [%s]", section);
    if (r < 0) {
        reading->failed = true;
        reading->error = error;
    }
    return r == 0;
}

int config_read_file(struct config *config, const char *path, struct config_error *ret_error)
{
    struct reading reading = {.config = config};
    int line = ini_parse(path, on_key, &reading);
    if (line == -1)
        return fail(ret_error, "%s: %s", path, strerror(errno));
    if (line < 0)
        return fail(ret_error, "%s: no memory", path);
    if (line > 0)
        return fail(ret_error, "%s:%d: %s", path, line,
                    reading.failed ? reading.error.text : "this is neither a section nor a key");
    return 0;
}

int config_check(const struct config *config, struct config_error *ret_error)
{
    for (size_t i = 0; i < config->pool_count; i++) {
        const struct config_pool *pool = &config->pools[i];
        if (pool->settings.min_workers > pool->settings.max_workers)
            return fail(ret_error, "[pool %s]: min_workers is above max_workers", pool->name);
        if (pool->initializer_args && !pool->initializer)
            return fail(ret_error, "[pool %s]: initializer_args without initializer", pool->name);
    }
    /* Futures are kept in memory alone so far, and a promise must not be made that is not kept. */
    if (config->durability && strcmp(config->durability, "none") != 0)
        return fail(ret_error, "durability %s is not available in this build: only none",
                    config->durability);
    return 0;
}

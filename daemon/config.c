#include "daemon/config.h"

#include <errno.h>
#include <grp.h>
#include <ini.h>
#include <math.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/config_files.h"
#include "daemon/config_function.h"
#include "daemon/run/remote.h"

#define LAUNCHER_TIMEOUT_MS 30000

/* The parser keeps 49 bytes of a section's title: a name that fills them may have been cut. */
#define FUNCTION_NAME_BYTES 39

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
        .durability = DURABILITY_FULL,
        .log_level = LOG_LEVEL_INFO,
        .log_burst = 1000,
        .log_interval_ms = 10000,
        .stop_timeout_ms = 3000,
        .stop_grace_ms = 2000,
        .socket_group = (gid_t)-1,
        .admin_group = (gid_t)-1,
        .ready_fd = -1,
    };
    limits_set_defaults(&config->limits);
}

void config_free(struct config *config)
{
    for (size_t i = 0; i < config->pool_count; i++) {
        free(config->pools[i].name);
        free(config->pools[i].initializer);
        free(config->pools[i].initializer_args);
        free(config->pools[i].launcher);
        free(config->pools[i].launcher_program);
    }
    free(config->pools);
    for (size_t i = 0; i < config->function_count; i++) {
        free(config->functions[i].name);
        free(config->functions[i].handler);
        free(config->functions[i].init);
        free(config->functions[i].doc);
        free(config->functions[i].params);
        free(config->functions[i].cwd);
    }
    free(config->functions);
    free(config->socket);
    free(config->state_dir);
    free(config->plugin_dir);
    config_free_places(config);
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

/* A group's name, or its number. */
static int parse_group(const char *key, const char *value, gid_t *ret_group,
                       struct config_error *error)
{
    char *end;
    struct group *group = getgrnam(value);
    if (group) {
        *ret_group = group->gr_gid;
        return 0;
    }
    unsigned long number = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || number >= (gid_t)-1)
        return fail(error, "%s: there is no group \"%s\"", key, value);
    *ret_group = (gid_t)number;
    return 0;
}

static int parse_log_format(const char *value, enum log_format *ret_format,
                            struct config_error *error)
{
    int r = log_format_parse(value, ret_format);
    if (r == -ENOTSUP)
        return fail(error, "log_format: this build knows no journal");
    if (r < 0)
        return fail(error, "log_format must be auto, text, json or journal, not \"%s\"", value);
    return 0;
}

static int parse_choice(const char *key, const char *value, enum config_choice *ret_choice,
                        struct config_error *error)
{
    static const char *const names[] = {
        [CONFIG_AUTO] = "auto", [CONFIG_YES] = "yes", [CONFIG_NO] = "no"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(value, names[i]) != 0)
            continue;
        *ret_choice = (enum config_choice)i;
        return 0;
    }
    return fail(error, "%s must be auto, yes or no, not \"%s\"", key, value);
}

/* ---- [daemon] and [limits] ---- */

/* What is there for jobs. */
static int set_job_key(struct config *config, const char *key, const char *value,
                       struct config_error *error)
{
    if (strcmp(key, "job_cgroups") == 0)
        return parse_choice(key, value, &config->job_cgroups, error);
    if (strcmp(key, "job_memory_max") == 0)
        return parse_count(key, value, UINT64_MAX / 4, &config->job_memory_max_bytes, error);
    if (strcmp(key, "job_pids_max") == 0)
        return parse_count(key, value, UINT64_MAX / 4, &config->job_pids_max, error);
    return fail(error, "unknown key \"%s\" in [daemon]", key);
}

int config_set(struct config *config, const char *key, const char *value,
               struct config_error *error)
{
    if (strcmp(key, "socket") == 0)
        return set_text(&config->socket, value, error);
    if (strcmp(key, "state_dir") == 0)
        return set_text(&config->state_dir, value, error);
    if (strcmp(key, "durability") == 0) {
        if (!durability_from_name(value, &config->durability))
            return fail(error, "durability must be full, process or none, not \"%s\"", value);
        return 0;
    }
    if (strcmp(key, "socket_group") == 0)
        return parse_group(key, value, &config->socket_group, error);
    if (strcmp(key, "admin_group") == 0)
        return parse_group(key, value, &config->admin_group, error);
    if (strcmp(key, "plugin_dir") == 0)
        return set_text(&config->plugin_dir, value, error);
    if (strcmp(key, "log_level") == 0) {
        if (log_level_parse(value, &config->log_level) < 0)
            return fail(error, "log_level must be error, warning, info or debug, not \"%s\"",
                        value);
        return 0;
    }
    if (strcmp(key, "log_format") == 0)
        return parse_log_format(value, &config->log_format, error);
    if (strcmp(key, "log_burst") == 0)
        return parse_count(key, value, UINT64_MAX / 4, &config->log_burst, error);
    if (strcmp(key, "log_interval") == 0)
        return parse_ms(key, value, &config->log_interval_ms, error);
    if (strcmp(key, "stop_timeout") == 0)
        return parse_ms(key, value, &config->stop_timeout_ms, error);
    if (strcmp(key, "stop_grace") == 0)
        return parse_ms(key, value, &config->stop_grace_ms, error);
    return set_job_key(config, key, value, error);
}

static int set_limit(struct config *config, const char *key, const char *value,
                     struct config_error *error)
{
    uint64_t limit = 0;
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
    int r = parse_count(key, value, config->limits.workers, &count, error);
    if (r < 0)
        return r;
    if (max && count == 0)
        return fail(error, "max_workers must be at least 1");
    *(max ? &settings->max_workers : &settings->min_workers) = (unsigned)count;
    return 0;
}

static int continue_text(char **text, const char *more, struct config_error *error)
{
    char *longer;
    if (asprintf(&longer, "%s %s", *text ? *text : "", more) < 0)
        return fail(error, "no memory");
    free(*text);
    *text = longer;
    return 0;
}

/* The keys about a pool's launcher; -ENOENT: it is none of them. */
static int set_launcher(struct config_pool *pool, const char *key, const char *value,
                        bool continues, struct config_error *error)
{
    uint64_t slots = 0;
    int r;
    if (strcmp(key, "launcher") == 0)
        return continues ? continue_text(&pool->launcher, value, error)
                         : set_text(&pool->launcher, value, error);
    if (strcmp(key, "launcher_program") == 0)
        return set_text(&pool->launcher_program, value, error);
    if (strcmp(key, "launcher_timeout") == 0)
        return parse_ms(key, value, &pool->launcher_timeout_ms, error);
    if (strcmp(key, "slots") != 0)
        return -ENOENT;
    r = parse_count(key, value, INT_MAX, &slots, error);
    if (r == 0 && slots == 0)
        return fail(error, "slots must be at least 1");
    if (r == 0)
        pool->slots = (unsigned)slots;
    return r;
}

static int set_pool(struct config *config, const char *name, const char *key, const char *value,
                    bool continues, struct config_error *error)
{
    if (name[0] == '\0' || strlen(name) > config->limits.name_bytes)
        return fail(error, "a pool's name has 1 to %llu bytes",
                    (unsigned long long)config->limits.name_bytes);
    struct config_pool *pool = config_pool(config, name);
    if (!pool)
        return fail(error, "no memory");
    struct pool_settings *settings = &pool->settings;
    double seconds;
    if (continues && strcmp(key, "launcher") != 0)
        return fail(error, "%s has one line: the next key must not be indented", key);
    int r = set_launcher(pool, key, value, continues, error);
    if (r != -ENOENT)
        return r;
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
    if (strcmp(key, "durability") == 0) {
        if (!durability_from_name(value, &settings->durability))
            return fail(error, "durability must be full, process or none, not \"%s\"", value);
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

/* ---- [function NAME] ---- */

/* The function's settings, made with the defaults if it is not there yet. NULL: no memory. */
static struct config_function *config_function(struct config *config, const char *name)
{
    for (size_t i = 0; i < config->function_count; i++)
        if (strcmp(config->functions[i].name, name) == 0)
            return &config->functions[i];
    struct config_function *grown =
        realloc(config->functions, (config->function_count + 1) * sizeof(*config->functions));
    if (!grown)
        return NULL;
    config->functions = grown;
    struct config_function *function = &grown[config->function_count];
    *function = (struct config_function){.name = strdup(name), .idle_timeout_ms = 60000};
    if (!function->name)
        return NULL;
    config->function_count++;
    return function;
}

/* The texts of a function: where they do not fit on one line, they go on in the next. NULL: the key
 * is none of them. */
static char **function_text(struct config_function *function, const char *key)
{
    if (strcmp(key, "handler") == 0)
        return &function->handler;
    if (strcmp(key, "init") == 0)
        return &function->init;
    if (strcmp(key, "doc") == 0)
        return &function->doc;
    if (strcmp(key, "params") == 0)
        return &function->params;
    if (strcmp(key, "cwd") == 0)
        return &function->cwd;
    return NULL;
}

static int set_function(struct config *config, const char *name, const char *key, const char *value,
                        bool continues, struct config_error *error)
{
    if (name[0] == '\0' || strlen(name) > FUNCTION_NAME_BYTES)
        return fail(error, "a function's name has 1 to %d bytes", FUNCTION_NAME_BYTES);
    struct config_function *function = config_function(config, name);
    if (!function)
        return fail(error, "no memory");
    char **text = function_text(function, key);
    if (text)
        return continues ? continue_text(text, value, error) : set_text(text, value, error);
    if (continues)
        return fail(error, "%s has one line: the next key must not be indented", key);
    if (strcmp(key, "max_tasks") == 0)
        return parse_count(key, value, UINT64_MAX / 4, &function->max_tasks, error);
    if (strcmp(key, "memory_limit") == 0)
        return parse_count(key, value, UINT64_MAX / 4, &function->memory_limit_bytes, error);
    if (strcmp(key, "idle_timeout") == 0)
        return parse_ms(key, value, &function->idle_timeout_ms, error);
    if (strcmp(key, "timeout") == 0)
        return parse_ms(key, value, &function->timeout_ms, error);
    if (strcmp(key, "on_crash") == 0) {
        function->break_pool = strcmp(value, "break_pool") == 0;
        if (!function->break_pool && strcmp(value, "fail_job") != 0)
            return fail(error, "on_crash must be fail_job or break_pool, not \"%s\"", value);
        return 0;
    }
    return fail(error, "unknown key \"%s\" in [function %s]", key, name);
}

/* ---- the file ---- */

struct reading {
    struct config *config;
    const char *path;
    FILE *file;
    int line;                  /* that was read last, from 1 */
    bool indented;             /* it may continue the value of the key before it */
    char section[64], key[64]; /* of that one */
    struct config_error error; /* the first one, in */
    int error_line;
    bool failed;
};

static void fail_reading(struct reading *reading, const struct config_error *error)
{
    if (reading->failed)
        return;
    reading->failed = true;
    reading->error = *error;
    reading->error_line = reading->line;
}

static int set_key(struct reading *reading, const char *section, const char *key, const char *value,
                   struct config_error *error)
{
    struct config *config = reading->config;
    bool continues = reading->indented && strcmp(section, reading->section) == 0 &&
                     strcmp(key, reading->key) == 0;
    if (strncmp(section, "function ", 9) == 0)
        return set_function(config, section + 9, key, value, continues, error);
    if (strncmp(section, "pool ", 5) == 0)
        return set_pool(config, section + 5, key, value, continues, error);
    if (continues)
        return fail(error, "%s has one line: the next key must not be indented", key);
    if (strcmp(section, "daemon") == 0)
        return config_set(config, key, value, error);
    if (strcmp(section, "limits") == 0)
        return set_limit(config, key, value, error);
    if (section[0] == '\0')
        return fail(error, "\"%s\" stands before any section", key);
    return fail(error, "unknown section [%s]", section);
}

static int on_key(void *arg, const char *section, const char *key, const char *value)
{
    struct reading *reading = arg;
    struct config_error error = {.text = ""};
    if (reading->failed)
        return 0;
    int r = set_key(reading, section, key, value, &error);
    if (r == 0 &&
        config_note_place(reading->config, section, key, reading->path, reading->line) < 0)
        r = fail(&error, "no memory");
    if (r < 0)
        fail_reading(reading, &error);
    snprintf(reading->section, sizeof(reading->section), "%s", section);
    snprintf(reading->key, sizeof(reading->key), "%s", key);
    return r == 0;
}

/* As fgets, for the parser: it has room for short lines only, and would take the rest of a long one
 * for a line of its own. */
static char *read_line(char *line, int size, void *arg)
{
    struct reading *reading = arg;
    struct config_error error;
    if (!fgets(line, size, reading->file))
        return NULL;
    reading->line++;
    reading->indented = line[0] == ' ' || line[0] == '\t';
    if (strchr(line, '\n') || feof(reading->file))
        return line;
    int c = getc(reading->file);
    bool is_comment = strchr(";#", line[strspn(line, " \t")]) != NULL;
    if (c != EOF && c != '\n' && !is_comment) {
        (void)fail(&error, "more than %d bytes: the value can go on in the next line, indented",
                   size - 2);
        fail_reading(reading, &error);
    }
    while (c != EOF && c != '\n')
        c = getc(reading->file);
    return line;
}

int config_read_file(struct config *config, const char *path, struct config_error *ret_error)
{
    struct reading reading = {.config = config, .path = path, .file = fopen(path, "re")};
    if (!reading.file)
        return fail(ret_error, "%s: %s", path, strerror(errno));
    int line = ini_parse_stream(read_line, &reading, on_key, &reading);
    bool unread = ferror(reading.file) != 0;
    (void)fclose(reading.file);
    if (reading.failed && (line <= 0 || line >= reading.error_line))
        return fail(ret_error, "%s:%d: %s", path, reading.error_line, reading.error.text);
    if (unread)
        return fail(ret_error, "%s: cannot be read", path);
    if (line < 0)
        return fail(ret_error, "%s: no memory", path);
    if (line > 0)
        return fail(ret_error, "%s:%d: this is neither a section nor a key", path, line);
    return 0;
}

void config_set_log(const struct config *config)
{
    log_set_level(config->log_level);
    log_set_format(config->log_format);
    log_set_rate(config->log_burst, config->log_interval_ms * NS_PER_MS);
}

static bool equal_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool config_pool_equal(const struct config_pool *a, const struct config_pool *b)
{
    const struct pool_settings *x = &a->settings, *y = &b->settings;
    return equal_text(a->initializer, b->initializer) &&
           equal_text(a->initializer_args, b->initializer_args) &&
           equal_text(a->launcher, b->launcher) &&
           equal_text(a->launcher_program, b->launcher_program) &&
           a->launcher_timeout_ms == b->launcher_timeout_ms && a->slots == b->slots &&
           x->max_workers == y->max_workers && x->min_workers == y->min_workers &&
           x->idle_timeout_ns == y->idle_timeout_ns &&
           x->max_tasks_per_worker == y->max_tasks_per_worker && x->queue_limit == y->queue_limit &&
           x->on_full_wait == y->on_full_wait && x->durability == y->durability &&
           strcmp(x->thread_name_prefix, y->thread_name_prefix) == 0;
}

static int check_pool(const struct config *config, const struct config_pool *pool,
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

int config_check(const struct config *config, struct config_error *ret_error)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < config->pool_count; i++)
        r = check_pool(config, &config->pools[i], ret_error);
    for (size_t i = 0; r == 0 && i < config->function_count; i++)
        r = config_function_check(config, &config->functions[i], ret_error);
    return r;
}

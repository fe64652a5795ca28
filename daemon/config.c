#include "daemon/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/config_files.h"
#include "daemon/config_function.h"
#include "daemon/config_pool.h"
#include "daemon/config_values.h"

/* The parser keeps 49 bytes of a section's title: a name that fills them may have been cut. */
#define FUNCTION_NAME_BYTES 39

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

/* ---- [daemon] and [limits] ---- */

/* What is there for jobs. */
static int set_job_key(struct config *config, const char *key, const char *value,
                       struct config_error *error)
{
    if (strcmp(key, "job_cgroups") == 0)
        return value_choice(key, value, &config->job_cgroups, error);
    if (strcmp(key, "job_memory_max") == 0)
        return value_count(key, value, UINT64_MAX / 4, &config->job_memory_max_bytes, error);
    if (strcmp(key, "job_pids_max") == 0)
        return value_count(key, value, UINT64_MAX / 4, &config->job_pids_max, error);
    return value_fail(error, "unknown key \"%s\" in [daemon]", key);
}

int config_set(struct config *config, const char *key, const char *value,
               struct config_error *error)
{
    if (strcmp(key, "socket") == 0)
        return value_text(&config->socket, value, error);
    if (strcmp(key, "state_dir") == 0)
        return value_text(&config->state_dir, value, error);
    if (strcmp(key, "durability") == 0) {
        if (!durability_from_name(value, &config->durability))
            return value_fail(error, "durability must be full, process or none, not \"%s\"", value);
        return 0;
    }
    if (strcmp(key, "socket_group") == 0)
        return value_group(key, value, &config->socket_group, error);
    if (strcmp(key, "admin_group") == 0)
        return value_group(key, value, &config->admin_group, error);
    if (strcmp(key, "plugin_dir") == 0)
        return value_text(&config->plugin_dir, value, error);
    if (strcmp(key, "log_level") == 0) {
        if (log_level_parse(value, &config->log_level) < 0)
            return value_fail(error, "log_level must be error, warning, info or debug, not \"%s\"",
                              value);
        return 0;
    }
    if (strcmp(key, "log_format") == 0)
        return value_log_format(value, &config->log_format, error);
    if (strcmp(key, "log_burst") == 0)
        return value_count(key, value, UINT64_MAX / 4, &config->log_burst, error);
    if (strcmp(key, "log_interval") == 0)
        return value_ms(key, value, &config->log_interval_ms, error);
    if (strcmp(key, "stop_timeout") == 0)
        return value_ms(key, value, &config->stop_timeout_ms, error);
    if (strcmp(key, "stop_grace") == 0)
        return value_ms(key, value, &config->stop_grace_ms, error);
    return set_job_key(config, key, value, error);
}

static int set_limit(struct config *config, const char *key, const char *value,
                     struct config_error *error)
{
    uint64_t limit = 0;
    int r = value_count(key, value, UINT64_MAX / 4, &limit, error);
    if (r < 0)
        return r;
    r = limits_set(&config->limits, key, limit);
    if (r == -ENOENT)
        return value_fail(error, "unknown key \"%s\" in [limits]", key);
    if (r < 0)
        return value_fail(error, "%s must not be 0", key);
    return 0;
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
        return value_fail(error, "a function's name has 1 to %d bytes", FUNCTION_NAME_BYTES);
    struct config_function *function = config_function(config, name);
    if (!function)
        return value_fail(error, "no memory");
    char **text = function_text(function, key);
    if (text)
        return continues ? value_continue(text, value, error) : value_text(text, value, error);
    if (continues)
        return value_fail(error, "%s has one line: the next key must not be indented", key);
    if (strcmp(key, "max_tasks") == 0)
        return value_count(key, value, UINT64_MAX / 4, &function->max_tasks, error);
    if (strcmp(key, "memory_limit") == 0)
        return value_count(key, value, UINT64_MAX / 4, &function->memory_limit_bytes, error);
    if (strcmp(key, "idle_timeout") == 0)
        return value_ms(key, value, &function->idle_timeout_ms, error);
    if (strcmp(key, "timeout") == 0)
        return value_ms(key, value, &function->timeout_ms, error);
    if (strcmp(key, "on_crash") == 0) {
        function->break_pool = strcmp(value, "break_pool") == 0;
        if (!function->break_pool && strcmp(value, "fail_job") != 0)
            return value_fail(error, "on_crash must be fail_job or break_pool, not \"%s\"", value);
        return 0;
    }
    return value_fail(error, "unknown key \"%s\" in [function %s]", key, name);
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
        return config_pool_set(config, section + 5, key, value, continues, error);
    if (continues)
        return value_fail(error, "%s has one line: the next key must not be indented", key);
    if (strcmp(section, "daemon") == 0)
        return config_set(config, key, value, error);
    if (strcmp(section, "limits") == 0)
        return set_limit(config, key, value, error);
    if (section[0] == '\0')
        return value_fail(error, "\"%s\" stands before any section", key);
    return value_fail(error, "unknown section [%s]", section);
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
        r = value_fail(&error, "no memory");
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
        (void)value_fail(
            &error, "more than %d bytes: the value can go on in the next line, indented", size - 2);
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
        return value_fail(ret_error, "%s: %s", path, strerror(errno));
    int line = ini_parse_stream(read_line, &reading, on_key, &reading);
    bool unread = ferror(reading.file) != 0;
    (void)fclose(reading.file);
    if (reading.failed && (line <= 0 || line >= reading.error_line))
        return value_fail(ret_error, "%s:%d: %s", path, reading.error_line, reading.error.text);
    if (unread)
        return value_fail(ret_error, "%s: cannot be read", path);
    if (line < 0)
        return value_fail(ret_error, "%s: no memory", path);
    if (line > 0)
        return value_fail(ret_error, "%s:%d: this is neither a section nor a key", path, line);
    return 0;
}

void config_set_log(const struct config *config)
{
    log_set_level(config->log_level);
    log_set_format(config->log_format);
    log_set_rate(config->log_burst, config->log_interval_ms * NS_PER_MS);
}

int config_check(const struct config *config, struct config_error *ret_error)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < config->pool_count; i++)
        r = config_pool_check(config, &config->pools[i], ret_error);
    for (size_t i = 0; r == 0 && i < config->function_count; i++)
        r = config_function_check(config, &config->functions[i], ret_error);
    return r;
}

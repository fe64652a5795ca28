#include "daemon/run/command_env.h"

#include "daemon/run/command_args.h"
#include "daemon/run/digits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_VARIABLES 3
#define OWN_MAX_BYTES sizeof("FUTURE_ATTEMPT=18446744073709551615")
#define SOCKET_PREFIX "FUTURE_SOCKET="

struct command_env {
    char **base; /* count strings, each malloc'd */
    size_t count;
    char *socket; /* "FUTURE_SOCKET=..", or NULL */
};

/* What the service manager says to the daemon, and the names that a job gets anew. A trailing `*`
 * stands for any rest. */
static const char *const not_for_jobs[] = {
    "LISTEN_*",         "WATCHDOG_*",        "MEMORY_PRESSURE_*",
    "NOTIFY_SOCKET",    "INVOCATION_ID",     "MAINPID",
    "JOURNAL_STREAM",   "FDSTORE",           "MANAGERPID",
    "SYSTEMD_EXEC_PID", "FUTURE_ID",         "FUTURE_ATTEMPT",
    "FUTURE_SOCKET",    "FUTURE_HANDLER",    "FUTURED_DELEGATED",
    "STATE_DIRECTORY",  "RUNTIME_DIRECTORY", "CONFIGURATION_DIRECTORY",
    "CACHE_DIRECTORY",  "LOGS_DIRECTORY",
};

static bool for_jobs(const char *name, size_t name_bytes)
{
    for (size_t i = 0; i < sizeof(not_for_jobs) / sizeof(*not_for_jobs); i++) {
        size_t bytes = strlen(not_for_jobs[i]);
        bool is_prefix = not_for_jobs[i][bytes - 1] == '*';

        bytes -= is_prefix;
        if (strncmp(name, not_for_jobs[i], bytes) == 0 && (is_prefix || name_bytes == bytes))
            return false;
    }
    return true;
}

int command_env_new(char *const *environment, const char *socket_path, struct command_env **ret_env)
{
    struct command_env *env = calloc(1, sizeof(*env));
    size_t total = 0;

    if (!env)
        return -ENOMEM;
    while (environment[total])
        total++;
    env->base = calloc(total + 1, sizeof(*env->base));
    if (!env->base)
        goto fail;
    for (size_t i = 0; i < total; i++) {
        if (!for_jobs(environment[i], strcspn(environment[i], "=")))
            continue;
        env->base[env->count] = strdup(environment[i]);
        if (!env->base[env->count])
            goto fail;
        env->count++;
    }
    if (socket_path) {
        size_t bytes = strlen(SOCKET_PREFIX) + strlen(socket_path) + 1;

        env->socket = malloc(bytes);
        if (!env->socket)
            goto fail;
        snprintf(env->socket, bytes, "%s%s", SOCKET_PREFIX, socket_path);
    }
    *ret_env = env;
    return 0;

fail:
    command_env_free(env);
    return -ENOMEM;
}

void command_env_free(struct command_env *env)
{
    if (!env)
        return;
    for (size_t i = 0; i < env->count; i++)
        free(env->base[i]);
    free(env->base);
    free(env->socket);
    free(env);
}

static bool is_own(const char *name)
{
    return strcmp(name, "FUTURE_ID") == 0 || strcmp(name, "FUTURE_ATTEMPT") == 0 ||
           strcmp(name, "FUTURE_SOCKET") == 0;
}

/* The bytes that the strings of `given` need as "NAME=value". */
static size_t given_bytes(json_t *given)
{
    const json_t *value;
    const char *name;
    size_t bytes = 0;

    json_object_foreach (given, name, value)
        bytes += strlen(name) + json_string_length(value) + 2;
    return bytes;
}

/* Writes the job's given variables to `memory`, notes them in `vector`, returns their number. */
static size_t put_given(char **vector, char *memory, json_t *given)
{
    const json_t *value;
    const char *name;
    size_t count = 0;

    json_object_foreach (given, name, value) {
        char *equals;

        if (is_own(name))
            continue;
        vector[count++] = memory;
        equals = stpcpy(memory, name);
        *equals = '=';
        memory = stpcpy(equals + 1, json_string_value(value)) + 1;
    }
    return count;
}

int command_env_build(const struct command_env *env, const struct command_args *args,
                      uint64_t future_id, unsigned attempt, char ***ret_environment)
{
    json_t *given = args->env;
    size_t base_count = args->clean_env ? 0 : env->count;
    size_t pointers = OWN_VARIABLES + json_object_size(given) + base_count + 1;
    char **vector = malloc(pointers * sizeof(*vector) + 2 * OWN_MAX_BYTES + given_bytes(given));
    size_t count = 0;
    char *memory;

    if (!vector)
        return -ENOMEM;
    memory = (char *)(vector + pointers);
    *digits_put(stpcpy(memory, "FUTURE_ID="), future_id, 1) = '\0';
    vector[count++] = memory;
    memory += OWN_MAX_BYTES;
    *digits_put(stpcpy(memory, "FUTURE_ATTEMPT="), attempt, 1) = '\0';
    vector[count++] = memory;
    memory += OWN_MAX_BYTES;
    if (env->socket)
        vector[count++] = env->socket;
    count += put_given(vector + count, memory, given);
    for (size_t i = 0; i < base_count; i++) {
        if (!given || !json_object_getn(given, env->base[i], strcspn(env->base[i], "=")))
            vector[count++] = env->base[i];
    }
    vector[count] = NULL;
    *ret_environment = vector;
    return 0;
}

int command_env_build_own(const struct command_env *env, char *own, char ***ret_environment)
{
    char **vector = calloc(env->count + 3, sizeof(*vector));
    size_t count = 0;

    if (!vector)
        return -ENOMEM;
    vector[count++] = own;
    if (env->socket)
        vector[count++] = env->socket;
    memcpy(vector + count, env->base, env->count * sizeof(*vector));
    *ret_environment = vector;
    return 0;
}

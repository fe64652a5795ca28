#include "daemon/run/command_args.h"

#include "daemon/core/runner.h"
#include "daemon/run/args.h"
#include "daemon/run/base64.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int parse_fn(struct command_args *args, json_t *value, struct check_error *ret_error);

static const struct {
    const char *name;
    int resource;
} limit_names[COMMAND_LIMITS] = {
    {"cpu", RLIMIT_CPU},       {"as", RLIMIT_AS},       {"fsize", RLIMIT_FSIZE},
    {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC},
};

const char *command_limit_name(int resource)
{
    for (size_t i = 0; i < COMMAND_LIMITS; i++) {
        if (limit_names[i].resource == resource)
            return limit_names[i].name;
    }
    return "";
}

static bool has_nul(const json_t *string)
{
    return strlen(json_string_value(string)) != json_string_length(string);
}

static int refuse_nul(struct check_error *ret_error, const char *param)
{
    return args_refuse(ret_error, param, "has a NUL character");
}

static int parse_argv(struct command_args *args, json_t *value, struct check_error *ret_error)
{
    const json_t *string;
    size_t i;

    if (!json_is_array(value) || json_array_size(value) == 0)
        return args_refuse(ret_error, "args.argv", "must be an array of at least one string");
    json_array_foreach (value, i, string) {
        if (!json_is_string(string))
            return args_refuse(ret_error, "args.argv", "must be an array of strings");
        if (has_nul(string))
            return refuse_nul(ret_error, "args.argv");
    }
    if (json_string_length(json_array_get(value, 0)) == 0)
        return args_refuse(ret_error, "args.argv", "names no program: its first string is empty");
    args->argv = value;
    return 0;
}

static int parse_cwd(struct command_args *args, json_t *value, struct check_error *ret_error)
{
    if (!json_is_string(value) || json_string_length(value) == 0)
        return args_refuse(ret_error, "args.cwd", "must be the path of a directory");
    if (has_nul(value))
        return refuse_nul(ret_error, "args.cwd");
    args->cwd = json_string_value(value);
    return 0;
}

static int parse_env(struct command_args *args, json_t *value, struct check_error *ret_error)
{
    const json_t *string;
    const char *name;

    if (!json_is_object(value))
        return args_refuse(ret_error, "args.env", "must be an object of strings");
    /* A name cannot have a NUL: the parser refuses that. */
    json_object_foreach (value, name, string) {
        if (*name == '\0' || strchr(name, '='))
            return args_refuse(ret_error, "args.env", "has a name that is empty or contains '='");
        if (!json_is_string(string))
            return args_refuse(ret_error, "args.env", "must be an object of strings");
        if (has_nul(string))
            return refuse_nul(ret_error, "args.env");
    }
    args->env = value;
    return 0;
}

static int parse_bool(const json_t *value, const char *param, bool *ret,
                      struct check_error *ret_error)
{
    if (!json_is_boolean(value))
        return args_refuse(ret_error, param, "must be true or false");
    *ret = json_is_true(value);
    return 0;
}

static int parse_clean_env(struct command_args *args, json_t *value, struct check_error *ret_error)
{
    return parse_bool(value, "args.clean_env", &args->clean_env, ret_error);
}

static int parse_check(struct command_args *args, json_t *value, struct check_error *ret_error)
{
    return parse_bool(value, "args.check", &args->check, ret_error);
}

static int parse_merge_stderr(struct command_args *args, json_t *value,
                              struct check_error *ret_error)
{
    return parse_bool(value, "args.merge_stderr", &args->merge_stderr, ret_error);
}

static int parse_stdin(struct command_args *args, json_t *value, struct check_error *ret_error)
{
    if (!json_is_string(value))
        return args_refuse(ret_error, "args.stdin", "must be a string");
    args->has_stdin = true;
    args->stdin_data = json_string_value(value);
    args->stdin_bytes = json_string_length(value);
    return 0;
}

static int parse_stdin_base64(struct command_args *args, json_t *value,
                              struct check_error *ret_error)
{
    int r;

    if (json_is_string(json_object_get(args->root, "stdin")))
        return args_refuse(ret_error, "args.stdin_base64", "cannot be given along with stdin");
    if (!json_is_string(value))
        return args_refuse(ret_error, "args.stdin_base64", "must be a string");
    r = base64_to_bytes(json_string_value(value), json_string_length(value), &args->stdin_decoded,
                        &args->stdin_bytes);
    if (r == -EINVAL)
        return args_refuse(ret_error, "args.stdin_base64", "is no padded base64");
    if (r < 0)
        return r;
    args->has_stdin = true;
    args->stdin_data = args->stdin_decoded;
    return 0;
}

/* The kernel kills at the hard limit of CPU time, and tells by SIGXCPU at the soft one: a second
 * between the two lets the exception name the true reason. */
static void leave_room_for_sigxcpu(struct rlimit *limit)
{
    struct rlimit current;

    if (getrlimit(RLIMIT_CPU, &current) == 0 && limit->rlim_cur < current.rlim_max)
        limit->rlim_max = limit->rlim_cur + 1;
}

static int parse_limit(struct command_args *args, const char *name, const json_t *value,
                       struct check_error *ret_error)
{
    struct process_limit *limit = &args->limits[args->limit_count];
    size_t i = 0;

    while (i < COMMAND_LIMITS && strcmp(limit_names[i].name, name) != 0)
        i++;
    if (i == COMMAND_LIMITS)
        return args_refuse_member(ret_error, "args.limits", name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        char param[32];

        snprintf(param, sizeof(param), "args.limits.%s", name);
        return args_refuse(ret_error, param, "must be an integer that is not negative");
    }
    limit->resource = limit_names[i].resource;
    limit->value.rlim_cur = (rlim_t)json_integer_value(value);
    limit->value.rlim_max = limit->value.rlim_cur;
    if (limit->resource == RLIMIT_CPU)
        leave_room_for_sigxcpu(&limit->value);
    args->limit_count++;
    return 0;
}

static int parse_limits(struct command_args *args, json_t *value, struct check_error *ret_error)
{
    const json_t *limit;
    const char *name;

    if (!json_is_object(value))
        return args_refuse(ret_error, "args.limits", "must be an object");
    json_object_foreach (value, name, limit) {
        int r = parse_limit(args, name, limit, ret_error);

        if (r < 0)
            return r;
    }
    return 0;
}

static int parse_nice(struct command_args *args, json_t *value, struct check_error *ret_error)
{
    if (!json_is_integer(value) || json_integer_value(value) < -20 ||
        json_integer_value(value) > 19)
        return args_refuse(ret_error, "args.nice", "must be an integer from -20 to 19");
    args->set_nice = true;
    args->nice = (int)json_integer_value(value);
    return 0;
}

static const struct {
    const char *name;
    parse_fn *parse;
} members[] = {
    {"argv", parse_argv},     {"cwd", parse_cwd},
    {"env", parse_env},       {"clean_env", parse_clean_env},
    {"stdin", parse_stdin},   {"stdin_base64", parse_stdin_base64},
    {"check", parse_check},   {"merge_stderr", parse_merge_stderr},
    {"limits", parse_limits}, {"nice", parse_nice},
};

static int parse_member(struct command_args *args, const char *name, json_t *value,
                        struct check_error *ret_error)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        if (strcmp(members[i].name, name) == 0)
            /* As in params: null is the absence of what may be absent. */
            return json_is_null(value) ? 0 : members[i].parse(args, value, ret_error);
    }
    return args_refuse_member(ret_error, "args", name);
}

int command_args_parse(const char *text, size_t bytes, struct command_args *ret_args,
                       struct check_error *ret_error)
{
    struct command_args args = {.check = true};
    json_t *value;
    const char *name;
    int r = args_parse_object(text, bytes, &args.root, ret_error);

    if (r < 0)
        return r;
    json_object_foreach (args.root, name, value) {
        r = parse_member(&args, name, value, ret_error);
        if (r < 0)
            goto fail;
    }
    if (!args.argv) {
        r = args_refuse(ret_error, "args.argv", "is missing");
        goto fail;
    }
    *ret_args = args;
    return 0;

fail:
    command_args_clear(&args);
    return r;
}

void command_args_clear(struct command_args *args)
{
    json_decref(args->root);
    free(args->stdin_decoded);
    *args = (struct command_args){0};
}

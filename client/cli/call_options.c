#include "client/cli/call_options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli_ids.h"
#include "client/cli/hint.h"
#include "client/cli/parse.h"
#include "client/cli/read_all.h"
#include "proto/text.h"

/* ---- taking ---- */

static int bad_text(struct cli *cli, const char *name)
{
    return cli_bad_usage(cli, "%s is not valid UTF-8", name);
}

static int take_text(struct cli *cli, const char **place, const char *member, const char *value)
{
    if (!utf8_valid(value, strlen(value)))
        return bad_text(cli, member);
    *place = value;
    return 0;
}

static int take_duration(struct cli *cli, const char **place, const char *member, const char *value)
{
    int64_t us;

    if (parse_duration(value, &us) < 0)
        return cli_bad_usage(cli, "--%s %s: write a duration as 90s, 5m, 2h or 0.5", member, value);
    *place = value;
    return 0;
}

static int take_priority(struct cli *cli, struct call_options *options, const char *value)
{
    int64_t priority;

    if (parse_int(value, &priority) < 0)
        return cli_bad_usage(cli, "--priority %s: write an integer, as 10 or -5", value);
    options->priority = value;
    return 0;
}

static int take_retry(struct cli *cli, struct call_options *options, const char *value)
{
    uint64_t max;

    if (parse_uint(value, &max) < 0 || max > INT32_MAX)
        return cli_bad_usage(cli, "--retry %s: write how many more attempts, as 3", value);
    options->retry = value;
    return 0;
}

static int take_after(struct cli *cli, struct call_options *options, const char *value)
{
    options->after = value;
    return cli_after(cli, value, NULL);
}

/* Names that JSON writes as they are; others are none that a shell could read. */
static bool good_env_name(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (name[i] <= ' ' || name[i] == '"' || name[i] == '\\' || name[i] == 0x7f)
            return false;
    return length > 0;
}

static int take_env(struct cli *cli, struct call_options *options, const char *value)
{
    const char *equals = strchr(value, '=');
    char *name;

    if (!equals || !good_env_name(value, (size_t)(equals - value)))
        return cli_bad_usage(cli, "--env %s: write NAME=VALUE", value);
    if (!utf8_valid(equals, strlen(equals)))
        return bad_text(cli, "the value of --env");
    name = strndup(value, (size_t)(equals - value));
    if (!name)
        return cli_fail_errno(cli, -ENOMEM, "--env");
    if (!options->env_begun)
        writer_begin_object(&options->env);
    options->env_begun = true;
    writer_key(&options->env, name);
    writer_cstring(&options->env, equals + 1);
    free(name);
    return 0;
}

int call_options_take(struct cli *cli, struct call_options *options, int option, const char *value)
{
    switch (option) {
    case 'l':
        return take_text(cli, &options->label, "label", value);
    case 'p':
        return take_text(cli, &options->pool, "pool", value);
    case OPTION_KEY:
        return take_text(cli, &options->key, "key", value);
    case OPTION_PRIORITY:
        return take_priority(cli, options, value);
    case OPTION_AFTER:
        return take_after(cli, options, value);
    case OPTION_DELAY:
        return take_duration(cli, &options->delay, "delay", value);
    case OPTION_TIMEOUT:
        return take_duration(cli, &options->timeout, "timeout", value);
    case OPTION_RETRY:
        return take_retry(cli, options, value);
    case OPTION_RETRY_DELAY:
        return take_duration(cli, &options->retry_delay, "retry-delay", value);
    case OPTION_RERUN:
        options->rerun = true;
        return 0;
    case OPTION_ENV:
        return take_env(cli, options, value);
    case OPTION_CWD:
        options->cwd = value;
        return 0;
    case OPTION_STDIN:
        options->stdin_path = value;
        return 0;
    case OPTION_NO_CHECK:
        options->no_check = true;
        return 0;
    default:
        return cli_stop(cli, option);
    }
}

/* ---- writing ---- */

/* The directory of the job, absolute: the daemon's own directory means nothing to the caller. */
static int write_cwd(struct cli *cli, const char *cwd, struct writer *params)
{
    char here[PATH_MAX], path[2 * PATH_MAX];
    bool absolute = cwd && cwd[0] == '/';
    int length;

    if (!absolute && !getcwd(here, sizeof(here)))
        return cli_fail(cli, "the current directory: %s (name one with --cwd)", strerror(errno));
    if (absolute || !cwd)
        length = snprintf(path, sizeof(path), "%s", absolute ? cwd : here);
    else
        length = snprintf(path, sizeof(path), "%s/%s", here, cwd);
    if (length < 0 || (size_t)length >= sizeof(path))
        return cli_fail_errno(cli, -ENAMETOOLONG, cwd ? cwd : "the current directory");
    if (!utf8_valid(path, (size_t)length))
        return cli_bad_usage(cli,
                             "the name of this directory is not valid UTF-8; --cwd names another");
    writer_key(params, "cwd");
    writer_string(params, path, (size_t)length);
    return 0;
}

/* Text of which JSON makes more than base64 does: an escape has up to six bytes. */
static bool mostly_escapes(const char *text, size_t size)
{
    size_t escapes = 0;

    for (size_t i = 0; i < size; i++)
        escapes += (unsigned char)text[i] < ' ' && text[i] != '\n' && text[i] != '\t';
    return escapes > size / 16;
}

static int write_stdin(struct cli *cli, const char *path, struct writer *params)
{
    bool own = strcmp(path, "-") == 0;
    int fd = own ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    char *data = NULL;
    size_t size = 0;
    int r = fd < 0 ? -errno : read_all(fd, &data, &size);

    if (fd >= 0 && !own)
        close(fd);
    if (r < 0)
        return cli_fail_errno(cli, r, own ? "stdin" : path);
    if (utf8_valid(data, size) && !mostly_escapes(data, size)) {
        writer_key(params, "stdin");
        writer_string(params, data, size);
    } else {
        writer_key(params, "stdin_base64");
        writer_base64(params, data, size);
    }
    free(data);
    return 0;
}

static int write_argv(struct cli *cli, char **argv, size_t argc, struct writer *params)
{
    writer_key(params, "argv");
    writer_begin_array(params);
    for (size_t i = 0; i < argc; i++) {
        if (!utf8_valid(argv[i], strlen(argv[i])))
            return bad_text(cli, "an argument of the command");
        writer_cstring(params, argv[i]);
    }
    writer_end_array(params);
    return 0;
}

static void write_text(struct writer *params, const char *member, const char *value)
{
    if (!value)
        return;
    writer_key(params, member);
    writer_cstring(params, value);
}

/* Checked when it was taken. */
static void write_duration(struct writer *params, const char *member, const char *value)
{
    int64_t us;

    if (!value || parse_duration(value, &us) < 0)
        return;
    writer_key(params, member);
    writer_seconds(params, us);
}

static void write_retry(struct writer *params, const struct call_options *options)
{
    uint64_t max = 0;

    if (!options->retry || parse_uint(options->retry, &max) < 0)
        return;
    writer_key(params, "retry");
    writer_begin_object(params);
    writer_key(params, "max");
    writer_uint(params, max);
    write_duration(params, "delay", options->retry_delay);
    writer_end_object(params);
}

int call_options_write_shared(struct cli *cli, const struct call_options *options,
                              struct writer *params)
{
    int64_t priority;
    int status = 0;

    write_text(params, "label", options->label);
    write_text(params, "pool", options->pool);
    write_text(params, "key", options->key);
    if (options->priority && parse_int(options->priority, &priority) == 0) {
        writer_key(params, "priority");
        writer_int(params, priority);
    }
    if (options->after) {
        writer_key(params, "after");
        status = cli_after(cli, options->after, params);
    }
    write_duration(params, "delay", options->delay);
    write_duration(params, "timeout", options->timeout);
    write_retry(params, options);
    if (options->rerun)
        write_text(params, "on_crash", "rerun");
    return status;
}

int call_options_write(struct cli *cli, struct call_options *options, char **argv, size_t argc,
                       struct writer *params)
{
    int status;

    writer_key(params, "fn");
    writer_cstring(params, "exec");
    writer_key(params, "args");
    writer_begin_object(params);
    status = write_argv(cli, argv, argc, params);
    if (status == 0)
        status = write_cwd(cli, options->cwd, params);
    if (status == 0 && options->stdin_path)
        status = write_stdin(cli, options->stdin_path, params);
    if (status != 0)
        return status;
    hint_shell(cli, argv, argc);
    if (options->env_begun) {
        writer_end_object(&options->env);
        writer_key(params, "env");
        writer_json(params, options->env.data, options->env.size);
        options->env_begun = false;
    }
    if (options->no_check) {
        writer_key(params, "check");
        writer_bool(params, false);
    }
    writer_end_object(params);
    if (writer_failed(&options->env))
        return cli_fail_errno(cli, -ENOMEM, "composing the request");
    return call_options_write_shared(cli, options, params);
}

void call_options_clear(struct call_options *options)
{
    writer_free(&options->env);
}

/* pool: list pools, change them, hold them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/command.h"
#include "client/cli/parse.h"
#include "client/show/show_pools.h"
#include "proto/text.h"

/* The value as JSON where it is some, but for strings; a duration as seconds; else as a string. */
static void write_setting(struct writer *params, const char *value)
{
    json_t *literal = json_loads(value, JSON_DECODE_ANY, NULL);
    int64_t us;

    if (literal && !json_is_string(literal))
        writer_json(params, value, strlen(value));
    else if (parse_duration(value, &us) == 0)
        writer_seconds(params, us);
    else
        writer_cstring(params, value);
    json_decref(literal);
}

/* NAME=VALUE, the name as in the protocol; a dash in it may stand for an underscore. */
static int take_setting(struct cli *cli, struct writer *params, const char *word)
{
    const char *equals = strchr(word, '=');
    char name[64];
    size_t length = equals ? (size_t)(equals - word) : 0;

    if (length == 0 || length >= sizeof(name) || !utf8_valid(equals, strlen(equals)))
        return cli_bad_usage(cli, "`%s` is no setting: write NAME=VALUE, as max_workers=4", word);
    for (size_t i = 0; i < length; i++) {
        name[i] = (char)(word[i] == '-' ? '_' : word[i]);
        if ((name[i] < 'a' || name[i] > 'z') && name[i] != '_')
            return cli_bad_usage(cli, "`%s` is no setting: its name has letters and _", word);
    }
    name[length] = '\0';
    writer_key(params, name);
    write_setting(params, equals + 1);
    return 0;
}

static int call(struct cli *cli, const char *method, const char *pool, int setting_count,
                char **settings)
{
    struct writer params = {0};
    struct future_message *reply;
    int status = 0;

    if (pool && !utf8_valid(pool, strlen(pool)))
        return cli_bad_usage(cli, "the name of the pool is not valid UTF-8");
    writer_begin_object(&params);
    if (pool) {
        writer_key(&params, "pool");
        writer_cstring(&params, pool);
    }
    for (int i = 0; i < setting_count && status == 0; i++)
        status = take_setting(cli, &params, settings[i]);
    writer_end_object(&params);
    if (status == 0)
        status = cli_call(cli, method, &params, &reply);
    writer_free(&params);
    if (status != 0)
        return status;
    status = show_pools(cli, reply);
    future_message_free(reply);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct {
        const char *word, *method;
        int min, max; /* words behind it */
    } actions[] = {{"list", "pool.list", 0, 1},
                   {"set", "pool.set", 2, 1000},
                   {"pause", "pool.pause", 1, 1},
                   {"resume", "pool.resume", 1, 1}};
    static const struct option longs[] = {CLI_FORMAT_OPTION, CLI_COMMON_OPTIONS};
    const char *action;
    int option, words;

    while ((option = cli_getopt(cli, argc, argv, ":h", longs)) != -1)
        return cli_stop(cli, option);
    action = optind < argc ? argv[optind] : "list";
    words = optind < argc ? argc - optind - 1 : 0;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].word, action) != 0)
            continue;
        if (words < actions[i].min || words > actions[i].max)
            return cli_bad_usage(cli, "%s: %s", action,
                                 words > actions[i].max ? "that is too much"
                                 : words == 0           ? "which pool?"
                                                        : "which settings? As max_workers=4");
        return call(cli, actions[i].method, words > 0 ? argv[optind + 1] : NULL,
                    words > 1 ? words - 1 : 0, argv + optind + 2);
    }
    return cli_bad_usage(cli, "`%s` is none of list, set, pause, resume", action);
}

const struct command cmd_pool = {
    .name = "pool",
    .usage = "pool [list [NAME] | set NAME SETTING=VALUE... | pause NAME | resume NAME]",
    .summary = "List pools, change their settings, hold and release them",
    .help =
        "Setting up a pool that is not there makes it.\n"
        "Settings are named as in the protocol: max_workers, min_workers, idle_timeout,\n"
        "max_tasks_per_worker, queue_limit, on_full, thread_name_prefix, and initializer, which\n"
        "is JSON. Durations may be written as 90s or 5m.\n\n"
        "      --json             print the daemon's reply\n"
        "      --format TEMPLATE  a line for each, as '{name} {pending}'\n\n"
        "  future pool set default max_workers=4 idle_timeout=5m\n",
    .run = run,
};

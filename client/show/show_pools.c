#include "client/show/show_pools.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/show/table.h"
#include "proto/text.h"

static const struct table_column columns[] = {
    {"POOL", false, 24, 0},      {"STATE", false, 0, 0},       {"PENDING", true, 0, 0},
    {"RUNNING", true, 0, 0},     {"THREADS", true, 0, 1},      {"MAX_WORKERS", true, 0, 0},
    {"MIN_WORKERS", true, 0, 4}, {"IDLE_TIMEOUT", true, 0, 5}, {"MAX_TASKS", true, 0, 6},
    {"QUEUE_LIMIT", true, 0, 2}, {"ON_FULL", false, 0, 7},     {"INITIALIZER", false, 6, 3},
};

/* A number of which 0 means that there is no such limit. */
static void add_limit(struct table *table, uint64_t limit)
{
    if (limit > 0)
        table_add_uint(table, limit);
    else
        table_add(table, "-");
}

const char *pool_state(const json_t *pool)
{
    if (json_is_true(json_object_get(pool, "broken")))
        return "broken";
    return json_is_true(json_object_get(pool, "paused")) ? "paused" : "running";
}

static enum tone state_tone(const json_t *pool)
{
    if (json_is_true(json_object_get(pool, "broken")))
        return TONE_BAD;
    return json_is_true(json_object_get(pool, "paused")) ? TONE_WAITING : TONE_GOOD;
}

static void add_row(struct table *table, const json_t *pool)
{
    char idle[32];

    snprintf(idle, sizeof(idle), "%.10g", json_number_value(json_object_get(pool, "idle_timeout")));
    table_add(table, cli_string(pool, "name", "-"));
    table_add_tone(table, pool_state(pool), state_tone(pool));
    table_add_uint(table, cli_uint(pool, "pending"));
    table_add_uint(table, cli_uint(pool, "running"));
    table_add_uint(table, cli_uint(pool, "threads"));
    table_add_uint(table, cli_uint(pool, "max_workers"));
    table_add_uint(table, cli_uint(pool, "min_workers"));
    table_add(table, idle);
    add_limit(table, cli_uint(pool, "max_tasks_per_worker"));
    add_limit(table, cli_uint(pool, "queue_limit"));
    table_add(table, cli_string(pool, "on_full", "-"));
    table_add(table, cli_string(json_object_get(pool, "initializer"), "fn", "-"));
}

int show_pools(struct cli *cli, const struct future_message *reply)
{
    const json_t *pools = json_object_get(reply->result, "pools"), *pool;
    struct table *table;
    size_t i;

    if (cli_print_for_machine(cli, reply, "pools"))
        return EXIT_FINE;
    table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    if (!table)
        return cli_fail_errno(cli, -ENOMEM, "the table");
    if (!pools)
        add_row(table, reply->result);
    json_array_foreach (pools, i, pool)
        add_row(table, pool);
    table_print(table, stdout, &cli->out);
    table_free(table);
    return EXIT_FINE;
}

static int hold_one(struct cli *cli, const char *method, const char *pool)
{
    struct writer params = {0};
    struct future_message *reply;
    int status;

    if (!utf8_valid(pool, strlen(pool)))
        return cli_bad_usage(cli, "the name of the pool is not valid UTF-8");
    writer_begin_object(&params);
    writer_key(&params, "pool");
    writer_cstring(&params, pool);
    writer_end_object(&params);
    status = cli_call(cli, method, &params, &reply);
    if (status != 0)
        return status;
    if (!cli_print_for_machine(cli, reply, NULL))
        printf("%s %s\n", cli_string(reply->result, "name", pool), pool_state(reply->result));
    future_message_free(reply);
    return EXIT_FINE;
}

static int hold_all(struct cli *cli, const char *method)
{
    struct future_message *reply;
    const json_t *pool;
    size_t i;
    int status = cli_call(cli, "pool.list", NULL, &reply);

    if (status != 0)
        return status;
    json_array_foreach (json_object_get(reply->result, "pools"), i, pool)
        if (status == 0)
            status = hold_one(cli, method, cli_string(pool, "name", ""));
    future_message_free(reply);
    return status;
}

int pool_hold(struct cli *cli, const char *method, int argc, char **argv)
{
    static const struct option longs[] = {
        {"all", no_argument, NULL, 'a'}, CLI_FORMAT_OPTION, CLI_COMMON_OPTIONS};
    bool all = false;
    int option, status = 0;

    while ((option = cli_getopt(cli, argc, argv, ":ha", longs)) != -1) {
        if (option != 'a')
            return cli_stop(cli, option);
        all = true;
    }
    if (all && optind < argc)
        return cli_bad_usage(cli, "name pools or --all, not both");
    if (all)
        return hold_all(cli, method);
    if (optind == argc)
        return hold_one(cli, method, "default");
    for (int i = optind; i < argc && status == 0; i++)
        status = hold_one(cli, method, argv[i]);
    return status;
}

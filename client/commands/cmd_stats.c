/* stats: how the daemon does, for people and for monitoring. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/command.h"
#include "client/show/prometheus.h"
#include "client/show/table.h"

enum { OPTION_PROMETHEUS = CLI_OWN };

static const struct table_column columns[] = {
    {"POOL", false, 24, 0},    {"WORKERS", true, 0, 0}, {"RUNNING", true, 0, 0},
    {"PENDING", true, 0, 0},   {"OK", true, 0, 0},      {"FAILED", true, 0, 0},
    {"CANCELLED", true, 0, 4}, {"RETRIED", true, 0, 5}, {"WAIT", true, 0, 3},
    {"WAIT95", true, 0, 2},    {"RUN", true, 0, 2},     {"RUN95", true, 0, 1},
};

/* ---- durations ---- */

static void duration_text(double seconds, char *ret_text, size_t size)
{
    if (seconds < 0.001)
        snprintf(ret_text, size, "%.0fus", seconds * 1e6);
    else if (seconds < 1)
        snprintf(ret_text, size, "%.*fms", seconds < 0.01 ? 1 : 0, seconds * 1e3);
    else if (seconds < 10)
        snprintf(ret_text, size, "%.1fs", seconds);
    else
        time_span_text(seconds, ret_text, size);
}

static void mean_text(const json_t *histogram, char *ret_text, size_t size)
{
    double count = json_number_value(json_object_get(histogram, "count"));

    snprintf(ret_text, size, "-");
    if (count > 0)
        duration_text(json_number_value(json_object_get(histogram, "sum")) / count, ret_text, size);
}

/* The bound below which 95 of 100 were: no more is known. */
static void most_text(const json_t *histogram, char *ret_text, size_t size)
{
    double count = json_number_value(json_object_get(histogram, "count")), bound = 0;
    const json_t *bucket;
    char text[32];
    size_t i;

    snprintf(ret_text, size, "-");
    if (count <= 0)
        return;
    json_array_foreach (json_object_get(histogram, "buckets"), i, bucket) {
        bound = json_number_value(json_array_get(bucket, 0));
        duration_text(bound, text, sizeof(text));
        if (json_number_value(json_array_get(bucket, 1)) >= 0.95 * count) {
            snprintf(ret_text, size, "<=%s", text);
            return;
        }
    }
    snprintf(ret_text, size, ">%s", text);
}

/* ---- for people ---- */

static void add_row(struct table *table, const json_t *pool)
{
    const json_t *workers = json_object_get(pool, "workers");
    const json_t *wait = json_object_get(pool, "queue_wait");
    const json_t *run = json_object_get(pool, "run_time");
    unsigned long long raised = cli_uint(pool, "raised");
    char text[64];

    table_add(table, cli_string(pool, "name", "-"));
    snprintf(text, sizeof(text), "%llu/%llu", (unsigned long long)cli_uint(workers, "threads"),
             (unsigned long long)cli_uint(workers, "max"));
    table_add(table, text);
    table_add_uint(table, cli_uint(workers, "running"));
    table_add_uint(table, cli_uint(json_object_get(pool, "futures"), "PENDING"));
    table_add_uint(table, cli_uint(pool, "returned"));
    snprintf(text, sizeof(text), "%llu", raised);
    table_add_tone(table, text, raised > 0 ? TONE_BAD : TONE_PLAIN);
    table_add_uint(table, cli_uint(pool, "cancelled"));
    table_add_uint(table, cli_uint(pool, "retried"));
    mean_text(wait, text, sizeof(text));
    table_add(table, text);
    most_text(wait, text, sizeof(text));
    table_add(table, text);
    mean_text(run, text, sizeof(text));
    table_add(table, text);
    most_text(run, text, sizeof(text));
    table_add(table, text);
}

static unsigned long long sum_of(const json_t *object)
{
    unsigned long long sum = 0;

    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at))
        sum += (unsigned long long)json_integer_value(json_object_iter_value(at));
    return sum;
}

static void print_limits(const json_t *limits)
{
    for (void *at = json_object_iter((json_t *)(uintptr_t)limits); at;
         at = json_object_iter_next((json_t *)(uintptr_t)limits, at)) {
        long long hits = (long long)json_integer_value(json_object_iter_value(at));

        if (hits > 0)
            printf("limit %s: hit %lld times\n", json_object_iter_key(at), hits);
    }
}

static void print_store(const json_t *store)
{
    double commits = json_number_value(json_object_get(store, "commits"));
    char mean[32];

    if (!store)
        return;
    duration_text(
        commits > 0 ? json_number_value(json_object_get(store, "commit_seconds")) / commits : 0,
        mean, sizeof(mean));
    printf("store: %llu bytes, %.0f commits of %s on average%s\n",
           (unsigned long long)cli_uint(store, "bytes"), commits, mean,
           json_is_true(json_object_get(store, "full")) ? "; THE DISK IS FULL" : "");
}

static int print_words(struct cli *cli, const json_t *stats)
{
    const json_t *connections = json_object_get(stats, "connections"), *pool;
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    char up[32];
    size_t i;

    if (!table)
        return cli_fail_errno(cli, -ENOMEM, "the table");
    json_array_foreach (json_object_get(stats, "pools"), i, pool)
        add_row(table, pool);
    table_print(table, stdout, &cli->out);
    table_free(table);
    time_span_text(json_number_value(json_object_get(stats, "now")) -
                       json_number_value(json_object_get(stats, "started")),
                   up, sizeof(up));
    printf("up %s; %llu connections, %llu so far; %llu requests, %llu errors\n", up,
           (unsigned long long)cli_uint(connections, "open"),
           (unsigned long long)cli_uint(connections, "accepted"),
           sum_of(json_object_get(stats, "requests")),
           (unsigned long long)cli_uint(stats, "errors"));
    print_limits(json_object_get(stats, "limits_hit"));
    print_store(json_object_get(stats, "store"));
    return EXIT_FINE;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"prometheus", no_argument, NULL, OPTION_PROMETHEUS},
                                          CLI_FORMAT_OPTION,
                                          CLI_COMMON_OPTIONS};
    struct future_message *reply;
    bool prometheus = false;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":h", longs)) != -1) {
        if (option != OPTION_PROMETHEUS)
            return cli_stop(cli, option);
        prometheus = true;
    }
    if (optind < argc)
        return cli_bad_usage(cli, "%s: stats takes no arguments", argv[optind]);
    if (prometheus && (cli->json || cli->format))
        return cli_bad_usage(cli, "--prometheus is a format of its own: leave out the other one");
    status = cli_call(cli, "stats", NULL, &reply);
    if (status != 0)
        return status;
    if (prometheus)
        prometheus_print(reply->result, stdout);
    else if (!cli_print_for_machine(cli, reply, "pools"))
        status = print_words(cli, reply->result);
    future_message_free(reply);
    return status;
}

const struct command cmd_stats = {
    .name = "stats",
    .never_starts = true,
    .usage = "stats [OPTIONS]",
    .summary = "Show how the daemon does: what ran, how long, what waits",
    .help = "A line for each pool: its threads, what ended how since the daemon began, and how\n"
            "long attempts waited in the queue and ran: on average, and the bound that 95 of 100\n"
            "kept. Then connections, requests, limits that were hit, and the store.\n\n"
            "      --prometheus       for Prometheus and its like: exposition format 0.0.4\n"
            "      --format TEMPLATE  a line for each pool, as '{name} {run_time.sum}'\n"
            "      --json             print the daemon's reply\n\n"
            "  future stats --prometheus >/var/lib/node_exporter/futured.prom\n",
    .run = run,
};

/* wait: until futures are done. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"

/* Futures asked for in one request when their fates are looked up. */
enum { STATUS_BATCH = 10000 };

enum { OPTION_ANY = CLI_OWN, OPTION_FIRST_EXCEPTION };

struct wait_options {
    const char *return_when;
    int64_t timeout_us;
    bool has_timeout;
};

static bool went_wrong(const json_t *future)
{
    return json_is_true(json_object_get(future, "failed")) ||
           strcmp(cli_string(future, "state", ""), "CANCELLED") == 0;
}

/* Those that failed or were cancelled. */
struct casualties {
    size_t count;
    uint64_t lowest; /* 0: none */
};

/* Adds those of done[from, from + count). */
static int count_batch(struct cli *cli, const json_t *done, size_t from, size_t count,
                       struct casualties *casualties)
{
    struct writer params = {0};
    struct future_message *reply;
    const json_t *future;
    size_t i;
    int status;

    writer_begin_object(&params);
    writer_key(&params, "ids");
    writer_begin_array(&params);
    for (i = from; i < from + count; i++)
        writer_int(&params, json_integer_value(json_array_get(done, i)));
    writer_end_array(&params);
    writer_end_object(&params);
    status = cli_call(cli, "status", &params, &reply);
    if (status != 0)
        return status;
    json_array_foreach (json_object_get(reply->result, "futures"), i, future) {
        uint64_t id = cli_uint(future, "id");

        if (!went_wrong(future))
            continue;
        casualties->count++;
        if (casualties->lowest == 0 || id < casualties->lowest)
            casualties->lowest = id;
    }
    future_message_free(reply);
    return 0;
}

/* For people at a terminal: scripts have the exit status. */
static void tell_casualties(const struct cli *cli, const struct casualties *casualties, size_t all)
{
    if (casualties->count == 0 || !isatty(STDERR_FILENO))
        return;
    cli_warn(cli, "%zu of %zu failed or were cancelled", casualties->count, all);
    fprintf(stderr, "`future exception %llu` says why%s.\n", (unsigned long long)casualties->lowest,
            casualties->count > 1 ? " of the first; `future status --failed` lists them" : "");
}

/* The reply to `wait` tells who is done, not how they fared. */
static int judge(struct cli *cli, const json_t *done)
{
    struct casualties casualties = {0};
    size_t all = json_array_size(done);

    for (size_t from = 0; from < all; from += STATUS_BATCH) {
        size_t count = all - from < STATUS_BATCH ? all - from : STATUS_BATCH;
        int status = count_batch(cli, done, from, count, &casualties);

        if (status != 0)
            return status;
    }
    tell_casualties(cli, &casualties, all);
    return casualties.count > 0 ? EXIT_SOME_FAILED : EXIT_FINE;
}

static int show(struct cli *cli, const struct wait_options *options,
                const struct future_message *reply)
{
    const json_t *done = json_object_get(reply->result, "done");
    const json_t *not_done = json_object_get(reply->result, "not_done");
    bool all_wanted = strcmp(options->return_when, "ALL_COMPLETED") == 0;
    const json_t *id;
    size_t i;
    int status;

    if (cli->json)
        cli_print_raw_result(reply);
    else if (!all_wanted)
        json_array_foreach (done, i, id)
            printf("%lld\n", (long long)json_integer_value(id));
    status = judge(cli, done);
    if (json_array_size(not_done) == 0 || (status != 0 && status != EXIT_SOME_FAILED))
        return status;
    if (strcmp(options->return_when, "FIRST_COMPLETED") == 0 && json_array_size(done) > 0)
        return status;
    if (!all_wanted && status == EXIT_SOME_FAILED)
        return status;
    cli_warn(cli, "timed out: %zu of %zu are not done", json_array_size(not_done),
             json_array_size(not_done) + json_array_size(done));
    return EXIT_TIMED_OUT;
}

static int wait_for(struct cli *cli, const struct wait_options *options, const struct id_spans *ids)
{
    struct writer params = {0};
    struct future_message *reply;
    int status;

    writer_begin_object(&params);
    writer_key(&params, "ids");
    id_spans_write(ids, &params);
    writer_key(&params, "return_when");
    writer_cstring(&params, options->return_when);
    if (options->has_timeout) {
        writer_key(&params, "timeout");
        writer_seconds(&params, options->timeout_us);
    }
    writer_end_object(&params);
    status = cli_call(cli, "wait", &params, &reply);
    if (status != 0)
        return status;
    status = show(cli, options, reply);
    future_message_free(reply);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"any", no_argument, NULL, OPTION_ANY},
        {"first-exception", no_argument, NULL, OPTION_FIRST_EXCEPTION},
        {"timeout", required_argument, NULL, 't'},
        CLI_COMMON_OPTIONS};
    struct wait_options options = {.return_when = "ALL_COMPLETED"};
    struct id_spans ids = {0};
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":ht:", longs)) != -1) {
        switch (option) {
        case OPTION_ANY:
            options.return_when = "FIRST_COMPLETED";
            break;
        case OPTION_FIRST_EXCEPTION:
            options.return_when = "FIRST_EXCEPTION";
            break;
        case 't':
            status = cli_duration(cli, "timeout", optarg, &options.timeout_us);
            if (status != 0)
                return status;
            options.has_timeout = true;
            break;
        default:
            return cli_stop(cli, option);
        }
    }
    status = cli_ids(cli, argc, argv, NULL, &ids);
    if (status == 0)
        status = wait_for(cli, &options, &ids);
    id_spans_clear(&ids);
    return status;
}

const struct command cmd_wait = {
    .name = "wait",
    .usage = "wait [OPTIONS] ID...",
    .summary = "Wait until futures are done",
    .help =
        "Exit status: 0 when all that are done succeeded, 123 when some failed or were cancelled,\n"
        "124 when the time ran out. With --any and --first-exception the ids of those that are\n"
        "done are printed, one a line. On a terminal it is said how many failed.\n\n"
        "      --any              until one is done\n"
        "      --first-exception  until one has failed, or all are done\n"
        "  -t, --timeout DUR      wait no longer than that; 0 only looks\n"
        "      --json             print the daemon's reply\n\n"
        "  future wait 7-12 --timeout 10m && echo all fine\n",
    .run = run,
};

/* status: which futures there are, and how they are. */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "client/show/show_futures.h"
#include "proto/text.h"

enum {
    OPTION_STATE = CLI_OWN,
    OPTION_POOL,
    OPTION_LABEL,
    OPTION_MAP,
    OPTION_LIMIT,
    OPTION_BEFORE,
    OPTION_NO_ITEMS
};

/* One filter as a member of the params. */
static int take_filter(struct cli *cli, struct writer *params, int option, const char *value)
{
    uint64_t number = 0;
    int status;

    switch (option) {
    case OPTION_STATE:
        writer_key(params, "state");
        cli_write_words(params, value, true);
        return 0;
    case OPTION_POOL:
    case OPTION_LABEL:
        if (!utf8_valid(value, strlen(value)))
            return cli_bad_usage(cli, "the value of a filter is not valid UTF-8");
        writer_key(params, option == OPTION_POOL ? "pool" : "label");
        writer_cstring(params, value);
        return 0;
    case OPTION_MAP:
        status = cli_count(cli, "map", value, &number);
        writer_key(params, "item_of");
        writer_uint(params, number);
        return status;
    case OPTION_LIMIT:
    case OPTION_BEFORE:
        status = cli_count(cli, option == OPTION_LIMIT ? "limit" : "before", value, &number);
        if (status != 0)
            return status;
        writer_key(params, option == OPTION_LIMIT ? "limit" : "before");
        writer_uint(params, number);
        return 0;
    case OPTION_NO_ITEMS:
        writer_key(params, "items");
        writer_bool(params, false);
        return 0;
    default:
        return cli_stop(cli, option);
    }
}

/* For people at a terminal only: scripts read the table alone. */
static void print_footer(const struct cli *cli, const json_t *result)
{
    const json_t *counts = json_object_get(result, "counts");

    if (!cli->out.is_terminal || !counts)
        return;
    printf("%llu pending, %llu running, %llu finished, %llu cancelled\n",
           (unsigned long long)cli_uint(counts, "PENDING"),
           (unsigned long long)cli_uint(counts, "RUNNING"),
           (unsigned long long)cli_uint(counts, "FINISHED"),
           (unsigned long long)cli_uint(counts, "CANCELLED"));
    if (cli_uint(result, "next"))
        printf("There are older ones: future status --before %llu\n",
               (unsigned long long)cli_uint(result, "next"));
}

static int show(struct cli *cli, const struct future_message *reply)
{
    const json_t *futures = json_object_get(reply->result, "futures");
    json_t *one;
    int status;

    if (cli_print_for_machine(cli, reply, "futures"))
        return EXIT_FINE;
    if (futures) {
        status = show_futures(cli, futures);
        print_footer(cli, reply->result);
        return status;
    }
    one = json_pack("[O]", reply->result);
    status = show_futures(cli, one);
    json_decref(one);
    return status;
}

/* Ends the params and asks. */
static int ask(struct cli *cli, const struct id_spans *ids, bool given, struct writer *params)
{
    struct future_message *reply;
    int status;

    if (id_spans_single(ids)) {
        writer_key(params, "id");
        writer_uint(params, ids->spans[0].first);
    } else if (given) {
        writer_key(params, "ids");
        id_spans_write(ids, params);
    }
    writer_end_object(params);
    status = cli_call(cli, "status", params, &reply);
    if (status != 0)
        return status;
    status = show(cli, reply);
    future_message_free(reply);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"state", required_argument, NULL, OPTION_STATE},
                                          {"pool", required_argument, NULL, OPTION_POOL},
                                          {"label", required_argument, NULL, OPTION_LABEL},
                                          {"map", required_argument, NULL, OPTION_MAP},
                                          {"limit", required_argument, NULL, OPTION_LIMIT},
                                          {"before", required_argument, NULL, OPTION_BEFORE},
                                          {"no-items", no_argument, NULL, OPTION_NO_ITEMS},
                                          CLI_FORMAT_OPTION,
                                          CLI_COMMON_OPTIONS};
    struct writer params = {0};
    struct id_spans ids = {0};
    bool given;
    int option, status;

    writer_begin_object(&params);
    while ((option = cli_getopt(cli, argc, argv, ":h", longs)) != -1) {
        status = take_filter(cli, &params, option, optarg);
        if (status != 0 || option == CLI_HELP)
            goto out;
    }
    status = cli_ids_if_any(cli, argc, argv, NULL, &ids, &given);
    if (status == 0)
        status = ask(cli, &ids, given, &params);
out:
    id_spans_clear(&ids);
    writer_free(&params);
    return status;
}

const struct command cmd_status = {
    .name = "status",
    .usage = "status [OPTIONS] [ID...]",
    .summary = "List futures, newest first, or those with the given ids",
    .help = "A bare `future` is `future status`.\n\n"
            "      --state LIST       only these: PENDING,RUNNING,FINISHED,CANCELLED\n"
            "      --pool NAME        only those of this pool\n"
            "      --label TEXT       only those with this label\n"
            "      --map ID           only the items of this map\n"
            "      --limit N          at most so many (100)\n"
            "      --before ID        only older ones\n"
            "      --no-items         without the items of maps\n"
            "      --format TEMPLATE  a line for each, as '{id} {state} {label}'\n"
            "      --json             print the daemon's reply\n\n"
            "  future status --state pending,running\n"
            "  future status last\n"
            "  future status 7,9-12 @nightly --format '{id} {failed}'\n",
    .run = run,
};

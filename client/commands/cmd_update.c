/* update: pending futures get another priority. */
#include <stdio.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"

enum { OPTION_PRIORITY = CLI_OWN };

static int update(struct cli *cli, const struct id_spans *ids, int64_t priority)
{
    struct writer params = {0};
    struct future_message *reply;
    const json_t *future;
    size_t i;
    int status;

    writer_begin_object(&params);
    writer_key(&params, "ids");
    id_spans_write(ids, &params);
    writer_key(&params, "priority");
    writer_int(&params, priority);
    writer_end_object(&params);
    status = cli_call(cli, "update", &params, &reply);
    if (status != 0)
        return status;
    if (!cli_print_for_machine(cli, reply, "futures"))
        json_array_foreach (json_object_get(reply->result, "futures"), i, future)
            printf("%llu\n", (unsigned long long)cli_uint(future, "id"));
    future_message_free(reply);
    return EXIT_FINE;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"priority", required_argument, NULL, OPTION_PRIORITY},
                                          CLI_FORMAT_OPTION,
                                          CLI_COMMON_OPTIONS};
    const struct id_filter filter = {.states = "PENDING"};
    struct id_spans ids = {0};
    bool has_priority = false;
    int64_t priority = 0;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":h", longs)) != -1) {
        if (option != OPTION_PRIORITY)
            return cli_stop(cli, option);
        has_priority = true;
        if (parse_int(optarg, &priority) < 0)
            return cli_bad_usage(cli, "--priority %s: write an integer, as 5 or -1", optarg);
    }
    if (!has_priority)
        return cli_bad_usage(cli, "what shall change? Give --priority N");
    status = cli_ids(cli, argc, argv, &filter, &ids);
    if (status == 0 && ids.count > 0)
        status = update(cli, &ids, priority);
    id_spans_clear(&ids);
    return status;
}

const struct command cmd_update = {
    .name = "update",
    .usage = "update --priority N ID...",
    .summary = "Give pending futures another priority",
    .help = "Higher ones start first. Prints the ids. `all` and @label mean what is pending. If\n"
            "one of the ids is not pending nothing is changed. Of a map its pending items are\n"
            "meant, and those to come.\n\n"
            "      --priority N       the new one; 0 is what it is where none was given\n"
            "      --json             print the daemon's reply\n"
            "      --format TEMPLATE  a line for each, as '{id} {priority}'\n\n"
            "  future update --priority 10 last\n",
    .run = run,
};

/* retry: new attempts of done futures. */
#include <stdio.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"

enum { OPTION_FAILED = CLI_OWN };

static int retry(struct cli *cli, const struct id_spans *ids)
{
    struct writer params = {0};
    struct future_message *reply;
    const json_t *future;
    size_t i;
    int status;

    writer_begin_object(&params);
    writer_key(&params, "ids");
    id_spans_write(ids, &params);
    writer_end_object(&params);
    status = cli_call(cli, "retry", &params, &reply);
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
    static const struct option longs[] = {{"failed", no_argument, NULL, OPTION_FAILED},
                                          {"dry-run", no_argument, NULL, 'n'},
                                          CLI_FORMAT_OPTION,
                                          CLI_COMMON_OPTIONS};
    struct id_filter filter = {.states = STATES_DONE};
    struct id_spans ids = {0};
    bool dry_run = false, given;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":hn", longs)) != -1) {
        if (option == 'n')
            dry_run = true;
        else if (option == OPTION_FAILED)
            filter.outcome = OUTCOME_BAD;
        else
            return cli_stop(cli, option);
    }
    status = cli_ids_if_any(cli, argc, argv, &filter, &ids, &given);
    if (status == 0 && !given && filter.outcome == OUTCOME_BAD)
        status = cli_find(cli, &filter, &ids);
    else if (status == 0 && !given)
        status = cli_bad_usage(cli, "which future? Give an id, as 7, 7,9-12, last or @label, or "
                                    "--failed");
    if (status == 0 && dry_run)
        cli_print_ids(&ids);
    else if (status == 0)
        status = retry(cli, &ids);
    id_spans_clear(&ids);
    return status;
}

const struct command cmd_retry = {
    .name = "retry",
    .usage = "retry [OPTIONS] [ID...]",
    .summary = "Run done futures again, under the same ids",
    .help = "Prints the id of each new attempt.\n\n"
            "      --failed           without ids: all that failed or were cancelled; `all` and\n"
            "                         @label mean only those then\n"
            "  -n, --dry-run          print their ids, and start none\n"
            "      --json             print the daemon's reply\n"
            "      --format TEMPLATE  a line for each, as '{id} {attempt}'\n\n"
            "  future retry 7 && future result 7\n",
    .run = run,
};

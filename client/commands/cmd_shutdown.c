/* shutdown: end the daemon in order. */
#include <stdio.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"

enum { OPTION_NO_WAIT = CLI_OWN, OPTION_CANCEL };

static int show(struct cli *cli, bool wait, const struct future_message *reply)
{
    bool terminated = json_is_true(json_object_get(reply->result, "terminated"));
    unsigned long long cancelled = cli_uint(reply->result, "cancelled");

    if (cli->json)
        cli_print_raw_result(reply);
    else if (cancelled > 0)
        printf("%llu cancelled\n", cancelled);
    if (terminated || !wait)
        return EXIT_FINE;
    cli_warn(cli, "timed out: futures are still running; the daemon ends after them");
    return EXIT_TIMED_OUT;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"no-wait", no_argument, NULL, OPTION_NO_WAIT},
                                          {"cancel", no_argument, NULL, OPTION_CANCEL},
                                          {"timeout", required_argument, NULL, 't'},
                                          CLI_COMMON_OPTIONS};
    struct writer params = {0};
    struct future_message *reply;
    bool wait = true, cancel = false;
    int64_t timeout_us = -1;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":ht:", longs)) != -1) {
        if (option == OPTION_NO_WAIT)
            wait = false;
        else if (option == OPTION_CANCEL)
            cancel = true;
        else if (option != 't')
            return cli_stop(cli, option);
        else if ((status = cli_duration(cli, "timeout", optarg, &timeout_us)) != 0)
            return status;
    }
    if (optind < argc)
        return cli_bad_usage(cli, "`%s` is too much", argv[optind]);
    writer_begin_object(&params);
    writer_key(&params, "wait");
    writer_bool(&params, wait);
    writer_key(&params, "cancel_futures");
    writer_bool(&params, cancel);
    if (timeout_us >= 0) {
        writer_key(&params, "timeout");
        writer_seconds(&params, timeout_us);
    }
    writer_end_object(&params);
    status = cli_call(cli, "shutdown", &params, &reply);
    if (status != 0)
        return status;
    status = show(cli, wait, reply);
    future_message_free(reply);
    return status;
}

const struct command cmd_shutdown = {
    .name = "shutdown",
    .never_starts = true,
    .usage = "shutdown [OPTIONS]",
    .summary = "Let the daemon finish its futures and end; no new ones are taken",
    .help = "Returns when all is done. Exit status 124 when the time ran out before that.\n\n"
            "      --no-wait          return at once; the daemon ends when all is done\n"
            "      --cancel           cancel the futures that have not started\n"
            "  -t, --timeout DUR      wait no longer than that\n"
            "      --json             print the daemon's reply\n\n"
            "  future shutdown --cancel\n",
    .run = run,
};

/* ping: is the daemon there and awake? */
#include <stdio.h>

#include "client/cli/command.h"

static int run(struct cli *cli, int argc, char **argv)
{
    struct future_message *reply;
    int status;

    if (cli_no_options(cli, argc, argv, &status))
        return status;
    status = cli_call(cli, "ping", NULL, &reply);
    if (status != 0)
        return status;
    if (cli->json)
        cli_print_raw_result(reply);
    else
        puts("pong");
    future_message_free(reply);
    return EXIT_FINE;
}

const struct command cmd_ping = {
    .name = "ping",
    .never_starts = true,
    .usage = "ping",
    .summary = "Ask whether the daemon answers",
    .help = "Prints `pong`; exit status 69 where there is no daemon.\n\n"
            "  future ping && echo it runs\n",
    .run = run,
};

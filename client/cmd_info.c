/* info: the daemon about itself. */
#include "client/command.h"
#include "client/show_value.h"

static int run(struct cli *cli, int argc, char **argv)
{
    struct future_message *reply;
    int status;

    if (cli_no_options(cli, argc, argv, &status))
        return status;
    status = cli_call(cli, "info", NULL, &reply);
    if (status != 0)
        return status;
    if (cli->json)
        cli_print_raw_result(reply);
    else
        show_object(reply->result);
    future_message_free(reply);
    return EXIT_FINE;
}

const struct command cmd_info = {
    .name = "info",
    .usage = "info",
    .summary = "Show the daemon's version, limits, pools and functions",
    .help = "      --json             print the daemon's reply\n\n"
            "  future info --json | jq .limits\n",
    .run = run,
};

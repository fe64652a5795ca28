/* info: the daemon about itself. */
#include "client/cli/command.h"
#include "client/show/show_value.h"

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {CLI_FORMAT_OPTION, CLI_COMMON_OPTIONS};
    struct future_message *reply;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":h", longs)) != -1)
        return cli_stop(cli, option);
    status = cli_call(cli, "info", NULL, &reply);
    if (status != 0)
        return status;
    if (!cli_print_for_machine(cli, reply, NULL))
        show_object(reply->result);
    future_message_free(reply);
    return EXIT_FINE;
}

const struct command cmd_info = {
    .name = "info",
    .usage = "info",
    .summary = "Show the daemon's version, limits, pools and functions",
    .help = "      --json             print the daemon's reply\n"
            "      --format TEMPLATE  a line made of it, as '{version} {durability}'\n\n"
            "  future info --json | jq .limits\n",
    .run = run,
};

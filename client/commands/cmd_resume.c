/* resume: pools go on. */
#include "client/cli/command.h"
#include "client/show/show_pools.h"

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"all", no_argument, NULL, 'a'}, CLI_FORMAT_OPTION, CLI_COMMON_OPTIONS};
    bool all = false;
    int option;

    while ((option = cli_getopt(cli, argc, argv, ":ha", longs)) != -1) {
        if (option != 'a')
            return cli_stop(cli, option);
        all = true;
    }
    return pool_hold(cli, "pool.resume", all, argc, argv);
}

const struct command cmd_resume = {
    .name = "resume",
    .usage = "resume [--all | POOL...]",
    .summary = "Start futures of paused pools again",
    .help = "Without a name it is about the pool `default`.\n\n"
            "  -a, --all              all pools\n"
            "      --json             print the daemon's replies\n"
            "      --format TEMPLATE  a line for each, as '{name} {paused}'\n\n"
            "  future resume gpu\n",
    .run = run,
};

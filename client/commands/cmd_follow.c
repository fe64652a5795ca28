/* follow: what a future writes, as it writes it, to its end. */
#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "client/cli/follow.h"

static int run(struct cli *cli, int argc, char **argv)
{
    uint64_t id;
    int status;

    if (cli_no_options(cli, argc, argv, &status))
        return status;
    status = cli_one_id(cli, argc, argv, &id);
    return status == 0 ? follow_future(cli, id, NULL) : status;
}

const struct command cmd_follow = {
    .name = "follow",
    .usage = "follow ID",
    .summary = "Show what a future writes, as it writes it, until its end",
    .help = "Begins before the command does, if it has not started; stdout and stderr go to those\n"
            "of `future`. Exits as `future result` does. Of a map the items' outputs come in\n"
            "their order, each when its turn has come. Ctrl-C ends the following, not the job.\n\n"
            "      --json             print the daemon's notifications instead, one a line\n\n"
            "  future follow last\n",
    .run = run,
};

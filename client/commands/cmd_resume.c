/* resume: pools go on. */
#include "client/cli/command.h"
#include "client/show/show_pools.h"

static int run(struct cli *cli, int argc, char **argv)
{
    return pool_hold(cli, "pool.resume", argc, argv);
}

const struct command cmd_resume = {
    .name = "resume",
    .usage = "resume [--all | POOL...]",
    .summary = "Start futures of paused pools again",
    .help = POOL_HOLD_HELP "  future resume gpu\n",
    .run = run,
};

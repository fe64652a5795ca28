/* pause: pools start nothing more. */
#include "client/cli/command.h"
#include "client/show/show_pools.h"

static int run(struct cli *cli, int argc, char **argv)
{
    return pool_hold(cli, "pool.pause", argc, argv);
}

const struct command cmd_pause = {
    .name = "pause",
    .usage = "pause [--all | POOL...]",
    .summary = "Start no more futures of pools; what runs goes on",
    .help = POOL_HOLD_HELP "  future pause gpu\n",
    .run = run,
};

/* Pools as a table for people, and the commands that hold and release them. One thread. */
#ifndef FUTURED_CLIENT_SHOW_POOLS_H
#define FUTURED_CLIENT_SHOW_POOLS_H

#include "client/cli/cli.h"

/* The pools of a reply to pool.list, or the one of another reply, on stdout. 0 or an exit status.
 */
int show_pools(struct cli *cli, const struct future_message *reply);

/* "running", "paused" or "broken". */
const char *pool_state(const json_t *pool);

/* The command line of pause and resume: calls pool.pause or pool.resume for each pool that is
 * named, else for `default`, or with --all for all of them, and prints their names. An exit status.
 */
int pool_hold(struct cli *cli, const char *method, int argc, char **argv);
#define POOL_HOLD_HELP                                                                             \
    "Without a name it is about the pool `default`.\n\n"                                           \
    "  -a, --all              all pools\n"                                                         \
    "      --json             print the daemon's replies\n"                                        \
    "      --format TEMPLATE  a line for each, as '{name} {paused}'\n\n"

#endif

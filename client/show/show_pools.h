/* Pools as a table for people, and the commands that hold and release them. One thread. */
#ifndef FUTURED_CLIENT_SHOW_POOLS_H
#define FUTURED_CLIENT_SHOW_POOLS_H

#include "client/cli/cli.h"

/* The pools of a reply to pool.list, or the one of another reply, on stdout. 0 or an exit status.
 */
int show_pools(struct cli *cli, const struct future_message *reply);

/* "running", "paused" or "broken". */
const char *pool_state(const json_t *pool);

/* Calls pool.pause or pool.resume for each pool that is named from argv[optind] on, else for
 * `default`, or with `all` for all of them, and prints their names. An exit status. */
int pool_hold(struct cli *cli, const char *method, bool all, int argc, char **argv);

#endif

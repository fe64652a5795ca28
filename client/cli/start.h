/* Starts a daemon for a user who has none, as tmux does: the first command does it, once. Nothing
 * is started for root, for a socket that was named, or where a unit of systemd is there for it.
 * One thread. */
#ifndef FUTURED_CLIENT_START_H
#define FUTURED_CLIENT_START_H

#include <stdbool.h>

#include "client/cli/cli.h"

bool start_is_wanted(const struct cli *cli);
/* True where the user's own service manager runs and knows futured. */
bool start_has_unit(void);
/* Returns when a daemon listens at the default place: our own, or that of somebody who was faster.
 * 0, or an exit status after the failure was told. */
int start_daemon(const struct cli *cli);

#endif

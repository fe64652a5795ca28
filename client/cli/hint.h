/* What to do next after something went wrong: on stderr, below what went wrong. One thread. */
#ifndef FUTURED_CLIENT_HINT_H
#define FUTURED_CLIENT_HINT_H

#include "client/cli/cli.h"

/* There is no daemon (-errno of future_connect). Returns the exit status. */
int hint_no_daemon(const struct cli *cli, int error);
/* A command that is one word and looks like a line for a shell, as other tools take it, and names
 * no program: says so. */
void hint_shell(const struct cli *cli, char **argv, size_t argc);
/* Below the daemon's error. Asks the daemon where that helps: messages that come meanwhile are
 * queued for future_receive. */
void hint_error(struct cli *cli, const struct future_message *error);

#endif

/* What somebody may have meant by a command or an option that there is not: one that is nearly
 * written so, or what other tools of the kind call it. One thread. */
#ifndef FUTURED_CLIENT_NAMES_H
#define FUTURED_CLIENT_NAMES_H

#include "client/cli/cli.h"

/* Both tell it as wrong usage, and return the exit status. `written` is the option as it stands in
 * the command line, as `-x` or `--name`, perhaps with `=VALUE`. */
int names_unknown_command(const struct cli *cli, const char *name);
int names_unknown_option(const struct cli *cli, const char *written, const struct option *longs);

#endif

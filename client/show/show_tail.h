/* The last lines that a command has written, for people. One thread. */
#ifndef FUTURED_CLIENT_SHOW_TAIL_H
#define FUTURED_CLIENT_SHOW_TAIL_H

#include <stdint.h>

#include "client/cli/cli.h"

/* Of both streams, each under its title, where there is something. 0 or an exit status. */
int show_tail(struct cli *cli, uint64_t id);

#endif

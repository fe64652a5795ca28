/* Futures as a table for people. One thread. */
#ifndef FUTURED_CLIENT_SHOW_FUTURES_H
#define FUTURED_CLIENT_SHOW_FUTURES_H

#include "client/cli/cli.h"

/* A table of `futures`, an array of the futures that the protocol shows, on stdout. 0 or an exit
 * status. */
int show_futures(struct cli *cli, const json_t *futures);

#endif

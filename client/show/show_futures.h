/* Futures as a table for people. One thread. */
#ifndef FUTURED_CLIENT_SHOW_FUTURES_H
#define FUTURED_CLIENT_SHOW_FUTURES_H

#include "client/cli/cli.h"

/* A table of `futures`, an array of the futures that the protocol shows, on stdout. 0 or an exit
 * status. */
int show_futures(struct cli *cli, const json_t *futures);

/* How it ended: "ok", "exit 3", "SIGKILL", or "failed" where it is no command that has run; "-": it
 * has not. */
void show_futures_outcome(const json_t *future, char *ret_text, size_t size);
/* The colour of its state. */
enum tone show_futures_tone(const json_t *future);

#endif

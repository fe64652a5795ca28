/* All that is known of one future, for people: a sheet with a line for each thing. One thread. */
#ifndef FUTURED_CLIENT_SHOW_FUTURE_H
#define FUTURED_CLIENT_SHOW_FUTURE_H

#include "client/cli/cli.h"

/* `future` is what `dump` says of it; what it waits for and the last lines of its output are asked
 * for here. 0 or an exit status. */
int show_future(struct cli *cli, const json_t *future);

#endif

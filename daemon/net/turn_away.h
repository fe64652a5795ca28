/* The last word to a client that is not let in: one line that says why, as far as its socket takes
 * it at once, and the end. Loop thread only. */
#ifndef FUTURED_NET_TURN_AWAY_H
#define FUTURED_NET_TURN_AWAY_H

#include "proto/rpc.h"

/* Closes `fd`. */
void turn_away(int fd, const struct rpc_error *error);

#endif

/* How many connections each user has, and whether one more is let in. It knows users by their
 * numbers and connections not at all. Loop thread only. */
#ifndef FUTURED_NET_GUESTS_H
#define FUTURED_NET_GUESTS_H

#include <stdint.h>

#include "daemon/rpc/session.h"
#include "proto/limits.h"

struct guests;

/* `limits` is borrowed. NULL: no memory. */
struct guests *guests_new(const struct limits *limits);
/* Everybody must have left. */
void guests_free(struct guests *guests);

/* One more connection of that peer. 0; -ENOMEM; -EMFILE and the limit that it would pass. */
int guests_enter(struct guests *guests, const struct peer *peer, const char **ret_limit,
                 uint64_t *ret_value);
void guests_leave(struct guests *guests, uid_t uid);

#endif

/* The connections: one session each, bytes in and bytes out without ever blocking. Output is
 * written once a turn of the loop. A client that does not read is not read from either, and is
 * disconnected when too much is waiting for it or has waited too long; so is one that does not end
 * the line that it has begun. Loop thread only. */
#ifndef FUTURED_NET_CONNECTION_H
#define FUTURED_NET_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/rpc/session.h"
#include "proto/limits.h"

struct connections;
struct loop;
struct timers;

/* All but the result is borrowed. 0 or -errno. */
int connections_new(struct loop *loop, struct timers *timers, struct service *service,
                    const struct limits *limits, struct connections **ret_connections);
/* Closes what is still open. */
void connections_free(struct connections *connections);

/* Takes a client in; `fd` is the connection's. A client too many is told which
 * limit it has met and is sent away. */
void connections_add(struct connections *connections, int fd, const struct peer *peer);

/* Whether there is a client that has come since then and has sent nothing yet. */
bool connections_has_silent(const struct connections *connections, uint64_t since_ns);

/* Reads nothing more, and calls `fn(arg)` once everything written so far has been sent or its
 * client is gone; at once if that is so already. */
void connections_drain(struct connections *connections, void (*fn)(void *arg), void *arg);

#endif

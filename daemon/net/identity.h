/* Who a client is, as the kernel says when it connects, and what that makes of it. Nothing that a
 * client sends is asked. Loop thread only. */
#ifndef FUTURED_NET_IDENTITY_H
#define FUTURED_NET_IDENTITY_H

#include <sys/types.h>

#include "daemon/rpc/session.h"

struct identity_rules {
    uid_t uid;         /* the daemon's own: its clients and root are masters */
    gid_t admin_group; /* its members are admins; (gid_t)-1: nobody more */
};

/* The peer of a connected socket. 0; -errno: the kernel does not tell, and it must not be served.
 */
int identity_of(int fd, const struct identity_rules *rules, struct peer *ret_peer);

#endif

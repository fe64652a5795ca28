#include "daemon/net/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#define USUAL_GROUPS 64

/* The supplementary groups that the peer had when it connected. */
static bool is_member(int fd, gid_t group)
{
    gid_t usual[USUAL_GROUPS];
    gid_t *groups = usual;
    socklen_t size = sizeof(usual);
    bool found = false;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
        /* There are more: `size` says how many. Of a kernel that does not know, none count. */
        if (errno != ERANGE || !(groups = malloc(size)))
            return false;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
            size = 0;
    }
    for (size_t i = 0; i < size / sizeof(*groups); i++)
        found |= groups[i] == group;
    if (groups != usual)
        free(groups);
    return found;
}

int identity_of(int fd, const struct identity_rules *rules, struct peer *ret_peer)
{
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
        return -errno;
    if (size != sizeof(credentials) || credentials.uid == (uid_t)-1)
        return -EPROTO;
    struct peer peer = {.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid};
    peer.is_master = peer.uid == 0 || peer.uid == rules->uid;
    peer.is_admin =
        peer.is_master || (rules->admin_group != (gid_t)-1 &&
                           (peer.gid == rules->admin_group || is_member(fd, rules->admin_group)));
    *ret_peer = peer;
    return 0;
}

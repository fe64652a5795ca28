/* The listening socket: bound by us (never a second daemon on one path, never a stale file in the
 * way) or inherited, and the accepting of clients. It does not know what clients say. Loop thread
 * only. */
#ifndef FUTURED_NET_LISTENER_H
#define FUTURED_NET_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/net/identity.h"
#include "daemon/rpc/session.h"

struct listener;
struct loop;

/* A client: the descriptor is the callee's from now on. */
typedef void listener_fn(void *arg, int fd, const struct peer *peer);

/* The first socket passed by the service manager: *ret_fd is it, or -1 where none was. -EINVAL:
 * what was passed is no listening Unix stream socket. Takes the variables out of the environment.
 */
int listener_inherited(int *ret_fd);

/* Binds `path` and listens: mode 0600, and with `group` (else (gid_t)-1) 0660 and of that group.
 * Its directory is made if it is not there, for the same people. -EADDRINUSE: a daemon answers
 * there. Other -errno. */
int listener_bind(const char *path, gid_t group, int *ret_fd, int *ret_lock_fd);

/* Accepts clients of the listening socket `fd`, which is the listener's from now on, as is
 * `lock_fd` (-1: none). `path` is unlinked at the end where not NULL. 0 or -errno; the descriptors
 * are closed then too. `rules` is copied. */
int listener_new(struct loop *loop, int fd, int lock_fd, const char *path,
                 const struct identity_rules *rules, listener_fn *fn, void *arg,
                 struct listener **ret_listener);
/* Other rules, copied, for clients that come from now on. */
void listener_set_rules(struct listener *listener, const struct identity_rules *rules);
void listener_free(struct listener *listener);

#endif

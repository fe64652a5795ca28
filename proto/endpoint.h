/* Where the daemon's socket is. Any thread. */
#ifndef FUTURED_PROTO_ENDPOINT_H
#define FUTURED_PROTO_ENDPOINT_H

#include <stddef.h>

/* The path to use: `given` (--socket) where not NULL, else where `use_environment` $FUTURE_SOCKET,
 * else /run/futured/futured.sock for root, else $XDG_RUNTIME_DIR/futured/futured.sock, else
 * /tmp/futured-UID/futured.sock. An environment variable that is empty, or an XDG_RUNTIME_DIR that
 * is not absolute, counts as not set. -EINVAL when `given` is empty, -ENAMETOOLONG when the path
 * does not fit a socket address, or `size`. */
int endpoint_path(const char *given, int use_environment, char *ret_path, size_t size);

#endif

/* The whole of a descriptor in memory. One thread. */
#ifndef FUTURED_CLIENT_READ_ALL_H
#define FUTURED_CLIENT_READ_ALL_H

#include <stddef.h>

/* *ret_data is malloc'd and the caller's, never NULL. -EFBIG for more than 256 MiB: it is to go
 * into one request, and the daemon's limit is lower than that. -ENOMEM; or what read(2) says. */
int read_all(int fd, char **ret_data, size_t *ret_size);

#endif

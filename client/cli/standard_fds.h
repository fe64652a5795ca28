/* The descriptors 0 to 2 of a program that may have been started without them. Call it first. */
#ifndef FUTURED_CLIENT_STANDARD_FDS_H
#define FUTURED_CLIENT_STANDARD_FDS_H

/* Sees to it that 0, 1 and 2 are open, so that no socket gets one of these numbers, and what is
 * printed goes to the daemon. Where one was closed, reading stdin and writing stdout fail with
 * EBADF, as they would have; what is written to stderr is dropped. 0 or -errno. */
int standard_fds_fill(void);

#endif

/* Small helpers around file descriptors. They know nothing of events. Any thread. */
#ifndef FUTURED_BASE_FD_H
#define FUTURED_BASE_FD_H

/* Closes a descriptor that the caller owns; -1 is allowed. Keeps errno. Returns -1, to be stored
 * where the descriptor was. */
int fd_close(int fd);

/* A close-on-exec pipe. 0 or -errno. */
int fd_pipe(int *ret_read_fd, int *ret_write_fd);

/* Opens /dev/null where one of 0, 1 and 2 is closed, so that none of these numbers becomes that of
 * a file or a socket, which the log or a job would then write to. Before anything else is opened,
 * while there is one thread. 0 or -errno. */
int fd_fill_standard(void);

/* 0 or -errno. */
int fd_set_nonblocking(int fd);

/* Gives a descriptor that will stay for long a high number, so that the low ones are left to those
 * that come and go with each command: a child copies the table up to the highest that it needs.
 * Returns the new one, which takes the place of `fd`; or `fd` where there is no higher one to be
 * had. */
int fd_lift(int fd);

/* Locks the file for this process, as flock does: 0; -EWOULDBLOCK: somebody else has it; -errno.
 * Blocks up to two seconds: of a holder that was killed while it started a process, that one has
 * the lock as well until it executes. */
int fd_lock(int fd);

#endif

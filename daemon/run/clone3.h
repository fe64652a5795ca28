/* A child that shares the memory of this process, as vfork's, and its descriptors, and is born in
 * another control group where one is given: moving it there afterwards would cost more, and hold up
 * every other start on the machine meanwhile. Any thread. */
#ifndef FUTURED_RUN_CLONE3_H
#define FUTURED_RUN_CLONE3_H

#include <stddef.h>
#include <sys/types.h>

/* Runs `fn(arg)` in the child, on the given stack; what it returns is the exit status. This thread
 * goes on when the child has executed a program or has ended. `group_fd` is the group's directory,
 * or -1. Returns the pid, with the pidfd in *ret_pidfd, or -errno; -ENOSYS: this machine cannot. */
pid_t clone3_child(int group_fd, int (*fn)(void *arg), void *arg, char *stack, size_t stack_bytes,
                   int *ret_pidfd);

#endif

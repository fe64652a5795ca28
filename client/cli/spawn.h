/* Starts programs of ours that outlive this one: a session of their own, default signals, nothing
 * to read, what they write into a file. Tells nobody of failures. Any thread. */
#ifndef FUTURED_CLIENT_SPAWN_H
#define FUTURED_CLIENT_SPAWN_H

#include <sys/types.h>

/* The program `name` that was built or installed with this one, else that of PATH, with `options`
 * (ended by NULL), which writes to `output`. 0 or -errno. */
int spawn_apart(const char *name, const char *const *options, int output, pid_t *ret_pid);

/* futured, in `directory` (NULL: in this one), and returns when it listens. -ECONNREFUSED: it has
 * ended, which its log explains; -ETIMEDOUT; or what went wrong before, as -errno. */
int spawn_futured(const char *const *options, const char *directory, int log);

#endif

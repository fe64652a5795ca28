/* Who is left of a command that was ended, where it had no control group that would hold them all:
 * its group was killed, but a process can leave that. Reads all of /proc, so it is for commands
 * that had to be ended only. Any thread. */
#ifndef FUTURED_RUN_ESCAPES_H
#define FUTURED_RUN_ESCAPES_H

#include <stddef.h>
#include <sys/types.h>

/* Kills who is still in the session of `leader`, which is not reaped yet, and writes into
 * `ret_names` who has left that as well, for people; they live on. Those are known by what `envp`
 * (of the command, NULL-ended) says of its future, unless they have hidden it. */
void escapes_end(pid_t leader, char *const *envp, char *ret_names, size_t size);

#endif

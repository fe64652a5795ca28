/* Which processes the daemon has started and not reaped, in a file that stays when the daemon is
 * killed: the next daemon ends them before it goes on. The file is memory that is shared with it,
 * so keeping it costs no system call, and it is worth nothing after the machine has started anew.
 * Taking and clearing a place: any thread. The rest: one thread, before there are others. */
#ifndef FUTURED_RUN_LEFTOVERS_H
#define FUTURED_RUN_LEFTOVERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct leftovers;

/* The place of one process. */
struct leftover;

/* Opens or makes the file; `max` places are made where it is new. 0 or -errno. */
int leftovers_open(const char *path, unsigned max, struct leftovers **ret_leftovers);
/* Unmaps the file, whose places should be empty by now. NULL is allowed. */
void leftovers_free(struct leftovers *leftovers);

/* Kills what an earlier daemon has left, with the groups and sessions of it, and waits up to
 * `timeout_ms` until it is gone. What ends by itself is awaited for as long before. Says in the log
 * what it found. 0; -ETIMEDOUT: some live on; -errno. */
int leftovers_end(struct leftovers *leftovers, unsigned timeout_ms);

/* A free place for a process that is about to be started. `ends_itself`: it ends when its stdin
 * does, and what hangs on it with it: it is killed only if it does not. NULL: there is none, or
 * `leftovers` is NULL. */
struct leftover *leftover_take(struct leftovers *leftovers, bool ends_itself);
/* Where the started process writes its pid down itself, before it executes: it must be there
 * whenever the process is. NULL for NULL. */
_Atomic int32_t *leftover_pid(struct leftover *leftover);
/* It is reaped, or was never started: the place is free again. NULL is allowed. */
void leftover_clear(struct leftover *leftover);

#endif

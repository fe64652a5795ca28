/* What one user has in the daemon: how many futures in each state. Lives as long as something
 * refers to it. Loop thread only. */
#ifndef FUTURED_CORE_OWNER_H
#define FUTURED_CORE_OWNER_H

#include <stdint.h>

#include "daemon/core/future.h"

struct owner;
struct owners;

/* NULL: no memory. */
struct owners *owners_new(void);
/* Every owner must have been let go. */
void owners_free(struct owners *owners);

/* The owner of that uid with one more reference, made if need be. NULL: no memory. */
struct owner *owner_ref(struct owners *owners, uint32_t uid);
void owner_unref(struct owner *owner);

uint32_t owner_uid(const struct owner *owner);
void owner_count(struct owner *owner, enum future_state state, int by);

/* Counts a future by which nobody refers to its owner: the owner stays as long as there are such.
 * `by` is 1 or -1. 0, or -ENOMEM: there was no such owner before. */
int owners_count_trace(struct owners *owners, uint32_t uid, enum future_state state, int by);

/* Adds up the futures by state, of one user or (`all`) of everybody. */
void owners_counts(const struct owners *owners, bool all, uint32_t uid,
                   uint64_t ret_counts[FUTURE_STATES]);

#endif

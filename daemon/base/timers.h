/* Any number of deadlines behind one timer of the loop. A deadline lives inside the caller's
 * structure; setting and clearing cost O(log n). Loop thread only. */
#ifndef FUTURED_BASE_TIMERS_H
#define FUTURED_BASE_TIMERS_H

#include <stdint.h>

#include "daemon/base/heap.h"

struct loop;
struct timers;
struct deadline;

/* The deadline is not set any more when this is called; it may be set again or freed. */
typedef void deadline_fn(struct deadline *deadline);

/* Zeroed memory is a deadline that is not set. */
struct deadline {
    struct heap_node node;
    deadline_fn *fn;
};

/* 0 or -errno. */
int timers_new(struct loop *loop, struct timers **ret_timers);
/* Deadlines still set are forgotten. */
void timers_free(struct timers *timers);

/* Calls `fn` at `when_ns` (clock_mono_ns), never before. Replaces what was set. 0 or -ENOMEM, and
 * it is not set then. */
int deadline_set(struct timers *timers, struct deadline *deadline, uint64_t when_ns,
                 deadline_fn *fn);
void deadline_clear(struct timers *timers, struct deadline *deadline);

#endif

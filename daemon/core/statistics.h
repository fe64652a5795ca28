/* Counts for those who watch over the daemon: plain counters and histograms of durations, each an
 * addition on the loop's thread. They say how it went since the daemon began, and are not stored.
 * Who counts is future_set_state(); this module only keeps. Loop thread only. */
#ifndef FUTURED_CORE_STATISTICS_H
#define FUTURED_CORE_STATISTICS_H

#include <stdint.h>

#include "daemon/core/future.h"

#define HISTOGRAM_BOUNDS 16
/* The upper bounds of the buckets, both included and rising, in microseconds. */
extern const int64_t histogram_bounds_us[HISTOGRAM_BOUNDS];

/* Zeroed memory is an empty histogram. */
struct histogram {
    /* How many fell between two bounds; the last one is for what is above all of them. */
    uint64_t buckets[HISTOGRAM_BOUNDS + 1];
    uint64_t sum_us;
};

/* Less than 0 (somebody has set the clock) counts as 0. */
void histogram_add(struct histogram *histogram, int64_t duration_us);
/* How many were added. */
uint64_t histogram_count(const struct histogram *histogram);

/* Of one pool. A map itself is in none of these: its items are. */
struct pool_statistics {
    uint64_t running; /* now; pool_pending tells the others that are not done */
    uint64_t submitted;
    uint64_t returned, raised, cancelled; /* ends: with a result, with an exception, neither */
    uint64_t retried;                     /* attempts that followed another one */
    struct histogram queue_wait;          /* of each attempt: from the queue to its start */
    struct histogram run_time;            /* of each attempt: from its start to its end */
};

#endif

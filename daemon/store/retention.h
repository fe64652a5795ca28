/* How long done futures are kept: by age, number and bytes, those that ended first before all. A
 * map counts as one and goes with its items; the items of one that was open go one by one. In small
 * steps, each a transaction. The thread of the database. */
#ifndef FUTURED_STORE_RETENTION_H
#define FUTURED_STORE_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct database;

#define RETENTION_STEP 256

struct expired_range {
    uint64_t first, last;
};

struct retention {
    uint64_t count, bytes, age_s;
    uint64_t position; /* nothing at a cursor up to this is taken by itself */
    /* What the last step removed. */
    struct expired_range ranges[RETENTION_STEP];
    size_t range_count;
};

/* Whether a step is worth a look before the next futures are too old. */
bool retention_is_over(const struct retention *retention, const struct database *database);
/* Whether it would be a full one, or what is too much may be a lot. */
bool retention_has_step(const struct retention *retention, const struct database *database);

/* Removes some of what is not to be kept at that time, and puts it on record as expired.
 * *ret_more: there is more to do at once. SQLite's code; after a failure nothing was removed. */
int retention_step(struct retention *retention, struct database *database, int64_t now_us,
                   bool *ret_more);

#endif

/* Futures in one order, those with rows of their own and those in bundles: a statement and a walk
 * through the bundles side by side. The functions return SQLite's codes. The thread of the
 * database. */
#ifndef FUTURED_STORE_MERGE_H
#define FUTURED_STORE_MERGE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/bundle.h"

struct database;

enum merge_order { BY_ID, BY_ID_DOWN, BY_CURSOR };

struct merge {
    struct database *database;
    enum merge_order order;
    uint64_t from;       /* bundles: only what comes behind this id or cursor; BY_ID: 0 */
    bool no_bundles;     /* none of what they hold is wanted */
    sqlite3_stmt *row;   /* in that order; NULL: there are none */
    int column;          /* of the row: its id or cursor */
    struct brief *brief; /* what is to be looked at, NULL: the row */
    /* Inside. */
    bool begun, rows_left, bundles_left;
    struct bundle_page page;
    size_t next; /* of the page */
};

/* Goes to the next one. The members down to `column` have been set by the first time, the rest is
 * zero. *ret_found false: that was the last one. */
int merge_next(struct merge *merge, bool *ret_found);
/* Resets the row, and frees. */
void merge_end(struct merge *merge);

#endif

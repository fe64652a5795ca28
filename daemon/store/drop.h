/* Rows go: because they are too many or too old, because somebody has forgotten their future, or
 * because what is done is not to be so any more. Most of what goes has nothing beside its row, and
 * goes in runs of ids: a row in a run costs a fraction of one that goes by itself. Within a
 * transaction of database.h; the functions return SQLite's codes. The thread of the database. */
#ifndef FUTURED_STORE_DROP_H
#define FUTURED_STORE_DROP_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/record.h"

struct database;

/* A future that may go. */
struct leaving {
    struct future_row row; /* id, spec_id, flags, state, item_of, attempt, cursor */
    bool alone;            /* retention takes it by itself */
    bool plain;            /* done, and has nothing but its rows */
    bool bundled;          /* it lies in a bundle */
    int64_t bytes, finished_us;
};

/* The columns of the LEAVING statements. */
enum leaving_column {
    LEAVING_ID,
    LEAVING_SPEC,
    LEAVING_FLAGS,
    LEAVING_STATE,
    LEAVING_ITEM_OF,
    LEAVING_ATTEMPT,
    LEAVING_CURSOR,
    LEAVING_ALONE, /* NULL like the rest where it is not done */
    LEAVING_BYTES,
    LEAVING_FILES,
    LEAVING_FINISHED,
};

/* Reads a row of one of them. */
void leaving_take(sqlite3_stmt *row, struct leaving *ret_leaving);
/* The same of one that lies in a bundle. */
void leaving_of_brief(const struct brief *brief, struct leaving *ret_leaving);

#define DROPS_MAX 256

/* Futures that go in one transaction. All members but the first are zero at first. */
struct drops {
    struct database *database;
    uint64_t ids[DROPS_MAX]; /* of those that are counted, and whose rows are still there */
    size_t count;
    uint64_t bundled_to; /* what lies in bundles up to that cursor is counted, and still there */
};

/* Removes it with all that belongs to it; of a map nothing but the map itself. Its rows may stay
 * until drops_end. Of what lies in bundles the oldest goes first. */
int drops_add(struct drops *drops, const struct leaving *leaving);
int drops_end(struct drops *drops);

/* Removes items of a map, at most `limit` (itself at most DROPS_MAX), the first first, as drops_add
 * does; drops_end must come before the next of this map. *ret_count: how many, and their ids in
 * `ids`; fewer than the limit: there are no more. */
int drop_items(struct drops *drops, uint64_t map, size_t limit, uint64_t *ids, size_t *ret_count);

/* Removes a future, and where it is a map its items with it. */
int drop_with_items(struct database *database, uint64_t id);

/* By rising id. */
void ids_sort(uint64_t *ids, size_t count);

/* Takes the end of a done future back; its row is the caller's to change. */
int drop_end(struct database *database, const struct future_row *row);

#endif

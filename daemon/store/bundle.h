/* Brief futures that were submitted and over in one transaction, many in one row: it costs a
 * fraction of what rows of their own would. Ids and cursors rise from one bundle to the next, and
 * cursors within each, so that bundles are found by either; what does not fit into that order gets
 * rows of its own, and so does what is changed afterwards. The functions return SQLite's codes.
 * The thread of the database. */
#ifndef FUTURED_STORE_BUNDLE_H
#define FUTURED_STORE_BUNDLE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/brief.h"
#include "daemon/store/bytes.h"
#include "daemon/store/statements.h"

struct database;

/* What is to be read as a whole wherever one of it is wanted. */
#define BUNDLE_FUTURES 256
#define BUNDLE_BYTES   16384
/* With longer texts rows of their own cost no more. */
#define BUNDLED_TEXT_BYTES 2048

/* The one that the transaction at hand fills. Zeroed memory is empty. */
struct bundle {
    struct bytes bytes;
    struct brief last; /* what was put last */
    uint64_t first_id, last_id, first_cursor;
    size_t count;
};

/* Whether one that has just ended, without output, may go into the bundle. */
bool bundle_takes(const struct database *database, const struct brief *brief);
/* Puts it there, and counts it as done. */
int bundle_add(struct database *database, const struct brief *brief);
/* Writes what was put. */
int bundle_flush(struct database *database);
/* Forgets it with the transaction, and what was read in it. */
void bundle_drop(struct database *database);
void bundle_free(struct bundle *bundle);

/* The columns of all statements that read bundles. */
enum bundle_column {
    BUNDLE_FIRST,
    BUNDLE_LAST,
    BUNDLE_KEPT,
    BUNDLE_LAST_CURSOR,
    BUNDLE_TEXT, /* not of BUNDLE_SPANS and BUNDLE_NEWEST */
};

/* A bundle that was read, with its texts; keep it for the next one. Zeroed memory is empty. */
struct bundle_page {
    uint64_t first, last;       /* ids */
    uint64_t kept, last_cursor; /* what ended before the cursor `kept` has gone */
    struct bytes bytes;
    struct brief *futures; /* by rising cursor; BUNDLE_FUTURES have room */
    size_t count;
};

/* Reads the one that BUNDLE_BEFORE or BUNDLE_AFTER finds. *ret_found false: none. */
int bundle_read(struct database *database, enum statement which, uint64_t id,
                struct bundle_page *page, bool *ret_found);
void bundle_page_free(struct bundle_page *page);
/* *ret_brief: good until the next time. NULL: there is no such future in a bundle. */
int bundle_find(struct database *database, uint64_t id, const struct brief **ret_brief);

/* Gives all futures that lie in one bundle with this one rows of their own. *ret_unpacked false: it
 * lies in none. In a transaction. */
int bundle_unpack(struct database *database, uint64_t id, bool *ret_unpacked);
/* Removes all that ended up to that cursor, without counting. In a transaction. */
int bundle_cut(struct database *database, uint64_t cursor);

#endif

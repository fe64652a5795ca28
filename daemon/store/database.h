/* The database of a store: its one connection, its statements, its transactions, and the numbers
 * that are kept beside the rows. What the rows mean is for apply.c, drop.c, record.c, load.c,
 * query.c and retention.c. Used by one thread at a time: that which opens it, then the store's.
 * Functions that return SQLite's codes say so; 0 is SQLITE_OK. */
#ifndef FUTURED_STORE_DATABASE_H
#define FUTURED_STORE_DATABASE_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/bundle.h"
#include "daemon/store/fresh.h"
#include "daemon/store/pieces.h"
#include "daemon/store/statements.h"

/* Bits of future.flags: where there is more of it. */
enum {
    FUTURE_IS_MAP = 1,
    FUTURE_HAS_ITEM = 2, /* in the table item */
    FUTURE_HAS_AFTER = 4,
    FUTURE_HAS_KEY = 8,
    FUTURE_HAS_ATTEMPTS = 16,
    FUTURE_MAY_HAVE_BEGUN = 32, /* RUNNING, but it has begun only if its mark is set */
};

/* The row `meta`. */
struct totals {
    uint64_t next_id, cursor;
    uint64_t done_count, done_bytes; /* what retention counts */
    uint64_t file_bytes;             /* of the files in output/ */
    /* The last of the bundles; not in the row, but read from them. */
    uint64_t bundled_id, bundled_cursor;
};

/* The row of one map, kept here while changes touch it again and again. */
struct map_row {
    uint64_t id; /* 0: none is here */
    bool dirty;
    bool open, was_open, fail_fast;
    uint64_t window, count, first;
    uint64_t running, cancelled, finished, failed;
    uint64_t gone_cancelled, gone_finished; /* those that are not here any more */
    uint64_t bytes;                         /* of the items that go with it */
    bool counted;                           /* it is done, and `bytes` is in the totals */
};

struct database {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[STATEMENTS];
    struct pieces pieces;
    char *path; /* of the directory */
    struct totals totals, committed;
    struct map_row map;
    struct fresh fresh;
    struct bundle bundle;
    struct bundle_page page; /* what bundle_find has read, and finds again; count 0: nothing */
    uint64_t uid_of;         /* a spec, and its user: for a map with many items */
    uint32_t uid;
    _Atomic uint64_t *marks; /* of core/begun.h, for FUTURE_MAY_HAVE_BEGUN; NULL: there are none */
    bool synced;             /* commits are synced */
    unsigned wal_pages;      /* in use */
};

/* A text that lies in its row, or in a file. data NULL and not in a file: none. */
struct placed {
    const void *data;
    size_t size;
    bool in_file;
};

/* What a failure means. */
enum trouble {
    TROUBLE_NONE,
    TROUBLE_NO_ROOM,   /* on the disk: passes */
    TROUBLE_NO_MEMORY, /* passes */
    TROUBLE_BROKEN,    /* never again */
};

/* Opens or makes the database in the directory `path`, brings its tables up to date and checks
 * them after an end that was not clean. `vfs` NULL: SQLite's own. 0 or -errno with a sentence in
 * `message`. */
int database_open(const char *path, const char *vfs, struct database *ret_database, char *message,
                  size_t message_size);
/* Closes; zeroed memory is allowed. `checkpoint`: nothing is left in the log; else the files stay
 * as they are. */
void database_close(struct database *database, bool checkpoint);

enum trouble database_trouble(struct database *database, int rc);
/* A sentence about the last failure, for people. */
void database_describe(struct database *database, int rc, char *message, size_t message_size);

/* A transaction. All return SQLite's code; after any failure inside, roll back. `sync`: it has to
 * survive a loss of power. */
int database_begin(struct database *database, bool sync);
int database_commit(struct database *database);
void database_rollback(struct database *database);

/* Binds: 'i' int64_t, 'd' double, 's' a string or NULL, 't' text and size_t (text NULL: NULL),
 * 'p' a struct placed *. Texts are borrowed until the statement has been reset. */
/* Executes a statement that yields no rows. SQLite's code. */
int database_run(struct database *database, enum statement which, const char *types, ...);
/* Starts a query; step it, then reset it. SQLite's code. */
int database_find(struct database *database, enum statement which, sqlite3_stmt **ret_statement,
                  const char *types, ...);
/* The same and takes the first step: SQLITE_ROW, SQLITE_DONE (it has been reset then) or an error.
 */
int database_first(struct database *database, enum statement which, sqlite3_stmt **ret_statement,
                   const char *types, ...);

/* Makes `database->map` that map's row. *ret_found: there is one. SQLite's code. */
int database_map(struct database *database, uint64_t id, bool *ret_found);
/* Writes it back where it was changed. SQLite's code. */
int database_map_flush(struct database *database);

/* Moves what the log holds into the database. `shrink`: also gives the log's room back. SQLite's
 * code. */
int database_checkpoint(struct database *database, bool shrink);

/* Bytes of pages that hold nothing, in which something finds room. */
uint64_t database_free_bytes(struct database *database);
/* Bytes of the database's files, but for those of pieces. */
uint64_t database_size(const struct database *database);

#endif

/* Rows of futures that were submitted in the transaction at hand, held back until it is committed:
 * a call that is over at once may have ended by then, and its row is written once in place of
 * twice. Only plain rows are: no map, no item, nothing beside them. The thread of the database. */
#ifndef FUTURED_STORE_FRESH_H
#define FUTURED_STORE_FRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/store.h"

struct database;
struct future_row;

/* As many as two hands full of clients have in flight. A power of two. */
#define FRESH_ROWS 512

struct fresh_row {
    uint64_t id; /* 0: none is here */
    uint64_t cursor, bytes;
    int64_t priority, submitted_us;
    uint32_t uid;
    unsigned attempt;
};

struct fresh {
    struct fresh_row rows[FRESH_ROWS]; /* each at its id modulo their number */
    unsigned count;
};

/* Whether the future, with those flags, has such a row. */
bool fresh_takes(const struct stored_future *future, unsigned flags);
/* Holds its row back; the one that is in its place goes to the table. SQLite's code. */
int fresh_add(struct database *database, const struct stored_future *future, uint32_t uid,
              uint64_t bytes);
/* NULL: it is not held back. */
struct fresh_row *fresh_find(struct database *database, uint64_t id);
/* As it would be read back. */
struct future_row fresh_row_read(const struct fresh_row *row);
/* Writes a row, as that of a future in such a state; it is not held back any more. SQLite's code.
 */
int fresh_write(struct database *database, struct fresh_row *row, enum future_state state,
                bool failed, int64_t started_us, uint64_t cursor);
/* Writes all that are held back. SQLite's code. */
int fresh_flush(struct database *database);
/* Forgets them, with the transaction. */
void fresh_drop(struct database *database);

#endif

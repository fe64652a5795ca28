/* Brief futures that were submitted in the transaction at hand, held back until it is committed: a
 * call that is over at once may have ended by then. The functions that return int return SQLite's
 * codes. The thread of the database. */
#ifndef FUTURED_STORE_FRESH_H
#define FUTURED_STORE_FRESH_H

#include <stdint.h>

#include "daemon/store/brief.h"

struct database;

/* As many as two hands full of clients have in flight. A power of two. */
#define FRESH_FUTURES 512

struct fresh {
    struct brief futures[FRESH_FUTURES]; /* each at its id modulo their number; id 0: none */
    unsigned count;
};

/* Holds it back; the one that is in its place gets its rows. */
int fresh_add(struct database *database, const struct brief *brief);
/* NULL: it is not held back. */
struct brief *fresh_find(struct database *database, uint64_t id);
/* It is not held back any more. */
void fresh_remove(struct database *database, struct brief *brief);
/* The same, and it gets its rows. */
int fresh_write(struct database *database, struct brief *brief);
/* All that are held back get their rows. */
int fresh_flush(struct database *database);
/* Forgets them, with the transaction. */
void fresh_drop(struct database *database);

#endif

/* A future with nothing but what every one has: no map, no item, no key, nothing to wait for, no
 * output. While it is written it is held back in such a form (see fresh.h); if it is over by the
 * end of its transaction it goes into a bundle (see bundle.h), else it gets rows like any other.
 * The functions that return int return SQLite's codes. The thread of the database. */
#ifndef FUTURED_STORE_BRIEF_H
#define FUTURED_STORE_BRIEF_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/store.h"
#include "daemon/store/bytes.h"

struct database;
struct future_row;

/* All texts are borrowed: from the bytes of a commit, or of a bundle. */
struct brief {
    struct stored_future future; /* its `spec` is not used, but for what follows */
    struct stored_spec spec;
    uint64_t bytes; /* what it costs with its arguments, without its result */
};

/* Whether the future, with those flags, is one. */
bool brief_is(const struct stored_future *future, unsigned flags);
/* As its row would be read back. */
struct future_row brief_row(const struct brief *brief);
/* What retention counts once it is done. */
uint64_t brief_bytes(const struct brief *brief);
/* Whether it is what such a query asks for, its order and limits aside. */
bool brief_matches(const struct brief *brief, const struct store_query *query);
/* Writes its rows. */
int brief_write(struct database *database, const struct brief *brief);

/* One that is done as bytes. `before`: the one that was put or taken before it, NULL for the
 * first. */
void brief_put(struct bytes *bytes, const struct brief *before, const struct brief *brief);
/* False: the bytes are damaged. */
bool brief_take(struct bytes_reader *reader, const struct brief *before, struct brief *ret_brief);

#endif

/* Reading back: a query and its answer, which cross between the loop and the store's thread. */
#ifndef FUTURED_STORE_QUERY_H
#define FUTURED_STORE_QUERY_H

#include "daemon/core/store.h"
#include "daemon/store/arena.h"

struct database;

/* Zeroed memory is one that asks for nothing. */
struct reading {
    struct store_query query; /* its texts and ids are in the arena */
    struct arena arena;
    struct stored_future *records;
    size_t count, capacity;
    uint64_t counts[FUTURE_STATES];
};

/* Copies the query. 0 or -ENOMEM. */
int reading_init(struct reading *reading, const struct store_query *query);
void reading_clear(struct reading *reading);

/* Outside of a transaction. SQLite's code. */
int reading_run(struct reading *reading, struct database *database);

#endif

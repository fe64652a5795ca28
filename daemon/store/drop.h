/* Rows go: because they are too many or too old, because somebody has forgotten their future, or
 * because what is done is not to be so any more. Within a transaction of database.h; the functions
 * return SQLite's codes. The thread of the database. */
#ifndef FUTURED_STORE_DROP_H
#define FUTURED_STORE_DROP_H

#include <stddef.h>
#include <stdint.h>

struct database;
struct future_row;

/* Takes the end of a done future back; its row is the caller's to change. */
int drop_end(struct database *database, const struct future_row *row);

/* Removes a future with all that belongs to it; of a map nothing but the map itself. */
int drop_future(struct database *database, uint64_t id);

/* Removes items of a map, at most `limit`, the first first. *ret_count: how many, and their ids in
 * `ids`; fewer than the limit: there are no more. */
int drop_items(struct database *database, uint64_t map, size_t limit, uint64_t *ids,
               size_t *ret_count);

/* Removes a future, and where it is a map its items with it. */
int drop_with_items(struct database *database, uint64_t id);

#endif

/* Changes become rows. Within a transaction of database.h; the functions return SQLite's codes. The
 * thread of the database. */
#ifndef FUTURED_STORE_APPLY_H
#define FUTURED_STORE_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct database;
struct output;
struct taken_change;

/* `output`: of a change that has one, else NULL. A change of a future that is not there (any more)
 * does nothing. */
int apply_change(struct database *database, const struct taken_change *taken,
                 struct output *output);

/* Removes a future with all that belongs to it; of a map nothing but the map itself. */
int apply_drop(struct database *database, uint64_t id);

/* Removes items of a map, at most `limit`, the first first. *ret_count: how many, and their ids in
 * `ids`; fewer than the limit: there are no more. */
int apply_drop_items(struct database *database, uint64_t map, size_t limit, uint64_t *ids,
                     size_t *ret_count);

#endif

/* What the changes of futures do to the numbers of their map, and to the totals that retention goes
 * by. Within a transaction of database.h; the functions return SQLite's codes. The thread of the
 * database. */
#ifndef FUTURED_STORE_COUNTS_H
#define FUTURED_STORE_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/store.h"

struct database;
struct future_row;

/* An item goes from the state in its row to another. */
int count_item(struct database *database, const struct future_row *row, enum future_state state,
               bool failed);
/* Bytes of something done came, or went. Those of an item that goes with its map count only while
 * the map is done. */
int count_bytes(struct database *database, const struct future_row *row, bool alone, int64_t bytes);
/* An item goes while its map stays. */
int count_gone(struct database *database, const struct future_row *row);
/* What the executor counted of a map is what holds. */
int count_as_told(struct database *database, uint64_t id, const struct stored_map *map);

#endif

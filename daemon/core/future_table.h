/* From id to future. Ids rise and lie close together, so the table is an array of pages; a page
 * whose futures are all gone is given back. Remembers which ids retention has removed. Loop thread
 * only; it does not own the futures. */
#ifndef FUTURED_CORE_FUTURE_TABLE_H
#define FUTURED_CORE_FUTURE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct future;
struct future_table;

/* NULL: no memory. */
struct future_table *future_table_new(void);
void future_table_free(struct future_table *table);

/* Makes room for the `count` ids that come next, so that the adds cannot fail. 0 or -ENOMEM. */
int future_table_reserve(struct future_table *table, uint64_t count);
/* Adds a future under the next id, which it returns; ids start at 1. Reserve first. */
uint64_t future_table_add(struct future_table *table, struct future *future);
/* The id that the next add will use. */
uint64_t future_table_next_id(const struct future_table *table);

void future_table_remove(struct future_table *table, uint64_t id, bool expired);

/* 0; -ENOENT: no such id (any more); -ESTALE: retention has removed it. */
int future_table_find(const struct future_table *table, uint64_t id, struct future **ret_future);

/* The future with the largest id <= `id`, or the least id >= `id`; NULL: none. Skips what is empty
 * page by page. */
struct future *future_table_below(const struct future_table *table, uint64_t id);
struct future *future_table_above(const struct future_table *table, uint64_t id);

#endif

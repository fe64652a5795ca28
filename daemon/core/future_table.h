/* From id to future. Ids rise and lie close together, so the table is an array of pages; a page
 * whose futures are all gone is given back. Of a done future that lives on in the store alone it
 * keeps a trace, in the place of the pointer. Remembers which ids retention has removed. Loop
 * thread only; it does not own the futures. */
#ifndef FUTURED_CORE_FUTURE_TABLE_H
#define FUTURED_CORE_FUTURE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/future.h"

struct future;
struct future_table;

/* NULL: no memory. */
struct future_table *future_table_new(void);
void future_table_free(struct future_table *table);

/* What is known of a future without asking the store. It is done. */
struct trace {
    uint32_t uid;
    enum future_state state; /* CANCELLED or FINISHED */
    bool failed, is_map, is_item;
};

/* Makes room for the `count` ids that come next, so that the adds cannot fail. 0 or -ENOMEM. */
int future_table_reserve(struct future_table *table, uint64_t count);
/* Adds a future of that user under the next id, which it returns; ids start at 1. Reserve first. */
uint64_t future_table_add(struct future_table *table, struct future *future, uint32_t uid);
/* The id that the next add will use. */
uint64_t future_table_next_id(const struct future_table *table);

void future_table_remove(struct future_table *table, uint64_t id, bool expired);

/* 0; -ENOENT: no such id (any more); -ESTALE: retention has removed it; -ENODATA: there is only a
 * trace. */
int future_table_find(const struct future_table *table, uint64_t id, struct future **ret_future);
/* False: there is none (but maybe the future itself). */
bool future_table_trace(const struct future_table *table, uint64_t id, struct trace *ret_trace);

/* Puts a trace in the future's place, and a future in its trace's. */
void future_table_page_out(struct future_table *table, uint64_t id, const struct trace *trace);
void future_table_page_in(struct future_table *table, uint64_t id, struct future *future);

/* The future with the largest id <= `id`, or the least id >= `id`; NULL: none. Skips traces, and
 * what is empty page by page. */
struct future *future_table_below(const struct future_table *table, uint64_t id);
struct future *future_table_above(const struct future_table *table, uint64_t id);
/* The least id >= `id` of a future or a trace; 0: none. */
uint64_t future_table_known_above(const struct future_table *table, uint64_t id);
/* The same for one user: they pass over whole pages in which that user has nothing, so that who has
 * little finds it soon among a million of others'. What they find may still be of somebody else. */
struct future *future_table_below_of(const struct future_table *table, uint64_t id, uint32_t uid);
struct future *future_table_above_of(const struct future_table *table, uint64_t id, uint32_t uid);
uint64_t future_table_known_above_of(const struct future_table *table, uint64_t id, uint32_t uid);

/* ---- at the start, in any order ---- */

/* Puts what was there before at its id. 0 or -ENOMEM. */
int future_table_restore(struct future_table *table, uint64_t id, struct future *future,
                         uint32_t uid);
int future_table_restore_trace(struct future_table *table, uint64_t id, const struct trace *trace);
/* Retention has removed these ids, or whatever of them is not there. 0 or -ENOMEM. */
int future_table_restore_expired(struct future_table *table, uint64_t first, uint64_t last);
/* No id below that will be used. 0 or -ENOMEM. */
int future_table_skip_to(struct future_table *table, uint64_t next_id);

#endif

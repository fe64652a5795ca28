/* Rows become records, and what was submitted a row. The thread of the database. */
#ifndef FUTURED_STORE_RECORD_H
#define FUTURED_STORE_RECORD_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/store.h"
#include "daemon/store/arena.h"

struct brief;
struct database;

/* The columns of FUTURE_READ and of all lists. */
enum future_column {
    COLUMN_ID,
    COLUMN_SPEC,
    COLUMN_UID,
    COLUMN_FLAGS,
    COLUMN_STATE,
    COLUMN_FAILED,
    COLUMN_ITEM_OF,
    COLUMN_POSITION,
    COLUMN_OPEN_MAP,
    COLUMN_PRIORITY,
    COLUMN_ATTEMPT,
    COLUMN_SUBMITTED,
    COLUMN_STARTED,
    COLUMN_DUE,
    COLUMN_DUE_RETRY,
    COLUMN_CURSOR,
    COLUMN_BYTES,
    COLUMN_ITEM,
};

/* A future's row, without its texts. */
struct future_row {
    uint64_t id, spec_id, item_of, index, open_map, cursor, bytes;
    uint32_t uid;
    unsigned flags, attempt;
    enum future_state state;
    bool failed;
    int64_t started_us;
};

void future_row_take(sqlite3_stmt *row, struct future_row *ret_row);
/* For one that is to be changed: if it lies in a bundle it gets a row. *ret_found false: there is
 * no such future. In a transaction. SQLite's code. */
int future_row_find(struct database *database, uint64_t id, struct future_row *ret_row,
                    bool *ret_found);

static inline bool future_row_is_done(const struct future_row *row)
{
    return row->state == FUTURE_CANCELLED || row->state == FUTURE_FINISHED;
}

/* The row of what was submitted. SQLite's code. */
int spec_write(struct database *database, uint64_t id, const struct stored_spec *spec);

/* What records point to. Zeroed memory but for what is said here. */
struct record_reader {
    struct database *database;
    struct arena *arena;      /* texts of records */
    struct arena *spec_arena; /* texts of specs; may be the same */
    bool reset_specs;         /* spec_arena holds only the last spec */
    bool output;              /* with what jobs wrote */
    uint64_t spec_id;         /* the last spec */
    const struct stored_spec *spec;
};

/* Makes a record of the row that the statement stands on, which is FUTURE_READ or a list. To be
 * freed with record_clear. SQLite's code; -1 never. */
int record_read(struct record_reader *reader, sqlite3_stmt *row, struct stored_future *ret_record);

/* The same of one that lies in a bundle. */
int record_of_brief(struct record_reader *reader, const struct brief *brief,
                    struct stored_future *ret_record);

/* Frees what does not lie in the arena. */
void record_clear(struct stored_future *record);

#endif

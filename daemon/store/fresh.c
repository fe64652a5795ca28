#include "daemon/store/fresh.h"

#include "daemon/store/database.h"
#include "daemon/store/record.h"

static struct fresh_row *place_of(struct database *database, uint64_t id)
{
    return &database->fresh.rows[id % FRESH_ROWS];
}

static int write_pending(struct database *database, struct fresh_row *row)
{
    return fresh_write(database, row, FUTURE_PENDING, false, 0, row->cursor);
}

bool fresh_takes(const struct stored_future *future, unsigned flags)
{
    return future->spec && flags == 0 && future->item_of == 0 && future->state == FUTURE_PENDING &&
           future->started_us == 0 && future->due_us == 0;
}

int fresh_add(struct database *database, const struct stored_future *future, uint32_t uid,
              uint64_t bytes)
{
    struct fresh_row *place = place_of(database, future->id);
    int rc = place->id != 0 ? write_pending(database, place) : SQLITE_OK;
    if (rc != SQLITE_OK)
        return rc;
    *place = (struct fresh_row){
        .id = future->id,
        .cursor = future->cursor,
        .bytes = bytes,
        .priority = future->priority,
        .submitted_us = future->submitted_us,
        .uid = uid,
        .attempt = future->attempt,
    };
    database->fresh.count++;
    return rc;
}

struct fresh_row *fresh_find(struct database *database, uint64_t id)
{
    struct fresh_row *place = place_of(database, id);
    return database->fresh.count > 0 && place->id == id ? place : NULL;
}

struct future_row fresh_row_read(const struct fresh_row *row)
{
    return (struct future_row){
        .id = row->id,
        .spec_id = row->id,
        .uid = row->uid,
        .state = FUTURE_PENDING,
        .attempt = row->attempt,
        .cursor = row->cursor,
        .bytes = row->bytes,
    };
}

int fresh_write(struct database *database, struct fresh_row *row, enum future_state state,
                bool failed, int64_t started_us, uint64_t cursor)
{
    uint64_t id = row->id;
    row->id = 0;
    database->fresh.count--;
    return database_run(database, FUTURE_ADD_PLAIN, "iiiiiiiiii", id, (int64_t)row->uid,
                        (int64_t)state, (int64_t)failed, row->priority, (int64_t)row->attempt,
                        row->submitted_us, started_us, cursor, row->bytes);
}

int fresh_flush(struct database *database)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && database->fresh.count > 0 && i < FRESH_ROWS; i++)
        if (database->fresh.rows[i].id != 0)
            rc = write_pending(database, &database->fresh.rows[i]);
    return rc;
}

void fresh_drop(struct database *database)
{
    for (size_t i = 0; database->fresh.count > 0 && i < FRESH_ROWS; i++) {
        database->fresh.count -= database->fresh.rows[i].id != 0;
        database->fresh.rows[i].id = 0;
    }
}

#include "daemon/store/drop.h"

#include "daemon/store/counts.h"
#include "daemon/store/database.h"
#include "daemon/store/record.h"

static int doom(struct database *database, const struct piece *piece, uint64_t size)
{
    database->totals.file_bytes -= size;
    return piece_doom(&database->pieces, piece);
}

int drop_end(struct database *database, const struct future_row *row)
{
    static const enum piece_kind kinds[] = {PIECE_RESULT, PIECE_STDOUT, PIECE_STDERR};
    sqlite3_stmt *done;
    int rc = database_first(database, DONE_READ, &done, "i", row->cursor);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < 3; i++) {
        struct piece piece = {.id = row->id, .attempt = row->attempt, .kind = kinds[i]};
        if (sqlite3_column_type(done, 5 + i) == SQLITE_INTEGER)
            rc = doom(database, &piece, (uint64_t)sqlite3_column_int64(done, 5 + i));
    }
    sqlite3_reset(done);
    if (rc == SQLITE_OK)
        rc = database_first(database, DONE_BRIEF, &done, "i", row->cursor);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    bool alone = sqlite3_column_int(done, 0) != 0;
    int64_t bytes = sqlite3_column_int64(done, 1);
    sqlite3_reset(done);
    rc = count_bytes(database, row, alone, -bytes);
    if (rc == SQLITE_OK)
        rc = database_run(database, DONE_DROP, "i", row->cursor);
    return rc;
}

static int drop_attempts(struct database *database, uint64_t id)
{
    sqlite3_stmt *row;
    int rc = database_find(database, ATTEMPT_READ, &row, "i", id);
    if (rc != SQLITE_OK)
        return rc;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        struct piece piece = {
            .id = id,
            .attempt = (unsigned)sqlite3_column_int64(row, 0),
            .kind = PIECE_EARLIER,
        };
        if (sqlite3_column_type(row, 6) == SQLITE_INTEGER &&
            doom(database, &piece, (uint64_t)sqlite3_column_int64(row, 6)) != SQLITE_OK) {
            rc = SQLITE_NOMEM;
            break;
        }
    }
    sqlite3_reset(row);
    return rc == SQLITE_DONE ? database_run(database, ATTEMPT_DROP, "i", id) : rc;
}

static int drop_beside(struct database *database, const struct future_row *row)
{
    int rc = SQLITE_OK;
    if (row->flags & FUTURE_HAS_ITEM)
        rc = database_run(database, ITEM_DROP, "i", row->id);
    if (rc == SQLITE_OK && row->flags & FUTURE_HAS_AFTER)
        rc = database_run(database, AFTER_DROP, "i", row->id);
    if (rc == SQLITE_OK && row->flags & FUTURE_HAS_KEY)
        rc = database_run(database, KEY_DROP, "i", row->id);
    if (rc == SQLITE_OK && row->flags & FUTURE_HAS_ATTEMPTS)
        rc = drop_attempts(database, row->id);
    if (rc == SQLITE_OK && row->spec_id == row->id)
        rc = database_run(database, SPEC_DROP, "i", row->id);
    if (rc == SQLITE_OK && row->flags & FUTURE_IS_MAP) {
        if (database->map.id == row->id)
            database->map = (struct map_row){0};
        rc = database_run(database, MAP_DROP, "i", row->id);
    }
    return rc;
}

int drop_future(struct database *database, uint64_t id)
{
    struct future_row row;
    bool found;
    int rc = future_row_find(database, id, &row, &found);
    if (rc != SQLITE_OK || !found)
        return rc;
    if (future_row_is_done(&row))
        rc = drop_end(database, &row);
    if (rc == SQLITE_OK)
        rc = count_gone(database, &row);
    if (rc == SQLITE_OK)
        rc = drop_beside(database, &row);
    if (rc == SQLITE_OK)
        rc = database_run(database, FUTURE_DROP, "i", id);
    return rc;
}

int drop_items(struct database *database, uint64_t map, size_t limit, uint64_t *ids,
               size_t *ret_count)
{
    sqlite3_stmt *row;
    bool found;
    size_t count = 0;
    *ret_count = 0;
    int rc = database_map(database, map, &found);
    if (rc != SQLITE_OK || !found)
        return rc;
    if (database->map.was_open)
        rc = database_find(database, FUTURE_OF_OPEN_MAP, &row, "ii", map, (int64_t)limit);
    else
        rc = database_find(database, FUTURE_OF_MAP, &row, "iiii", map, database->map.first,
                           database->map.first + database->map.count, (int64_t)limit);
    if (rc != SQLITE_OK)
        return rc;
    while (count < limit && (rc = sqlite3_step(row)) == SQLITE_ROW)
        ids[count++] = (uint64_t)sqlite3_column_int64(row, 0);
    sqlite3_reset(row);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++)
        rc = drop_future(database, ids[i]);
    *ret_count = count;
    return rc;
}

#define DROP_AT_ONCE 512

int drop_with_items(struct database *database, uint64_t id)
{
    uint64_t ids[DROP_AT_ONCE];
    size_t count;
    int rc;
    do
        rc = drop_items(database, id, DROP_AT_ONCE, ids, &count);
    while (rc == SQLITE_OK && count == DROP_AT_ONCE);
    return rc == SQLITE_OK ? drop_future(database, id) : rc;
}

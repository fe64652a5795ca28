#include "daemon/store/drop.h"

#include <stdlib.h>

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

/* ---- one, with all that may be beside it ---- */

static int drop_one(struct database *database, const struct future_row *row)
{
    int rc = SQLITE_OK;
    if (future_row_is_done(row))
        rc = drop_end(database, row);
    if (rc == SQLITE_OK)
        rc = count_gone(database, row);
    if (rc == SQLITE_OK)
        rc = drop_beside(database, row);
    if (rc == SQLITE_OK)
        rc = database_run(database, FUTURE_DROP, "i", row->id);
    return rc;
}

/* ---- many, of which most have nothing beside them ---- */

void leaving_take(sqlite3_stmt *row, struct leaving *ret_leaving)
{
    struct future_row future = {
        .id = (uint64_t)sqlite3_column_int64(row, LEAVING_ID),
        .spec_id = (uint64_t)sqlite3_column_int64(row, LEAVING_SPEC),
        .flags = (unsigned)sqlite3_column_int64(row, LEAVING_FLAGS),
        .state = (enum future_state)sqlite3_column_int(row, LEAVING_STATE),
        .item_of = (uint64_t)sqlite3_column_int64(row, LEAVING_ITEM_OF),
        .attempt = (unsigned)sqlite3_column_int64(row, LEAVING_ATTEMPT),
        .cursor = (uint64_t)sqlite3_column_int64(row, LEAVING_CURSOR),
    };
    bool has_end = sqlite3_column_type(row, LEAVING_FILES) != SQLITE_NULL;
    *ret_leaving = (struct leaving){
        .row = future,
        .alone = sqlite3_column_int(row, LEAVING_ALONE) != 0,
        .bytes = sqlite3_column_int64(row, LEAVING_BYTES),
        .finished_us = sqlite3_column_int64(row, LEAVING_FINISHED),
        .plain = future_row_is_done(&future) && has_end &&
                 (future.flags & ~(unsigned)FUTURE_MAY_HAVE_BEGUN) == 0 &&
                 sqlite3_column_int64(row, LEAVING_FILES) == 0,
    };
}

void leaving_of_brief(const struct brief *brief, struct leaving *ret_leaving)
{
    *ret_leaving = (struct leaving){
        .row = brief_row(brief),
        .alone = true,
        .bytes = (int64_t)brief_bytes(brief),
        .finished_us = brief->future.finished_us,
        .bundled = true,
    };
}

int drops_add(struct drops *drops, const struct leaving *leaving)
{
    struct database *database = drops->database;
    int rc = SQLITE_OK;
    if (leaving->bundled) {
        drops->bundled_to = leaving->row.cursor;
        return count_bytes(database, &leaving->row, true, -leaving->bytes);
    }
    if (!leaving->plain)
        return drop_one(database, &leaving->row);
    if (drops->count == DROPS_MAX)
        rc = drops_end(drops);
    drops->ids[drops->count++] = leaving->row.id;
    if (rc == SQLITE_OK)
        rc = count_bytes(database, &leaving->row, leaving->alone, -leaving->bytes);
    return rc == SQLITE_OK ? count_gone(database, &leaving->row) : rc;
}

static int compare_ids(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

void ids_sort(uint64_t *ids, size_t count)
{
    if (count > 0)
        qsort(ids, count, sizeof(*ids), compare_ids);
}

/* Items have no spec of their own, and nobody else has one with such an id. */
static int drop_run(struct database *database, uint64_t first, uint64_t last)
{
    int rc = database_run(database, DONE_DROP_RUN, "ii", first, last);
    if (rc == SQLITE_OK)
        rc = database_run(database, SPEC_DROP_RUN, "ii", first, last);
    return rc == SQLITE_OK ? database_run(database, FUTURE_DROP_RUN, "ii", first, last) : rc;
}

int drops_end(struct drops *drops)
{
    size_t count = drops->count;
    int rc = SQLITE_OK;
    drops->count = 0;
    ids_sort(drops->ids, count);
    for (size_t first = 0, i = 1; rc == SQLITE_OK && i <= count; i++)
        if (i == count || drops->ids[i] != drops->ids[i - 1] + 1) {
            rc = drop_run(drops->database, drops->ids[first], drops->ids[i - 1]);
            first = i;
        }
    if (rc == SQLITE_OK && drops->bundled_to > 0)
        rc = bundle_cut(drops->database, drops->bundled_to);
    drops->bundled_to = 0;
    return rc;
}

static int drop_future(struct database *database, uint64_t id)
{
    struct drops drops = {.database = database};
    struct leaving leaving;
    sqlite3_stmt *row = NULL;
    bool unpacked;
    int rc = bundle_unpack(database, id, &unpacked);
    if (rc == SQLITE_OK)
        rc = database_first(database, LEAVING_ONE, &row, "i", id);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    leaving_take(row, &leaving);
    sqlite3_reset(row);
    rc = drops_add(&drops, &leaving);
    return rc == SQLITE_OK ? drops_end(&drops) : rc;
}

/* ---- maps ---- */

static int find_items(struct database *database, uint64_t map, size_t limit, sqlite3_stmt **ret_row)
{
    const struct map_row *row = &database->map;
    if (row->was_open)
        return database_find(database, LEAVING_OF_OPEN_MAP, ret_row, "ii", map, (int64_t)limit);
    return database_find(database, LEAVING_OF_MAP, ret_row, "iiii", map, row->first,
                         row->first + row->count, (int64_t)limit);
}

int drop_items(struct drops *drops, uint64_t map, size_t limit, uint64_t *ids, size_t *ret_count)
{
    struct leaving leaving[DROPS_MAX];
    sqlite3_stmt *row;
    bool found;
    size_t count = 0;
    *ret_count = 0;
    int rc = database_map(drops->database, map, &found);
    if (rc != SQLITE_OK || !found)
        return rc;
    rc = find_items(drops->database, map, limit, &row);
    if (rc != SQLITE_OK)
        return rc;
    while (count < limit && (rc = sqlite3_step(row)) == SQLITE_ROW)
        leaving_take(row, &leaving[count++]);
    sqlite3_reset(row);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++) {
        ids[i] = leaving[i].row.id;
        rc = drops_add(drops, &leaving[i]);
    }
    *ret_count = count;
    return rc;
}

int drop_with_items(struct database *database, uint64_t id)
{
    struct drops drops = {.database = database};
    uint64_t ids[DROPS_MAX];
    size_t count;
    int rc;
    do {
        rc = drop_items(&drops, id, DROPS_MAX, ids, &count);
        if (rc == SQLITE_OK)
            rc = drops_end(&drops);
    } while (rc == SQLITE_OK && count == DROPS_MAX);
    return rc == SQLITE_OK ? drop_future(database, id) : rc;
}

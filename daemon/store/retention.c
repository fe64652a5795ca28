#include "daemon/store/retention.h"

#include "daemon/store/database.h"
#include "daemon/store/drop.h"
#include "daemon/store/merge.h"

/* What a step has removed so far. */
struct sweep {
    struct retention *retention;
    struct drops drops;
    uint64_t ids[RETENTION_STEP];
    size_t count;
    uint64_t position;
};

bool retention_is_over(const struct retention *retention, const struct database *database)
{
    return database->totals.done_count > retention->count ||
           database->totals.done_bytes > retention->bytes;
}

bool retention_has_step(const struct retention *retention, const struct database *database)
{
    const struct totals *totals = &database->totals;
    return totals->done_bytes > retention->bytes ||
           (totals->done_count > retention->count &&
            totals->done_count - retention->count >= RETENTION_STEP);
}

static int read_oldest(struct database *database, uint64_t position, struct leaving *oldest,
                       size_t *ret_count)
{
    struct merge merge = {
        .database = database, .order = BY_CURSOR, .from = position, .column = LEAVING_CURSOR};
    size_t count = 0;
    bool found;
    int rc = database_find(database, LEAVING_OLDEST, &merge.row, "ii", position,
                           (int64_t)RETENTION_STEP);
    while (rc == SQLITE_OK && count < RETENTION_STEP &&
           (rc = merge_next(&merge, &found)) == SQLITE_OK && found) {
        if (merge.brief)
            leaving_of_brief(merge.brief, &oldest[count++]);
        else
            leaving_take(merge.row, &oldest[count++]);
    }
    merge_end(&merge);
    *ret_count = count;
    return rc;
}

/* How many of them are too old. What ended before one that is too old is so too, whatever the
 * clock said at its end: clocks are set back, cursors are not. */
static size_t count_aged(const struct retention *retention, const struct leaving *oldest,
                         size_t count, int64_t now_us)
{
    if (retention->age_s > INT64_MAX / 1000000)
        return 0;
    int64_t age_us = (int64_t)retention->age_s * 1000000;
    for (size_t i = count; i > 0; i--)
        if (now_us - oldest[i - 1].finished_us > age_us)
            return i;
    return 0;
}

/* *ret_whole false: the step is full, and the rest of a map's items is for the next one. */
static int remove_one(struct sweep *sweep, const struct leaving *oldest, bool *ret_whole)
{
    int rc = SQLITE_OK;
    *ret_whole = false;
    if (oldest->row.flags & FUTURE_IS_MAP) {
        size_t room = RETENTION_STEP - sweep->count, removed;
        rc = drop_items(&sweep->drops, oldest->row.id, room, &sweep->ids[sweep->count], &removed);
        sweep->count += removed;
    }
    if (rc != SQLITE_OK || sweep->count == RETENTION_STEP)
        return rc;
    sweep->ids[sweep->count++] = oldest->row.id;
    *ret_whole = true;
    return drops_add(&sweep->drops, oldest);
}

static int remove_some(struct sweep *sweep, int64_t now_us, bool *ret_more)
{
    struct database *database = sweep->drops.database;
    struct leaving oldest[RETENTION_STEP];
    size_t count = 0, i;
    bool whole = true;
    *ret_more = false;
    int rc = read_oldest(database, sweep->position, oldest, &count);
    size_t aged = count_aged(sweep->retention, oldest, count, now_us);
    for (i = 0; rc == SQLITE_OK && i < count; i++) {
        if (oldest[i].alone) {
            if (i >= aged && !retention_is_over(sweep->retention, database))
                return drops_end(&sweep->drops);
            rc = remove_one(sweep, &oldest[i], &whole);
            if (!whole)
                break;
        }
        sweep->position = oldest[i].row.cursor;
        if (sweep->count == RETENTION_STEP)
            break;
    }
    *ret_more = !whole || count == RETENTION_STEP;
    return rc == SQLITE_OK ? drops_end(&sweep->drops) : rc;
}

/* ---- the record of what is gone ---- */

static void make_ranges(struct sweep *sweep)
{
    struct retention *retention = sweep->retention;
    struct expired_range *last = NULL;
    retention->range_count = 0;
    ids_sort(sweep->ids, sweep->count);
    for (size_t i = 0; i < sweep->count; i++) {
        if (!last || last->last + 1 != sweep->ids[i]) {
            last = &retention->ranges[retention->range_count++];
            last->first = sweep->ids[i];
        }
        last->last = sweep->ids[i];
    }
}

/* With the neighbours that it touches it becomes one. */
static int record_range(struct database *database, struct expired_range range)
{
    sqlite3_stmt *row;
    int rc;
    while ((rc = database_first(database, EXPIRED_BEFORE, &row, "i", range.last + 1)) ==
           SQLITE_ROW) {
        uint64_t first = (uint64_t)sqlite3_column_int64(row, 0);
        uint64_t last = (uint64_t)sqlite3_column_int64(row, 1);
        sqlite3_reset(row);
        if (last + 1 < range.first)
            break;
        range.first = first < range.first ? first : range.first;
        range.last = last > range.last ? last : range.last;
        rc = database_run(database, EXPIRED_DROP, "i", first);
        if (rc != SQLITE_OK)
            return rc;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    return database_run(database, EXPIRED_ADD, "ii", range.first, range.last);
}

int retention_step(struct retention *retention, struct database *database, int64_t now_us,
                   bool *ret_more)
{
    struct sweep sweep = {
        .retention = retention, .drops = {.database = database}, .position = retention->position};
    retention->range_count = 0;
    /* It may be lost with the power: then the same is removed again. */
    int rc = database_begin(database, false);
    if (rc == SQLITE_OK)
        rc = remove_some(&sweep, now_us, ret_more);
    make_ranges(&sweep);
    for (size_t i = 0; rc == SQLITE_OK && i < retention->range_count; i++)
        rc = record_range(database, retention->ranges[i]);
    if (rc == SQLITE_OK)
        rc = database_commit(database);
    if (rc == SQLITE_OK)
        retention->position = sweep.position;
    else
        retention->range_count = 0;
    return rc;
}

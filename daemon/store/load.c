#include "daemon/store/load.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/core/begun.h"
#include "daemon/core/store.h"
#include "daemon/store/database.h"
#include "daemon/store/merge.h"
#include "daemon/store/record.h"

struct load {
    struct database *database;
    const struct store_loader *loader;
    struct record_reader reader;
    struct arena arena, spec_arena;
    uint64_t *open_maps; /* ids of those that are not done, rising */
    size_t open_count, open_capacity;
};

static const char *string_at(sqlite3_stmt *row, int column)
{
    return (const char *)sqlite3_column_text(row, column);
}

/* From SQLite's code where there is one, or what the loader said. */
static int result_of(struct load *load, int rc, int error)
{
    if (error < 0)
        return error;
    switch (database_trouble(load->database, rc)) {
    case TROUBLE_NONE:
        return 0;
    case TROUBLE_NO_MEMORY:
        return -ENOMEM;
    case TROUBLE_NO_ROOM:
        return -ENOSPC;
    case TROUBLE_BROKEN:
        break;
    }
    return -EIO;
}

static int load_pools(struct load *load, int *ret_error)
{
    sqlite3_stmt *row;
    int rc = database_find(load->database, POOL_ALL, &row, "");
    if (rc != SQLITE_OK)
        return rc;
    while (*ret_error == 0 && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        struct stored_pool pool = {
            .name = string_at(row, 0),
            .paused = sqlite3_column_int(row, 1) != 0,
            .has_settings = sqlite3_column_int(row, 2) != 0,
            .max_workers = (unsigned)sqlite3_column_int64(row, 3),
            .min_workers = (unsigned)sqlite3_column_int64(row, 4),
            .idle_timeout_ns = (uint64_t)sqlite3_column_int64(row, 5),
            .max_tasks_per_worker = (uint64_t)sqlite3_column_int64(row, 6),
            .queue_limit = (uint64_t)sqlite3_column_int64(row, 7),
            .on_full_wait = sqlite3_column_int(row, 8) != 0,
            .thread_name_prefix = string_at(row, 9),
            .initializer = string_at(row, 10),
            .initializer_args = string_at(row, 11),
            .durability = (enum durability)sqlite3_column_int(row, 12),
        };
        *ret_error = load->loader->on_pool(load->loader->arg, &pool);
    }
    sqlite3_reset(row);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int load_expired(struct load *load, int *ret_error)
{
    sqlite3_stmt *row;
    int rc = database_find(load->database, EXPIRED_ALL, &row, "");
    if (rc != SQLITE_OK)
        return rc;
    while (*ret_error == 0 && (rc = sqlite3_step(row)) == SQLITE_ROW)
        *ret_error =
            load->loader->on_expired(load->loader->arg, (uint64_t)sqlite3_column_int64(row, 0),
                                     (uint64_t)sqlite3_column_int64(row, 1));
    sqlite3_reset(row);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- futures ---- */

static bool is_open_map(const struct load *load, uint64_t id)
{
    size_t low = 0, high = load->open_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (load->open_maps[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < load->open_count && load->open_maps[low] == id;
}

static int add_open_map(struct load *load, uint64_t id)
{
    if (load->open_count == load->open_capacity) {
        size_t capacity = load->open_capacity ? load->open_capacity * 2 : 64;
        uint64_t *grown = reallocarray(load->open_maps, capacity, sizeof(*grown));
        if (!grown)
            return SQLITE_NOMEM;
        load->open_maps = grown;
        load->open_capacity = capacity;
    }
    load->open_maps[load->open_count++] = id;
    return SQLITE_OK;
}

static int load_key(struct load *load, uint64_t id, int *ret_error)
{
    sqlite3_stmt *row;
    int rc = database_first(load->database, KEY_READ, &row, "i", id);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    *ret_error =
        load->loader->on_key(load->loader->arg, (uint32_t)sqlite3_column_int64(row, 2),
                             string_at(row, 0), (uint64_t)sqlite3_column_int64(row, 1), id);
    sqlite3_reset(row);
    return SQLITE_OK;
}

static int load_done(struct load *load, const struct future_row *future, int *ret_error)
{
    struct stored_trace trace = {
        .id = future->id,
        .uid = future->uid,
        .state = future->state,
        .failed = future->failed,
        .is_map = future->flags & FUTURE_IS_MAP,
        .is_item = future->item_of != 0,
    };
    if (future->item_of && is_open_map(load, future->item_of)) {
        trace.item_of = future->item_of;
        trace.index = future->index;
    }
    *ret_error = load->loader->on_done(load->loader->arg, &trace);
    if (*ret_error == 0 && future->flags & FUTURE_HAS_KEY)
        return load_key(load, future->id, ret_error);
    return SQLITE_OK;
}

/* Its start was stored ahead, and nobody has begun it. */
static bool has_not_begun(const struct load *load, const struct future_row *future)
{
    const _Atomic uint64_t *marks = load->database->marks;
    return future->state == FUTURE_RUNNING && future->flags & FUTURE_MAY_HAVE_BEGUN && marks &&
           !begun_has(marks, future->id, future->attempt);
}

static int load_pending(struct load *load, sqlite3_stmt *row, const struct future_row *future,
                        int *ret_error)
{
    struct stored_future record;
    int rc = future->flags & FUTURE_IS_MAP ? add_open_map(load, future->id) : SQLITE_OK;
    arena_reset(&load->arena);
    if (rc == SQLITE_OK)
        rc = record_read(&load->reader, row, &record);
    if (rc != SQLITE_OK)
        return rc;
    if (has_not_begun(load, future)) {
        record.not_begun = true;
        record.state = FUTURE_PENDING;
        record.started_us = 0;
    }
    *ret_error = load->loader->on_future(load->loader->arg, &record);
    record_clear(&record);
    return SQLITE_OK;
}

static int load_futures(struct load *load, int *ret_error)
{
    struct merge merge = {.database = load->database, .order = BY_ID, .column = COLUMN_ID};
    bool found;
    int rc = database_find(load->database, FUTURE_ALL, &merge.row, "");
    while (rc == SQLITE_OK && *ret_error == 0 && (rc = merge_next(&merge, &found)) == SQLITE_OK &&
           found) {
        struct future_row future;
        if (merge.brief)
            future = brief_row(merge.brief);
        else
            future_row_take(merge.row, &future);
        rc = future.state >= FUTURE_CANCELLED ? load_done(load, &future, ret_error)
                                              : load_pending(load, merge.row, &future, ret_error);
    }
    merge_end(&merge);
    return rc;
}

/* ---- files ---- */

/* In a row of DONE_READ, or of ATTEMPT_READ. */
static bool has_file(sqlite3_stmt *row, enum piece_kind kind)
{
    static const int columns[PIECES] = {
        [PIECE_RESULT] = 5, [PIECE_STDOUT] = 6, [PIECE_STDERR] = 7, [PIECE_EARLIER] = 6};
    return sqlite3_column_type(row, columns[kind]) == SQLITE_INTEGER;
}

/* Where that cannot be found out, the file stays. */
static bool is_known(void *arg, const struct piece *piece)
{
    struct database *database = arg;
    struct future_row future = {0};
    sqlite3_stmt *row;
    bool known = false;
    int rc = database_first(database, FUTURE_READ, &row, "i", piece->id);
    if (rc != SQLITE_ROW)
        return rc != SQLITE_DONE;
    future_row_take(row, &future);
    sqlite3_reset(row);
    if (piece->kind == PIECE_EARLIER) {
        rc = database_find(database, ATTEMPT_READ, &row, "i", piece->id);
        while (rc == SQLITE_OK && !known && (rc = sqlite3_step(row)) == SQLITE_ROW) {
            known = sqlite3_column_int64(row, 0) == piece->attempt && has_file(row, piece->kind);
            rc = SQLITE_OK;
        }
        sqlite3_reset(row);
        return known || rc != SQLITE_DONE;
    }
    if (future.state < FUTURE_CANCELLED || future.attempt != piece->attempt)
        return false;
    rc = database_first(database, DONE_READ, &row, "i", future.cursor);
    if (rc != SQLITE_ROW)
        return rc != SQLITE_DONE;
    known = has_file(row, piece->kind);
    sqlite3_reset(row);
    return known;
}

int store_load(struct database *database, const struct store_loader *loader, char *message,
               size_t message_size)
{
    struct load load = {.database = database, .loader = loader};
    int error = 0;
    load.reader = (struct record_reader){
        .database = database,
        .arena = &load.arena,
        .spec_arena = &load.spec_arena,
        .reset_specs = true,
    };
    int rc = load_pools(&load, &error);
    if (rc == SQLITE_OK && error == 0)
        rc = load_expired(&load, &error);
    if (rc == SQLITE_OK && error == 0)
        rc = load_futures(&load, &error);
    if (rc == SQLITE_OK && error == 0)
        error = loader->on_counters(loader->arg, database->totals.next_id, database->totals.cursor);
    /* SQLITE_ROW stands for a loader that has had enough. */
    int r = result_of(&load, rc, error);
    if (r < 0 && error == 0)
        database_describe(database, rc, message, message_size);
    if (r == 0)
        r = pieces_clean(&database->pieces, is_known, database);
    arena_free(&load.arena);
    arena_free(&load.spec_arena);
    free(load.open_maps);
    return r;
}

#include "daemon/store/apply.h"

#include <stdlib.h>

#include "daemon/core/output.h"
#include "daemon/store/change.h"
#include "daemon/store/counts.h"
#include "daemon/store/database.h"
#include "daemon/store/drop.h"
#include "daemon/store/record.h"

/* An item above this lies beside the row, which changes several times in its life. */
#define ITEM_INLINE_BYTES 512
/* What a future costs beside its texts, for retention. */
#define FUTURE_BYTES 256

static void raise_to(uint64_t *value, uint64_t least)
{
    if (*value < least)
        *value = least;
}

/* ---- large texts ---- */

static int place(struct database *database, const struct piece *piece, const void *data,
                 size_t size, struct placed *ret_placed)
{
    *ret_placed = (struct placed){.data = data, .size = size, .in_file = size > PIECE_BYTES};
    if (!ret_placed->in_file)
        return SQLITE_OK;
    database->totals.file_bytes += size;
    return piece_write(&database->pieces, piece, data, size, database->synced);
}

/* ---- the end ---- */

static bool stands_alone(const struct future_row *row)
{
    return row->item_of == 0 || row->open_map != 0;
}

/* The outputs as they are now, both malloc'd. */
static bool copy_output(struct output *output, void *ret_data[OUTPUT_STREAMS],
                        size_t ret_sizes[OUTPUT_STREAMS])
{
    for (int i = 0; i < OUTPUT_STREAMS; i++) {
        uint64_t kept;
        bool ended;
        output_read(output, (enum output_stream)i, 0, NULL, 0, &kept, &ended);
        if (kept == 0)
            continue;
        ret_data[i] = malloc((size_t)kept);
        if (!ret_data[i])
            return false;
        ret_sizes[i] =
            output_read(output, (enum output_stream)i, 0, ret_data[i], (size_t)kept, &kept, &ended);
    }
    return true;
}

static int add_done(struct database *database, const struct future_row *row,
                    const struct taken_change *taken, struct output *output)
{
    const struct store_change *change = &taken->change;
    const struct outcome *outcome = &taken->outcome;
    void *data[OUTPUT_STREAMS] = {NULL};
    size_t sizes[OUTPUT_STREAMS] = {0};
    struct placed json, streams[OUTPUT_STREAMS] = {{.data = NULL}};
    struct piece piece = {.id = row->id, .attempt = row->attempt, .kind = PIECE_RESULT};
    bool alone = stands_alone(row);
    int rc = output && !copy_output(output, data, sizes) ? SQLITE_NOMEM : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = place(database, &piece, outcome->json, outcome->json_bytes, &json);
    for (int i = 0; rc == SQLITE_OK && i < OUTPUT_STREAMS; i++) {
        piece.kind = i == OUTPUT_STDOUT ? PIECE_STDOUT : PIECE_STDERR;
        rc = place(database, &piece, data[i], sizes[i], &streams[i]);
    }
    /* -1: there was no output, not even an empty one. */
    int64_t truncated = !output ? -1 : output_truncated(output);
    uint64_t bytes = row->bytes + outcome->json_bytes + sizes[0] + sizes[1];
    if (rc == SQLITE_OK) {
        int64_t files = json.in_file + streams[0].in_file + streams[1].in_file;
        rc = database_run(database, DONE_ADD, "iiiiiiiissppp", change->cursor, row->id,
                          (int64_t)alone, change->wall_us, bytes, files, (int64_t)outcome->kind,
                          truncated, outcome->type, outcome->message, &json, &streams[0],
                          &streams[1]);
    }
    for (int i = 0; i < OUTPUT_STREAMS; i++)
        free(data[i]);
    return rc == SQLITE_OK ? count_bytes(database, row, alone, (int64_t)bytes) : rc;
}

static enum future_state end_of(const struct store_change *change)
{
    return change->kind == CHANGE_CANCELLED ? FUTURE_CANCELLED : FUTURE_FINISHED;
}

/* One that is still held back goes into a bundle. *ret_done false: it needs rows. */
static int end_fresh(struct database *database, const struct taken_change *taken, bool *ret_done)
{
    const struct store_change *change = &taken->change;
    struct brief *fresh = fresh_find(database, change->id);
    *ret_done = false;
    if (!fresh)
        return SQLITE_OK;
    struct brief brief = *fresh;
    brief.future.state = end_of(change);
    brief.future.failed = taken->outcome.kind == OUTCOME_EXCEPTION;
    brief.future.outcome = taken->outcome;
    brief.future.started_us = change->started_us;
    brief.future.finished_us = change->wall_us;
    brief.future.cursor = change->cursor;
    *ret_done = !taken->has_output && !change->map && bundle_takes(database, &brief);
    if (!*ret_done)
        return fresh_write(database, fresh);
    fresh_remove(database, fresh);
    return bundle_add(database, &brief);
}

static int apply_end(struct database *database, const struct taken_change *taken,
                     struct output *output)
{
    const struct store_change *change = &taken->change;
    enum future_state state = end_of(change);
    bool failed = taken->outcome.kind == OUTCOME_EXCEPTION;
    struct future_row row;
    bool done, found;
    int rc = end_fresh(database, taken, &done);
    if (rc != SQLITE_OK || done)
        return rc;
    rc = future_row_find(database, change->id, &row, &found);
    if (rc != SQLITE_OK || !found)
        return rc;
    if (future_row_is_done(&row))
        rc = drop_end(database, &row);
    if (rc == SQLITE_OK && change->map)
        rc = count_as_told(database, row.id, change->map);
    if (rc == SQLITE_OK)
        rc = count_item(database, &row, state, failed);
    if (rc == SQLITE_OK)
        rc = database_run(database, FUTURE_END, "iiiii", row.id, (int64_t)state, (int64_t)failed,
                          change->started_us, change->cursor);
    return rc == SQLITE_OK ? add_done(database, &row, taken, output) : rc;
}

/* ---- submitted ---- */

/* Counts the item; *ret_open_map: the map, if retention takes the item by itself. */
static int join_map(struct database *database, const struct stored_future *future,
                    uint64_t *ret_open_map)
{
    bool found;
    *ret_open_map = 0;
    int rc = database_map(database, future->item_of, &found);
    if (rc != SQLITE_OK || !found)
        return rc;
    struct map_row *map = &database->map;
    if (map->was_open)
        *ret_open_map = future->item_of;
    if (future->index >= map->count) {
        map->count = future->index + 1;
        map->dirty = true;
    }
    if (future->index == 0 && map->first != future->id) {
        map->first = future->id;
        map->dirty = true;
    }
    return rc;
}

static int add_beside(struct database *database, const struct stored_future *future, uint32_t uid,
                      unsigned flags)
{
    int rc = SQLITE_OK;
    if (flags & FUTURE_HAS_ITEM)
        rc = database_run(database, ITEM_ADD, "it", future->id, future->item, future->item_bytes);
    for (size_t i = 0; rc == SQLITE_OK && i < future->after_count; i++)
        rc = database_run(database, AFTER_ADD, "iiii", future->id, (int64_t)i, future->after[i].id,
                          (int64_t)future->after[i].on);
    if (rc == SQLITE_OK && future->key)
        rc = database_run(database, KEY_ADD, "iisi", future->id, (int64_t)uid, future->key,
                          future->key_call);
    if (rc == SQLITE_OK && future->map) {
        const struct stored_map *map = future->map;
        rc = database_run(database, MAP_ADD, "iiiiiii", future->id, (int64_t)map->open,
                          (int64_t)map->was_open, (int64_t)map->fail_fast, map->window, map->count,
                          map->first);
    }
    return rc;
}

static int uid_of(struct database *database, const struct stored_future *future, uint32_t *ret_uid)
{
    sqlite3_stmt *row;
    if (future->spec) {
        *ret_uid = future->spec->uid;
        return SQLITE_OK;
    }
    if (database->uid_of == future->spec_id) {
        *ret_uid = database->uid;
        return SQLITE_OK;
    }
    int rc = database_first(database, SPEC_READ, &row, "i", future->spec_id);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
    database->uid_of = future->spec_id;
    database->uid = *ret_uid = (uint32_t)sqlite3_column_int64(row, 0);
    sqlite3_reset(row);
    return SQLITE_OK;
}

static int add_future(struct database *database, const struct stored_future *future, uint32_t uid,
                      unsigned flags, uint64_t open_map, uint64_t bytes)
{
    return database_run(database, FUTURE_ADD, "iiiiiiiiiiiiiiiit", future->id, future->spec_id,
                        (int64_t)uid, (int64_t)flags, (int64_t)future->state, future->item_of,
                        future->index, open_map, future->priority, (int64_t)future->attempt,
                        future->submitted_us, future->started_us, future->due_us,
                        (int64_t)future->due_retry, future->cursor, bytes,
                        flags & FUTURE_HAS_ITEM ? NULL : future->item, future->item_bytes);
}

static int apply_submitted(struct database *database, const struct taken_change *taken)
{
    const struct stored_future *future = &taken->future;
    bool beside = future->item_bytes > ITEM_INLINE_BYTES;
    uint64_t open_map = 0;
    uint32_t uid = 0;
    unsigned flags = (future->map ? FUTURE_IS_MAP : 0u) | (beside ? FUTURE_HAS_ITEM : 0u) |
                     (future->after_count > 0 ? FUTURE_HAS_AFTER : 0u) |
                     (future->key ? FUTURE_HAS_KEY : 0u) |
                     (future->not_begun ? FUTURE_MAY_HAVE_BEGUN : 0u);
    uint64_t bytes =
        FUTURE_BYTES + future->item_bytes + (future->spec ? future->spec->args_bytes : 0);
    raise_to(&database->totals.next_id, future->id + 1);
    raise_to(&database->totals.cursor, future->cursor);
    if (future->spec && brief_is(future, flags)) {
        struct brief brief = {.future = *future, .spec = *future->spec, .bytes = bytes};
        return fresh_add(database, &brief);
    }
    int rc = uid_of(database, future, &uid);
    if (rc == SQLITE_OK && future->spec)
        rc = spec_write(database, future->spec_id, future->spec);
    if (rc == SQLITE_OK && future->item_of)
        rc = join_map(database, future, &open_map);
    if (rc == SQLITE_OK)
        rc = add_future(database, future, uid, flags, open_map, bytes);
    return rc == SQLITE_OK ? add_beside(database, future, uid, flags) : rc;
}

/* ---- in between ---- */

static int apply_started(struct database *database, const struct store_change *change)
{
    struct future_row row;
    bool found;
    int rc = future_row_find(database, change->id, &row, &found);
    if (rc != SQLITE_OK || !found || future_row_is_done(&row))
        return rc;
    rc = count_item(database, &row, FUTURE_RUNNING, false);
    if (rc == SQLITE_OK)
        rc = database_run(database, FUTURE_START, "iiiii", change->id, (int64_t)change->attempt,
                          change->wall_us, change->cursor,
                          (int64_t)(change->kind == CHANGE_MAY_START ? FUTURE_MAY_HAVE_BEGUN : 0));
    return rc;
}

static int add_attempt(struct database *database, uint64_t id, const struct stored_attempt *earlier)
{
    const struct outcome *outcome = &earlier->outcome;
    struct piece piece = {.id = id, .attempt = earlier->number, .kind = PIECE_EARLIER};
    struct placed json;
    int rc = place(database, &piece, outcome->json, outcome->json_bytes, &json);
    if (rc == SQLITE_OK)
        rc = database_run(database, ATTEMPT_ADD, "iiiiissp", id, (int64_t)earlier->number,
                          earlier->started_us, earlier->finished_us, (int64_t)outcome->kind,
                          outcome->type, outcome->message, &json);
    return rc;
}

static int apply_retried(struct database *database, const struct taken_change *taken)
{
    const struct store_change *change = &taken->change;
    struct future_row row;
    bool found;
    int rc = future_row_find(database, change->id, &row, &found);
    if (rc != SQLITE_OK || !found)
        return rc;
    if (future_row_is_done(&row))
        rc = drop_end(database, &row);
    if (rc == SQLITE_OK)
        rc = count_item(database, &row, FUTURE_PENDING, false);
    if (rc == SQLITE_OK && change->earlier)
        rc = add_attempt(database, row.id, change->earlier);
    if (rc == SQLITE_OK)
        rc = database_run(database, FUTURE_RETRY, "iiiiii", row.id, (int64_t)change->attempt,
                          change->due_us, (int64_t)(change->due_us != 0), change->cursor,
                          (int64_t)(change->earlier ? FUTURE_HAS_ATTEMPTS : 0));
    return rc;
}

static int apply_map_closed(struct database *database, uint64_t id)
{
    bool found;
    int rc = database_map(database, id, &found);
    if (rc == SQLITE_OK && found) {
        database->map.open = false;
        database->map.dirty = true;
    }
    return rc;
}

static int apply_pool(struct database *database, const struct stored_pool *pool)
{
    return database_run(database, POOL_SET, "siiiiiiiisssi", pool->name, (int64_t)pool->paused,
                        (int64_t)pool->has_settings, (int64_t)pool->max_workers,
                        (int64_t)pool->min_workers, pool->idle_timeout_ns,
                        pool->max_tasks_per_worker, pool->queue_limit, (int64_t)pool->on_full_wait,
                        pool->thread_name_prefix, pool->initializer, pool->initializer_args,
                        (int64_t)pool->durability);
}

/* Whether it needs rows that may be held back. */
static bool reads_rows(enum store_change_kind kind)
{
    switch (kind) {
    case CHANGE_STARTED:
    case CHANGE_MAY_START:
    case CHANGE_RETRIED:
    case CHANGE_PRIORITY:
    case CHANGE_FORGOTTEN:
        return true;
    case CHANGE_SUBMITTED:
    case CHANGE_FINISHED: /* looks for them itself */
    case CHANGE_CANCELLED:
    case CHANGE_MAP_CLOSED:
    case CHANGE_POOL:
    case CHANGE_RESERVED:
        break;
    }
    return false;
}

int apply_change(struct database *database, const struct taken_change *taken, struct output *output)
{
    const struct store_change *change = &taken->change;
    raise_to(&database->totals.cursor, change->cursor);
    if (reads_rows(change->kind)) {
        int rc = fresh_flush(database);
        if (rc != SQLITE_OK)
            return rc;
    }
    switch (change->kind) {
    case CHANGE_SUBMITTED:
        return apply_submitted(database, taken);
    case CHANGE_STARTED:
    case CHANGE_MAY_START:
        return apply_started(database, change);
    case CHANGE_RETRIED:
        return apply_retried(database, taken);
    case CHANGE_FINISHED:
    case CHANGE_CANCELLED:
        return apply_end(database, taken, output);
    case CHANGE_MAP_CLOSED:
        return apply_map_closed(database, change->id);
    case CHANGE_PRIORITY:
        return database_run(database, FUTURE_PRIORITY, "ii", change->id, change->priority);
    case CHANGE_FORGOTTEN:
        return drop_with_items(database, change->id);
    case CHANGE_POOL:
        return apply_pool(database, &taken->pool);
    case CHANGE_RESERVED:
        raise_to(&database->totals.next_id, change->id);
        return SQLITE_OK;
    }
    return SQLITE_OK;
}

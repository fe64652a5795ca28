#include "daemon/store/record.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/core/output.h"
#include "daemon/store/database.h"

void future_row_take(sqlite3_stmt *row, struct future_row *ret_row)
{
    *ret_row = (struct future_row){
        .id = (uint64_t)sqlite3_column_int64(row, COLUMN_ID),
        .spec_id = (uint64_t)sqlite3_column_int64(row, COLUMN_SPEC),
        .uid = (uint32_t)sqlite3_column_int64(row, COLUMN_UID),
        .flags = (unsigned)sqlite3_column_int64(row, COLUMN_FLAGS),
        .state = (enum future_state)sqlite3_column_int(row, COLUMN_STATE),
        .failed = sqlite3_column_int(row, COLUMN_FAILED) != 0,
        .item_of = (uint64_t)sqlite3_column_int64(row, COLUMN_ITEM_OF),
        .index = (uint64_t)sqlite3_column_int64(row, COLUMN_POSITION),
        .open_map = (uint64_t)sqlite3_column_int64(row, COLUMN_OPEN_MAP),
        .attempt = (unsigned)sqlite3_column_int64(row, COLUMN_ATTEMPT),
        .started_us = sqlite3_column_int64(row, COLUMN_STARTED),
        .cursor = (uint64_t)sqlite3_column_int64(row, COLUMN_CURSOR),
        .bytes = (uint64_t)sqlite3_column_int64(row, COLUMN_BYTES),
    };
}

int future_row_find(struct database *database, uint64_t id, struct future_row *ret_row,
                    bool *ret_found)
{
    sqlite3_stmt *row;
    int rc = database_first(database, FUTURE_READ, &row, "i", id);
    if (rc == SQLITE_DONE) {
        rc = bundle_unpack(database, id, ret_found);
        if (rc != SQLITE_OK || !*ret_found)
            return rc;
        rc = database_first(database, FUTURE_READ, &row, "i", id);
    }
    *ret_found = rc == SQLITE_ROW;
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    future_row_take(row, ret_row);
    sqlite3_reset(row);
    return SQLITE_OK;
}

int spec_write(struct database *database, uint64_t id, const struct stored_spec *spec)
{
    return database_run(database, SPEC_ADD, "iisssiiidiiit", id, (int64_t)spec->uid, spec->function,
                        spec->pool, spec->label, spec->timeout_ns, (int64_t)spec->retry_max,
                        spec->retry_delay_ns, spec->retry_backoff, (int64_t)spec->rerun_on_crash,
                        (int64_t)spec->scoped, (int64_t)spec->durability, spec->args,
                        spec->args_bytes);
}

/* ---- texts ---- */

/* NULL where the column is NULL. False: no memory. */
static bool text_in(struct arena *arena, sqlite3_stmt *row, int column, const char **ret_text,
                    size_t *ret_size)
{
    *ret_text = NULL;
    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        return true;
    const void *text = sqlite3_column_blob(row, column);
    size_t size = (size_t)sqlite3_column_bytes(row, column);
    *ret_text = arena_text(arena, text, size);
    if (ret_size)
        *ret_size = size;
    return *ret_text != NULL;
}

static char *text_copy(sqlite3_stmt *row, int column)
{
    const void *text = sqlite3_column_blob(row, column);
    size_t size = (size_t)sqlite3_column_bytes(row, column);
    char *copy = malloc(size + 1);
    if (!copy)
        return NULL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

/* A text that may have a file; *ret_text is malloc'd, NULL where there is none. SQLITE_CANTOPEN or
 * SQLITE_CORRUPT: its file is not what it was. */
static int placed_text(struct database *database, sqlite3_stmt *row, int column,
                       const struct piece *piece, char **ret_text, size_t *ret_size)
{
    int type = sqlite3_column_type(row, column);
    *ret_text = NULL;
    *ret_size = 0;
    if (type == SQLITE_NULL)
        return SQLITE_OK;
    if (type == SQLITE_INTEGER) {
        *ret_size = (size_t)sqlite3_column_int64(row, column);
        return piece_read(&database->pieces, piece, *ret_size, ret_text);
    }
    *ret_size = (size_t)sqlite3_column_bytes(row, column);
    *ret_text = text_copy(row, column);
    return *ret_text ? SQLITE_OK : SQLITE_NOMEM;
}

static bool is_lost(int rc)
{
    return (rc & 0xff) == SQLITE_CANTOPEN || rc == SQLITE_CORRUPT;
}

/* `kind` is the column of the kind, `type` that before those of the message and the text. */
static int outcome_in(struct database *database, sqlite3_stmt *row, int kind, int type,
                      const struct piece *piece, struct outcome *ret_outcome)
{
    struct outcome outcome = {.kind = (enum outcome_kind)sqlite3_column_int(row, kind)};
    int rc = placed_text(database, row, type + 2, piece, &outcome.json, &outcome.json_bytes);
    if (is_lost(rc)) {
        /* After a loss of power, where the store did not promise to survive one. */
        log_error("the result of %llu is lost: its file in the state directory is gone",
                  (unsigned long long)piece->id);
        outcome_set_exception(ret_outcome, "ResultLost", "the file that held the result is gone",
                              NULL, 0);
        return SQLITE_OK;
    }
    if (rc == SQLITE_OK && sqlite3_column_type(row, type) != SQLITE_NULL) {
        outcome.type = text_copy(row, type);
        outcome.message = text_copy(row, type + 1);
        if (!outcome.type || !outcome.message)
            rc = SQLITE_NOMEM;
    }
    if (rc == SQLITE_OK)
        *ret_outcome = outcome;
    else
        outcome_clear(&outcome);
    return rc;
}

/* ---- parts of a record ---- */

static int spec_in(struct record_reader *reader, uint64_t id)
{
    sqlite3_stmt *row;
    if (reader->spec && reader->spec_id == id)
        return SQLITE_OK;
    if (reader->reset_specs)
        arena_reset(reader->spec_arena);
    reader->spec = NULL;
    struct stored_spec *spec = arena_take(reader->spec_arena, sizeof(*spec));
    int rc = spec ? database_first(reader->database, SPEC_READ, &row, "i", id) : SQLITE_NOMEM;
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
    *spec = (struct stored_spec){
        .uid = (uint32_t)sqlite3_column_int64(row, 0),
        .timeout_ns = (uint64_t)sqlite3_column_int64(row, 4),
        .retry_max = (uint32_t)sqlite3_column_int64(row, 5),
        .retry_delay_ns = (uint64_t)sqlite3_column_int64(row, 6),
        .retry_backoff = sqlite3_column_double(row, 7),
        .rerun_on_crash = sqlite3_column_int(row, 8) != 0,
        .scoped = sqlite3_column_int(row, 9) != 0,
        .durability = (enum durability)sqlite3_column_int(row, 10),
    };
    bool copied = text_in(reader->spec_arena, row, 1, &spec->function, NULL) &&
                  text_in(reader->spec_arena, row, 2, &spec->pool, NULL) &&
                  text_in(reader->spec_arena, row, 3, &spec->label, NULL) &&
                  text_in(reader->spec_arena, row, 11, &spec->args, &spec->args_bytes);
    sqlite3_reset(row);
    if (!copied)
        return SQLITE_NOMEM;
    reader->spec = spec;
    reader->spec_id = id;
    return SQLITE_OK;
}

static int map_in(struct record_reader *reader, uint64_t id, const struct stored_map **ret_map)
{
    bool found;
    int rc = database_map(reader->database, id, &found);
    if (rc != SQLITE_OK || !found)
        return rc == SQLITE_OK ? SQLITE_CORRUPT : rc;
    const struct map_row *row = &reader->database->map;
    struct stored_map *map = arena_take(reader->arena, sizeof(*map));
    if (!map)
        return SQLITE_NOMEM;
    uint64_t begun = row->running + row->cancelled + row->finished;
    *map = (struct stored_map){
        .open = row->open,
        .was_open = row->was_open,
        .fail_fast = row->fail_fast,
        .window = row->window,
        .count = row->count,
        .first = row->first,
        .by_state = {[FUTURE_PENDING] = row->count > begun ? row->count - begun : 0,
                     [FUTURE_RUNNING] = row->running,
                     [FUTURE_CANCELLED] = row->cancelled,
                     [FUTURE_FINISHED] = row->finished},
        .failed = row->failed,
    };
    *ret_map = map;
    return SQLITE_OK;
}

static int after_in(struct record_reader *reader, struct stored_future *record)
{
    struct stored_after *list = NULL;
    size_t count = 0, capacity = 0;
    sqlite3_stmt *row;
    int rc = database_find(reader->database, AFTER_READ, &row, "i", record->id);
    if (rc != SQLITE_OK)
        return rc;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        if (count == capacity) {
            size_t grown = capacity ? capacity * 2 : 8;
            struct stored_after *larger = arena_take(reader->arena, grown * sizeof(*larger));
            if (!larger) {
                rc = SQLITE_NOMEM;
                break;
            }
            if (count > 0)
                memcpy(larger, list, count * sizeof(*list));
            list = larger;
            capacity = grown;
        }
        list[count++] = (struct stored_after){
            .id = (uint64_t)sqlite3_column_int64(row, 0),
            .on = sqlite3_column_int(row, 1),
        };
    }
    sqlite3_reset(row);
    record->after = list;
    record->after_count = count;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int attempts_in(struct record_reader *reader, struct stored_future *record)
{
    size_t capacity = 0;
    sqlite3_stmt *row;
    int rc = database_find(reader->database, ATTEMPT_READ, &row, "i", record->id);
    if (rc != SQLITE_OK)
        return rc;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        if (record->attempt_count == capacity) {
            size_t grown = capacity ? capacity * 2 : 4;
            struct stored_attempt *larger = arena_take(reader->arena, grown * sizeof(*larger));
            if (!larger) {
                rc = SQLITE_NOMEM;
                break;
            }
            if (capacity > 0)
                memcpy(larger, record->attempts, capacity * sizeof(*larger));
            record->attempts = larger;
            capacity = grown;
        }
        struct stored_attempt *attempt = &record->attempts[record->attempt_count];
        *attempt = (struct stored_attempt){
            .number = (unsigned)sqlite3_column_int64(row, 0),
            .started_us = sqlite3_column_int64(row, 1),
            .finished_us = sqlite3_column_int64(row, 2),
        };
        record->attempt_count++;
        struct piece piece = {.id = record->id, .attempt = attempt->number, .kind = PIECE_EARLIER};
        rc = outcome_in(reader->database, row, 3, 4, &piece, &attempt->outcome);
        if (rc != SQLITE_OK)
            break;
    }
    sqlite3_reset(row);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Columns 6 and 7 of DONE_READ. What is lost of it is missing, and it is truncated then. */
static int output_in(struct database *database, sqlite3_stmt *row, struct stored_future *record)
{
    char *data[OUTPUT_STREAMS] = {NULL};
    size_t sizes[OUTPUT_STREAMS] = {0};
    bool truncated = sqlite3_column_int(row, 2) > 0;
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < OUTPUT_STREAMS; i++) {
        struct piece piece = {
            .id = record->id,
            .attempt = record->attempt,
            .kind = i == OUTPUT_STDOUT ? PIECE_STDOUT : PIECE_STDERR,
        };
        rc = placed_text(database, row, 6 + i, &piece, &data[i], &sizes[i]);
        if (is_lost(rc)) {
            truncated = true;
            sizes[i] = 0;
            rc = SQLITE_OK;
        }
    }
    size_t cap = sizes[0] > sizes[1] ? sizes[0] : sizes[1];
    struct output *output = rc == SQLITE_OK ? output_new(cap) : NULL;
    bool appended = output != NULL;
    for (int i = 0; appended && i < OUTPUT_STREAMS; i++)
        appended = output_append(output, (enum output_stream)i, data[i], sizes[i]) == 0;
    for (int i = 0; i < OUTPUT_STREAMS; i++)
        free(data[i]);
    if (!appended) {
        output_unref(output);
        return rc == SQLITE_OK ? SQLITE_NOMEM : rc;
    }
    output_end(output);
    /* What comes behind the end is dropped, and counted. */
    if (truncated)
        (void)output_append(output, OUTPUT_STDOUT, "", 1);
    record->output = output;
    return SQLITE_OK;
}

static int done_in(struct record_reader *reader, struct stored_future *record)
{
    struct piece piece = {.id = record->id, .attempt = record->attempt, .kind = PIECE_RESULT};
    sqlite3_stmt *row;
    int rc = database_first(reader->database, DONE_READ, &row, "i", record->cursor);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
    record->finished_us = sqlite3_column_int64(row, 0);
    rc = outcome_in(reader->database, row, 1, 3, &piece, &record->outcome);
    if (rc == SQLITE_OK && reader->output && sqlite3_column_int(row, 2) >= 0)
        rc = output_in(reader->database, row, record);
    sqlite3_reset(row);
    return rc;
}

static int beside_in(struct record_reader *reader, unsigned flags, struct stored_future *record)
{
    sqlite3_stmt *row;
    int rc = SQLITE_OK;
    if (flags & FUTURE_HAS_ITEM) {
        rc = database_first(reader->database, ITEM_READ, &row, "i", record->id);
        if (rc != SQLITE_ROW)
            return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
        bool copied = text_in(reader->arena, row, 0, &record->item, &record->item_bytes);
        rc = copied ? SQLITE_OK : SQLITE_NOMEM;
        sqlite3_reset(row);
    }
    if (rc == SQLITE_OK && flags & FUTURE_HAS_KEY) {
        rc = database_first(reader->database, KEY_READ, &row, "i", record->id);
        if (rc != SQLITE_ROW)
            return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
        bool copied = text_in(reader->arena, row, 0, &record->key, NULL);
        rc = copied ? SQLITE_OK : SQLITE_NOMEM;
        record->key_call = (uint64_t)sqlite3_column_int64(row, 1);
        sqlite3_reset(row);
    }
    if (rc == SQLITE_OK && flags & FUTURE_IS_MAP)
        rc = map_in(reader, record->id, &record->map);
    if (rc == SQLITE_OK && flags & FUTURE_HAS_AFTER)
        rc = after_in(reader, record);
    if (rc == SQLITE_OK && flags & FUTURE_HAS_ATTEMPTS)
        rc = attempts_in(reader, record);
    return rc;
}

int record_read(struct record_reader *reader, sqlite3_stmt *row, struct stored_future *ret_record)
{
    struct future_row future;
    future_row_take(row, &future);
    struct stored_future record = {
        .id = future.id,
        .spec_id = future.spec_id,
        .priority = sqlite3_column_int64(row, COLUMN_PRIORITY),
        .item_of = future.item_of,
        .index = future.index,
        .state = future.state,
        .failed = future.failed,
        .attempt = future.attempt,
        .submitted_us = sqlite3_column_int64(row, COLUMN_SUBMITTED),
        .started_us = future.started_us,
        .due_us = sqlite3_column_int64(row, COLUMN_DUE),
        .due_retry = sqlite3_column_int(row, COLUMN_DUE_RETRY) != 0,
        .cursor = future.cursor,
    };
    bool copied = text_in(reader->arena, row, COLUMN_ITEM, &record.item, &record.item_bytes);
    int rc = copied ? spec_in(reader, future.spec_id) : SQLITE_NOMEM;
    record.spec = reader->spec;
    if (rc == SQLITE_OK && future.flags)
        rc = beside_in(reader, future.flags, &record);
    if (rc == SQLITE_OK && future.state >= FUTURE_CANCELLED)
        rc = done_in(reader, &record);
    if (rc == SQLITE_OK)
        *ret_record = record;
    else
        record_clear(&record);
    return rc;
}

/* NULL where there is none. False: no memory. */
static bool copy_text(const char *text, size_t size, char **ret_copy)
{
    *ret_copy = NULL;
    if (!text)
        return true;
    *ret_copy = malloc(size + 1);
    if (!*ret_copy)
        return false;
    memcpy(*ret_copy, text, size);
    (*ret_copy)[size] = '\0';
    return true;
}

static bool copy_string(const char *string, char **ret_copy)
{
    return copy_text(string, string ? strlen(string) : 0, ret_copy);
}

int record_of_brief(struct record_reader *reader, const struct brief *brief,
                    struct stored_future *ret_record)
{
    struct arena *arena = reader->spec_arena;
    struct stored_spec *spec = arena_take(arena, sizeof(*spec));
    const struct outcome *from = &brief->future.outcome;
    struct stored_future record = brief->future;
    struct outcome outcome = {.kind = from->kind, .json_bytes = from->json_bytes};
    if (!spec)
        return SQLITE_NOMEM;
    *spec = brief->spec;
    spec->function = arena_text(arena, spec->function, strlen(spec->function));
    spec->pool = arena_text(arena, spec->pool, strlen(spec->pool));
    spec->label = arena_text(arena, spec->label, strlen(spec->label));
    spec->args = arena_text(arena, spec->args, spec->args_bytes);
    bool copied = spec->function && spec->pool && spec->label && spec->args &&
                  copy_string(from->type, &outcome.type) &&
                  copy_string(from->message, &outcome.message) &&
                  copy_text(from->json, from->json_bytes, &outcome.json);
    record.spec = spec;
    record.outcome = outcome;
    if (copied)
        *ret_record = record;
    else
        record_clear(&record);
    return copied ? SQLITE_OK : SQLITE_NOMEM;
}

void record_clear(struct stored_future *record)
{
    outcome_clear(&record->outcome);
    for (size_t i = 0; i < record->attempt_count; i++)
        outcome_clear(&record->attempts[i].outcome);
    output_unref(record->output);
    record->output = NULL;
}

#include "daemon/store/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/output.h"
#include "daemon/store/database.h"
#include "daemon/store/record.h"

#define ANY_STATE ((1u << FUTURE_STATES) - 1)

static bool copy_string(struct arena *arena, const char **string)
{
    if (*string)
        *string = arena_text(arena, *string, strlen(*string));
    return true;
}

int reading_init(struct reading *reading, const struct store_query *query)
{
    *reading = (struct reading){.query = *query};
    struct store_query *copy = &reading->query;
    uint64_t *ids = arena_take(&reading->arena, query->id_count * sizeof(*ids));
    if (!ids)
        return -ENOMEM;
    if (query->id_count > 0)
        memcpy(ids, query->ids, query->id_count * sizeof(*ids));
    copy->ids = ids;
    copy_string(&reading->arena, &copy->pool);
    copy_string(&reading->arena, &copy->label);
    if (!copy->pool != !query->pool || !copy->label != !query->label) {
        reading_clear(reading);
        return -ENOMEM;
    }
    return 0;
}

void reading_clear(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++)
        record_clear(&reading->records[i]);
    free(reading->records);
    arena_free(&reading->arena);
    *reading = (struct reading){.count = 0};
}

/* The statement stands on a row of a future. */
static int add_record(struct reading *reading, struct record_reader *reader, sqlite3_stmt *row)
{
    if (reading->count == reading->capacity) {
        size_t capacity = reading->capacity ? reading->capacity * 2 : 16;
        struct stored_future *grown = reallocarray(reading->records, capacity, sizeof(*grown));
        if (!grown)
            return SQLITE_NOMEM;
        reading->records = grown;
        reading->capacity = capacity;
    }
    int rc = record_read(reader, row, &reading->records[reading->count]);
    if (rc == SQLITE_OK)
        reading->count++;
    return rc;
}

/* *ret_item_of: its map, 0 where it is no item or not there. */
static int add_id(struct reading *reading, struct record_reader *reader, uint64_t id,
                  uint64_t *ret_item_of)
{
    sqlite3_stmt *row;
    *ret_item_of = 0;
    int rc = database_first(reader->database, FUTURE_READ, &row, "i", id);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    *ret_item_of = (uint64_t)sqlite3_column_int64(row, COLUMN_ITEM_OF);
    rc = add_record(reading, reader, row);
    sqlite3_reset(row);
    return rc;
}

static bool is_read(const struct reading *reading, uint64_t id)
{
    /* What comes again is most often the map of the record before. */
    for (size_t i = reading->count; i > 0; i--)
        if (reading->records[i - 1].id == id)
            return true;
    return false;
}

static int compare_ids(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

static bool is_among(const uint64_t *sorted, size_t count, uint64_t id)
{
    return count > 0 && bsearch(&id, sorted, count, sizeof(id), compare_ids) != NULL;
}

/* Whether the last record has passed the bytes that were asked for. */
static bool is_full(const struct reading *reading, size_t *bytes)
{
    if (reading->query.bytes == 0 || reading->count == 0)
        return false;
    const struct stored_future *last = &reading->records[reading->count - 1];
    *bytes += last->outcome.json_bytes + (last->output ? output_bytes(last->output) : 0);
    return *bytes > reading->query.bytes;
}

/* A map before its items: first all that are no items, then the items, whose maps that were not
 * named are put before the first of theirs. */
static int run_ids(struct reading *reading, struct record_reader *reader)
{
    const struct store_query *query = &reading->query;
    size_t count = query->id_count;
    uint64_t *ids = arena_take(&reading->arena, count * sizeof(*ids));
    uint64_t last_map = 0;
    size_t bytes = 0;
    int rc = ids ? SQLITE_OK : SQLITE_NOMEM;
    if (rc == SQLITE_OK && count > 0)
        memcpy(ids, query->ids, count * sizeof(*ids));
    if (rc == SQLITE_OK && count > 0)
        qsort(ids, count, sizeof(*ids), compare_ids);
    /* A map has a lower id than its items, so that the order of ids puts it first. */
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++) {
        sqlite3_stmt *row;
        uint64_t item_of = 0, ignored;
        if (i > 0 && ids[i] == ids[i - 1])
            continue;
        rc = database_first(reader->database, FUTURE_READ, &row, "i", ids[i]);
        if (rc == SQLITE_DONE) {
            rc = SQLITE_OK;
            continue;
        }
        if (rc != SQLITE_ROW)
            break;
        item_of = (uint64_t)sqlite3_column_int64(row, COLUMN_ITEM_OF);
        sqlite3_reset(row);
        rc = SQLITE_OK;
        if (item_of && item_of != last_map && !is_among(ids, count, item_of) &&
            !is_read(reading, item_of))
            rc = add_id(reading, reader, item_of, &ignored);
        if (item_of)
            last_map = item_of;
        if (rc == SQLITE_OK)
            rc = add_id(reading, reader, ids[i], &ignored);
        if (rc == SQLITE_OK && is_full(reading, &bytes))
            break;
    }
    return rc;
}

static int run_since(struct reading *reading, struct record_reader *reader)
{
    const struct store_query *query = &reading->query;
    int64_t limit = query->limit < INT64_MAX ? (int64_t)query->limit : INT64_MAX;
    uint64_t ignored;
    sqlite3_stmt *row;
    int64_t uid = query->all_users ? -1 : (int64_t)query->uid;
    int rc = database_find(reader->database, DONE_SINCE, &row, "iiissi", query->cursor, limit, uid,
                           query->pool, query->label, query->item_of);
    if (rc != SQLITE_OK)
        return rc;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        rc = add_id(reading, reader, (uint64_t)sqlite3_column_int64(row, 0), &ignored);
        if (rc != SQLITE_OK)
            break;
    }
    sqlite3_reset(row);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int find_list(const struct store_query *query, struct database *database,
                     sqlite3_stmt **ret_row)
{
    int64_t before =
        query->before && query->before < INT64_MAX ? (int64_t)query->before : INT64_MAX;
    int64_t states = query->states ? query->states : ANY_STATE;
    int64_t uid = query->all_users ? -1 : (int64_t)query->uid;
    bool found = false;
    if (query->item_of == 0)
        return database_find(database, query->items ? LIST_ALL : LIST_FUTURES, ret_row, "iiiss",
                             before, states, uid, query->pool, query->label);
    int rc = database_map(database, query->item_of, &found);
    if (rc != SQLITE_OK)
        return rc;
    if (found && database->map.was_open)
        return database_find(database, LIST_OPEN_MAP, ret_row, "iiissi", before, states, uid,
                             query->pool, query->label, query->item_of);
    int64_t end = found ? (int64_t)(database->map.first + database->map.count) : 0;
    return database_find(database, LIST_RANGE, ret_row, "iiissii", before < end ? before : end,
                         states, uid, query->pool, query->label, found ? database->map.first : 0,
                         query->item_of);
}

static int count_states(struct reading *reading, struct database *database)
{
    const struct store_query *query = &reading->query;
    int64_t uid = query->all_users ? -1 : (int64_t)query->uid;
    sqlite3_stmt *row;
    int rc = query->item_of
                 ? database_first(database, COUNT_ITEMS, &row, "issi", uid, query->pool,
                                  query->label, query->item_of)
                 : database_first(database, COUNT_ALL, &row, "iss", uid, query->pool, query->label);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    for (int i = 0; i < 4; i++)
        reading->counts[i % 2 == 0 ? FUTURE_CANCELLED : FUTURE_FINISHED] +=
            (uint64_t)sqlite3_column_int64(row, i);
    sqlite3_reset(row);
    return SQLITE_OK;
}

static int run_below(struct reading *reading, struct record_reader *reader)
{
    sqlite3_stmt *row;
    int rc = find_list(&reading->query, reader->database, &row);
    if (rc != SQLITE_OK)
        return rc;
    rc = SQLITE_DONE;
    while (reading->count < reading->query.limit && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        rc = add_record(reading, reader, row);
        if (rc != SQLITE_OK)
            break;
        rc = SQLITE_DONE;
    }
    sqlite3_reset(row);
    if (rc == SQLITE_DONE)
        rc = reading->query.counts ? count_states(reading, reader->database) : SQLITE_OK;
    return rc;
}

/* An item is nothing without its map. */
static int add_maps(struct reading *reading, struct record_reader *reader)
{
    size_t found = reading->count;
    uint64_t last = 0;
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < found; i++) {
        uint64_t item_of = reading->records[i].item_of, ignored;
        if (item_of == 0 || item_of == last || is_read(reading, item_of))
            continue;
        last = item_of;
        size_t before = reading->count;
        rc = add_id(reading, reader, item_of, &ignored);
        if (rc == SQLITE_OK && reading->count > before)
            reading->records[before].for_item = true;
    }
    return rc;
}

int reading_run(struct reading *reading, struct database *database)
{
    int rc = SQLITE_OK;
    struct record_reader reader = {
        .database = database,
        .arena = &reading->arena,
        .spec_arena = &reading->arena,
        .output = reading->query.output,
    };
    switch (reading->query.kind) {
    case QUERY_IDS:
        return run_ids(reading, &reader);
    case QUERY_SINCE:
        rc = run_since(reading, &reader);
        break;
    case QUERY_BELOW:
        rc = run_below(reading, &reader);
        break;
    }
    return rc == SQLITE_OK ? add_maps(reading, &reader) : rc;
}

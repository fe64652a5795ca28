#include "daemon/store/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/output.h"
#include "daemon/store/database.h"
#include "daemon/store/merge.h"
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

/* The statement stands on a row of a future, unless it is a brief one. */
static int add_record(struct reading *reading, struct record_reader *reader, sqlite3_stmt *row,
                      const struct brief *brief)
{
    if (reading->count == reading->capacity) {
        size_t capacity = reading->capacity ? reading->capacity * 2 : 16;
        struct stored_future *grown = reallocarray(reading->records, capacity, sizeof(*grown));
        if (!grown)
            return SQLITE_NOMEM;
        reading->records = grown;
        reading->capacity = capacity;
    }
    struct stored_future *record = &reading->records[reading->count];
    int rc = brief ? record_of_brief(reader, brief, record) : record_read(reader, row, record);
    if (rc == SQLITE_OK)
        reading->count++;
    return rc;
}

/* Where it is: a row, to be reset, or a brief one. Both NULL: nowhere. */
static int find_id(struct record_reader *reader, uint64_t id, sqlite3_stmt **ret_row,
                   const struct brief **ret_brief)
{
    *ret_brief = NULL;
    int rc = database_first(reader->database, FUTURE_READ, ret_row, "i", id);
    if (rc == SQLITE_ROW)
        return SQLITE_OK;
    *ret_row = NULL;
    return rc == SQLITE_DONE ? bundle_find(reader->database, id, ret_brief) : rc;
}

static int add_id(struct reading *reading, struct record_reader *reader, uint64_t id)
{
    const struct brief *brief;
    sqlite3_stmt *row;
    int rc = find_id(reader, id, &row, &brief);
    if (rc == SQLITE_OK && (row || brief))
        rc = add_record(reading, reader, row, brief);
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
        const struct brief *brief;
        sqlite3_stmt *row;
        if (i > 0 && ids[i] == ids[i - 1])
            continue;
        rc = find_id(reader, ids[i], &row, &brief);
        uint64_t item_of = row ? (uint64_t)sqlite3_column_int64(row, COLUMN_ITEM_OF) : 0;
        if (item_of && item_of != last_map && !is_among(ids, count, item_of) &&
            !is_read(reading, item_of)) {
            sqlite3_reset(row);
            rc = add_id(reading, reader, item_of);
            if (rc == SQLITE_OK)
                rc = find_id(reader, ids[i], &row, &brief);
        }
        if (item_of)
            last_map = item_of;
        if (rc == SQLITE_OK && (row || brief))
            rc = add_record(reading, reader, row, brief);
        sqlite3_reset(row);
        if (rc == SQLITE_OK && is_full(reading, &bytes))
            break;
    }
    return rc;
}

static int run_since(struct reading *reading, struct record_reader *reader)
{
    const struct store_query *query = &reading->query;
    int64_t limit = query->limit < INT64_MAX ? (int64_t)query->limit : INT64_MAX;
    int64_t uid = query->all_users ? -1 : (int64_t)query->uid;
    struct merge merge = {
        .database = reader->database,
        .order = BY_CURSOR,
        .from = query->cursor,
        .no_bundles = query->item_of != 0,
    };
    bool found;
    int rc = database_find(reader->database, DONE_SINCE, &merge.row, "iiissi", query->cursor, limit,
                           uid, query->pool, query->label, query->item_of);
    while (rc == SQLITE_OK && reading->count < query->limit &&
           (rc = merge_next(&merge, &found)) == SQLITE_OK && found) {
        if (!merge.brief)
            rc = add_id(reading, reader, (uint64_t)sqlite3_column_int64(merge.row, 1));
        else if (brief_matches(merge.brief, query))
            rc = add_record(reading, reader, NULL, merge.brief);
    }
    merge_end(&merge);
    return rc;
}

static uint64_t before_of(const struct store_query *query)
{
    return query->before && query->before < INT64_MAX ? query->before : INT64_MAX;
}

static int find_list(const struct store_query *query, struct database *database,
                     sqlite3_stmt **ret_row)
{
    int64_t before = (int64_t)before_of(query);
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

static int count_briefs(struct reading *reading, struct database *database)
{
    struct store_query any_state = reading->query;
    struct merge merge = {.database = database, .no_bundles = any_state.item_of != 0};
    bool found;
    int rc;
    any_state.states = 0;
    while ((rc = merge_next(&merge, &found)) == SQLITE_OK && found)
        if (brief_matches(merge.brief, &any_state))
            reading->counts[merge.brief->future.state]++;
    merge_end(&merge);
    return rc;
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
    if (rc != SQLITE_ROW) /* no such map */
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    for (int i = 0; i < 4; i++)
        reading->counts[i % 2 == 0 ? FUTURE_CANCELLED : FUTURE_FINISHED] +=
            (uint64_t)sqlite3_column_int64(row, i);
    sqlite3_reset(row);
    return count_briefs(reading, database);
}

static int run_below(struct reading *reading, struct record_reader *reader)
{
    const struct store_query *query = &reading->query;
    struct merge merge = {
        .database = reader->database,
        .order = BY_ID_DOWN,
        .from = before_of(query),
        .no_bundles = query->item_of != 0,
        .column = COLUMN_ID,
    };
    bool found;
    int rc = find_list(query, reader->database, &merge.row);
    while (rc == SQLITE_OK && reading->count < query->limit &&
           (rc = merge_next(&merge, &found)) == SQLITE_OK && found)
        if (!merge.brief || brief_matches(merge.brief, query))
            rc = add_record(reading, reader, merge.row, merge.brief);
    merge_end(&merge);
    return rc == SQLITE_OK && query->counts ? count_states(reading, reader->database) : rc;
}

/* An item is nothing without its map. */
static int add_maps(struct reading *reading, struct record_reader *reader)
{
    size_t found = reading->count;
    uint64_t last = 0;
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < found; i++) {
        uint64_t item_of = reading->records[i].item_of;
        if (item_of == 0 || item_of == last || is_read(reading, item_of))
            continue;
        last = item_of;
        size_t before = reading->count;
        rc = add_id(reading, reader, item_of);
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

#include "daemon/store/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/store/counts.h"
#include "daemon/store/database.h"
#include "daemon/store/record.h"

/* ---- filling one ---- */

static size_t text_bytes(const struct brief *brief)
{
    const struct outcome *outcome = &brief->future.outcome;
    return brief->spec.args_bytes + outcome->json_bytes +
           (outcome->message ? strlen(outcome->message) : 0);
}

bool bundle_takes(const struct database *database, const struct brief *brief)
{
    const struct bundle *bundle = &database->bundle;
    uint64_t cursor =
        bundle->count > 0 ? bundle->last.future.cursor : database->totals.bundled_cursor;
    return brief->future.id > database->totals.bundled_id && brief->future.cursor > cursor &&
           text_bytes(brief) <= BUNDLED_TEXT_BYTES;
}

int bundle_add(struct database *database, const struct brief *brief)
{
    struct bundle *bundle = &database->bundle;
    struct future_row row = brief_row(brief);
    bool first = bundle->count == 0;
    if (first) {
        bundle->first_id = bundle->last_id = row.id;
        bundle->first_cursor = row.cursor;
    }
    brief_put(&bundle->bytes, first ? NULL : &bundle->last, brief);
    if (bundle->bytes.failed)
        return SQLITE_NOMEM;
    bundle->first_id = row.id < bundle->first_id ? row.id : bundle->first_id;
    bundle->last_id = row.id > bundle->last_id ? row.id : bundle->last_id;
    bundle->last = *brief;
    bundle->count++;
    int rc = count_bytes(database, &row, true, (int64_t)brief_bytes(brief));
    if (rc == SQLITE_OK && (bundle->count == BUNDLE_FUTURES || bundle->bytes.size >= BUNDLE_BYTES))
        rc = bundle_flush(database);
    return rc;
}

static void empty(struct bundle *bundle)
{
    bundle->count = 0;
    bytes_empty(&bundle->bytes);
}

int bundle_flush(struct database *database)
{
    struct bundle *bundle = &database->bundle;
    if (bundle->count == 0)
        return SQLITE_OK;
    uint64_t last_cursor = bundle->last.future.cursor;
    struct placed text = {.data = bundle->bytes.data, .size = bundle->bytes.size};
    int rc = database_run(database, BUNDLE_ADD, "iiiip", bundle->first_id, bundle->last_id,
                          bundle->first_cursor, last_cursor, &text);
    database->totals.bundled_id = bundle->last_id;
    database->totals.bundled_cursor = last_cursor;
    empty(bundle);
    return rc;
}

void bundle_drop(struct database *database)
{
    empty(&database->bundle);
    database->page.count = 0;
}

void bundle_free(struct bundle *bundle)
{
    bytes_free(&bundle->bytes);
}

/* ---- reading one ---- */

static int take_futures(struct bundle_page *page)
{
    struct bytes_reader reader = {.data = page->bytes.data, .size = page->bytes.size};
    const struct brief *before = NULL;
    struct brief next;
    page->count = 0;
    if (!page->futures)
        page->futures = calloc(BUNDLE_FUTURES, sizeof(*page->futures));
    if (!page->futures)
        return SQLITE_NOMEM;
    while (reader.at < reader.size) {
        if (page->count == BUNDLE_FUTURES || !brief_take(&reader, before, &next))
            return SQLITE_CORRUPT;
        before = &next;
        if (next.future.cursor >= page->kept)
            page->futures[page->count++] = next;
    }
    return SQLITE_OK;
}

int bundle_read(struct database *database, enum statement which, uint64_t id,
                struct bundle_page *page, bool *ret_found)
{
    sqlite3_stmt *row;
    int rc = database_first(database, which, &row, "i", id);
    *ret_found = rc == SQLITE_ROW;
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    page->first = (uint64_t)sqlite3_column_int64(row, BUNDLE_FIRST);
    page->last = (uint64_t)sqlite3_column_int64(row, BUNDLE_LAST);
    page->kept = (uint64_t)sqlite3_column_int64(row, BUNDLE_KEPT);
    page->last_cursor = (uint64_t)sqlite3_column_int64(row, BUNDLE_LAST_CURSOR);
    bytes_empty(&page->bytes);
    bytes_put_raw(&page->bytes, sqlite3_column_blob(row, BUNDLE_TEXT),
                  (size_t)sqlite3_column_bytes(row, BUNDLE_TEXT));
    sqlite3_reset(row);
    return page->bytes.failed ? SQLITE_NOMEM : take_futures(page);
}

void bundle_page_free(struct bundle_page *page)
{
    bytes_free(&page->bytes);
    free(page->futures);
    *page = (struct bundle_page){0};
}

int bundle_find(struct database *database, uint64_t id, const struct brief **ret_brief)
{
    struct bundle_page *page = &database->page;
    bool found = page->count > 0 && page->first <= id && id <= page->last;
    int rc = SQLITE_OK;
    *ret_brief = NULL;
    if (!found)
        rc = bundle_read(database, BUNDLE_BEFORE, id + 1, page, &found);
    for (size_t i = 0; rc == SQLITE_OK && found && i < page->count; i++)
        if (page->futures[i].future.id == id)
            *ret_brief = &page->futures[i];
    if (rc != SQLITE_OK)
        page->count = 0;
    return rc;
}

/* ---- taking one apart ---- */

int bundle_unpack(struct database *database, uint64_t id, bool *ret_unpacked)
{
    struct bundle_page *page = &database->page;
    const struct brief *brief = NULL;
    int rc = bundle_flush(database);
    if (rc == SQLITE_OK)
        rc = bundle_find(database, id, &brief);
    *ret_unpacked = brief != NULL;
    for (size_t i = 0; rc == SQLITE_OK && brief && i < page->count; i++)
        rc = brief_write(database, &page->futures[i]);
    if (rc == SQLITE_OK && brief)
        rc = database_run(database, BUNDLE_DROP, "i", page->first);
    if (brief)
        page->count = 0;
    return rc;
}

int bundle_cut(struct database *database, uint64_t cursor)
{
    uint64_t whole = 0, cut = 0;
    sqlite3_stmt *row;
    database->page.count = 0;
    int rc = database_find(database, BUNDLE_SPANS, &row, "i", (int64_t)0);
    if (rc != SQLITE_OK)
        return rc;
    while (cut == 0 && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        uint64_t first = (uint64_t)sqlite3_column_int64(row, BUNDLE_FIRST);
        if ((uint64_t)sqlite3_column_int64(row, BUNDLE_KEPT) > cursor)
            break;
        if ((uint64_t)sqlite3_column_int64(row, BUNDLE_LAST_CURSOR) <= cursor)
            whole = first;
        else
            cut = first;
    }
    sqlite3_reset(row);
    if (rc == SQLITE_DONE || rc == SQLITE_ROW)
        rc = SQLITE_OK;
    if (rc == SQLITE_OK && whole > 0)
        rc = database_run(database, BUNDLE_DROP_RUN, "i", whole);
    if (rc == SQLITE_OK && cut > 0)
        rc = database_run(database, BUNDLE_CUT, "ii", cut, cursor + 1);
    return rc;
}

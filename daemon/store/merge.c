#include "daemon/store/merge.h"

#include <stdlib.h>

#include "daemon/store/database.h"

static int compare_ids(const void *one, const void *other)
{
    uint64_t a = ((const struct brief *)one)->future.id;
    uint64_t b = ((const struct brief *)other)->future.id;
    return a < b ? -1 : a > b;
}

static int compare_ids_down(const void *one, const void *other)
{
    return compare_ids(other, one);
}

/* Its place in the order. */
static uint64_t place_of(const struct merge *merge, const struct brief *brief)
{
    return merge->order == BY_CURSOR ? brief->future.cursor : brief->future.id;
}

static bool comes_before(const struct merge *merge, uint64_t one, uint64_t other)
{
    return merge->order == BY_ID_DOWN ? one > other : one < other;
}

/* ---- bundles ---- */

/* The id before the first bundle with a cursor above that, as ids rise with cursors. */
static int find_cursor(struct merge *merge, uint64_t cursor, uint64_t *ret_id)
{
    uint64_t low = 0, high = merge->database->totals.bundled_id;
    /* All bundles up to `low` are too old, and there is none above `high`, or it is not. */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        sqlite3_stmt *row;
        int rc = database_first(merge->database, BUNDLE_SPANS, &row, "i", middle);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            return rc;
        if (rc == SQLITE_DONE || (uint64_t)sqlite3_column_int64(row, BUNDLE_LAST_CURSOR) > cursor)
            high = middle;
        else
            low = (uint64_t)sqlite3_column_int64(row, BUNDLE_FIRST);
        sqlite3_reset(row);
    }
    *ret_id = low;
    return SQLITE_OK;
}

static int read_bundle(struct merge *merge, enum statement which, uint64_t id)
{
    int rc = bundle_read(merge->database, which, id, &merge->page, &merge->bundles_left);
    size_t count = merge->bundles_left ? merge->page.count : 0;
    merge->next = 0;
    if (rc == SQLITE_OK && count > 0 && merge->order != BY_CURSOR)
        qsort(merge->page.futures, count, sizeof(*merge->page.futures),
              merge->order == BY_ID ? compare_ids : compare_ids_down);
    return rc;
}

static int begin_bundles(struct merge *merge)
{
    uint64_t id = merge->from;
    int rc = SQLITE_OK;
    if (merge->no_bundles)
        return rc;
    if (merge->order == BY_CURSOR)
        rc = find_cursor(merge, merge->from, &id);
    if (rc == SQLITE_OK)
        rc = read_bundle(merge, merge->order == BY_ID_DOWN ? BUNDLE_BEFORE : BUNDLE_AFTER, id);
    return rc;
}

/* To the first that is behind `from`. */
static int settle_bundles(struct merge *merge)
{
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && merge->bundles_left) {
        for (; merge->next < merge->page.count; merge->next++) {
            const struct brief *brief = &merge->page.futures[merge->next];
            if (comes_before(merge, merge->from, place_of(merge, brief)))
                return rc;
        }
        rc = read_bundle(merge, merge->order == BY_ID_DOWN ? BUNDLE_BEFORE : BUNDLE_AFTER,
                         merge->page.first);
    }
    return rc;
}

/* ---- both ---- */

static int step_row(struct merge *merge)
{
    int rc = sqlite3_step(merge->row);
    merge->rows_left = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int step(struct merge *merge)
{
    int rc = SQLITE_OK;
    if (!merge->begun) {
        merge->begun = true;
        rc = begin_bundles(merge);
        if (rc == SQLITE_OK && merge->row)
            rc = step_row(merge);
    } else if (merge->brief) {
        merge->next++;
    } else {
        return step_row(merge);
    }
    return rc == SQLITE_OK ? settle_bundles(merge) : rc;
}

int merge_next(struct merge *merge, bool *ret_found)
{
    int rc = step(merge);
    *ret_found = false;
    if (rc != SQLITE_OK)
        return rc;
    struct brief *brief = merge->bundles_left ? &merge->page.futures[merge->next] : NULL;
    if (brief && merge->rows_left) {
        uint64_t row = (uint64_t)sqlite3_column_int64(merge->row, merge->column);
        if (comes_before(merge, row, place_of(merge, brief)))
            brief = NULL;
    }
    merge->brief = brief;
    *ret_found = brief || merge->rows_left;
    return rc;
}

void merge_end(struct merge *merge)
{
    sqlite3_reset(merge->row);
    bundle_page_free(&merge->page);
}

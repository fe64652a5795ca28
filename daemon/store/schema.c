#include "daemon/store/schema.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

/* "FUTR": says that the database is a daemon's store. */
#define APPLICATION_ID 0x46555452

/* MIGRATIONS[n] makes a database of version n one of version n + 1. A released one never changes.
 *
 * spec      what was submitted: shared by a map and its items
 * future    one row each, small, by id. `flags` are the FUTURE_HAS_* of database.h; open_map is the
 *           map of an item that retention takes by itself
 * item      texts of items that are too large for that
 * map       what a map has more; the numbers are of its items. `counted`: `bytes` is in the totals
 * done      how the done ended, by cursor, so that a new one goes to the end. `alone`: retention
 *           counts it. json, stdout and stderr are texts, or the size of a file that has it
 * bundle    brief futures that were submitted and over in one commit, many in a row: see bundle.h.
 *           `first` and `last` are ids, `kept` and `last_cursor` cursors
 * attempt   the earlier ones
 * after     what a future waits for
 * keys      of idempotent submits
 * pool      those made while the daemon ran
 * expired   ids that retention has removed, from..to
 * meta      counters */
static const char *const MIGRATIONS[SCHEMA_VERSION] = {
    "CREATE TABLE spec (id INTEGER PRIMARY KEY, uid INTEGER NOT NULL, function TEXT NOT NULL,"
    " pool TEXT NOT NULL, label TEXT NOT NULL, timeout_ns INTEGER NOT NULL,"
    " retry_max INTEGER NOT NULL, retry_delay_ns INTEGER NOT NULL, retry_backoff REAL NOT NULL,"
    " rerun_on_crash INTEGER NOT NULL, scoped INTEGER NOT NULL, durability INTEGER NOT NULL,"
    " args TEXT NOT NULL);"
    "CREATE TABLE future (id INTEGER PRIMARY KEY, spec INTEGER NOT NULL, uid INTEGER NOT NULL,"
    " flags INTEGER NOT NULL, state INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " item_of INTEGER NOT NULL, position INTEGER NOT NULL, open_map INTEGER,"
    " priority INTEGER NOT NULL, attempt INTEGER NOT NULL, submitted_us INTEGER NOT NULL,"
    " started_us INTEGER NOT NULL, due_us INTEGER NOT NULL, due_retry INTEGER NOT NULL,"
    " cursor INTEGER NOT NULL, bytes INTEGER NOT NULL, item TEXT);"
    "CREATE INDEX future_open_map ON future (open_map) WHERE open_map IS NOT NULL;"
    "CREATE INDEX future_done ON future (id) WHERE state >= 2 AND item_of = 0;"
    "CREATE TABLE item (id INTEGER PRIMARY KEY, item TEXT NOT NULL);"
    "CREATE TABLE map (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, was_open INTEGER NOT NULL,"
    " fail_fast INTEGER NOT NULL, window INTEGER NOT NULL, count INTEGER NOT NULL,"
    " first INTEGER NOT NULL, running INTEGER NOT NULL, cancelled INTEGER NOT NULL,"
    " finished INTEGER NOT NULL, failed INTEGER NOT NULL, gone_cancelled INTEGER NOT NULL,"
    " gone_finished INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " counted INTEGER NOT NULL);"
    "CREATE TABLE done (cursor INTEGER PRIMARY KEY, id INTEGER NOT NULL, alone INTEGER NOT NULL,"
    " finished_us INTEGER NOT NULL, bytes INTEGER NOT NULL, files INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, truncated INTEGER NOT NULL, type TEXT, message TEXT, json,"
    " stdout, stderr);"
    "CREATE TABLE attempt (id INTEGER NOT NULL, number INTEGER NOT NULL,"
    " started_us INTEGER NOT NULL, finished_us INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " type TEXT, message TEXT, json, PRIMARY KEY (id, number)) WITHOUT ROWID;"
    "CREATE TABLE after (id INTEGER NOT NULL, position INTEGER NOT NULL, other INTEGER NOT NULL,"
    " wanted INTEGER NOT NULL, PRIMARY KEY (id, position)) WITHOUT ROWID;"
    "CREATE TABLE keys (id INTEGER PRIMARY KEY, uid INTEGER NOT NULL, key TEXT NOT NULL,"
    " call INTEGER NOT NULL);"
    "CREATE TABLE pool (name TEXT PRIMARY KEY, paused INTEGER NOT NULL,"
    " has_settings INTEGER NOT NULL, max_workers INTEGER NOT NULL, min_workers INTEGER NOT NULL,"
    " idle_timeout_ns INTEGER NOT NULL, max_tasks_per_worker INTEGER NOT NULL,"
    " queue_limit INTEGER NOT NULL, on_full_wait INTEGER NOT NULL, thread_name_prefix TEXT,"
    " initializer TEXT, initializer_args TEXT, durability INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE expired (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);"
    "CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), next_id INTEGER NOT NULL,"
    " cursor INTEGER NOT NULL, done_count INTEGER NOT NULL, done_bytes INTEGER NOT NULL,"
    " file_bytes INTEGER NOT NULL);"
    "INSERT INTO meta VALUES (1, 1, 0, 0, 0, 0);",
    /* Lists go by spec, of which all that is listed has one. */
    "DROP INDEX future_done;",
    ("CREATE TABLE bundle (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, kept INTEGER NOT NULL,"
     " last_cursor INTEGER NOT NULL, futures BLOB NOT NULL);"),
};

/* The one number that a statement yields. */
static int number_of(sqlite3 *sqlite, const char *sql, long long *ret_number)
{
    sqlite3_stmt *statement;
    int rc = sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        *ret_number = sqlite3_column_int64(statement, 0);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return rc;
}

int schema_check(sqlite3 *sqlite, char *message, size_t message_size)
{
    long long application = 0, version = 0, tables = 0;
    if (number_of(sqlite, "PRAGMA application_id", &application) != SQLITE_OK ||
        number_of(sqlite, "PRAGMA user_version", &version) != SQLITE_OK ||
        number_of(sqlite, "SELECT count(*) FROM sqlite_schema", &tables) != SQLITE_OK) {
        snprintf(message, message_size, "%s", sqlite3_errmsg(sqlite));
        return -EIO;
    }
    if (tables == 0 && application == 0 && version == 0)
        return 0;
    if (application != APPLICATION_ID) {
        snprintf(message, message_size, "it is the database of another program");
        return -EPROTO;
    }
    if (version > SCHEMA_VERSION) {
        snprintf(message, message_size,
                 "it was written by a newer daemon (version %lld, this one knows up to %d)",
                 version, SCHEMA_VERSION);
        return -EPROTO;
    }
    return 0;
}

int schema_migrate(sqlite3 *sqlite)
{
    long long version = 0;
    int rc = number_of(sqlite, "PRAGMA user_version", &version);
    for (; rc == SQLITE_OK && version < SCHEMA_VERSION; version++) {
        char end[128];
        snprintf(end, sizeof(end), "PRAGMA application_id = %d; PRAGMA user_version = %lld; COMMIT",
                 APPLICATION_ID, version + 1);
        rc = sqlite3_exec(sqlite, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(sqlite, MIGRATIONS[version], NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(sqlite, end, NULL, NULL, NULL);
        if (rc != SQLITE_OK && !sqlite3_get_autocommit(sqlite))
            sqlite3_exec(sqlite, "ROLLBACK", NULL, NULL, NULL);
    }
    return rc;
}

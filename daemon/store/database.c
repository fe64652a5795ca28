#include "daemon/store/database.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/store/directory.h"
#include "daemon/store/schema.h"

#define DATABASE_NAME "futured.db"
/* What the log's file may keep on the disk once it has been moved into the database. */
#define LOG_KEPT_BYTES 67108864

/* ---- opening ---- */

static int pragma_is(sqlite3 *sqlite, const char *sql, const char *wanted)
{
    sqlite3_stmt *statement;
    int rc = sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(statement);
    const unsigned char *value = rc == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
    bool same = value && strcmp((const char *)value, wanted) == 0;
    sqlite3_finalize(statement);
    if (rc != SQLITE_ROW)
        return rc;
    return same ? SQLITE_OK : SQLITE_MISMATCH;
}

static int execute(sqlite3 *sqlite, const char *sql)
{
    return sqlite3_exec(sqlite, sql, NULL, NULL, NULL);
}

static int on_log(void *arg, sqlite3 *sqlite, const char *name, int pages)
{
    struct database *database = arg;
    (void)sqlite;
    (void)name;
    database->wal_pages = (unsigned)pages;
    return SQLITE_OK;
}

/* Nothing here changes a file, but that the log of a daemon that died is taken into account. */
static int prepare_connection(sqlite3 *sqlite)
{
    int rc = execute(sqlite, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = NONE;"
                             "PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY;"
                             "PRAGMA cache_size = -16384; PRAGMA trusted_schema = OFF;"
                             "PRAGMA foreign_keys = OFF");
    if (rc == SQLITE_OK)
        rc = pragma_is(sqlite, "PRAGMA locking_mode", "exclusive");
    return rc;
}

static int prepare_log(struct database *database)
{
    char limit[64];
    sqlite3 *sqlite = database->sqlite;
    snprintf(limit, sizeof(limit), "PRAGMA journal_size_limit = %d", LOG_KEPT_BYTES);
    int rc = pragma_is(sqlite, "PRAGMA journal_mode = WAL", "wal");
    if (rc == SQLITE_OK)
        rc = execute(sqlite, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
    if (rc == SQLITE_OK)
        rc = pragma_is(sqlite, "PRAGMA synchronous", "2");
    if (rc == SQLITE_OK)
        rc = execute(sqlite, limit);
    sqlite3_wal_hook(sqlite, on_log, database);
    database->synced = true;
    return rc;
}

/* A clean end leaves no log behind. */
static bool ended_cleanly(const struct database *database)
{
    char name[PATH_MAX];
    struct stat status;
    snprintf(name, sizeof(name), "%s/" DATABASE_NAME "-wal", database->path);
    return stat(name, &status) < 0 || status.st_size == 0;
}

static int read_totals(struct database *database)
{
    sqlite3_stmt *row;
    int rc = database_first(database, META_READ, &row, "");
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
    database->totals = (struct totals){
        .next_id = (uint64_t)sqlite3_column_int64(row, 0),
        .cursor = (uint64_t)sqlite3_column_int64(row, 1),
        .done_count = (uint64_t)sqlite3_column_int64(row, 2),
        .done_bytes = (uint64_t)sqlite3_column_int64(row, 3),
        .file_bytes = (uint64_t)sqlite3_column_int64(row, 4),
    };
    sqlite3_reset(row);
    rc = database_first(database, BUNDLE_NEWEST, &row, "");
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    if (rc == SQLITE_ROW) {
        database->totals.bundled_id = (uint64_t)sqlite3_column_int64(row, BUNDLE_LAST);
        database->totals.bundled_cursor = (uint64_t)sqlite3_column_int64(row, BUNDLE_LAST_CURSOR);
        sqlite3_reset(row);
    }
    database->committed = database->totals;
    return SQLITE_OK;
}

static int open_file(struct database *database, const char *vfs, bool *ret_clean)
{
    char name[PATH_MAX];
    if (snprintf(name, sizeof(name), "%s/" DATABASE_NAME, database->path) >= (int)sizeof(name) - 8)
        return -ENAMETOOLONG;
    *ret_clean = ended_cleanly(database);
    int r = directory_make_file(database->path, DATABASE_NAME);
    if (r < 0)
        return r;
    int rc =
        sqlite3_open_v2(name, &database->sqlite,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
    return rc == SQLITE_OK ? 0 : -EIO;
}

static int errno_of(struct database *database, int rc)
{
    switch (database_trouble(database, rc)) {
    case TROUBLE_NO_ROOM:
        return -ENOSPC;
    case TROUBLE_NO_MEMORY:
        return -ENOMEM;
    case TROUBLE_NONE:
    case TROUBLE_BROKEN:
        break;
    }
    return -EIO;
}

static int open_tables(struct database *database, bool clean, char *message, size_t message_size)
{
    int rc = prepare_connection(database->sqlite);
    if (rc == SQLITE_OK) {
        int r = schema_check(database->sqlite, message, message_size);
        if (r < 0)
            return r;
        rc = prepare_log(database);
    }
    if (rc == SQLITE_OK && !clean)
        rc = pragma_is(database->sqlite, "PRAGMA quick_check(1)", "ok");
    if (rc == SQLITE_MISMATCH) {
        snprintf(message, message_size, "it is damaged, or cannot be opened as it must be");
        return -EIO;
    }
    if (rc == SQLITE_OK)
        rc = schema_migrate(database->sqlite);
    if (rc == SQLITE_OK)
        rc = read_totals(database);
    if (rc == SQLITE_OK)
        return 0;
    database_describe(database, rc, message, message_size);
    return errno_of(database, rc);
}

int database_open(const char *path, const char *vfs, struct database *ret_database, char *message,
                  size_t message_size)
{
    char why[256] = "";
    bool clean;
    /* Nobody asks how much memory SQLite has, and to count it takes a lock each time. It is refused
     * where SQLite is in use already. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    *ret_database = (struct database){.path = strdup(path)};
    if (!ret_database->path)
        return -ENOMEM;
    int r = pieces_open(&ret_database->pieces, path, vfs);
    if (r == 0)
        r = open_file(ret_database, vfs, &clean);
    if (r == 0)
        r = open_tables(ret_database, clean, why, sizeof(why));
    if (r < 0) {
        if (!why[0] && ret_database->sqlite)
            snprintf(why, sizeof(why), "%s", sqlite3_errmsg(ret_database->sqlite));
        snprintf(message, message_size, "%s/" DATABASE_NAME ": %s", path,
                 why[0] ? why : strerror(-r));
        database_close(ret_database, false);
    }
    return r;
}

void database_close(struct database *database, bool checkpoint)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(database->statements[i]);
    /* The last connection that closes moves the log into the database and removes it, unless it is
     * told not to touch anything any more. */
    if (database->sqlite && !checkpoint)
        sqlite3_db_config(database->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(database->sqlite);
    pieces_close(&database->pieces);
    bundle_free(&database->bundle);
    bundle_page_free(&database->page);
    free(database->path);
    *database = (struct database){0};
}

/* ---- failures ---- */

enum trouble database_trouble(struct database *database, int rc)
{
    int error = database->pieces.error;
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
        return TROUBLE_NONE;
    if (error == 0 && database->sqlite)
        error = sqlite3_system_errno(database->sqlite);
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return TROUBLE_NO_ROOM;
    case SQLITE_NOMEM:
        return TROUBLE_NO_MEMORY;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_NOMEM)
            return TROUBLE_NO_MEMORY;
        /* Never a sync: what it failed to write may be lost, and another one would not say so. */
        if (rc != SQLITE_IOERR_FSYNC && rc != SQLITE_IOERR_DIR_FSYNC &&
            (error == ENOSPC || error == EDQUOT))
            return TROUBLE_NO_ROOM;
        return TROUBLE_BROKEN;
    default:
        return TROUBLE_BROKEN;
    }
}

void database_describe(struct database *database, int rc, char *message, size_t message_size)
{
    int error = database->pieces.error;
    const char *text = sqlite3_errstr(rc);
    if (rc == SQLITE_READONLY_DBMOVED) {
        snprintf(message, message_size, "its files have been moved or removed");
        return;
    }
    if (error == 0 && database->sqlite)
        error = sqlite3_system_errno(database->sqlite);
    if (database->sqlite && sqlite3_extended_errcode(database->sqlite) == rc)
        text = sqlite3_errmsg(database->sqlite);
    if (error != 0 && (rc & 0xff) != SQLITE_CORRUPT && (rc & 0xff) != SQLITE_NOTADB)
        snprintf(message, message_size, "%s (%d): %s", text, rc, strerror(error));
    else
        snprintf(message, message_size, "%s (%d)", text, rc);
}

/* ---- statements ---- */

static int bind_placed(sqlite3_stmt *statement, int at, const struct placed *placed)
{
    if (placed->in_file)
        return sqlite3_bind_int64(statement, at, (int64_t)placed->size);
    if (!placed->data)
        return sqlite3_bind_null(statement, at);
    return sqlite3_bind_blob64(statement, at, placed->data, placed->size, SQLITE_STATIC);
}

static int bind_one(sqlite3_stmt *statement, int at, char type, va_list *arguments)
{
    const char *text;
    size_t size;
    switch (type) {
    case 'i':
        return sqlite3_bind_int64(statement, at, va_arg(*arguments, int64_t));
    case 'd':
        return sqlite3_bind_double(statement, at, va_arg(*arguments, double));
    case 's':
        return sqlite3_bind_text(statement, at, va_arg(*arguments, const char *), -1,
                                 SQLITE_STATIC);
    case 't':
        text = va_arg(*arguments, const char *);
        size = va_arg(*arguments, size_t);
        return sqlite3_bind_text64(statement, at, text, size, SQLITE_STATIC, SQLITE_UTF8);
    default: /* 'p' */
        return bind_placed(statement, at, va_arg(*arguments, const struct placed *));
    }
}

static int find(struct database *database, enum statement which, sqlite3_stmt **ret_statement,
                const char *types, va_list *arguments)
{
    sqlite3_stmt **statement = &database->statements[which];
    int rc = SQLITE_OK;
    database->pieces.error = 0;
    if (!*statement)
        rc = sqlite3_prepare_v3(database->sqlite, statement_sql(which), -1,
                                SQLITE_PREPARE_PERSISTENT, statement, NULL);
    for (int i = 0; rc == SQLITE_OK && types[i]; i++)
        rc = bind_one(*statement, i + 1, types[i], arguments);
    if (rc == SQLITE_OK)
        *ret_statement = *statement;
    return rc;
}

int database_run(struct database *database, enum statement which, const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list arguments;
    va_start(arguments, types);
    int rc = find(database, which, &statement, types, &arguments);
    va_end(arguments);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int database_find(struct database *database, enum statement which, sqlite3_stmt **ret_statement,
                  const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    int rc = find(database, which, ret_statement, types, &arguments);
    va_end(arguments);
    return rc;
}

int database_first(struct database *database, enum statement which, sqlite3_stmt **ret_statement,
                   const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    int rc = find(database, which, ret_statement, types, &arguments);
    va_end(arguments);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(*ret_statement);
    if (rc != SQLITE_ROW)
        sqlite3_reset(*ret_statement);
    return rc;
}

/* ---- transactions ---- */

int database_begin(struct database *database, bool sync)
{
    if (sync != database->synced) {
        int rc = execute(database->sqlite,
                         sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        if (rc != SQLITE_OK)
            return rc;
        database->synced = sync;
    }
    return database_run(database, BEGIN, "");
}

static int write_totals(struct database *database)
{
    const struct totals *totals = &database->totals;
    if (memcmp(totals, &database->committed, sizeof(*totals)) == 0)
        return SQLITE_OK;
    return database_run(database, META_WRITE, "iiiii", totals->next_id, totals->cursor,
                        totals->done_count, totals->done_bytes, totals->file_bytes);
}

/* A file that has been removed, or moved away with its directory, takes what is written to it all
 * the same, and nobody would find it there. */
static bool has_moved(struct database *database)
{
    int moved = 0;
    return sqlite3_file_control(database->sqlite, NULL, SQLITE_FCNTL_HAS_MOVED, &moved) ==
               SQLITE_OK &&
           moved;
}

int database_commit(struct database *database)
{
    int rc = database_map_flush(database);
    if (rc == SQLITE_OK)
        rc = fresh_flush(database);
    if (rc == SQLITE_OK)
        rc = bundle_flush(database);
    if (rc == SQLITE_OK)
        rc = write_totals(database);
    if (rc == SQLITE_OK)
        rc = database_run(database, COMMIT, "");
    if (rc == SQLITE_OK && has_moved(database))
        rc = SQLITE_READONLY_DBMOVED;
    if (rc != SQLITE_OK)
        return rc;
    database->committed = database->totals;
    pieces_committed(&database->pieces);
    /* What a synced commit has forgotten does not come back. */
    if (database->synced)
        pieces_sweep(&database->pieces);
    return rc;
}

void database_rollback(struct database *database)
{
    if (!sqlite3_get_autocommit(database->sqlite))
        database_run(database, ROLLBACK, "");
    database->totals = database->committed;
    database->map = (struct map_row){0};
    fresh_drop(database);
    bundle_drop(database);
    pieces_rolled_back(&database->pieces);
}

/* ---- the map at hand ---- */

int database_map_flush(struct database *database)
{
    struct map_row *map = &database->map;
    if (!map->dirty)
        return SQLITE_OK;
    map->dirty = false;
    return database_run(database, MAP_WRITE, "iiiiiiiiiiii", map->id, (int64_t)map->open,
                        map->count, map->first, map->running, map->cancelled, map->finished,
                        map->failed, map->gone_cancelled, map->gone_finished, map->bytes,
                        (int64_t)map->counted);
}

int database_map(struct database *database, uint64_t id, bool *ret_found)
{
    struct map_row *map = &database->map;
    sqlite3_stmt *row = NULL;
    *ret_found = true;
    if (map->id == id)
        return SQLITE_OK;
    int rc = database_map_flush(database);
    map->id = 0;
    if (rc == SQLITE_OK)
        rc = database_first(database, MAP_READ, &row, "i", id);
    *ret_found = rc == SQLITE_ROW;
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    *map = (struct map_row){
        .id = id,
        .open = sqlite3_column_int(row, 0) != 0,
        .was_open = sqlite3_column_int(row, 1) != 0,
        .fail_fast = sqlite3_column_int(row, 2) != 0,
        .window = (uint64_t)sqlite3_column_int64(row, 3),
        .count = (uint64_t)sqlite3_column_int64(row, 4),
        .first = (uint64_t)sqlite3_column_int64(row, 5),
        .running = (uint64_t)sqlite3_column_int64(row, 6),
        .cancelled = (uint64_t)sqlite3_column_int64(row, 7),
        .finished = (uint64_t)sqlite3_column_int64(row, 8),
        .failed = (uint64_t)sqlite3_column_int64(row, 9),
        .gone_cancelled = (uint64_t)sqlite3_column_int64(row, 10),
        .gone_finished = (uint64_t)sqlite3_column_int64(row, 11),
        .bytes = (uint64_t)sqlite3_column_int64(row, 12),
        .counted = sqlite3_column_int(row, 13) != 0,
    };
    sqlite3_reset(row);
    return SQLITE_OK;
}

/* ---- the log ---- */

int database_checkpoint(struct database *database, bool shrink)
{
    int rc = sqlite3_wal_checkpoint_v2(
        database->sqlite, NULL, shrink ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
        NULL, NULL);
    database->pieces.error = 0;
    if (rc == SQLITE_OK) {
        database->wal_pages = 0;
        pieces_sweep(&database->pieces);
    }
    return rc;
}

uint64_t database_free_bytes(struct database *database)
{
    sqlite3_stmt *row;
    uint64_t bytes = 0;
    int rc = database_first(database, FREE_BYTES, &row, "");
    if (rc == SQLITE_ROW) {
        bytes = (uint64_t)sqlite3_column_int64(row, 0);
        sqlite3_reset(row);
    }
    return bytes;
}

uint64_t database_size(const struct database *database)
{
    static const char *const ends[] = {"", "-wal"};
    uint64_t bytes = 0;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char name[PATH_MAX];
        struct stat status;
        snprintf(name, sizeof(name), "%s/" DATABASE_NAME "%s", database->path, ends[i]);
        if (stat(name, &status) == 0)
            bytes += (uint64_t)status.st_size;
    }
    return bytes;
}

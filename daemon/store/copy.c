#include "daemon/store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/core/begun.h"
#include "daemon/store/database.h"

/* What one step does. */
#define PAGES_AT_ONCE 256
#define ROWS_AT_ONCE  64
#define IDS_AT_ONCE   65536

static int errno_of(struct copy *copy, int rc)
{
    int error = copy->sqlite ? sqlite3_system_errno(copy->sqlite) : 0;
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_FULL:
        return -ENOSPC;
    default:
        return error > 0 ? -error : -EIO;
    }
}

/* ---- starts that were stored ahead ---- */

static void has_begun(sqlite3_context *context, int count, sqlite3_value **values)
{
    const _Atomic uint64_t *marks = sqlite3_user_data(context);
    (void)count;
    sqlite3_result_int(context, begun_has(marks, (uint64_t)sqlite3_value_int64(values[0]),
                                          (unsigned)sqlite3_value_int64(values[1])));
}

static int add_function(struct copy *copy, struct database *database)
{
    if (!database->marks)
        return SQLITE_OK;
    return sqlite3_create_function(copy->sqlite, "has_begun", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                   database->marks, has_begun, NULL, NULL);
}

/* Nobody who takes the copy has the marks: what has none yet is pending there. */
static int take_starts_back(struct copy *copy, struct database *database)
{
    char sql[256];
    uint64_t from = copy->checked + 1;
    copy->checked = database->marks ? copy->checked + IDS_AT_ONCE : database->totals.next_id;
    if (!database->marks)
        return SQLITE_OK;
    snprintf(sql, sizeof(sql),
             "UPDATE future SET state = 0, started_us = 0 WHERE id BETWEEN %llu AND %llu"
             " AND state = 1 AND flags & %d AND NOT has_begun(id, attempt)",
             (unsigned long long)from, (unsigned long long)copy->checked, FUTURE_MAY_HAVE_BEGUN);
    return sqlite3_exec(copy->sqlite, sql, NULL, NULL, NULL);
}

/* ---- beginning and giving up ---- */

int copy_begin(struct copy *copy, struct database *database, const char *path)
{
    struct copy new = {.path = strdup(path)};
    int r = -ENOMEM;
    *copy = (struct copy){0};
    if (!new.path || asprintf(&new.part, "%s.XXXXXX", path) < 0) {
        free(new.path);
        return r;
    }
    /* Made here, for its mode; and by nobody before: what lies beside it is not ours, and a file
     * that was put there for us would leave its owner with a copy of everything. */
    int fd = access(path, F_OK) == 0 ? -1 : mkostemp(new.part, O_CLOEXEC);
    if (fd < 0) {
        r = access(path, F_OK) == 0 ? -EEXIST : -errno;
        free(new.path);
        free(new.part);
        return r;
    }
    fd_close(fd);
    *copy = new;
    int rc = sqlite3_open_v2(copy->part, &copy->sqlite,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                             database->pieces.vfs->zName);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(copy->sqlite,
                          "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF;"
                          "PRAGMA journal_mode = OFF",
                          NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = add_function(copy, database);
    if (rc == SQLITE_OK) {
        copy->backup = sqlite3_backup_init(copy->sqlite, "main", database->sqlite, "main");
        rc = copy->backup ? SQLITE_OK : sqlite3_extended_errcode(copy->sqlite);
    }
    if (rc != SQLITE_OK) {
        r = errno_of(copy, rc);
        copy_abort(copy, database);
        return r;
    }
    /* What is removed from now on is still read. */
    database->pieces.keep = true;
    return 0;
}

static void release(struct copy *copy, struct database *database)
{
    if (copy->backup)
        sqlite3_backup_finish(copy->backup);
    sqlite3_close(copy->sqlite);
    free(copy->path);
    free(copy->part);
    *copy = (struct copy){0};
    if (database->pieces.keep) {
        database->pieces.keep = false;
        /* Only what a checkpoint or a synced commit lets go may go; they sweep. */
    }
}

void copy_abort(struct copy *copy, struct database *database)
{
    if (!copy->path)
        return;
    unlink(copy->part);
    release(copy, database);
}

/* ---- texts in files ---- */

static int fill_one(struct copy *copy, struct database *database, const struct piece *piece,
                    const char *sql, uint64_t key, size_t size)
{
    sqlite3_stmt *update;
    char *data;
    int rc = piece_read(&database->pieces, piece, size, &data);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_prepare_v2(copy->sqlite, sql, -1, &update, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(update, 1, (int64_t)key);
        sqlite3_bind_blob64(update, 2, data, size, SQLITE_STATIC);
        sqlite3_bind_int64(update, 3, piece->attempt);
        rc = sqlite3_step(update);
        sqlite3_finalize(update);
    }
    free(data);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* *ret_more false: there are none left. */
static int fill_done(struct copy *copy, struct database *database, bool *ret_more)
{
    static const char *const updates[] = {
        "UPDATE done SET json = ?2 WHERE cursor = ?1",
        "UPDATE done SET stdout = ?2 WHERE cursor = ?1",
        "UPDATE done SET stderr = ?2 WHERE cursor = ?1",
    };
    sqlite3_stmt *row;
    size_t count = 0;
    int rc = sqlite3_prepare_v2(copy->sqlite,
                                "SELECT d.cursor, d.id, f.attempt, d.json, d.stdout, d.stderr"
                                " FROM done d JOIN future f ON f.id = d.id"
                                " WHERE d.cursor > ? AND d.files > 0 ORDER BY d.cursor LIMIT ?",
                                -1, &row, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(row, 1, (int64_t)copy->filled);
    sqlite3_bind_int(row, 2, ROWS_AT_ONCE);
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        uint64_t cursor = (uint64_t)sqlite3_column_int64(row, 0);
        struct piece piece = {
            .id = (uint64_t)sqlite3_column_int64(row, 1),
            .attempt = (unsigned)sqlite3_column_int64(row, 2),
        };
        rc = SQLITE_OK;
        for (int i = 0; rc == SQLITE_OK && i < 3; i++) {
            piece.kind = (enum piece_kind)i;
            if (sqlite3_column_type(row, 3 + i) == SQLITE_INTEGER)
                rc = fill_one(copy, database, &piece, updates[i], cursor,
                              (size_t)sqlite3_column_int64(row, 3 + i));
        }
        if (rc != SQLITE_OK)
            break;
        copy->filled = cursor;
        count++;
    }
    sqlite3_finalize(row);
    *ret_more = count == ROWS_AT_ONCE;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int fill_attempts(struct copy *copy, struct database *database)
{
    sqlite3_stmt *row;
    int rc = sqlite3_prepare_v2(copy->sqlite,
                                "SELECT id, number, json FROM attempt"
                                " WHERE typeof(json) = 'integer'",
                                -1, &row, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        struct piece piece = {
            .id = (uint64_t)sqlite3_column_int64(row, 0),
            .attempt = (unsigned)sqlite3_column_int64(row, 1),
            .kind = PIECE_EARLIER,
        };
        rc = fill_one(copy, database, &piece,
                      "UPDATE attempt SET json = ?2 WHERE id = ?1 AND number = ?3", piece.id,
                      (size_t)sqlite3_column_int64(row, 2));
    }
    sqlite3_finalize(row);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- the steps ---- */

static int step_pages(struct copy *copy)
{
    int rc = sqlite3_backup_step(copy->backup, PAGES_AT_ONCE);
    if (rc != SQLITE_DONE)
        return rc;
    rc = sqlite3_backup_finish(copy->backup);
    copy->backup = NULL;
    /* The pages say that there is a log beside them; here there is none. */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(copy->sqlite,
                          "PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = DELETE;"
                          "PRAGMA synchronous = OFF; UPDATE meta SET file_bytes = 0",
                          NULL, NULL, NULL);
    return rc;
}

static int sync_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fsync(fd) < 0 ? -errno : 0;
    fd_close(fd);
    return r;
}

static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
    if (!folder)
        return -ENOMEM;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    fd_close(fd);
    free(folder);
    return r;
}

/* It gets its name when all of it is on the disk, and never takes one that is there. */
static int finish(struct copy *copy)
{
    int rc = sqlite3_close(copy->sqlite);
    copy->sqlite = NULL; /* a good one is gone now, and has no more to say */
    int r = errno_of(copy, rc);
    if (r == 0)
        r = sync_file(copy->part);
    if (r == 0 && link(copy->part, copy->path) < 0)
        r = -errno;
    unlink(copy->part);
    return r == 0 ? sync_folder_of(copy->path) : r;
}

int copy_step(struct copy *copy, struct database *database)
{
    bool more = true;
    int rc, r;
    if (copy->backup) {
        rc = step_pages(copy);
    } else if (copy->checked < database->totals.next_id) {
        rc = take_starts_back(copy, database);
    } else if (!copy->attempts_filled) {
        rc = fill_attempts(copy, database);
        copy->attempts_filled = rc == SQLITE_OK;
    } else {
        rc = fill_done(copy, database, &more);
    }
    if (rc == SQLITE_OK && more)
        return 1;
    r = rc == SQLITE_OK ? finish(copy) : errno_of(copy, rc);
    if (rc != SQLITE_OK)
        copy_abort(copy, database);
    else
        release(copy, database);
    return r;
}

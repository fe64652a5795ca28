#include "daemon/store/pieces.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/directory.h"

#define FOLDER     "output"
#define NAME_BYTES 64

static const char *const names[PIECES] = {
    [PIECE_RESULT] = "result",
    [PIECE_STDOUT] = "stdout",
    [PIECE_STDERR] = "stderr",
    [PIECE_EARLIER] = "earlier",
};

int pieces_open(struct pieces *pieces, const char *path, const char *vfs)
{
    *pieces = (struct pieces){.vfs = sqlite3_vfs_find(vfs)};
    if (!pieces->vfs)
        return -EINVAL;
    if (asprintf(&pieces->path, "%s/" FOLDER, path) < 0) {
        pieces->path = NULL;
        return -ENOMEM;
    }
    return directory_make(path, FOLDER);
}

void pieces_close(struct pieces *pieces)
{
    free(pieces->created.pieces);
    free(pieces->doomed.pieces);
    free(pieces->removed.pieces);
    free(pieces->path);
    *pieces = (struct pieces){0};
}

static bool list_add(struct piece_list *list, const struct piece *piece)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct piece *grown = reallocarray(list->pieces, capacity, sizeof(*grown));
        if (!grown)
            return false;
        list->pieces = grown;
        list->capacity = capacity;
    }
    list->pieces[list->count++] = *piece;
    return true;
}

/* ---- one file ---- */

/* The name that the VFS wants is followed by the zeroes that end SQLite's lists of parameters. */
static char *name_of(const struct pieces *pieces, const struct piece *piece)
{
    size_t size = strlen(pieces->path) + NAME_BYTES;
    char *name = calloc(1, size);
    if (name)
        snprintf(name, size - 4, "%s/%" PRIu64 ".%u.%s", pieces->path, piece->id, piece->attempt,
                 names[piece->kind]);
    return name;
}

static int remember_error(struct pieces *pieces, sqlite3_file *file, int rc)
{
    pieces->error = 0;
    if (rc != SQLITE_OK && file && file->pMethods)
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &pieces->error);
    return rc;
}

/* A super-journal is what SQLite calls a file that is synced together with its directory and that
 * nobody locks. */
static int file_open(struct pieces *pieces, const char *name, int flags, sqlite3_file **ret_file)
{
    sqlite3_file *file = calloc(1, (size_t)pieces->vfs->szOsFile);
    int out;
    if (!file)
        return SQLITE_NOMEM;
    int rc = pieces->vfs->xOpen(pieces->vfs, name, file, flags | SQLITE_OPEN_SUPER_JOURNAL, &out);
    if (rc == SQLITE_OK) {
        *ret_file = file;
        return rc;
    }
    pieces->error = errno;
    if (file->pMethods)
        file->pMethods->xClose(file);
    free(file);
    return rc;
}

static void file_close(sqlite3_file *file)
{
    file->pMethods->xClose(file);
    free(file);
}

/* SQLite's files take and give less than 128 KiB at a time, and cut off what is more. */
#define PART_BYTES 65536

static int write_all(sqlite3_file *file, const char *data, size_t size)
{
    int rc = SQLITE_OK;
    size_t at = 0;
    while (rc == SQLITE_OK && at < size) {
        size_t part = size - at < PART_BYTES ? size - at : PART_BYTES;
        rc = file->pMethods->xWrite(file, data + at, (int)part, (sqlite3_int64)at);
        at += part;
    }
    return rc;
}

static int read_all(sqlite3_file *file, char *data, size_t size)
{
    sqlite3_int64 there;
    int rc = file->pMethods->xFileSize(file, &there);
    if (rc == SQLITE_OK && (uint64_t)there != size)
        return SQLITE_CORRUPT;
    size_t at = 0;
    while (rc == SQLITE_OK && at < size) {
        size_t part = size - at < PART_BYTES ? size - at : PART_BYTES;
        rc = file->pMethods->xRead(file, data + at, (int)part, (sqlite3_int64)at);
        at += part;
    }
    return rc;
}

static void file_remove(struct pieces *pieces, const struct piece *piece)
{
    char *name = name_of(pieces, piece);
    /* What cannot be removed now is an orphan, and removed at the next start. */
    if (name)
        pieces->vfs->xDelete(pieces->vfs, name, 0);
    free(name);
}

int piece_write(struct pieces *pieces, const struct piece *piece, const void *data, size_t size,
                bool sync)
{
    sqlite3_file *file;
    char *name = name_of(pieces, piece);
    if (!name || !list_add(&pieces->created, piece)) {
        free(name);
        return SQLITE_NOMEM;
    }
    int rc = file_open(pieces, name, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &file);
    if (rc != SQLITE_OK) {
        free(name);
        return rc;
    }
    rc = file->pMethods->xTruncate(file, 0);
    if (rc == SQLITE_OK)
        rc = write_all(file, data, size);
    if (rc == SQLITE_OK && sync)
        rc = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    remember_error(pieces, file, rc);
    file_close(file);
    free(name);
    return rc;
}

int piece_read(struct pieces *pieces, const struct piece *piece, size_t size, char **ret_data)
{
    sqlite3_file *file;
    char *name = name_of(pieces, piece);
    char *data = malloc(size + 1);
    if (!name || !data) {
        free(name);
        free(data);
        return SQLITE_NOMEM;
    }
    int rc = file_open(pieces, name, SQLITE_OPEN_READONLY, &file);
    if (rc == SQLITE_OK) {
        rc = remember_error(pieces, file, read_all(file, data, size));
        file_close(file);
    }
    free(name);
    if (rc != SQLITE_OK) {
        free(data);
        return rc;
    }
    data[size] = '\0';
    *ret_data = data;
    return rc;
}

/* ---- transactions ---- */

int piece_doom(struct pieces *pieces, const struct piece *piece)
{
    return list_add(&pieces->doomed, piece) ? SQLITE_OK : SQLITE_NOMEM;
}

void pieces_committed(struct pieces *pieces)
{
    pieces->created.count = 0;
    /* What finds no place in the list is removed as an orphan at the next start. */
    for (size_t i = 0; i < pieces->doomed.count; i++)
        if (!list_add(&pieces->removed, &pieces->doomed.pieces[i]))
            break;
    pieces->doomed.count = 0;
}

void pieces_rolled_back(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->created.count; i++)
        file_remove(pieces, &pieces->created.pieces[i]);
    pieces->created.count = 0;
    pieces->doomed.count = 0;
}

void pieces_sweep(struct pieces *pieces)
{
    if (pieces->keep)
        return;
    for (size_t i = 0; i < pieces->removed.count; i++)
        file_remove(pieces, &pieces->removed.pieces[i]);
    pieces->removed.count = 0;
}

/* ---- what is left over ---- */

static bool name_parse(const char *name, struct piece *ret_piece)
{
    char kind[16], again[NAME_BYTES];
    int kind_index = 0;
    if (sscanf(name, "%20" SCNu64 ".%10u.%15s", &ret_piece->id, &ret_piece->attempt, kind) != 3)
        return false;
    while (kind_index < PIECES && strcmp(names[kind_index], kind) != 0)
        kind_index++;
    if (kind_index == PIECES)
        return false;
    ret_piece->kind = (enum piece_kind)kind_index;
    snprintf(again, sizeof(again), "%" PRIu64 ".%u.%s", ret_piece->id, ret_piece->attempt, kind);
    return strcmp(again, name) == 0;
}

int pieces_clean(struct pieces *pieces, bool (*fn)(void *arg, const struct piece *piece), void *arg)
{
    struct dirent *entry;
    struct piece piece;
    DIR *directory = opendir(pieces->path);
    if (!directory)
        return -errno;
    /* A name that is none of ours stays: it is not ours to remove. */
    while ((entry = readdir(directory)))
        if (name_parse(entry->d_name, &piece) && !fn(arg, &piece))
            file_remove(pieces, &piece);
    closedir(directory);
    return 0;
}

#include "daemon/store/reserve.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define BLOCK_BYTES 65536
/* No more than that part of a file system is set aside. */
#define SHARE 8

static size_t fair_size(const char *path, size_t wanted)
{
    struct statvfs fs;
    /* Some file systems do not say how large they are. */
    if (statvfs(path, &fs) < 0 || fs.f_blocks == 0)
        return wanted;
    uint64_t share = (uint64_t)fs.f_blocks * fs.f_frsize / SHARE;
    return share < wanted ? (size_t)share : wanted;
}

int reserve_open(struct reserve *reserve, const char *path, const char *vfs, size_t bytes)
{
    size_t size = strlen(path) + 32;
    *reserve = (struct reserve){.vfs = sqlite3_vfs_find(vfs), .bytes = fair_size(path, bytes)};
    /* Zeroes at the end: SQLite looks for parameters behind a name. */
    reserve->name = calloc(1, size);
    if (!reserve->name)
        return -ENOMEM;
    snprintf(reserve->name, size - 4, "%s/reserve", path);
    reserve_make(reserve);
    return 0;
}

void reserve_close(struct reserve *reserve)
{
    free(reserve->name);
    *reserve = (struct reserve){0};
}

/* The VFS asks the file system for the blocks (posix_fallocate), a chunk at a time. */
static int allocate(sqlite3_file *file, size_t bytes)
{
    static const char zeroes[BLOCK_BYTES];
    int chunk = BLOCK_BYTES;
    sqlite3_int64 wanted = (sqlite3_int64)bytes, there = 0;
    int rc = file->pMethods->xFileSize(file, &there);
    if (rc != SQLITE_OK || there >= wanted)
        return rc;
    file->pMethods->xFileControl(file, SQLITE_FCNTL_CHUNK_SIZE, &chunk);
    rc = file->pMethods->xFileControl(file, SQLITE_FCNTL_SIZE_HINT, &wanted);
    if (rc != SQLITE_NOTFOUND)
        return rc;
    rc = SQLITE_OK;
    for (size_t at = 0; rc == SQLITE_OK && at < bytes; at += BLOCK_BYTES)
        rc = file->pMethods->xWrite(file, zeroes, BLOCK_BYTES, (sqlite3_int64)at);
    return rc;
}

bool reserve_make(struct reserve *reserve)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_SUPER_JOURNAL;
    if (reserve->bytes == 0 || reserve->there)
        return true;
    sqlite3_file *file = calloc(1, (size_t)reserve->vfs->szOsFile);
    if (!file)
        return false;
    int rc = reserve->vfs->xOpen(reserve->vfs, reserve->name, file, flags, &flags);
    if (rc == SQLITE_OK)
        rc = allocate(file, reserve->bytes);
    if (file->pMethods)
        file->pMethods->xClose(file);
    free(file);
    /* Half of it is of no use, and in the way. */
    if (rc != SQLITE_OK)
        reserve->vfs->xDelete(reserve->vfs, reserve->name, 0);
    reserve->there = rc == SQLITE_OK;
    return reserve->there;
}

bool reserve_give_up(struct reserve *reserve)
{
    if (reserve->bytes == 0 || !reserve->there)
        return false;
    reserve->vfs->xDelete(reserve->vfs, reserve->name, 0);
    reserve->there = false;
    return true;
}

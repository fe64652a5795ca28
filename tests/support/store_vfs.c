#include "tests/support/store_vfs.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 4096

enum operation_kind { OPERATION_WRITE, OPERATION_TRUNCATE, OPERATION_SYNC, OPERATION_DELETE };

struct operation {
    enum operation_kind kind;
    size_t file;
    uint64_t offset, size;
    char *data;
};

struct test_file {
    sqlite3_file base;
    size_t index;
    bool chunked;       /* a hint of its size allocates */
    sqlite3_file *real; /* behind this structure */
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    bool registered;
    uint64_t limit;
    unsigned fail_sync, syncs, fail_room;
    bool room_failed, room_fails_on;
    bool fail_writes, fail_reads, over_quota, skip_syncs;
    char *names[FILES];
    uint64_t sizes[FILES];
    size_t file_count;
    char directory[PATH_MAX]; /* "" : nothing is recorded */
    struct operation *operations;
    size_t count, capacity;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- with the lock held ---- */

static size_t index_of(const char *name)
{
    for (size_t i = 0; i < disk.file_count; i++)
        if (strcmp(disk.names[i], name) == 0)
            return i;
    ck_assert_uint_lt(disk.file_count, FILES);
    disk.names[disk.file_count] = strdup(name);
    ck_assert_ptr_nonnull(disk.names[disk.file_count]);
    disk.sizes[disk.file_count] = 0;
    return disk.file_count++;
}

static uint64_t used(void)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < disk.file_count; i++)
        bytes += disk.sizes[i];
    return bytes;
}

static bool has_room(size_t index, uint64_t size)
{
    if (disk.fail_room > 0 && --disk.fail_room == 0) {
        disk.room_failed = true;
        return false;
    }
    if (disk.room_failed && disk.room_fails_on)
        return false;
    return size <= disk.sizes[index] || used() + size - disk.sizes[index] <= disk.limit;
}

static void record(enum operation_kind kind, size_t file, uint64_t offset, const void *data,
                   uint64_t size)
{
    size_t length = strlen(disk.directory);
    if (length == 0 || strncmp(disk.names[file], disk.directory, length) != 0)
        return;
    if (disk.count == disk.capacity) {
        disk.capacity = disk.capacity ? disk.capacity * 2 : 1024;
        disk.operations = reallocarray(disk.operations, disk.capacity, sizeof(struct operation));
        ck_assert_ptr_nonnull(disk.operations);
    }
    struct operation *operation = &disk.operations[disk.count++];
    *operation = (struct operation){.kind = kind, .file = file, .offset = offset, .size = size};
    if (data) {
        operation->data = malloc(size + 1);
        ck_assert_ptr_nonnull(operation->data);
        memcpy(operation->data, data, size);
    }
}

/* ---- a file ---- */

static struct test_file *file_of(sqlite3_file *base)
{
    return (struct test_file *)(void *)base;
}

static int file_close(sqlite3_file *base)
{
    return file_of(base)->real->pMethods->xClose(file_of(base)->real);
}

static int file_read(sqlite3_file *base, void *data, int size, sqlite3_int64 offset)
{
    pthread_mutex_lock(&disk.lock);
    bool fail = disk.fail_reads;
    pthread_mutex_unlock(&disk.lock);
    if (fail)
        return SQLITE_IOERR_READ;
    return file_of(base)->real->pMethods->xRead(file_of(base)->real, data, size, offset);
}

static int file_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 offset)
{
    struct test_file *file = file_of(base);
    uint64_t end = (uint64_t)offset + (uint64_t)size;
    int rc = SQLITE_OK;
    pthread_mutex_lock(&disk.lock);
    if (disk.fail_writes || disk.over_quota)
        rc = SQLITE_IOERR_WRITE;
    else if (!has_room(file->index, end))
        rc = SQLITE_FULL;
    else
        rc = file->real->pMethods->xWrite(file->real, data, size, offset);
    if (rc == SQLITE_OK) {
        if (disk.sizes[file->index] < end)
            disk.sizes[file->index] = end;
        record(OPERATION_WRITE, file->index, (uint64_t)offset, data, (uint64_t)size);
    }
    if (disk.over_quota)
        errno = EDQUOT;
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct test_file *file = file_of(base);
    pthread_mutex_lock(&disk.lock);
    int rc = file->real->pMethods->xTruncate(file->real, size);
    if (rc == SQLITE_OK) {
        disk.sizes[file->index] = (uint64_t)size;
        record(OPERATION_TRUNCATE, file->index, (uint64_t)size, NULL, 0);
    }
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct test_file *file = file_of(base);
    int rc = SQLITE_OK;
    pthread_mutex_lock(&disk.lock);
    disk.syncs++;
    bool fail = disk.fail_sync > 0 && --disk.fail_sync == 0;
    bool skip = disk.skip_syncs;
    if (!fail)
        record(OPERATION_SYNC, file->index, 0, NULL, 0);
    pthread_mutex_unlock(&disk.lock);
    if (fail)
        return SQLITE_IOERR_FSYNC;
    if (!skip)
        rc = file->real->pMethods->xSync(file->real, flags);
    return rc;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
    return file_of(base)->real->pMethods->xFileSize(file_of(base)->real, ret_size);
}

static int file_lock(sqlite3_file *base, int level)
{
    return file_of(base)->real->pMethods->xLock(file_of(base)->real, level);
}

static int file_unlock(sqlite3_file *base, int level)
{
    return file_of(base)->real->pMethods->xUnlock(file_of(base)->real, level);
}

static int file_is_reserved(sqlite3_file *base, int *ret_reserved)
{
    return file_of(base)->real->pMethods->xCheckReservedLock(file_of(base)->real, ret_reserved);
}

static int file_control(sqlite3_file *base, int operation, void *arg)
{
    struct test_file *file = file_of(base);
    int rc;
    pthread_mutex_lock(&disk.lock);
    if (operation == SQLITE_FCNTL_LAST_ERRNO && disk.over_quota) {
        *(int *)arg = EDQUOT;
        pthread_mutex_unlock(&disk.lock);
        return SQLITE_OK;
    }
    if (operation == SQLITE_FCNTL_CHUNK_SIZE)
        file->chunked = true;
    if (operation == SQLITE_FCNTL_SIZE_HINT && file->chunked) {
        uint64_t wanted = (uint64_t) * (sqlite3_int64 *)arg;
        if (disk.over_quota || !has_room(file->index, wanted)) {
            pthread_mutex_unlock(&disk.lock);
            return SQLITE_FULL;
        }
        disk.sizes[file->index] = wanted;
    }
    rc = file->real->pMethods->xFileControl(file->real, operation, arg);
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

static int file_sector_size(sqlite3_file *base)
{
    return file_of(base)->real->pMethods->xSectorSize(file_of(base)->real);
}

/* Nothing is safe that SQLite does not make safe. */
static int file_characteristics(sqlite3_file *base)
{
    (void)base;
    return 0;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

/* ---- the VFS ---- */

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *base, int flags,
                    int *ret_flags)
{
    struct test_file *file = file_of(base);
    sqlite3_int64 size = 0;
    (void)vfs;
    file->base.pMethods = NULL;
    file->chunked = false;
    file->real = (sqlite3_file *)(void *)(file + 1);
    int rc = disk.real->xOpen(disk.real, name, file->real, flags, ret_flags);
    if (rc != SQLITE_OK)
        return rc;
    file->real->pMethods->xFileSize(file->real, &size);
    pthread_mutex_lock(&disk.lock);
    file->index = index_of(name ? name : "temporary");
    disk.sizes[file->index] = (uint64_t)size;
    pthread_mutex_unlock(&disk.lock);
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    int rc = disk.real->xDelete(disk.real, name, sync_directory);
    if (rc == SQLITE_OK) {
        pthread_mutex_lock(&disk.lock);
        size_t index = index_of(name);
        disk.sizes[index] = 0;
        record(OPERATION_DELETE, index, 0, NULL, 0);
        pthread_mutex_unlock(&disk.lock);
    }
    return rc;
}

void test_vfs_init(void)
{
    disk.limit = UINT64_MAX;
    disk.fail_sync = disk.syncs = disk.fail_room = 0;
    disk.room_failed = disk.room_fails_on = false;
    disk.fail_writes = disk.fail_reads = disk.over_quota = disk.skip_syncs = false;
    if (disk.registered)
        return;
    disk.real = sqlite3_vfs_find(NULL);
    ck_assert_ptr_nonnull(disk.real);
    disk.vfs = *disk.real;
    disk.vfs.zName = TEST_VFS;
    disk.vfs.pNext = NULL;
    disk.vfs.szOsFile = (int)sizeof(struct test_file) + disk.real->szOsFile;
    disk.vfs.xOpen = vfs_open;
    disk.vfs.xDelete = vfs_delete;
    ck_assert_int_eq(sqlite3_vfs_register(&disk.vfs, 0), SQLITE_OK);
    disk.registered = true;
}

#define SET(member, value)                                                                         \
    do {                                                                                           \
        pthread_mutex_lock(&disk.lock);                                                            \
        disk.member = (value);                                                                     \
        pthread_mutex_unlock(&disk.lock);                                                          \
    } while (0)

void test_vfs_limit(uint64_t bytes)
{
    SET(limit, bytes);
}

uint64_t test_vfs_used(void)
{
    pthread_mutex_lock(&disk.lock);
    uint64_t bytes = used();
    pthread_mutex_unlock(&disk.lock);
    return bytes;
}

void test_vfs_fail_sync(unsigned n)
{
    SET(fail_sync, n);
}

void test_vfs_fail_room(unsigned n, bool and_on)
{
    pthread_mutex_lock(&disk.lock);
    disk.fail_room = n;
    disk.room_fails_on = and_on;
    disk.room_failed = false;
    pthread_mutex_unlock(&disk.lock);
}

bool test_vfs_room_failed(void)
{
    pthread_mutex_lock(&disk.lock);
    bool failed = disk.room_failed;
    pthread_mutex_unlock(&disk.lock);
    return failed;
}

void test_vfs_fail_writes(bool fail)
{
    SET(fail_writes, fail);
}

void test_vfs_fail_reads(bool fail)
{
    SET(fail_reads, fail);
}

void test_vfs_quota(bool over)
{
    SET(over_quota, over);
}

void test_vfs_skip_syncs(bool skip)
{
    SET(skip_syncs, skip);
}

unsigned test_vfs_syncs(void)
{
    pthread_mutex_lock(&disk.lock);
    unsigned syncs = disk.syncs;
    pthread_mutex_unlock(&disk.lock);
    return syncs;
}

void test_vfs_record(const char *directory)
{
    pthread_mutex_lock(&disk.lock);
    snprintf(disk.directory, sizeof(disk.directory), "%s/", directory);
    pthread_mutex_unlock(&disk.lock);
}

void test_vfs_record_end(void)
{
    pthread_mutex_lock(&disk.lock);
    for (size_t i = 0; i < disk.count; i++)
        free(disk.operations[i].data);
    free(disk.operations);
    disk.operations = NULL;
    disk.count = disk.capacity = 0;
    disk.directory[0] = '\0';
    pthread_mutex_unlock(&disk.lock);
}

size_t test_vfs_recorded(void)
{
    pthread_mutex_lock(&disk.lock);
    size_t count = disk.count;
    pthread_mutex_unlock(&disk.lock);
    return count;
}

void test_vfs_forget(const char *directory)
{
    size_t length = strlen(directory);
    pthread_mutex_lock(&disk.lock);
    while (disk.file_count > 0 &&
           strncmp(disk.names[disk.file_count - 1], directory, length) == 0 &&
           disk.names[disk.file_count - 1][length] == '/')
        free(disk.names[--disk.file_count]);
    pthread_mutex_unlock(&disk.lock);
}

/* ---- the loss of power ---- */

struct image {
    bool exists;
    char *data;
    size_t size, capacity;
};

struct replay {
    struct image images[FILES]; /* what was synced */
    size_t *pending;            /* operations that were not, in their order */
    size_t pending_count, pending_capacity;
    size_t done;
};

static void image_size(struct image *image, size_t size)
{
    if (size > image->capacity) {
        image->capacity = size * 2;
        image->data = realloc(image->data, image->capacity);
        ck_assert_ptr_nonnull(image->data);
    }
    if (size > image->size)
        memset(image->data + image->size, 0, size - image->size);
    image->size = size;
}

static void image_apply(struct image *image, const struct operation *operation, size_t size)
{
    image->exists = true;
    if (operation->kind == OPERATION_TRUNCATE) {
        image_size(image, operation->offset);
        return;
    }
    if (operation->offset + size > image->size)
        image_size(image, operation->offset + size);
    if (size == 0)
        return;
    ck_assert_ptr_nonnull(image->data);
    memcpy(image->data + operation->offset, operation->data, size);
}

struct replay *replay_new(void)
{
    struct replay *replay = calloc(1, sizeof(*replay));
    ck_assert_ptr_nonnull(replay);
    return replay;
}

void replay_free(struct replay *replay)
{
    for (size_t i = 0; i < FILES; i++)
        free(replay->images[i].data);
    free(replay->pending);
    free(replay);
}

/* Takes the file's operations out of those that wait; `apply`: they are synced. */
static void settle(struct replay *replay, size_t file, bool apply)
{
    size_t kept = 0;
    for (size_t i = 0; i < replay->pending_count; i++) {
        const struct operation *operation = &disk.operations[replay->pending[i]];
        if (operation->file != file)
            replay->pending[kept++] = replay->pending[i];
        else if (apply)
            image_apply(&replay->images[file], operation, operation->size);
    }
    replay->pending_count = kept;
}

void replay_advance(struct replay *replay, size_t operations)
{
    for (; replay->done < operations; replay->done++) {
        const struct operation *operation = &disk.operations[replay->done];
        struct image *image = &replay->images[operation->file];
        switch (operation->kind) {
        case OPERATION_WRITE:
        case OPERATION_TRUNCATE:
            if (replay->pending_count == replay->pending_capacity) {
                replay->pending_capacity = replay->pending_capacity * 2 + 64;
                replay->pending =
                    reallocarray(replay->pending, replay->pending_capacity, sizeof(size_t));
                ck_assert_ptr_nonnull(replay->pending);
            }
            replay->pending[replay->pending_count++] = replay->done;
            break;
        case OPERATION_SYNC:
            settle(replay, operation->file, true);
            image->exists = true;
            break;
        case OPERATION_DELETE:
            settle(replay, operation->file, false);
            image->exists = false;
            image->size = 0;
            break;
        }
    }
}

static void write_image(const struct image *image, const char *name, const char *directory)
{
    char path[PATH_MAX * 2];
    snprintf(path, sizeof(path), "%s/%s", directory, name + strlen(disk.directory));
    if (!image->exists) {
        unlink(path);
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    for (size_t at = 0; at < image->size;) {
        ssize_t size = write(fd, image->data + at, image->size - at);
        ck_assert_int_gt(size, 0);
        at += (size_t)size;
    }
    close(fd);
}

void replay_write(const struct replay *replay, unsigned seed, const char *directory)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof(folder), "%s/output", directory);
    mkdir(folder, 0700);
    for (size_t file = 0; file < disk.file_count; file++) {
        const struct image *synced = &replay->images[file];
        struct image image = {.exists = synced->exists};
        if (strncmp(disk.names[file], disk.directory, strlen(disk.directory)) != 0)
            continue;
        image_size(&image, synced->size);
        if (image.data && synced->data)
            memcpy(image.data, synced->data, synced->size);
        for (size_t i = 0; i < replay->pending_count; i++) {
            const struct operation *operation = &disk.operations[replay->pending[i]];
            if (operation->file != file)
                continue;
            int fate = rand_r(&seed) % 3;
            size_t part = operation->size;
            if (fate == 1 && operation->kind == OPERATION_WRITE)
                part = (size_t)rand_r(&seed) % (operation->size + 1);
            if (fate != 0)
                image_apply(&image, operation, part);
        }
        write_image(&image, disk.names[file], directory);
        free(image.data);
    }
}

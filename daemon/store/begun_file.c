#include "daemon/store/begun_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/boot_id.h"
#include "daemon/base/fd.h"
#include "daemon/core/begun.h"

/* What the file holds. */
struct begun_table {
    char magic[16];
    char boot_id[BOOT_ID_BYTES];
    uint64_t places;
    _Atomic uint64_t marks[BEGUN_PLACES];
};

static const char magic[16] = "futured begun 1";

static bool is_kept(const struct begun_table *table)
{
    char boot_id[BOOT_ID_BYTES];
    boot_id_read(boot_id);
    return memcmp(table->magic, magic, sizeof(magic)) == 0 && table->places == BEGUN_PLACES &&
           boot_id[0] != '\0' && memcmp(table->boot_id, boot_id, sizeof(boot_id)) == 0;
}

int begun_file_open(const char *directory, struct begun_file *ret_file, bool *ret_kept)
{
    char name[PATH_MAX];
    if (snprintf(name, sizeof(name), "%s/begun", directory) >= (int)sizeof(name))
        return -ENAMETOOLONG;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    struct stat status;
    void *memory = MAP_FAILED;
    int r = fstat(fd, &status) < 0 ? -errno : 0;
    /* With its blocks, as a place that has none would be the end of whoever writes to it. */
    if (r == 0)
        r = -posix_fallocate(fd, 0, sizeof(struct begun_table));
    if (r == 0) {
        memory = mmap(NULL, sizeof(struct begun_table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        r = memory == MAP_FAILED ? -errno : 0;
    }
    fd_close(fd);
    if (r < 0)
        return r;
    ret_file->table = memory;
    /* What was shorter has places that are new. */
    *ret_kept = status.st_size == sizeof(struct begun_table) && is_kept(ret_file->table);
    return 0;
}

void begun_file_clear(struct begun_file *file)
{
    struct begun_table *table = file->table;
    /* Without its magic it says nothing, whenever this ends half-way. */
    memset(table->magic, 0, sizeof(table->magic));
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t i = 0; i < BEGUN_PLACES; i++)
        atomic_store(&table->marks[i], 0);
    table->places = BEGUN_PLACES;
    boot_id_read(table->boot_id);
    atomic_thread_fence(memory_order_seq_cst);
    memcpy(table->magic, magic, sizeof(magic));
}

void begun_file_close(struct begun_file *file)
{
    if (file->table)
        munmap(file->table, sizeof(*file->table));
    file->table = NULL;
}

_Atomic uint64_t *begun_file_marks(const struct begun_file *file)
{
    return file->table ? file->table->marks : NULL;
}

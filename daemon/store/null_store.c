#include "daemon/store/null_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/core/store.h"
#include "daemon/store/directory.h"

/* A line of text for people, always of this size: it is overwritten in one piece. */
#define COUNTERS_BYTES 64

struct null_store {
    struct store store;
    uint64_t next_id, cursor;
    int lock_fd, counters_fd; /* -1: there is no directory */
};

static int null_load(struct store *store, const struct store_loader *loader)
{
    const struct null_store *self = (const struct null_store *)store;
    return loader->on_counters(loader->arg, self->next_id, self->cursor);
}

static void null_observe(struct store *store, const struct store_observer *observer)
{
    (void)store;
    (void)observer;
}

static void null_put(struct store *store, const struct store_change *change)
{
    struct null_store *self = (struct null_store *)store;
    char text[COUNTERS_BYTES + 1];
    if (change->kind != CHANGE_RESERVED || self->counters_fd < 0)
        return;
    int length = snprintf(text, sizeof(text), "next_id %" PRIu64 " cursor %" PRIu64, change->id,
                          change->cursor);
    memset(text + length, ' ', (size_t)(COUNTERS_BYTES - length));
    text[COUNTERS_BYTES - 1] = '\n';
    if (pwrite(self->counters_fd, text, COUNTERS_BYTES, 0) != COUNTERS_BYTES)
        log_error("the counters cannot be written: the next daemon may use ids again");
}

static int null_reserve(struct store *store, uint64_t changes, uint64_t text_bytes)
{
    (void)store;
    (void)changes;
    (void)text_bytes;
    return 0;
}

static void *null_ticket(struct store *store)
{
    (void)store;
    return malloc(1);
}

static void null_after(struct store *store, void *ticket, store_done_fn *done, void *arg)
{
    (void)store;
    free(ticket);
    done(arg, 0);
}

static void null_commit(struct store *store, bool may_fail, store_done_fn *done, void *arg)
{
    (void)store;
    (void)may_fail;
    done(arg, 0);
}

static void null_expect_end(struct store *store, uint64_t id)
{
    (void)store;
    (void)id;
}

static void null_read(struct store *store, const struct store_query *query, store_records_fn *done,
                      void *arg)
{
    static const uint64_t none[FUTURE_STATES];
    (void)store;
    done(arg, 0, NULL, 0, query->counts ? none : NULL);
}

static void null_backup(struct store *store, const char *path, store_done_fn *done, void *arg)
{
    (void)store;
    (void)path;
    done(arg, -ENOTSUP);
}

static void null_retain(struct store *store, const struct store_retention *retention)
{
    (void)store;
    (void)retention;
}

static _Atomic uint64_t *null_marks(const struct store *store)
{
    (void)store;
    return NULL;
}

static void null_statistics(const struct store *store, struct store_statistics *ret_statistics)
{
    (void)store;
    *ret_statistics = (struct store_statistics){.commits = 0};
}

static void null_free(struct store *store)
{
    struct null_store *self = (struct null_store *)store;
    fd_close(self->counters_fd);
    fd_close(self->lock_fd);
    free(self);
}

static const struct store_ops null_ops = {
    .durability = DURABILITY_NONE,
    .load = null_load,
    .observe = null_observe,
    .put = null_put,
    .reserve = null_reserve,
    .commit = null_commit,
    .ticket = null_ticket,
    .after = null_after,
    .expect_end = null_expect_end,
    .read = null_read,
    .backup = null_backup,
    .retain = null_retain,
    .marks = null_marks,
    .statistics = null_statistics,
    .free = null_free,
};

struct store *null_store_new(void)
{
    struct null_store *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->store.ops = &null_ops;
    self->next_id = 1;
    self->lock_fd = self->counters_fd = -1;
    return &self->store;
}

/* A file that was just made is empty. */
static int read_counters(struct null_store *self)
{
    char text[COUNTERS_BYTES + 1];
    uint64_t next_id, cursor;
    ssize_t size = pread(self->counters_fd, text, COUNTERS_BYTES, 0);
    if (size < 0)
        return -errno;
    text[size] = '\0';
    if (size == 0)
        return 0;
    if (sscanf(text, "next_id %" SCNu64 " cursor %" SCNu64, &next_id, &cursor) != 2 || next_id == 0)
        return -EBADMSG;
    self->next_id = next_id;
    self->cursor = cursor;
    return 0;
}

int null_store_keep_counters(struct store *store, const char *directory, char *message,
                             size_t message_size)
{
    struct null_store *self = (struct null_store *)store;
    char *path, name[PATH_MAX];
    int r = directory_take(directory, &path, &self->lock_fd, message, message_size);
    if (r < 0)
        return r;
    int length = snprintf(name, sizeof(name), "%s/counters", path);
    free(path);
    r = length < (int)sizeof(name) ? 0 : -ENAMETOOLONG;
    if (r == 0) {
        self->counters_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        r = self->counters_fd < 0 ? -errno : read_counters(self);
    }
    if (r == 0)
        return 0;
    snprintf(message, message_size, "%s: %s", name, strerror(-r));
    self->counters_fd = fd_close(self->counters_fd);
    self->lock_fd = fd_close(self->lock_fd);
    return r;
}

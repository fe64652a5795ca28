#include "daemon/store/null_store.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/core/store.h"

static int null_load(struct store *store, const struct store_loader *loader)
{
    (void)store;
    return loader->on_counters(loader->arg, 1, 0);
}

static void null_observe(struct store *store, const struct store_observer *observer)
{
    (void)store;
    (void)observer;
}

static void null_put(struct store *store, const struct store_change *change)
{
    (void)store;
    (void)change;
}

static void null_commit(struct store *store, bool may_fail, store_done_fn *done, void *arg)
{
    (void)store;
    (void)may_fail;
    done(arg, 0);
}

static void null_expect(struct store *store, int by)
{
    (void)store;
    (void)by;
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

static void null_statistics(const struct store *store, struct store_statistics *ret_statistics)
{
    (void)store;
    *ret_statistics = (struct store_statistics){.commits = 0};
}

static void null_free(struct store *store)
{
    free(store);
}

static const struct store_ops null_ops = {
    .durability = DURABILITY_NONE,
    .load = null_load,
    .observe = null_observe,
    .put = null_put,
    .commit = null_commit,
    .expect = null_expect,
    .read = null_read,
    .backup = null_backup,
    .retain = null_retain,
    .statistics = null_statistics,
    .free = null_free,
};

struct store *null_store_new(void)
{
    struct store *store = calloc(1, sizeof(*store));
    if (store)
        store->ops = &null_ops;
    return store;
}

#include "daemon/store/null_store.h"

#include <stdlib.h>

#include "daemon/core/store.h"

static void null_commit(struct store *store, const struct store_change *changes, size_t count,
                        store_done_fn *done, void *arg)
{
    (void)store;
    (void)changes;
    (void)count;
    done(arg, 0);
}

static void null_free(struct store *store)
{
    free(store);
}

static const struct store_ops null_ops = {
    .durability = "none",
    .commit = null_commit,
    .free = null_free,
};

struct store *null_store_new(void)
{
    struct store *store = calloc(1, sizeof(*store));
    if (store)
        store->ops = &null_ops;
    return store;
}

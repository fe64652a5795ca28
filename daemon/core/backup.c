/* Copies of the store: who waits for which. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/core/executor_impl.h"

struct backup {
    TAILQ_ENTRY(backup) link;
    struct executor *executor;
    uint64_t client;
    executor_backed_up_fn *fn; /* NULL: nobody waits any more */
    void *arg;
};

static void on_backed_up(void *arg, int error)
{
    struct backup *backup = arg;
    TAILQ_REMOVE(&backup->executor->backups, backup, link);
    if (backup->fn)
        backup->fn(backup->arg, error);
    free(backup);
}

void executor_backup(struct executor *executor, uint64_t client_number, const char *path,
                     executor_backed_up_fn *fn, void *arg)
{
    struct backup *backup = malloc(sizeof(*backup));
    if (!backup) {
        fn(arg, -ENOMEM);
        return;
    }
    *backup = (struct backup){.executor = executor, .client = client_number, .fn = fn, .arg = arg};
    TAILQ_INSERT_TAIL(&executor->backups, backup, link);
    executor->settings.store->ops->backup(executor->settings.store, path, on_backed_up, backup);
}

void drop_backups(struct executor *executor, uint64_t client)
{
    struct backup *backup;
    TAILQ_FOREACH (backup, &executor->backups, link)
        if (backup->client == client)
            backup->fn = NULL;
}

void free_backups(struct executor *executor)
{
    struct backup *backup;
    while ((backup = TAILQ_FIRST(&executor->backups))) {
        TAILQ_REMOVE(&executor->backups, backup, link);
        free(backup);
    }
}

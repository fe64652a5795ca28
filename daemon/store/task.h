/* What the loop asks of the store's thread, and the answers. Each is owned by one side at a time.
 */
#ifndef FUTURED_STORE_TASK_H
#define FUTURED_STORE_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/core/store.h"
#include "daemon/store/bytes.h"
#include "daemon/store/query.h"
#include "daemon/store/retention.h"

enum task_kind {
    TASK_COMMIT,
    TASK_READ,
    TASK_BACKUP,
    TASK_EXPIRED, /* only from the thread, like the next one */
    TASK_BROKEN,
};

struct task {
    STAILQ_ENTRY(task) link;
    enum task_kind kind;
    int error; /* the answer */
    void *arg;
};
STAILQ_HEAD(task_list, task);

struct commit {
    struct task task;
    store_done_fn *done;
    bool may_fail, sync;
    uint64_t awaits, number, alarms; /* while it is not handed over, see hand_over.c */
    struct bytes bytes;              /* the changes */
    uint64_t changes;
    struct output **outputs; /* of the changes that have one, in their order */
    size_t output_count, output_capacity;
};

struct read_task {
    struct task task;
    store_records_fn *done;
    struct reading reading;
};

struct backup_task {
    struct task task;
    store_done_fn *done;
    char *path;
};

struct expired_task {
    struct task task;
    size_t count;
    struct expired_range ranges[];
};

struct broken_task {
    struct task task;
    char message[512];
};

static inline struct commit *commit_of(struct task *task)
{
    return (struct commit *)(void *)task;
}

#endif

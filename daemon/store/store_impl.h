/* The inside of the SQLite store, for its own files. sqlite_store.c is the loop's side, writer.c
 * the thread's. They meet in the two lists that the lock guards, and in the statistics. */
#ifndef FUTURED_STORE_STORE_IMPL_H
#define FUTURED_STORE_STORE_IMPL_H

#include <pthread.h>
#include <sys/queue.h>

#include "daemon/core/store.h"
#include "daemon/store/begun_file.h"
#include "daemon/store/bytes.h"
#include "daemon/store/copy.h"
#include "daemon/store/database.h"
#include "daemon/store/query.h"
#include "daemon/store/reserve.h"
#include "daemon/store/retention.h"

struct loop_task;
struct loop_timer;
struct loop_wakeup;

enum task_kind {
    TASK_COMMIT,
    TASK_READ,
    TASK_BACKUP,
    TASK_EXPIRED, /* only from the thread, like the next one */
    TASK_BROKEN,
};

/* What is asked of the thread, and what it answers. Owned by one side at a time. */
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
    struct bytes bytes; /* the changes */
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

struct sqlite_store {
    struct store store;
    struct store_ops ops; /* its own, for its durability */
    int lock_fd;
    struct loop_wakeup *wakeup;
    struct store_observer observer;
    struct begun_file begun;
    struct commit *open;     /* what was put and not committed */
    bool open_failed;        /* there was no memory for it */
    struct task_list asking; /* for the thread, which gets all of one turn at its end */
    int expecting;           /* what is to be added to `expected` with them */
    struct loop_task *hand_over;
    struct loop_timer *alarm; /* wakes the thread after all */
    bool alarm_set;
    struct task_list spare; /* commits to be used again, each with its memory */
    unsigned spare_count;
    bool started;
    uint64_t waiting; /* commits that were given and not answered */
    uint64_t commits, changes;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t asked;
    struct task_list tasks;        /* for the thread */
    struct task_list answers;      /* for the loop */
    struct store_retention retain; /* what the thread is to take over, if it has changed */
    struct store_statistics statistics;
    int expected; /* commits that are likely to come at once */
    bool asleep;  /* the thread has nothing to do */
    bool stopping, retain_changed;

    /* The thread's, once it runs. */
    struct database database;
    struct retention retention;
    struct reserve reserve;
    unsigned log_pages;           /* with so many the log is moved into the database */
    struct task_list commits_due; /* taken from `tasks`, in their order */
    struct task_list reads_due;
    struct task_list backups; /* the one at work first */
    struct copy copy;         /* what it works on */
    bool full;                /* there was no room, or the reserve has not come back */
    bool stuck;               /* the first commit due waits for room */
    bool broken;
    bool sweep;           /* there may be something that is not to be kept */
    uint64_t retry_ns;    /* when to look for room again; 0: not needed */
    uint64_t age_ns;      /* when to look for what is too old */
    uint64_t tidy_ns;     /* when to remove the few that are too many; 0: there are none */
    uint64_t commit_ns;   /* what the last one took */
    uint64_t measured_ns; /* when the files were measured */
    uint64_t database_bytes;
    struct broken_task *broken_task; /* there before memory is short */
};

/* ---- writer.c ---- */

/* The thread, from load on. 0 or -errno. */
int writer_start(struct sqlite_store *store);
/* Makes durable what was committed, and joins it. Nothing if it does not run. */
void writer_stop(struct sqlite_store *store);

#endif

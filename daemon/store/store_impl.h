/* The inside of the SQLite store, for its own files. sqlite_store.c is the loop's side, writer.c
 * the thread's. They meet in the two lists that the lock guards, and in the statistics. */
#ifndef FUTURED_STORE_STORE_IMPL_H
#define FUTURED_STORE_STORE_IMPL_H

#include <pthread.h>

#include "daemon/core/store.h"
#include "daemon/store/begun_file.h"
#include "daemon/store/copy.h"
#include "daemon/store/database.h"
#include "daemon/store/hand_over.h"
#include "daemon/store/reserve.h"
#include "daemon/store/retention.h"
#include "daemon/store/task.h"

struct loop_wakeup;

struct sqlite_store {
    struct store store;
    struct store_ops ops; /* its own, for its durability */
    int lock_fd;
    struct loop_wakeup *wakeup;
    struct store_observer observer;
    struct begun_file begun;
    struct commit *open;             /* what was put and not committed */
    bool open_failed;                /* there was no memory for it */
    uint64_t open_awaits, open_ends; /* ids: whose end is expected behind it; whose it has; or 0 */
    struct hand_over hand_over;
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

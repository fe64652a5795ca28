/* The store's thread: takes what is asked of it, commits in groups, and keeps house in between. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/store/apply.h"
#include "daemon/store/change.h"
#include "daemon/store/store_impl.h"

/* A group ends with the commit that passes one of these, so that a large one makes few others
 * wait. */
#define GROUP_CHANGES 1024
#define GROUP_BYTES   1048576
/* Reads that are served between two groups. */
#define READS_AT_ONCE 32
/* How soon to look for room again, and how often to measure the files. */
#define RETRY_NS   (200 * NS_PER_MS)
#define MEASURE_NS NS_PER_S
/* How long futures of less than a step may stay when they are too many. */
#define TIDY_NS   (10 * NS_PER_MS)
#define AGE_MAX_S 60

/* ---- answering ---- */

static void answer_all(struct sqlite_store *store, struct task_list *answers)
{
    pthread_mutex_lock(&store->lock);
    STAILQ_CONCAT(&store->answers, answers);
    pthread_mutex_unlock(&store->lock);
    loop_wakeup_ring(store->wakeup);
}

static void answer(struct sqlite_store *store, struct task *task, int error)
{
    struct task_list answers = STAILQ_HEAD_INITIALIZER(answers);
    task->error = error;
    STAILQ_INSERT_TAIL(&answers, task, link);
    answer_all(store, &answers);
}

/* Once; what is asked from now on stays unanswered. */
static void break_down(struct sqlite_store *store, const char *why)
{
    struct broken_task *broken = store->broken_task;
    if (store->broken)
        return;
    store->broken = true;
    store->broken_task = NULL;
    broken->task = (struct task){.kind = TASK_BROKEN};
    snprintf(broken->message, sizeof(broken->message), "the store in %s is broken: %s",
             store->database.path, why);
    answer(store, &broken->task, 0);
}

/* What the failure means; the store is broken where it will not pass. To be asked before anything
 * else is done with the database. */
static enum trouble judge(struct sqlite_store *store, int rc)
{
    char why[256];
    enum trouble trouble = database_trouble(&store->database, rc);
    if (trouble == TROUBLE_BROKEN) {
        database_describe(&store->database, rc, why, sizeof(why));
        break_down(store, why);
    }
    return trouble;
}

/* To be said before the answer that it explains. */
static void set_full(struct sqlite_store *store, bool full)
{
    store->full = full;
    pthread_mutex_lock(&store->lock);
    store->statistics.full = full;
    pthread_mutex_unlock(&store->lock);
}

/* ---- commits ---- */

static int apply_commit(struct database *database, const struct commit *commit)
{
    struct bytes_reader reader = {.data = commit->bytes.data, .size = commit->bytes.size};
    size_t outputs = 0;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && reader.at < reader.size) {
        struct taken_change taken;
        change_take(&reader, &taken);
        rc = apply_change(database, &taken, taken.has_output ? commit->outputs[outputs] : NULL);
        outputs += taken.has_output;
    }
    return rc;
}

/* The first `count` of the commits due, as one transaction. */
static enum trouble try_commits(struct sqlite_store *store, size_t count)
{
    struct database *database = &store->database;
    struct task *task = STAILQ_FIRST(&store->commits_due);
    uint64_t begun_ns = clock_mono_ns();
    bool sync = false, something = false;
    size_t i;
    for (i = 0; i < count; i++, task = STAILQ_NEXT(task, link)) {
        sync = sync || commit_of(task)->sync;
        something = something || commit_of(task)->changes > 0;
    }
    if (!something)
        return TROUBLE_NONE;
    int rc = database_begin(database, sync);
    task = STAILQ_FIRST(&store->commits_due);
    for (i = 0; rc == SQLITE_OK && i < count; i++, task = STAILQ_NEXT(task, link))
        rc = apply_commit(database, commit_of(task));
    if (rc == SQLITE_OK)
        rc = database_commit(database);
    enum trouble trouble = judge(store, rc);
    if (trouble != TROUBLE_NONE)
        database_rollback(database);
    pthread_mutex_lock(&store->lock);
    store->statistics.commit_ns += clock_mono_ns() - begun_ns;
    pthread_mutex_unlock(&store->lock);
    return trouble;
}

static void answer_first(struct sqlite_store *store, size_t count, int error)
{
    struct task_list answers = STAILQ_HEAD_INITIALIZER(answers);
    for (size_t i = 0; i < count; i++) {
        struct task *task = STAILQ_FIRST(&store->commits_due);
        STAILQ_REMOVE_HEAD(&store->commits_due, link);
        task->error = error;
        STAILQ_INSERT_TAIL(&answers, task, link);
    }
    answer_all(store, &answers);
}

/* All commits due that may fail, and that need room. */
static void refuse(struct sqlite_store *store, int error)
{
    struct task_list kept = STAILQ_HEAD_INITIALIZER(kept);
    struct task *task;
    while ((task = STAILQ_FIRST(&store->commits_due))) {
        struct commit *commit = commit_of(task);
        STAILQ_REMOVE_HEAD(&store->commits_due, link);
        if (commit->may_fail && commit->changes > 0)
            answer(store, task, error);
        else
            STAILQ_INSERT_TAIL(&kept, task, link);
    }
    STAILQ_CONCAT(&store->commits_due, &kept);
}

/* ---- without room ---- */

/* One step of retention. What it removes is told; without memory for that nothing is removed.
 * Returns whether there is more to do at once. */
static bool sweep(struct sqlite_store *store)
{
    bool more = false;
    size_t size = RETENTION_STEP * sizeof(struct expired_range);
    struct expired_task *expired = malloc(sizeof(*expired) + size);
    if (!expired)
        return false;
    int rc = retention_step(&store->retention, &store->database, clock_wall_us(), &more);
    if (judge(store, rc) != TROUBLE_NONE) {
        database_rollback(&store->database);
        free(expired);
        return false;
    }
    size_t count = store->retention.range_count;
    if (count == 0) {
        free(expired);
        return more;
    }
    expired->task = (struct task){.kind = TASK_EXPIRED};
    expired->count = count;
    memcpy(expired->ranges, store->retention.ranges, count * sizeof(struct expired_range));
    answer(store, &expired->task, 0);
    return more;
}

static void checkpoint(struct sqlite_store *store, bool shrink)
{
    if (!store->broken)
        judge(store, database_checkpoint(&store->database, shrink));
}

/* The ways to make room, each a little more of a sacrifice. */
enum room { ROOM_LOG, ROOM_RETENTION, ROOM_RESERVE };
#define ROOMS 3

static void make_room(struct sqlite_store *store, enum room room)
{
    switch (room) {
    case ROOM_LOG: /* what the failed transaction has left there, among others */
        checkpoint(store, true);
        break;
    case ROOM_RETENTION:
        while (!store->broken && sweep(store))
            continue;
        checkpoint(store, true);
        break;
    case ROOM_RESERVE:
        if (reserve_give_up(&store->reserve))
            log_warning("the disk is full: the store in %s uses its reserve", store->database.path);
        checkpoint(store, true);
        break;
    }
}

/* Whether what must be stored will find room: on the disk, or where others have been removed. */
static bool has_reserve(struct sqlite_store *store)
{
    /* Making it costs much where it cannot be made. */
    return store->reserve.there || database_free_bytes(&store->database) >= store->reserve.bytes ||
           reserve_make(&store->reserve);
}

/* The first commit due, which has just failed, as well as it can be done. */
static enum trouble try_harder(struct sqlite_store *store, enum trouble trouble)
{
    for (int room = 0; trouble == TROUBLE_NO_ROOM && room < ROOMS; room++) {
        make_room(store, (enum room)room);
        trouble = store->broken ? TROUBLE_BROKEN : try_commits(store, 1);
    }
    return trouble;
}

static int errno_of(enum trouble trouble)
{
    return trouble == TROUBLE_NO_MEMORY ? -ENOMEM : -ENOSPC;
}

/* One after the other, after they failed together. */
static void commit_each(struct sqlite_store *store, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct commit *commit = commit_of(STAILQ_FIRST(&store->commits_due));
        enum trouble trouble = try_commits(store, 1);
        if (trouble != TROUBLE_NONE && !commit->may_fail)
            trouble = try_harder(store, trouble);
        if (trouble == TROUBLE_BROKEN)
            return;
        if (trouble == TROUBLE_NO_ROOM)
            set_full(store, true);
        if (trouble != TROUBLE_NONE && !commit->may_fail) {
            /* What comes later must not be there before it. */
            store->stuck = true;
            refuse(store, errno_of(trouble));
            return;
        }
        answer_first(store, 1, trouble == TROUBLE_NONE ? 0 : errno_of(trouble));
    }
    /* The log is as long as the largest transaction that found no room. */
    if (store->full)
        checkpoint(store, true);
}

static size_t group_size(const struct sqlite_store *store)
{
    uint64_t changes = 0, bytes = 0;
    size_t count = 0;
    struct task *task;
    STAILQ_FOREACH (task, &store->commits_due, link) {
        if (changes > GROUP_CHANGES || bytes > GROUP_BYTES)
            break;
        changes += commit_of(task)->changes;
        bytes += commit_of(task)->bytes.size;
        count++;
    }
    return count;
}

/* Returns whether something was stored. */
static bool commit_group(struct sqlite_store *store)
{
    uint64_t now_ns = clock_mono_ns();
    if (STAILQ_EMPTY(&store->commits_due))
        return false;
    if (store->stuck && now_ns < store->retry_ns) {
        refuse(store, -ENOSPC);
        return false;
    }
    store->stuck = false;
    /* New work must not eat what the reserve was given up for. */
    if (!has_reserve(store))
        refuse(store, -ENOSPC);
    size_t count = group_size(store);
    if (count == 0)
        return false;
    enum trouble trouble = try_commits(store, count);
    if (trouble == TROUBLE_NONE) {
        set_full(store, !has_reserve(store));
        answer_first(store, count, 0);
        return true;
    }
    if (trouble != TROUBLE_BROKEN)
        commit_each(store, count);
    store->retry_ns = store->full || store->stuck ? clock_mono_ns() + RETRY_NS : 0;
    return !store->stuck;
}

/* ---- reads and backups ---- */

static void serve_reads(struct sqlite_store *store)
{
    struct task *task;
    for (int i = 0; i < READS_AT_ONCE && (task = STAILQ_FIRST(&store->reads_due)); i++) {
        struct read_task *read = (struct read_task *)(void *)task;
        enum trouble trouble = judge(store, reading_run(&read->reading, &store->database));
        if (trouble == TROUBLE_BROKEN)
            return;
        STAILQ_REMOVE_HEAD(&store->reads_due, link);
        answer(store, task, trouble == TROUBLE_NONE ? 0 : -ENOMEM);
    }
}

static void work_on_backup(struct sqlite_store *store)
{
    struct task *task = STAILQ_FIRST(&store->backups);
    int r;
    if (!task)
        return;
    if (store->copy.path) {
        r = copy_step(&store->copy, &store->database);
    } else {
        const char *path = ((struct backup_task *)(void *)task)->path;
        r = copy_begin(&store->copy, &store->database, path);
        if (r == 0)
            return;
    }
    if (r > 0)
        return;
    STAILQ_REMOVE_HEAD(&store->backups, link);
    answer(store, task, r);
}

/* ---- keeping house ---- */

static void measure(struct sqlite_store *store)
{
    uint64_t now_ns = clock_mono_ns();
    const struct totals *totals = &store->database.committed;
    if (store->measured_ns == 0 || now_ns - store->measured_ns > MEASURE_NS) {
        store->database_bytes = database_size(&store->database);
        store->measured_ns = now_ns;
    }
    uint64_t bytes = store->database_bytes + totals->file_bytes +
                     (store->reserve.there ? store->reserve.bytes : 0);
    pthread_mutex_lock(&store->lock);
    store->statistics.bytes = bytes;
    store->statistics.futures_bytes = totals->done_bytes;
    pthread_mutex_unlock(&store->lock);
}

static uint64_t next_age_ns(const struct sqlite_store *store, uint64_t now_ns)
{
    uint64_t wait_s = store->retention.age_s / 16;
    if (wait_s < 1)
        wait_s = 1;
    return now_ns + (wait_s < AGE_MAX_S ? wait_s : AGE_MAX_S) * NS_PER_S;
}

/* Steps are full where they can be: one costs as much as what it removes. */
static void look_for_old(struct sqlite_store *store, bool stored, uint64_t now_ns)
{
    if (now_ns >= store->age_ns) {
        store->sweep = true;
        store->age_ns = next_age_ns(store, now_ns);
    }
    if (stored && retention_has_step(&store->retention, &store->database))
        store->sweep = true;
    else if (stored && store->tidy_ns == 0 &&
             retention_is_over(&store->retention, &store->database))
        store->tidy_ns = now_ns + TIDY_NS;
    if (store->tidy_ns > 0 && now_ns >= store->tidy_ns)
        store->sweep = true;
    if (store->sweep)
        store->tidy_ns = 0;
}

static void keep_house(struct sqlite_store *store, bool stored)
{
    uint64_t now_ns = clock_mono_ns();
    look_for_old(store, stored, now_ns);
    if (store->sweep && !store->broken)
        store->sweep = sweep(store);
    if (store->database.wal_pages >= store->log_pages)
        checkpoint(store, false);
    if (store->full && now_ns >= store->retry_ns) {
        /* The log may hold what the reserve needs. */
        checkpoint(store, true);
        set_full(store, store->stuck || store->broken || !has_reserve(store));
        store->retry_ns = store->full ? clock_mono_ns() + RETRY_NS : 0;
    }
    if (!store->broken)
        work_on_backup(store);
    measure(store);
}

/* ---- the thread ---- */

static bool is_busy(const struct sqlite_store *store)
{
    return (!STAILQ_EMPTY(&store->commits_due) && !store->stuck) ||
           !STAILQ_EMPTY(&store->reads_due) || !STAILQ_EMPTY(&store->backups) || store->sweep;
}

static void sleep_until(struct sqlite_store *store, uint64_t when_ns)
{
    struct timespec when = {
        .tv_sec = (time_t)(when_ns / NS_PER_S),
        .tv_nsec = (long)(when_ns % NS_PER_S),
    };
    pthread_cond_timedwait(&store->asked, &store->lock, &when);
}

/* With the lock held. */
static void take_retention(struct sqlite_store *store)
{
    if (!store->retain_changed)
        return;
    store->retain_changed = false;
    store->retention.count = store->retain.count;
    store->retention.bytes = store->retain.bytes;
    store->retention.age_s = store->retain.age_s;
    store->age_ns = 0; /* to look at once */
}

/* Takes what was asked, after waiting for it where there is nothing else to do. False: it is to
 * end. */
static bool take_tasks(struct sqlite_store *store)
{
    struct task_list tasks = STAILQ_HEAD_INITIALIZER(tasks);
    struct task *task;
    uint64_t when_ns = store->age_ns;
    if (store->retry_ns > 0 && store->retry_ns < when_ns)
        when_ns = store->retry_ns;
    if (store->tidy_ns > 0 && store->tidy_ns < when_ns)
        when_ns = store->tidy_ns;
    pthread_mutex_lock(&store->lock);
    while (store->broken && !store->stopping)
        pthread_cond_wait(&store->asked, &store->lock);
    while (!is_busy(store) && !store->stopping && STAILQ_EMPTY(&store->tasks) &&
           !store->retain_changed && clock_mono_ns() < when_ns)
        sleep_until(store, when_ns);
    bool stopping = store->stopping;
    take_retention(store);
    STAILQ_CONCAT(&tasks, &store->tasks);
    pthread_mutex_unlock(&store->lock);
    while ((task = STAILQ_FIRST(&tasks))) {
        STAILQ_REMOVE_HEAD(&tasks, link);
        if (task->kind == TASK_COMMIT)
            STAILQ_INSERT_TAIL(&store->commits_due, task, link);
        else if (task->kind == TASK_READ)
            STAILQ_INSERT_TAIL(&store->reads_due, task, link);
        else
            STAILQ_INSERT_TAIL(&store->backups, task, link);
    }
    return !stopping;
}

/* What was committed, and what there is no room for is lost. */
static void store_the_rest(struct sqlite_store *store)
{
    store->retry_ns = 0;
    while (!store->broken && !STAILQ_EMPTY(&store->commits_due) && !store->stuck)
        commit_group(store);
    if (!STAILQ_EMPTY(&store->commits_due))
        log_error("the last changes could not be stored in %s: %s", store->database.path,
                  store->broken ? "it is broken" : "there was no room");
}

static void *writer_main(void *arg)
{
    struct sqlite_store *store = arg;
    while (take_tasks(store)) {
        bool stored = false;
        if (store->broken)
            continue;
        serve_reads(store);
        if (!store->broken)
            stored = commit_group(store);
        if (!store->broken)
            keep_house(store, stored);
    }
    store->stuck = false;
    store_the_rest(store);
    copy_abort(&store->copy, &store->database);
    return NULL;
}

int writer_start(struct sqlite_store *store)
{
    sigset_t all, before;
    store->age_ns = clock_mono_ns();
    set_full(store, !has_reserve(store));
    measure(store);
    /* Signals are for the loop. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&store->thread, NULL, writer_main, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0)
        return -r;
    pthread_setname_np(store->thread, "store");
    store->started = true;
    return 0;
}

void writer_stop(struct sqlite_store *store)
{
    if (!store->started)
        return;
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_signal(&store->asked);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    store->started = false;
}

#include "daemon/store/sqlite_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/core/output.h"
#include "daemon/store/change.h"
#include "daemon/store/directory.h"
#include "daemon/store/load.h"
#include "daemon/store/store_impl.h"

#define LOG_PAGES 4096

/* What is kept of commits that are done: no more than many clients have under way in one turn. */
#define SPARES_MAX  256
#define SPARE_BYTES 4096

/* A change takes no more than this, but for the bytes of its texts: some twenty numbers of ten
 * bytes at the most, the lengths of its texts among them. */
#define CHANGE_BYTES 256

/* Only what the interface hands out is const. */
static struct sqlite_store *self_of(struct store *store)
{
    return (struct sqlite_store *)(void *)store;
}

/* ---- commits ---- */

static struct commit *commit_new(struct sqlite_store *store)
{
    struct task *task = STAILQ_FIRST(&store->spare);
    if (!task)
        return calloc(1, sizeof(struct commit));
    STAILQ_REMOVE_HEAD(&store->spare, link);
    store->spare_count--;
    return commit_of(task);
}

static void drop_outputs(struct commit *commit)
{
    for (size_t i = 0; i < commit->output_count; i++)
        output_unref(commit->outputs[i]);
    free(commit->outputs);
}

static void commit_free(struct commit *commit)
{
    if (!commit)
        return;
    drop_outputs(commit);
    bytes_free(&commit->bytes);
    free(commit);
}

/* Keeps its memory for another one. */
static void commit_spare(struct sqlite_store *store, struct commit *commit)
{
    if (commit->bytes.capacity > SPARE_BYTES || store->spare_count == SPARES_MAX) {
        commit_free(commit);
        return;
    }
    drop_outputs(commit);
    *commit = (struct commit){.bytes = commit->bytes};
    bytes_empty(&commit->bytes);
    STAILQ_INSERT_HEAD(&store->spare, &commit->task, link);
    store->spare_count++;
}

static void task_free(struct task *task)
{
    switch (task->kind) {
    case TASK_COMMIT:
        commit_free(commit_of(task));
        return;
    case TASK_READ:
        reading_clear(&((struct read_task *)(void *)task)->reading);
        break;
    case TASK_BACKUP:
        free(((struct backup_task *)(void *)task)->path);
        break;
    case TASK_EXPIRED:
    case TASK_BROKEN:
        break;
    }
    free(task);
}

/* ---- asking ---- */

/* The thread is asked. */
static void give_tasks(void *arg, struct task_list *tasks)
{
    struct sqlite_store *store = arg;
    pthread_mutex_lock(&store->lock);
    STAILQ_CONCAT(&store->tasks, tasks);
    pthread_cond_signal(&store->asked);
    pthread_mutex_unlock(&store->lock);
}

static void sqlite_expect_end(struct store *base, uint64_t id)
{
    self_of(base)->open_awaits = id;
}

static bool keep_output(struct commit *commit, struct output *output)
{
    if (commit->output_count == commit->output_capacity) {
        size_t capacity = commit->output_capacity ? commit->output_capacity * 2 : 8;
        struct output **grown = reallocarray(commit->outputs, capacity, sizeof(struct output *));
        if (!grown)
            return false;
        commit->outputs = grown;
        commit->output_capacity = capacity;
    }
    commit->outputs[commit->output_count++] = output_ref(output);
    return true;
}

static bool open_commit(struct sqlite_store *store)
{
    if (!store->open)
        store->open = commit_new(store);
    return store->open;
}

static int sqlite_reserve(struct store *base, uint64_t changes, uint64_t text_bytes)
{
    struct sqlite_store *store = self_of(base);
    /* One more: ids and cursors may have to be reserved with them. */
    uint64_t bytes = (changes + 1) * CHANGE_BYTES + text_bytes;
    if (!open_commit(store) || bytes_reserve(&store->open->bytes, (size_t)bytes) < 0)
        return -ENOMEM;
    return 0;
}

static void sqlite_put(struct store *base, const struct store_change *change)
{
    struct sqlite_store *store = self_of(base);
    if (!open_commit(store)) {
        store->open_failed = true;
        return;
    }
    struct commit *commit = store->open;
    bool has_output = change->kind == CHANGE_FINISHED && change->output;
    change_put(&commit->bytes, change);
    if (has_output && !keep_output(commit, change->output))
        store->open_failed = true;
    if (change->durability == DURABILITY_FULL && store->ops.durability == DURABILITY_FULL)
        commit->sync = true;
    if (change->kind == CHANGE_FINISHED || change->kind == CHANGE_CANCELLED)
        store->open_ends = change->id;
    commit->changes++;
}

static void prepare(struct sqlite_store *store, struct commit *commit, store_done_fn *done,
                    void *arg)
{
    commit->task = (struct task){.kind = TASK_COMMIT, .arg = arg};
    commit->done = done;
    store->waiting++;
    store->commits++;
    store->changes += commit->changes;
}

static void sqlite_commit(struct store *base, bool may_fail, store_done_fn *done, void *arg)
{
    struct sqlite_store *store = self_of(base);
    struct commit *commit = store->open;
    bool failed = store->open_failed || (commit && commit->bytes.failed);
    uint64_t awaits = store->open_awaits, ends = store->open_ends;
    store->open = NULL;
    store->open_failed = false;
    store->open_awaits = store->open_ends = 0;
    if (!failed && !commit && store->waiting > 0) {
        commit = commit_new(store);
        failed = !commit;
    }
    if (failed || !commit) {
        commit_free(commit);
        done(arg, failed ? -ENOMEM : 0);
        return;
    }
    commit->may_fail = may_fail;
    prepare(store, commit, done, arg);
    if (ends != 0)
        hand_over_end(&store->hand_over, commit, commit->changes == 1 ? ends : 0);
    else
        hand_over_commit(&store->hand_over, commit, awaits);
}

static void *sqlite_ticket(struct store *base)
{
    (void)base;
    return calloc(1, sizeof(struct commit));
}

static void sqlite_after(struct store *base, void *ticket, store_done_fn *done, void *arg)
{
    struct sqlite_store *store = self_of(base);
    if (store->waiting > 0) {
        prepare(store, ticket, done, arg);
        hand_over_commit(&store->hand_over, ticket, 0);
        return;
    }
    free(ticket);
    done(arg, 0);
}

static void sqlite_read(struct store *base, const struct store_query *query, store_records_fn *done,
                        void *arg)
{
    struct sqlite_store *store = self_of(base);
    struct read_task *read = calloc(1, sizeof(*read));
    if (!read || reading_init(&read->reading, query) < 0) {
        free(read);
        done(arg, -ENOMEM, NULL, 0, NULL);
        return;
    }
    read->task = (struct task){.kind = TASK_READ, .arg = arg};
    read->done = done;
    hand_over_other(&store->hand_over, &read->task);
}

static void sqlite_backup(struct store *base, const char *path, store_done_fn *done, void *arg)
{
    struct sqlite_store *store = self_of(base);
    struct backup_task *backup = calloc(1, sizeof(*backup));
    if (backup)
        backup->path = strdup(path);
    if (!backup || !backup->path) {
        free(backup);
        done(arg, -ENOMEM);
        return;
    }
    backup->task = (struct task){.kind = TASK_BACKUP, .arg = arg};
    backup->done = done;
    hand_over_other(&store->hand_over, &backup->task);
}

static void sqlite_retain(struct store *base, const struct store_retention *retention)
{
    struct sqlite_store *store = self_of(base);
    pthread_mutex_lock(&store->lock);
    store->retain = *retention;
    store->retain_changed = true;
    pthread_cond_signal(&store->asked);
    pthread_mutex_unlock(&store->lock);
}

static void sqlite_statistics(const struct store *base, struct store_statistics *ret_statistics)
{
    struct sqlite_store *store = (struct sqlite_store *)(uintptr_t)base; /* for its lock */
    pthread_mutex_lock(&store->lock);
    *ret_statistics = store->statistics;
    pthread_mutex_unlock(&store->lock);
    ret_statistics->commits = store->commits;
    ret_statistics->changes = store->changes;
    ret_statistics->waiting = store->waiting;
}

static _Atomic uint64_t *sqlite_marks(const struct store *base)
{
    return ((const struct sqlite_store *)(const void *)base)->database.marks;
}

static void sqlite_observe(struct store *base, const struct store_observer *observer)
{
    self_of(base)->observer = *observer;
}

/* ---- answers ---- */

static void tell_expired(const struct sqlite_store *store, const struct expired_task *expired)
{
    for (size_t i = 0; store->observer.on_expired && i < expired->count; i++)
        store->observer.on_expired(store->observer.arg, expired->ranges[i].first,
                                   expired->ranges[i].last);
}

static void tell(struct sqlite_store *store, struct task *task)
{
    switch (task->kind) {
    case TASK_COMMIT:
        store->waiting--;
        commit_of(task)->done(task->arg, task->error);
        commit_spare(store, commit_of(task));
        return;
    case TASK_READ: {
        struct read_task *read = (struct read_task *)(void *)task;
        struct reading *reading = &read->reading;
        bool read_all = task->error == 0;
        read->done(task->arg, task->error, read_all ? reading->records : NULL,
                   read_all ? reading->count : 0,
                   read_all && reading->query.counts ? reading->counts : NULL);
        break;
    }
    case TASK_BACKUP:
        ((struct backup_task *)(void *)task)->done(task->arg, task->error);
        break;
    case TASK_EXPIRED:
        tell_expired(store, (const struct expired_task *)(const void *)task);
        break;
    case TASK_BROKEN:
        if (store->observer.on_broken)
            store->observer.on_broken(store->observer.arg,
                                      ((const struct broken_task *)(const void *)task)->message);
        break;
    }
    task_free(task);
}

static void on_wakeup(void *arg)
{
    struct sqlite_store *store = arg;
    struct task_list answers = STAILQ_HEAD_INITIALIZER(answers);
    struct task *task;
    pthread_mutex_lock(&store->lock);
    STAILQ_CONCAT(&answers, &store->answers);
    pthread_mutex_unlock(&store->lock);
    while ((task = STAILQ_FIRST(&answers))) {
        STAILQ_REMOVE_HEAD(&answers, link);
        tell(store, task);
    }
}

/* ---- beginning and end ---- */

static int sqlite_load(struct store *base, const struct store_loader *loader)
{
    struct sqlite_store *store = self_of(base);
    char message[256] = "";
    int r = store_load(&store->database, loader, message, sizeof(message));
    if (r < 0) {
        if (message[0])
            log_error("the store in %s cannot be read: %s", store->database.path, message);
        return r;
    }
    return writer_start(store);
}

static void free_tasks(struct task_list *tasks)
{
    struct task *task;
    while ((task = STAILQ_FIRST(tasks))) {
        STAILQ_REMOVE_HEAD(tasks, link);
        task_free(task);
    }
}

static void sqlite_free(struct store *base)
{
    struct sqlite_store *store = self_of(base);
    hand_over_all(&store->hand_over);
    writer_stop(store);
    free_tasks(&store->tasks);
    free_tasks(&store->answers);
    free_tasks(&store->spare);
    free_tasks(&store->commits_due);
    free_tasks(&store->reads_due);
    free_tasks(&store->backups);
    commit_free(store->open);
    free(store->broken_task);
    database_close(&store->database, !store->broken);
    reserve_close(&store->reserve);
    begun_file_close(&store->begun);
    hand_over_close(&store->hand_over);
    loop_wakeup_free(store->wakeup);
    fd_close(store->lock_fd);
    pthread_cond_destroy(&store->asked);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

static const struct store_ops sqlite_ops = {
    .load = sqlite_load,
    .observe = sqlite_observe,
    .put = sqlite_put,
    .reserve = sqlite_reserve,
    .commit = sqlite_commit,
    .ticket = sqlite_ticket,
    .after = sqlite_after,
    .expect_end = sqlite_expect_end,
    .read = sqlite_read,
    .backup = sqlite_backup,
    .retain = sqlite_retain,
    .marks = sqlite_marks,
    .statistics = sqlite_statistics,
    .free = sqlite_free,
};

/* What the thread sleeps on until a deadline, which is of the clock that is never set. */
static int init_waiting(struct sqlite_store *store)
{
    pthread_condattr_t attributes;
    int r = pthread_condattr_init(&attributes);
    if (r != 0)
        return -r;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    r = pthread_cond_init(&store->asked, &attributes);
    pthread_condattr_destroy(&attributes);
    if (r != 0)
        return -r;
    r = pthread_mutex_init(&store->lock, NULL);
    if (r != 0)
        pthread_cond_destroy(&store->asked);
    return -r;
}

static int store_new(const struct sqlite_store_settings *settings, struct sqlite_store **ret_store)
{
    struct sqlite_store *store = calloc(1, sizeof(*store));
    if (!store)
        return -ENOMEM;
    int r = init_waiting(store);
    if (r < 0) {
        free(store);
        return r;
    }
    store->hand_over.give = give_tasks;
    store->hand_over.arg = store;
    STAILQ_INIT(&store->spare);
    STAILQ_INIT(&store->tasks);
    STAILQ_INIT(&store->answers);
    STAILQ_INIT(&store->commits_due);
    STAILQ_INIT(&store->reads_due);
    STAILQ_INIT(&store->backups);
    store->ops = sqlite_ops;
    store->ops.durability = settings->durability;
    store->store.ops = &store->ops;
    store->lock_fd = -1;
    store->retention = (struct retention){
        .count = settings->retention_count,
        .bytes = settings->retention_bytes,
        .age_s = settings->retention_s,
    };
    *ret_store = store;
    return 0;
}

/* What may have begun has, for all that anyone knows: it is never executed again. SQLite's code. */
static int trust_no_marks(struct database *database)
{
    int rc = database_begin(database, true);
    if (rc == SQLITE_OK)
        rc = database_run(database, FUTURE_BEGUN_ALL, "");
    if (rc == SQLITE_OK)
        rc = database_commit(database);
    if (rc != SQLITE_OK)
        database_rollback(database);
    return rc;
}

/* Without the marks all goes on, but that each start waits for the store. */
static void open_marks(struct sqlite_store *store, const char *path)
{
    bool kept = false;
    int r = begun_file_open(path, &store->begun, &kept);
    if (r < 0) {
        log_warning("%s/begun cannot be used: %s", path, strerror(-r));
        return;
    }
    if (!kept && trust_no_marks(&store->database) != SQLITE_OK) {
        begun_file_close(&store->begun);
        return;
    }
    if (!kept)
        begun_file_clear(&store->begun);
    store->database.marks = begun_file_marks(&store->begun);
}

int sqlite_store_open(const struct sqlite_store_settings *settings, struct store **ret_store,
                      char *message, size_t message_size)
{
    struct sqlite_store *store;
    char *path = NULL;
    if (settings->durability == DURABILITY_NONE) {
        snprintf(message, message_size, "a store that keeps nothing needs no directory");
        return -EINVAL;
    }
    int r = store_new(settings, &store);
    if (r < 0) {
        snprintf(message, message_size, "%s", strerror(-r));
        return r;
    }
    message[0] = '\0';
    store->broken_task = calloc(1, sizeof(*store->broken_task));
    r = store->broken_task ? 0 : -ENOMEM;
    if (r == 0)
        r = directory_take(settings->directory, &path, &store->lock_fd, message, message_size);
    if (r == 0)
        r = database_open(path, settings->vfs, &store->database, message, message_size);
    if (r == 0)
        r = reserve_open(&store->reserve, path, settings->vfs, settings->reserve_bytes);
    if (r == 0)
        open_marks(store, path);
    store->log_pages = LOG_PAGES;
    /* Where the reserve has to be smaller, so has the log. */
    if (r == 0 && store->reserve.bytes < settings->reserve_bytes)
        store->log_pages = (unsigned)(LOG_PAGES * store->reserve.bytes / settings->reserve_bytes);
    if (r == 0)
        r = loop_wakeup_new(settings->loop, on_wakeup, store, &store->wakeup);
    if (r == 0)
        r = hand_over_open(&store->hand_over, settings->loop);
    free(path);
    if (r < 0) {
        if (!message[0])
            snprintf(message, message_size, "%s", strerror(-r));
        sqlite_free(&store->store);
        return r;
    }
    *ret_store = &store->store;
    return 0;
}

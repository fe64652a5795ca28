/* The interface between the executor and what survives a restart. The executor puts changes into
 * the open commit, closes it, and goes on when it is told that the commit is durable; it reads
 * back what it no longer keeps in memory. It never knows which store it has.
 *
 * All of it is for the loop thread, and everything is told on the loop thread: a store with a
 * thread of its own hides it. Nothing here waits for a disk, but for `load` and `free`. */
#ifndef FUTURED_CORE_STORE_H
#define FUTURED_CORE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/future.h"
#include "daemon/core/outcome.h"

struct output;
struct store;

/* What a commit survives: nothing, the end of this process however it comes, the loss of power. */
enum durability { DURABILITY_NONE, DURABILITY_PROCESS, DURABILITY_FULL };
#define DURABILITIES 3

/* "none", "process", "full". */
const char *durability_name(enum durability durability);
/* False: no such name. */
bool durability_from_name(const char *name, enum durability *ret_durability);

/* ---- records ---- */

/* What was submitted: the same for a map and its items. No string is NULL. */
struct stored_spec {
    uint32_t uid;
    const char *function, *pool, *label; /* label "" for none */
    const char *args;                    /* JSON text */
    size_t args_bytes;
    uint64_t timeout_ns; /* 0: none */
    uint32_t retry_max;
    uint64_t retry_delay_ns;
    double retry_backoff;
    bool rerun_on_crash;
    bool scoped;                /* ends with its connection, so with the daemon */
    enum durability durability; /* of every change of it; never NONE */
};

struct stored_map {
    bool open, was_open, fail_fast;
    uint64_t window;
    uint64_t count, first;            /* items, and the id of the first */
    uint64_t by_state[FUTURE_STATES]; /* of the items */
    uint64_t failed;
};

/* As submission_after: `on` is its enum, with AFTER_UNSTORED where the store does not have that
 * future, and what became of it is lost with the daemon. */
struct stored_after {
    uint64_t id;
    int on;
};
#define AFTER_UNSTORED 16

/* An attempt that another one followed. */
struct stored_attempt {
    unsigned number;
    int64_t started_us, finished_us;
    struct outcome outcome;
};

/* A future as the store keeps it. Times of the wall clock in us, 0: not yet. */
struct stored_future {
    uint64_t id;
    uint64_t spec_id;               /* the id of what was submitted: its own, or its map's */
    const struct stored_spec *spec; /* NULL in CHANGE_SUBMITTED where spec_id has been put before */
    int64_t priority;
    /* In CHANGE_SUBMITTED: it is RUNNING, but has begun only if its mark is set (see begun.h). Read
     * back: it is PENDING, though its start is stored. */
    bool not_begun;
    const struct stored_map *map; /* NULL: no map */
    uint64_t item_of, index;      /* item_of 0: no item */
    const char *item;             /* JSON text; NULL where it is no item */
    size_t item_bytes;
    enum future_state state;
    bool failed; /* FINISHED with an exception */
    unsigned attempt;
    int64_t submitted_us, started_us, finished_us;
    int64_t due_us;  /* PENDING: not before; 0: at once */
    bool due_retry;  /* and that is the delay of a retry */
    uint64_t cursor; /* of the last transition */
    const struct stored_after *after;
    size_t after_count;
    const char *key;   /* NULL: none */
    uint64_t key_call; /* a hash of the call that the key was used for */
    /* Only in records that are read back. */
    bool for_item; /* not what was asked for, but the map of an item that was */
    struct outcome outcome;
    struct stored_attempt *attempts; /* the earlier ones, oldest first */
    size_t attempt_count;
    struct output *output; /* NULL: nothing, or not asked for */
};

/* A pool that was made while the daemon ran, and whether a pool is paused. */
struct stored_pool {
    const char *name;
    bool paused;
    bool has_settings; /* else only `paused` counts */
    unsigned max_workers, min_workers;
    uint64_t idle_timeout_ns, max_tasks_per_worker, queue_limit;
    bool on_full_wait;
    const char *thread_name_prefix;
    const char *initializer;      /* function's name; NULL: none */
    const char *initializer_args; /* JSON text; NULL: none */
    enum durability durability;
};

/* ---- changes ---- */

enum store_change_kind {
    CHANGE_SUBMITTED,  /* `future` */
    CHANGE_STARTED,    /* id, attempt, wall_us, cursor */
    CHANGE_MAY_START,  /* the same, but it has begun only if its mark is set (see begun.h) */
    CHANGE_RETRIED,    /* PENDING again: id, attempt (the new one), due_us, cursor, and `earlier` */
    CHANGE_FINISHED,   /* id, started_us, wall_us, cursor, outcome, output; of a map also `map` */
    CHANGE_CANCELLED,  /* id, wall_us, cursor; of a map also `map` */
    CHANGE_MAP_CLOSED, /* id */
    CHANGE_PRIORITY,   /* id, priority */
    CHANGE_FORGOTTEN,  /* id; a map goes with its items */
    CHANGE_POOL,       /* `pool`: new, or other settings */
    CHANGE_RESERVED,   /* ids below `id` and cursors up to `cursor` may have been used */
};

/* Everything is borrowed until `put` returns, but for the output, which is counted. */
struct store_change {
    enum store_change_kind kind;
    enum durability durability;
    uint64_t id;
    uint64_t cursor;
    unsigned attempt;
    int64_t priority;
    int64_t started_us, wall_us, due_us;
    const struct stored_future *future;
    const struct stored_attempt *earlier;
    const struct outcome *outcome;
    struct output *output; /* NULL: none */
    const struct stored_map *map;
    const struct stored_pool *pool;
};

/* `error` is 0 once all the changes of the commit are as durable as they want, or -errno: then
 * none of them is. */
typedef void store_done_fn(void *arg, int error);

/* ---- reading back ---- */

enum store_query_kind {
    QUERY_IDS,   /* those of `ids` that are there, each after its map, whether that was named or not
                  */
    QUERY_SINCE, /* done at a cursor above `cursor`, by rising cursor, that match the rest */
    QUERY_BELOW, /* done, with an id below `before`, newest first, that match the rest */
    /* Of SINCE and BELOW the maps of items that were found follow behind all, as `for_item`. */
};

/* Borrowed until `read` returns. */
struct store_query {
    enum store_query_kind kind;
    uint32_t uid; /* whose, unless `all_users` */
    const uint64_t *ids;
    size_t id_count;
    uint64_t cursor;
    uint64_t before;   /* 0: from the newest */
    const char *pool;  /* NULL: any */
    const char *label; /* NULL: any */
    uint64_t item_of;  /* 0: any; else only the items of that map */
    size_t limit;      /* SINCE, BELOW: at most so many records */
    size_t bytes;      /* IDS: none behind the one that passes it, with its result and output; 0: no
                          limit */
    unsigned states;   /* bits of 1 << enum future_state; 0: any */
    bool all_users;
    bool items;  /* items too */
    bool output; /* with what the jobs wrote */
    bool counts; /* BELOW: count by state what matches pool, label, item_of and user */
};

/* The records are borrowed until it returns; who wants to keep an outcome or an output takes it out
 * (and leaves zeroes). `counts` has FUTURE_STATES values, NULL where they were not asked for.
 * `error` -errno: nothing was read. */
typedef void store_records_fn(void *arg, int error, struct stored_future *records, size_t count,
                              const uint64_t *counts);

/* A done future as far as it stays in memory. */
struct stored_trace {
    uint64_t id;
    uint32_t uid;
    enum future_state state;
    bool failed, is_map, is_item;
    uint64_t item_of, index; /* of an item whose map is not done, else 0 */
};

/* What `load` tells: the pools, the futures that are not done, the done ones, their keys, what has
 * expired, the counters, in that order and each by rising id. 0, or -errno, which ends the load. */
struct store_loader {
    void *arg;
    int (*on_pool)(void *arg, const struct stored_pool *pool);
    /* Not done; a map comes before its items. */
    int (*on_future)(void *arg, struct stored_future *future);
    int (*on_done)(void *arg, const struct stored_trace *trace);
    /* A done future has a key. */
    int (*on_key)(void *arg, uint32_t uid, const char *key, uint64_t key_call, uint64_t id);
    /* Ids that retention has removed. */
    int (*on_expired)(void *arg, uint64_t first, uint64_t last);
    int (*on_counters)(void *arg, uint64_t next_id, uint64_t cursor);
};

/* What the store tells by itself. */
struct store_observer {
    void *arg;
    /* Retention has removed these. Only while the loop turns, never from within an operation. */
    void (*on_expired)(void *arg, uint64_t first, uint64_t last);
    /* An I/O error or corruption: nothing is stored any more and the daemon must stop. */
    void (*on_broken)(void *arg, const char *message);
};

struct store_statistics {
    uint64_t commits, changes; /* so far */
    uint64_t commit_ns;        /* spent in commits, all together */
    uint64_t waiting;          /* commits that were given and not answered */
    uint64_t bytes;            /* of the files */
    uint64_t futures_bytes;    /* what retention counts */
    bool full;                 /* the last commit found no room on the disk */
};

/* How long done futures are kept: by number, bytes and age, the oldest go first. */
struct store_retention {
    uint64_t count, bytes, age_s;
};

/* ---- operations ---- */

struct store_ops {
    /* The strongest durability that it gives. */
    enum durability durability;
    /* Before anything else, once: tells what is there. 0 or -errno. */
    int (*load)(struct store *store, const struct store_loader *loader);
    void (*observe)(struct store *store, const struct store_observer *observer);
    /* Adds a change to the open commit. Without memory the commit will fail with -ENOMEM. */
    void (*put)(struct store *store, const struct store_change *change);
    /* So many changes, with so many bytes of texts and results in them all, find memory when they
     * are put next, and so does the commit that closes them. 0 or -ENOMEM. */
    int (*reserve)(struct store *store, uint64_t changes, uint64_t text_bytes);
    /* Closes the open commit: all its changes or none. Calls `done(arg, error)` exactly once, from
     * within or later; successes come in the order of the commits, so that an empty commit tells
     * when all before it are durable. A commit that `may_fail` is refused where there is no room on
     * the disk; any other waits for room, and is durable in the end, or the store is broken. */
    void (*commit)(struct store *store, bool may_fail, store_done_fn *done, void *arg);
    /* What `after` needs, to be had before anything is changed; free() where it is not used. NULL:
     * no memory. */
    void *(*ticket)(struct store *store);
    /* An empty commit that needs no memory but its ticket, which it takes. */
    void (*after)(struct store *store, void *ticket, store_done_fn *done, void *arg);
    /* The end of that future, whose submit the commit has that is closed next, is likely to be
     * given at once, in a commit of its own: the store may wait for it a little, and put the one
     * behind the other before commits that were given in between. */
    void (*expect_end)(struct store *store, uint64_t id);
    /* Answers once, from within or later, with what was durable when it looked: at least the
     * commits that were answered. */
    void (*read)(struct store *store, const struct store_query *query, store_records_fn *done,
                 void *arg);
    /* Writes a consistent copy of everything to a new file at `path`. */
    void (*backup)(struct store *store, const char *path, store_done_fn *done, void *arg);
    /* From now on other numbers hold. */
    void (*retain)(struct store *store, const struct store_retention *retention);
    /* Where workers mark the calls that begin, for the next daemon: the same from `load` on, until
     * `free`. NULL: nothing may be stored as CHANGE_MAY_START. */
    _Atomic uint64_t *(*marks)(const struct store *store);
    void (*statistics)(const struct store *store, struct store_statistics *ret_statistics);
    /* Makes durable what was committed, and frees. The executor is freed before: what was not
     * answered yet stays so. */
    void (*free)(struct store *store);
};

struct store {
    const struct store_ops *ops;
};

#endif

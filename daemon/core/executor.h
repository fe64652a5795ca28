/* The executor: futures from submit to done. It owns the futures, the pools and the order of
 * things: what waits for what, when a future may be queued, what happens when it is done, how long
 * it is kept. It knows nothing of JSON, clients' connections or how a function is executed.
 * Loop thread only.
 *
 * Everything that changes a future goes through the store first and is announced after that. */
#ifndef FUTURED_CORE_EXECUTOR_H
#define FUTURED_CORE_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/call.h"
#include "daemon/core/future.h"
#include "daemon/core/pool.h"
#include "daemon/core/runner.h"

struct executor;
struct loop;
struct store;
struct store_query;
struct store_statistics;
struct timers;

struct executor_settings {
    struct loop *loop;     /* borrowed */
    struct timers *timers; /* borrowed */
    struct store *store;   /* borrowed */
    uint64_t output_bytes; /* kept of each stream of a job */
    uint64_t pending_limit, pending_per_uid;
    uint64_t map_items_limit;
    uint64_t pools_limit;
    /* How long done futures are kept; of those that are stored the store decides. */
    uint64_t retention_count, retention_bytes, retention_s;
    /* Of the done futures that are stored, how many stay in memory. */
    uint64_t cache_count, cache_bytes;
    /* The store is broken: everything must stop. May be NULL. */
    void (*on_store_broken)(void *arg, const char *message);
    void *on_store_broken_arg;
};

/* What the layer above is told. `arg` comes back. Any may be NULL. */
struct executor_observer {
    void *arg;
    /* A future is RUNNING, or done (before its watches are told). */
    void (*on_running)(void *arg, struct future *future);
    /* A RUNNING future has told how far it is. */
    void (*on_progress)(void *arg, struct future *future);
    void (*on_done)(void *arg, struct future *future);
    /* Nothing is left to do after executor_shut_down. May come more than once. */
    void (*on_drained)(void *arg);
};

/* Who asks: the user, and the connection (a number that is never used again). */
struct client {
    uint32_t uid;
    uint64_t number;
    bool sees_all; /* root, the daemon's own user, the admin group */
};

/* 0 or -errno. The pool "default" exists from the start. */
int executor_new(const struct executor_settings *settings, struct executor **ret_executor);
/* Ends all workers (jobs that still run are killed) and frees everything. Tells nobody. */
void executor_free(struct executor *executor);

void executor_set_observer(struct executor *executor, const struct executor_observer *observer);
/* Other numbers for the output, the pending futures, maps, pools and retention from now on; loop,
 * timers and store are not looked at. */
void executor_set_limits(struct executor *executor, const struct executor_settings *settings);
/* What the store says of itself. False: nothing is stored. */
bool executor_store_statistics(const struct executor *executor,
                               struct store_statistics *ret_statistics);

/* Somebody wants on_running promptly (default: it comes with the next other news). */
void executor_want_running(struct executor *executor, bool wanted);

/* Takes in what the workers have reported so far. To be called before anything is read that a
 * client may compare with what it knows from elsewhere. */
void executor_sync(struct executor *executor);

/* ---- functions and pools ---- */

/* Borrowed; must outlive the executor. 0; -EEXIST; -EINVAL: it is quick and not repeatable;
 * -ENOMEM.
 */
int executor_add_function(struct executor *executor, const struct function *function);
/* Nobody can submit calls of it any more; those that were submitted run. */
void executor_remove_function(struct executor *executor, const struct function *function);
/* NULL: unknown. */
const struct function *executor_function(const struct executor *executor, const char *name);
/* By index from 0; NULL past the end. */
const struct function *executor_function_at(const struct executor *executor, size_t index);

/* NULL: unknown. */
struct pool *executor_pool(const struct executor *executor, const char *name);
struct pool *executor_pool_at(const struct executor *executor, size_t index);
/* Makes the pool, or changes its settings. 0; -EMFILE: too many pools; -ENOMEM. */
int executor_set_pool(struct executor *executor, const char *name,
                      const struct pool_settings *settings);
/* What holds for the futures of a pool: as much as it wants and the store gives. */
enum durability executor_durability(const struct executor *executor, const struct pool *pool);
/* Whether the workers of all pools do what they are for, as pool_makes_progress. */
bool executor_makes_progress(struct executor *executor);
/* 0 or -ENOMEM: nothing has changed. */
int executor_pause_pool(struct executor *executor, struct pool *pool, bool paused);

/* ---- submit ---- */

struct submission_after {
    uint64_t id;
    enum { AFTER_RESULT, AFTER_EXCEPTION, AFTER_DONE } on;
};

struct submission_item {
    const char *text;
    size_t size;
};

/* Everything is copied. */
struct submission {
    const struct function *function;
    struct pool *pool;
    const char *args; /* JSON text */
    size_t args_bytes;
    const char *label;    /* NULL: none */
    const char *key;      /* NULL: none */
    const char *key_call; /* with a key: text that is the same for the same call */
    int64_t priority;
    const struct submission_after *after;
    size_t after_count;
    uint64_t delay_ns, timeout_ns; /* 0: none */
    uint64_t retry_delay_ns;
    double retry_backoff;
    uint32_t retry_max;
    bool rerun_on_crash;
    bool scoped;     /* somebody ends it with its connection */
    bool not_stored; /* it may go with the daemon, however durable its pool is */
    /* Of a map. */
    bool is_map, open, fail_fast;
    const struct submission_item *items;
    size_t item_count;
    uint64_t window;
};

/* Why something was not done. */
enum refusal {
    REFUSED_NOT, /* it was done */
    REFUSED_SHUT_DOWN,
    REFUSED_LIMIT,
    REFUSED_BROKEN_POOL,
    REFUSED_NOT_FOUND,
    REFUSED_NOT_YET,    /* it is on its way into the store: a stored_answer tells when */
    REFUSED_NOT_LOADED, /* it is done, and in the store alone: executor_load brings it back */
    REFUSED_EXPIRED,
    REFUSED_STATE,
    REFUSED_KEY_CONFLICT,
    REFUSED_STORAGE,
    REFUSED_NO_THREAD,
    REFUSED_NO_MEMORY,
};

struct refusal_detail {
    uint64_t id;       /* NOT_FOUND, EXPIRED, STATE: which future */
    const char *limit; /* LIMIT: its name, static, and */
    uint64_t value;    /* its value */
    int error;         /* STORAGE, NO_THREAD: -errno */
};

/* Tells the end of a submit, once: the future, or why not. It comes before anything else is told
 * of the future, and before a worker sees it. */
struct submit_answer {
    void (*fn)(void *arg, enum refusal refusal, const struct refusal_detail *detail,
               struct future *future, bool duplicate);
    void *arg;
};

/* Answers from within, or later: when the store has committed, or when a full queue that makes
 * submitters wait has room. */
void executor_submit(struct executor *executor, const struct submission *submission,
                     const struct client *client, const struct submit_answer *answer);

struct map_add_answer {
    void (*fn)(void *arg, enum refusal refusal, const struct refusal_detail *detail, uint64_t first,
               uint64_t count);
    void *arg;
};

/* Adds items to an open map; answers once the map's window has room again. A map that fails fast
 * is closed by its first failure. */
void executor_map_add(struct executor *executor, struct future *future,
                      const struct submission_item *items, size_t count,
                      const struct client *client, const struct map_add_answer *answer);
/* No more items will come. Does nothing on a closed map. 0 or -ENOMEM: nothing has changed. */
int executor_map_close(struct executor *executor, struct future *future);

/* The client is gone: nothing more is answered to it. Its futures live on. */
void executor_client_gone(struct executor *executor, uint64_t client_number);

/* ---- finding ---- */

/* The future if it is there and the client may see it; else NOT_FOUND, EXPIRED, NOT_YET or
 * NOT_LOADED. */
enum refusal executor_find(struct executor *executor, const struct client *client, uint64_t id,
                           struct future **ret_future);

/* What is known of a future wherever it is. */
struct glance {
    enum future_state state;
    bool failed;
};
/* NOT, NOT_FOUND, EXPIRED or NOT_YET. */
enum refusal executor_glance(struct executor *executor, const struct client *client, uint64_t id,
                             struct glance *ret_glance);
/* The least id >= `id` of a future that the client may see, wherever it is; 0: none. */
uint64_t executor_known_above(struct executor *executor, const struct client *client, uint64_t id);

/* Whether there are futures in the store that are not in memory, or may come to be. */
bool executor_stores(const struct executor *executor);
/* The futures that a query finds, in its order; they are in memory until the next executor_sync.
 * With QUERY_SINCE those that are not stored are among them. */
struct loaded {
    struct future *const *futures;
    size_t count;
    const uint64_t *counts; /* as in store_records_fn */
    uint64_t until; /* QUERY_SINCE: what is done at a later cursor was left for another time */
};
/* `error` -errno: nothing was loaded. */
typedef void executor_loaded_fn(void *arg, int error, const struct loaded *loaded);
/* Calls `fn(arg)` once, now or later; not at all if executor_client_gone is told of the client
 * before. */
void executor_load(struct executor *executor, uint64_t client_number,
                   const struct store_query *query, executor_loaded_fn *fn, void *arg);
/* Nobody wants to know of the loads with that `arg` any more. */
void executor_unload(struct executor *executor, const void *arg);
/* Brings back what was before the daemon started: pools, pending futures in their order, traces of
 * the done ones. To be called once, when the functions and the configured pools are there. 0 or
 * -errno. */
int executor_recover(struct executor *executor);
/* The future with the largest id <= `id` (least id >= `id`) that the client may see; NULL. */
struct future *executor_find_below(struct executor *executor, const struct client *client,
                                   uint64_t id);
struct future *executor_find_above(struct executor *executor, const struct client *client,
                                   uint64_t id);
uint64_t executor_next_id(const struct executor *executor);
/* Futures by state that the client may see. */
void executor_counts(const struct executor *executor, const struct client *client,
                     uint64_t ret_counts[FUTURE_STATES]);
/* All that was done up to here has been announced, and what ends from now on comes behind it. */
uint64_t executor_cursor(const struct executor *executor);

/* An answer that calls `fn(arg)` when what was changed before it is given is in the store; not at
 * all if executor_client_gone is told of the client. To be made before anything is changed, so that
 * nothing is done which then cannot be answered. NULL: no memory. */
struct stored_answer;
struct stored_answer *stored_answer_new(struct executor *executor, uint64_t client_number,
                                        void (*fn)(void *arg), void *arg);
/* Calls it, once, now or later, and frees it. */
void stored_answer_give(struct stored_answer *answer);
/* Frees one that was not given. NULL is allowed. */
void stored_answer_free(struct stored_answer *answer);

/* `error` -errno: there is no copy. -ENOTSUP: nothing is stored; -EEXIST: the file is there. */
typedef void executor_backed_up_fn(void *arg, int error);
/* Writes a consistent copy of all that is stored to a new file. Calls `fn(arg)` once, now or later;
 * not at all if executor_client_gone is told of the client before. */
void executor_backup(struct executor *executor, uint64_t client_number, const char *path,
                     executor_backed_up_fn *fn, void *arg);

/* ---- cancel, retry, forget ---- */

struct cancel_options {
    bool terminate;
    struct stop_request stop; /* with terminate: cause, signal, grace, reason */
};

struct cancel_fate {
    bool terminating; /* RUNNING, and asked to end */
    uint64_t items;   /* of a map: items that this cancels */
};

/* To be called before any of these is cancelled: what the store keeps of that besides their ends is
 * recorded. 0 or -ENOMEM: nothing has changed. */
int executor_prepare_cancel(struct executor *executor, const uint64_t *ids, size_t count);
/* Cancels what is PENDING and, with terminate, ends what is RUNNING; of a map its items. The state
 * tells what came of it once a stored_answer has come. */
void executor_cancel(struct executor *executor, struct future *future,
                     const struct cancel_options *options, struct cancel_fate *ret_fate);

/* Gives a pending future another priority; of a map its pending items, and those to come, as well.
 * Where a worker was faster nothing changes: the future's priority tells. NOT; STATE: it is not
 * pending (a map: it is done); NO_MEMORY: some items of a map may have it already.
 */
enum refusal executor_update_priority(struct executor *executor, struct future *future,
                                      int64_t priority);

/* Done futures, which are in memory, start again under their ids as their next attempts: no new
 * work, so they are taken during a shutdown too. All of them, or where one is refused none: NOT;
 * STATE and BROKEN_POOL, with its id; NO_MEMORY. */
enum refusal executor_retry(struct executor *executor, const uint64_t *ids, size_t count,
                            struct refusal_detail *ret_detail);

/* Removes done futures, which are in memory, a map with its items. All or none: NOT; STATE, with
 * its id; NO_MEMORY. */
enum refusal executor_forget(struct executor *executor, const uint64_t *ids, size_t count,
                             struct refusal_detail *ret_detail);

/* ---- the end ---- */

/* From now on nothing is taken. With `cancel_pending` pending futures are cancelled, with
 * `keep_pending` none of them is started. Returns how many were cancelled. Repeatable. */
uint64_t executor_shut_down(struct executor *executor, bool cancel_pending, bool keep_pending);
/* Cancels what is pending and would not survive the daemon. */
void executor_cancel_unstored(struct executor *executor);
bool executor_is_shut_down(const struct executor *executor);
/* Shut down, and nothing runs or waits any more (but what is kept pending). */
bool executor_is_drained(const struct executor *executor);
/* True while some stored_answer has not come: on_drained waits for it. */
bool executor_owes_answers(const struct executor *executor);
/* Asks every running job to stop. */
void executor_stop_all(struct executor *executor, const struct stop_request *request);

#endif

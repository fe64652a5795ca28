/* An executor to test, with jobs that the test holds, a store that the test delays or breaks, and a
 * record of what was announced. The test's thread is the loop's; jobs run on the pool's threads.
 * Nothing here waits for time to pass: every wait is for a fact, and Check's timeout ends a test
 * whose fact does not come. */
#ifndef FUTURED_TESTS_CORE_FIXTURE_H
#define FUTURED_TESTS_CORE_FIXTURE_H

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/executor.h"
#include "daemon/core/runner.h"
#include "daemon/core/store.h"

/* Runs the tests as a suite of that name; returns what main returns. */
int core_check(const char *name, const TTest *const *tests, size_t count);
#define CORE_CHECK(name, tests) core_check(name, tests, sizeof(tests) / sizeof((tests)[0]))

/* ---- a store ---- */

struct core_commit;

/* Passes every commit at once with `error`, or while `holding` keeps it until core_store_release.
 */
struct core_store {
    struct store store;
    bool holding;
    bool no_room; /* nothing can be reserved */
    int error;
    unsigned short_of; /* so many of the next commits are refused at once with -ENOMEM */
    struct core_commit *oldest, *newest;
    size_t held;
    size_t expected;                     /* ends that were said to come at once, so far */
    size_t changes[CHANGE_RESERVED + 1]; /* changes handed over so far, by kind */
    size_t with_start;                   /* of these, submits with their start */
    _Atomic uint64_t *marks;             /* of calls that begin; NULL: it has none */
    struct store_observer observer;      /* once the executor has recovered */
};

/* ---- the executor ---- */

struct core_options {
    unsigned max_workers; /* of the default pool; 0: one */
    uint64_t pending_limit, pending_per_uid, map_items_limit, pools_limit;
    uint64_t retention_count, retention_bytes, retention_s; /* 0: as good as none */
    uint64_t cache_count;                                   /* 0: all of them */
    bool not_durable;                                       /* the store keeps nothing */
};

struct core_event {
    enum { CORE_RUNNING, CORE_DONE } kind;
    uint64_t id;
    enum future_state state;
};

struct core {
    struct loop *loop;
    struct timers *timers;
    struct core_store store;
    struct executor *executor;
    struct pool *pool;    /* "default" */
    struct client client; /* an ordinary one */

    /* Announced so far. */
    struct core_event *events;
    size_t event_count, event_capacity, ends;
    unsigned drained;
    void (*on_done)(struct core *core, struct future *future); /* told too; may be NULL */

    /* Functions. The result of each is the item or else the arguments, as they came.
     * `ok` returns at once; `fail` raises Boom; `gate` returns when it is let through or stops when
     * asked; `stubborn` counts what it is asked and waits to be let through; `flaky` raises Boom
     * in the attempts before the one whose number its arguments are; `either` raises Boom where
     * its item is "fail". They may be executed again, so they start before their start is stored;
     * `once` does what `gate` does, and does not; `swift` too, and may be executed before its
     * submit is stored; and so may `brisk`, which does what `ok` does. */
    struct function ok, fail, gate, stubborn, flaky, either, once, swift, brisk;
    int permits; /* eventfd, a semaphore: jobs that may pass the gate */

    pthread_mutex_t lock;   /* guards what follows */
    pthread_cond_t entered; /* bodies, and stops */
    uint64_t *bodies;       /* ids of the bodies that were entered, in that order */
    size_t body_count, body_capacity;
    unsigned stops; /* stop requests that jobs have read */
};

/* `options` NULL: none. */
struct core *core_new(const struct core_options *options);
void core_free(struct core *core);
/* Frees the executor alone: what the test looks at afterwards stays. */
void core_end(struct core *core);

/* One turn of the loop, which waits for something to happen. */
void core_turn(struct core *core);
/* Turns the loop until the future is done, or RUNNING. */
void core_await_done(struct core *core, const struct future *future);
void core_await_running(struct core *core, const struct future *future);
/* Turns the loop until so many ends have been announced. */
void core_await_ends(struct core *core, size_t count);
/* Turns the loop until executor_is_drained. */
void core_await_drained(struct core *core);
/* Turns the loop until the pool has so many workers. */
void core_await_workers(struct core *core, const struct pool *pool, size_t count);

/* ---- jobs ---- */

/* Lets so many jobs through the gate. */
void core_pass(struct core *core, unsigned count);
/* Blocks until so many bodies have been entered since the start. */
void core_await_bodies(struct core *core, size_t count);
/* How often the body of that future was entered, and how many bodies in all. */
size_t core_ran(struct core *core, uint64_t id);
size_t core_bodies(struct core *core);
/* The id of the n-th body. */
uint64_t core_body(struct core *core, size_t index);
unsigned core_stops(struct core *core);
/* Blocks until jobs have read so many stop requests. */
void core_await_stops(struct core *core, unsigned count);

/* ---- submitting ---- */

struct core_answer {
    unsigned count; /* times answered */
    enum refusal refusal;
    struct refusal_detail detail;
    struct future *future;
    uint64_t id;
    bool duplicate;
    enum future_state state; /* of the future when it was answered */
};

/* A call of `function` in the default pool. */
struct submission core_call(struct core *core, const struct function *function, const char *args);
/* A map over `count` items: item i is texts[i]. `storage` holds as many. */
struct submission core_map(struct core *core, const struct function *function,
                           struct submission_item *storage, const char *const *texts, size_t count);
/* A call of the function with a key; `key_call` tells it from others. */
struct submission core_keyed(struct core *core, const struct function *function, const char *key,
                             const char *key_call);
void core_submit(struct core *core, const struct submission *submission,
                 const struct client *client, struct core_answer *ret_answer);
/* Submits for core->client and expects that it is taken at once. */
struct future *core_take(struct core *core, const struct submission *submission);
/* The same for a plain call. */
struct future *core_start(struct core *core, const struct function *function, const char *args);
/* Expects this refusal. */
void core_refused(struct core *core, const struct submission *submission, enum refusal refusal,
                  struct core_answer *ret_answer);

struct core_add_answer {
    unsigned count;
    enum refusal refusal;
    struct refusal_detail detail;
    uint64_t first, items;
};
void core_add(struct core *core, struct future *map, const char *const *texts, size_t count,
              struct core_add_answer *ret_answer);

/* Cancels (or terminates); returns whether it is CANCELLED after that. */
bool core_cancel(struct core *core, struct future *future);
struct cancel_fate core_terminate(struct core *core, struct future *future);

/* Settings of the default pool to change and to set. */
struct pool_settings core_pool_settings(const struct core *core);
void core_set_pool(struct core *core, const struct pool_settings *settings);
/* Of the default pool; with `wait` submits beyond it are parked. */
void core_set_queue_limit(struct core *core, uint64_t limit, bool wait);

/* ---- looking ---- */

/* The client's sight of an id. */
enum refusal core_find(struct core *core, uint64_t id);
/* Fails the test unless the future FINISHED with a result of that text, or an exception of that
 * type. */
void core_expect_result(const struct future *future, const char *text);
void core_expect_exception(const struct future *future, const char *type);
/* The submit was refused because the disk is full. */
void core_expect_storage_failed(const struct core_answer *answer);
/* Ends announced so far, and how often that id's was. */
size_t core_ends(const struct core *core);
size_t core_ends_of(const struct core *core, uint64_t id);
struct future_info core_info(const struct future *future);

/* What is done and not stored since that cursor, oldest first, at most `max`; returns how many. */
size_t core_done_since(struct core *core, uint64_t cursor, struct future **ret_futures, size_t max);

/* ---- the store ---- */

/* One done future. */
enum refusal core_forget(struct core *core, struct future *future);
enum refusal core_retry(struct core *core, struct future *future);

/* Answers the `count` oldest commits (all: SIZE_MAX), those included that come up meanwhile. */
void core_store_release(struct core *core, size_t count, int error);

#endif

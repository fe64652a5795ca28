/* A future: the handle of one submitted call, as the layers above the core see it. They read it
 * and watch it; only the executor changes it. Loop thread only. */
#ifndef FUTURED_CORE_FUTURE_H
#define FUTURED_CORE_FUTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/core/outcome.h"

struct function;
struct future;
struct output;

enum future_state { FUTURE_PENDING, FUTURE_RUNNING, FUTURE_CANCELLED, FUTURE_FINISHED };
#define FUTURE_STATES 4

/* Why a pending future is not in its pool's queue. */
enum future_waiting {
    WAITING_NOT,
    WAITING_DELAY,
    WAITING_AFTER,
    WAITING_PAUSED,
    WAITING_RETRY,
};

struct map_counts {
    uint64_t first; /* id of the first item; where there is none, the id after the map's own */
    uint64_t count;
    uint64_t by_state[FUTURE_STATES];
    uint64_t failed;
    bool open;
};

/* A snapshot; the strings are borrowed from the future. */
struct future_info {
    uint64_t id;
    enum future_state state;
    enum future_waiting waiting;
    const char *function, *pool, *label; /* label may be NULL */
    int64_t priority;
    unsigned attempt;
    uint32_t uid;
    int64_t submitted_us, started_us, finished_us; /* wall clock; 0: not yet */
    bool failed;                                   /* FINISHED with an exception */
    pid_t pid;                                     /* of the job's process; 0: none */
    const char *host;   /* where that was executed; NULL: here, or unknown */
    const char *worker; /* the thread that has, or had, the last attempt; NULL: none, or unknown */
    bool deadlocked;    /* PENDING behind jobs that all wait for such as this */
    bool is_map;
    struct map_counts map;
    uint64_t item_of, index; /* item_of 0: no item */
};

void future_describe(const struct future *future, struct future_info *ret_info);

/* What was submitted, as far as future_describe does not tell. Borrowed. */
struct future_submitted {
    const char *text; /* JSON: the arguments; of an item the item */
    size_t text_bytes;
    const char *key;     /* NULL: none */
    uint64_t timeout_ns; /* 0: none */
    uint32_t retry_max;
    uint64_t retry_delay_ns;
    double retry_backoff;
    bool rerun_on_crash, scoped;
    const char *durability; /* its name */
};

void future_describe_submitted(const struct future *future, struct future_submitted *ret_submitted);

uint64_t future_id(const struct future *future);
enum future_state future_state(const struct future *future);
/* CANCELLED or FINISHED. */
bool future_is_done(const struct future *future);
/* FINISHED with an exception. */
bool future_failed(const struct future *future);
const char *future_state_name(enum future_state state);
/* NULL for WAITING_NOT. */
const char *future_waiting_name(enum future_waiting waiting);
/* The cursor of the last transition. */
uint64_t future_cursor(const struct future *future);
const struct function *future_function(const struct future *future);
/* What it is called with, and of an item the item (else NULL), as JSON text. Borrowed. */
const char *future_args(const struct future *future, size_t *ret_bytes);
const char *future_item(const struct future *future, size_t *ret_bytes);
const char *future_pool_name(const struct future *future);
/* Never NULL; "" where there is none. */
const char *future_label(const struct future *future);
uint32_t future_uid(const struct future *future);
/* OUTCOME_NONE unless FINISHED. The result of a map has no text: its items have. */
const struct outcome *future_outcome(const struct future *future);
/* The latest progress that the job has told, as JSON text; NULL: none. Borrowed. */
const char *future_progress(const struct future *future);
/* What the job has written so far; NULL: nothing. Borrowed. */
struct output *future_output(const struct future *future);
/* What it has written is in the store alone: executor_load with `output` brings it. */
bool future_output_left(const struct future *future);
/* It is done, and the store has it. */
bool future_in_store(const struct future *future);
/* Of a done map: items, or what they have written, are in the store alone. A query for
 * them all brings them. */
bool future_items_left(const struct future *future);

/* An attempt that was followed by another one, and the one before it. */
struct attempt {
    struct attempt *earlier;
    unsigned number;
    int64_t started_us, finished_us;
    struct outcome outcome;
};
/* The attempts before the present one, latest first; NULL: none. Borrowed. */
const struct attempt *future_attempts(const struct future *future);

/* What `on` must become before a future may run: any end, or one with a result or an exception. */
enum future_need { NEEDS_RESULT, NEEDS_EXCEPTION, NEEDS_DONE };
/* "result", "exception", "done". */
const char *future_need_name(enum future_need need);
/* Whether it waits for other futures. An item does not: its map does. */
bool future_waits(const struct future *future);
/* Calls `fn` for each future that this one still waits for, in no order. */
void future_each_need(const struct future *future,
                      void (*fn)(const struct future *on, enum future_need need, void *arg),
                      void *arg);

bool future_is_map(const struct future *future);
bool future_is_item(const struct future *future);
/* The map's id, of an item; else 0. */
uint64_t future_item_of(const struct future *future);
/* The item at `index`; NULL past the end, and where it has been forgotten. */
struct future *future_map_item(const struct future *future, uint64_t index);

/* ---- watching ---- */

enum future_event {
    EVENT_FUTURE_RUNNING,
    EVENT_FUTURE_OUTPUT,
    EVENT_FUTURE_PROGRESS,
    EVENT_FUTURE_DONE,
};

struct future_watch;
typedef void future_watch_fn(struct future_watch *watch, struct future *future,
                             enum future_event event);

/* When a future is done every notification goes out before any reply that it satisfies. */
enum watch_phase { WATCH_NOTIFY, WATCH_REPLY };

/* Lives inside the watcher's structure. Zeroed memory watches nothing. */
struct future_watch {
    struct future_watch *next, *previous; /* in the ring of the future's watches */
    struct future *future;                /* NULL: not watching */
    future_watch_fn *fn;
};

/* Tells `fn` of every event until the future is done. The watch is taken off before it is told of
 * EVENT_FUTURE_DONE; `fn` may free it then. The future must not be done. */
void future_watch_add(struct future *future, struct future_watch *watch, enum watch_phase phase,
                      future_watch_fn *fn);
/* Does nothing where it watches nothing. */
void future_watch_remove(struct future_watch *watch);

/* Has the job's thread report new output as EVENT_FUTURE_OUTPUT while the future is RUNNING, now
 * or later. Stays on until the future is done. */
void future_watch_output(struct future *future);

#endif

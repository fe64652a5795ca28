/* The inside of futures, specs and maps, for the files of core alone. Loop thread only, but for
 * the call inside a future (see call_impl.h). */
#ifndef FUTURED_CORE_FUTURE_IMPL_H
#define FUTURED_CORE_FUTURE_IMPL_H

#include <stdint.h>
#include <sys/queue.h>

#include "daemon/base/timers.h"
#include "daemon/core/call_impl.h"
#include "daemon/core/future.h"
#include "daemon/core/store.h"

struct executor;
struct future;
struct map;
struct map_add_waiter;
struct owner;
struct pool;

/* What was submitted: the same from the submit on, shared by a map and its items. */
struct spec {
    unsigned references;
    const struct function *function;
    struct pool *pool;
    struct owner *owner;
    uint64_t client;
    uint64_t timeout_ns; /* 0: none */
    uint32_t retry_max;
    uint64_t retry_delay_ns;
    double retry_backoff;
    bool rerun_on_crash, scoped;
    enum durability durability;
    const char *label; /* inside `text`; "" for none */
    const char *args;  /* inside `text` */
    size_t args_bytes;
    char text[];
};

/* `waiter` is pending until `on` is done, in the way it wants. */
struct dependency {
    struct future *waiter, *on;
    enum future_need needs;
    LIST_ENTRY(dependency) of_future; /* in the other future's `dependents` */
    LIST_ENTRY(dependency) of_waiter; /* in the waiter's `dependencies` */
};
LIST_HEAD(dependency_list, dependency);

/* Why a pending future is not pushed, as bits. */
enum hold { HOLD_DELAY = 1, HOLD_AFTER = 2, HOLD_RETRY = 4, HOLD_MAP = 8, HOLD_COMMIT = 16 };

struct future {
    struct executor *executor;
    struct spec *spec;
    enum future_state state;
    unsigned holds;    /* bits of enum hold; only while PENDING */
    bool queued;       /* pushed, and no worker is known to have it */
    bool starting;     /* PENDING, a worker has it, and its start is on its way through the store */
    bool let_start;    /* that is done, and the worker is to be told */
    bool refuse_start; /* that it may not: the start is not in the store */
    bool settling;     /* its end is decided, and on its way through the store */
    bool cancelling;   /* settling, and the end is CANCELLED */
    bool stopped;      /* somebody asked the job to end: no further attempt */
    bool watch_output;
    bool stuck; /* scratch of deadlock.c */
    int64_t priority;
    uint64_t cursor;
    uint64_t coming_cursor; /* of the transition that is on its way through the store */
    int64_t submitted_us, started_us, finished_us;
    int64_t queued_us;        /* when it was pushed last; 0: not yet */
    struct deadline deadline; /* PENDING: delay or retry; RUNNING: the run's timeout */
    struct dependency_list dependencies, dependents;
    TAILQ_HEAD(, future_watch) watches;
    TAILQ_ENTRY(future) link;      /* in the executor's `to_settle`, then in its `done` */
    TAILQ_ENTRY(future) kept_link; /* in the executor's `kept` or `cached` */
    uint64_t kept_bytes;           /* what counts there */
    bool output_left;              /* what it has written is in the store, not here */
    struct map *map;               /* a map's own future owns it; else NULL */
    struct map *item_of;           /* an item's map; else NULL */
    uint64_t index;                /* an item's place */
    struct key_entry *key;
    struct attempt *attempts; /* the earlier ones, latest first; owned */
    char *progress;           /* the latest, JSON text; owned */
    /* Asked for between the worker's take and its report; mostly NULL, owned. */
    struct stop_request *stop_on_start;
    struct call call;
    char item[]; /* an item's JSON text */
};
TAILQ_HEAD(future_list, future);

struct map {
    LIST_ENTRY(map) open_link; /* in the executor's `open_maps` while open */
    struct future *self;
    uint64_t *items;    /* see map_item */
    uint64_t resident;  /* items in memory */
    unsigned awaited;   /* loads of items that need the map in memory when they come */
    bool items_unknown; /* items that are in the store alone are not told from forgotten ones */
    uint64_t count, capacity;
    uint64_t first; /* id of item 0 */
    uint64_t by_state[FUTURE_STATES];
    uint64_t failed;
    /* Items whose end is decided and on its way through the store, by how they end, and how many
     * of them are counted as pending and as running so far. */
    uint64_t ending_cancelled, ending_failed, ending_well;
    uint64_t failed_dependency; /* id of what should have ended otherwise; 0: none */
    uint64_t window;
    bool open, was_open, fail_fast;
    uint64_t bytes; /* of the done items, where retention takes the map as a whole */
    TAILQ_HEAD(, map_add_waiter) add_waiters;
};

/* A new future for `spec` (one more reference), PENDING and of priority 0: a map's own one, which
 * takes `map`, or one with a copy of `item`, or neither (NULL). NULL: no memory, and `map` is still
 * the caller's. */
struct future *future_new(struct executor *executor, struct spec *spec, struct map *map,
                          const char *item, size_t item_bytes);
/* Counts a future in, once it has an id. */
void future_count_in(struct future *future);
/* Frees a future that nothing points to any more. */
void future_free(struct future *future);

/* The only place where a future's state changes. 0, or -EPROTO for a transition that the life of a
 * future does not know; nothing is changed then. */
int future_set_state(struct future *future, enum future_state state, uint64_t cursor,
                     int64_t wall_us);

/* Tells the watches; EVENT_FUTURE_DONE takes them off. */
void future_tell(struct future *future, enum future_event event);

void spec_unref(struct spec *spec);

/* Frees the map, not its items. NULL is allowed. */
void map_free(struct map *map);

/* An item's place holds 0 (it is forgotten), its future, or, where that is in the store alone, its
 * id with the lowest bit set. */
struct future *map_item(const struct map *map, uint64_t index);
/* The item's id; 0: forgotten, or not known. */
uint64_t map_item_id(const struct map *map, uint64_t index);
void map_set_item(struct map *map, uint64_t index, struct future *item);
void map_set_item_id(struct map *map, uint64_t index, uint64_t id);

#endif

/* The inside of futures, specs and maps, for the files of core alone. Loop thread only, but for
 * the call inside a future (see call_impl.h). */
#ifndef FUTURED_CORE_FUTURE_IMPL_H
#define FUTURED_CORE_FUTURE_IMPL_H

#include <stdint.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

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

/* What was submitted, but for the arguments. Shared by a map and its items; other submits that are
 * equal in all of it share one, too. */
struct spec {
    struct executor *executor;
    unsigned references;
    struct map *map;   /* the map's own future owns it; NULL: no map */
    UT_hash_handle hh; /* in the executor's `specs`, where it is no map's */
    /* From here to the end of the label: what tells one from another, gaps zeroed. */
    const struct function *function;
    struct pool *pool;
    struct owner *owner;
    uint64_t client;
    uint64_t timeout_ns; /* 0: none */
    uint64_t retry_delay_ns;
    double retry_backoff;
    uint64_t output_cap_bytes; /* of each stream */
    uint32_t retry_max;
    enum durability durability;
    bool rerun_on_crash, scoped;
    char label[]; /* "" for none */
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
#define HOLDS 31 /* all of them */

/* What few futures have: made for the first that needs a place here, gone with the future. */
struct rare {
    struct future *future;
    struct deadline deadline; /* PENDING: delay or retry; RUNNING: the run's timeout */
    struct dependency_list dependencies, dependents;
    struct key_entry *key;
    struct attempt *attempts; /* the earlier ones, latest first; owned */
    struct attempt *spare;    /* for the next one of them; owned, NULL: not yet */
    char *progress;           /* the latest, JSON text; owned */
    /* Asked for between the worker's take and its report; owned. */
    struct stop_request *stop_on_start;
};

struct future {
    struct spec *spec;
    /* The execution by a worker that has reported its start; at last what holds the outcome, see
     * future_call. Owned; NULL: neither. */
    struct call *call;
    struct rare *rare;            /* see future_rare; owned, NULL: nothing of that */
    struct future_watch *watches; /* a ring; the first one, NULL: nobody watches */
    uint64_t id;
    int64_t priority;
    uint64_t cursor;
    uint64_t coming_cursor; /* of the transition that is on its way through the store */
    int64_t submitted_us, started_us;
    int64_t finished_us; /* from the moment that its end is decided */
    /* What workers read has places of its own, apart from the bits. */
    uint32_t index; /* an item's place */
    unsigned attempt;
    uint32_t text_bytes; /* see `text` */
    bool is_item;        /* of the map of its spec */
    enum future_state state : 2;
    unsigned holds : 5;    /* bits of enum hold; only while PENDING */
    bool queued : 1;       /* pushed, and no worker is known to have it */
    bool starting : 1;     /* PENDING, taken, and its start is on its way to the store */
    bool let_start : 1;    /* that is done, and the worker is to be told */
    bool refuse_start : 1; /* that it may not: the start is not in the store */
    bool ahead_asked : 1;  /* it may start, once that is stored: that is on its way; see ahead.c */
    bool ahead : 1;        /* that is stored, of this attempt */
    bool early : 1;        /* pushed before its submit was stored; until that is; see early.c */
    bool early_over : 1;   /* and its call has come back before that */
    bool early_end : 1;    /* `settling` since before that: the store has its end already */
    bool settling : 1;     /* its end is decided, and on its way through the store */
    bool cancelling : 1;   /* settling, and the end is CANCELLED */
    bool stopped : 1;      /* somebody asked the job to end: no further attempt */
    bool watch_output : 1; /* somebody wants to be told of output */
    bool report_awaited : 1; /* see await_report */
    bool stuck : 1;          /* scratch of deadlock.c */
    bool output_left : 1;    /* what it has written is in the store, not here */
    union {
        struct { /* until its end is decided */
            struct work work;
            int64_t queued_us; /* when it was pushed last; 0: not yet */
        };
        struct {                           /* from then on */
            TAILQ_ENTRY(future) link;      /* in the executor's `to_settle`, then in its `done` */
            TAILQ_ENTRY(future) kept_link; /* in the executor's `kept` or `cached` */
            uint64_t kept_bytes;           /* what counts there */
        };
    };
    char text[]; /* JSON: an item's own, or the arguments */
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
    bool closing_put; /* the store is told that it is not open */
    uint64_t bytes;   /* of the done items, where retention takes the map as a whole */
    TAILQ_HEAD(, map_add_waiter) add_waiters;
};

static inline struct executor *executor_of(const struct future *future)
{
    return future->spec->executor;
}

static inline void add_hold(struct future *future, unsigned holds)
{
    future->holds = (future->holds | holds) & HOLDS;
}

static inline void drop_hold(struct future *future, enum hold hold)
{
    future->holds = future->holds & ~(unsigned)hold & HOLDS;
}

/* The map that a future is; NULL: it is none. */
static inline struct map *own_map(const struct future *future)
{
    return future->is_item ? NULL : future->spec->map;
}

/* The map that it is an item of; NULL: of none. */
static inline struct map *item_map(const struct future *future)
{
    return future->is_item ? future->spec->map : NULL;
}

/* A new future for `spec` (one more reference), PENDING and of priority 0, with a copy of its text.
 * Where the spec has a map it is that map's item, if `is_item`, or the map's own. NULL: no memory.
 */
struct future *future_new(struct spec *spec, bool is_item, const char *text, size_t text_bytes);
/* The future whose work it is. */
struct future *future_of_work(struct work *work);
/* Worker: fills in the call for a future's work that it has taken. */
void future_begin_call(struct call *call, struct work *work);
/* Its call; where there is none an empty one is made, for the outcome of a future that ends without
 * being executed. NULL: no memory; a future that is finished without a call has a MemoryError. */
struct call *future_call(struct future *future);
/* How it ended, or will end: of a finished one, or one whose end is decided and is not CANCELLED.
 */
const struct outcome *future_decided(const struct future *future);
/* What is rare of it, made where it is not there yet. NULL: no memory. */
struct rare *future_rare(struct future *future);
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

/* One more reference to it, which is returned. */
struct spec *spec_ref(struct spec *spec);
void spec_unref(struct spec *spec);
/* A worker that takes the call must not begin before it is told that the start is in the store. */
bool spec_is_gated(const struct spec *spec);
/* The future's key; NULL: none. */
struct key_entry *future_key(const struct future *future);

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

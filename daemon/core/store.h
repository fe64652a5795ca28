/* The interface between the executor and what survives a restart. The executor hands over every
 * transition as a change and goes on when it is committed; it never knows which store it has.
 * Loop thread only: a store with a thread of its own hides it. */
#ifndef FUTURED_CORE_STORE_H
#define FUTURED_CORE_STORE_H

#include <stddef.h>

struct future;
struct outcome;
struct store;

enum store_change_kind {
    CHANGE_SUBMITTED,
    CHANGE_STARTED,
    CHANGE_RETRIED,  /* back to pending as the next attempt */
    CHANGE_FINISHED, /* with `outcome` */
    CHANGE_CANCELLED,
    CHANGE_FORGOTTEN,
};

/* Borrowed until `commit` returns: a store that answers later copies what it needs. */
struct store_change {
    enum store_change_kind kind;
    const struct future *future;
    const struct outcome *outcome; /* CHANGE_FINISHED: how; else NULL */
};

/* `error` is 0 once all the changes of the commit are as durable as the store promises, or -errno:
 * then none of them is. */
typedef void store_done_fn(void *arg, int error);

struct store_ops {
    const char *durability; /* "full", "process" or "none" */
    /* All the changes or none. Calls `done(arg, error)` exactly once, from within or later, and in
     * the order of the commits. */
    void (*commit)(struct store *store, const struct store_change *changes, size_t count,
                   store_done_fn *done, void *arg);
    /* The executor is freed before: what was not answered yet stays so. */
    void (*free)(struct store *store);
};

struct store {
    const struct store_ops *ops;
};

#endif

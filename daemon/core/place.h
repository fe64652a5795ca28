/* Where the workers of a pool execute their calls when that is not in this process: the interface
 * that `run/` implements, beside runner.h. A place has a *seat* for each worker, which is opened
 * when the worker has work for the first time and left when its thread ends. The core does not know
 * what a place is made of, and a pool without one executes here.
 *
 * A call is taken from the queue only when the seat is ready for it: what a place cannot execute at
 * the moment stays pending. A seat that is lost ends its worker; the pool starts another one. */
#ifndef FUTURED_CORE_PLACE_H
#define FUTURED_CORE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct call;
struct function;
struct place;
struct seat;

enum seat_state {
    SEAT_READY,   /* it can execute a call now */
    SEAT_NOT_YET, /* it is being opened, or waits for the next try */
    SEAT_LOST,    /* it will never be ready (again) */
};

#define SEAT_HOST_BYTES 256

/* What a seat is, for people who look. */
struct seat_facts {
    bool ready;
    char host[SEAT_HOST_BYTES]; /* cut where it is longer; "": not known yet */
    pid_t pid;                  /* there, of the process that does the work; 0: none */
};

struct place_ops {
    /* Worker thread: the seat of the worker with that number and name; one worker at a time has it.
     * Nothing is opened yet. NULL: no memory. */
    struct seat *(*take)(struct place *place, unsigned number, const char *worker);
    /* Worker thread, between calls; does not block. */
    enum seat_state (*look)(struct seat *seat);
    /* Worker thread: goes on with opening it. Blocks for some hundred milliseconds at most, and not
     * once `stop_fd` is readable. */
    enum seat_state (*prepare)(struct seat *seat, int stop_fd);
    /* Worker thread, with a seat that is ready: as function_ops.run. False: the seat is lost now.
     */
    bool (*run)(struct seat *seat, const struct function *function, struct call *call);
    /* Worker thread, at its end; NULL is allowed. The loop may be waiting for that end by then: it
     * must not block. */
    void (*leave)(struct seat *seat);

    /* Loop thread. */
    void (*describe)(struct place *place, unsigned number, struct seat_facts *ret_facts);
    /* What keeps seats from being opened at the moment, as a sentence; false: nothing. */
    bool (*trouble)(struct place *place, char *ret_text, size_t size);
};

/* The implementation's own has this as its first member. */
struct place {
    const struct place_ops *ops;
    const char *launcher; /* how it is reached, as it was configured */
    unsigned workers;     /* the loop's: that execute there, and have not been freed */
};

#endif

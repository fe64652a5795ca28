/* Looks after the processes of handlers that no call needs at the moment: keeps them for the next
 * call, takes in what they write meanwhile, ends those that were idle for too long, and sees off
 * all that are to end: first by the end of their stdin, then by TERM, then by KILL.
 *
 * It has a thread of its own, as neither the loop nor a worker may wait for a process. The thread
 * sleeps until something happens to a process that rests, or a time is up. A process that is taken
 * again within a moment never gets its attention, and that costs no system call. Any thread. */
#ifndef FUTURED_RUN_HANDLER_KEEPER_H
#define FUTURED_RUN_HANDLER_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/run/handler_process.h"

struct handler_keeper;

TAILQ_HEAD(handler_list, handler_process);

/* The idle processes of one handler, the one used last first. */
struct handler_stock {
    uint64_t idle_timeout_ns; /* set before handler_keeper_add */
    /* The keeper's. */
    struct handler_list idle;
    bool closed; /* nothing stays in it any more */
    STAILQ_ENTRY(handler_stock) link;
};

/* 0 or -errno. */
int handler_keeper_new(struct handler_keeper **ret_keeper);
/* Ends all processes, and returns when they are gone. The stocks must be there until then. */
void handler_keeper_free(struct handler_keeper *keeper);
/* It has no process at the moment. */
bool handler_keeper_is_idle(struct handler_keeper *keeper);

/* Makes an empty stock known; borrowed. */
void handler_keeper_add(struct handler_keeper *keeper, struct handler_stock *stock);

/* Ends the stock's idle processes, and those that are put in later. */
void handler_keeper_close(struct handler_keeper *keeper, struct handler_stock *stock);
/* Forgets a stock that has never had a process. */
void handler_keeper_remove(struct handler_keeper *keeper, struct handler_stock *stock);

/* The process used last, which is the caller's then; NULL: there is none. */
struct handler_process *handler_keeper_take(struct handler_keeper *keeper,
                                            struct handler_stock *stock);
/* Puts a process in; it belongs to the stock then. */
void handler_keeper_give(struct handler_keeper *keeper, struct handler_stock *stock,
                         struct handler_process *process);
/* Ends a process in peace: it belongs to the keeper then. */
void handler_keeper_end(struct handler_keeper *keeper, struct handler_process *process);

#endif

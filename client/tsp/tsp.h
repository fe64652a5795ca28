/* future-tsp: the command line of Task Spooler over futured. What its parts share: the run's
 * settings, messages, and calls whose failures have been told to the user already. Functions that
 * return an exit status return 0 where all is well. One thread. */
#ifndef FUTURED_CLIENT_TSP_TSP_H
#define FUTURED_CLIENT_TSP_TSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/future.h"

/* The pool that is the queue. */
#define TSP_POOL "tsp"

/* Task Spooler's status for everything that goes wrong, and of jobs that did not exit. */
enum { TSP_FAILED = 255 };

enum tsp_action {
    TSP_ADD,
    TSP_LIST,
    TSP_TAIL,
    TSP_CAT,
    TSP_PID,
    TSP_INFO,
    TSP_STATE,
    TSP_REMOVE,
    TSP_WAIT,
    TSP_KILL,
    TSP_URGE,
    TSP_SWAP,
    TSP_SLOTS,
    TSP_CLEAR,
    TSP_STOP
};

/* One run of the program: the command line, and the connection. */
struct tsp {
    enum tsp_action action;
    bool has_number;
    uint64_t number;   /* the id or the slots that the action was given */
    uint64_t other;    /* the second id of TSP_SWAP */
    bool unstored;     /* -n */
    bool foreground;   /* -f */
    bool after_last;   /* -d */
    bool has_after;    /* -D */
    uint64_t after;    /* its id */
    const char *label; /* NULL: none */
    char **argv;       /* the command, ended by NULL */
    struct future_client *client;
};

/* `tsp: ...` on stderr; returns TSP_FAILED. */
int tsp_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* `Error in the request: ...`, as Task Spooler words it. */
int tsp_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The failure of a function of libfuture. */
int tsp_fail_call(const struct tsp *tsp, int failure);

/* Connects to the daemon at $TS_SOCKET, else at $FUTURE_SOCKET or the default place, and starts one
 * where that is ours to do. */
int tsp_connect(struct tsp *tsp);
/* Calls a method that libfuture has no function for. *ret_reply is the caller's, and may be a
 * FUTURE_ERROR. */
int tsp_call(struct tsp *tsp, const char *method, const char *params,
             struct future_message **ret_reply);
/* Tells a FUTURE_ERROR. */
int tsp_fail_message(const struct future_message *error);

/* ---- the actions, each in the file of its kind ---- */

int tsp_add(struct tsp *tsp);
int tsp_list(struct tsp *tsp);
int tsp_info(struct tsp *tsp);
int tsp_state(struct tsp *tsp);
int tsp_pid(struct tsp *tsp);
int tsp_tail(struct tsp *tsp);
int tsp_cat(struct tsp *tsp);
int tsp_wait(struct tsp *tsp);
int tsp_kill(struct tsp *tsp);
int tsp_remove(struct tsp *tsp);
int tsp_urge(struct tsp *tsp);
int tsp_swap(struct tsp *tsp);
int tsp_clear(struct tsp *tsp);
int tsp_slots(struct tsp *tsp);
int tsp_stop(struct tsp *tsp);

#endif

/* One execution of a function by a worker, as a runner sees it: what to do, where the output goes,
 * how it ended, and whether somebody asked it to stop. The functions here are for the worker
 * thread that executes the call, from the moment `run` is entered until it returns. */
#ifndef FUTURED_CORE_CALL_H
#define FUTURED_CORE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct call;
struct outcome;
struct output;

enum stop_cause {
    STOP_NONE,
    STOP_TERMINATE,  /* cancel with terminate */
    STOP_TIMEOUT,    /* the run's timeout is over */
    STOP_DISCONNECT, /* scope "connection", and the connection is gone */
    STOP_SHUTDOWN,   /* the daemon ends */
};

/* What was asked. `serial` rises with each request, so that a second, harsher one is seen. */
struct stop_request {
    enum stop_cause cause;
    unsigned serial;
    int signal_number; /* for a process: the first signal */
    uint64_t grace_ms; /* then KILL follows after this time */
    char reason[128];  /* the asker's words; may be empty */
};

/* Future id (0 for a pool's initializer) and attempt, counted from 1. */
uint64_t call_id(const struct call *call);
unsigned call_attempt(const struct call *call);

/* Arguments as JSON text, not NUL-terminated; valid while the call runs. */
const char *call_args(const struct call *call, size_t *ret_bytes);
/* The item of a map as JSON text, NULL (and 0) where the call is not an item. */
const char *call_item(const struct call *call, size_t *ret_bytes);

/* Where the job's streams go; made at first use and borrowed. NULL: no memory. */
struct output *call_output(struct call *call);

/* To be set before `run` returns, to a result or an exception. Borrowed. */
struct outcome *call_outcome(struct call *call);

/* Tells how far the call is, as JSON text, which is copied. Only the latest value is sure to be
 * seen. 0 or -ENOMEM. */
int call_progress(struct call *call, const char *json, size_t json_bytes);

/* Names the process that does the work, for people who look; 0 when there is none any more. */
void call_set_pid(struct call *call, pid_t pid);

/* A descriptor that polls readable once a stop is asked for, and stays so until call_stop reads
 * the request. Borrowed: it belongs to the worker. */
int call_stop_fd(const struct call *call);
/* Copies the request and makes the descriptor quiet; false where nobody asked so far. */
bool call_stop(struct call *call, struct stop_request *ret_request);

/* The same question without the details, and cheap: for a function that asks again and again. */
bool call_stop_asked(const struct call *call);

/* Has the pool broken once this call is over, as a failed initializer does. */
void call_break_pool(struct call *call);

/* Whoever executed the call is lost. `unseen`: it has not begun, and is executed by another one.
 * Else nobody knows how far it came, the outcome says so, and an attempt that follows must not
 * begin before `rest_ns` are over: only then nothing is left of this one for certain. */
void call_lost(struct call *call, bool unseen, uint64_t rest_ns);

/* Sets the exception that tells of the stop: TimedOut or Terminated with the reason given. Takes
 * ownership of `data` (JSON text or NULL). */
void call_raise_stopped(struct call *call, const struct stop_request *request, char *data,
                        size_t data_bytes);

#endif

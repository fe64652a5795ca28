/* The protocol without a daemon around it: an executor with a store, mostly one that keeps
 * nothing, its service, and sessions that lines are passed to and whose messages are kept. No
 * sockets and no processes: what `exec` is asked to run it only says that it ran. The caller's
 * thread is the loop's; jobs run on the pools' threads. Aborts where the fixture itself cannot be
 * made. */
#ifndef FUTURED_TESTS_SERVED_H
#define FUTURED_TESTS_SERVED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/core/runner.h"
#include "proto/limits.h"

struct loop;
struct served;
struct service;
struct session;
struct store;
struct timers;

/* One client: what it was sent, message by message, each ended by LF. */
struct served_client {
    struct served *served;
    struct session *session;
    char *text; /* NUL-terminated */
    size_t size, capacity;
    size_t replies; /* messages that answer something */
    bool given_up;  /* the session has asked to be ended */
};

struct served {
    struct limits limits;
    struct loop *loop;
    struct timers *timers;
    struct store *store;
    struct executor *executor;
    struct service *service;
    struct function *command; /* that `exec` borrows its checks from */
    struct function exec, gate, boom;
    struct function_ops exec_ops;
    struct served_client admin; /* sees all, and may change the pools */
    struct served_client user;  /* of another user */
    atomic_uint held;           /* calls of `gate` that wait, or that were asked to stop */
    int permits;                /* eventfd, a semaphore: calls that may pass */
};

/* Functions: `exec`, `sleep` and `echo` as in the daemon, but that `exec` runs nothing; `gate`
 * tells "progress" and "output", and waits until it is let through or asked to stop; `boom` raises
 * Boom. `limits` NULL: the defaults. */
struct served *served_new(const struct limits *limits);
/* The same with a store in that directory, and what is there is recovered. */
struct served *served_new_in(const struct limits *limits, const char *directory);
/* Frees the sessions, then everything. Jobs that run are ended. */
void served_free(struct served *served);

/* Passes a line (without its LF) or, as the last one, what came without one. It is copied. */
void served_line(struct served_client *client, const char *line, size_t size);
void served_fragment(struct served_client *client, const char *text, size_t size);
/* The client is gone: its session is freed. */
void served_leave(struct served_client *client);
/* Forgets the messages so far. */
void served_forget(struct served_client *client);

/* Lets so many calls of `gate` through. */
void served_pass(struct served *served, unsigned count);
/* Handles what the loop has to handle by now. */
void served_turn(struct served *served);
/* Turns the loop until the client has been sent so many replies, or is given up. */
void served_await_replies(struct served_client *client, size_t count);
/* Turns the loop until every job that can run has ended, or waits in `gate` or `sleep`. */
void served_settle(struct served *served);

#endif

/* What nearly every test over the wire starts from: a daemon, a client of it and a gate, made anew
 * for each test and ended in order behind it. And the checks that they all share. One thread. */
#ifndef FUTURED_TESTS_FIXTURE_H
#define FUTURED_TESTS_FIXTURE_H

#include <check.h>

#include "tests/support/client.h"
#include "tests/support/daemon.h"
#include "tests/support/gate.h"
#include "tests/support/json.h"

struct fixture {
    struct daemon *daemon;
    struct client *client;
    struct gate *gate;
};

/* `options` as for daemon_start. */
void fixture_start(struct fixture *fixture, const struct daemon_options *options);
/* The daemon must end in order, whatever the test has left running. */
void fixture_stop(struct fixture *fixture);
/* As fixture_stop, for a daemon that the test has asked to end by itself. */
void fixture_join(struct fixture *fixture);

/* Kills the daemon and starts it once more, with the same state and a new connection. */
void fixture_kill_and_restart(struct fixture *fixture);

/* One more client; client_close ends it. */
struct client *fixture_client(const struct fixture *fixture);

/* A client of another user, and of that user's group number, which has to be in no file. Only for
 * tests that run as root: is_root. */
struct client *fixture_client_of(const struct fixture *fixture, uid_t uid);
bool is_root(void);

/* Submits a job that stands at the gate, waits until it runs, and returns the future's id. */
json_int_t fixture_hold(const struct fixture *fixture);

/* Runs the tests, ended by NULL, each in a process of its own with `setup` before and `teardown`
 * behind it (NULL: none). Returns main's status. */
int fixture_run(const char *name, SFun setup, SFun teardown, const TTest *const tests[]);

/* ---- checks ---- */

/* The call is refused with -32602, and data.param is `param`. */
void expect_refused(struct client *client, const char *method, const char *param,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The call is refused with -32005, data.limit and data.value. */
void expect_limit(struct client *client, const char *method, const char *limit, json_int_t value,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Returns when the daemon has so many connections: it takes its time to see that one is closed. */
void await_connections(struct client *client, json_int_t count);
/* `status` shows the future in this state. */
void expect_state(struct client *client, json_int_t id, const char *state);
/* Waits until it is done: its `result` must be this JSON. */
void expect_result(struct client *client, json_int_t id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Waits until it is done: it must have raised this type. */
void expect_exception(struct client *client, json_int_t id, const char *type);
/* The next notification must be future.done of this future; returns its cursor. */
json_int_t expect_done(struct client *client, json_int_t id);
/* No notification has arrived by now. */
void expect_quiet(struct client *client);

#endif

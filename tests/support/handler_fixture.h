/* A handler function that the puppet (puppet.c) answers, in a directory of its own, and what tests
 * of it ask and check. One thread. */
#ifndef FUTURED_TESTS_HANDLER_FIXTURE_H
#define FUTURED_TESTS_HANDLER_FIXTURE_H

#include <check.h>
#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/run/handler.h"
#include "tests/support/fake_call.h"

#define CAP_BYTES  ((uint64_t)1 << 20)
#define LINE_BYTES 100000
#define NEVER_MS   ((uint64_t)3600 * 1000)

/* The bound on waiting, which no test that passes comes near to. */
#define DEADLINE_MS 30000

extern char directory[];
extern struct handlers *handlers;
extern const struct function *function;

extern struct handler_settings settings; /* of the function that make_function makes */
extern char *argv[3];

void set_up(void);
void tear_down(void);
/* Makes `function` with `settings`. */
void make_function(void);

/* ---- calls ---- */

/* {"text":"yyy.."}, with so many of them; the caller frees. */
char *long_args(size_t size);
/* The JSON of its outcome; the caller owns it. */
json_t *outcome_json(struct call *call);
/* The result of the call that has been run; the caller owns it. */
json_t *result_of(struct call *call);
/* Runs a call whose params are {"do":LIST} and checks that the puppet answers; its answer. */
json_t *ask(const char *list);
/* A member that must be an integer. */
json_int_t int_at(json_t *object, const char *name);
/* The pid of the process that answers. */
pid_t ask_pid(const char *list);
/* It is this JSON, written with apostrophes for quotes. */
void check_json(json_t *value, const char *wanted_text);
/* Runs a call that must raise. */
void expect(const char *list, const char *type, const char *message, const char *data);

/* ---- facts about the system ---- */

/* Returns when the process has ended. */
void await_gone(pid_t pid);
/* A number that a process has appended to a file. */
int64_t number_in(const char *path, int line);
/* A FIFO at which a process can wait. */
void make_gate(const char *path);
/* Returns when somebody waits at the gate, and lets him through. */
void open_gate(const char *path);
/* The call has captured this. */
void check_stderr(struct call *call, const char *wanted);

/* Gathers what the daemon's log would get; what there is so far, static. */
void catch_log(void);
const char *log_text(void);
/* Returns when the log says that. */
void await_log(const char *what);

#endif

/* The function `exec` in a directory of its own, and what tests of it run and check. One thread. */
#ifndef FUTURED_TESTS_COMMAND_FIXTURE_H
#define FUTURED_TESTS_COMMAND_FIXTURE_H

#include <check.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/run/command.h"
#include "tests/support/fake_call.h"

#define CAP_BYTES ((uint64_t)1 << 20)
#define NEVER_MS  ((uint64_t)3600 * 1000)
#define READ_MAX  ((size_t)4 << 20)

extern char directory[];
extern struct function *function;

/* Makes `function` anew. */
void make_function(uint64_t pipe_grace_ms);
void set_up(void);
void tear_down(void);

/* ---- running ---- */

/* Arguments with a shell script for argv; `more` is further members, with a comma before them.
 * To be freed. */
char *script_args(const char *script, const char *more);
/* Run a call to its end, which must not be refused; fake_call_free ends it. */
struct call *run_item(const char *args, const char *item);
struct call *run(const char *args);
struct call *run_script(const char *script, const char *more);
/* The captured stream with a NUL behind it; static. */
const char *stream_of(struct call *call, enum output_stream stream, size_t *ret_bytes);
/* ---- how it ended ---- */

void check_stdout(struct call *call, const char *expected);
void check_stderr(struct call *call, const char *expected);
/* What the result, or the data of the exception, says. */
void check_end(struct call *call, int exit_code, const char *signal_name, bool truncated);
void check_result(struct call *call);
void check_success(struct call *call);
void check_exception(struct call *call, const char *type, const char *message);
void check_spawn_error(struct call *call, const char *message, const char *errno_name,
                       const char *step, const char *path);
/* Runs a script, expects success and this output. */
void check_script(const char *script, const char *more, const char *expected);
/* ---- files ---- */

void write_file(const char *name, const char *text, mode_t mode);
/* A FIFO of which the test holds the reading end. */
int make_fifo(const char *name);
/* Waits until the job says something through the FIFO. A reader without writers sees the end, so
 * the test holds a writing end of its own while it waits. */
void await_word(int fifo_fd, const char *name);
/* Waits until nobody holds the writing end any more. */
void await_end(int fifo_fd);

#endif

/* A stand-in for the core's call, so that the runners' tests link without the executor. The test's
 * thread makes it, may watch it and ask for a stop; a second thread, or the same, runs it. */
#ifndef FUTURED_TESTS_FAKE_CALL_H
#define FUTURED_TESTS_FAKE_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/core/call.h"
#include "daemon/core/outcome.h"
#include "daemon/core/output.h"
#include "daemon/core/runner.h"

#define FAKE_CALL_ID      42
#define FAKE_CALL_ATTEMPT 3

/* `args` and `item` (NULL: none) are borrowed. Aborts the test without memory. */
struct call *fake_call_new(const char *args, const char *item, uint64_t output_cap_bytes);
void fake_call_free(struct call *call);

/* Asks for a stop; any thread. */
void fake_call_stop(struct call *call, enum stop_cause cause, int signal_number, uint64_t grace_ms);

/* Runs the function here and now. */
void fake_call_run(struct call *call, const struct function *function);

/* The same on a thread of its own, until fake_call_join. */
void fake_call_start(struct call *call, const struct function *function);
void fake_call_join(struct call *call);

/* The pid that the runner has named last. */
pid_t fake_call_pid(struct call *call);
/* Waits until the runner has named one, and returns the first. */
pid_t fake_call_await_pid(struct call *call);

/* Waits until the function has told its progress for the first time. */
void fake_call_await_progress(struct call *call);
/* The latest progress as JSON text (NULL: none), and how many there were. Once the call is over;
 * borrowed from the call. */
const char *fake_call_progress(struct call *call, unsigned *ret_count);
/* Whether call_break_pool was called. Once the call is over. */
bool fake_call_breaks_pool(const struct call *call);

#endif

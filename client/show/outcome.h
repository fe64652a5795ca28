/* What became of a future, for people and shells: its bytes, its exit status, its exception in
 * words. Reads the reply to `result`. One thread. */
#ifndef FUTURED_CLIENT_OUTCOME_H
#define FUTURED_CLIENT_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

/* Where bytes go: `fd` is 1 or 2. 0 or -errno. */
typedef int (*outcome_sink_fn)(void *context, int fd, const void *data, size_t size);
/* The plain one: to this process's own stdout and stderr. */
int outcome_sink_own(void *context, int fd, const void *data, size_t size);

/* An exception, or no outcome at all (cancelled). */
bool outcome_failed(const json_t *reply);

/* The exit status of a command's outcome: the job's own, 128+N for a signal, 127 and 126 where it
 * could not be started, 125 for the rest. For any function but exec: 0 or 125. */
int outcome_exit_status(const json_t *reply, bool is_exec);

/* The object that exec made: the result, or what its exception holds of it. NULL: there is none.
 * And the number of the signal in it, 0: none. */
const json_t *outcome_command(const json_t *reply);
int outcome_signal(const json_t *command);

/* The stdout and stderr of a command, as far as they are known; nothing for other functions.
 * 0; -errno of the sink; -ENOMEM. */
int outcome_write_streams(const json_t *reply, outcome_sink_fn sink, void *context);

/* True where the command's output was cut by the daemon's limit. */
bool outcome_truncated(const json_t *reply);

/* "ExitStatus: exited with status 7" or "cancelled", printable; "" where nothing failed. */
void outcome_describe(const json_t *reply, char *ret_text, size_t size);

#endif

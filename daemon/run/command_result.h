/* How a command ended, as the outcome of its call: the result object, or one of the exceptions
 * ExitStatus, Signalled, SpawnError, Terminated, TimedOut and OutputLimit. The captured streams are
 * not in it. Worker thread. */
#ifndef FUTURED_RUN_COMMAND_RESULT_H
#define FUTURED_RUN_COMMAND_RESULT_H

#include "daemon/run/command_watch.h"
#include "daemon/run/process.h"

#include <stdbool.h>

struct outcome;

/* Sets the outcome of the watched call from what was seen; `check` as in the arguments. */
void command_result_ended(const struct command_watch *watch, const struct command_end *end,
                          bool check);

/* Sets SpawnError: `error` is a positive errno, `step` a process_step_name or another word, `path`
 * what could not be run or reached. */
void command_result_spawn_error(struct outcome *outcome, int error, const char *step,
                                const char *path);

void command_result_no_memory(struct outcome *outcome);

#endif

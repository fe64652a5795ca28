/* `result` for one future, as the commands submit --wait and result share it. One thread. */
#ifndef FUTURED_CLIENT_SHOW_RESULT_H
#define FUTURED_CLIENT_SHOW_RESULT_H

#include <stdint.h>

#include "client/cli/cli.h"
#include "client/cli/parse.h"

#define SHOW_RESULT_FOREVER (-1)

/* The command line of result and exception: --timeout and ids. True: the caller clears *ret_ids;
 * false: *ret_status is the exit status. */
bool show_result_arguments(struct cli *cli, int argc, char **argv, struct id_spans *ret_ids,
                           int64_t *ret_timeout_us, int *ret_status);

/* Waits up to `timeout_us` (SHOW_RESULT_FOREVER: no end), then shows the outcome: a command's
 * bytes on stdout and stderr, any other function's result as JSON, an exception on stderr; with
 * --json the reply. Returns the exit status that `future result` documents. */
int show_result(struct cli *cli, uint64_t id, int64_t timeout_us);

/* The end of it: the outcome in `message`, a reply to `result`, of `future`. Without `streams` the
 * command's bytes were shown before, and --json and --format are done with. */
int show_outcome(struct cli *cli, const json_t *future, const struct future_message *message,
                 bool streams);

#endif

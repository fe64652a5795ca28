/* One call of a plugin's function: the arguments made into a value, the function called with the
 * table of proto/plugin.h, and what it gave back made into an outcome. It neither loads plugins nor
 * checks arguments. Worker threads, any number at once. */
#ifndef FUTURED_RUN_PLUGIN_CALL_H
#define FUTURED_RUN_PLUGIN_CALL_H

#include <stddef.h>

#include "proto/plugin.h"

struct call;

/* The daemon's table, for init. Any thread. */
const struct futured_api *plugin_api(void);

/* Calls `run` and sets the call's outcome. `name` is the function's, for the log; a result has at
 * most `result_bytes` of text. Worker thread. */
void plugin_call_run(struct call *call, const char *name,
                     json_t *(*run)(struct futured_call *, json_t *), size_t result_bytes);

#endif

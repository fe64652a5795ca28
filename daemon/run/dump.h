/* Turns a value that code of others has made into JSON text, and lets go of it, whatever it is: a
 * cycle, nested without end, text that is no UTF-8, larger than anybody wants. Any thread, one at a
 * time for a value and all that is in it. */
#ifndef FUTURED_RUN_DUMP_H
#define FUTURED_RUN_DUMP_H

#include <jansson.h>
#include <stddef.h>

/* How deep a value may be nested. */
#define DUMP_DEPTH 100

/* The text of a value, compact, malloc'd, not NUL-terminated and the caller's. Takes ownership of
 * `value`. 0; -EINVAL: NULL, or no JSON; -ELOOP: a cycle, or nested too deep; -E2BIG: more than
 * `max_bytes`; -ENOMEM. */
int dump_value(json_t *value, size_t max_bytes, char **ret_text, size_t *ret_bytes);

/* Frees what json_decref cannot always free: cycles, and what is nested so deep that it would
 * run out of stack. Takes ownership of `value`, which may be NULL. */
void dump_discard(json_t *value);

#endif

/* How a call ended: a result (JSON text) or an exception (type, message, data as JSON text). The
 * text is opaque here. Owned by one thread at a time: the worker while the call runs, then the
 * loop. */
#ifndef FUTURED_CORE_OUTCOME_H
#define FUTURED_CORE_OUTCOME_H

#include <stddef.h>

enum outcome_kind { OUTCOME_NONE, OUTCOME_RESULT, OUTCOME_EXCEPTION };

/* Zeroed memory is an outcome of kind OUTCOME_NONE. */
struct outcome {
    enum outcome_kind kind;
    char *type;    /* exception only; NULL there when memory ran out: read outcome_type() */
    char *message; /* exception only; may be NULL when memory ran out */
    char *json;    /* the result, or the exception's data; NULL: null */
    size_t json_bytes;
};

/* Takes ownership of `json` (malloc'd text, NULL for null). Replaces what was there. */
void outcome_set_result(struct outcome *outcome, char *json, size_t json_bytes);

/* Copies `type` and `message`; takes ownership of `data` (malloc'd JSON text or NULL). Cannot fail:
 * without memory the exception becomes a MemoryError. Replaces what was there. */
void outcome_set_exception(struct outcome *outcome, const char *type, const char *message,
                           char *data, size_t data_bytes);

/* Never NULL for an exception. */
const char *outcome_type(const struct outcome *outcome);
const char *outcome_message(const struct outcome *outcome);

/* Frees what the outcome owns and makes it OUTCOME_NONE. */
void outcome_clear(struct outcome *outcome);

#endif

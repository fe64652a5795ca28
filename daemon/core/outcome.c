#include "daemon/core/outcome.h"

#include <stdlib.h>
#include <string.h>

void outcome_set_result(struct outcome *outcome, char *json, size_t json_bytes)
{
    outcome_clear(outcome);
    outcome->kind = OUTCOME_RESULT;
    outcome->json = json;
    outcome->json_bytes = json ? json_bytes : 0;
}

void outcome_set_exception(struct outcome *outcome, const char *type, const char *message,
                           char *data, size_t data_bytes)
{
    /* Copied before the old one is cleared: the caller may pass parts of it on. */
    char *type_copy = strdup(type);
    char *message_copy = strdup(message);

    outcome_clear(outcome);
    outcome->kind = OUTCOME_EXCEPTION;
    if (!type_copy || !message_copy) {
        /* Type and message go together, and the data would not fit the MemoryError. */
        free(type_copy);
        free(message_copy);
        free(data);
        return;
    }
    outcome->type = type_copy;
    outcome->message = message_copy;
    outcome->json = data;
    outcome->json_bytes = data ? data_bytes : 0;
}

const char *outcome_type(const struct outcome *outcome)
{
    return outcome->type ? outcome->type : "MemoryError";
}

const char *outcome_message(const struct outcome *outcome)
{
    return outcome->message ? outcome->message : "out of memory";
}

void outcome_clear(struct outcome *outcome)
{
    free(outcome->type);
    free(outcome->message);
    free(outcome->json);
    *outcome = (struct outcome){0};
}

/* The lines that pass between the daemon and a handler: JSON-RPC 2.0 as proto/HANDLER.md has it.
 * Reads and writes text, no I/O, and knows nothing of processes or futures. Any thread; a message
 * belongs to one. */
#ifndef FUTURED_RUN_HANDLER_MESSAGE_H
#define FUTURED_RUN_HANDLER_MESSAGE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/log.h"
#include "proto/json_text.h"
#include "proto/writer.h"

/* The id of the request `init`. No future has it. */
#define HANDLER_INIT_ID 0

enum handler_message_kind {
    HANDLER_RESULT,   /* id, value */
    HANDLER_ERROR,    /* id, type, text, value */
    HANDLER_PROGRESS, /* id or any_id, value */
    HANDLER_LOG,      /* level, text */
    HANDLER_UNKNOWN,  /* a notification that a later daemon may know */
};

/* What a handler may send at most. */
struct handler_bounds {
    uint64_t line_bytes, depth, values;
};

struct handler_message {
    enum handler_message_kind kind;
    uint64_t id;
    bool any_id;        /* progress of whatever call is running */
    struct slice value; /* the result, the error's data (size 0: none) or the progress; raw text
                         * inside of the line */
    int64_t code;       /* of an error */
    const char *type;   /* of the exception that an error becomes */
    const char *text;   /* an error's message, or a line for the log */
    enum log_level level;
    json_t *tree; /* what the strings lie in */
};

/* Reads a line, which must stay as long as the message. 0; -EBADMSG with *ret_why (static) when it
 * is not what a handler may say; -ENOMEM. */
int handler_message_parse(const char *line, size_t size, const struct handler_bounds *bounds,
                          struct handler_message *ret_message, const char **ret_why);
void handler_message_clear(struct handler_message *message);

/* Writes the line of a request with its LF. `params` is a JSON object or array; line feeds between
 * its values become spaces. Check writer_failed. */
void handler_message_request(struct writer *writer, uint64_t id, const char *method,
                             struct slice params);

#endif

/* The lines that pass between the daemon and a handler: JSON-RPC 2.0 as proto/HANDLER.md has it,
 * and what proto/WORKER.md adds to that for workers elsewhere. Reads and writes text, no I/O, and
 * knows nothing of processes or futures. Any thread; a message belongs to one. */
#ifndef FUTURED_RUN_HANDLER_MESSAGE_H
#define FUTURED_RUN_HANDLER_MESSAGE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/log.h"
#include "daemon/core/output.h"
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
    /* Of a worker elsewhere alone. */
    HANDLER_OUTPUT, /* id, stream, data */
    HANDLER_PID,    /* id, number: the process that does the work */
    HANDLER_ALIVE,  /* number: to be sent back */
};

/* What a handler may send at most. */
struct handler_bounds {
    uint64_t line_bytes, depth, values;
    bool worker; /* it is a worker elsewhere, and may say more */
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
    bool break_pool; /* an error's, from a worker: what the function has asked for there */
    uint64_t number;
    enum output_stream stream;
    const char *data;
    size_t data_bytes;
    char *decoded; /* what `data` lies in where it came as base64 */
    json_t *tree;  /* what the strings lie in */
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

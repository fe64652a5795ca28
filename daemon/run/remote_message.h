/* The lines between the daemon and its workers elsewhere, as proto/WORKER.md has them: what the
 * daemon says is written and read here; what a worker says is written here, and read by
 * handler_message.h. Text alone, no I/O. Any thread; a message belongs to one. */
#ifndef FUTURED_RUN_REMOTE_MESSAGE_H
#define FUTURED_RUN_REMOTE_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/call.h"
#include "daemon/core/output.h"
#include "daemon/run/handler_message.h"
#include "proto/json_text.h"
#include "proto/writer.h"

/* Rises with every change that the other side must know. */
#define REMOTE_PROTOCOL 1

/* What a worker is told first. */
struct remote_hello {
    const char *version; /* of the daemon */
    const char *pool;
    unsigned worker; /* its number */
    uint64_t output_bytes, output_total_bytes, result_bytes, line_bytes, depth, values;
    uint64_t lease_ms;      /* without a word for so long it ends its job, and itself; 0: never */
    const char *plugin_dir; /* NULL: none */
};

struct remote_call {
    uint64_t id;
    const char *fn;
    unsigned attempt;
    struct slice args, item; /* item.text NULL: it is none of a map */
    struct slice recipe;     /* as function_ops.recipe; size 0: the name is enough */
};

enum remote_request_kind {
    REMOTE_HELLO,
    REMOTE_CALL,
    REMOTE_STOP,
    REMOTE_ALIVE,
    REMOTE_PING,
    REMOTE_UNKNOWN
};

struct remote_request {
    enum remote_request_kind kind;
    uint64_t id; /* of HELLO, CALL and STOP */
    struct remote_hello hello;
    long protocol; /* of HELLO */
    struct remote_call call;
    struct stop_request stop;
    uint64_t number; /* of ALIVE */
    json_t *tree;    /* what strings lie in */
};

/* ---- the daemon's ---- */

void remote_write_hello(struct writer *writer, const struct remote_hello *hello);
void remote_write_call(struct writer *writer, const struct remote_call *call);
void remote_write_stop(struct writer *writer, uint64_t id, const struct stop_request *request);
/* Asks a worker without a call for a sign of life. */
void remote_write_ping(struct writer *writer);
/* The same in both directions. */
void remote_write_alive(struct writer *writer, uint64_t number);

/* The worker's answer to the first line, in `result`: borrowed strings of its tree. */
struct remote_greeting {
    const char *version, *host;
    int64_t protocol, pid;
};
/* 0, or -EBADMSG: something is missing. */
int remote_greeting_read(const struct handler_message *answer, struct remote_greeting *ret);

/* ---- the worker's ---- */

/* Reads a line of the daemon's; what it points to stays in the line and in `tree`. 0; -EBADMSG with
 * *ret_why (static); -ENOMEM. */
int remote_request_read(const char *line, size_t size, struct remote_request *ret_request,
                        const char **ret_why);
void remote_request_clear(struct remote_request *request);

void remote_write_greeting(struct writer *writer, const struct remote_greeting *greeting);
/* An error that answers a request, with the data's JSON text (NULL: null). */
void remote_write_error(struct writer *writer, uint64_t id, const char *type, const char *message,
                        const char *data, size_t data_bytes, bool break_pool);
void remote_write_result(struct writer *writer, uint64_t id, const char *json, size_t bytes);
void remote_write_output(struct writer *writer, uint64_t id, enum output_stream stream,
                         const char *data, size_t size);
void remote_write_progress(struct writer *writer, uint64_t id, const char *json);
void remote_write_pid(struct writer *writer, uint64_t id, pid_t pid);

#endif

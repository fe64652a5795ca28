/* One request to a handler's process and what comes of it: feeds stdin, reads stdout to the answer,
 * gives stderr to the future, passes progress and stop requests on. Where the process leads to a
 * worker elsewhere, `peer` says what is different. It decides nothing: the process
 * is the caller's before and after, whatever happened. Worker thread. */
#ifndef FUTURED_RUN_HANDLER_EXCHANGE_H
#define FUTURED_RUN_HANDLER_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/call.h"
#include "daemon/run/handler_message.h"
#include "proto/writer.h"

struct handler_process;
struct handler_spec;
struct output;

enum handler_end {
    HANDLER_ANSWERED, /* `answer` */
    HANDLER_UNREAD,   /* it ended before it read the request: another process can have it */
    HANDLER_EXITED,   /* it ended, or will at once; `why` NULL: look at the status */
    HANDLER_CLOSED,   /* it closed its stdout and lives on */
    HANDLER_GARBAGE,  /* it wrote `line`, and `why` says what is wrong with that */
    HANDLER_OVERSIZE, /* it wrote a line that is longer than allowed */
    HANDLER_WRONG_ID, /* it answered something else: `line` */
    HANDLER_SILENT,   /* nothing came for longer than the timeout */
    HANDLER_STOPPED,  /* `stop` was obeyed, and it has exited */
    HANDLER_NO_MEMORY,
};

/* The first bytes of a line that was wrong, made fit for JSON. */
#define HANDLER_LINE_BYTES 200

struct handler_exchange;

/* What is different where the process is no handler but leads to a worker of ours elsewhere. */
struct exchange_peer {
    /* Takes what is there of stderr; false: there was nothing. */
    bool (*take_stderr)(struct handler_exchange *exchange);
    /* A message that handlers do not send. An answer to it goes to `more`. */
    void (*take_message)(struct handler_exchange *exchange, const struct handler_message *message);
    /* Asks in `more` for the end of the call, instead of a signal to the process. The call's answer
     * is awaited: for the request's grace, and that much longer; then the process is killed. */
    void (*ask_to_stop)(struct handler_exchange *exchange, const struct stop_request *request);
    uint64_t patience_ms;
};

struct handler_exchange {
    const struct exchange_peer *peer; /* NULL: the process is a handler */
    const struct handler_spec *spec;  /* of the process */
    struct handler_process *process;
    struct call *call;
    struct output *output; /* gets stderr */
    const char *request;   /* a line with its LF */
    size_t request_bytes;
    struct writer more;  /* the peer's: lines to be written behind the request; the caller frees */
    uint64_t id;         /* of the request */
    uint64_t timeout_ns; /* of silence; 0: none */

    /* What came of it. */
    struct handler_message answer; /* to be cleared; of kind HANDLER_RESULT or HANDLER_ERROR */
    struct stop_request stop;
    uint64_t heard_ns; /* when its last line came, or the request was sent */
    const char *why;
    char line[HANDLER_LINE_BYTES + 1];
};

/* Blocks until there is an end. */
enum handler_end handler_exchange_run(struct handler_exchange *exchange);

#endif

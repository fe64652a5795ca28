/* One line from the daemon becomes a message. Inside libfuture only; any thread, one at a time for
 * each message, but for references, which each may be given up in a thread of its own. */
#ifndef FUTURED_CLIENT_LIBFUTURE_MESSAGE_H
#define FUTURED_CLIENT_LIBFUTURE_MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "client/future.h"

/* What future_message_free frees; `message` is the first member. */
struct future_queued {
    struct future_message message;
    atomic_uint references;
    bool is_call; /* the reply to a call that waits; message.request_id is the call's */
    json_t *tree;
    char *text;
    TAILQ_ENTRY(future_queued) link;
};

/* `line` is copied. *ret_queued is the caller's: future_message_free(&queued->message).
 * -EBADMSG: no message of the protocol; -ENOMEM. */
int future_message_parse(const char *line, size_t size, struct future_queued **ret_queued);

/* One more future_message_free is needed. */
struct future_message *future_message_share(const struct future_message *message);

#endif

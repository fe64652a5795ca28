/* One line from the daemon becomes a message. Inside libfuture only; one thread at a time. */
#ifndef FUTURED_CLIENT_LIBFUTURE_MESSAGE_H
#define FUTURED_CLIENT_LIBFUTURE_MESSAGE_H

#include <stddef.h>
#include <sys/queue.h>

#include "client/future.h"

/* What future_message_free frees; `message` is the first member. */
struct future_queued {
    struct future_message message;
    json_t *tree;
    char *text;
    TAILQ_ENTRY(future_queued) link;
};

/* `line` is copied. *ret_queued is the caller's: future_message_free(&queued->message).
 * -EBADMSG: no message of the protocol; -ENOMEM. */
int future_message_parse(const char *line, size_t size, struct future_queued **ret_queued);

#endif

/* libfuture: talks to futured over its Unix socket. Blocking, with timeouts, and usable from any
 * event loop: poll future_fd() for future_events() and receive with a timeout of 0.
 *
 * It knows the JSON-RPC envelope and no method: params go in and results come out as JSON. It
 * starts no thread, keeps no global state, catches no signal and raises no SIGPIPE. A client
 * belongs to one thread at a time; different clients are independent of each other.
 *
 * Errors are values: 0 or a negative errno. Outputs are untouched on failure. */
#ifndef FUTURED_CLIENT_FUTURE_H
#define FUTURED_CLIENT_FUTURE_H

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct future_client;

enum future_message_kind {
    FUTURE_REPLY,       /* request_id, result */
    FUTURE_ERROR,       /* request_id (0 where the daemon could not tell), error */
    FUTURE_NOTIFICATION /* method, params */
};

/* One message from the daemon. Everything in it lives until future_message_free; the jansson
 * values are borrowed from the message: json_incref keeps one for longer. Strings may hold NUL
 * characters (a job may print them): use json_string_length. */
struct future_message {
    enum future_message_kind kind;
    uint64_t request_id; /* of a reply or an error: what future_send gave */
    json_t *result;      /* of a reply */
    struct {
        int code;            /* of the protocol, as -32602 */
        const char *message; /* for people */
        json_t *data;        /* NULL: none */
    } error;
    const char *method; /* of a notification, as "future.done" */
    json_t *params;     /* of a notification; NULL: none */
    const char *text;   /* the whole message as it came: one line of JSON, NUL behind it */
    size_t text_size;
};

/* Connects to the socket at `path`; NULL: $FUTURE_SOCKET, else where a daemon listens by default
 * (/run/futured/futured.sock for root, $XDG_RUNTIME_DIR/futured/futured.sock for others).
 * *ret_client is the caller's: future_close. -ENOENT or -ECONNREFUSED: there is no daemon;
 * -EACCES: not for this user; -ENAMETOOLONG; -ENOMEM; or what socket(2) and connect(2) say. */
int future_connect(const char *path, struct future_client **ret_client);

/* Ends the connection and frees the client, with every message that was not received yet.
 * Unsent requests are dropped. Takes NULL. */
void future_close(struct future_client *client);

/* For poll(2): the descriptor, which stays the client's, and the events to wait for now (POLLIN,
 * with POLLOUT while there is something unsent). Messages that are queued already make no event:
 * receive with timeout 0 until -ETIMEDOUT before you poll. */
int future_fd(const struct future_client *client);
short future_events(const struct future_client *client);

/* Sends a request without waiting for its reply; any number may be under way. `params` is JSON
 * text (an object), NULL for none; it is copied, and must hold no line feed outside of strings.
 * Blocks only while more than FUTURE_UNSENT_BYTES are unsent, and goes on reading meanwhile, so
 * that two full buffers never wait for each other. *ret_request_id (NULL: not wanted) is
 * positive, and rises with every request. -ENOMEM; -EPIPE: the connection was lost earlier. A
 * loss during this call is told by future_receive, after what the daemon still had to say. */
int future_send(struct future_client *client, const char *method, const char *params,
                uint64_t *ret_request_id);
#define FUTURE_UNSENT_BYTES 1048576

/* The next message: queued ones first, in the order in which they came. `timeout_ms` < 0 waits
 * for ever, 0 only looks. Sends what is unsent meanwhile. *ret_message is the caller's:
 * future_message_free. -ETIMEDOUT; -ECONNRESET: the daemon is gone; -EBADMSG: it does not speak
 * the protocol; -ENOMEM. */
int future_receive(struct future_client *client, int64_t timeout_ms,
                   struct future_message **ret_message);

/* future_send, then waits for that reply alone; whatever else comes is queued in order for
 * future_receive. The reply may be a FUTURE_ERROR: that is a success of this function. An error
 * without a request id (the daemon could not read the request) counts as the reply. After
 * -ETIMEDOUT the reply still comes, to future_receive. Else as future_send and future_receive. */
int future_call(struct future_client *client, const char *method, const char *params,
                int64_t timeout_ms, struct future_message **ret_message);

/* Takes NULL. */
void future_message_free(struct future_message *message);

#endif

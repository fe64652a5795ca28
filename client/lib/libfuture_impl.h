/* What the files of libfuture share, and nobody else includes: the client, one call, the params of
 * a request, members of a reply. One thread at a time. */
#ifndef FUTURED_CLIENT_LIBFUTURE_IMPL_H
#define FUTURED_CLIENT_LIBFUTURE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "client/future.h"
#include "client/lib/libfuture_message.h"
#include "proto/frame.h"
#include "proto/writer.h"

TAILQ_HEAD(future_queue, future_queued);

struct future_client {
    int fd;
    struct frame *frame;
    char
        *line; /* a line that waits for memory, in the frame; nothing is read before it is parsed */
    size_t line_size;
    struct writer unsent; /* the first `sent_bytes` of it are on their way already */
    size_t sent_bytes;
    bool write_broken;
    bool at_end;      /* the daemon closed its side */
    bool no_protocol; /* nothing that it says can be trusted any more */
    bool nonblocking;
    uint64_t last_request_id;
    /* Calls that wait for their own reply have ids apart from the requests': a reply that comes too
     * late is known by that, and dropped, without a list of them. */
    uint64_t last_call_id;
    uint64_t waiting_call; /* 0: none */
    struct future_queue queue;
    TAILQ_HEAD(, future_completed) completed;
    struct future_error error;
    struct future_message *error_reply; /* what `error` points into; NULL: nothing */
    char error_text[512];               /* its message, where that had to be made */
};

/* ---- libfuture.c: the connection ---- */

/* Until when something is waited for. What can be read is looked at once behind that point. */
struct deadline {
    int64_t at_ms; /* CLOCK_MONOTONIC; below 0: no end */
    bool looked;
};

struct deadline deadline_after(int64_t timeout_ms);

/* Puts a request behind the unsent ones, and sends what goes without waiting. 0, -ENOMEM or
 * -ECONNRESET: nothing of it is sent. */
int client_add_request(struct future_client *client, bool is_call, uint64_t id, const char *method,
                       const char *params);

/* One step: a message that came, or else one round of waiting, sending and reading. 1: *ret_queued
 * is the caller's; 0: something moved, look again. -ETIMEDOUT, -ECONNRESET, -EBADMSG, -ENOMEM. */
int client_take(struct future_client *client, struct deadline *deadline,
                struct future_queued **ret_queued);

/* ---- libfuture_call.c: one call, and its failure ---- */

/* Sends, waits up to timeout_ms for the reply, and queues what else comes. `params` may be NULL. */
int client_call(struct future_client *client, const char *method, const char *params,
                int64_t timeout_ms, struct future_message **ret_reply);

/* The failure becomes the client's last error. Returns it. `param` is static or NULL. */
int client_fail(struct future_client *client, int failure, const char *param);
struct call_params;
/* The same at the end of a call, where the params (NULL: none) or the reply (NULL: none; taken
 * over) tell more. A result of 0 or more is returned as it is. */
int client_end(struct future_client *client, int result, const struct call_params *params,
               struct future_message *reply);

/* 0, or what the functions future_read_* return for a message that is no reply. */
int reply_check(const struct future_message *message);

/* ---- libfuture_params.c: the params of a request ---- */

/* Zeroed memory is an object without members. The first failure is kept, and everything behind it
 * does nothing. Member names are static. */
struct call_params {
    struct writer text;
    bool open;
    int failure;
    const char *param; /* what was wrong; NULL: nothing is named */
};

void put_name(struct call_params *params, const char *name);
void put_failure(struct call_params *params, int failure, const char *name);
/* NULL puts nothing. */
void put_string(struct call_params *params, const char *name, const char *text);
/* JSON as the daemon reads it ends at INT64_MAX. */
void put_uint(struct call_params *params, const char *name, uint64_t value);
/* False puts nothing. */
void put_flag(struct call_params *params, const char *name, bool value);
/* Text that must be JSON; `array`: an array. NULL puts nothing. */
void put_json(struct call_params *params, const char *name, const char *text, bool array);
/* Seconds. Negative spans are refused. */
void put_span_ms(struct call_params *params, const char *name, int64_t span_ms);
/* How long the daemon shall wait; for ever puts nothing. */
void put_timeout(struct call_params *params, int64_t timeout_ms);
void put_ids(struct call_params *params, const struct future_span *spans, size_t count);
/* A member of the structure that the caller filled, checked for text that JSON cannot hold. */
void put_text(struct call_params *params, const char *param, const char *text, size_t size);

/* Copies a structure that the caller filled, whose first member is its size. Members beyond those
 * that are known here must be zero, those that the caller does not know are. `name` is for the one
 * that gave NULL. */
void take_structure(struct call_params *params, const char *name, const void *given,
                    void *ret_known, size_t known_size);

/* As client_call, or what is wrong with the params. Their text is freed; client_end tells of them.
 */
int call_with(struct future_client *client, const char *method, struct call_params *params,
              int64_t timeout_ms, struct future_message **ret_reply);
/* As future_send. */
int send_with(struct future_client *client, const char *method, struct call_params *params,
              uint64_t *ret_request_id);
/* Where the daemon waits for a job: when to give up on the daemon itself. */
int64_t with_grace(int64_t timeout_ms);

/* ---- libfuture_read.c: members of a reply; each false where there is none of that type ---- */

bool read_uint(const json_t *object, const char *name, uint64_t *ret_value);
/* 0 where it is missing or no number of seconds. */
int64_t read_us(const json_t *object, const char *name);
/* NULL where it is missing or null. */
const char *read_string(const json_t *object, const char *name);
bool read_state(const json_t *object, enum future_state *ret_state);
/* The member NAME, or NAME_base64 decoded into *ret_decoded, which the caller frees. Empty bytes
 * where there is neither. 0, -EBADMSG or -ENOMEM. */
int read_bytes(const json_t *object, const char *name, const char *base64_name,
               struct future_bytes *ret_bytes, void **ret_decoded);

/* ---- libfuture_info.c ---- */

/* The future as the protocol shows it, with a reference to the message that holds it. 0, -EBADMSG
 * or -ENOMEM. */
int info_new(const json_t *future, const struct future_message *message,
             struct future_info **ret_info);
/* The same in place, and borrowed from the message; info->map points to *ret_map. */
int info_read(const json_t *future, struct future_info *ret_info, struct future_map_info *ret_map);

/* ---- libfuture_completed.c ---- */

/* Takes the message where it is for a future_completed of this client. */
bool completed_accept(struct future_client *client, struct future_queued *queued);
/* The client is closed. */
void completed_detach_all(struct future_client *client);

#endif

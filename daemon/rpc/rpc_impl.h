/* The inside of the rpc layer, for its own files. Loop thread only.
 *
 * service: what sessions share; session: one client; request: one call from its line to its reply;
 * batch: the replies of one batch until all are there; subscription: who is told of what. */
#ifndef FUTURED_RPC_RPC_IMPL_H
#define FUTURED_RPC_RPC_IMPL_H

#include <sys/queue.h>

#include "daemon/base/shared_text.h"
#include "daemon/base/timers.h"
#include "daemon/core/deadlock.h"
#include "daemon/core/executor.h"
#include "daemon/core/store.h"
#include "daemon/rpc/service.h"
#include "daemon/rpc/session.h"
#include "proto/messages.h"
#include "proto/rpc.h"
#include "proto/writer.h"

struct batch;
struct request;
struct result_load;
struct scoped;
struct subscribed;
struct subscription;

struct service {
    struct service_settings settings;
    struct executor *executor;
    const struct limits *limits;
    struct timers *timers;
    uint64_t next_client, next_subscription;
    uint64_t sessions;
    uint64_t running_wanted; /* subscriptions that want to know of starts promptly */
    TAILQ_HEAD(, subscription) all_subscriptions;
    TAILQ_HEAD(, request) shutdown_waiters;
    unsigned replays;          /* of all sessions; the daemon does not end before them */
    struct deadline end_check; /* set when the last of them is over */
    struct writer text;        /* the message being written; a small one always has room */
    struct writer nowhere;     /* what nobody wants to read */
    struct writer event_text;  /* the future that `event_cursor` is of, serialised once for all */
    uint64_t event_cursor;
    struct shared_text *outcome; /* what `result` says of the future with .. ; NULL: none */
    uint64_t outcome_id, outcome_cursor;
    LIST_HEAD(, result_load) result_loads; /* outcomes that the store is asked for */
    int64_t started_us;
    uint64_t requests[METHOD_COUNT];
    uint64_t errors;      /* replies and refusals that were errors */
    uint64_t *limit_hits; /* as limit_table, then that of `queue_limit`; owned */
};

struct session {
    struct service *service;
    struct client client;
    struct peer peer;
    struct session_output output;
    TAILQ_HEAD(request_list, request) requests; /* waiting for their replies */
    uint64_t request_count;
    uint64_t loading;            /* of these, the ones that wait for the store */
    TAILQ_HEAD(, batch) batches; /* waiting for replies */
    LIST_HEAD(, subscription) subscriptions;
    uint64_t subscription_count;
    struct subscription *own;   /* that of `subscribe: true`; NULL: none yet */
    LIST_HEAD(, scoped) scoped; /* futures that end with this session */
    /* While the store is asked what was done before, what came later is held back, and with it the
     * replies that an end brings about: future.done comes before them. */
    unsigned replays;    /* subscriptions that wait for the store */
    uint64_t telling;    /* the one of them whose turn it is; 0: none */
    struct writer later; /* notifications and replies, one a line */
};

typedef void method_fn(struct request *request);

/* How large the buffer for messages is at least: errors and the answers to what changes something
 * fit, so that nothing is done which then cannot be told. */
#define TEXT_LEAST_BYTES 2048

/* ---- request.c ---- */

/* One call. A handler replies now, or keeps the request and replies later; a request whose session
 * goes is dropped, which `on_drop` is told before. */
struct request {
    TAILQ_ENTRY(request) link;         /* in its session's requests */
    TAILQ_ENTRY(request) waiting_link; /* the method's own use */
    struct session *session;
    struct batch *batch;           /* NULL: none */
    const struct rpc_request *rpc; /* while the handler runs; then NULL */
    void (*on_drop)(struct request *request);
    void *state; /* the method's own; freed with free() at the end if not NULL */
    struct deadline deadline;
    method_fn *handler;
    char *again;                           /* the params, while what they name is loaded; owned */
    unsigned loads;                        /* how often that was */
    uint64_t stored_counts[FUTURE_STATES]; /* what the store counted when it was asked to */
    bool loading;                          /* the store is asked, and has not answered */
    bool silent;                           /* a notification */
    bool replays;                          /* a replay of its session until it is freed */
    size_t id_size;
    char id[]; /* JSON text */
};

/* Starts the reply: the value of "result" is to be written next, then request_end called. */
struct writer *request_result(struct request *request);
/* Ends the reply begun by request_result, sends it and frees the request. */
void request_end(struct request *request);
/* Replies with a result that others are sent too, and frees the request. `rest` is the result and
 * what stands behind it: RESULT_END. */
void request_end_shared(struct request *request, struct shared_text *rest);
#define RESULT_END "}\n"
/* Replies with an error and frees the request. */
void request_error(struct request *request, const struct rpc_error *error);
/* The same, for errors without more to say. */
void request_fail(struct request *request, enum rpc_error_code code, const char *detail);
/* -32602 with data.param. */
void request_fail_param(struct request *request, const char *param, const char *detail);
/* What decoding returned: -EINVAL with the error, or -ENOMEM. */
void request_fail_decode(struct request *request, int r, const struct rpc_error *error);
/* What the executor refused. */
void request_fail_refusal(struct request *request, enum refusal refusal,
                          const struct refusal_detail *detail);
/* Ends what a method that changes something began with stored_answer_new: gives the answer, or,
 * where it was refused, fails. `detail` NULL: nothing more to say; `answer` may be NULL then. */
void request_when_stored(struct request *request, struct stored_answer *answer,
                         enum refusal refusal, const struct refusal_detail *detail);
/* A future or subscription of that id is promised to the client by this reply: notifications of it
 * wait until the reply is sent. */
void request_created(struct request *request, uint64_t first, uint64_t last);
void request_created_subscription(struct request *request, uint64_t id);

/* Answers every request of a line; with `fragment` what has not the form of JSON is dropped
 * without a word. */
void dispatch_line(struct session *session, const char *line, size_t size, bool fragment);
/* There is no memory for what the client has to be told: it will be sent away. */
void session_fail(struct session *session);
/* Drops without a reply. */
void request_drop(struct request *request);
/* Says that the store is asked for what the request names, or has answered. */
void request_set_loading(struct request *request, bool loading);
/* Sends a notification: {"jsonrpc":"2.0","method":METHOD,"params":{"subscription":N, and what
 * `members` holds. */
void session_notify(struct session *session, const char *method, uint64_t subscription,
                    uint64_t future_id, const struct writer *members);

/* ---- held.c ---- */

/* A replay begins, and is over: with the last one goes out what was held back. */
void session_replay_begin(struct session *session);
void session_replay_end(struct session *session);
/* Holds back a message during a replay: a line in two parts, its LF included. */
void session_hold(struct session *session, const struct writer *head, const char *rest,
                  size_t rest_size);
/* Sends messages, one a line. */
void session_tell_lines(struct session *session, const struct writer *lines);

/* ---- load.c ---- */

/* Has the request handled again when the store has brought what the query finds. To be called
 * while the method handles it, before it has done anything. Returns -errno: the request is not the
 * method's any more. */
int request_load(struct request *request, const struct store_query *query);
/* The same, when what was changed so far is stored: it names what another request has just made. */
int request_await_stored(struct request *request);

/* ---- dispatch.c ---- */

/* NULL where there is none. */
method_fn *method_handler(enum method method);

method_fn method_backup, method_cancel, method_dump, method_exception, method_forget, method_info,
    method_map, method_map_add, method_map_close, method_output, method_ping, method_pool_list,
    method_pool_pause, method_pool_resume, method_pool_set, method_result, method_retry,
    method_shutdown, method_stats, method_status, method_submit, method_subscribe,
    method_unsubscribe, method_update, method_wait;

/* ---- method_submit.c, method_shutdown.c ---- */

/* 0, or an error was replied and the request is gone. */
int check_items(struct request *request, const struct function *function, const struct slice *items,
                size_t count);
/* Answers a call of shutdown. */
void shutdown_reply(struct request *request, bool terminated);

/* ---- subscription.c ---- */

/* Tells of the futures in `ids` (resolved), or of all that match. 0, -EMFILE (too many) or -ENOMEM.
 * The reply must be sent before subscription_start. */
int subscription_new(struct session *session, unsigned events, struct subscription **ret);
void subscription_free(struct subscription *subscription);
struct subscription *subscription_find(struct session *session, uint64_t id);
uint64_t subscription_id(const struct subscription *subscription);
/* Every future, of that pool, with that label (both copied) and item of that map where these are
 * given (else NULL, NULL, 0). 0 or -ENOMEM. */
int subscription_add_all(struct subscription *subscription, const char *pool, const char *label,
                         uint64_t item_of);
/* One future; a done one is told by subscription_start. 0 or -ENOMEM. */
int subscription_add(struct subscription *subscription, struct future *future);
/* Tells what is done already, in cursor order; with `has_since` only what is after it. */
void subscription_start(struct subscription *subscription, bool has_since, uint64_t since);
/* Whether any of the session's subscriptions can still tell something. */
bool subscriptions_alive(const struct session *session);
/* The session's own subscription, of done, made if need be. 0, -EMFILE (too many) or -ENOMEM. */
int subscription_own(struct session *session, struct subscription **ret);
/* What subscription_follow needs, to be had before: free() it where it is not used. NULL: no
 * memory.
 */
struct subscribed *subscribed_new(void);
/* Tells of one future from now on, or at once where it is done. Owns `room`. */
void subscription_follow(struct subscription *subscription, struct future *future,
                         struct subscribed *room);

void service_on_running(void *arg, struct future *future);
void service_on_progress(void *arg, struct future *future);
void service_on_done(void *arg, struct future *future);

/* ---- show.c ---- */

void show_future(struct writer *writer, const struct future *future);
/* With `describe` in the object too what was called. */
void show_future_described(struct writer *writer, const struct future *future, bool describe);
/* With its earlier attempts, its progress and what it waits for. */
void show_future_whole(struct writer *writer, const struct future *future, bool describe);
/* With all that was submitted, and how it ended. */
void show_future_dump(struct writer *writer, const struct future *future);
/* "result": .. or "exception": .., or nothing, as the state is. 0; -ESTALE: items of the map have
 * been forgotten; -EFBIG: past `max_bytes`. */
int show_outcome(struct writer *writer, const struct future *future, uint64_t max_bytes);
/* The value of "exception". */
void show_exception(struct writer *writer, const struct future *future);
/* As far as the session's client may know it. */
void show_pool(struct writer *writer, const struct session *session, const struct pool *pool,
               bool workers);
/* Bytes as member NAME, or NAME_base64 where they are not UTF-8. */
void show_bytes(struct writer *writer, const char *name, const void *data, size_t size);

/* ---- describe.c ---- */

/* The member "description": in one line for people what was called. */
void describe_call(struct writer *writer, const struct future *future);

/* ---- resolve.c ---- */

/* What is to be done where the executor did not find it: an error, or the request comes again. */
int resolve_failed(struct request *request, enum refusal refusal, uint64_t id);
/* Finds what a client names, in memory; `output`: with what its job has written. 0, or the request
 * is gone: an error was replied, or it will be handled again. */
int resolve_id(struct request *request, uint64_t id, bool output, struct future **ret_future);
/* The ids that the ranges name: each once, in the order of naming; malloc'd. A single id must be
 * there; of a pair those that are, and at least one. They need not be in memory. */
int resolve_ids(struct request *request, const struct id_list *ids, uint64_t **ret_ids,
                size_t *ret_count);
/* The same, and they are in memory. */
int resolve_loaded(struct request *request, const struct id_list *list, bool output,
                   uint64_t **ret_ids, size_t *ret_count);
/* A query for all items of a map that the store has. */
struct store_query items_query(uint64_t map_id, bool output);
/* Has all items of a map in memory that are not forgotten. 0, or the request is gone. */
int resolve_items(struct request *request, const struct future *future, bool output);
/* The future with that id as this session sees it; NULL: none (any more), or not in memory. */
struct future *session_future(struct session *session, uint64_t id);
/* What is known of it in any case. False: there is none (any more). */
bool session_glance(struct session *session, uint64_t id, struct glance *ret_glance);

/* ---- session.c ---- */

/* To be called where the session may have become idle without a message. */
void session_check_idle(struct session *session);
/* The running job that this session's client belongs to; NULL: none. */
struct future *session_job(struct session *session);

/* ---- method_result.c ---- */

void result_loads_free(struct service *service);

/* Lets go of the outcome that was written last; or only if it is large and nobody else has it. */
void outcome_forget(struct service *service);
void outcome_tidy(struct service *service);

/* ---- service.c ---- */

/* Ends the daemon, if nothing is left to do, once no session replays any more. */
void service_check_end(struct service *service);
/* An error goes out: counted, and the limit that it names. */
void service_count_error(struct service *service, const struct rpc_error *error);

/* ---- scope.c ---- */

/* What scope_add needs, to be had before: free() it where it is not used. NULL: no memory. */
struct scoped *scoped_new(void);
/* The future ends with the session. Owns `room`. */
void scope_add(struct session *session, struct future *future, struct scoped *room);
void scope_end(struct session *session);

#endif

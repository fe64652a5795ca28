/* libfuture: a C client of futured, the daemon that runs what is submitted to it and keeps the
 * results. This header is the whole of the API, and so longer than others; future(3) is its manual.
 *
 *     struct future_client *client;
 *     struct future_outcome *outcome;
 *     const char *argv[] = {"uname", "-r", NULL};
 *     struct future_job job = {.size = sizeof(job), .argv = argv};
 *     uint64_t id;
 *
 *     if (future_connect(NULL, -1, &client) == 0 &&
 *         future_submit(client, &job, -1, &id) >= 0 &&
 *         future_result(client, id, -1, &outcome) == 0 && outcome->exec)
 *         fwrite(outcome->exec->out.data, 1, outcome->exec->out.size, stdout);
 *
 * Threads. A client, and what was made from it by future_as_completed, is for one thread at a time;
 * different clients are independent of each other. Messages, outcomes and all other objects that
 * this library gives out stand for themselves: they may outlive the client, and go to any thread,
 * one at a time. The library starts no thread, keeps no global state, installs no signal handler
 * and never raises SIGPIPE. A signal that arrives does not end a wait.
 *
 * Failures are values. A function that can fail returns 0 (or more, where its contract says so) or
 * a negative value of enum future_failure, or another negative errno where it says so;
 * future_last_error tells the rest. Outputs (`ret_*`) are untouched on failure. After any failure
 * but FUTURE_DISCONNECTED and FUTURE_BAD_PROTOCOL the client goes on as before. Every function that
 * takes a client and asks the daemon for something may fail with any of enum future_failure; what
 * stands at a function is what is special there. An id that is not there is FUTURE_REFUSED with
 * FUTURE_CODE_NOT_FOUND or FUTURE_CODE_EXPIRED; other codes stand where they are to be expected.
 *
 * NULL. Where a contract says nothing of NULL for a client, a `ret_*` or an object of the library,
 * it must not be given. NULL for any other pointer that is needed is a FUTURE_BAD_ARGUMENT.
 *
 * Time. Spans are milliseconds (`_ms`). A `timeout_ms` below 0 waits for as long as it takes.
 * Points in time are Unix time in microseconds, and times that were measured are microseconds as
 * well (`_us`).
 *
 * Waiting. Functions that wait for jobs (future_result, future_exception, future_wait,
 * future_output, future_shutdown) let the daemon do it: 0 asks how it is now, and the daemon's
 * answer may come up to FUTURE_GRACE_MS later than `timeout_ms` before the daemon counts as silent.
 * All other functions with a `timeout_ms` return after it at the latest; 0 gives the daemon no time
 * to answer, and is of use for future_receive, future_completed_next and future_connect alone. An
 * answer that comes too late is dropped; what was asked for may have been done. Functions without a
 * `timeout_ms` do not wait, but for future_send* where more than FUTURE_UNSENT_BYTES are unsent.
 *
 * Text is UTF-8 without NUL characters; where other text is given: FUTURE_BAD_ARGUMENT. Strings are
 * copied. What a job has printed is bytes. JSON is text where it is given and jansson values where
 * it is received; those are borrowed from the object they are in, and read-only.
 *
 * Structures. Those that the caller fills begin with `size`, which must be their sizeof; members
 * that are left zero have the meaning that stands beside them. Those that the library fills come by
 * pointer and have a function that frees them; later versions may add members behind the last. */
#ifndef FUTURED_CLIENT_FUTURE_H
#define FUTURED_CLIENT_FUTURE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct future_client;
struct future_message;

/* ---- failures ---- */

enum future_failure {
    FUTURE_REFUSED = -EREMOTEIO,       /* the daemon answered with an error: see its code */
    FUTURE_TIMED_OUT = -ETIMEDOUT,     /* not done, or no answer, in time */
    FUTURE_DISCONNECTED = -ECONNRESET, /* the daemon is gone; every later call says so as well */
    FUTURE_BAD_PROTOCOL = -EBADMSG,    /* what it says is not the protocol */
    FUTURE_NO_MEMORY = -ENOMEM,        /* no message was lost; what was asked for may be done */
    FUTURE_BAD_ARGUMENT = -EINVAL,     /* nothing was sent; future_last_error names the argument */
    FUTURE_TRY_AGAIN = -EAGAIN         /* only future_set_nonblocking brings it about */
};

/* The codes of the daemon's errors. */
enum future_code {
    FUTURE_CODE_NONE = 0,
    FUTURE_CODE_PARSE_ERROR = -32700,
    FUTURE_CODE_INVALID_REQUEST = -32600,
    FUTURE_CODE_METHOD_NOT_FOUND = -32601,
    FUTURE_CODE_INVALID_PARAMS = -32602, /* `param` names the member */
    FUTURE_CODE_INTERNAL_ERROR = -32603,
    FUTURE_CODE_TIMEOUT = -32001,        /* the job was not done in time: FUTURE_TIMED_OUT */
    FUTURE_CODE_NOT_FOUND = -32002,      /* no such future, or not yours */
    FUTURE_CODE_SHUT_DOWN = -32003,      /* new work after shutdown */
    FUTURE_CODE_EXPIRED = -32004,        /* known once, and removed since */
    FUTURE_CODE_LIMIT_EXCEEDED = -32005, /* `limit` and `limit_value` */
    FUTURE_CODE_PERMISSION_DENIED = -32006,
    FUTURE_CODE_INVALID_STATE = -32007,
    FUTURE_CODE_KEY_CONFLICT = -32008,
    FUTURE_CODE_STORAGE_FAILED = -32009,
    FUTURE_CODE_BROKEN_POOL = -32010
};

struct future_error {
    int failure; /* what the function returned; 0: none has failed so far */
    int code;    /* of the daemon's error (enum future_code, or one that is newer); else 0 */
    const char *message; /* for people, with the name in `param`; never NULL */
    /* What was wrong, as the protocol calls it: `ids` for spans, `delay` for delay_ms; else the
     * argument's own name. NULL: nothing is named. */
    const char *param;
    const char *limit;    /* the limit that was exceeded; NULL: none */
    uint64_t limit_value; /* 0 where `limit` is NULL */
};

/* What is known about the last function of this client that failed; never NULL. Borrowed until
 * another one fails or the client is closed. */
const struct future_error *future_last_error(const struct future_client *client);

/* A failure, or a negative errno, in words for people; never NULL. Static. For future_connect,
 * where there is no client to ask. */
const char *future_failure_text(int failure);

/* ---- the connection ---- */

/* The version of the library, as "0.1.0". Static. */
const char *future_version(void);

/* Connects to the socket at `path`; NULL: $FUTURE_SOCKET, else where a daemon listens by default:
 * /run/futured/futured.sock for root, $XDG_RUNTIME_DIR/futured/futured.sock for others, and
 * /tmp/futured-UID/futured.sock where that variable is not set. Starts no daemon. Waits only where
 * the daemon is too busy to take connections. *ret_client is the caller's: future_close. -ENOENT or
 * -ECONNREFUSED: there is no daemon; -EACCES: not for this user; -ENAMETOOLONG; -EINVAL: the path
 * is empty; -ETIMEDOUT; -ENOMEM; or what socket(2) and connect(2) say. A client whose daemon is
 * gone stays without one: it is closed, and another one made. */
int future_connect(const char *path, int64_t timeout_ms, struct future_client **ret_client);

/* A client on a stream socket that is connected already. The client owns `fd` from here on, also
 * where this fails (then it is closed), and makes it non-blocking and close-on-exec. -ENOMEM, or
 * what ioctl(2) says. */
int future_connect_fd(int fd, struct future_client **ret_client);

/* Ends the connection and frees the client, with every message that was not received. Unsent
 * requests are dropped, jobs with `scope_connection` end, and others live on. Does not wait. Takes
 * NULL. */
void future_close(struct future_client *client);

/* ---- what becomes of a job ---- */

enum future_state { FUTURE_PENDING, FUTURE_RUNNING, FUTURE_CANCELLED, FUTURE_FINISHED };

/* "PENDING" and so on; NULL for a number that is no state. Static. */
const char *future_state_name(enum future_state state);

/* Some futures: ids from `first` to `last`, both included. One future where both are the same, and
 * it must be there then. Of several those are meant that are there, and one at least must be. An
 * array of no spans (NULL will do) means no futures. */
struct future_span {
    uint64_t first, last;
};

struct future_bytes {
    const char
        *data; /* a NUL stands behind the bytes; there may be others among them; never NULL */
    size_t size;
};

/* What is left of a command. */
struct future_exec {
    int exit_code;              /* -1: it did not exit by itself */
    int signal;                 /* the number of the signal that ended it; 0: none */
    const char *signal_name;    /* "SIGKILL"; NULL: none */
    struct future_bytes out;    /* its standard output */
    struct future_bytes err;    /* its standard error */
    bool truncated;             /* one of the two was longer than the daemon keeps */
    int64_t utime_us, stime_us; /* processor time */
    int64_t wall_us;            /* from start to end */
    int64_t maxrss_kb;
};

/* Why a job failed. */
struct future_raised {
    const char *type;    /* "ExitStatus", "SpawnError", "TimedOut" ... */
    const char *message; /* for people */
    const json_t *data;  /* NULL: none */
};

enum future_outcome_kind { FUTURE_RETURNED, FUTURE_RAISED, FUTURE_WAS_CANCELLED };

struct future_outcome {
    uint64_t id;
    enum future_state state; /* FUTURE_FINISHED or FUTURE_CANCELLED */
    enum future_outcome_kind kind;
    const json_t *result;                  /* FUTURE_RETURNED: the value; else NULL */
    const char *result_text;               /* the same as the daemon wrote it: JSON, */
    size_t result_size;                    /* so long, with no NUL behind it; else NULL, 0 */
    const struct future_raised *exception; /* FUTURE_RAISED; else NULL */
    const struct future_exec *exec;        /* where it is about a command that has run; else NULL */
};

/* How many items of a map are in which state. */
struct future_map_info {
    uint64_t first, count; /* the items' ids follow each other from `first` on */
    uint64_t pending, running, finished, cancelled;
    uint64_t failed; /* of those that are finished */
    bool open;       /* more may come */
};

struct future_info {
    uint64_t id;
    enum future_state state;
    const char *fn, *pool;
    const char *label; /* NULL: none */
    int64_t priority;
    uint64_t attempt;                              /* counts from 1 */
    int64_t submitted_us, started_us, finished_us; /* 0: not so far */
    uint32_t uid;
    const char *waiting; /* why it is not in the queue: "delay", "after" ...; NULL: it is */
    bool failed;         /* finished, with an exception */
    const struct future_map_info *map; /* NULL: it is no map */
    uint64_t item_of, index;           /* of an item: the map's id, and its place from 0; else 0 */
    const json_t *json;                /* all that the daemon said */
};

/* Each takes NULL. */
void future_outcome_free(struct future_outcome *outcome);
void future_info_free(struct future_info *info);

/* ---- submitting ---- */

enum future_on { FUTURE_ON_RESULT, FUTURE_ON_EXCEPTION, FUTURE_ON_DONE };

/* A future that must have ended so before another starts. */
struct future_dependency {
    uint64_t id;
    enum future_on on;
};

struct future_job {
    size_t size;    /* sizeof(struct future_job) */
    const char *fn; /* NULL: "exec", which runs a command */
    /* The function's arguments as JSON. NULL: for exec they are made of the members below, for
     * others there are none. */
    const char *args;

    const char *const *argv; /* the command, ended by NULL; looked up in the daemon's PATH */
    const char *cwd;         /* NULL: the daemon's choice */
    const char *const *env; /* "NAME=value", ended by NULL, over the daemon's base; NULL: nothing */
    const void *stdin_data; /* any bytes */
    size_t stdin_size;
    bool clean_env;    /* without the daemon's base */
    bool merge_stderr; /* into the standard output */
    bool no_check;     /* another exit status than 0 is a result too, not an exception */

    const char *pool;                      /* NULL: "default" */
    const char *label;                     /* for people and for filters; NULL: none */
    const char *key;                       /* makes submitting repeatable; NULL: none */
    int64_t priority;                      /* higher ones start first */
    const struct future_dependency *after; /* what must come first */
    size_t after_count;
    int64_t delay_ms;       /* before it may start */
    int64_t timeout_ms;     /* of each attempt; 0: none */
    uint64_t retry_max;     /* attempts behind the first; 0: none */
    int64_t retry_delay_ms; /* before the second one; 0: 1 s */
    double retry_backoff;   /* each pause is so many times the one before, from 1; 0: 2 */
    bool rerun_on_crash;    /* else a job that a crash interrupted is not started again */
    bool scope_connection;  /* it ends with this connection */
    bool subscribe;         /* a FUTURE_NOTIFICATION "future.done" will come for future_receive */
};

/* Hands in a job, and returns when the daemon has stored it. *ret_id is the future's id. Returns 0;
 * or 1 where `key` was known for the same job: *ret_id is that one's. FUTURE_REFUSED: nothing was
 * taken; FUTURE_CODE_INVALID_PARAMS, FUTURE_CODE_LIMIT_EXCEEDED (the queue is full, or the job is
 * too large), FUTURE_CODE_KEY_CONFLICT, FUTURE_CODE_NOT_FOUND (of `after`), FUTURE_CODE_SHUT_DOWN,
 * FUTURE_CODE_STORAGE_FAILED, FUTURE_CODE_BROKEN_POOL. FUTURE_TIMED_OUT, FUTURE_DISCONNECTED,
 * FUTURE_NO_MEMORY: it may have been taken; a `key` tells. */
int future_submit(struct future_client *client, const struct future_job *job, int64_t timeout_ms,
                  uint64_t *ret_id);

struct future_items {
    size_t size;              /* sizeof(struct future_items) */
    const char *const *texts; /* `count` items that are text */
    size_t count;
    const char *json; /* instead of `texts`: a JSON array */
    /* These for future_map alone. */
    bool open;       /* more will come, by future_map_add */
    bool fail_fast;  /* the first item that fails cancels those that wait */
    uint64_t window; /* of an open map: so many may wait before future_map_add does; 0: 10,000 */
};

/* Hands in one job for many items, all of them or none. In a command "{}" stands for the item;
 * where it is nowhere the item is the last argument. *ret_id is the map's own id, *ret_first
 * (NULL: not wanted) that of item 0, also of one that is still to come; the other items' follow it.
 * Else as future_submit. */
int future_map(struct future_client *client, const struct future_job *job,
               const struct future_items *items, int64_t timeout_ms, uint64_t *ret_id,
               uint64_t *ret_first);

/* Adds items to an open map, and waits while too many of its items are waiting. *ret_first (NULL:
 * not wanted) is the id of the first of them. FUTURE_TIMED_OUT: they were taken all the same,
 * unless the daemon is silent. FUTURE_CODE_INVALID_STATE: it is closed. */
int future_map_add(struct future_client *client, uint64_t id, const struct future_items *items,
                   int64_t timeout_ms, uint64_t *ret_first);

/* No more items will come. *ret_count (NULL: not wanted) is how many there are. May be called once
 * more. */
int future_map_close(struct future_client *client, uint64_t id, int64_t timeout_ms,
                     uint64_t *ret_count);

/* ---- waiting ---- */

#define FUTURE_GRACE_MS 5000

/* Waits until the future is done. *ret_outcome is the caller's: future_outcome_free.
 * FUTURE_TIMED_OUT: it is not done so far, or where the error has no code the daemon is silent. An
 * exception or a cancelled future is a success of this function. */
int future_result(struct future_client *client, uint64_t id, int64_t timeout_ms,
                  struct future_outcome **ret_outcome);

/* The same without a result's value, which is then not sent over: of FUTURE_RETURNED there is no
 * `result` and no `exec`. */
int future_exception(struct future_client *client, uint64_t id, int64_t timeout_ms,
                     struct future_outcome **ret_outcome);

enum future_when { FUTURE_ALL_COMPLETED, FUTURE_FIRST_COMPLETED, FUTURE_FIRST_EXCEPTION };

struct future_waited {
    size_t done_count, not_done_count;
    const uint64_t *done, *not_done;
};

/* Waits for many futures: for all, for one, or for one with an exception (else for all).
 * Running out of time is no failure: *ret_waited tells how it is then. It is the caller's:
 * future_waited_free. FUTURE_TIMED_OUT: the daemon is silent. */
int future_wait(struct future_client *client, const struct future_span *spans, size_t span_count,
                enum future_when when, int64_t timeout_ms, struct future_waited **ret_waited);
/* Takes NULL. */
void future_waited_free(struct future_waited *waited);

struct future_completed;

/* Futures one by one in the order in which they are done, those first that are done already.
 * *ret_completed is the caller's: future_completed_free, before or after future_close. Its events
 * are kept for it alone: they do not come from future_receive. */
int future_as_completed(struct future_client *client, const struct future_span *spans,
                        size_t span_count, int64_t timeout_ms,
                        struct future_completed **ret_completed);
/* The next one: 1, and *ret_info is the caller's (future_info_free); 0: that were all of them.
 * `timeout_ms` of 0 looks at what has arrived. FUTURE_TIMED_OUT: none is done so far; it may be
 * called again. FUTURE_DISCONNECTED comes after all that were told before. Other messages that
 * arrive meanwhile wait for future_receive. */
int future_completed_next(struct future_completed *completed, int64_t timeout_ms,
                          struct future_info **ret_info);
/* How many are still to come from future_completed_next. */
uint64_t future_completed_left(const struct future_completed *completed);
/* Takes NULL. */
void future_completed_free(struct future_completed *completed);

/* ---- asking and acting ---- */

/* How one future is now. *ret_info is the caller's: future_info_free. */
int future_status(struct future_client *client, uint64_t id, int64_t timeout_ms,
                  struct future_info **ret_info);

struct future_filter {
    size_t size;                     /* sizeof(struct future_filter) */
    const struct future_span *spans; /* these alone, without a look at the other members */
    size_t span_count;               /* 0: all that pass the others */
    unsigned states;                 /* bits 1u << enum future_state; 0: any */
    const char *pool, *label;        /* NULL: any */
    bool no_items;                   /* without the items of maps */
    uint64_t limit;                  /* futures at most; 0: 100 */
    uint64_t before;                 /* only ids less than this; 0: any */
};

struct future_page {
    size_t count;
    const struct future_info *const *futures; /* newest first */
    uint64_t next;                            /* as `before`: the next page; 0: there is none */
    uint64_t counts[4]; /* by enum future_state, of all pages and all states */
};

/* The futures that pass the filter (NULL: all), a page of them. *ret_page is the caller's:
 * future_page_free. */
int future_list(struct future_client *client, const struct future_filter *filter,
                int64_t timeout_ms, struct future_page **ret_page);
/* Takes NULL. */
void future_page_free(struct future_page *page);

struct future_cancelling {
    size_t size;        /* sizeof(struct future_cancelling) */
    bool terminate;     /* ends it where it is running */
    int signal;         /* the first signal; 0: SIGTERM */
    int64_t grace_ms;   /* until SIGKILL follows; 0: 10 s, below 0: at once */
    const char *reason; /* goes into the exception's message; NULL: none */
};

enum future_cancel_answer {
    FUTURE_NOT_CANCELLED, /* it runs, or has finished */
    FUTURE_IS_CANCELLED,  /* it will never run */
    FUTURE_TERMINATING    /* it runs and was asked to end; future_result tells when it has */
};

/* Cancels what is pending; `how` (NULL: no more than that) ends it where it runs. Does not wait for
 * the end of one that runs. That it could not be cancelled is no failure: *ret_answer tells. */
int future_cancel(struct future_client *client, uint64_t id, const struct future_cancelling *how,
                  int64_t timeout_ms, enum future_cancel_answer *ret_answer);

/* Starts done futures again, under the same ids; of a map the items that failed or were cancelled.
 * All of them or, where one is not done (FUTURE_CODE_INVALID_STATE), none. */
int future_retry(struct future_client *client, const struct future_span *spans, size_t span_count,
                 int64_t timeout_ms);

/* Removes done futures with all that is known of them. All of them or, where one is not done
 * (FUTURE_CODE_INVALID_STATE), none. *ret_count (NULL: not wanted) is how many. */
int future_forget(struct future_client *client, const struct future_span *spans, size_t span_count,
                  int64_t timeout_ms, uint64_t *ret_count);

enum future_stream { FUTURE_STDOUT = 1, FUTURE_STDERR = 2 };

struct future_chunk {
    uint64_t offset, next; /* where the bytes begin, and where to go on */
    bool end;              /* the future is done and there is no more */
    struct future_bytes bytes;
};

/* What a command has written so far, from `offset` on, `limit` bytes at most (0: 65536). Where
 * there is nothing new it waits for up to `timeout_ms`, and then gives an empty chunk: that is no
 * failure. Below 0 it waits until there is some, or the end. A retry writes anew, from offset 0.
 * *ret_chunk is the caller's: future_chunk_free. FUTURE_TIMED_OUT: the daemon is silent. */
int future_output(struct future_client *client, uint64_t id, enum future_stream stream,
                  uint64_t offset, uint64_t limit, int64_t timeout_ms,
                  struct future_chunk **ret_chunk);
/* Takes NULL. */
void future_chunk_free(struct future_chunk *chunk);

/* Everything that is known of the futures from the id `from` (1: all) on, by rising id: the
 * daemon's own reply, whose result has `futures` and `next`, the id to go on from, null at the end.
 * A reply holds `limit` of them (0: 100), or fewer where they are large. *ret_reply is the
 * caller's: future_message_free. */
int future_dump(struct future_client *client, uint64_t from, uint64_t limit, int64_t timeout_ms,
                struct future_message **ret_reply);

/* Has the daemon write a consistent copy of its store to a new file at `path`, which is absolute
 * and for the daemon's user to write. Returns when the copy is on the disk; after a time out it is
 * still being made. FUTURE_CODE_INVALID_STATE: it has no store; FUTURE_CODE_PERMISSION_DENIED;
 * FUTURE_CODE_STORAGE_FAILED: there is no copy; FUTURE_CODE_INVALID_PARAMS: the file is there. */
int future_backup(struct future_client *client, const char *path, int64_t timeout_ms);

enum future_shutdown_flag {
    FUTURE_SHUTDOWN_CANCEL = 1,       /* cancels what is pending; else it is still run */
    FUTURE_SHUTDOWN_KEEP_PENDING = 2, /* keeps it for the next daemon */
    FUTURE_SHUTDOWN_NO_WAIT = 4       /* returns at once */
};

/* Tells the daemon to end when its work is done, and waits for that. Returns 1: it is done; 0: not
 * yet, it goes on. Running out of time is no failure. `flags` are of enum future_shutdown_flag.
 * FUTURE_CODE_PERMISSION_DENIED: only root, the daemon's own user and its admin group may. */
int future_shutdown(struct future_client *client, unsigned flags, int64_t timeout_ms);

/* ---- events ---- */

enum future_event_kind {
    FUTURE_DONE = 1,    /* once for each future and subscription */
    FUTURE_STARTED = 2, /* an attempt */
    FUTURE_OUTPUT = 4,  /* the command has written */
    FUTURE_PROGRESS = 8 /* the function has told how far it is */
};

struct future_subscription {
    size_t size;                     /* sizeof(struct future_subscription) */
    const struct future_span *spans; /* done ones among them are told at once */
    size_t span_count;               /* 0: all futures, present and to come, that pass these: */
    const char *pool, *label;        /* NULL: any */
    unsigned events;                 /* of enum future_event_kind; 0: FUTURE_DONE */
    bool has_since; /* first tells what was done behind the cursor `since`, with no gap */
    uint64_t since;
};

/* Asks for events. They come as messages of kind FUTURE_NOTIFICATION from future_receive or
 * future_dispatch, and wait there, however many they become, while other functions are called:
 * take them in time. *ret_number tells this subscription's from others'. */
int future_subscribe(struct future_client *client, const struct future_subscription *subscription,
                     int64_t timeout_ms, uint64_t *ret_number);

/* Ends the subscription of that number. Events that came before are still to be received. */
int future_unsubscribe(struct future_client *client, uint64_t number, int64_t timeout_ms);

/* ---- messages, for everything that does not wait for one answer ---- */

enum future_message_kind {
    FUTURE_REPLY,       /* request_id, result */
    FUTURE_ERROR,       /* request_id (0 where the daemon could not tell), error */
    FUTURE_NOTIFICATION /* method, params */
};

/* One message from the daemon. Everything in it lives until future_message_free. Strings may hold
 * NUL characters (a job may print them): use json_string_length. */
struct future_message {
    enum future_message_kind kind;
    uint64_t request_id; /* of a reply or an error: what the sending function gave */
    json_t *result;      /* of a reply */
    struct {
        int code;            /* enum future_code, or one that is newer */
        const char *message; /* for people */
        json_t *data;        /* NULL: none */
    } error;
    const char *method; /* of a notification, as "future.done" */
    json_t *params;     /* of a notification; NULL: none */
    const char *text;   /* the whole message as it came: one line of JSON, NUL behind it */
    size_t text_size;
};

/* Takes NULL. */
void future_message_free(struct future_message *message);

/* Sends any request of the protocol without waiting for its reply; any number may be under way, and
 * replies come in any order. `params` is JSON text (an object; not checked), NULL for none. While
 * more than FUTURE_UNSENT_BYTES wait for a busy daemon this waits as well, and takes in what comes
 * meanwhile, so that two full buffers never wait for each other. *ret_request_id (NULL: not wanted)
 * counts from 1. On failure nothing was sent. FUTURE_DISCONNECTED: the connection was lost before;
 * a loss during this call is told by future_receive, after what the daemon still had to say. */
int future_send(struct future_client *client, const char *method, const char *params,
                uint64_t *ret_request_id);
#define FUTURE_UNSENT_BYTES 1048576

/* The next message: those first that came while something else was waited for, all in the order in
 * which they came. 0 only looks. Sends what is unsent meanwhile. *ret_message is the caller's:
 * future_message_free. What the daemon said before it was gone comes before FUTURE_DISCONNECTED.
 * Replies to functions that wait themselves never come here. */
int future_receive(struct future_client *client, int64_t timeout_ms,
                   struct future_message **ret_message);

/* Sends any request and waits for its reply; `params` as for future_send. The reply may be a
 * FUTURE_ERROR: that is a success of this function. An error without a request id counts as the
 * reply, because the daemon could not read the request. *ret_message is the caller's. */
int future_call(struct future_client *client, const char *method, const char *params,
                int64_t timeout_ms, struct future_message **ret_message);

/* future_send for the methods that have structures of their own. */
int future_send_submit(struct future_client *client, const struct future_job *job,
                       uint64_t *ret_request_id);
int future_send_map(struct future_client *client, const struct future_job *job,
                    const struct future_items *items, uint64_t *ret_request_id);
int future_send_map_add(struct future_client *client, uint64_t id, const struct future_items *items,
                        uint64_t *ret_request_id);
int future_send_map_close(struct future_client *client, uint64_t id, uint64_t *ret_request_id);
int future_send_result(struct future_client *client, uint64_t id, int64_t timeout_ms,
                       uint64_t *ret_request_id);
int future_send_wait(struct future_client *client, const struct future_span *spans,
                     size_t span_count, enum future_when when, int64_t timeout_ms,
                     uint64_t *ret_request_id);
int future_send_cancel(struct future_client *client, uint64_t id,
                       const struct future_cancelling *how, uint64_t *ret_request_id);
int future_send_status(struct future_client *client, uint64_t id, uint64_t *ret_request_id);
int future_send_subscribe(struct future_client *client,
                          const struct future_subscription *subscription, uint64_t *ret_request_id);

/* What a message says, as structures that stand for themselves. Of a FUTURE_ERROR each returns
 * FUTURE_REFUSED, or FUTURE_TIMED_OUT where that is its code; FUTURE_BAD_PROTOCOL where the message
 * is of another shape; FUTURE_NO_MEMORY. None of them changes what future_last_error says. */

/* Replies to submit, map and map.add: the new ids, of items too where there are some (else 0); and
 * to subscribe: its number. Outputs may be NULL. Returns 1 where the key was known, else 0. */
int future_read_submitted(const struct future_message *message, uint64_t *ret_id,
                          uint64_t *ret_first, uint64_t *ret_count);
int future_read_subscribed(const struct future_message *message, uint64_t *ret_number);
/* Replies to result and exception. */
int future_read_outcome(const struct future_message *message, struct future_outcome **ret_outcome);
/* Replies to wait. */
int future_read_waited(const struct future_message *message, struct future_waited **ret_waited);
/* Replies to cancel of one id. */
int future_read_cancelled(const struct future_message *message,
                          enum future_cancel_answer *ret_answer);
/* Replies to status of one id. */
int future_read_info(const struct future_message *message, struct future_info **ret_info);

struct future_event {
    enum future_event_kind kind;
    uint64_t subscription;
    uint64_t cursor;                /* of FUTURE_DONE and FUTURE_STARTED; else 0 */
    uint64_t id;                    /* of the future */
    const struct future_info *info; /* of FUTURE_DONE and FUTURE_STARTED; else NULL */
    enum future_stream stream;      /* of FUTURE_OUTPUT, as these: */
    uint64_t offset;
    struct future_bytes bytes;
    const json_t *value; /* of FUTURE_PROGRESS; else NULL */
};

/* Notifications. *ret_event is the caller's: future_event_free. */
int future_read_event(const struct future_message *message, struct future_event **ret_event);
/* Takes NULL. */
void future_event_free(struct future_event *event);

/* ---- event loops ---- */

/* For poll(2) and its like (level-triggered): the descriptor, which stays the client's (do not
 * close it) and the same, and the events to wait for now (POLLIN, with POLLOUT while something is
 * unsent; ask again after every call). All that has arrived must have been taken before: by
 * future_dispatch, or by future_receive with a timeout of 0 until it says FUTURE_TIMED_OUT. Once
 * one of them has said FUTURE_DISCONNECTED the descriptor is always ready: wait for it no more. */
int future_fd(const struct future_client *client);
short future_events(const struct future_client *client);

/* Takes over the message, which is not NULL: future_message_free. May call every function of the
 * client but future_dispatch and future_close. Anything but 0 ends the round. */
typedef int (*future_handler)(void *context, struct future_message *message);

/* Writes and reads what goes without waiting, and hands every message that is there to `handler`.
 * For when `fd` is ready for any of the events, and once before it is first waited for. 0; what
 * `handler` returned, where that was not 0 (messages may be left then: call again); or as
 * future_receive, after all messages were handed out. */
int future_dispatch(struct future_client *client, future_handler handler, void *context);

/* With `on`, the functions future_send* never wait: where more than FUTURE_UNSENT_BYTES are unsent
 * they send nothing and return FUTURE_TRY_AGAIN. Try again when the descriptor was ready for
 * POLLOUT. */
void future_set_nonblocking(struct future_client *client, bool on);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

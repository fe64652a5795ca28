/* The params of every method as C structures, decoded here and nowhere else, and the shapes that
 * the daemon shows again and again (a future, an exception), encoded beside them. Unknown members,
 * wrong types and values out of range are refused with the member's name. Everything decoded is
 * borrowed from the request (its tree and its text) unless said otherwise. One thread at a time
 * for each object. */
#ifndef FUTURED_PROTO_MESSAGES_H
#define FUTURED_PROTO_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/json_text.h"
#include "proto/rpc.h"
#include "proto/writer.h"

/* ---- values ---- */

enum future_state_msg { STATE_PENDING, STATE_RUNNING, STATE_CANCELLED, STATE_FINISHED };
#define STATE_COUNT 4
/* "PENDING" ...; never NULL. */
const char *state_name(unsigned state);
/* -EINVAL for an unknown name. */
int state_parse(const char *name, unsigned *ret_state);

struct id_range {
    uint64_t first, last; /* both included; first <= last, first >= 1 */
    bool single;          /* written as one id, not as a pair */
};

struct id_list {
    struct id_range *ranges; /* malloc'd: params_*_clear frees it */
    size_t count;
};

/* How long a call waits for its answer. */
struct wait_time {
    bool forever;
    uint64_t ns; /* 0: look once */
};

enum dependency_on { ON_RESULT, ON_EXCEPTION, ON_DONE };
struct dependency_msg {
    uint64_t id;
    enum dependency_on on;
};

enum event_kind { EVENT_DONE = 1, EVENT_RUNNING = 2, EVENT_OUTPUT = 4, EVENT_PROGRESS = 8 };

/* ---- params ---- */

/* submit and map. */
struct submit_params {
    const char *fn;
    struct slice args;       /* raw JSON text; "{}" where absent */
    const char *pool;        /* NULL: default */
    const char *label, *key; /* NULL: none */
    int64_t priority;
    struct dependency_msg *after; /* malloc'd: submit_params_clear */
    size_t after_count;
    uint64_t delay_ns;
    uint64_t timeout_ns; /* of the run; 0: none */
    uint32_t retry_max;  /* 0: no retry */
    uint64_t retry_delay_ns;
    double retry_backoff; /* factor from one delay to the next, >= 1 */
    bool rerun_on_crash;
    bool scope_connection;
    bool durable; /* default true */
    bool subscribe;
    /* map only */
    struct slice *items; /* raw JSON texts, malloc'd: submit_params_clear */
    size_t item_count;
    uint64_t chunksize; /* 0: not given */
    uint64_t window;    /* 0: not given */
    bool fail_fast, open;
};

struct map_add_params {
    uint64_t id;
    struct slice *items; /* malloc'd: map_add_params_clear */
    size_t item_count;
};

struct cancel_params {
    bool many; /* `ids` was given */
    uint64_t id;
    struct id_list ids;
    bool terminate;
    int signal_number;  /* default SIGTERM */
    uint64_t grace_ms;  /* default 10000 */
    const char *reason; /* "" where absent */
};

struct status_params {
    enum { STATUS_ONE, STATUS_IDS, STATUS_LIST } form;
    uint64_t id;
    struct id_list ids;
    unsigned states; /* bit (1 << state); 0: all */
    const char *pool, *label;
    bool items;       /* items of maps too; default true */
    uint64_t item_of; /* only items of that map; 0: any */
    uint64_t limit;   /* default 100 */
    uint64_t before;  /* 0: none */
    bool describe;    /* say what was called */
};

/* result and exception */
struct result_params {
    uint64_t id;
    struct wait_time timeout;
};

enum return_when { ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION };
struct wait_params {
    struct id_list ids;
    struct wait_time timeout;
    enum return_when return_when;
};

struct subscribe_params {
    bool all;
    struct id_list ids;
    const char *pool, *label;
    uint64_t item_of; /* 0: any */
    unsigned events;  /* bits of enum event_kind */
    bool has_since;
    uint64_t since;
};

struct output_params {
    uint64_t id;
    unsigned stream; /* 0 stdout, 1 stderr */
    uint64_t offset;
    uint64_t limit;   /* bytes; default 65536 */
    uint64_t wait_ns; /* 0: do not wait */
};

struct update_params {
    struct id_list ids;
    int64_t priority;
};

/* Settings of a pool that were given; the rest stays as it is. */
struct pool_params {
    const char *pool;
    bool has_max_workers, has_min_workers, has_idle_timeout, has_max_tasks, has_queue_limit;
    bool has_on_full, has_initializer;
    uint64_t max_workers, min_workers, idle_timeout_ns, max_tasks, queue_limit;
    bool on_full_wait;
    const char *durability;         /* a word; NULL: not given */
    const char *thread_name_prefix; /* NULL: not given */
    const char *initializer_fn;     /* NULL with has_initializer: none from now on */
    struct slice initializer_args;
};

struct dump_params {
    uint64_t from;  /* default 1 */
    uint64_t limit; /* default 100 */
};

struct backup_params {
    const char *path; /* absolute */
};

struct shutdown_params {
    bool wait, cancel_futures, keep_pending;
    struct wait_time timeout;
};

/* Each: 0; -EINVAL with *ret_error; -ENOMEM. Untouched on failure. A `_clear` for those that own
 * memory takes a zeroed structure as well. */
int submit_params_decode(const struct rpc_request *request, bool is_map,
                         const struct limits *limits, struct submit_params *ret_params,
                         struct rpc_error *ret_error);
void submit_params_clear(struct submit_params *params);
int map_add_params_decode(const struct rpc_request *request, const struct limits *limits,
                          struct map_add_params *ret_params, struct rpc_error *ret_error);
void map_add_params_clear(struct map_add_params *params);
int cancel_params_decode(const struct rpc_request *request, struct cancel_params *ret_params,
                         struct rpc_error *ret_error);
int status_params_decode(const struct rpc_request *request, const struct limits *limits,
                         struct status_params *ret_params, struct rpc_error *ret_error);
int result_params_decode(const struct rpc_request *request, struct result_params *ret_params,
                         struct rpc_error *ret_error);
int wait_params_decode(const struct rpc_request *request, struct wait_params *ret_params,
                       struct rpc_error *ret_error);
int subscribe_params_decode(const struct rpc_request *request, struct subscribe_params *ret_params,
                            struct rpc_error *ret_error);
int output_params_decode(const struct rpc_request *request, const struct limits *limits,
                         struct output_params *ret_params, struct rpc_error *ret_error);
int update_params_decode(const struct rpc_request *request, struct update_params *ret_params,
                         struct rpc_error *ret_error);
int pool_params_decode(const struct rpc_request *request, const struct limits *limits,
                       struct pool_params *ret_params, struct rpc_error *ret_error);
int dump_params_decode(const struct rpc_request *request, const struct limits *limits,
                       struct dump_params *ret_params, struct rpc_error *ret_error);
int backup_params_decode(const struct rpc_request *request, struct backup_params *ret_params,
                         struct rpc_error *ret_error);
int shutdown_params_decode(const struct rpc_request *request, struct shutdown_params *ret_params,
                           struct rpc_error *ret_error);
/* `{"<name>": id}` and nothing else: map.close (id), unsubscribe (subscription). */
int id_params_decode(const struct rpc_request *request, const char *name, uint64_t *ret_id,
                     struct rpc_error *ret_error);
/* `{"ids": [..]}` and nothing else: forget, retry. */
int ids_params_decode(const struct rpc_request *request, struct id_list *ret_ids,
                      struct rpc_error *ret_error);
/* `{"pool": name}` and nothing else, where `required` is false also nothing: pool.pause,
 * pool.resume, pool.list. *ret_pool is NULL where it was not given. */
int pool_name_decode(const struct rpc_request *request, bool required, const char **ret_pool,
                     struct rpc_error *ret_error);
/* No params at all (absent, {} or []): ping, info, stats. */
int no_params_decode(const struct rpc_request *request, struct rpc_error *ret_error);

void id_list_clear(struct id_list *ids);

/* ---- shapes ---- */

struct future_msg {
    uint64_t id;
    unsigned state;
    const char *fn, *pool, *label; /* label may be NULL */
    int64_t priority;
    unsigned attempt;
    int64_t submitted_us, started_us, finished_us; /* 0: null */
    uint32_t uid;
    const char *waiting; /* NULL: null */
    bool deadlocked;     /* shown where true */
    bool has_failed;     /* state is FINISHED: `failed` is shown */
    bool failed;
    bool is_map;
    uint64_t map_first, map_count, map_pending, map_running, map_finished, map_cancelled,
        map_failed;
    bool map_open; /* shown as map.open */
    bool is_item;
    uint64_t item_of, item_index;
    const char *worker; /* shown where not NULL */
    const char *host;   /* the same */
    /* Of a command that has run: raw JSON texts; size 0: not shown. */
    struct slice exit_code, signal, rusage;
};

/* The object of PROTOCOL.md, "A future, as every method shows it". */
void future_msg_write(struct writer *writer, const struct future_msg *future);

#endif

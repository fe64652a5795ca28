#include "proto/messages.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "proto/params.h"

#define DEFAULT_GRACE_MS     10000
#define DEFAULT_STATUS_LIMIT 100
#define DEFAULT_OUTPUT_LIMIT 65536

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

void id_list_clear(struct id_list *ids)
{
    if (ids == NULL)
        return;
    free(ids->ranges);
    *ids = (struct id_list){0};
}

/* ---- the plain ones ---- */

int no_params_decode(const struct rpc_request *request, struct rpc_error *ret_error)
{
    static const char *const none[] = {NULL};
    struct params params;

    params_open(&params, request, none, ret_error);
    return params.rc;
}

int id_params_decode(const struct rpc_request *request, const char *name, uint64_t *ret_id,
                     struct rpc_error *ret_error)
{
    struct params params;
    uint64_t id = 0;

    params_open(&params, request, NAMES(name), ret_error);
    params_id(&params, name, &id);
    if (params.rc == 0)
        *ret_id = id;
    return params.rc;
}

/* Ends a decoder that owns a list of ids: it becomes the caller's or is freed. */
static int finish_ids(const struct params *params, struct id_list *ids)
{
    if (params->rc < 0)
        id_list_clear(ids);
    return params->rc;
}

int ids_params_decode(const struct rpc_request *request, struct id_list *ret_ids,
                      struct rpc_error *ret_error)
{
    struct id_list ids = {0};
    struct params params;

    params_open(&params, request, NAMES("ids"), ret_error);
    params_require(&params, "ids", "an array of ids and [first, last] pairs");
    params_ids(&params, &ids);
    if (params.rc == 0)
        *ret_ids = ids;
    return finish_ids(&params, &ids);
}

int update_params_decode(const struct rpc_request *request, struct update_params *ret_params,
                         struct rpc_error *ret_error)
{
    struct update_params update = {.priority = 0};
    struct params params;

    params_open(&params, request, NAMES("ids", "priority"), ret_error);
    params_require(&params, "ids", "an array of ids and [first, last] pairs");
    params_ids(&params, &update.ids);
    params_require(&params, "priority", "an integer");
    params_int(&params, "priority", &update.priority);
    if (params.rc == 0)
        *ret_params = update;
    return finish_ids(&params, &update.ids);
}

int pool_name_decode(const struct rpc_request *request, bool required, const char **ret_pool,
                     struct rpc_error *ret_error)
{
    const char *pool = NULL;
    struct params params;

    params_open(&params, request, NAMES("pool"), ret_error);
    if (required)
        params_require(&params, "pool", "the name of a pool");
    params_string(&params, "pool", 1, 0, &pool);
    if (params.rc == 0)
        *ret_pool = pool;
    return params.rc;
}

int result_params_decode(const struct rpc_request *request, struct result_params *ret_params,
                         struct rpc_error *ret_error)
{
    struct result_params result = {0};
    struct params params;

    params_open(&params, request, NAMES("id", "timeout"), ret_error);
    params_id(&params, "id", &result.id);
    params_wait_time(&params, &result.timeout);
    if (params.rc == 0)
        *ret_params = result;
    return params.rc;
}

int wait_params_decode(const struct rpc_request *request, struct wait_params *ret_params,
                       struct rpc_error *ret_error)
{
    static const char *const words[] = {
        [ALL_COMPLETED] = "ALL_COMPLETED",
        [FIRST_COMPLETED] = "FIRST_COMPLETED",
        [FIRST_EXCEPTION] = "FIRST_EXCEPTION",
        NULL,
    };
    struct wait_params wait = {0};
    unsigned return_when = ALL_COMPLETED;
    struct params params;

    params_open(&params, request, NAMES("ids", "timeout", "return_when"), ret_error);
    params_require(&params, "ids", "an array of ids and [first, last] pairs");
    params_ids(&params, &wait.ids);
    params_wait_time(&params, &wait.timeout);
    params_word(&params, "return_when", words, &return_when);
    wait.return_when = (enum return_when)return_when;
    if (params.rc == 0)
        *ret_params = wait;
    return finish_ids(&params, &wait.ids);
}

int output_params_decode(const struct rpc_request *request, const struct limits *limits,
                         struct output_params *ret_params, struct rpc_error *ret_error)
{
    struct output_params output = {.limit = DEFAULT_OUTPUT_LIMIT};
    struct params params;

    params_open(&params, request, NAMES("id", "stream", "offset", "limit", "wait"), ret_error);
    params_id(&params, "id", &output.id);
    params_word(&params, "stream", NAMES("stdout", "stderr"), &output.stream);
    params_uint(&params, "offset", 0, UINT64_MAX, &output.offset);
    params_uint(&params, "limit", 1, UINT64_MAX, &output.limit);
    params_seconds(&params, "wait", &output.wait_ns);
    if (output.limit > limits->output_chunk_bytes)
        output.limit = limits->output_chunk_bytes;
    if (params.rc == 0)
        *ret_params = output;
    return params.rc;
}

int shutdown_params_decode(const struct rpc_request *request, struct shutdown_params *ret_params,
                           struct rpc_error *ret_error)
{
    struct shutdown_params shutdown = {.wait = true};
    struct params params;

    params_open(&params, request, NAMES("wait", "cancel_futures", "keep_pending", "timeout"),
                ret_error);
    params_bool(&params, "wait", &shutdown.wait);
    params_bool(&params, "cancel_futures", &shutdown.cancel_futures);
    params_bool(&params, "keep_pending", &shutdown.keep_pending);
    params_wait_time(&params, &shutdown.timeout);
    if (params.rc == 0)
        *ret_params = shutdown;
    return params.rc;
}

/* ---- cancel ---- */

static const struct {
    const char *name;
    int number;
} signal_names[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT}, {"ILL", SIGILL},
    {"TRAP", SIGTRAP}, {"ABRT", SIGABRT},     {"BUS", SIGBUS},   {"FPE", SIGFPE},
    {"KILL", SIGKILL}, {"USR1", SIGUSR1},     {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},     {"TERM", SIGTERM}, {"CHLD", SIGCHLD},
    {"CONT", SIGCONT}, {"STOP", SIGSTOP},     {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN},
    {"TTOU", SIGTTOU}, {"URG", SIGURG},       {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
    {"PROF", SIGPROF}, {"VTALRM", SIGVTALRM}, {"IO", SIGIO},     {"PWR", SIGPWR},
    {"SYS", SIGSYS},   {"WINCH", SIGWINCH},
};

/* 0 where the value names no signal. */
static int parse_signal(const json_t *value)
{
    const char *name = json_string_value(value);

    if (json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) <= 64)
        return (int)json_integer_value(value);
    if (name == NULL || strlen(name) != json_string_length(value))
        return 0;
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (size_t i = 0; i < sizeof(signal_names) / sizeof(signal_names[0]); i++) {
        if (strcmp(signal_names[i].name, name) == 0)
            return signal_names[i].number;
    }
    return 0;
}

static void take_termination(struct params *params, struct cancel_params *cancel)
{
    const json_t *signal_value = params_value(params, "signal");
    uint64_t grace_ns = (uint64_t)DEFAULT_GRACE_MS * 1000000;

    params_bool(params, "terminate", &cancel->terminate);
    if (signal_value != NULL)
        cancel->signal_number = parse_signal(signal_value);
    if (cancel->signal_number == 0)
        params_refuse(params, "signal", "must be a signal's name such as \"TERM\", or its number");
    params_seconds(params, "grace", &grace_ns);
    /* Rounded up: a grace that was asked for is never none at all. */
    cancel->grace_ms = grace_ns / 1000000 + (grace_ns % 1000000 > 0 ? 1 : 0);
    params_string(params, "reason", 0, 0, &cancel->reason);
}

int cancel_params_decode(const struct rpc_request *request, struct cancel_params *ret_params,
                         struct rpc_error *ret_error)
{
    struct cancel_params cancel = {.signal_number = SIGTERM, .reason = ""};
    struct params params;

    params_open(&params, request, NAMES("id", "ids", "terminate", "signal", "grace", "reason"),
                ret_error);
    cancel.many = params_has(&params, "ids");
    if (cancel.many && params_has(&params, "id"))
        params_refuse(&params, "ids", "must not be given together with id");
    if (cancel.many)
        params_ids(&params, &cancel.ids);
    else
        params_id(&params, "id", &cancel.id);
    take_termination(&params, &cancel);
    if (params.rc == 0)
        *ret_params = cancel;
    return finish_ids(&params, &cancel.ids);
}

/* ---- status ---- */

static void take_states(struct params *params, unsigned *ret_states)
{
    static const char expected[] = "must be an array of PENDING, RUNNING, CANCELLED, FINISHED";
    const json_t *value = params_value(params, "state");
    unsigned states = 0;

    if (value == NULL)
        return;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *name = json_array_get(value, i);
        unsigned state;

        if (!json_is_string(name) || strlen(json_string_value(name)) != json_string_length(name) ||
            state_parse(json_string_value(name), &state) < 0) {
            params_refuse(params, "state", "%s", expected);
            return;
        }
        states |= 1U << state;
    }
    /* No state at all would find nothing, and 0 says all of them. */
    if (states == 0)
        params_refuse(params, "state", "%s, at least one", expected);
    *ret_states = states;
}

static void take_filters(struct params *params, const struct limits *limits,
                         struct status_params *status)
{
    take_states(params, &status->states);
    params_string(params, "pool", 1, limits->name_bytes, &status->pool);
    params_string(params, "label", 0, limits->label_bytes, &status->label);
    params_bool(params, "items", &status->items);
    if (params_has(params, "item_of"))
        params_id(params, "item_of", &status->item_of);
    params_uint(params, "before", 1, UINT64_MAX, &status->before);
    params_uint(params, "limit", 0, UINT64_MAX, &status->limit);
    if (params->rc == 0 && params_has(params, "limit") && status->limit > limits->status_limit) {
        rpc_error_limit(params->error, "status_limit", limits->status_limit);
        params->rc = -EINVAL;
    }
    if (status->limit > limits->status_limit)
        status->limit = limits->status_limit;
}

/* Filters belong to the list only. */
static void refuse_filters(struct params *params, const char *beside)
{
    static const char *const filters[] = {"state",   "pool",  "label",  "items",
                                          "item_of", "limit", "before", NULL};

    for (size_t i = 0; filters[i] != NULL; i++) {
        if (params_has(params, filters[i]))
            params_refuse(params, filters[i], "must not be given together with %s", beside);
    }
}

int status_params_decode(const struct rpc_request *request, const struct limits *limits,
                         struct status_params *ret_params, struct rpc_error *ret_error)
{
    struct status_params status = {.items = true, .limit = DEFAULT_STATUS_LIMIT};
    struct params params;

    params_open(&params, request,
                NAMES("id", "ids", "state", "pool", "label", "items", "item_of", "limit", "before",
                      "describe"),
                ret_error);
    params_bool(&params, "describe", &status.describe);
    if (params_has(&params, "id")) {
        status.form = STATUS_ONE;
        if (params_has(&params, "ids"))
            params_refuse(&params, "ids", "must not be given together with id");
        refuse_filters(&params, "id");
        params_id(&params, "id", &status.id);
    } else if (params_has(&params, "ids")) {
        status.form = STATUS_IDS;
        refuse_filters(&params, "ids");
        params_ids(&params, &status.ids);
    } else {
        status.form = STATUS_LIST;
        take_filters(&params, limits, &status);
    }
    if (params.rc == 0)
        *ret_params = status;
    return finish_ids(&params, &status.ids);
}

/* ---- subscribe ---- */

static void take_events(struct params *params, unsigned *ret_events)
{
    static const char *const names[] = {"done", "running", "output", "progress", NULL};
    static const char expected[] = "must be an array of done, running, output, progress";
    const json_t *value = params_value(params, "events");
    unsigned events = 0;

    if (value == NULL)
        return;
    for (size_t i = 0; i < json_array_size(value); i++) {
        unsigned index;

        if (!word_find(json_array_get(value, i), names, &index)) {
            params_refuse(params, "events", "%s", expected);
            return;
        }
        events |= 1U << index; /* the bits of enum event_kind, in the order of the names */
    }
    if (events == 0)
        params_refuse(params, "events", "%s, at least one", expected);
    *ret_events = events;
}

/* Either ids or all, and the filters only beside all. */
static void check_subscription(struct params *params, bool all)
{
    if (all && params_has(params, "ids"))
        params_refuse(params, "ids", "must not be given together with all");
    if (!all && !params_has(params, "ids"))
        params_refuse(params, "ids", "is missing: give ids, or all as true");
    if (!all && params_has(params, "pool"))
        params_refuse(params, "pool", "must be given only together with all");
    if (!all && params_has(params, "label"))
        params_refuse(params, "label", "must be given only together with all");
    if (!all && params_has(params, "item_of"))
        params_refuse(params, "item_of", "must be given only together with all");
}

int subscribe_params_decode(const struct rpc_request *request, struct subscribe_params *ret_params,
                            struct rpc_error *ret_error)
{
    struct subscribe_params subscribe = {.events = EVENT_DONE};
    struct params params;

    params_open(&params, request,
                NAMES("ids", "all", "pool", "label", "item_of", "events", "since"), ret_error);
    params_bool(&params, "all", &subscribe.all);
    check_subscription(&params, subscribe.all);
    params_ids(&params, &subscribe.ids);
    params_string(&params, "pool", 1, 0, &subscribe.pool);
    params_string(&params, "label", 0, 0, &subscribe.label);
    if (params_has(&params, "item_of"))
        params_id(&params, "item_of", &subscribe.item_of);
    take_events(&params, &subscribe.events);
    subscribe.has_since = params_has(&params, "since");
    params_uint(&params, "since", 0, UINT64_MAX, &subscribe.since);
    if (params.rc == 0)
        *ret_params = subscribe;
    return finish_ids(&params, &subscribe.ids);
}

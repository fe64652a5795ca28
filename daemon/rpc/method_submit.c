/* submit and map: from params to a submission, and the reply once it is taken. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/rpc_impl.h"

/* What the reply needs to know of the request, once the line is gone, and what must be had before
 * the future is taken: nothing may be lacking after that. */
struct submitting {
    bool is_map;
    struct subscribed *subscribed; /* NULL: the client is not told of the end */
    struct scoped *scoped;         /* NULL: it does not end with the connection */
};

static void submitting_clear(struct submitting *submitting)
{
    free(submitting->subscribed);
    free(submitting->scoped);
}

static void on_drop(struct request *request)
{
    submitting_clear(request->state);
}

static void reply(struct request *request, const struct future *future, bool is_map, bool duplicate,
                  const struct subscription *own)
{
    struct future_info info;
    future_describe(future, &info);
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "id");
    writer_uint(writer, info.id);
    if (is_map) {
        writer_key(writer, "first");
        writer_uint(writer, info.map.first);
        writer_key(writer, "count");
        writer_uint(writer, info.map.count);
    }
    writer_key(writer, "state");
    writer_cstring(writer, future_state_name(info.state));
    if (duplicate) {
        writer_key(writer, "duplicate");
        writer_bool(writer, true);
    }
    if (own) {
        writer_key(writer, "subscription");
        writer_uint(writer, subscription_id(own));
    }
    writer_end_object(writer);
    request_created(request, info.id, info.id + info.map.count);
    request_end(request);
}

static void on_answer(void *arg, enum refusal refusal, const struct refusal_detail *detail,
                      struct future *future, bool duplicate)
{
    struct request *request = arg;
    struct session *session = request->session;
    struct submitting submitting = *(struct submitting *)request->state;
    struct subscription *own = NULL;
    if (refusal != REFUSED_NOT) {
        submitting_clear(&submitting);
        request_fail_refusal(request, refusal, detail);
        return;
    }
    /* It is there already, unless the client has ended it while the submit waited for room. */
    if (submitting.subscribed && subscription_own(session, &own) < 0)
        session_fail(session);
    if (submitting.scoped && !duplicate) {
        scope_add(session, future, submitting.scoped);
        submitting.scoped = NULL;
    }
    reply(request, future, submitting.is_map, duplicate, own);
    if (own) {
        subscription_follow(own, future, submitting.subscribed);
        submitting.subscribed = NULL;
    }
    submitting_clear(&submitting);
}

/* ---- checks that need the executor ---- */

#define DEFAULT_POOL "default"

static const char *pool_or_default(const struct submit_params *params)
{
    return params->pool ? params->pool : DEFAULT_POOL;
}

static int check_names(struct request *request, const struct submit_params *params,
                       struct submission *submission)
{
    struct executor *executor = request->session->service->executor;
    struct rpc_error error = {.code = RPC_INVALID_PARAMS};
    submission->function = executor_function(executor, params->fn);
    if (!submission->function) {
        rpc_error_param(&error, "fn", "there is no function %s", params->fn);
        request_error(request, &error);
        return -EINVAL;
    }
    const char *pool = pool_or_default(params);
    submission->pool = executor_pool(executor, pool);
    if (!submission->pool) {
        rpc_error_param(&error, "pool", "there is no pool %s", pool);
        request_error(request, &error);
        return -EINVAL;
    }
    return 0;
}

static int fail_check(struct request *request, int r, const struct check_error *check)
{
    if (r == -EINVAL)
        request_fail_param(request, check->param, check->message);
    else
        request_fail(request, RPC_INTERNAL, "no memory");
    return r;
}

int check_items(struct request *request, const struct function *function, const struct slice *items,
                size_t count)
{
    struct check_error check;
    if (!function->ops->check_item)
        return 0;
    for (size_t i = 0; i < count; i++) {
        int r = function->ops->check_item(function, items[i].text, items[i].size, &check);
        if (r < 0)
            return fail_check(request, r, &check);
    }
    return 0;
}

static int check_call(struct request *request, const struct submit_params *params,
                      const struct function *function, bool is_map)
{
    struct check_error check;
    if (function->ops->check_args) {
        int r = function->ops->check_args(function, params->args.text, params->args.size, is_map,
                                          &check);
        if (r < 0)
            return fail_check(request, r, &check);
    }
    return check_items(request, function, params->items, params->item_count);
}

/* ---- from params to a submission ---- */

static bool is_empty_object(const json_t *value)
{
    return json_is_object(value) && json_object_size(value) == 0;
}

/* Text that is the same for the same call, however it was written: what counts where nothing is
 * given is left out. Only a map has items. malloc'd; NULL: no memory. */
static char *canonical_call(const struct request *request, const struct submit_params *params,
                            bool is_map)
{
    json_t *given;
    if (rpc_request_params(request->rpc, &given) < 0)
        return NULL;
    json_t *call = json_object();
    json_t *args = json_object_get(given, "args"), *items = json_object_get(given, "items");
    bool whole = call && json_object_set_new(call, "fn", json_string(params->fn)) == 0;
    if (whole && args && !is_empty_object(args))
        whole = json_object_set(call, "args", args) == 0;
    if (whole && is_map)
        whole = json_object_set_new(call, "items",
                                    json_is_array(items) ? json_incref(items) : json_array()) == 0;
    if (whole && strcmp(pool_or_default(params), DEFAULT_POOL) != 0)
        whole = json_object_set_new(call, "pool", json_string(pool_or_default(params))) == 0;
    char *text = whole ? json_dumps(call, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(call);
    return text;
}

static int convert_after(const struct submit_params *params, struct submission_after **ret_after)
{
    static const int on[] = {
        [ON_RESULT] = AFTER_RESULT, [ON_EXCEPTION] = AFTER_EXCEPTION, [ON_DONE] = AFTER_DONE};
    if (params->after_count == 0)
        return 0; /* as nearly always */
    struct submission_after *after = calloc(params->after_count, sizeof(*after));
    if (!after)
        return -ENOMEM;
    for (size_t i = 0; i < params->after_count; i++) {
        after[i].id = params->after[i].id;
        after[i].on = (unsigned)on[params->after[i].on];
    }
    *ret_after = after;
    return 0;
}

static void fill(const struct submit_params *params, bool is_map, const struct limits *limits,
                 struct submission *submission)
{
    submission->args = params->args.text;
    submission->args_bytes = params->args.size;
    submission->label = params->label;
    submission->key = params->key;
    submission->priority = params->priority;
    submission->after_count = params->after_count;
    submission->delay_ns = params->delay_ns;
    submission->timeout_ns = params->timeout_ns;
    submission->retry_max = params->retry_max;
    submission->retry_delay_ns = params->retry_delay_ns;
    submission->retry_backoff = params->retry_backoff;
    submission->rerun_on_crash = params->rerun_on_crash;
    submission->not_stored = !params->durable;
    submission->scoped = params->scope_connection;
    submission->is_map = is_map;
    submission->open = params->open;
    submission->fail_fast = params->fail_fast;
    submission->window = params->window ? params->window : limits->map_window;
    submission->items = (const struct submission_item *)params->items;
    submission->item_count = params->item_count;
}

_Static_assert(sizeof(struct slice) == sizeof(struct submission_item) &&
                   offsetof(struct slice, size) == offsetof(struct submission_item, size),
               "a list of slices is a list of items");

/* 0, or an error was replied and the request is gone. */
static int prepare_answer(struct request *request, const struct submit_params *params, bool is_map)
{
    struct session *session = request->session;
    struct subscription *own;
    struct submitting *submitting = calloc(1, sizeof(*submitting));
    int r = submitting ? 0 : -ENOMEM;
    if (r < 0)
        goto fail;
    request->state = submitting;
    submitting->is_map = is_map;
    if (params->subscribe) {
        r = subscription_own(session, &own);
        if (r == 0 && !(submitting->subscribed = subscribed_new()))
            r = -ENOMEM;
    }
    if (r == 0 && params->scope_connection && !(submitting->scoped = scoped_new()))
        r = -ENOMEM;
    if (r == 0) {
        request->on_drop = on_drop;
        return 0;
    }
    submitting_clear(submitting);
fail:
    if (r == -EMFILE) {
        struct rpc_error error;
        rpc_error_limit(&error, "subscriptions", session->service->limits->subscriptions);
        request_error(request, &error);
    } else {
        request_fail(request, RPC_INTERNAL, "no memory");
    }
    return r;
}

static void submit_decoded(struct request *request, const struct submit_params *params, bool is_map)
{
    struct session *session = request->session;
    struct submission submission = {.function = NULL};
    struct submission_after *after = NULL;
    char *key_call = NULL;
    if (check_names(request, params, &submission) < 0 ||
        check_call(request, params, submission.function, is_map) < 0)
        return;
    if (convert_after(params, &after) < 0 ||
        (params->key && !(key_call = canonical_call(request, params, is_map)))) {
        request_fail(request, RPC_INTERNAL, "no memory");
        goto out;
    }
    if (prepare_answer(request, params, is_map) < 0)
        goto out;
    fill(params, is_map, session->service->limits, &submission);
    submission.after = after;
    submission.key_call = key_call;
    struct submit_answer answer = {.fn = on_answer, .arg = request};
    executor_submit(session->service->executor, &submission, &session->client, &answer);
out:
    free(after);
    free(key_call);
}

static void submit(struct request *request, bool is_map)
{
    struct submit_params params;
    struct rpc_error error;
    int r = submit_params_decode(request->rpc, is_map, request->session->service->limits, &params,
                                 &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    submit_decoded(request, &params, is_map);
    submit_params_clear(&params);
}

void method_submit(struct request *request)
{
    submit(request, false);
}

void method_map(struct request *request)
{
    submit(request, true);
}

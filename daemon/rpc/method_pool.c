/* pool.list, pool.set, pool.pause and pool.resume. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/rpc_impl.h"

static bool may_manage(struct request *request)
{
    if (request->session->client.sees_all)
        return true;
    request_fail(request, RPC_PERMISSION_DENIED,
                 "only root, the daemon's own user and its admin group may do that");
    return false;
}

static struct pool *find_pool(struct request *request, const char *name)
{
    struct pool *pool = executor_pool(request->session->service->executor, name);
    if (!pool) {
        struct rpc_error error = {.code = RPC_INVALID_PARAMS};
        rpc_error_param(&error, "pool", "there is no pool %s", name);
        request_error(request, &error);
    }
    return pool;
}

static void reply_pool(struct request *request, const struct pool *pool)
{
    show_pool(request_result(request), request->session, pool, true);
    request_end(request);
}

struct changed {
    const struct pool *pool;
};

static void reply_changed(void *arg)
{
    struct request *request = arg;
    const struct changed *changed = request->state;
    reply_pool(request, changed->pool);
}

/* The answer once the change is stored, to be had before it is made; the pool may come later. NULL:
 * no memory, which was replied. */
static struct stored_answer *answer_changed(struct request *request, const struct pool *pool)
{
    struct session *session = request->session;
    struct changed *changed = malloc(sizeof(*changed));
    struct stored_answer *answer = NULL;
    request->state = changed;
    if (changed) {
        changed->pool = pool;
        answer = stored_answer_new(session->service->executor, session->client.number,
                                   reply_changed, request);
    }
    if (!answer)
        request_fail(request, RPC_INTERNAL, "no memory");
    return answer;
}

void method_pool_list(struct request *request)
{
    struct executor *executor = request->session->service->executor;
    struct rpc_error error;
    const char *name = NULL;
    struct pool *pool = NULL;
    int r = pool_name_decode(request->rpc, false, &name, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    if (name && !(pool = find_pool(request, name)))
        return;
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "pools");
    writer_begin_array(writer);
    if (pool)
        show_pool(writer, request->session, pool, true);
    for (size_t i = 0; !name && (pool = executor_pool_at(executor, i)); i++)
        show_pool(writer, request->session, pool, true);
    writer_end_array(writer);
    writer_end_object(writer);
    request_end(request);
}

/* ---- pool.set ---- */

static int set_initializer(struct request *request, const struct pool_params *params,
                           struct pool_settings *settings, char **ret_args)
{
    struct executor *executor = request->session->service->executor;
    settings->initializer = NULL;
    settings->initializer_args = NULL;
    if (!params->initializer_fn)
        return 0;
    const struct function *function = executor_function(executor, params->initializer_fn);
    if (!function) {
        request_fail_param(request, "initializer.fn", "there is no such function");
        return -EINVAL;
    }
    const struct slice *args = &params->initializer_args;
    struct check_error check;
    int r = function->ops->check_args
                ? function->ops->check_args(function, args->text, args->size, false, &check)
                : 0;
    if (r == -EINVAL) {
        char param[sizeof(check.param) + 16];
        snprintf(param, sizeof(param), "initializer.%s", check.param);
        request_fail_param(request, param, check.message);
        return r;
    }
    char *copy = r == 0 ? strndup(args->text, args->size) : NULL;
    if (!copy) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return -ENOMEM;
    }
    settings->initializer = function;
    settings->initializer_args = *ret_args = copy;
    return 0;
}

static void merge(const struct pool_params *params, struct pool_settings *settings)
{
    if (params->has_max_workers)
        settings->max_workers = (unsigned)params->max_workers;
    if (params->has_min_workers)
        settings->min_workers = (unsigned)params->min_workers;
    if (params->has_idle_timeout)
        settings->idle_timeout_ns = params->idle_timeout_ns;
    if (params->has_max_tasks)
        settings->max_tasks_per_worker = params->max_tasks;
    if (params->has_queue_limit)
        settings->queue_limit = params->queue_limit;
    if (params->has_on_full)
        settings->on_full_wait = params->on_full_wait;
    if (params->durability)
        (void)durability_from_name(params->durability, &settings->durability);
    if (params->thread_name_prefix)
        snprintf(settings->thread_name_prefix, sizeof(settings->thread_name_prefix), "%s",
                 params->thread_name_prefix);
}

static void set_pool(struct request *request, const struct pool_params *params)
{
    struct service *service = request->session->service;
    struct pool *pool = executor_pool(service->executor, params->pool);
    struct pool_settings settings;
    char *args = NULL;
    if (pool)
        settings = *pool_settings(pool);
    else
        pool_default_settings(params->pool, &settings);
    if (params->has_initializer && set_initializer(request, params, &settings, &args) < 0)
        return;
    merge(params, &settings);
    struct stored_answer *answer = answer_changed(request, pool);
    if (!answer) {
        free(args);
        return;
    }
    int r = settings.min_workers > settings.max_workers
                ? -EINVAL
                : executor_set_pool(service->executor, params->pool, &settings);
    free(args);
    if (r < 0)
        stored_answer_free(answer);
    if (r == -EINVAL) {
        request_fail_param(request, "min_workers", "min_workers must not be above max_workers");
    } else if (r == -EMFILE) {
        struct rpc_error error = {.code = RPC_LIMIT_EXCEEDED};
        rpc_error_limit(&error, "pools", service->limits->pools);
        request_error(request, &error);
    } else if (r < 0) {
        request_fail(request, RPC_INTERNAL, "no memory");
    } else {
        ((struct changed *)request->state)->pool = executor_pool(service->executor, params->pool);
        stored_answer_give(answer);
    }
}

void method_pool_set(struct request *request)
{
    struct pool_params params;
    struct rpc_error error;
    int r = pool_params_decode(request->rpc, request->session->service->limits, &params, &error);
    if (r < 0)
        request_fail_decode(request, r, &error);
    else if (may_manage(request))
        set_pool(request, &params);
}

static void pause(struct request *request, bool paused)
{
    struct rpc_error error;
    const char *name;
    struct pool *pool;
    int r = pool_name_decode(request->rpc, true, &name, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    if (!may_manage(request) || !(pool = find_pool(request, name)))
        return;
    struct stored_answer *answer = answer_changed(request, pool);
    if (!answer)
        return;
    r = executor_pause_pool(request->session->service->executor, pool, paused);
    request_when_stored(request, answer, r < 0 ? REFUSED_NO_MEMORY : REFUSED_NOT, NULL);
}

void method_pool_pause(struct request *request)
{
    pause(request, true);
}

void method_pool_resume(struct request *request)
{
    pause(request, false);
}

/* pool.set: the settings of a pool. */
#include "proto/messages.h"

#include "proto/params.h"

/* With "-12345" behind it a thread's name still has something of it in the kernel's 15 bytes. */
#define MAX_PREFIX_BYTES 12

static void take_initializer(struct params *params, struct pool_params *pool)
{
    static const char *const names[] = {"fn", "args", NULL};
    const json_t *value = params_value_or_null(params, "initializer");
    struct params initializer;

    if (params->rc < 0 || value == NULL)
        return;
    /* Null says something here: none from now on. */
    pool->has_initializer = true;
    if (!params_open_member(params, "initializer", "initializer.", names, &initializer))
        return;
    params_require(&initializer, "fn", "the name of a function");
    params_string(&initializer, "fn", 1, 0, &pool->initializer_fn);
    pool->initializer_args = (struct slice){"{}", 2};
    params_raw(&initializer, "args", &pool->initializer_args);
    params_close_member(params, &initializer);
}

static void take_workers(struct params *params, const struct limits *limits,
                         struct pool_params *pool)
{
    pool->has_max_workers = params_has(params, "max_workers");
    params_uint(params, "max_workers", 1, limits->workers, &pool->max_workers);
    pool->has_min_workers = params_has(params, "min_workers");
    params_uint(params, "min_workers", 0, limits->workers, &pool->min_workers);
    if (pool->has_max_workers && pool->has_min_workers && pool->min_workers > pool->max_workers)
        params_refuse(params, "min_workers", "must not be greater than max_workers");
    pool->has_idle_timeout = params_has(params, "idle_timeout");
    params_seconds(params, "idle_timeout", &pool->idle_timeout_ns);
    pool->has_max_tasks = params_has(params, "max_tasks_per_worker");
    params_uint(params, "max_tasks_per_worker", 0, UINT64_MAX, &pool->max_tasks);
    params_string(params, "thread_name_prefix", 1, MAX_PREFIX_BYTES, &pool->thread_name_prefix);
}

static void take_queue(struct params *params, struct pool_params *pool)
{
    static const char *const words[] = {"error", "wait", NULL};
    unsigned on_full = 0;

    pool->has_queue_limit = params_has(params, "queue_limit");
    params_uint(params, "queue_limit", 0, UINT64_MAX, &pool->queue_limit);
    pool->has_on_full = params_has(params, "on_full");
    params_word(params, "on_full", words, &on_full);
    pool->on_full_wait = on_full != 0;
}

static void take_durability(struct params *params, struct pool_params *pool)
{
    static const char *const words[] = {"none", "process", "full", NULL};
    unsigned word = 0;

    params_word(params, "durability", words, &word);
    if (params_has(params, "durability"))
        pool->durability = words[word];
}

int pool_params_decode(const struct rpc_request *request, const struct limits *limits,
                       struct pool_params *ret_params, struct rpc_error *ret_error)
{
    static const char *const names[] = {
        "pool",        "max_workers", "min_workers",        "idle_timeout", "max_tasks_per_worker",
        "queue_limit", "on_full",     "thread_name_prefix", "initializer",  "durability",
        "launcher",    NULL,
    };
    struct pool_params pool = {0};
    struct params params;

    params_open(&params, request, names, ret_error);
    params_require(&params, "pool", "the name of a pool");
    params_string(&params, "pool", 1, limits->name_bytes, &pool.pool);
    take_workers(&params, limits, &pool);
    take_queue(&params, &pool);
    take_durability(&params, &pool);
    take_initializer(&params, &pool);
    /* It is code that runs as the daemon's user. */
    if (params_has(&params, "launcher"))
        params_refuse(&params, "launcher", "is set in the configuration file alone");
    if (params.rc == 0)
        *ret_params = pool;
    return params.rc;
}

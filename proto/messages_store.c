/* The params of dump and backup. */
#include <errno.h>
#include <limits.h>

#include "proto/messages.h"
#include "proto/params.h"

#define DEFAULT_DUMP_LIMIT 100

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

int dump_params_decode(const struct rpc_request *request, const struct limits *limits,
                       struct dump_params *ret_params, struct rpc_error *ret_error)
{
    struct dump_params dump = {.from = 1, .limit = DEFAULT_DUMP_LIMIT};
    struct params params;

    params_open(&params, request, NAMES("from", "limit"), ret_error);
    params_uint(&params, "from", 1, UINT64_MAX, &dump.from);
    params_uint(&params, "limit", 1, UINT64_MAX, &dump.limit);
    if (params.rc == 0 && params_has(&params, "limit") && dump.limit > limits->status_limit) {
        rpc_error_limit(params.error, "status_limit", limits->status_limit);
        params.rc = -EINVAL;
    }
    if (dump.limit > limits->status_limit)
        dump.limit = limits->status_limit;
    if (params.rc == 0)
        *ret_params = dump;
    return params.rc;
}

int backup_params_decode(const struct rpc_request *request, struct backup_params *ret_params,
                         struct rpc_error *ret_error)
{
    struct backup_params backup = {.path = NULL};
    struct params params;

    params_open(&params, request, NAMES("path"), ret_error);
    if (!params_has(&params, "path"))
        params_refuse(&params, "path", "is missing");
    params_string(&params, "path", 1, PATH_MAX - 1, &backup.path);
    /* The daemon's own working directory means nothing to a client. */
    if (params.rc == 0 && backup.path[0] != '/')
        params_refuse(&params, "path", "must be absolute");
    if (params.rc == 0)
        *ret_params = backup;
    return params.rc;
}

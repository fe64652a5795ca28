/* ping and info: is somebody there, and what. */
#include <string.h>
#include <unistd.h>

#include "daemon/rpc/rpc_impl.h"

void method_ping(struct request *request)
{
    struct rpc_error error;
    int r = no_params_decode(request->rpc, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    writer_cstring(request_result(request), "pong");
    request_end(request);
}

static void write_limits(struct writer *writer, const struct limits *limits)
{
    writer_key(writer, "limits");
    writer_begin_object(writer);
    for (const struct limit_entry *entry = limit_table; entry->name; entry++) {
        uint64_t value = 0;
        (void)limits_get(limits, entry->name, &value);
        writer_key(writer, entry->name);
        writer_uint(writer, value);
    }
    writer_end_object(writer);
}

static void write_functions(struct writer *writer, const struct executor *executor)
{
    const struct function *function;
    writer_key(writer, "functions");
    writer_begin_array(writer);
    for (size_t i = 0; (function = executor_function_at(executor, i)); i++) {
        writer_begin_object(writer);
        writer_key(writer, "name");
        writer_cstring(writer, function->name);
        writer_key(writer, "kind");
        writer_cstring(writer, function->ops->kind);
        writer_key(writer, "doc");
        writer_cstring(writer, function->doc);
        if (function->params) {
            writer_key(writer, "params");
            writer_json(writer, function->params, strlen(function->params));
        }
        writer_end_object(writer);
    }
    writer_end_array(writer);
}

void method_info(struct request *request)
{
    struct service *service = request->session->service;
    struct rpc_error error;
    int r = no_params_decode(request->rpc, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "name");
    writer_cstring(writer, "futured");
    writer_key(writer, "version");
    writer_cstring(writer, service->settings.version);
    writer_key(writer, "protocol");
    writer_int(writer, 1);
    writer_key(writer, "pid");
    writer_int(writer, getpid());
    writer_key(writer, "uid");
    writer_uint(writer, service->settings.uid);
    writer_key(writer, "durability");
    writer_cstring(writer, service->settings.durability);
    writer_key(writer, "cursor");
    writer_uint(writer, executor_cursor(service->executor));
    writer_key(writer, "connections");
    writer_uint(writer, service->sessions);
    write_limits(writer, service->limits);
    writer_key(writer, "pools");
    writer_begin_array(writer);
    struct pool *pool;
    for (size_t i = 0; (pool = executor_pool_at(service->executor, i)); i++)
        show_pool(writer, request->session, pool, false);
    writer_end_array(writer);
    write_functions(writer, service->executor);
    writer_end_object(writer);
    request_end(request);
}

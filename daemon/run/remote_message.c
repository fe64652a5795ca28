#include "daemon/run/remote_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/text.h"

static const char *const causes[] = {
    [STOP_NONE] = "none",         [STOP_TERMINATE] = "terminate",
    [STOP_TIMEOUT] = "timeout",   [STOP_DISCONNECT] = "disconnect",
    [STOP_SHUTDOWN] = "shutdown",
};

/* ---- pieces of lines ---- */

static void begin(struct writer *writer)
{
    writer->comma = false;
    writer_begin_object(writer);
    writer_key(writer, "jsonrpc");
    writer_cstring(writer, "2.0");
}

static void end(struct writer *writer)
{
    writer_end_object(writer);
    writer_raw(writer, "\n", 1);
}

static void begin_params(struct writer *writer, const char *method)
{
    writer_key(writer, "method");
    writer_cstring(writer, method);
    writer_key(writer, "params");
    writer_begin_object(writer);
}

static void begin_request(struct writer *writer, uint64_t id, const char *method)
{
    begin(writer);
    writer_key(writer, "id");
    writer_uint(writer, id);
    begin_params(writer, method);
}

static void begin_notification(struct writer *writer, const char *method)
{
    begin(writer);
    begin_params(writer, method);
}

static void end_params(struct writer *writer)
{
    writer_end_object(writer);
    end(writer);
}

static void put_uint(struct writer *writer, const char *name, uint64_t value)
{
    writer_key(writer, name);
    writer_uint(writer, value);
}

static void put_text(struct writer *writer, const char *name, const char *value)
{
    writer_key(writer, name);
    writer_cstring(writer, value);
}

/* JSON text that stays on one line: a line feed in it can only be white space. */
static void put_json(struct writer *writer, const char *name, const char *text, size_t size)
{
    size_t start;

    writer_key(writer, name);
    start = writer->size;
    writer_json(writer, text, size);
    for (size_t i = start; !writer_failed(writer) && i < writer->size; i++) {
        char *c = memchr(writer->data + i, '\n', writer->size - i);

        if (!c)
            break;
        *c = ' ';
        i = (size_t)(c - writer->data);
    }
}

/* ---- the daemon's ---- */

void remote_write_hello(struct writer *writer, const struct remote_hello *hello)
{
    begin_request(writer, HANDLER_INIT_ID, "init");
    put_uint(writer, "protocol", REMOTE_PROTOCOL);
    put_text(writer, "version", hello->version);
    put_text(writer, "pool", hello->pool);
    put_uint(writer, "worker", hello->worker);
    put_uint(writer, "output_bytes", hello->output_bytes);
    put_uint(writer, "output_total_bytes", hello->output_total_bytes);
    put_uint(writer, "result_bytes", hello->result_bytes);
    put_uint(writer, "line_bytes", hello->line_bytes);
    put_uint(writer, "depth", hello->depth);
    put_uint(writer, "values", hello->values);
    put_uint(writer, "lease_ms", hello->lease_ms);
    put_text(writer, "plugin_dir", hello->plugin_dir);
    end_params(writer);
}

void remote_write_call(struct writer *writer, const struct remote_call *call)
{
    begin_request(writer, call->id, "call");
    put_text(writer, "fn", call->fn);
    put_uint(writer, "attempt", call->attempt);
    if (call->args.size > 0)
        put_json(writer, "args", call->args.text, call->args.size);
    if (call->item.text)
        put_json(writer, "item", call->item.text, call->item.size);
    if (call->recipe.size > 0)
        put_json(writer, "recipe", call->recipe.text, call->recipe.size);
    end_params(writer);
}

void remote_write_stop(struct writer *writer, uint64_t id, const struct stop_request *request)
{
    size_t reason_bytes = strlen(request->reason);

    begin_notification(writer, "stop");
    put_uint(writer, "id", id);
    put_text(writer, "cause", causes[request->cause]);
    put_uint(writer, "signal", (uint64_t)request->signal_number);
    put_uint(writer, "grace_ms", request->grace_ms);
    writer_key(writer, "reason");
    writer_string(writer, request->reason, utf8_cut(request->reason, reason_bytes));
    end_params(writer);
}

void remote_write_ping(struct writer *writer)
{
    begin_notification(writer, "ping");
    end_params(writer);
}

void remote_write_alive(struct writer *writer, uint64_t number)
{
    begin_notification(writer, "alive");
    put_uint(writer, "number", number);
    end_params(writer);
}

int remote_greeting_read(const struct handler_message *answer, struct remote_greeting *ret)
{
    const json_t *result = json_object_get(answer->tree, "result");
    struct remote_greeting greeting = {
        .version = json_string_value(json_object_get(result, "version")),
        .host = json_string_value(json_object_get(result, "host")),
        .protocol = json_integer_value(json_object_get(result, "protocol")),
        .pid = json_integer_value(json_object_get(result, "pid")),
    };

    if (!greeting.version || !greeting.host || greeting.pid <= 0)
        return -EBADMSG;
    *ret = greeting;
    return 0;
}

/* ---- reading, for the worker ---- */

static uint64_t uint_of(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));

    return value > 0 ? (uint64_t)value : 0;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static int refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return -EBADMSG;
}

static int read_hello(const json_t *params, struct remote_request *request, const char **ret_why)
{
    request->kind = REMOTE_HELLO;
    request->protocol = (long)uint_of(params, "protocol");
    request->hello = (struct remote_hello){
        .version = text_of(params, "version"),
        .pool = text_of(params, "pool"),
        .worker = (unsigned)uint_of(params, "worker"),
        .output_bytes = uint_of(params, "output_bytes"),
        .output_total_bytes = uint_of(params, "output_total_bytes"),
        .result_bytes = uint_of(params, "result_bytes"),
        .line_bytes = uint_of(params, "line_bytes"),
        .depth = uint_of(params, "depth"),
        .values = uint_of(params, "values"),
        .lease_ms = uint_of(params, "lease_ms"),
        .plugin_dir = text_of(params, "plugin_dir"),
    };
    if (!request->hello.version || !request->hello.pool)
        return refuse(ret_why, "an init without version or pool");
    return 0;
}

static int read_call(struct slice text, const json_t *params, struct remote_request *request,
                     const char **ret_why)
{
    struct remote_call *call = &request->call;

    request->kind = REMOTE_CALL;
    *call = (struct remote_call){
        .id = request->id,
        .fn = text_of(params, "fn"),
        .attempt = (unsigned)uint_of(params, "attempt"),
        .args = {.text = ""},
        .recipe = {.text = ""},
    };
    if (!call->fn)
        return refuse(ret_why, "a call without fn");
    json_text_member(text, "args", &call->args);
    if (!json_text_member(text, "item", &call->item))
        call->item = (struct slice){.text = NULL};
    json_text_member(text, "recipe", &call->recipe);
    return 0;
}

static int read_stop(const json_t *params, struct remote_request *request, const char **ret_why)
{
    const char *cause = text_of(params, "cause");
    const char *reason = text_of(params, "reason");
    size_t i = 0;

    request->kind = REMOTE_STOP;
    request->id = uint_of(params, "id");
    while (cause && i < sizeof(causes) / sizeof(*causes) && strcmp(cause, causes[i]) != 0)
        i++;
    if (!cause || i == sizeof(causes) / sizeof(*causes) || i == STOP_NONE)
        return refuse(ret_why, "a stop without a cause");
    request->stop = (struct stop_request){
        .cause = (enum stop_cause)i,
        .signal_number = (int)uint_of(params, "signal"),
        .grace_ms = uint_of(params, "grace_ms"),
    };
    snprintf(request->stop.reason, sizeof(request->stop.reason), "%s", reason ? reason : "");
    return 0;
}

static int read_request(struct slice line, struct remote_request *request, const char **ret_why)
{
    const char *method = text_of(request->tree, "method");
    const json_t *params = json_object_get(request->tree, "params");
    struct slice text = {.text = ""};

    json_text_member(line, "params", &text);
    request->id = uint_of(request->tree, "id");
    if (!method || !json_is_object(params))
        return refuse(ret_why, "a line that is no request");
    if (strcmp(method, "init") == 0)
        return read_hello(params, request, ret_why);
    if (strcmp(method, "call") == 0)
        return read_call(text, params, request, ret_why);
    if (strcmp(method, "stop") == 0)
        return read_stop(params, request, ret_why);
    if (strcmp(method, "alive") == 0) {
        request->kind = REMOTE_ALIVE;
        request->number = uint_of(params, "number");
        return 0;
    }
    request->kind = strcmp(method, "ping") == 0 ? REMOTE_PING : REMOTE_UNKNOWN;
    return 0;
}

int remote_request_read(const char *line, size_t size, struct remote_request *ret_request,
                        const char **ret_why)
{
    struct remote_request request = {.tree = json_loadb(line, size, JSON_ALLOW_NUL, NULL)};
    int r;

    if (!request.tree)
        return refuse(ret_why, "a line that is no JSON");
    r = read_request((struct slice){line, size}, &request, ret_why);
    if (r < 0) {
        remote_request_clear(&request);
        return r;
    }
    *ret_request = request;
    return 0;
}

void remote_request_clear(struct remote_request *request)
{
    json_decref(request->tree);
    *request = (struct remote_request){0};
}

/* ---- writing, for the worker ---- */

static void begin_answer(struct writer *writer, uint64_t id)
{
    begin(writer);
    writer_key(writer, "id");
    writer_uint(writer, id);
}

void remote_write_greeting(struct writer *writer, const struct remote_greeting *greeting)
{
    begin_answer(writer, HANDLER_INIT_ID);
    writer_key(writer, "result");
    writer_begin_object(writer);
    put_text(writer, "name", "futured");
    put_text(writer, "version", greeting->version);
    put_uint(writer, "protocol", (uint64_t)greeting->protocol);
    put_text(writer, "host", greeting->host);
    put_uint(writer, "pid", (uint64_t)greeting->pid);
    writer_end_object(writer);
    end(writer);
}

void remote_write_result(struct writer *writer, uint64_t id, const char *json, size_t bytes)
{
    begin_answer(writer, id);
    if (json)
        put_json(writer, "result", json, bytes);
    else
        put_text(writer, "result", NULL);
    end(writer);
}

void remote_write_error(struct writer *writer, uint64_t id, const char *type, const char *message,
                        const char *data, size_t data_bytes, bool break_pool)
{
    begin_answer(writer, id);
    writer_key(writer, "error");
    writer_begin_object(writer);
    put_uint(writer, "code", 1);
    put_text(writer, "message", message);
    writer_key(writer, "data");
    writer_begin_object(writer);
    put_text(writer, "type", type);
    if (data)
        put_json(writer, "value", data, data_bytes);
    if (break_pool) {
        writer_key(writer, "break_pool");
        writer_bool(writer, true);
    }
    writer_end_object(writer);
    writer_end_object(writer);
    end(writer);
}

void remote_write_output(struct writer *writer, uint64_t id, enum output_stream stream,
                         const char *data, size_t size)
{
    bool text = utf8_valid(data, size);

    begin_notification(writer, "output");
    put_uint(writer, "id", id);
    put_text(writer, "stream", stream == OUTPUT_STDOUT ? "stdout" : "stderr");
    writer_key(writer, text ? "data" : "data_base64");
    if (text)
        writer_string(writer, data, size);
    else
        writer_base64(writer, data, size);
    end_params(writer);
}

void remote_write_progress(struct writer *writer, uint64_t id, const char *json)
{
    begin_notification(writer, "progress");
    put_uint(writer, "id", id);
    put_json(writer, "value", json, strlen(json));
    end_params(writer);
}

void remote_write_pid(struct writer *writer, uint64_t id, pid_t pid)
{
    begin_notification(writer, "pid");
    put_uint(writer, "id", id);
    put_uint(writer, "pid", (uint64_t)pid);
    end_params(writer);
}

#include "daemon/run/handler_message.h"

#include "daemon/run/base64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TYPE   "HandlerError"
#define INVALID_PARAMS (-32602)

/* Longer ones are no names. */
#define TYPE_MAX_BYTES 128

static int refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return -EBADMSG;
}

static int parse_tree(const char *line, size_t size, const struct handler_bounds *bounds,
                      json_t **ret_tree, const char **ret_why)
{
    json_error_t error = {.line = 0};
    json_t *tree;

    switch (json_text_bounds(line, size, bounds->depth, bounds->values)) {
    case JSON_WITHIN_BOUNDS:
        break;
    case JSON_HAS_NUL:
        return refuse(ret_why, "a NUL byte in the line");
    case JSON_TOO_DEEP:
        return refuse(ret_why, "JSON that is nested too deep");
    case JSON_TOO_MANY_VALUES:
        return refuse(ret_why, "JSON with too many values");
    }
    tree = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    /* Without memory for its first buffer the parser gives no reason at all. */
    if (!tree && (json_error_code(&error) == json_error_out_of_memory ||
                  json_error_code(&error) == json_error_unknown))
        return -ENOMEM;
    if (!tree)
        return refuse(ret_why, "a line that is no JSON");
    *ret_tree = tree;
    return 0;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static int read_id(const json_t *id, uint64_t *ret_id)
{
    if (!json_is_integer(id) || json_integer_value(id) < 0)
        return -EINVAL;
    *ret_id = (uint64_t)json_integer_value(id);
    return 0;
}

static int read_error(struct slice line, const json_t *error, struct handler_message *message,
                      const char **ret_why)
{
    const json_t *code = json_object_get(error, "code");
    const char *type = text_of(json_object_get(error, "data"), "type");
    struct slice object;

    message->kind = HANDLER_ERROR;
    message->text = text_of(error, "message");
    if (!json_is_integer(code) || !message->text)
        return refuse(ret_why, "an error without an integer `code` and a string `message`");
    message->code = json_integer_value(code);
    if (!type || !*type || strlen(type) > TYPE_MAX_BYTES)
        type = message->code == INVALID_PARAMS ? "InvalidArguments" : DEFAULT_TYPE;
    message->type = type;
    if (json_text_member(line, "error", &object))
        json_text_member(object, "data", &message->value);
    return 0;
}

/* A worker passes on what was raised there: its data is one member of the error's data. */
static void unwrap_error(const json_t *error, struct handler_message *message)
{
    struct slice data = message->value;

    message->value = (struct slice){"null", 4};
    json_text_member(data, "value", &message->value);
    message->break_pool =
        json_is_true(json_object_get(json_object_get(error, "data"), "break_pool"));
}

static int read_progress(struct slice params_text, const json_t *params,
                         struct handler_message *message, const char **ret_why)
{
    const json_t *id = json_object_get(params, "id");

    message->kind = HANDLER_PROGRESS;
    message->any_id = !id;
    if (id && read_id(id, &message->id) < 0)
        return refuse(ret_why, "a progress whose `id` is no id");
    if (!json_is_object(params) || !json_text_member(params_text, "value", &message->value))
        return refuse(ret_why, "a progress without a `value`");
    return 0;
}

static int read_log(const json_t *params, struct handler_message *message, const char **ret_why)
{
    const char *level = text_of(params, "level");

    message->kind = HANDLER_LOG;
    message->level = LOG_LEVEL_INFO;
    message->text = text_of(params, "message");
    if (!message->text)
        return refuse(ret_why, "a log without a string `message`");
    if (json_object_get(params, "level") && (!level || log_level_parse(level, &message->level) < 0))
        return refuse(ret_why, "a log whose `level` is none");
    return 0;
}

static int read_output(const json_t *params, struct handler_message *message, const char **ret_why)
{
    const char *stream = text_of(params, "stream");
    const json_t *data = json_object_get(params, "data");
    bool encoded = !data;

    message->kind = HANDLER_OUTPUT;
    if (encoded)
        data = json_object_get(params, "data_base64");
    if (!stream || !json_is_string(data) || read_id(json_object_get(params, "id"), &message->id))
        return refuse(ret_why, "an output without `id`, `stream` and `data`");
    message->stream = strcmp(stream, "stderr") == 0 ? OUTPUT_STDERR : OUTPUT_STDOUT;
    message->data = json_string_value(data);
    message->data_bytes = json_string_length(data);
    if (!encoded)
        return 0;
    int r = base64_to_bytes(message->data, message->data_bytes, &message->decoded,
                            &message->data_bytes);
    if (r == -EINVAL)
        return refuse(ret_why, "an output that is no base64");
    message->data = message->decoded;
    return r;
}

static int read_number(const json_t *params, const char *name, enum handler_message_kind kind,
                       struct handler_message *message, const char **ret_why)
{
    message->kind = kind;
    if (read_id(json_object_get(params, name), &message->number) < 0)
        return refuse(ret_why, "a notification without its number");
    return 0;
}

/* What only a worker says; HANDLER_UNKNOWN where it is nothing of that. */
static int read_worker(const char *method, const json_t *params, struct handler_message *message,
                       const char **ret_why)
{
    if (strcmp(method, "output") == 0)
        return read_output(params, message, ret_why);
    if (strcmp(method, "pid") == 0) {
        read_id(json_object_get(params, "id"), &message->id);
        return read_number(params, "pid", HANDLER_PID, message, ret_why);
    }
    if (strcmp(method, "alive") == 0)
        return read_number(params, "number", HANDLER_ALIVE, message, ret_why);
    message->kind = HANDLER_UNKNOWN;
    return 0;
}

static int read_notification(struct slice line, const char *method, struct handler_message *message,
                             bool worker, const char **ret_why)
{
    const json_t *params = json_object_get(message->tree, "params");
    struct slice text = {.text = ""};

    json_text_member(line, "params", &text);
    if (strcmp(method, "progress") == 0)
        return read_progress(text, params, message, ret_why);
    if (strcmp(method, "log") == 0)
        return read_log(params, message, ret_why);
    if (worker)
        return read_worker(method, params, message, ret_why);
    message->kind = HANDLER_UNKNOWN;
    return 0;
}

static int read_message(struct slice line, bool worker, struct handler_message *message,
                        const char **ret_why)
{
    const json_t *tree = message->tree;
    const char *version = text_of(tree, "jsonrpc");
    const json_t *id = json_object_get(tree, "id");
    const json_t *error = json_object_get(tree, "error");
    const char *method = text_of(tree, "method");

    if (!version || strcmp(version, "2.0") != 0)
        return refuse(ret_why, "JSON that is no JSON-RPC 2.0 message");
    if (method && !id)
        return read_notification(line, method, message, worker, ret_why);
    if (method)
        return refuse(ret_why, "a request, and the daemon takes none");
    if (!id || read_id(id, &message->id) < 0)
        return refuse(ret_why, "an answer without the `id` of its request");
    if (error && !json_object_get(tree, "result")) {
        int r = read_error(line, error, message, ret_why);

        if (r == 0 && worker)
            unwrap_error(error, message);
        return r;
    }
    if (error || !json_text_member(line, "result", &message->value))
        return refuse(ret_why, "an answer without either `result` or `error`");
    message->kind = HANDLER_RESULT;
    return 0;
}

int handler_message_parse(const char *line, size_t size, const struct handler_bounds *bounds,
                          struct handler_message *ret_message, const char **ret_why)
{
    struct handler_message message = {0};
    int r = parse_tree(line, size, bounds, &message.tree, ret_why);

    if (r < 0)
        return r;
    r = read_message((struct slice){line, size}, bounds->worker, &message, ret_why);
    if (r < 0) {
        handler_message_clear(&message);
        return r;
    }
    *ret_message = message;
    return 0;
}

void handler_message_clear(struct handler_message *message)
{
    json_decref(message->tree);
    free(message->decoded);
    *message = (struct handler_message){0};
}

void handler_message_request(struct writer *writer, uint64_t id, const char *method,
                             struct slice params)
{
    size_t start;

    writer_begin_object(writer);
    writer_key(writer, "jsonrpc");
    writer_cstring(writer, "2.0");
    writer_key(writer, "id");
    writer_uint(writer, id);
    writer_key(writer, "method");
    writer_cstring(writer, method);
    writer_key(writer, "params");
    start = writer->size;
    writer_json(writer, params.text, params.size);
    /* In JSON text a line feed can only be white space: inside of a string it is escaped. */
    for (size_t i = start; !writer_failed(writer) && i < writer->size; i++) {
        if (writer->data[i] == '\n')
            writer->data[i] = ' ';
    }
    writer_end_object(writer);
    writer_raw(writer, "\n", 1);
}

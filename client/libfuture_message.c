#include "client/libfuture_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void future_message_free(struct future_message *message)
{
    struct future_queued *queued = (struct future_queued *)message;

    if (!queued)
        return;
    json_decref(queued->tree);
    free(queued->text);
    free(queued);
}

static int read_error(struct future_message *message, const json_t *error)
{
    const json_t *code = json_object_get(error, "code");
    const json_t *text = json_object_get(error, "message");

    if (!json_is_integer(code) || !json_is_string(text))
        return -EBADMSG;
    message->kind = FUTURE_ERROR;
    message->error.code = (int)json_integer_value(code);
    message->error.message = json_string_value(text);
    message->error.data = json_object_get(error, "data");
    return 0;
}

static int read_envelope(struct future_message *message, const json_t *tree)
{
    const json_t *method = json_object_get(tree, "method");
    const json_t *id = json_object_get(tree, "id");
    const json_t *error = json_object_get(tree, "error");

    if (json_is_string(method)) {
        message->kind = FUTURE_NOTIFICATION;
        message->method = json_string_value(method);
        message->params = json_object_get(tree, "params");
        return 0;
    }
    if (json_is_integer(id) && json_integer_value(id) > 0)
        message->request_id = (uint64_t)json_integer_value(id);
    else if (!json_is_null(id) || !error)
        return -EBADMSG;
    if (error)
        return read_error(message, error);
    message->kind = FUTURE_REPLY;
    message->result = json_object_get(tree, "result");
    return message->result ? 0 : -EBADMSG;
}

/* Tells a line that is no JSON from memory that ran out. */
static int json_failure(const json_error_t *error)
{
    return json_error_code(error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
}

int future_message_parse(const char *line, size_t size, struct future_queued **ret_queued)
{
    struct future_queued *queued = calloc(1, sizeof(*queued));
    json_error_t error;
    int r = -ENOMEM;

    if (!queued)
        return -ENOMEM;
    queued->text = malloc(size + 1);
    if (!queued->text)
        goto fail;
    memcpy(queued->text, line, size);
    queued->text[size] = '\0';
    queued->message.text = queued->text;
    queued->message.text_size = size;
    /* What a job printed may hold NUL characters. */
    queued->tree = json_loadb(line, size, JSON_ALLOW_NUL, &error);
    if (!queued->tree) {
        r = json_failure(&error);
        goto fail;
    }
    r = read_envelope(&queued->message, queued->tree);
    if (r < 0)
        goto fail;
    *ret_queued = queued;
    return 0;
fail:
    future_message_free(&queued->message);
    return r;
}

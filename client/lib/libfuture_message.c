#include "client/lib/libfuture_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A call's id is a string: "c17". */
enum { CALL_ID_MARK = 'c' };

struct future_message *future_message_share(const struct future_message *message)
{
    struct future_queued *queued = (struct future_queued *)(uintptr_t)message;

    atomic_fetch_add_explicit(&queued->references, 1, memory_order_relaxed);
    return &queued->message;
}

void future_message_free(struct future_message *message)
{
    struct future_queued *queued = (struct future_queued *)message;

    if (!queued || atomic_fetch_sub_explicit(&queued->references, 1, memory_order_acq_rel) > 1)
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

static int read_id(struct future_queued *queued, const json_t *id)
{
    const char *text = json_string_value(id);
    char *end;

    if (json_is_integer(id) && json_integer_value(id) > 0) {
        queued->message.request_id = (uint64_t)json_integer_value(id);
        return 0;
    }
    if (!text || text[0] != CALL_ID_MARK || text[1] < '1' || text[1] > '9')
        return -EBADMSG;
    errno = 0;
    queued->message.request_id = strtoull(text + 1, &end, 10);
    queued->is_call = true;
    return *end == '\0' && errno == 0 ? 0 : -EBADMSG;
}

static int read_envelope(struct future_queued *queued)
{
    struct future_message *message = &queued->message;
    const json_t *method = json_object_get(queued->tree, "method");
    const json_t *id = json_object_get(queued->tree, "id");
    const json_t *error = json_object_get(queued->tree, "error");

    if (json_is_string(method)) {
        message->kind = FUTURE_NOTIFICATION;
        message->method = json_string_value(method);
        message->params = json_object_get(queued->tree, "params");
        return 0;
    }
    /* What the daemon could not read it answers without an id. */
    if (!(json_is_null(id) && error) && read_id(queued, id) < 0)
        return -EBADMSG;
    if (error)
        return read_error(message, error);
    message->kind = FUTURE_REPLY;
    message->result = json_object_get(queued->tree, "result");
    return message->result ? 0 : -EBADMSG;
}

/* jansson does not notice when the buffer for its longest token cannot grow: so there must be room
 * for it before. */
static bool parser_has_room(size_t line_size)
{
    void *room = line_size < SIZE_MAX / 4 ? malloc(2 * line_size + 4096) : NULL;

    free(room);
    return room != NULL;
}

/* What a job printed may hold NUL characters. */
static int parse_tree(const char *line, size_t size, json_t **ret_tree)
{
    json_error_t error = {.text = ""};

    if (!parser_has_room(size))
        return -ENOMEM;
    *ret_tree = json_loadb(line, size, JSON_ALLOW_NUL, &error);
    if (*ret_tree)
        return 0;
    /* No memory for a value is a failure without words. */
    return error.text[0] == '\0' || json_error_code(&error) == json_error_out_of_memory ? -ENOMEM
                                                                                        : -EBADMSG;
}

int future_message_parse(const char *line, size_t size, struct future_queued **ret_queued)
{
    struct future_queued *queued = calloc(1, sizeof(*queued));
    int r = -ENOMEM;

    if (!queued)
        return -ENOMEM;
    atomic_init(&queued->references, 1);
    queued->text = malloc(size + 1);
    if (!queued->text)
        goto fail;
    memcpy(queued->text, line, size);
    queued->text[size] = '\0';
    queued->message.text = queued->text;
    queued->message.text_size = size;
    r = parse_tree(line, size, &queued->tree);
    if (r < 0)
        goto fail;
    r = read_envelope(queued);
    if (r < 0)
        goto fail;
    *ret_queued = queued;
    return 0;
fail:
    future_message_free(&queued->message);
    return r;
}

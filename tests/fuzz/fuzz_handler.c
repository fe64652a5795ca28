/* layers: run proto core base */
/* What a handler's process, or a worker elsewhere, may write to its stdout: each line is no message
 * and the reason is said, or it is one, and an outcome can be made of it that the wire can carry.
 * And what a worker reads from its daemon. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "daemon/core/outcome.h"
#include "daemon/run/handler_message.h"
#include "daemon/run/handler_result.h"
#include "daemon/run/remote_message.h"
#include "proto/frame.h"
#include "proto/text.h"
#include "tests/fuzz/fuzz.h"

static void check_json(const char *text, size_t size)
{
    json_error_t error;
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    MUST(value);
    json_decref(value);
}

static void check_answer(const struct handler_message *message)
{
    struct outcome outcome = {.kind = OUTCOME_NONE};

    handler_result_answer(&outcome, message);
    MUST(outcome.kind == (message->kind == HANDLER_RESULT ? OUTCOME_RESULT : OUTCOME_EXCEPTION));
    if (outcome.json)
        check_json(outcome.json, outcome.json_bytes);
    if (outcome.kind == OUTCOME_EXCEPTION) {
        MUST(utf8_valid(outcome_type(&outcome), strlen(outcome_type(&outcome))));
        MUST(utf8_valid(outcome_message(&outcome), strlen(outcome_message(&outcome))));
    }
    outcome_clear(&outcome);
}

static bool lies_in(struct slice value, const char *line, size_t size)
{
    return value.text >= line && value.text + value.size <= line + size;
}

static void check_request(const char *line, size_t size)
{
    struct remote_request request;
    const char *why = NULL;
    int r = remote_request_read(line, size, &request, &why);

    if (r < 0) {
        MUST(r == -EBADMSG && why);
        return;
    }
    if (request.kind == REMOTE_CALL) {
        MUST(request.call.fn);
        MUST(request.call.args.size == 0 || lies_in(request.call.args, line, size));
        MUST(!request.call.item.text || lies_in(request.call.item, line, size));
    }
    remote_request_clear(&request);
}

static void check_message(const char *line, size_t size, bool worker)
{
    const struct handler_bounds bounds = {
        .line_bytes = 1000, .depth = 8, .values = 100, .worker = worker};
    struct handler_message message;
    const char *why = NULL;
    int r = handler_message_parse(line, size, &bounds, &message, &why);

    if (r < 0) {
        MUST(r == -EBADMSG && why);
        return;
    }
    if (message.value.size > 0) {
        MUST(worker || lies_in(message.value, line, size));
        check_json(message.value.text, message.value.size);
    }
    switch (message.kind) {
    case HANDLER_RESULT:
        MUST(message.value.size > 0);
        check_answer(&message);
        break;
    case HANDLER_ERROR:
        MUST(message.type && message.text);
        check_answer(&message);
        break;
    case HANDLER_PROGRESS:
        MUST(message.value.size > 0);
        break;
    case HANDLER_LOG:
        MUST(message.text && message.level <= LOG_LEVEL_DEBUG);
        break;
    case HANDLER_OUTPUT:
        MUST(worker && message.data);
        break;
    case HANDLER_PID:
    case HANDLER_ALIVE:
        MUST(worker);
        break;
    case HANDLER_UNKNOWN:
        break;
    }
    handler_message_clear(&message);
}

static void check_line(const char *line, size_t size)
{
    check_message(line, size, false);
    check_message(line, size, true);
    check_request(line, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame *frame = frame_new(1000);
    char *line;
    size_t room;

    MUST(frame && frame_room(frame, size, &line, &room) == 0);
    memcpy(line, data, size);
    frame_added(frame, size);
    while (frame_next(frame, &line, &size) == 1)
        check_line(line, size);
    frame_rest(frame, &line, &size);
    if (size > 0)
        check_line(line, size);
    frame_free(frame);
    return 0;
}

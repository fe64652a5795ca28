/* layers: rpc run store core proto base */
/* extra: tests/support/served.c */
/* Two clients of the service, with the executor and its threads behind it: from bytes to replies. A
 * line that begins with a tab is the second client's, one that begins with a space is followed by
 * the next before the jobs have had their turn. Each message sent must be one line of JSON. */
#include <jansson.h>
#include <string.h>

#include "daemon/core/executor.h"
#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/served.h"

/* Low enough to be met by short inputs, and by few threads. */
static struct limits small_limits(void)
{
    struct limits limits;

    limits_set_defaults(&limits);
    limits.line_bytes = 2000;
    limits.depth = 8;
    limits.values = 200;
    limits.batch = 8;
    limits.requests_in_flight = 12;
    limits.subscriptions = 4;
    limits.workers = 3;
    limits.pools = 3;
    limits.pending = 40;
    limits.pending_per_uid = 30;
    limits.map_items = 20;
    limits.map_window = 4;
    limits.result_bytes = 1000;
    limits.output_chunk_bytes = 16;
    limits.retention_count = 20;
    limits.status_limit = 10;
    return limits;
}

static void check_message(const char *text, size_t size)
{
    json_error_t error;
    json_t *message = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    const json_t *first = json_is_array(message) ? json_array_get(message, 0) : message;
    const char *version = json_string_value(json_object_get(first, "jsonrpc"));

    if (!version || strcmp(version, "2.0") != 0)
        fprintf(stderr, "sent: %.*s\n", (int)size, text);
    MUST(version && strcmp(version, "2.0") == 0);
    json_decref(message);
}

static void check_sent(struct served_client *client)
{
    const char *line = client->text, *end = line + client->size;

    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));

        MUST(stop);
        check_message(line, (size_t)(stop - line));
        line = stop + 1;
    }
    served_forget(client);
}

static void pass_line(struct served *served, const char *line, size_t size)
{
    bool users = size > 0 && line[0] == '\t';

    served_line(users ? &served->user : &served->admin, line, size);
    if (size == 0 || line[0] != ' ')
        served_settle(served);
    check_sent(&served->admin);
    check_sent(&served->user);
}

static void pass_stream(struct served *served, const uint8_t *data, size_t size)
{
    struct frame *frame = frame_new(served->limits.line_bytes);
    char *text;
    size_t room;

    MUST(frame && frame_room(frame, size, &text, &room) == 0);
    memcpy(text, data, size);
    frame_added(frame, size);
    while (frame_next(frame, &text, &size) == 1)
        pass_line(served, text, size);
    frame_rest(frame, &text, &size);
    served_fragment(&served->admin, text, size);
    frame_free(frame);
}

/* No job may outlive this, and nobody who waits may be forgotten. */
static void end_all(struct served *served)
{
    struct stop_request stop = {.cause = STOP_SHUTDOWN};
    static const char resume[] = "{\"jsonrpc\":\"2.0\",\"method\":\"pool.resume\",\"params\":{"
                                 "\"pool\":\"default\"}}";

    served_line(&served->admin, resume, sizeof(resume) - 1);
    executor_shut_down(served->executor, true, true);
    while (!executor_is_drained(served->executor)) {
        executor_stop_all(served->executor, &stop);
        served_turn(served);
    }
    check_sent(&served->admin);
    check_sent(&served->user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct limits limits = small_limits();
    struct served *served = served_new(&limits);

    pass_stream(served, data, size);
    end_all(served);
    served_free(served);
    return 0;
}

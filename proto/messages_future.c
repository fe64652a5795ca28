#include "proto/messages.h"

#include <errno.h>
#include <string.h>

static const char *const state_names[STATE_COUNT] = {
    [STATE_PENDING] = "PENDING",
    [STATE_RUNNING] = "RUNNING",
    [STATE_CANCELLED] = "CANCELLED",
    [STATE_FINISHED] = "FINISHED",
};

const char *state_name(unsigned state)
{
    return state < STATE_COUNT ? state_names[state] : "UNKNOWN";
}

int state_parse(const char *name, unsigned *ret_state)
{
    for (unsigned i = 0; i < STATE_COUNT; i++) {
        if (strcmp(state_names[i], name) == 0) {
            *ret_state = i;
            return 0;
        }
    }
    return -EINVAL;
}

/* A member of a fixed shape, with the punctuation before it. `status` and notifications write
 * hundreds of thousands of these objects, so nothing is put together that is known beforehand. */
#define KEY(writer, literal) put_key(writer, literal, sizeof(literal) - 1)

static void put_key(struct writer *writer, const char *literal, size_t size)
{
    writer_raw(writer, literal, size);
    writer->comma = false;
}

static void write_map(struct writer *writer, const struct future_msg *future)
{
    KEY(writer, ",\"map\":{\"first\":");
    writer_uint(writer, future->map_first);
    KEY(writer, ",\"count\":");
    writer_uint(writer, future->map_count);
    KEY(writer, ",\"pending\":");
    writer_uint(writer, future->map_pending);
    KEY(writer, ",\"running\":");
    writer_uint(writer, future->map_running);
    KEY(writer, ",\"finished\":");
    writer_uint(writer, future->map_finished);
    KEY(writer, ",\"cancelled\":");
    writer_uint(writer, future->map_cancelled);
    KEY(writer, ",\"failed\":");
    writer_uint(writer, future->map_failed);
    KEY(writer, ",\"open\":");
    writer_bool(writer, future->map_open);
    writer_end_object(writer);
}

void future_msg_write(struct writer *writer, const struct future_msg *future)
{
    writer_begin_object(writer);
    KEY(writer, "\"id\":");
    writer_uint(writer, future->id);
    KEY(writer, ",\"state\":");
    writer_cstring(writer, state_name(future->state));
    KEY(writer, ",\"fn\":");
    writer_cstring(writer, future->fn);
    KEY(writer, ",\"pool\":");
    writer_cstring(writer, future->pool);
    KEY(writer, ",\"label\":");
    writer_cstring(writer, future->label);
    KEY(writer, ",\"priority\":");
    writer_int(writer, future->priority);
    KEY(writer, ",\"attempt\":");
    writer_uint(writer, future->attempt);
    KEY(writer, ",\"submitted\":");
    writer_time(writer, future->submitted_us);
    KEY(writer, ",\"started\":");
    writer_time(writer, future->started_us);
    KEY(writer, ",\"finished\":");
    writer_time(writer, future->finished_us);
    KEY(writer, ",\"uid\":");
    writer_uint(writer, future->uid);
    KEY(writer, ",\"waiting\":");
    writer_cstring(writer, future->waiting);
    if (future->deadlocked)
        KEY(writer, ",\"deadlock\":true");
    if (future->has_failed) {
        KEY(writer, ",\"failed\":");
        writer_bool(writer, future->failed);
    }
    if (future->is_map)
        write_map(writer, future);
    if (future->is_item) {
        KEY(writer, ",\"item_of\":");
        writer_uint(writer, future->item_of);
        KEY(writer, ",\"index\":");
        writer_uint(writer, future->item_index);
    }
    if (future->worker) {
        KEY(writer, ",\"worker\":");
        writer_cstring(writer, future->worker);
    }
    if (future->host) {
        KEY(writer, ",\"host\":");
        writer_cstring(writer, future->host);
    }
    if (future->exit_code.size > 0) {
        KEY(writer, ",\"exit_code\":");
        writer_json(writer, future->exit_code.text, future->exit_code.size);
        KEY(writer, ",\"signal\":");
        writer_json(writer, future->signal.text, future->signal.size);
        KEY(writer, ",\"rusage\":");
        writer_json(writer, future->rusage.text, future->rusage.size);
    }
    writer_end_object(writer);
}

/* A future with everything that is known of it, as dump shows it. */
#include <stdio.h>
#include <string.h>

#include "daemon/rpc/rpc_impl.h"

static void show_retry(struct writer *writer, const struct future_submitted *submitted)
{
    char backoff[32];
    writer_key(writer, "retry");
    if (submitted->retry_max == 0) {
        writer_null(writer);
        return;
    }
    writer_begin_object(writer);
    writer_key(writer, "max");
    writer_uint(writer, submitted->retry_max);
    writer_key(writer, "delay");
    writer_seconds(writer, (int64_t)(submitted->retry_delay_ns / 1000));
    writer_key(writer, "backoff");
    snprintf(backoff, sizeof(backoff), "%.17g", submitted->retry_backoff);
    writer_json(writer, backoff, strlen(backoff));
    writer_end_object(writer);
}

static void show_key(struct writer *writer, const struct future_submitted *submitted)
{
    writer_key(writer, "key");
    if (submitted->key)
        writer_cstring(writer, submitted->key);
    else
        writer_null(writer);
}

/* What an item shares with its map stands with the map alone. */
static void show_submitted(struct writer *writer, const struct future_submitted *submitted)
{
    writer_key(writer, "args");
    writer_json(writer, submitted->text, submitted->text_bytes);
    show_key(writer, submitted);
    writer_key(writer, "timeout");
    if (submitted->timeout_ns > 0)
        writer_seconds(writer, (int64_t)(submitted->timeout_ns / 1000));
    else
        writer_null(writer);
    show_retry(writer, submitted);
    writer_key(writer, "on_crash");
    writer_cstring(writer, submitted->rerun_on_crash ? "rerun" : "fail");
    writer_key(writer, "scope");
    writer_cstring(writer, submitted->scoped ? "connection" : "daemon");
    writer_key(writer, "durability");
    writer_cstring(writer, submitted->durability);
}

void show_future_dump(struct writer *writer, const struct future *future)
{
    struct future_submitted submitted;
    future_describe_submitted(future, &submitted);
    show_future_whole(writer, future, false);
    if (writer_failed(writer))
        return;
    /* Goes on inside the object that was just ended. */
    writer->size--;
    if (future_is_item(future)) {
        writer_key(writer, "item");
        writer_json(writer, submitted.text, submitted.text_bytes);
    } else {
        show_submitted(writer, &submitted);
    }
    /* The result of a map is that of its items, which follow. */
    if (!future_is_map(future) || future_outcome(future)->kind == OUTCOME_EXCEPTION)
        (void)show_outcome(writer, future, UINT64_MAX);
    writer_end_object(writer);
}

/* subscribe, unsubscribe, and what they bring. */
#include "client/lib/libfuture_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What future_event_free frees; `event` is the first member. */
struct event_box {
    struct future_event event;
    struct future_info info;
    struct future_map_info map;
    void *decoded;
    struct future_message *message;
};

void future_event_free(struct future_event *event)
{
    struct event_box *box = (struct event_box *)event;

    if (!box)
        return;
    free(box->decoded);
    future_message_free(box->message);
    free(box);
}

static const struct {
    enum future_event_kind kind;
    const char *word;   /* in `events` */
    const char *method; /* of the notification */
} kinds[] = {
    {FUTURE_DONE, "done", "future.done"},
    {FUTURE_STARTED, "running", "future.running"},
    {FUTURE_OUTPUT, "output", "future.output"},
    {FUTURE_PROGRESS, "progress", "future.progress"},
};
enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

static bool read_kind(const char *method, enum future_event_kind *ret_kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(method, kinds[i].method) == 0) {
            *ret_kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

/* ---- events ---- */

static int read_future(const json_t *params, struct event_box *box)
{
    int r = info_read(json_object_get(params, "future"), &box->info, &box->map);

    if (r < 0 || !read_uint(params, "cursor", &box->event.cursor))
        return -EBADMSG;
    box->event.id = box->info.id;
    box->event.info = &box->info;
    return 0;
}

static int read_output(const json_t *params, struct event_box *box)
{
    const char *stream = read_string(params, "stream");
    struct future_event *event = &box->event;

    if (!stream || !read_uint(params, "id", &event->id) ||
        !read_uint(params, "offset", &event->offset))
        return -EBADMSG;
    event->stream = strcmp(stream, "stderr") == 0 ? FUTURE_STDERR : FUTURE_STDOUT;
    return read_bytes(params, "data", "data_base64", &event->bytes, &box->decoded);
}

static int read_event(const struct future_message *message, struct event_box *box)
{
    struct future_event *event = &box->event;

    event->bytes.data = "";
    if (!read_kind(message->method, &event->kind) ||
        !read_uint(message->params, "subscription", &event->subscription))
        return -EBADMSG;
    switch (event->kind) {
    case FUTURE_DONE:
    case FUTURE_STARTED:
        return read_future(message->params, box);
    case FUTURE_OUTPUT:
        return read_output(message->params, box);
    case FUTURE_PROGRESS:
        event->value = json_object_get(message->params, "value");
        return read_uint(message->params, "id", &event->id) ? 0 : -EBADMSG;
    }
    return -EBADMSG;
}

int future_read_event(const struct future_message *message, struct future_event **ret_event)
{
    struct event_box *box;
    int r;

    if (message->kind == FUTURE_ERROR)
        return reply_check(message);
    if (message->kind != FUTURE_NOTIFICATION)
        return -EBADMSG;
    box = calloc(1, sizeof(*box));
    if (!box)
        return -ENOMEM;
    box->message = future_message_share(message);
    r = read_event(message, box);
    if (r < 0) {
        future_event_free(&box->event);
        return r;
    }
    *ret_event = &box->event;
    return 0;
}

/* ---- subscriptions ---- */

static void put_events(struct call_params *params, unsigned events)
{
    unsigned left = events;

    put_name(params, "events");
    writer_begin_array(&params->text);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (events & kinds[i].kind)
            writer_cstring(&params->text, kinds[i].word);
        left &= ~(unsigned)kinds[i].kind;
    }
    writer_end_array(&params->text);
    if (left)
        put_failure(params, FUTURE_BAD_ARGUMENT, "events");
}

static void put_subscription(struct call_params *params, const struct future_subscription *given)
{
    struct future_subscription subscription;

    take_structure(params, "subscription", given, &subscription, sizeof(subscription));
    if (params->failure < 0)
        return;
    if (subscription.span_count > 0) {
        put_ids(params, subscription.spans, subscription.span_count);
    } else {
        put_flag(params, "all", true);
        put_string(params, "pool", subscription.pool);
        put_string(params, "label", subscription.label);
    }
    if (subscription.events != 0)
        put_events(params, subscription.events);
    if (subscription.has_since)
        put_uint(params, "since", subscription.since);
}

int future_read_subscribed(const struct future_message *message, uint64_t *ret_number)
{
    uint64_t number;
    int r = reply_check(message);

    if (r < 0)
        return r;
    if (!read_uint(message->result, "subscription", &number))
        return -EBADMSG;
    if (ret_number)
        *ret_number = number;
    return 0;
}

int future_subscribe(struct future_client *client, const struct future_subscription *subscription,
                     int64_t timeout_ms, uint64_t *ret_number)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_subscription(&params, subscription);
    r = call_with(client, "subscribe", &params, timeout_ms, &reply);
    if (r == 0)
        r = future_read_subscribed(reply, ret_number);
    return client_end(client, r, &params, reply);
}

int future_send_subscribe(struct future_client *client,
                          const struct future_subscription *subscription, uint64_t *ret_request_id)
{
    struct call_params params = {0};

    put_subscription(&params, subscription);
    return send_with(client, "subscribe", &params, ret_request_id);
}

int future_unsubscribe(struct future_client *client, uint64_t number, int64_t timeout_ms)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_uint(&params, "subscription", number);
    r = call_with(client, "unsubscribe", &params, timeout_ms, &reply);
    if (r == 0)
        r = reply_check(reply);
    return client_end(client, r, &params, reply);
}

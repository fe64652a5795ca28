/* Futures in the order in which they are done: a subscription of its own, whose notifications are
 * kept apart from the client's other messages. */
#include "client/lib/libfuture_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct future_completed {
    struct future_client *client; /* NULL: it is closed */
    uint64_t subscription;
    uint64_t left;
    /* Freed by the caller, and kept until the daemon has answered this `unsubscribe`: its
     * notifications are nobody's. 0: without memory to ask for that, until the client is closed. */
    bool freed;
    uint64_t unsubscribe_call;
    /* Of one that was given up before the daemon had answered its `subscribe`; else 0. */
    uint64_t subscribe_call;
    struct future_queue queue;
    TAILQ_ENTRY(future_completed) link;
};

static void drop_queue(struct future_completed *completed)
{
    struct future_queued *queued;

    while ((queued = TAILQ_FIRST(&completed->queue))) {
        TAILQ_REMOVE(&completed->queue, queued, link);
        future_message_free(&queued->message);
    }
}

/* ---- messages ---- */

/* Asks the daemon to tell no more, without waiting for the answer. */
static void send_unsubscribe(struct future_completed *completed)
{
    struct future_client *client = completed->client;
    uint64_t id = client->last_call_id + 1;
    char params[48];

    snprintf(params, sizeof(params), "{\"subscription\":%llu}",
             (unsigned long long)completed->subscription);
    if (client_add_request(client, true, id, "unsubscribe", params) < 0)
        return;
    client->last_call_id = completed->unsubscribe_call = id;
}

static void remove_freed(struct future_completed *completed)
{
    TAILQ_REMOVE(&completed->client->completed, completed, link);
    free(completed);
}

/* An answer about a future_completed that was freed. */
static bool accept_answer(struct future_client *client, const struct future_queued *queued)
{
    struct future_completed *completed;
    uint64_t call = queued->message.request_id;

    TAILQ_FOREACH (completed, &client->completed, link) {
        if (!completed->freed)
            continue;
        if (completed->subscribe_call == call) {
            completed->subscribe_call = 0;
            if (future_read_subscribed(&queued->message, &completed->subscription) == 0)
                send_unsubscribe(completed);
            else
                remove_freed(completed);
            return true;
        }
        if (completed->unsubscribe_call == call) {
            remove_freed(completed);
            return true;
        }
    }
    return false;
}

static struct future_completed *find_subscription(const struct future_client *client,
                                                  uint64_t subscription)
{
    struct future_completed *completed;

    TAILQ_FOREACH (completed, &client->completed, link)
        if (completed->subscription == subscription)
            return completed;
    return NULL;
}

bool completed_accept(struct future_client *client, struct future_queued *queued)
{
    struct future_completed *completed;
    uint64_t subscription;

    if (queued->is_call) {
        if (!accept_answer(client, queued))
            return false;
        future_message_free(&queued->message);
        return true;
    }
    if (queued->message.kind != FUTURE_NOTIFICATION ||
        !read_uint(queued->message.params, "subscription", &subscription))
        return false;
    completed = find_subscription(client, subscription);
    if (!completed)
        return false;
    if (completed->freed || strcmp(queued->message.method, "future.done") != 0)
        future_message_free(&queued->message);
    else
        TAILQ_INSERT_TAIL(&completed->queue, queued, link);
    return true;
}

void completed_detach_all(struct future_client *client)
{
    struct future_completed *completed;

    while ((completed = TAILQ_FIRST(&client->completed))) {
        TAILQ_REMOVE(&client->completed, completed, link);
        completed->client = NULL;
        if (completed->freed)
            free(completed);
    }
}

/* ---- the iterator ---- */

static int read_subscribed(const struct future_message *reply, struct future_completed *completed)
{
    int r = future_read_subscribed(reply, &completed->subscription);

    if (r < 0)
        return r;
    return read_uint(reply->result, "count", &completed->left) ? 0 : FUTURE_BAD_PROTOCOL;
}

int future_as_completed(struct future_client *client, const struct future_span *spans,
                        size_t span_count, int64_t timeout_ms,
                        struct future_completed **ret_completed)
{
    struct future_completed *completed = calloc(1, sizeof(*completed));
    struct call_params params = {0};
    struct future_message *reply = NULL;
    uint64_t last_call = client->last_call_id;
    bool answered;
    int r;

    if (!completed)
        return client_fail(client, FUTURE_NO_MEMORY, NULL);
    TAILQ_INIT(&completed->queue);
    completed->client = client;
    put_ids(&params, spans, span_count);
    r = call_with(client, "subscribe", &params, timeout_ms, &reply);
    answered = reply || client->last_call_id == last_call;
    if (reply)
        r = read_subscribed(reply, completed);
    r = client_end(client, r, &params, reply);
    if (r < 0 && answered) {
        free(completed);
        return r;
    }
    TAILQ_INSERT_TAIL(&client->completed, completed, link);
    if (r < 0) {
        completed->freed = true;
        completed->subscribe_call = client->last_call_id;
        return r;
    }
    *ret_completed = completed;
    return 0;
}

/* Waits until the queue holds something. */
static int fill_queue(struct future_completed *completed, int64_t timeout_ms)
{
    struct deadline deadline = deadline_after(timeout_ms);
    struct future_client *client = completed->client;

    while (TAILQ_EMPTY(&completed->queue)) {
        struct future_queued *queued;
        int r = client ? client_take(client, &deadline, &queued) : FUTURE_DISCONNECTED;

        if (r < 0)
            return client ? client_fail(client, r, NULL) : r;
        if (r > 0)
            TAILQ_INSERT_TAIL(&client->queue, queued, link);
    }
    return 0;
}

int future_completed_next(struct future_completed *completed, int64_t timeout_ms,
                          struct future_info **ret_info)
{
    struct future_queued *queued;
    int r;

    if (completed->left == 0)
        return 0;
    r = fill_queue(completed, timeout_ms);
    if (r < 0)
        return r;
    queued = TAILQ_FIRST(&completed->queue);
    r = info_new(json_object_get(queued->message.params, "future"), &queued->message, ret_info);
    if (r < 0)
        return completed->client ? client_fail(completed->client, r, NULL) : r;
    TAILQ_REMOVE(&completed->queue, queued, link);
    future_message_free(&queued->message);
    completed->left--;
    return 1;
}

uint64_t future_completed_left(const struct future_completed *completed)
{
    return completed->left;
}

void future_completed_free(struct future_completed *completed)
{
    if (!completed)
        return;
    drop_queue(completed);
    if (!completed->client) {
        free(completed);
        return;
    }
    completed->freed = true;
    send_unsubscribe(completed);
}

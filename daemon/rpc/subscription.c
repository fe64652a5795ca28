/* Subscriptions: who is told of what. One of named futures puts a watch on each; one of all is in
 * the service's list, and only its `output` needs watches, on what runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/container.h"
#include "daemon/base/log.h"
#include "daemon/core/output.h"
#include "daemon/rpc/rpc_impl.h"
#include "proto/text.h"

/* One future of one subscription. */
struct subscribed {
    LIST_ENTRY(subscribed) link;
    struct future_watch watch;
    struct subscription *subscription;
    uint64_t offsets[OUTPUT_STREAMS]; /* output told so far */
};

struct subscription {
    TAILQ_ENTRY(subscription) all_link; /* in the service's list, where `all` */
    LIST_ENTRY(subscription) link;      /* in its session's list */
    struct session *session;
    uint64_t id;
    unsigned events; /* bits of enum event_kind */
    bool all;
    bool replaying;     /* of all: what was done after `told` is on its way from the store */
    uint64_t told;      /* a cursor */
    char *pool, *label; /* with `all`; NULL: any */
    uint64_t item_of;   /* with `all`; 0: any */
    LIST_HEAD(, subscribed) futures;
    struct replayed *done; /* before the subscription started; malloc'd */
    size_t done_count;
};

struct replayed {
    uint64_t cursor, id;
};

/* ---- telling ---- */

static void tell(struct subscription *subscription, const char *method, const struct future *future,
                 const struct writer *members)
{
    session_notify(subscription->session, method, subscription->id, future_id(future), members);
}

/* `"cursor":N,"future":{..}`, written once for everybody who is told of this transition. */
static const struct writer *event_text(struct service *service, const struct future *future)
{
    struct writer *text = &service->event_text;
    if (service->event_cursor != future_cursor(future) || text->size == 0) {
        writer_reset(text);
        writer_key(text, "cursor");
        writer_uint(text, future_cursor(future));
        writer_key(text, "future");
        show_future(text, future);
        service->event_cursor = future_cursor(future);
    }
    return text;
}

static void tell_future(struct subscription *subscription, const char *method,
                        const struct future *future)
{
    tell(subscription, method, future, event_text(subscription->session->service, future));
}

/* What an event says beside its own: the future as in the others, and its id at hand. */
static void begin_members(struct writer *members, const struct subscription *subscription,
                          const struct future *future)
{
    const struct writer *text = event_text(subscription->session->service, future);
    writer_raw(members, text->data, text->size);
    members->comma = true;
    writer_key(members, "id");
    writer_uint(members, future_id(future));
}

static void tell_progress(struct subscription *subscription, const struct future *future)
{
    struct writer members = {.data = NULL};
    const char *progress = future_progress(future);
    begin_members(&members, subscription, future);
    writer_key(&members, "value");
    writer_json(&members, progress, strlen(progress));
    tell(subscription, "future.progress", future, &members);
    writer_free(&members);
}

/* Tells one piece of output from `offset`; returns how many bytes it told, 0: nothing is left. */
static size_t tell_chunk(struct subscribed *subscribed, struct future *future,
                         enum output_stream stream, bool last)
{
    char data[16384];
    uint64_t kept;
    bool ended;
    uint64_t offset = subscribed->offsets[stream];
    struct output *output = future_output(future);
    size_t size = output_read(output, stream, offset, data, sizeof(data), &kept, &ended);
    /* A character that is not complete waits for its rest, if there can be one. */
    bool more = offset + size < kept || !(last || ended);
    size_t whole = more ? utf8_cut(data, size) : size;
    if (whole > 0 || !more)
        size = whole;
    else if (offset + size >= kept)
        size = 0;
    if (size == 0)
        return 0;
    struct writer members = {.data = NULL};
    begin_members(&members, subscribed->subscription, future);
    writer_key(&members, "stream");
    writer_cstring(&members, stream == OUTPUT_STDOUT ? "stdout" : "stderr");
    writer_key(&members, "offset");
    writer_uint(&members, offset);
    show_bytes(&members, "data", data, size);
    tell(subscribed->subscription, "future.output", future, &members);
    writer_free(&members);
    subscribed->offsets[stream] = offset + size;
    return size;
}

static void tell_output(struct subscribed *subscribed, struct future *future, bool last)
{
    if (!(subscribed->subscription->events & EVENT_OUTPUT) || !future_output(future))
        return;
    for (unsigned stream = 0; stream < OUTPUT_STREAMS; stream++)
        while (tell_chunk(subscribed, future, (enum output_stream)stream, last) > 0)
            ;
}

/* ---- one future of a subscription ---- */

static void subscribed_free(struct subscribed *subscribed)
{
    future_watch_remove(&subscribed->watch);
    LIST_REMOVE(subscribed, link);
    free(subscribed);
}

static void on_future_event(struct future_watch *watch, struct future *future,
                            enum future_event event)
{
    struct subscribed *subscribed = CONTAINER_OF(watch, struct subscribed, watch);
    struct subscription *subscription = subscribed->subscription;
    switch (event) {
    case EVENT_FUTURE_RUNNING:
        if (!subscription->all && subscription->events & EVENT_RUNNING)
            tell_future(subscription, "future.running", future);
        /* A new attempt writes from the start. */
        memset(subscribed->offsets, 0, sizeof(subscribed->offsets));
        return;
    case EVENT_FUTURE_OUTPUT:
        tell_output(subscribed, future, false);
        return;
    case EVENT_FUTURE_PROGRESS:
        if (!subscription->all && subscription->events & EVENT_PROGRESS)
            tell_progress(subscription, future);
        return;
    case EVENT_FUTURE_DONE:
        /* One of all has told it from the service's list, in its turn. */
        if (!subscription->all) {
            tell_output(subscribed, future, true);
            if (subscription->events & EVENT_DONE)
                tell_future(subscription, "future.done", future);
        }
        subscribed_free(subscribed);
        session_check_idle(subscription->session);
        return;
    }
}

struct subscribed *subscribed_new(void)
{
    return calloc(1, sizeof(struct subscribed));
}

static void watch_with(struct subscription *subscription, struct future *future,
                       struct subscribed *subscribed)
{
    subscribed->subscription = subscription;
    LIST_INSERT_HEAD(&subscription->futures, subscribed, link);
    future_watch_add(future, &subscribed->watch, WATCH_NOTIFY, on_future_event);
    if (subscription->events & EVENT_OUTPUT)
        future_watch_output(future);
}

static int watch_future(struct subscription *subscription, struct future *future)
{
    struct subscribed *subscribed = subscribed_new();
    if (!subscribed)
        return -ENOMEM;
    watch_with(subscription, future, subscribed);
    return 0;
}

/* ---- all futures ---- */

static bool wants(const struct subscription *subscription, const struct future *future)
{
    const struct client *client = &subscription->session->client;
    return (client->sees_all || future_uid(future) == client->uid) &&
           (!subscription->pool || strcmp(subscription->pool, future_pool_name(future)) == 0) &&
           (!subscription->label || strcmp(subscription->label, future_label(future)) == 0) &&
           (subscription->item_of == 0 || subscription->item_of == future_item_of(future));
}

/* The watch of one of all on a future, NULL: it has none. */
static struct subscribed *watch_of(const struct subscription *subscription,
                                   const struct future *future)
{
    struct subscribed *subscribed;
    LIST_FOREACH (subscribed, &subscription->futures, link)
        if (subscribed->watch.future == future)
            return subscribed;
    return NULL;
}

void service_on_running(void *arg, struct future *future)
{
    struct service *service = arg;
    struct subscription *subscription;
    TAILQ_FOREACH (subscription, &service->all_subscriptions, all_link) {
        if (!wants(subscription, future))
            continue;
        if (subscription->events & EVENT_RUNNING)
            tell_future(subscription, "future.running", future);
        /* The watch stays from one attempt to the next. */
        if (subscription->events & EVENT_OUTPUT && !watch_of(subscription, future) &&
            watch_future(subscription, future) < 0)
            session_fail(subscription->session);
    }
}

void service_on_progress(void *arg, struct future *future)
{
    struct service *service = arg;
    struct subscription *subscription;
    TAILQ_FOREACH (subscription, &service->all_subscriptions, all_link)
        if (subscription->events & EVENT_PROGRESS && wants(subscription, future))
            tell_progress(subscription, future);
}

void service_on_done(void *arg, struct future *future)
{
    struct service *service = arg;
    struct subscription *subscription;
    TAILQ_FOREACH (subscription, &service->all_subscriptions, all_link) {
        if (!wants(subscription, future))
            continue;
        struct subscribed *subscribed;
        if (subscription->events & EVENT_OUTPUT && (subscribed = watch_of(subscription, future)))
            tell_output(subscribed, future, true);
        /* The replay comes to it in its turn. */
        if (subscription->events & EVENT_DONE && !subscription->replaying)
            tell_future(subscription, "future.done", future);
    }
}

/* ---- making and ending ---- */

static void count_running_wanted(struct subscription *subscription, bool add)
{
    struct service *service = subscription->session->service;
    if (!(subscription->events & (EVENT_RUNNING | EVENT_OUTPUT)))
        return;
    service->running_wanted += add ? 1 : UINT64_MAX;
    executor_want_running(service->executor, service->running_wanted > 0);
}

int subscription_new(struct session *session, unsigned events, struct subscription **ret)
{
    if (session->subscription_count >= session->service->limits->subscriptions)
        return -EMFILE;
    struct subscription *subscription = calloc(1, sizeof(*subscription));
    if (!subscription)
        return -ENOMEM;
    subscription->session = session;
    subscription->id = ++session->service->next_subscription;
    subscription->events = events;
    LIST_INIT(&subscription->futures);
    LIST_INSERT_HEAD(&session->subscriptions, subscription, link);
    session->subscription_count++;
    count_running_wanted(subscription, true);
    *ret = subscription;
    return 0;
}

static void begin_replay(struct subscription *subscription)
{
    subscription->replaying = true;
    session_replay_begin(subscription->session);
}

static void end_replay(struct subscription *subscription)
{
    struct session *session = subscription->session;
    executor_unload(session->service->executor, subscription);
    subscription->replaying = false;
    session_replay_end(session);
}

void subscription_free(struct subscription *subscription)
{
    struct session *session = subscription->session;
    struct subscribed *subscribed;
    if (subscription->replaying)
        end_replay(subscription);
    count_running_wanted(subscription, false);
    while ((subscribed = LIST_FIRST(&subscription->futures)))
        subscribed_free(subscribed);
    if (subscription->all)
        TAILQ_REMOVE(&session->service->all_subscriptions, subscription, all_link);
    if (session->own == subscription)
        session->own = NULL;
    LIST_REMOVE(subscription, link);
    session->subscription_count--;
    free(subscription->done);
    free(subscription->pool);
    free(subscription->label);
    free(subscription);
}

struct subscription *subscription_find(struct session *session, uint64_t id)
{
    struct subscription *subscription;
    LIST_FOREACH (subscription, &session->subscriptions, link)
        if (subscription->id == id)
            return subscription;
    return NULL;
}

uint64_t subscription_id(const struct subscription *subscription)
{
    return subscription->id;
}

int subscription_own(struct session *session, struct subscription **ret)
{
    int r = session->own ? 0 : subscription_new(session, EVENT_DONE, &session->own);
    if (r == 0)
        *ret = session->own;
    return r;
}

static int watch_running(struct subscription *subscription)
{
    struct session *session = subscription->session;
    struct executor *executor = session->service->executor;
    struct future *future = executor_find_above(executor, &session->client, 1);
    while (future) {
        if (future_state(future) == FUTURE_RUNNING && wants(subscription, future)) {
            int r = watch_future(subscription, future);
            if (r < 0)
                return r;
        }
        future = executor_find_above(executor, &session->client, future_id(future) + 1);
    }
    return 0;
}

int subscription_add_all(struct subscription *subscription, const char *pool, const char *label,
                         uint64_t item_of)
{
    if (pool && !(subscription->pool = strdup(pool)))
        return -ENOMEM;
    if (label && !(subscription->label = strdup(label)))
        return -ENOMEM;
    subscription->item_of = item_of;
    subscription->all = true;
    TAILQ_INSERT_TAIL(&subscription->session->service->all_subscriptions, subscription, all_link);
    return subscription->events & EVENT_OUTPUT ? watch_running(subscription) : 0;
}

int subscription_add(struct subscription *subscription, struct future *future)
{
    if (!future_is_done(future))
        return watch_future(subscription, future);
    size_t count = subscription->done_count;
    if ((count & (count - 1)) == 0) { /* full at each power of two */
        size_t capacity = count ? count * 2 : 1;
        struct replayed *grown = realloc(subscription->done, capacity * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        subscription->done = grown;
    }
    subscription->done[subscription->done_count++] =
        (struct replayed){.cursor = future_cursor(future), .id = future_id(future)};
    return 0;
}

/* ---- what is done already ---- */

static int by_cursor(const void *a, const void *b)
{
    const struct replayed *x = a, *y = b;
    return (x->cursor > y->cursor) - (x->cursor < y->cursor);
}

static void replay_one(struct subscription *subscription, struct future *future)
{
    if (subscription->events & EVENT_OUTPUT) {
        struct subscribed once = {.subscription = subscription};
        tell_output(&once, future, true);
    }
    if (subscription->events & EVENT_DONE)
        tell_future(subscription, "future.done", future);
}

void subscription_follow(struct subscription *subscription, struct future *future,
                         struct subscribed *room)
{
    if (!future_is_done(future)) {
        watch_with(subscription, future, room);
        return;
    }
    free(room);
    replay_one(subscription, future);
}

static void replay_named(struct subscription *subscription, uint64_t since)
{
    struct replayed *done = subscription->done;
    size_t count = subscription->done_count;
    subscription->done = NULL;
    subscription->done_count = 0;
    if (count > 0)
        qsort(done, count, sizeof(*done), by_cursor);
    for (size_t i = 0; i < count; i++) {
        struct future *future = session_future(subscription->session, done[i].id);
        if (future && done[i].cursor > since)
            replay_one(subscription, future);
    }
    free(done);
}

/* What those that run have written before the subscription: without this it would be told with the
 * next output, which may never come. */
static void tell_earlier_output(struct subscription *subscription)
{
    struct subscribed *subscribed;
    LIST_FOREACH (subscribed, &subscription->futures, link)
        tell_output(subscribed, subscribed->watch.future, false);
}

/* How many are brought into memory at a time. */
#define REPLAY_STEP 1000

static void replay_since(struct subscription *subscription);

static void on_replay(void *arg, int error, const struct loaded *loaded)
{
    struct subscription *subscription = arg;
    struct session *session = subscription->session;
    if (error < 0) {
        end_replay(subscription);
        log_error("subscription %llu: what was done before cannot be read: %s",
                  (unsigned long long)subscription->id, strerror(-error));
        /* It was promised that nothing is missing: who is sent away may ask again. */
        session_fail(session);
        return;
    }
    session->telling = subscription->id;
    for (size_t i = 0; i < loaded->count; i++)
        if (wants(subscription, loaded->futures[i]))
            replay_one(subscription, loaded->futures[i]);
    session->telling = 0;
    if (loaded->until == UINT64_MAX) {
        end_replay(subscription);
        session_check_idle(session);
        return;
    }
    subscription->told = loaded->until;
    replay_since(subscription);
}

static void replay_since(struct subscription *subscription)
{
    const struct client *client = &subscription->session->client;
    struct store_query query = {
        .kind = QUERY_SINCE,
        .cursor = subscription->told,
        .pool = subscription->pool,
        .label = subscription->label,
        .all_users = client->sees_all,
        .uid = client->uid,
        .items = true,
        .item_of = subscription->item_of,
        .output = subscription->events & EVENT_OUTPUT,
        .limit = REPLAY_STEP,
    };
    executor_load(subscription->session->service->executor, 0, &query, on_replay, subscription);
}

void subscription_start(struct subscription *subscription, bool has_since, uint64_t since)
{
    struct session *session = subscription->session;
    session->telling = subscription->id;
    tell_earlier_output(subscription);
    if (!subscription->all)
        replay_named(subscription, has_since ? since : 0);
    session->telling = 0;
    if (!subscription->all)
        return;
    if (has_since) {
        subscription->told = since;
        begin_replay(subscription);
        replay_since(subscription);
    }
}

bool subscriptions_alive(const struct session *session)
{
    const struct subscription *subscription;
    LIST_FOREACH (subscription, &session->subscriptions, link)
        if (subscription->all || !LIST_EMPTY(&subscription->futures))
            return true;
    return false;
}

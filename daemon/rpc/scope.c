/* Futures whose scope is the connection: they end with it. */
#include <signal.h>
#include <stdlib.h>

#include "daemon/rpc/rpc_impl.h"

struct scoped {
    LIST_ENTRY(scoped) link;
    struct future_watch watch;
    struct session *session;
};

static void on_event(struct future_watch *watch, struct future *future, enum future_event event)
{
    (void)future;
    if (event != EVENT_FUTURE_DONE)
        return;
    struct scoped *scoped = (struct scoped *)((char *)watch - offsetof(struct scoped, watch));
    struct session *session = scoped->session;
    LIST_REMOVE(scoped, link);
    free(scoped);
    session_check_idle(session);
}

struct scoped *scoped_new(void)
{
    return calloc(1, sizeof(struct scoped));
}

void scope_add(struct session *session, struct future *future, struct scoped *room)
{
    room->session = session;
    LIST_INSERT_HEAD(&session->scoped, room, link);
    future_watch_add(future, &room->watch, WATCH_NOTIFY, on_event);
}

void scope_end(struct session *session)
{
    struct cancel_options options = {
        .terminate = true,
        .stop = {.cause = STOP_DISCONNECT, .signal_number = SIGTERM, .grace_ms = 10000},
    };
    struct scoped *scoped;
    while ((scoped = LIST_FIRST(&session->scoped))) {
        struct future *future = scoped->watch.future;
        struct cancel_fate fate;
        future_watch_remove(&scoped->watch);
        LIST_REMOVE(scoped, link);
        free(scoped);
        executor_cancel(session->service->executor, future, &options, &fate);
    }
}

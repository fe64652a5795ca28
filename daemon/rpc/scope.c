/* Futures whose scope is the connection: they end with it. */
#include <signal.h>
#include <stdlib.h>

#include "daemon/base/container.h"
#include "daemon/rpc/rpc_impl.h"

/* Between the signal to a job whose client has gone and SIGKILL. */
#define GONE_GRACE_MS 10000

struct scoped {
    LIST_ENTRY(scoped) link;
    struct future_watch watch;
    struct session *session; /* NULL once it is ending */
};

static void on_event(struct future_watch *watch, struct future *future, enum future_event event)
{
    (void)future;
    if (event != EVENT_FUTURE_DONE)
        return;
    struct scoped *scoped = CONTAINER_OF(watch, struct scoped, watch);
    struct session *session = scoped->session;
    LIST_REMOVE(scoped, link);
    free(scoped);
    if (session)
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
    struct cancel_options cancel = {.terminate = false};
    struct cancel_options terminate = {
        .terminate = true,
        .stop = {.cause = STOP_DISCONNECT, .signal_number = SIGTERM, .grace_ms = GONE_GRACE_MS},
    };
    struct executor *executor = session->service->executor;
    LIST_HEAD(, scoped) left = LIST_HEAD_INITIALIZER(left);
    struct scoped *scoped;
    struct cancel_fate fate;

    /* What is pending first: a worker that loses its call would take the next one of them. Any of
     * them may be done, and so taken off its list, when another one is cancelled. */
    while ((scoped = LIST_FIRST(&session->scoped))) {
        LIST_REMOVE(scoped, link);
        LIST_INSERT_HEAD(&left, scoped, link);
        scoped->session = NULL;
        executor_cancel(executor, scoped->watch.future, &cancel, &fate);
    }
    while ((scoped = LIST_FIRST(&left))) {
        struct future *future = scoped->watch.future;
        future_watch_remove(&scoped->watch);
        LIST_REMOVE(scoped, link);
        free(scoped);
        executor_cancel(executor, future, &terminate, &fate);
    }
}

/* What is sent and when, and what becomes of clients that do not read. */
#include "daemon/net/connection_impl.h"

#include <errno.h>

#include <event2/event.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/base/log.h"
#include "daemon/net/outbox.h"
#include "daemon/rpc/service.h"

/* Who has taken something within this time is no client that does not read. */
#define STALLED_NS (100 * NS_PER_MS)
/* One line in the log for all clients that are sent away in this time. */
#define COMPLAINT_NS (10 * NS_PER_S)
#define MAX_SECONDS  UINT64_C(1000000000)

/* ---- what is to be done ---- */

void connection_mark_dirty(struct connection *connection)
{
    struct connections *connections = connection->owner;
    if (connection->dirty == DIRTY)
        return;
    if (connection->dirty == DIRTY_LATER)
        TAILQ_REMOVE(&connections->later, connection, dirty_link);
    if (TAILQ_EMPTY(&connections->dirty))
        event_active(connections->turn_end, EV_TIMEOUT, 0);
    TAILQ_INSERT_TAIL(&connections->dirty, connection, dirty_link);
    connection->dirty = DIRTY;
}

/* The same, after those of whom somebody waits for an answer; of a crowd not all in one turn. */
static void mark_later(struct connection *connection)
{
    struct connections *connections = connection->owner;
    if (connection->dirty != CLEAN)
        return;
    if (TAILQ_EMPTY(&connections->later))
        event_active(connections->turn_end, EV_TIMEOUT, 0);
    TAILQ_INSERT_TAIL(&connections->later, connection, dirty_link);
    connection->dirty = DIRTY_LATER;
}

void connection_mark_clean(struct connection *connection)
{
    struct connections *connections = connection->owner;
    if (connection->dirty == DIRTY)
        TAILQ_REMOVE(&connections->dirty, connection, dirty_link);
    if (connection->dirty == DIRTY_LATER)
        TAILQ_REMOVE(&connections->later, connection, dirty_link);
    connection->dirty = CLEAN;
}

uint64_t connection_seconds_later(uint64_t when_ns, uint64_t seconds)
{
    return when_ns + (seconds < MAX_SECONDS ? seconds : MAX_SECONDS) * NS_PER_S;
}

/* ---- sending away ---- */

void connections_complain(struct connections *connections, uid_t uid, const char *what)
{
    uint64_t now_ns = clock_mono_ns();
    connections->complaints++;
    if (connections->complained_ns > 0 && now_ns - connections->complained_ns < COMPLAINT_NS)
        return;
    log_warning("a client of user %u %s (clients sent away so far: %llu)", (unsigned)uid, what,
                (unsigned long long)connections->complaints);
    connections->complained_ns = now_ns;
}

void connection_give_up(struct connection *connection, const char *what)
{
    if (connection->gone)
        return;
    connections_complain(connection->owner, connection->uid, what);
    connection->gone = true;
    outbox_clear(connection->out);
    connection_hold(connection, 0);
    connection_mark_dirty(connection);
}

/* ---- writing ---- */

uint64_t connection_unsent(const struct connection *connection)
{
    return outbox_bytes(connection->out);
}

uint64_t connection_waiting(const struct connection *connection)
{
    return connection_unsent(connection) + connection->held_bytes;
}

static void stall(struct connection *connection)
{
    struct connections *connections = connection->owner;
    connection->stalled = true;
    connection->stalled_ns = clock_mono_ns();
    TAILQ_INSERT_TAIL(&connections->stalled, connection, stalled_link);
    if (event_add(connection->writable, NULL) < 0)
        connection_give_up(connection, "is disconnected: no memory");
}

void connection_unstall(struct connection *connection)
{
    if (!connection->stalled)
        return;
    TAILQ_REMOVE(&connection->owner->stalled, connection, stalled_link);
    connection->stalled = false;
}

void connection_flush(struct connection *connection)
{
    while (!connection->gone && !connection->stalled && connection_unsent(connection) > 0) {
        int n = outbox_write(connection->out, connection->fd);
        if (n == 0 || n == -EAGAIN) {
            stall(connection);
        } else if (n < 0 && n != -EINTR) {
            connection->gone = true;
            connection_mark_dirty(connection);
        }
    }
}

/* Too much is waiting in all: whoever has taken nothing for longest goes first. Who reads is never
 * among them, unless it is far too much; or much is held for it, and is the last that came. */
static void relieve(struct connection *last)
{
    struct connections *connections = last->owner;
    uint64_t limit = connections->limits->unsent_total_bytes;
    struct connection *connection;
    while (connections->unsent_bytes > limit && (connection = TAILQ_FIRST(&connections->stalled))) {
        if (connections->unsent_bytes / 2 < limit &&
            clock_mono_ns() - connection->stalled_ns < STALLED_NS)
            break;
        connection_give_up(connection, "is disconnected: it does not read, and memory runs short");
        service_count_limit(connections->service, "unsent_total_bytes");
        connection_unstall(connection);
    }
    if (connections->unsent_bytes > limit &&
        last->held_bytes > connections->limits->unsent_pause_bytes) {
        connection_give_up(last, "is disconnected: too much is held for it, and memory runs short");
        service_count_limit(connections->service, "unsent_total_bytes");
    }
}

/* One turn of the loop can have much to say: it is bounded here, and not only at its end. */
static void bound_unsent(struct connection *connection)
{
    struct connections *connections = connection->owner;
    const struct limits *limits = connections->limits;
    bool too_much = connection_waiting(connection) > limits->unsent_bytes;
    if (too_much || connections->unsent_bytes > limits->unsent_total_bytes)
        connection_flush(connection);
    if (too_much && connection_waiting(connection) > limits->unsent_bytes) {
        connection_give_up(connection, "is disconnected: it does not read");
        service_count_limit(connections->service, "unsent_bytes");
    }
    if (connections->unsent_bytes > limits->unsent_total_bytes)
        relieve(connection);
}

static void sent(struct connection *connection, int r)
{
    if (r < 0)
        connection_give_up(connection, "is disconnected: no memory for output");
    bound_unsent(connection);
}

static int add_line(struct connection *connection, const char *message, size_t size)
{
    int r = outbox_add(connection->out, message, size);
    return r == 0 ? outbox_add(connection->out, "\n", 1) : r;
}

static void on_send(void *arg, const char *message, size_t size)
{
    struct connection *connection = arg;
    if (connection->gone)
        return;
    connection_mark_dirty(connection);
    sent(connection, add_line(connection, message, size));
}

static void on_notify(void *arg, const char *message, size_t size)
{
    struct connection *connection = arg;
    if (connection->gone)
        return;
    mark_later(connection);
    sent(connection, add_line(connection, message, size));
}

static void on_send_shared(void *arg, const char *head, size_t size, struct shared_text *rest)
{
    struct connection *connection = arg;
    if (connection->gone)
        return;
    connection_mark_dirty(connection);
    int r = outbox_add(connection->out, head, size);
    if (r == 0)
        r = outbox_add_shared(connection->out, rest);
    sent(connection, r);
}

void connection_hold(struct connection *connection, uint64_t bytes)
{
    connection->owner->unsent_bytes += bytes - connection->held_bytes;
    connection->held_bytes = bytes;
}

static void on_held(void *arg, size_t bytes)
{
    struct connection *connection = arg;
    bool more = bytes > connection->held_bytes;
    if (connection->gone)
        return;
    connection_hold(connection, bytes);
    if (more)
        bound_unsent(connection);
    else
        mark_later(connection); /* it may be read from again */
}

static void on_loaded(void *arg)
{
    struct connection *connection = arg;
    if (connection->paused)
        connection_mark_dirty(connection);
}

static void on_idle(void *arg)
{
    struct connection *connection = arg;
    if (connection->half_closed)
        connection_mark_dirty(connection);
}

static void on_fail(void *arg)
{
    connection_give_up(arg, "is disconnected: no memory for output");
}

static void on_unsent_deadline(struct deadline *deadline)
{
    struct connection *connection = CONTAINER_OF(deadline, struct connection, unsent_deadline);
    connection->watches_unsent = false;
    connection_give_up(connection, "is disconnected: it has not read for too long");
    service_count_limit(connection->owner->service, "unsent_seconds");
}

void connection_watch_unsent(struct connection *connection)
{
    struct connections *connections = connection->owner;
    const struct limits *limits = connections->limits;
    bool above = connection_unsent(connection) > limits->unsent_pause_bytes;
    if (above == connection->watches_unsent)
        return;
    connection->watches_unsent = above;
    if (!above)
        deadline_clear(connections->timers, &connection->unsent_deadline);
    else if (deadline_set(connections->timers, &connection->unsent_deadline,
                          connection_seconds_later(clock_mono_ns(), limits->unsent_seconds),
                          on_unsent_deadline) < 0)
        connection_give_up(connection, "is disconnected: no memory");
}

struct session_output connection_output(struct connection *connection)
{
    return (struct session_output){
        .send = on_send,
        .send_shared = on_send_shared,
        .notify = on_notify,
        .held = on_held,
        .loaded = on_loaded,
        .idle = on_idle,
        .fail = on_fail,
        .arg = connection,
    };
}

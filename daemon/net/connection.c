#include "daemon/net/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/net/connection_impl.h"
#include "daemon/net/guests.h"
#include "daemon/net/outbox.h"
#include "daemon/net/turn_away.h"
#include "daemon/rpc/service.h"
#include "proto/frame.h"

/* What is read at once from one client before the others have their turn. */
#define READ_BYTES 65536
/* Answers of the store that one client may wait for before more of its lines are taken. */
#define LOADS_AHEAD_MAX 16
/* Clients that are told something nobody has asked for right now, in one turn of the loop. */
#define LATER_MAX 100

static void connection_free(struct connection *connection)
{
    struct connections *connections = connection->owner;
    TAILQ_REMOVE(&connections->list, connection, link);
    guests_leave(connections->guests, connection->uid);
    connection_mark_clean(connection);
    if (connection->stalled)
        TAILQ_REMOVE(&connections->stalled, connection, stalled_link);
    deadline_clear(connections->timers, &connection->line_deadline);
    deadline_clear(connections->timers, &connection->unsent_deadline);
    /* What the session still says does not bring it back. */
    connection->dirty = DIRTY;
    connection->gone = true;
    connection_hold(connection, 0);
    session_free(connection->session);
    if (connection->readable)
        event_free(connection->readable);
    if (connection->writable)
        event_free(connection->writable);
    outbox_free(connection->out);
    frame_free(connection->frame);
    fd_close(connection->fd);
    free(connection);
}

static void handle_lines(struct connection *connection);

/* A client that is not listened to would wait for ever. */
static void listen_again(struct connection *connection)
{
    if (event_add(connection->readable, NULL) < 0)
        connection_give_up(connection, "is disconnected: no memory");
}

/* Whether more may be asked for. What the store is to bring comes all at once, in sizes that nobody
 * knows before: so not much of it is asked for ahead, and the next to nothing once it was too much,
 * until what comes is little again. */
static bool has_room(struct connection *connection)
{
    if (connection_waiting(connection) > connection->owner->limits->unsent_pause_bytes) {
        connection->loads_ahead = 1;
        connection->was_full = true;
        return false;
    }
    return session_loading(connection->session) < connection->loads_ahead;
}

static void go_on(struct connection *connection)
{
    connection->paused = false;
    if (!connection->was_full && connection->loads_ahead < LOADS_AHEAD_MAX)
        connection->loads_ahead *= 2;
    connection->was_full = false;
    if (!connection->deaf) {
        listen_again(connection);
        handle_lines(connection);
    }
}

/* Decides, at the end of a turn, how the connection goes on. */
static void settle(struct connection *connection)
{
    connection_flush(connection);
    if (!connection->gone)
        connection_watch_unsent(connection);
    if (!connection->gone && connection->paused && has_room(connection))
        go_on(connection);
    bool over = connection->deaf || (connection->half_closed && !connection->paused &&
                                     session_is_idle(connection->session));
    if (connection->gone || (over && connection_unsent(connection) == 0))
        connection_free(connection);
}

static bool all_sent(const struct connections *connections)
{
    const struct connection *connection;
    TAILQ_FOREACH (connection, &connections->list, link)
        if (connection_unsent(connection) > 0)
            return false;
    return true;
}

static void on_turn_end(evutil_socket_t fd, short events, void *arg)
{
    struct connections *connections = arg;
    struct connection *connection;
    (void)fd;
    (void)events;
    while ((connection = TAILQ_FIRST(&connections->dirty))) {
        connection_mark_clean(connection);
        settle(connection);
    }
    for (int i = 0; i < LATER_MAX && (connection = TAILQ_FIRST(&connections->later)); i++) {
        connection_mark_clean(connection);
        settle(connection);
    }
    /* By the clock, and not at once: requests that have come meanwhile go first. What is told of
     * until then goes out in the same write. */
    if (!TAILQ_EMPTY(&connections->later))
        event_add(connections->turn_end, &(struct timeval){0});
    if (connections->on_drained && all_sent(connections)) {
        void (*fn)(void *arg) = connections->on_drained;
        connections->on_drained = NULL;
        fn(connections->drained_arg);
    }
}

static void on_writable(evutil_socket_t fd, short events, void *arg)
{
    struct connection *connection = arg;
    (void)fd;
    (void)events;
    connection_unstall(connection);
    connection_mark_dirty(connection);
}

/* ---- reading ---- */

/* Nothing more is read. */
static void go_deaf(struct connection *connection)
{
    connection->deaf = true;
    event_del(connection->readable);
    connection_mark_dirty(connection);
}

static uint64_t line_ends_ns(const struct connection *connection)
{
    return connection_seconds_later(connection->line_ns, connection->owner->limits->line_seconds);
}

static void on_line_deadline(struct deadline *deadline)
{
    struct connection *connection = CONTAINER_OF(deadline, struct connection, line_deadline);
    struct connections *connections = connection->owner;
    uint64_t when_ns = line_ends_ns(connection);
    /* What has come since has not moved the deadline. */
    if (when_ns > clock_mono_ns()) {
        if (deadline_set(connections->timers, deadline, when_ns, on_line_deadline) == 0)
            return;
    }
    connection->watches_line = false;
    connections_complain(connections, connection->uid, "is disconnected: it does not end its line");
    session_line_too_slow(connection->session);
    go_deaf(connection);
}

/* A line that has begun must go on within a time, as long as we read. */
static void watch_line(struct connection *connection)
{
    struct timers *timers = connection->owner->timers;
    char *text;
    size_t size = 0;
    if (!connection->gone && !connection->deaf && !connection->paused && !connection->half_closed)
        frame_rest(connection->frame, &text, &size);
    if (size > 0) {
        connection->line_ns = clock_mono_ns();
        if (!connection->watches_line)
            connection->watches_line =
                deadline_set(timers, &connection->line_deadline, line_ends_ns(connection),
                             on_line_deadline) == 0;
    } else if (connection->watches_line) {
        connection->watches_line = false;
        deadline_clear(timers, &connection->line_deadline);
    }
}

/* Hands whole lines to the session, as long as the client reads what it asked for. */
static void take_lines(struct connection *connection)
{
    while (!connection->gone && !connection->deaf) {
        if (!has_room(connection)) {
            connection_flush(connection);
            if (!has_room(connection)) {
                connection->paused = true;
                event_del(connection->readable);
                return;
            }
        }
        char *line;
        size_t size;
        int r = frame_next(connection->frame, &line, &size);
        if (r == 0)
            break;
        if (r < 0) {
            session_line_too_long(connection->session);
            go_deaf(connection);
            return;
        }
        session_line(connection->session, line, size);
    }
    if (connection->half_closed && !connection->gone && !connection->deaf) {
        char *text;
        size_t size;
        frame_rest(connection->frame, &text, &size);
        if (size > 0)
            session_fragment(connection->session, text, size);
        connection_mark_dirty(connection);
    }
}

static void handle_lines(struct connection *connection)
{
    take_lines(connection);
    watch_line(connection);
}

static bool hung_up(int fd)
{
    struct pollfd poll_fd = {.fd = fd};
    return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & (POLLHUP | POLLERR | POLLNVAL);
}

/* Once half-closed the socket stays readable for ever: only a change is of interest. */
static void on_change(evutil_socket_t fd, short events, void *arg)
{
    struct connection *connection = arg;
    if (events & EV_READ && hung_up(fd))
        connection->gone = true;
    if (events & EV_WRITE)
        connection_unstall(connection);
    connection_mark_dirty(connection);
}

static void on_half_closed(struct connection *connection)
{
    connection->half_closed = true;
    event_del(connection->readable);
    event_del(connection->writable);
    connection_unstall(connection);
    /* Events of one descriptor must agree on being edge-triggered. */
    struct event_base *base = connection->owner->base;
    event_assign(connection->readable, base, connection->fd, EV_READ | EV_PERSIST | EV_ET,
                 on_change, connection);
    event_assign(connection->writable, base, connection->fd, EV_WRITE | EV_ET, on_change,
                 connection);
    listen_again(connection);
    handle_lines(connection);
    connection_mark_dirty(connection);
}

static void on_readable(evutil_socket_t fd, short events, void *arg)
{
    struct connection *connection = arg;
    char *room;
    size_t size;
    (void)events;
    if (frame_room(connection->frame, READ_BYTES, &room, &size) < 0) {
        log_error("no memory for input: a client is disconnected");
        connection->gone = true;
        connection_mark_dirty(connection);
        return;
    }
    ssize_t n = read(fd, room, size);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        n = -2;
    frame_added(connection->frame, n > 0 ? (size_t)n : 0);
    connection->heard |= n > 0;
    if (n > 0) {
        handle_lines(connection);
    } else if (n == 0 && !hung_up(fd)) {
        on_half_closed(connection);
    } else if (n == 0 || n == -1) {
        connection->gone = true;
        connection_mark_dirty(connection);
    }
}

/* ---- coming and going ---- */

static void refuse(struct connections *connections, int fd, const struct peer *peer,
                   const char *limit, uint64_t value)
{
    char what[80];
    struct rpc_error error;
    snprintf(what, sizeof(what), "is refused: past the limit %s", limit);
    connections_complain(connections, peer->uid, what);
    service_count_limit(connections->service, limit);
    rpc_error_limit(&error, limit, value);
    turn_away(fd, &error);
}

static int open_connection(struct connection *connection, const struct peer *peer)
{
    struct connections *connections = connection->owner;
    struct event_base *base = connections->base;
    struct session_output output = connection_output(connection);
    connection->loads_ahead = LOADS_AHEAD_MAX;
    connection->out = outbox_new(&connections->unsent_bytes);
    connection->frame = frame_new(connections->limits->line_bytes);
    if (connection->frame)
        frame_share_spare(connection->frame, &connections->spare);
    connection->readable =
        event_new(base, connection->fd, EV_READ | EV_PERSIST, on_readable, connection);
    connection->writable = event_new(base, connection->fd, EV_WRITE, on_writable, connection);
    if (!connection->out || !connection->frame || !connection->readable || !connection->writable ||
        event_add(connection->readable, NULL) < 0)
        return -ENOMEM;
    return session_new(connections->service, peer, &output, &connection->session);
}

void connections_add(struct connections *connections, int fd, const struct peer *peer)
{
    const char *limit;
    uint64_t value;
    struct connection *connection = calloc(1, sizeof(*connection));
    int r = connection ? guests_enter(connections->guests, peer, &limit, &value) : -ENOMEM;
    if (r == -EMFILE) {
        refuse(connections, fd, peer, limit, value);
        free(connection);
        return;
    }
    if (r == 0) {
        connection->owner = connections;
        connection->fd = fd;
        connection->uid = peer->uid;
        connection->came_ns = clock_mono_ns();
        TAILQ_INSERT_TAIL(&connections->list, connection, link);
        r = open_connection(connection, peer);
        if (r == 0)
            return;
        connection_free(connection);
    } else {
        free(connection);
        fd_close(fd);
    }
    connections_complain(connections, peer->uid, "is refused: no memory");
}

int connections_new(struct loop *loop, struct timers *timers, struct service *service,
                    const struct limits *limits, struct connections **ret_connections)
{
    struct connections *connections = calloc(1, sizeof(*connections));
    if (!connections)
        return -ENOMEM;
    connections->base = loop_event_base(loop);
    connections->timers = timers;
    connections->service = service;
    connections->limits = limits;
    TAILQ_INIT(&connections->list);
    TAILQ_INIT(&connections->dirty);
    TAILQ_INIT(&connections->later);
    TAILQ_INIT(&connections->stalled);
    connections->guests = guests_new(limits);
    connections->turn_end = event_new(connections->base, -1, 0, on_turn_end, connections);
    if (!connections->turn_end || !connections->guests) {
        connections_free(connections);
        return -ENOMEM;
    }
    *ret_connections = connections;
    return 0;
}

void connections_free(struct connections *connections)
{
    if (!connections)
        return;
    struct connection *connection;
    while ((connection = TAILQ_FIRST(&connections->list)))
        connection_free(connection);
    if (connections->turn_end)
        event_free(connections->turn_end);
    guests_free(connections->guests);
    frame_spare_clear(&connections->spare);
    free(connections);
}

bool connections_has_silent(const struct connections *connections, uint64_t since_ns)
{
    /* The last ones came last. */
    struct connection *connection;
    TAILQ_FOREACH_REVERSE(connection, &connections->list, connection_list, link)
    {
        if (connection->came_ns < since_ns)
            return false;
        if (!connection->heard)
            return true;
    }
    return false;
}

void connections_drain(struct connections *connections, void (*fn)(void *arg), void *arg)
{
    struct connection *connection;
    connections->on_drained = fn;
    connections->drained_arg = arg;
    TAILQ_FOREACH (connection, &connections->list, link) {
        go_deaf(connection);
        watch_line(connection);
    }
    if (TAILQ_EMPTY(&connections->list))
        event_active(connections->turn_end, EV_TIMEOUT, 0);
}

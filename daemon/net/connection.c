#include "daemon/net/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "proto/frame.h"

/* What is read at once from one client before the others have their turn. */
#define READ_BYTES 65536

struct connection {
    TAILQ_ENTRY(connection) link;
    TAILQ_ENTRY(connection) dirty_link; /* where `dirty` */
    struct connections *owner;
    int fd;
    struct event *readable, *writable;
    struct evbuffer *out;
    struct frame *frame;
    struct session *session;
    bool dirty;       /* to be looked at when this turn of the loop ends */
    bool half_closed; /* the client will send no more */
    bool deaf;        /* we read no more, and close once all is sent */
    bool paused;      /* reading rests until the client has read */
    bool gone;        /* to be closed without further ado */
};

struct connections {
    struct event_base *base;
    struct service *service;
    const struct limits *limits;
    TAILQ_HEAD(, connection) list, dirty;
    uint64_t count;
    struct event *turn_end; /* activated by hand: flushes what is dirty */
    void (*on_drained)(void *arg);
    void *drained_arg;
};

static void mark_dirty(struct connection *connection)
{
    struct connections *connections = connection->owner;
    if (connection->dirty)
        return;
    if (TAILQ_EMPTY(&connections->dirty))
        event_active(connections->turn_end, EV_TIMEOUT, 0);
    TAILQ_INSERT_TAIL(&connections->dirty, connection, dirty_link);
    connection->dirty = true;
}

static void connection_free(struct connection *connection)
{
    struct connections *connections = connection->owner;
    TAILQ_REMOVE(&connections->list, connection, link);
    connections->count--;
    if (connection->dirty)
        TAILQ_REMOVE(&connections->dirty, connection, dirty_link);
    connection->dirty = true; /* what the session still says does not bring it back */
    session_free(connection->session);
    if (connection->readable)
        event_free(connection->readable);
    if (connection->writable)
        event_free(connection->writable);
    if (connection->out)
        evbuffer_free(connection->out);
    frame_free(connection->frame);
    fd_close(connection->fd);
    free(connection);
}

/* ---- writing ---- */

static void on_send(void *arg, const char *message, size_t size)
{
    struct connection *connection = arg;
    if (connection->gone)
        return;
    if (evbuffer_add(connection->out, message, size) < 0 ||
        evbuffer_add(connection->out, "\n", 1) < 0) {
        log_error("no memory for output: a client is disconnected");
        connection->gone = true;
    }
    mark_dirty(connection);
}

static uint64_t unsent(const struct connection *connection)
{
    return evbuffer_get_length(connection->out);
}

/* Sends what the socket takes. */
static void flush(struct connection *connection)
{
    while (unsent(connection) > 0) {
        int n = evbuffer_write(connection->out, connection->fd);
        if (n > 0)
            continue;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            event_add(connection->writable, NULL);
            break;
        }
        connection->gone = true;
        return;
    }
    if (unsent(connection) > connection->owner->limits->unsent_bytes) {
        log_warning("a client that does not read is disconnected");
        connection->gone = true;
    }
}

static void handle_lines(struct connection *connection);

/* Decides, at the end of a turn, how the connection goes on. */
static void settle(struct connection *connection)
{
    if (!connection->gone)
        flush(connection);
    if (!connection->gone && connection->paused &&
        unsent(connection) <= connection->owner->limits->unsent_pause_bytes) {
        connection->paused = false;
        if (!connection->deaf) {
            event_add(connection->readable, NULL);
            handle_lines(connection);
        }
    }
    bool over = connection->deaf || (connection->half_closed && !connection->paused &&
                                     session_is_idle(connection->session));
    if (connection->gone || (over && unsent(connection) == 0))
        connection_free(connection);
}

static bool all_sent(const struct connections *connections)
{
    const struct connection *connection;
    TAILQ_FOREACH (connection, &connections->list, link)
        if (unsent(connection) > 0)
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
        TAILQ_REMOVE(&connections->dirty, connection, dirty_link);
        connection->dirty = false;
        settle(connection);
    }
    if (connections->on_drained && all_sent(connections)) {
        void (*fn)(void *arg) = connections->on_drained;
        connections->on_drained = NULL;
        fn(connections->drained_arg);
    }
}

static void on_writable(evutil_socket_t fd, short events, void *arg)
{
    (void)fd;
    (void)events;
    mark_dirty(arg);
}

/* ---- reading ---- */

/* Hands whole lines to the session, as long as the client reads what it asked for. */
static void handle_lines(struct connection *connection)
{
    const struct limits *limits = connection->owner->limits;
    while (!connection->gone && !connection->deaf) {
        if (unsent(connection) > limits->unsent_pause_bytes) {
            flush(connection);
            if (unsent(connection) > limits->unsent_pause_bytes) {
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
            connection->deaf = true;
            event_del(connection->readable);
            mark_dirty(connection);
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
        mark_dirty(connection);
    }
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
    mark_dirty(connection);
}

static void on_half_closed(struct connection *connection)
{
    connection->half_closed = true;
    event_del(connection->readable);
    event_del(connection->writable);
    /* Events of one descriptor must agree on being edge-triggered. */
    struct event_base *base = connection->owner->base;
    event_assign(connection->readable, base, connection->fd, EV_READ | EV_PERSIST | EV_ET,
                 on_change, connection);
    event_assign(connection->writable, base, connection->fd, EV_WRITE | EV_ET, on_change,
                 connection);
    event_add(connection->readable, NULL);
    handle_lines(connection);
    mark_dirty(connection);
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
        mark_dirty(connection);
        return;
    }
    ssize_t n = read(fd, room, size);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        n = -2;
    frame_added(connection->frame, n > 0 ? (size_t)n : 0);
    if (n > 0) {
        handle_lines(connection);
    } else if (n == 0 && !hung_up(fd)) {
        on_half_closed(connection);
    } else if (n == 0 || n == -1) {
        connection->gone = true;
        mark_dirty(connection);
    }
}

/* ---- coming and going ---- */

static void send_away(int fd, uint64_t limit)
{
    char text[160];
    int size =
        snprintf(text, sizeof(text),
                 "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32005,\"message\":"
                 "\"Limit exceeded\",\"data\":{\"limit\":\"connections\",\"value\":%llu}}}\n",
                 (unsigned long long)limit);
    (void)!send(fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

void connections_add(struct connections *connections, int fd, const struct peer *peer)
{
    if (connections->count >= connections->limits->connections) {
        send_away(fd, connections->limits->connections);
        return;
    }
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        close(fd);
        return;
    }
    connection->owner = connections;
    connection->fd = fd;
    TAILQ_INSERT_TAIL(&connections->list, connection, link);
    connections->count++;
    connection->out = evbuffer_new();
    connection->frame = frame_new(connections->limits->line_bytes);
    connection->readable =
        event_new(connections->base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    connection->writable = event_new(connections->base, fd, EV_WRITE, on_writable, connection);
    struct session_output output = {.send = on_send, .arg = connection};
    if (!connection->out || !connection->frame || !connection->readable || !connection->writable ||
        session_new(connections->service, peer, &output, &connection->session) < 0 ||
        event_add(connection->readable, NULL) < 0) {
        log_error("no memory for a client");
        connection_free(connection);
    }
}

int connections_new(struct loop *loop, struct service *service, const struct limits *limits,
                    struct connections **ret_connections)
{
    struct connections *connections = calloc(1, sizeof(*connections));
    if (!connections)
        return -ENOMEM;
    connections->base = loop_event_base(loop);
    connections->service = service;
    connections->limits = limits;
    TAILQ_INIT(&connections->list);
    TAILQ_INIT(&connections->dirty);
    connections->turn_end = event_new(connections->base, -1, 0, on_turn_end, connections);
    if (!connections->turn_end) {
        free(connections);
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
    event_free(connections->turn_end);
    free(connections);
}

void connections_drain(struct connections *connections, void (*fn)(void *arg), void *arg)
{
    struct connection *connection;
    connections->on_drained = fn;
    connections->drained_arg = arg;
    TAILQ_FOREACH (connection, &connections->list, link) {
        if (!connection->deaf)
            event_del(connection->readable);
        connection->deaf = true;
        mark_dirty(connection);
    }
    if (TAILQ_EMPTY(&connections->list))
        event_active(connections->turn_end, EV_TIMEOUT, 0);
}

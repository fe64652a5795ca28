#include "client/future.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/libfuture_message.h"
#include "proto/endpoint.h"
#include "proto/frame.h"
#include "proto/writer.h"

enum { READ_BYTES = 65536 };
/* The daemon bounds its replies; this only stops a peer that is no daemon. */
#define LINE_MAX_BYTES 1073741824u

struct future_client {
    int fd;
    struct frame *frame;
    struct writer unsent; /* the first `sent_bytes` of it are on their way already */
    size_t sent_bytes;
    bool write_broken;
    bool at_end; /* the daemon closed its side */
    uint64_t last_request_id;
    TAILQ_HEAD(, future_queued) queue;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int connect_socket(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path) + 1);
    /* A Unix socket that is not ready for us (a full backlog) would say EAGAIN if it did not
     * block: so it becomes non-blocking only behind connect. An interrupted connect of a Unix
     * socket has not begun and may be done again. */
    while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

static int make_nonblocking(int fd)
{
    int one = 1;

    /* As O_NONBLOCK by fcntl, in one call. */
    return ioctl(fd, FIONBIO, &one) < 0 ? -errno : 0;
}

int future_connect(const char *path, struct future_client **ret_client)
{
    struct future_client *client = calloc(1, sizeof(*client));
    char where[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    int r;

    if (!client)
        return -ENOMEM;
    TAILQ_INIT(&client->queue);
    client->fd = -1;
    r = endpoint_path(path, 1, where, sizeof(where));
    if (r < 0)
        goto fail;
    client->frame = frame_new(LINE_MAX_BYTES);
    if (!client->frame) {
        r = -ENOMEM;
        goto fail;
    }
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        r = -errno;
        goto fail;
    }
    r = connect_socket(client->fd, where);
    if (r < 0)
        goto fail;
    r = make_nonblocking(client->fd);
    if (r < 0)
        goto fail;
    *ret_client = client;
    return 0;
fail:
    future_close(client);
    return r;
}

void future_close(struct future_client *client)
{
    struct future_queued *queued;

    if (!client)
        return;
    while ((queued = TAILQ_FIRST(&client->queue))) {
        TAILQ_REMOVE(&client->queue, queued, link);
        future_message_free(&queued->message);
    }
    if (client->fd >= 0)
        close(client->fd);
    frame_free(client->frame);
    writer_free(&client->unsent);
    free(client);
}

static size_t unsent_bytes(const struct future_client *client)
{
    return client->unsent.size - client->sent_bytes;
}

int future_fd(const struct future_client *client)
{
    return client->fd;
}

short future_events(const struct future_client *client)
{
    return unsent_bytes(client) > 0 ? POLLIN | POLLOUT : POLLIN;
}

/* Sends as much as goes without waiting. A broken connection drops the rest: what the daemon
 * said before it went is still to be read, and its end tells the caller. */
static void flush_unsent(struct future_client *client)
{
    while (unsent_bytes(client) > 0) {
        ssize_t sent = send(client->fd, client->unsent.data + client->sent_bytes,
                            unsent_bytes(client), MSG_NOSIGNAL);

        if (sent >= 0) {
            client->sent_bytes += (size_t)sent;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            client->write_broken = true;
            break;
        }
    }
    writer_reset(&client->unsent);
    client->sent_bytes = 0;
}

/* Reads once. 0, also where nothing was there. */
static int read_some(struct future_client *client)
{
    char *room;
    size_t size;
    ssize_t got;
    int r = frame_room(client->frame, READ_BYTES, &room, &size);

    if (r < 0)
        return r;
    got = recv(client->fd, room, size, 0);
    if (got > 0)
        frame_added(client->frame, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        client->at_end = true;
    return 0;
}

/* 1 and the next message from what was read, 0: no whole line is there. */
static int next_parsed(struct future_client *client, struct future_queued **ret_queued)
{
    char *line;
    size_t size;
    int r = frame_next(client->frame, &line, &size);

    if (r == 0)
        return 0;
    if (r < 0)
        return -EBADMSG;
    r = future_message_parse(line, size, ret_queued);
    return r < 0 ? r : 1;
}

/* Waits until the socket is ready, then writes and reads what goes. -ETIMEDOUT. */
static int wait_and_move(struct future_client *client, int64_t deadline_ms)
{
    struct pollfd ready = {.fd = client->fd, .events = future_events(client)};
    int64_t left_ms = deadline_ms < 0 ? -1 : deadline_ms - now_ms();
    int r;

    if (deadline_ms >= 0 && left_ms < 0)
        left_ms = 0;
    r = poll(&ready, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
    if (r < 0)
        return errno == EINTR ? 0 : -errno;
    if (r == 0)
        return left_ms > INT32_MAX ? 0 : -ETIMEDOUT;
    if (ready.revents & POLLOUT)
        flush_unsent(client);
    return ready.revents & (POLLIN | POLLHUP | POLLERR) ? read_some(client) : 0;
}

/* The next message from the wire, past those that are queued. */
static int receive_new(struct future_client *client, int64_t deadline_ms,
                       struct future_queued **ret_queued)
{
    for (;;) {
        int r = next_parsed(client, ret_queued);

        if (r != 0)
            return r < 0 ? r : 0;
        if (client->at_end)
            return -ECONNRESET;
        r = wait_and_move(client, deadline_ms);
        if (r < 0)
            return r;
    }
}

/* Makes room for more requests. Replies are taken in meanwhile: the daemon reads no further
 * while we leave its answers lying. */
static int drain_unsent(struct future_client *client)
{
    flush_unsent(client);
    while (unsent_bytes(client) > FUTURE_UNSENT_BYTES && !client->at_end) {
        struct future_queued *queued;
        int r = wait_and_move(client, -1);

        if (r < 0)
            return r;
        while ((r = next_parsed(client, &queued)) == 1)
            TAILQ_INSERT_TAIL(&client->queue, queued, link);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Drops what was sent from the front, so that the buffer does not grow for ever. */
static void compact_unsent(struct future_client *client)
{
    size_t left = unsent_bytes(client);

    if (client->sent_bytes < left)
        return;
    memmove(client->unsent.data, client->unsent.data + client->sent_bytes, left);
    client->unsent.size = left;
    client->sent_bytes = 0;
}

static void write_request(struct writer *writer, uint64_t id, const char *method,
                          const char *params)
{
    writer->comma = false;
    writer_begin_object(writer);
    writer_key(writer, "jsonrpc");
    writer_cstring(writer, "2.0");
    writer_key(writer, "id");
    writer_uint(writer, id);
    writer_key(writer, "method");
    writer_cstring(writer, method);
    if (params) {
        writer_key(writer, "params");
        writer_json(writer, params, strlen(params));
    }
    writer_end_object(writer);
    writer_raw(writer, "\n", 1);
}

int future_send(struct future_client *client, const char *method, const char *params,
                uint64_t *ret_request_id)
{
    struct writer request = {0};
    int r = -ENOMEM;

    if (client->write_broken)
        return -EPIPE;
    /* Composed apart: a request that does not fit into memory must leave no half line behind. */
    write_request(&request, client->last_request_id + 1, method, params);
    if (writer_failed(&request))
        goto out;
    if (client->sent_bytes > 0)
        compact_unsent(client);
    writer_raw(&client->unsent, request.data, request.size);
    if (writer_failed(&client->unsent)) {
        client->unsent.failed = false;
        goto out;
    }
    client->last_request_id++;
    r = drain_unsent(client);
    if (r == 0 && ret_request_id)
        *ret_request_id = client->last_request_id;
out:
    writer_free(&request);
    return r;
}

static int64_t deadline_after(int64_t timeout_ms)
{
    return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

int future_receive(struct future_client *client, int64_t timeout_ms,
                   struct future_message **ret_message)
{
    struct future_queued *queued = TAILQ_FIRST(&client->queue);
    int r;

    if (queued) {
        TAILQ_REMOVE(&client->queue, queued, link);
    } else {
        r = receive_new(client, deadline_after(timeout_ms), &queued);
        if (r < 0)
            return r;
    }
    *ret_message = &queued->message;
    return 0;
}

static bool answers(const struct future_message *message, uint64_t request_id)
{
    switch (message->kind) {
    case FUTURE_REPLY:
        return message->request_id == request_id;
    case FUTURE_ERROR:
        return message->request_id == request_id || message->request_id == 0;
    case FUTURE_NOTIFICATION:
        return false;
    }
    return false;
}

int future_call(struct future_client *client, const char *method, const char *params,
                int64_t timeout_ms, struct future_message **ret_message)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    struct future_queued *queued, *next;
    uint64_t request_id = 0;
    int r = future_send(client, method, params, &request_id);

    if (r < 0)
        return r;
    /* A long send may have queued the reply already. */
    for (queued = TAILQ_FIRST(&client->queue); queued; queued = next) {
        next = TAILQ_NEXT(queued, link);
        if (answers(&queued->message, request_id)) {
            TAILQ_REMOVE(&client->queue, queued, link);
            *ret_message = &queued->message;
            return 0;
        }
    }
    while ((r = receive_new(client, deadline_ms, &queued)) == 0) {
        if (answers(&queued->message, request_id)) {
            *ret_message = &queued->message;
            return 0;
        }
        TAILQ_INSERT_TAIL(&client->queue, queued, link);
    }
    return r;
}

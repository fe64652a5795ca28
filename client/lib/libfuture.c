#include "client/lib/libfuture_impl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/endpoint.h"

enum { READ_BYTES = 65536 };
/* The daemon bounds its replies; this only stops a peer that is no daemon. */
#define LINE_MAX_BYTES 1073741824u

/* ---- time ---- */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct deadline deadline_after(int64_t timeout_ms)
{
    struct deadline deadline = {.at_ms = -1};
    int64_t now = now_ms();

    if (timeout_ms >= 0 && timeout_ms < INT64_MAX - now)
        deadline.at_ms = now + timeout_ms;
    return deadline;
}

/* What is left, for poll: -1 is for ever. */
static int left_ms(const struct deadline *deadline)
{
    int64_t left = deadline->at_ms - now_ms();

    if (deadline->at_ms < 0)
        return -1;
    if (left < 0)
        left = 0;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* ---- connecting ---- */

/* connect(2) of a Unix socket waits only while the daemon's backlog is full. */
static int set_connect_timeout(int fd, int timeout)
{
    struct timeval patience = {.tv_sec = timeout / 1000, .tv_usec = timeout % 1000 * 1000};
    int one = 1;

    if (timeout == 0)
        return ioctl(fd, FIONBIO, &one) < 0 ? -errno : 0;
    if (timeout < 0)
        patience = (struct timeval){0};
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ? -errno : 0;
}

static int connect_socket(int fd, const char *path, int64_t timeout_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct deadline deadline = deadline_after(timeout_ms);

    memcpy(address.sun_path, path, strlen(path) + 1);
    for (;;) {
        int r = set_connect_timeout(fd, left_ms(&deadline));

        if (r < 0)
            return r;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
            return 0;
        if (errno == EAGAIN)
            return -ETIMEDOUT;
        /* An interrupted connect of a Unix socket has not begun, and may be done again. */
        if (errno != EINTR)
            return -errno;
    }
}

int future_connect_fd(int fd, struct future_client **ret_client)
{
    struct future_client *client = calloc(1, sizeof(*client));
    int one = 1;
    int r = -ENOMEM;

    if (!client) {
        close(fd);
        return -ENOMEM;
    }
    TAILQ_INIT(&client->queue);
    TAILQ_INIT(&client->completed);
    client->error.message = future_failure_text(0);
    client->fd = fd;
    client->frame = frame_new(LINE_MAX_BYTES);
    if (!client->frame)
        goto fail;
    if (ioctl(fd, FIONBIO, &one) < 0 || ioctl(fd, FIOCLEX) < 0) {
        r = -errno;
        goto fail;
    }
    *ret_client = client;
    return 0;
fail:
    future_close(client);
    return r;
}

int future_connect(const char *path, int64_t timeout_ms, struct future_client **ret_client)
{
    char where[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    int r = endpoint_path(path, 1, where, sizeof(where));
    int fd;

    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    r = connect_socket(fd, where, timeout_ms);
    if (r < 0) {
        close(fd);
        return r;
    }
    return future_connect_fd(fd, ret_client);
}

void future_close(struct future_client *client)
{
    struct future_queued *queued;

    if (!client)
        return;
    completed_detach_all(client);
    while ((queued = TAILQ_FIRST(&client->queue))) {
        TAILQ_REMOVE(&client->queue, queued, link);
        future_message_free(&queued->message);
    }
    close(client->fd);
    frame_free(client->frame);
    writer_free(&client->unsent);
    future_message_free(client->error_reply);
    free(client);
}

/* ---- bytes ---- */

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

void future_set_nonblocking(struct future_client *client, bool on)
{
    client->nonblocking = on;
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

/* Waits until the socket is ready, then writes and reads what goes. -ETIMEDOUT. */
static int wait_and_move(struct future_client *client, struct deadline *deadline)
{
    struct pollfd ready = {.fd = client->fd, .events = future_events(client)};
    int left = left_ms(deadline);
    int r;

    if (left == 0) {
        if (deadline->looked)
            return -ETIMEDOUT;
        deadline->looked = true;
    }
    r = poll(&ready, 1, left);
    if (r < 0)
        return errno == EINTR ? 0 : -errno;
    if (r == 0)
        return 0;
    if (ready.revents & (POLLOUT | POLLHUP | POLLERR))
        flush_unsent(client);
    return ready.revents & (POLLIN | POLLHUP | POLLERR) ? read_some(client) : 0;
}

/* ---- messages ---- */

/* 1 and the next message from what was read, 0: no whole line is there. */
static int next_parsed(struct future_client *client, struct future_queued **ret_queued)
{
    int r;

    if (client->no_protocol)
        return -EBADMSG;
    if (!client->line) {
        r = frame_next(client->frame, &client->line, &client->line_size);
        if (r == 0)
            return 0;
        if (r < 0)
            goto no_protocol;
    }
    r = future_message_parse(client->line, client->line_size, ret_queued);
    if (r == -ENOMEM)
        return r;
    client->line = NULL;
    if (r < 0)
        goto no_protocol;
    return 1;
no_protocol:
    client->line = NULL;
    client->no_protocol = true;
    return -EBADMSG;
}

/* What the client itself has asked for, and replies that nobody waits for any more. */
static bool absorb(struct future_client *client, struct future_queued *queued)
{
    if (completed_accept(client, queued))
        return true;
    if (!queued->is_call || queued->message.request_id == client->waiting_call)
        return false;
    future_message_free(&queued->message);
    return true;
}

int client_take(struct future_client *client, struct deadline *deadline,
                struct future_queued **ret_queued)
{
    struct future_queued *queued;
    int r = next_parsed(client, &queued);

    if (r < 0)
        return r;
    if (r == 0)
        return client->at_end ? -ECONNRESET : wait_and_move(client, deadline);
    if (absorb(client, queued))
        return 0;
    *ret_queued = queued;
    return 1;
}

/* The next message: queued, or else new. 0 or a failure. */
static int next_message(struct future_client *client, struct deadline *deadline,
                        struct future_message **ret_message)
{
    struct future_queued *queued = TAILQ_FIRST(&client->queue);
    int r = 0;

    if (queued) {
        TAILQ_REMOVE(&client->queue, queued, link);
        *ret_message = &queued->message;
        return 0;
    }
    while (r == 0)
        r = client_take(client, deadline, &queued);
    if (r < 0)
        return r;
    *ret_message = &queued->message;
    return 0;
}

int future_receive(struct future_client *client, int64_t timeout_ms,
                   struct future_message **ret_message)
{
    struct deadline deadline = deadline_after(timeout_ms);
    int r = next_message(client, &deadline, ret_message);

    return r < 0 ? client_fail(client, r, NULL) : 0;
}

int future_dispatch(struct future_client *client, future_handler handler, void *context)
{
    struct deadline deadline = deadline_after(0);
    struct future_message *message;
    int r;

    flush_unsent(client);
    while ((r = next_message(client, &deadline, &message)) == 0) {
        r = handler(context, message);
        if (r != 0)
            return r;
    }
    return r == -ETIMEDOUT ? 0 : client_fail(client, r, NULL);
}

/* ---- sending ---- */

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

static void write_id(struct writer *writer, bool is_call, uint64_t id)
{
    char text[24];

    if (!is_call) {
        writer_uint(writer, id);
        return;
    }
    snprintf(text, sizeof(text), "c%llu", (unsigned long long)id);
    writer_cstring(writer, text);
}

/* JSON has line feeds only between its tokens; one message is one line. */
static void write_params(struct writer *writer, const char *params)
{
    size_t from = writer->size;

    writer_json(writer, params, strlen(params));
    for (size_t i = from; !writer_failed(writer) && i < writer->size; i++)
        if (writer->data[i] == '\n')
            writer->data[i] = ' ';
}

static void write_request(struct writer *writer, bool is_call, uint64_t id, const char *method,
                          const char *params)
{
    writer_begin_object(writer);
    writer_key(writer, "jsonrpc");
    writer_cstring(writer, "2.0");
    writer_key(writer, "id");
    write_id(writer, is_call, id);
    writer_key(writer, "method");
    writer_cstring(writer, method);
    if (params) {
        writer_key(writer, "params");
        write_params(writer, params);
    }
    writer_end_object(writer);
    writer_raw(writer, "\n", 1);
}

int client_add_request(struct future_client *client, bool is_call, uint64_t id, const char *method,
                       const char *params)
{
    size_t size;

    if (client->write_broken)
        return -ECONNRESET;
    if (client->sent_bytes > 0)
        compact_unsent(client);
    size = client->unsent.size;
    client->unsent.comma = false;
    write_request(&client->unsent, is_call, id, method, params);
    if (writer_failed(&client->unsent)) {
        /* A request that does not fit into memory leaves no half line behind. */
        client->unsent.size = size;
        client->unsent.failed = false;
        return -ENOMEM;
    }
    flush_unsent(client);
    return 0;
}

/* Makes room for one more request. Replies are taken in meanwhile: the daemon reads no further
 * while we leave its answers lying. */
static int make_room(struct future_client *client)
{
    struct deadline deadline = deadline_after(-1);

    if (unsent_bytes(client) > FUTURE_UNSENT_BYTES)
        flush_unsent(client);
    while (unsent_bytes(client) > FUTURE_UNSENT_BYTES && !client->at_end) {
        struct future_queued *queued;
        int r;

        if (client->nonblocking)
            return -EAGAIN;
        r = client_take(client, &deadline, &queued);
        if (r < 0)
            return r;
        if (r > 0)
            TAILQ_INSERT_TAIL(&client->queue, queued, link);
    }
    return 0;
}

int future_send(struct future_client *client, const char *method, const char *params,
                uint64_t *ret_request_id)
{
    int r = method ? make_room(client) : FUTURE_BAD_ARGUMENT;

    if (r == 0)
        r = client_add_request(client, false, client->last_request_id + 1, method, params);
    if (r < 0)
        return client_fail(client, r, method ? NULL : "method");
    client->last_request_id++;
    if (ret_request_id)
        *ret_request_id = client->last_request_id;
    return 0;
}

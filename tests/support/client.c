#include "tests/support/client.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/deadline.h"
#include "tests/support/json.h"
#include "tests/support/text.h"

struct client {
    int fd;
    json_int_t last_id;
    char *bytes; /* received; [start, end) is not handed out yet */
    size_t start, end, capacity;
    bool at_end;
    json_t *aside; /* array: what came before the message that was asked for, oldest first */
};

struct client *client_connect(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct client *client = calloc(1, sizeof(*client));

    if (!client || !(client->aside = json_array()))
        ck_abort_msg("out of memory");
    ck_assert_uint_lt(strlen(socket_path), sizeof(address.sun_path));
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 ||
        connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        ck_abort_msg("cannot connect to %s: %s", socket_path, strerror(errno));
    return client;
}

/* The caller owns what it takes. */
static json_t *take_aside(struct client *client, size_t index)
{
    json_t *message = json_incref(json_array_get(client->aside, index));

    json_array_remove(client->aside, index);
    return message;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    json_decref(client->aside);
    close(client->fd);
    free(client->bytes);
    free(client);
}

int client_fd(const struct client *client)
{
    return client->fd;
}

/* ---- Bytes and lines ---- */

/* What has arrived goes to the buffer; the end of the stream is remembered. Does not wait. */
static void receive(struct client *client)
{
    if (client->start > 0 && client->start == client->end)
        client->start = client->end = 0;
    if (client->end == client->capacity) {
        client->capacity = client->capacity ? client->capacity * 2 : 65536;
        client->bytes = realloc(client->bytes, client->capacity);
        if (!client->bytes)
            ck_abort_msg("out of memory");
    }
    ssize_t count =
        recv(client->fd, client->bytes + client->end, client->capacity - client->end, MSG_DONTWAIT);
    if (count > 0)
        client->end += (size_t)count;
    else if (count == 0 || errno == ECONNRESET)
        client->at_end = true;
    else if (errno != EAGAIN && errno != EINTR)
        ck_abort_msg("recv: %s", strerror(errno));
}

void client_send(struct client *client, const void *bytes, size_t size)
{
    const char *next = bytes;

    while (size > 0) {
        ssize_t count = send(client->fd, next, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0) {
            next += count;
            size -= (size_t)count;
        } else if (errno == EAGAIN) {
            /* The daemon may be waiting for us to read before it reads on. */
            deadline_wait(client->fd, POLLOUT | POLLIN, "room to send");
            receive(client);
        } else if (errno != EINTR) {
            ck_abort_msg("send: %s", strerror(errno));
        }
    }
}

void client_send_line(struct client *client, const char *line)
{
    char *text = text_print("%s\n", line);

    client_send(client, text, strlen(text));
    free(text);
}

void client_half_close(struct client *client)
{
    ck_assert_int_eq(shutdown(client->fd, SHUT_WR), 0);
}

char *client_read_line(struct client *client)
{
    size_t searched = 0;

    for (;;) {
        char *from = client->bytes + client->start;
        size_t size = client->end - client->start;
        char *lf = size > searched ? memchr(from + searched, '\n', size - searched) : NULL;

        if (lf) {
            client->start += (size_t)(lf - from) + 1;
            char *line = strndup(from, (size_t)(lf - from));
            if (!line)
                ck_abort_msg("out of memory");
            return line;
        }
        if (client->at_end) {
            if (size > 0)
                ck_abort_msg("the stream ended within a line: %.*s", (int)size, from);
            return NULL;
        }
        searched = size;
        deadline_wait(client->fd, POLLIN, "a line from the daemon");
        receive(client);
    }
}

/* The next message from the socket, past those set aside; NULL at the end of the stream. */
static json_t *next_message(struct client *client)
{
    json_error_t error;
    char *line = client_read_line(client);

    if (!line)
        return NULL;
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!json)
        ck_abort_msg("the daemon sent what is not JSON (%s): %s", error.text, line);
    free(line);
    return json;
}

json_t *client_read(struct client *client)
{
    if (json_array_size(client->aside) > 0)
        return take_aside(client, 0);

    json_t *json = next_message(client);
    if (!json)
        ck_abort_msg("the daemon closed the connection");
    return json;
}

void client_expect_end(struct client *client)
{
    ck_assert_msg(json_array_size(client->aside) == 0, "there are messages that nobody read");
    char *line = client_read_line(client);
    ck_assert_msg(!line, "not the end of the stream, but: %s", line);
}

/* ---- Calls ---- */

json_int_t client_request_json(struct client *client, const char *method, json_t *params)
{
    json_int_t id = ++client->last_id;
    json_t *request = json_pack("{s:s, s:I, s:s, s:o*}", "jsonrpc", "2.0", "id", id, "method",
                                method, "params", params);
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;

    if (!text)
        ck_abort_msg("cannot encode a request for %s", method);
    client_send_line(client, text);
    free(text);
    json_decref(request);
    return id;
}

static json_int_t request_text(struct client *client, const char *method, const char *format,
                               va_list args) __attribute__((format(printf, 3, 0)));
static json_t *call(struct client *client, const char *method, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* As client_request; sends the params as they stand, so that a test can say what jansson cannot
 * hold. */
static json_int_t request_text(struct client *client, const char *method, const char *format,
                               va_list args)
{
    json_int_t id = ++client->last_id;
    char *params = text_vjson(format, args);
    char *line = text_print("{\"jsonrpc\":\"2.0\",\"id\":%" JSON_INTEGER_FORMAT
                            ",\"method\":\"%s\",\"params\":%s}",
                            id, method, params);

    client_send_line(client, line);
    free(line);
    free(params);
    return id;
}

json_int_t client_request(struct client *client, const char *method, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    json_int_t id = request_text(client, method, format, args);
    va_end(args);
    return id;
}

static bool is_reply_to(json_t *json, json_int_t id)
{
    json_t *member = json_object_get(json, "id");

    return json_is_integer(member) && json_integer_value(member) == id &&
           !json_object_get(json, "method");
}

static bool is_notification(json_t *json)
{
    return json_is_object(json) && !json_object_get(json, "id") && json_object_get(json, "method");
}

static bool is_wanted(json_t *message, json_int_t id)
{
    return id ? is_reply_to(message, id) : is_notification(message);
}

/* The first message, arrived or to come, that is the reply to `id`, or, where `id` is 0, a
 * notification. */
static json_t *wait_for(struct client *client, json_int_t id)
{
    size_t index;
    json_t *message;

    json_array_foreach (client->aside, index, message) {
        if (is_wanted(message, id))
            return take_aside(client, index);
    }
    while ((message = next_message(client))) {
        if (is_wanted(message, id))
            return message;
        json_array_append_new(client->aside, message);
    }
    ck_abort_msg("the daemon closed the connection before %s came",
                 id ? "a reply" : "a notification");
    return NULL;
}

json_t *client_reply(struct client *client, json_int_t id)
{
    return wait_for(client, id);
}

static json_t *call(struct client *client, const char *method, const char *format, va_list args)
{
    return client_reply(client, request_text(client, method, format, args));
}

json_t *client_call(struct client *client, const char *method, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    json_t *reply = call(client, method, format, args);
    va_end(args);
    return reply;
}

static json_t *take_result(json_t *reply)
{
    json_t *result = json_incref(json_at(reply, "result"));

    ck_assert_msg(!json_has(reply, "error"), "a reply with result and error");
    json_decref(reply);
    return result;
}

json_t *client_result(struct client *client, const char *method, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    json_t *reply = call(client, method, format, args);
    va_end(args);
    return take_result(reply);
}

int client_error(struct client *client, const char *method, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    json_t *reply = call(client, method, format, args);
    va_end(args);
    int code = (int)json_int_at(reply, "error.code");
    json_decref(reply);
    return code;
}

json_int_t client_submit(struct client *client, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    json_t *result = take_result(call(client, "submit", format, args));
    va_end(args);
    json_int_t id = json_int_at(result, "id");
    json_decref(result);
    return id;
}

/* ---- Notifications ---- */

json_t *client_notification(struct client *client)
{
    return wait_for(client, 0);
}

bool client_has_notification(struct client *client)
{
    size_t index;
    json_t *message;

    json_decref(client_result(client, "ping", "{}"));
    json_array_foreach (client->aside, index, message) {
        if (is_notification(message))
            return true;
    }
    return false;
}

/* ---- Replies ---- */

int reply_error(json_t *reply)
{
    return json_has(reply, "error") ? (int)json_int_at(reply, "error.code") : 0;
}

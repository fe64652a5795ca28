#include "tests/support/fake_server.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake_server {
    int fd;
    FILE *in; /* reads from a duplicate of fd */
};

struct fake_server *fake_server_new(struct future_client **ret_client)
{
    struct fake_server *server = calloc(1, sizeof(*server));
    int ends[2];

    ck_assert_ptr_nonnull(server);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    server->fd = ends[1];
    server->in = fdopen(dup(ends[1]), "r");
    ck_assert_ptr_nonnull(server->in);
    ck_assert_int_eq(future_connect_fd(ends[0], ret_client), 0);
    return server;
}

void fake_server_free(struct fake_server *server)
{
    if (!server)
        return;
    fake_server_hang_up(server);
    fclose(server->in);
    free(server);
}

void fake_server_hang_up(struct fake_server *server)
{
    if (server->fd < 0)
        return;
    shutdown(server->fd, SHUT_RDWR);
    close(server->fd);
    server->fd = -1;
}

int fake_server_fd(const struct fake_server *server)
{
    return server->fd;
}

void fake_server_write(struct fake_server *server, const void *bytes, size_t size)
{
    /* A stop in the middle cuts a send short. */
    for (size_t done = 0; done < size;) {
        ssize_t sent = send(server->fd, (const char *)bytes + done, size - done, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        ck_assert_int_gt(sent, 0);
        done += (size_t)sent;
    }
}

static void quote(char *text)
{
    for (; *text; text++)
        if (*text == '\'')
            *text = '"';
}

void fake_server_say(struct fake_server *server, const char *format, ...)
{
    va_list arguments;
    char *line;

    va_start(arguments, format);
    ck_assert_int_ge(vasprintf(&line, format, arguments), 0);
    va_end(arguments);
    quote(line);
    fake_server_write(server, line, strlen(line));
    fake_server_write(server, "\n", 1);
    free(line);
}

json_t *fake_server_read(struct fake_server *server)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size = getline(&line, &capacity, server->in);
    json_error_t error;
    json_t *json;

    ck_assert_int_gt(size, 0);
    ck_assert_int_eq(line[size - 1], '\n');
    json = json_loadb(line, (size_t)size, JSON_ALLOW_NUL, &error);
    ck_assert_msg(json != NULL, "%s in: %s", error.text, line);
    free(line);
    return json;
}

static json_t *wanted_json(const char *json)
{
    char *text = strdup(json);
    json_t *wanted;

    quote(text);
    wanted = json_loads(text, JSON_DECODE_ANY, NULL);
    ck_assert_msg(wanted != NULL, "the test's own JSON is bad: %s", text);
    free(text);
    return wanted;
}

static void expect_equal(const json_t *got, const char *json)
{
    json_t *wanted = wanted_json(json);
    char *text = json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT);

    ck_assert_msg(json_equal(got, wanted), "got:    %s\nwanted: %s", text, json);
    free(text);
    json_decref(wanted);
}

void fake_server_expect(struct fake_server *server, const char *json)
{
    json_t *got = fake_server_read(server);

    expect_equal(got, json);
    json_decref(got);
}

void fake_server_expect_call(struct fake_server *server, const char *method, const char *params)
{
    json_t *got = fake_server_read(server);

    ck_assert_str_eq(json_string_value(json_object_get(got, "jsonrpc")), "2.0");
    ck_assert_str_eq(json_string_value(json_object_get(got, "method")), method);
    if (params)
        expect_equal(json_object_get(got, "params"), params);
    else
        ck_assert_ptr_null(json_object_get(got, "params"));
    json_decref(got);
}

void fake_server_expect_silence(struct fake_server *server)
{
    char byte;

    ck_assert_int_eq(recv(server->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
    ck_assert_int_eq(errno, EAGAIN);
}

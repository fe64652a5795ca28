/* A client of the daemon for tests: the socket and JSON lines, with nothing hidden. Whatever goes
 * wrong with the connection itself fails the test. Every wait ends at the deadline of
 * tests/support/deadline.h. One thread a client.
 *
 * Params are written as printf-like JSON in which an apostrophe stands for a quote:
 *     client_call(client, "submit", "{'fn':'exec','args':{'argv':%s}}", gate_argv(gate)); */
#ifndef FUTURED_TESTS_CLIENT_H
#define FUTURED_TESTS_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;

struct client *client_connect(const char *socket_path);
/* Closes the connection. NULL is allowed. */
void client_close(struct client *client);
/* The socket, borrowed. */
int client_fd(const struct client *client);

/* ---- Bytes and lines ---- */
void client_send(struct client *client, const void *bytes, size_t size);
/* Sends the text and an LF. */
void client_send_line(struct client *client, const char *line);
/* Ends the sending direction, as `nc -N` does. */
void client_half_close(struct client *client);
/* The next line that arrives, without its LF; the caller frees. NULL at the end of the stream. */
char *client_read_line(struct client *client);
/* The next line as JSON, whatever it is: reply, notification, batch; the caller owns it. Fails the
 * test at the end of the stream. What was set aside by the functions below comes first. */
json_t *client_read(struct client *client);
/* Fails the test unless the daemon has closed the stream with nothing more in it. */
void client_expect_end(struct client *client);

/* ---- Calls ---- */
/* Sends a request and returns its id, a number not used before on this connection. */
json_int_t client_request(struct client *client, const char *method, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with params that are built already; takes ownership, NULL: without params. */
json_int_t client_request_json(struct client *client, const char *method, json_t *params);
/* The reply to that request, which the caller owns. Sets aside, in their order, the other
 * messages that arrive before it. */
json_t *client_reply(struct client *client, json_int_t id);
/* Request and reply in one. */
json_t *client_call(struct client *client, const char *method, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The `result` of a call, which the caller owns; an error reply fails the test. */
json_t *client_result(struct client *client, const char *method, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The `error.code` of a call; a reply without an error fails the test. */
int client_error(struct client *client, const char *method, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Submits (params as for the method) and returns the future's id. */
json_int_t client_submit(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Notifications ---- */
/* The next notification (a message without `id`), which the caller owns; replies that arrive before
 * it are set aside. */
json_t *client_notification(struct client *client);
/* Whether one has arrived, by the time that a `ping` sent now is answered. */
bool client_has_notification(struct client *client);

/* ---- Replies ---- */
/* The code of an error reply; 0 for one with a result. */
int reply_error(json_t *reply);

#endif

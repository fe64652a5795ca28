/* The other end of a libfuture client, word by word as the test wants it: what it will say is
 * written beforehand, and what the client has said is read afterwards. Whatever goes wrong fails
 * the test. JSON is written with apostrophes for quotes. One thread a server. */
#ifndef FUTURED_TESTS_FAKE_SERVER_H
#define FUTURED_TESTS_FAKE_SERVER_H

#include <jansson.h>
#include <stddef.h>

#include "client/future.h"

struct fake_server;

/* The client is the caller's: future_close. */
struct fake_server *fake_server_new(struct future_client **ret_client);
/* NULL is allowed. */
void fake_server_free(struct fake_server *server);
/* Hangs up; the rest still works as far as it can. */
void fake_server_hang_up(struct fake_server *server);
/* The socket, blocking, borrowed. */
int fake_server_fd(const struct fake_server *server);

/* Says this line, with its LF. */
void fake_server_say(struct fake_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Says these bytes and no more. */
void fake_server_write(struct fake_server *server, const void *bytes, size_t size);

/* The next line from the client, which must be JSON; the caller owns it. */
json_t *fake_server_read(struct fake_server *server);
/* The next line from the client must be this request. */
void fake_server_expect(struct fake_server *server, const char *json);
/* The next line from the client must be a request of this method with these params (NULL: none). */
void fake_server_expect_call(struct fake_server *server, const char *method, const char *params);
/* The client has said nothing more. */
void fake_server_expect_silence(struct fake_server *server);

#endif

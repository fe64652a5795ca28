/* A client of libfuture and the fake server that it talks to, made anew for each test. One thread.
 */
#ifndef FUTURED_TESTS_LIBFUTURE_FIXTURE_H
#define FUTURED_TESTS_LIBFUTURE_FIXTURE_H

#include "client/future.h"
#include "tests/support/fake_server.h"

/* A wait that ought to end by itself. */
enum { LONG_MS = 50000 };

extern struct fake_server *server;
extern struct future_client *client;

void setup(void);
void teardown(void);

/* The members of a future that a reply or an event always shows, but for its id and state. */
#define SHOWN                                                                                      \
    "'fn':'exec','pool':'default','label':null,'priority':0,'attempt':1,"                          \
    "'submitted':1764000000.123456,'started':null,'finished':null,'uid':1000,'waiting':null"

/* The answer to the first, or the nth, call. */
#define answer(n, json) fake_server_say(server, "{'id':'c%d','result':%s}", n, json)

/* Refuses that call; `data`: more members of the error, with a comma before them. */
void refuse(int call, int code, const char *data);

/* The last error of the client; `param` NULL: it names none. */
void expect_error(int failure, int code, const char *param);

#endif

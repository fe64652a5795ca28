/* A request with the params that a test wants decoded, the limits, and the error that comes of it.
 * One thread. */
#ifndef FUTURED_TESTS_MESSAGES_FIXTURE_H
#define FUTURED_TESTS_MESSAGES_FIXTURE_H

#include "proto/messages.h"

extern struct limits limits;
extern struct rpc_error error;

void setup(void);
void teardown(void);

/* A request with those params, "" for none. */
const struct rpc_request *request(const char *params);

#endif

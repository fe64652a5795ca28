#include "tests/support/messages_fixture.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

struct limits limits;
struct rpc_error error;
static struct rpc_line line;
static char text[4096];

void setup(void)
{
    limits_set_defaults(&limits);
    line = (struct rpc_line){0};
    memset(&error, 0xa5, sizeof(error));
}

void teardown(void)
{
    rpc_line_clear(&line);
}

const struct rpc_request *request(const char *params)
{
    struct rpc_error parse_error;

    rpc_line_clear(&line);
    snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"%s%s}",
             params[0] != '\0' ? ",\"params\":" : "", params);
    ck_assert_msg(rpc_parse(text, strlen(text), &limits, &line, &parse_error) == 0, "%s: %s", text,
                  parse_error.detail);
    ck_assert_int_eq(line.requests[0].error.code, 0);
    return &line.requests[0];
}

#include "tests/support/libfuture_fixture.h"

#include <check.h>
#include <string.h>

struct fake_server *server;
struct future_client *client;

void setup(void)
{
    server = fake_server_new(&client);
}

void teardown(void)
{
    future_close(client);
    fake_server_free(server);
}

void refuse(int call, int code, const char *data)
{
    fake_server_say(server, "{'id':'c%d','error':{'code':%d,'message':'no'%s}}", call, code, data);
}

void expect_error(int failure, int code, const char *param)
{
    const struct future_error *error = future_last_error(client);

    ck_assert_int_eq(error->failure, failure);
    ck_assert_int_eq(error->code, code);
    if (param) {
        ck_assert_str_eq(error->param, param);
        ck_assert_ptr_nonnull(strstr(error->message, param));
    } else {
        ck_assert_ptr_null(error->param);
    }
}

/* layers: rpc run store core proto base */
/* extra: tests/support/served.c */
/* Who is told what of a pool whose workers live elsewhere. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/executor.h"
#include "daemon/core/place.h"
#include "tests/support/served.h"
#include "tests/support/suite.h"

static bool no_trouble(struct place *place, char *ret_text, size_t size)
{
    (void)place;
    (void)ret_text;
    (void)size;
    return false;
}

static const char *ask(struct served_client *client, const char *line)
{
    served_forget(client);
    served_line(client, line, strlen(line));
    served_await_replies(client, 1);
    return client->text;
}

#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pool.list\",\"params\":{\"pool\":\"far\"}}"
#define INFO "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"info\"}"

START_TEST(a_launcher_is_for_admins)
{
    static const struct place_ops ops = {.trouble = no_trouble};
    struct place place = {.ops = &ops, .launcher = "env TOKEN=secret ssh node"};
    struct served *served = served_new(NULL);
    struct pool_settings settings;

    pool_default_settings("far", &settings);
    settings.place = &place;
    ck_assert_int_eq(executor_set_pool(served->executor, "far", &settings), 0);
    const char *const lines[] = {LIST, INFO};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_ptr_nonnull(
            strstr(ask(&served->admin, lines[i]), "\"launcher\":\"env TOKEN=secret ssh node\""));
        ck_assert_ptr_nonnull(strstr(ask(&served->user, lines[i]), "\"launcher\":\"env\""));
        ck_assert_ptr_null(strstr(served->user.text, "secret"));
    }
    served_free(served);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("show_pool", NULL, NULL);

    tcase_add_test(tests, a_launcher_is_for_admins);
    return suite_run();
}

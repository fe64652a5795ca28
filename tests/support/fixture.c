#include "tests/support/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "tests/support/suite.h"
#include "tests/support/text.h"

void fixture_start(struct fixture *fixture, const struct daemon_options *options)
{
    fixture->daemon = daemon_start(options);
    fixture->client = client_connect(daemon_socket(fixture->daemon));
    fixture->gate = gate_new(daemon_directory(fixture->daemon), "gate");
}

void fixture_stop(struct fixture *fixture)
{
    client_close(fixture->client);
    /* What still stands at the gate goes, so that the daemon need not wait for it. */
    gate_free(fixture->gate);
    daemon_stop(fixture->daemon);
}

void fixture_join(struct fixture *fixture)
{
    client_close(fixture->client);
    gate_free(fixture->gate);
    daemon_join(fixture->daemon);
}

void fixture_kill_and_restart(struct fixture *fixture)
{
    client_close(fixture->client);
    daemon_kill(fixture->daemon);
    daemon_restart(fixture->daemon);
    fixture->client = fixture_client(fixture);
}

struct client *fixture_client(const struct fixture *fixture)
{
    return client_connect(daemon_socket(fixture->daemon));
}

bool is_root(void)
{
    return geteuid() == 0;
}

struct client *fixture_client_of(const struct fixture *fixture, uid_t uid)
{
    ck_assert_int_eq(setegid(uid), 0);
    ck_assert_int_eq(seteuid(uid), 0);
    /* The directories on the way are root's alone, and who may pass is not what is asked here. */
    setfsuid(0);
    struct client *client = client_connect(daemon_socket(fixture->daemon));
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(setegid(0), 0);
    return client;
}

json_int_t fixture_hold(const struct fixture *fixture)
{
    json_int_t id = client_submit(fixture->client, "{'fn':'exec','args':{'argv':%s}}",
                                  gate_argv(fixture->gate));

    gate_wait_running(fixture->gate);
    return id;
}

int fixture_run(const char *name, SFun setup, SFun teardown, const TTest *const tests[])
{
    TCase *tcase = suite_tests(name, setup, teardown);

    /* Every wait has its deadline; this one is for a busy machine. */
    tcase_set_timeout(tcase, getenv("FUTURED_LONG") ? 1100 : 110);
    for (size_t i = 0; tests[i]; i++)
        tcase_add_test(tcase, tests[i]);
    return suite_run();
}

/* ---- checks ---- */

/* The reply to a call whose params are written as for client_call; the caller owns it. */
static json_t *call(struct client *client, const char *method, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static json_t *call(struct client *client, const char *method, const char *format, va_list args)
{
    char *params = text_vjson(format, args);
    json_t *reply = client_call(client, method, "%s", params);

    free(params);
    return reply;
}

static void complain(json_t *reply, const char *method, const char *what)
{
    char *text = json_dumps(reply, JSON_ENCODE_ANY);

    ck_abort_msg("%s: not %s, but: %s", method, what, text ? text : "(nothing)");
}

void expect_refused(struct client *client, const char *method, const char *param,
                    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    json_t *reply = call(client, method, format, args);
    va_end(args);
    json_t *named = json_find(reply, "error.data.param");
    if (reply_error(reply) != -32602 || !json_is_string(named) ||
        strcmp(json_string_value(named), param) != 0)
        complain(reply, method, param);
    json_decref(reply);
}

void expect_limit(struct client *client, const char *method, const char *limit, json_int_t value,
                  const char *format, ...)
{
    va_list args;

    va_start(args, format);
    json_t *reply = call(client, method, format, args);
    va_end(args);
    if (reply_error(reply) != -32005)
        complain(reply, method, limit);
    json_expect(reply, "error.data.limit", "'%s'", limit);
    json_expect(reply, "error.data.value", "%lld", value);
    json_decref(reply);
}

void expect_state(struct client *client, json_int_t id, const char *state)
{
    json_t *future = client_result(client, "status", "{'id':%lld}", id);

    json_expect(future, "state", "'%s'", state);
    json_decref(future);
}

void expect_result(struct client *client, json_int_t id, const char *format, ...)
{
    va_list args;
    json_t *result = client_result(client, "result", "{'id':%lld}", id);

    va_start(args, format);
    char *wanted = text_vjson(format, args);
    va_end(args);
    json_expect(result, "id", "%lld", id);
    json_expect(result, "state", "'FINISHED'");
    json_expect(result, "result", "%s", wanted);
    ck_assert(!json_has(result, "exception"));
    free(wanted);
    json_decref(result);
}

void expect_exception(struct client *client, json_int_t id, const char *type)
{
    json_t *result = client_result(client, "result", "{'id':%lld}", id);

    json_expect(result, "state", "'FINISHED'");
    json_expect(result, "exception.type", "'%s'", type);
    ck_assert(!json_has(result, "result"));
    json_decref(result);
}

json_int_t expect_done(struct client *client, json_int_t id)
{
    json_t *message = client_notification(client);

    json_expect(message, "jsonrpc", "'2.0'");
    json_expect(message, "method", "'future.done'");
    json_expect(message, "params.future.id", "%lld", id);
    json_int_t cursor = json_int_at(message, "params.cursor");
    json_decref(message);
    return cursor;
}

void expect_quiet(struct client *client)
{
    ck_assert_msg(!client_has_notification(client), "there is a notification");
}

void await_connections(struct client *client, json_int_t count)
{
    json_int_t connections = -1;

    while (connections != count) {
        json_t *info = client_result(client, "info", "{}");
        connections = json_int_at(info, "connections");
        json_decref(info);
    }
}

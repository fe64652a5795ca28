/* Every limit of the table: what is at it passes, what is one past it is refused and told which
 * limit it has met. This is the one place that says where each is checked: a limit without a row
 * here fails the test. Each row runs with a daemon of its own whose configuration sets that limit.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/limits.h"
#include "tests/support/deadline.h"
#include "tests/support/fixture.h"
#include "tests/support/suite.h"
#include "tests/support/text.h"

static struct fixture f;

enum { USER_A = 40001, USER_B = 40002 };

struct row {
    const char *name;
    int value;
    const char *more;               /* further lines of [limits] */
    void (*check)(int value);       /* NULL: the calls below tell it */
    const char *method, *at, *past; /* params; the one past is refused with -32005 */
    const char *param;              /* it is refused with -32602 of this param instead */
};

#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"%s}"

static void ping(struct client *client)
{
    json_decref(client_result(client, "ping", "{}"));
}

static void pause_pool(void)
{
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
}

/* ---- lines: proto/frame.c, proto/json_text.c, proto/rpc.c, daemon/net/connection.c ---- */

/* The next message is an error with id null that names the limit. */
static void expect_line_refused(struct client *client, int code, const char *limit, int value)
{
    json_t *reply = client_read(client);
    ck_assert_int_eq(reply_error(reply), code);
    ck_assert(json_null_at(reply, "id"));
    json_expect(reply, "error.data", "{'limit':'%s','value':%d}", limit, value);
    json_decref(reply);
}

static void expect_answer(struct client *client)
{
    json_t *reply = client_read(client);
    ck_assert_int_eq(reply_error(reply), 0);
    json_decref(reply);
}

static void line_bytes(int value)
{
    char *line = text_print(PING "%*s", "", value - (int)strlen(PING) + 2, "");
    ck_assert_int_eq((int)strlen(line), value);
    client_send_line(f.client, line);
    expect_answer(f.client);
    client_send(f.client, line, strlen(line));
    client_send(f.client, " \n" PING "\n", strlen(" \n" PING "\n"));
    expect_line_refused(f.client, -32600, "line_bytes", value);
    client_expect_end(f.client);
    free(line);
}

/* A request that holds `inside`, whatever it answers. */
static void send_holding(const char *inside)
{
    char *line = text_print("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"submit\",\"params\":"
                            "{\"fn\":\"echo\",\"args\":{\"a\":%s}}}",
                            inside);
    client_send_line(f.client, line);
    free(line);
}

static void depth(int value)
{
    ck_assert_int_eq(value, 5);
    send_holding("[[]]"); /* the request, params, args, two arrays */
    expect_answer(f.client);
    send_holding("[[[]]]");
    expect_line_refused(f.client, -32600, "depth", value);
}

static void values(int value)
{
    ck_assert_int_eq(value, 10);
    send_holding("[1,2]"); /* and the request, its 4 members, 2 of params, 1 of args */
    expect_answer(f.client);
    send_holding("[1,2,3]");
    expect_line_refused(f.client, -32600, "values", value);
}

static void batch(int value)
{
    ck_assert_int_eq(value, 2);
    client_send_line(f.client, "[1,2]");
    json_t *replies = client_read(f.client);
    ck_assert_uint_eq(json_array_size(replies), 2);
    json_decref(replies);
    client_send_line(f.client, "[1,2,3]");
    expect_line_refused(f.client, -32005, "batch", value);
}

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void line_seconds(int value)
{
    struct client *slow = fixture_client(&f), *silent = fixture_client(&f);
    struct client *done = fixture_client(&f), *progress = fixture_client(&f);
    const long long start_ms = now_ms();
    long long told_ms = 0;
    /* One byte now and then is progress, as long as it comes in time. */
    struct pollfd end = {.fd = client_fd(slow), .events = POLLIN};
    ping(done);
    client_send(done, PING "\n", 10);
    client_send(done, &PING "\n"[10], strlen(PING) - 9);
    json_decref(client_read(done));
    client_send(slow, "{\"jsonrpc\"", 10);
    client_send(progress, "[", 1);
    while (poll(&end, 1, value * 250) == 0)
        client_send(progress, " ", 1);
    told_ms = now_ms();
    ck_assert_int_ge(told_ms - start_ms, value * 1000 - 1);
    expect_line_refused(slow, -32600, "line_seconds", value);
    client_expect_end(slow);
    client_send(progress, "]\n", 2);
    json_t *reply = client_read(progress);
    ck_assert_int_eq(reply_error(reply), -32600); /* an empty batch */
    ck_assert(!json_has(reply, "error.data"));
    json_decref(reply);
    /* Who has said nothing, or whole lines only, has all the time. */
    ping(silent);
    ping(done);
    client_close(slow);
    client_close(silent);
    client_close(done);
    client_close(progress);
}

/* ---- requests and subscriptions: daemon/rpc/request.c, subscription.c ---- */

static void requests_in_flight(int value)
{
    json_int_t id = fixture_hold(&f), waits[8];
    for (int i = 0; i < value; i++)
        waits[i] = client_request(f.client, "result", "{'id':%lld}", id);
    expect_limit(f.client, "ping", "requests_in_flight", value, "{}");
    struct client *other = fixture_client(&f);
    ping(other);
    client_close(other);
    gate_pass(f.gate, 1);
    for (int i = 0; i < value; i++)
        json_decref(client_reply(f.client, waits[i]));
    ping(f.client);
}

static void subscriptions(int value)
{
    for (int i = 0; i < value; i++)
        json_decref(client_result(f.client, "subscribe", "{'all':true}"));
    expect_limit(f.client, "subscribe", "subscriptions", value, "{'all':true}");
    json_decref(client_result(f.client, "unsubscribe", "{'subscription':1}"));
    json_decref(client_result(f.client, "subscribe", "{'all':true}"));
}

/* ---- connections: daemon/net/guests.c ---- */

static void expect_sent_away(struct client *client, const char *limit, int value)
{
    expect_line_refused(client, -32005, limit, value);
    client_expect_end(client);
    client_close(client);
}

static void connections(int value)
{
    struct client *clients[16] = {NULL};
    for (int i = 1; i < value; i++) {
        clients[i] = fixture_client(&f);
        ping(clients[i]);
    }
    expect_sent_away(fixture_client(&f), "connections", value);
    client_close(clients[1]);
    ping(f.client); /* the daemon has seen the other one go */
    clients[1] = fixture_client(&f);
    for (int i = 1; i < value; i++) {
        ping(clients[i]);
        client_close(clients[i]);
    }
}

static void connections_per_uid(int value)
{
    struct client *clients[16] = {NULL};
    if (!is_root())
        return;
    for (int i = 0; i < value; i++) {
        clients[i] = fixture_client_of(&f, USER_A);
        ping(clients[i]);
    }
    expect_sent_away(fixture_client_of(&f, USER_A), "connections_per_uid", value);
    /* Others have their own number, and who could end the daemon has none. */
    struct client *other = fixture_client_of(&f, USER_B);
    ping(other);
    for (int i = 0; i < value; i++) {
        struct client *own = fixture_client(&f);
        ping(own);
        client_close(own);
    }
    client_close(clients[0]);
    ping(f.client);
    clients[0] = fixture_client_of(&f, USER_A);
    for (int i = 0; i < value; i++) {
        ping(clients[i]);
        client_close(clients[i]);
    }
    client_close(other);
}

static void connections_reserved(int value)
{
    enum { CONNECTIONS = 6 }; /* as the row sets it */
    struct client *others[CONNECTIONS], *own[CONNECTIONS];
    int count = 0, mine = 0;
    if (!is_root())
        return;
    for (; count + 1 < CONNECTIONS - value; count++) {
        others[count] = fixture_client_of(&f, USER_A + (uid_t)count);
        ping(others[count]);
    }
    expect_sent_away(fixture_client_of(&f, USER_B + 10), "connections", CONNECTIONS);
    for (; mine < value; mine++) {
        own[mine] = fixture_client(&f);
        ping(own[mine]);
    }
    expect_sent_away(fixture_client(&f), "connections", CONNECTIONS);
    while (count > 0)
        client_close(others[--count]);
    while (mine > 0)
        client_close(own[--mine]);
}

/* ---- unsent output: daemon/net/connection.c ---- */

static json_int_t large_result(int bytes)
{
    char *text = malloc((size_t)bytes + 1);
    memset(text, 'x', (size_t)bytes);
    text[bytes] = '\0';
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{'a':'%s'}}", text);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", id));
    free(text);
    return id;
}

/* Asks for the result so often, in one write, and reads nothing. */
static void ask_and_not_read(struct client *client, json_int_t id, int times)
{
    char *lines = text_print("%s", "");
    for (int i = 0; i < times; i++) {
        char *more = text_print("%s{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"result\","
                                "\"params\":{\"id\":%lld}}\n",
                                lines, id);
        free(lines);
        lines = more;
    }
    client_send(client, lines, strlen(lines));
    free(lines);
}

/* Whether the daemon has closed the connection, by then. */
static bool is_closed(struct client *client, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = client_fd(client)};
    return poll(&poll_fd, 1, timeout_ms) == 1;
}

static void unsent_pause_bytes(int value)
{
    json_int_t id = large_result(value);
    struct client *lazy = fixture_client(&f);
    /* More than both socket buffers hold, then one request more than is answered. */
    ask_and_not_read(lazy, id, 10);
    json_int_t submit = client_request(lazy, "submit", "{'fn':'echo','label':'behind'}");
    ping(f.client);
    ping(f.client);
    json_t *list = client_result(f.client, "status", "{'label':'behind'}");
    ck_assert_uint_eq(json_count_at(list, "futures"), 0);
    json_decref(list);
    json_decref(client_reply(lazy, submit)); /* reading makes it go on */
    client_close(lazy);
}

static void unsent_bytes(int value)
{
    json_int_t id = large_result(value / 2 - 100);
    struct client *lazy = fixture_client(&f);
    /* With what a socket holds that is within the limit. */
    ask_and_not_read(lazy, id, 2);
    ping(f.client);
    ping(f.client);
    ck_assert(!is_closed(lazy, 0));
    for (int i = 0; i < 2; i++)
        json_decref(client_read(lazy));
    ask_and_not_read(lazy, id, 8);
    ck_assert(is_closed(lazy, deadline_ms()));
    ping(f.client);
    client_close(lazy);
}

static void unsent_seconds(int value)
{
    json_int_t id = large_result(1000000);
    struct client *lazy = fixture_client(&f), *late = fixture_client(&f);
    const long long start_ms = now_ms();
    ask_and_not_read(lazy, id, 2);
    ask_and_not_read(late, id, 2);
    ping(f.client);
    for (int i = 0; i < 2; i++)
        json_decref(client_read(late));
    ck_assert(is_closed(lazy, deadline_ms()));
    ck_assert_int_ge(now_ms() - start_ms, value * 1000 - 1);
    ping(late);
    client_close(lazy);
    client_close(late);
}

/* In one write, so that the reply to the second is there before the store has told the first. */
static void subscribe_and_ask(struct client *client, json_int_t id)
{
    char *lines = text_print("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\",\"params\":"
                             "{\"all\":true,\"since\":0}}\n"
                             "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"result\",\"params\":"
                             "{\"id\":%lld}}\n",
                             id);
    client_send(client, lines, strlen(lines));
    free(lines);
}

static json_int_t unsent_total_hits(void)
{
    json_t *stats = client_result(f.client, "stats", "{}");
    json_int_t hits = json_int_at(stats, "limits_hit.unsent_total_bytes");
    json_decref(stats);
    return hits;
}

/* What is held back behind a replay is in no outbox, and counts among what waits for all: who is
 * owed it cannot read it yet, so nobody else is to go for it. */
static void held_total_bytes(int value)
{
    await_connections(f.client, 1);
    json_int_t hits = unsent_total_hits();
    json_int_t id = large_result(value - 10000);
    struct client *client = fixture_client(&f), *other = fixture_client(&f);

    subscribe_and_ask(client, id);
    json_t *reply = client_reply(client, 2);
    ck_assert_uint_gt(strlen(json_text_at(reply, "result.result.a")), 0);
    json_decref(reply);
    ck_assert_int_eq(unsent_total_hits(), hits);
    client_close(client);
    /* Made now, so that it is in memory: what the store has comes behind the replay. */
    id = large_result(value);
    client = fixture_client(&f);
    subscribe_and_ask(client, id);
    for (char *line; (line = client_read_line(client)); free(line))
        ck_assert_ptr_null(strstr(line, "\"id\":2,\"result\""));
    ck_assert_int_eq(unsent_total_hits(), hits + 1);
    ping(other);
    client_close(client);
    client_close(other);
}

static void unsent_total_bytes(int value)
{
    /* Two that do not read are within it, a third one is too much: the first one goes. Each has a
     * result of its own, as what several are sent counts once. */
    struct client *clients[3];
    json_int_t ids[3];
    for (int i = 0; i < 3; i++) {
        ids[i] = large_result(value / 2 - 1000);
        clients[i] = fixture_client(&f);
        ping(clients[i]);
    }
    ask_and_not_read(clients[0], ids[0], 1);
    ping(f.client);
    ask_and_not_read(clients[1], ids[1], 5);
    ping(f.client);
    ck_assert(!is_closed(clients[0], 0));
    ask_and_not_read(clients[2], ids[2], 1);
    /* It is looked at when something is sent, and what is young is spared. */
    const long long start_ms = now_ms();
    while (!is_closed(clients[0], 0) && now_ms() - start_ms < deadline_ms())
        ping(f.client);
    ck_assert(is_closed(clients[0], 0));
    ck_assert(!is_closed(clients[1], 0));
    json_decref(client_read(clients[2]));
    for (int i = 0; i < 3; i++)
        client_close(clients[i]);
    held_total_bytes(value);
}

/* ---- output and results: daemon/core/output.c, proto/messages.c, daemon/rpc/show.c ---- */

static void output_bytes(int value)
{
    for (int more = 0; more < 2; more++) {
        json_int_t id = client_submit(
            f.client, "{'fn':'exec','args':{'argv':['printf','%%0%dd','0']}}", value + more);
        json_t *result = client_result(f.client, "result", "{'id':%lld}", id);
        ck_assert_uint_eq(strlen(json_text_at(result, "result.stdout")), (size_t)value);
        json_expect(result, "result.truncated", more ? "true" : "false");
        json_decref(result);
    }
}

static void output_total_bytes(int value)
{
    for (int more = 0; more < 2; more++) {
        json_int_t id = client_submit(
            f.client, "{'fn':'exec','args':{'argv':['printf','%%0%dd','0'],'check':false}}",
            value + more);
        json_t *reply = client_result(f.client, "exception", "{'id':%lld}", id);
        if (more)
            json_expect(reply, "exception.type", "'OutputLimit'");
        else
            json_expect(reply, "exception", "null");
        json_decref(reply);
    }
    /* Both streams count, and who does not stop by itself is stopped. */
    json_int_t id = client_submit(
        f.client, "{'fn':'exec','args':{'argv':['sh','-c','printf %%0%dd 0; yes >&2']}}", value);
    json_t *reply = client_result(f.client, "exception", "{'id':%lld}", id);
    json_expect(reply, "exception.type", "'OutputLimit'");
    json_expect(reply, "exception.data.signal", "'SIGKILL'");
    json_decref(reply);
}

static void output_chunk_bytes(int value)
{
    json_int_t id =
        client_submit(f.client, "{'fn':'exec','args':{'argv':['printf','%%0%dd','0']}}", value * 2);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", id));
    for (int more = 0; more < 2; more++) {
        json_t *chunk =
            client_result(f.client, "output", "{'id':%lld,'limit':%d}", id, value + more);
        json_expect(chunk, "next", "%d", value);
        json_decref(chunk);
    }
}

static void result_bytes(int value)
{
    /* A map with one item: what is counted is the reply from the id on, up to the last item. */
    static const char frame[] = "{\"id\":1,\"state\":\"FINISHED\",\"result\":[{\"item\":\"\"}";
    int room = value - (int)(sizeof(frame) - 1);
    for (int more = 0; more < 2; more++) {
        json_t *map =
            client_result(f.client, "map", "{'fn':'echo','items':['%0*d']}", room + more, 0);
        json_int_t id = json_int_at(map, "id");
        json_decref(map);
        ck_assert_int_lt(id, 10);
        if (more)
            expect_limit(f.client, "result", "result_bytes", value, "{'id':%lld}", id);
        else
            json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    }
}

/* ---- pending futures: daemon/core/submit.c, map_add.c ---- */

static void pending(int value)
{
    pause_pool();
    for (int i = 0; i < value; i++)
        client_submit(f.client, "{'fn':'echo'}");
    expect_limit(f.client, "submit", "pending", value, "{'fn':'echo'}");
    json_t *cancelled = client_result(f.client, "cancel", "{'id':1}");
    json_decref(cancelled);
    client_submit(f.client, "{'fn':'echo'}");
}

static void pending_per_uid(int value)
{
    pause_pool();
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[],'open':true}");
    json_int_t id = json_int_at(map, "id");
    json_decref(map); /* pending itself */
    for (int i = 1; i < value; i++)
        client_submit(f.client, "{'fn':'echo'}");
    expect_limit(f.client, "submit", "pending_per_uid", value, "{'fn':'echo'}");
    expect_limit(f.client, "map.add", "pending_per_uid", value, "{'id':%lld,'items':[1]}", id);
    if (!is_root())
        return;
    struct client *other = fixture_client_of(&f, USER_A);
    for (int i = 0; i < value; i++)
        client_submit(other, "{'fn':'echo'}");
    expect_limit(other, "submit", "pending_per_uid", value, "{'fn':'echo'}");
    client_close(other);
}

static void map_window(int value)
{
    pause_pool();
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[],'open':true}");
    json_int_t id = json_int_at(map, "id");
    json_decref(map);
    for (int i = 0; i < value; i++)
        json_decref(client_result(f.client, "map.add", "{'id':%lld,'items':[1]}", id));
    json_int_t held = client_request(f.client, "map.add", "{'id':%lld,'items':[1]}", id);
    json_int_t behind = client_request(f.client, "ping", "{}");
    json_t *first = client_read(f.client);
    json_expect(first, "id", "%lld", behind);
    json_decref(first);
    json_decref(client_result(f.client, "pool.resume", "{'pool':'default'}"));
    json_decref(client_reply(f.client, held));
    json_decref(client_result(f.client, "map.close", "{'id':%lld}", id));
}

static void map_items(int value)
{
    ck_assert_int_eq(value, 2);
    json_decref(client_result(f.client, "map", "{'fn':'echo','items':[1,2]}"));
    expect_limit(f.client, "map", "map_items", value, "{'fn':'echo','items':[1,2,3]}");
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1],'open':true}");
    json_int_t id = json_int_at(map, "id");
    json_decref(map);
    json_decref(client_result(f.client, "map.add", "{'id':%lld,'items':[1]}", id));
    expect_limit(f.client, "map.add", "map_items", value, "{'id':%lld,'items':[1]}", id);
    json_decref(client_result(f.client, "map.close", "{'id':%lld}", id));
}

static void pools(int value)
{
    /* `default` is one of them. */
    for (int i = 1; i < value; i++)
        json_decref(client_result(f.client, "pool.set", "{'pool':'p%d'}", i));
    expect_limit(f.client, "pool.set", "pools", value, "{'pool':'more'}");
    json_decref(client_result(f.client, "pool.set", "{'pool':'p1','max_workers':1}"));
}

static void after(int value)
{
    ck_assert_int_eq(value, 2);
    for (int i = 0; i < 3; i++)
        client_submit(f.client, "{'fn':'echo'}");
    client_submit(f.client, "{'fn':'echo','after':[1,2]}");
    expect_limit(f.client, "submit", "after", value, "{'fn':'echo','after':[1,2,3]}");
}

/* ---- retention: daemon/core/retention.c ---- */

/* Done one after the other; returns the id of the last. */
static json_int_t run_echoes(int count, const char *args)
{
    json_int_t id = 0;
    for (int i = 0; i < count; i++) {
        id = client_submit(f.client, "{'fn':'echo','args':{'a':'%s'}}", args);
        json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", id));
    }
    return id;
}

/* The store keeps house in its own time: it is asked until the first future has expired. */
static void await_expired(json_int_t id)
{
    const long long start_ms = now_ms();
    int code = 0;
    while (code != -32004 && now_ms() - start_ms < deadline_ms()) {
        json_t *reply = client_call(f.client, "status", "{'id':%lld}", id);
        code = reply_error(reply);
        json_decref(reply);
    }
    ck_assert_int_eq(code, -32004);
}

static void retention_count(int value)
{
    run_echoes(value, "");
    expect_state(f.client, 1, "FINISHED");
    run_echoes(1, "");
    await_expired(1);
    expect_state(f.client, 2, "FINISHED");
}

static void retention_bytes(int value)
{
    /* Each counts with its arguments and its result. */
    char *text = text_print("%0*d", value / 5, 0);
    run_echoes(2, text);
    expect_state(f.client, 1, "FINISHED");
    run_echoes(1, text);
    await_expired(1);
    expect_state(f.client, 3, "FINISHED");
    free(text);
}

static void retention_seconds(int value)
{
    const long long start_ms = now_ms();
    run_echoes(1, "");
    expect_state(f.client, 1, "FINISHED");
    json_t *reply = NULL;
    do {
        json_decref(reply);
        run_echoes(1, ""); /* house is kept when something ends */
        reply = client_call(f.client, "status", "{'id':1}");
    } while (reply_error(reply) == 0 && now_ms() - start_ms < deadline_ms());
    ck_assert_int_eq(reply_error(reply), -32004);
    ck_assert_int_ge(now_ms() - start_ms, value * 1000 - 1);
    json_decref(reply);
}

static void launcher_seconds(int value)
{
    const long long start_ms = now_ms();
    json_int_t id = client_submit(f.client, "{'fn':'echo','pool':'far'}");
    json_t *reply = NULL;
    const char *trouble;
    do {
        json_decref(reply);
        reply = client_result(f.client, "pool.list", "{'pool':'far'}");
        trouble = json_string_value(
            json_object_get(json_array_get(json_object_get(reply, "pools"), 0), "trouble"));
    } while (!trouble && now_ms() - start_ms < deadline_ms());
    ck_assert_ptr_nonnull(trouble);
    ck_assert_msg(strstr(trouble, "the launcher led to no worker in 1 s") != NULL, "%s", trouble);
    ck_assert_int_ge(now_ms() - start_ms, value * 1000 - 1);
    json_decref(reply);
    expect_state(f.client, id, "PENDING");
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", id));
}

/* ---- the rows ---- */

static const struct row rows[] = {
    {.name = "line_bytes", .value = 300, .check = line_bytes},
    {.name = "depth", .value = 5, .check = depth},
    {.name = "values", .value = 10, .check = values},
    {.name = "batch", .value = 2, .check = batch},
    {.name = "requests_in_flight", .value = 3, .check = requests_in_flight},
    {.name = "subscriptions", .value = 3, .check = subscriptions},
    {.name = "connections", .value = 4, .check = connections},
    {.name = "connections_per_uid", .value = 3, .check = connections_per_uid},
    {.name = "connections_reserved",
     .value = 2,
     .more = "connections = 6\n",
     .check = connections_reserved},
    {.name = "line_seconds", .value = 1, .check = line_seconds},
    {.name = "unsent_pause_bytes", .value = 500000, .check = unsent_pause_bytes},
    {.name = "unsent_bytes",
     .value = 1000000,
     .more = "unsent_pause_bytes = 4000000\n",
     .check = unsent_bytes},
    {.name = "unsent_seconds", .value = 1, .check = unsent_seconds},
    {.name = "unsent_total_bytes", .value = 2000000, .check = unsent_total_bytes},
    {.name = "output_bytes", .value = 100, .check = output_bytes},
    {.name = "output_total_bytes", .value = 100, .check = output_total_bytes},
    {.name = "output_chunk_bytes", .value = 100, .check = output_chunk_bytes},
    {.name = "result_bytes", .value = 100, .check = result_bytes},
    {.name = "pending", .value = 3, .check = pending},
    {.name = "pending_per_uid", .value = 3, .check = pending_per_uid},
    {.name = "map_window", .value = 2, .check = map_window},
    {.name = "map_items", .value = 2, .check = map_items},
    {.name = "workers",
     .value = 7,
     .method = "pool.set",
     .at = "{'pool':'p','max_workers':7}",
     .past = "{'pool':'p','max_workers':8}",
     .param = "max_workers"},
    {.name = "pools", .value = 3, .check = pools},
    {.name = "launcher_seconds",
     .value = 1,
     .more = "[pool far]\nmax_workers = 1\nlauncher = sh -c 'exec sleep 1000' sh\n",
     .check = launcher_seconds},
    {.name = "label_bytes",
     .value = 4,
     .method = "submit",
     .at = "{'fn':'echo','label':'four'}",
     .past = "{'fn':'echo','label':'fiver'}",
     .param = "label"},
    {.name = "key_bytes",
     .value = 4,
     .method = "submit",
     .at = "{'fn':'echo','key':'four'}",
     .past = "{'fn':'echo','key':'fiver'}",
     .param = "key"},
    {.name = "name_bytes",
     .value = 7,
     .method = "pool.set",
     .at = "{'pool':'default'}",
     .past = "{'pool':'defaults'}",
     .param = "pool"},
    {.name = "after", .value = 2, .check = after},
    {.name = "status_limit",
     .value = 5,
     .method = "status",
     .at = "{'limit':5}",
     .past = "{'limit':6}"},
    {.name = "retention_count", .value = 3, .check = retention_count},
    {.name = "retention_bytes", .value = 30000, .check = retention_bytes},
    {.name = "retention_seconds", .value = 1, .check = retention_seconds},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static char *quoted(const char *text)
{
    char *copy = text_print("%s", text);
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

START_TEST(at_it_and_one_past_it)
{
    const struct row *row = &rows[_i];
    char *config =
        text_print("[limits]\n%s = %d\n%s", row->name, row->value, row->more ? row->more : "");
    const struct daemon_options options = {.config = config};

    fixture_start(&f, &options);
    json_t *info = client_result(f.client, "info", "{}");
    char *path = text_print("limits.%s", row->name);
    json_expect(info, path, "%d", row->value);
    json_decref(info);
    free(path);
    if (row->check) {
        row->check(row->value);
    } else {
        char *at = quoted(row->at), *past = quoted(row->past);
        json_decref(client_result(f.client, row->method, "%s", at));
        if (row->param)
            expect_refused(f.client, row->method, row->param, "%s", past);
        else
            expect_limit(f.client, row->method, row->name, row->value, "%s", past);
        free(at);
        free(past);
    }
    fixture_stop(&f);
    free(config);
}
END_TEST

START_TEST(every_limit_has_its_row)
{
    size_t count = 0;

    for (const struct limit_entry *entry = limit_table; entry->name; entry++, count++) {
        size_t i = 0;
        while (i < ROWS && strcmp(rows[i].name, entry->name) != 0)
            i++;
        ck_assert_msg(i < ROWS, "nobody checks the limit %s", entry->name);
    }
    ck_assert_uint_eq(count, ROWS);
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("limits", NULL, NULL);

    tcase_add_loop_test(tcase, at_it_and_one_past_it, 0, ROWS);
    tcase_add_test(tcase, every_limit_has_its_row);
    return suite_run();
}

/* A thousand clients at once: each submits, subscribes and reads; nothing is lost and nothing comes
 * twice. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/support/deadline.h"
#include "tests/support/fixture.h"

static struct fixture f;

static void setup(void)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    fixture_start(&f, NULL);
}

static void teardown(void)
{
    fixture_stop(&f);
}

enum { MAX_CLIENTS = 1000, FUTURES = 10 };

struct reader {
    struct client *client;
    json_int_t ids[FUTURES], requests[FUTURES], results[FUTURES];
};

/* What the client has asked for must be there: one notification and one result each, no more. */
static void expect_all(struct reader *reader, int number)
{
    bool told[FUTURES] = {false};

    for (int i = 0; i < FUTURES; i++) {
        json_t *reply = client_reply(reader->client, reader->results[i]);
        json_expect(reply, "result.result", "{'client':%d,'n':%d}", number, i);
        json_decref(reply);
    }
    for (int i = 0; i < FUTURES; i++) {
        json_t *message = client_notification(reader->client);
        json_int_t id = json_int_at(message, "params.future.id");
        bool mine = false;
        for (int k = 0; k < FUTURES; k++) {
            if (reader->ids[k] != id)
                continue;
            ck_assert(!told[k]);
            told[k] = mine = true;
        }
        ck_assert(mine);
        json_decref(message);
    }
    expect_quiet(reader->client);
}

START_TEST(a_thousand_at_once)
{
    const int count = MAX_CLIENTS / (int)test_slowness();
    struct reader *readers = calloc(MAX_CLIENTS, sizeof(*readers));

    for (int i = 0; i < count; i++)
        readers[i].client = fixture_client(&f);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < FUTURES; k++)
            readers[i].requests[k] =
                client_request(readers[i].client, "submit",
                               "{'fn':'echo','args':{'client':%d,'n':%d},'subscribe':%s}", i, k,
                               k % 2 ? "true" : "false");
    for (int i = 0; i < count; i++)
        for (int k = 0; k < FUTURES; k++) {
            json_t *reply = client_reply(readers[i].client, readers[i].requests[k]);
            json_int_t id = readers[i].ids[k] = json_int_at(reply, "result.id");
            json_decref(reply);
            if (k % 2 == 0)
                client_request(readers[i].client, "subscribe", "{'ids':[%lld]}", id);
            readers[i].results[k] = client_request(readers[i].client, "result", "{'id':%lld}", id);
        }
    for (int i = 0; i < count; i++)
        json_decref(client_result(readers[i].client, "wait", "{'ids':[[%lld,%lld]]}",
                                  readers[i].ids[0], readers[i].ids[0]));
    json_t *info = client_result(f.client, "info", "{}");
    json_expect(info, "connections", "%d", count + 1);
    json_decref(info);
    for (int i = 0; i < count; i++) {
        expect_all(&readers[i], i);
        client_close(readers[i].client);
    }
    json_t *list = client_result(f.client, "status", "{'limit':0}");
    json_expect(list, "counts", "{'PENDING':0,'RUNNING':0,'CANCELLED':0,'FINISHED':%d}",
                count * FUTURES);
    json_decref(list);
    free(readers);
}
END_TEST

START_TEST(a_thousand_watch_one)
{
    const int count = MAX_CLIENTS / (int)test_slowness();
    struct client *clients[MAX_CLIENTS];
    json_int_t id = fixture_hold(&f), waits[MAX_CLIENTS];
    json_int_t cursor = 0;

    for (int i = 0; i < count; i++) {
        clients[i] = fixture_client(&f);
        waits[i] = client_request(clients[i], "result", "{'id':%lld}", id);
        client_request(clients[i], "subscribe", "{'ids':[%lld]}", id);
    }
    for (int i = 0; i < count; i++)
        json_decref(client_result(clients[i], "ping", "{}"));
    /* Every third one has gone by then. */
    for (int i = 0; i < count; i += 3) {
        client_close(clients[i]);
        clients[i] = NULL;
    }
    gate_pass(f.gate, 1);
    for (int i = 0; i < count; i++) {
        if (!clients[i])
            continue;
        json_int_t told = expect_done(clients[i], id);
        ck_assert(cursor == 0 || told == cursor);
        cursor = told;
        json_t *reply = client_reply(clients[i], waits[i]);
        json_expect(reply, "result.result.stdout", "'passed\\n'");
        json_decref(reply);
        expect_quiet(clients[i]);
        client_close(clients[i]);
    }
}
END_TEST

START_TEST(coming_and_going)
{
    const int count = 3000 / (int)test_slowness();

    for (int i = 0; i < count; i++) {
        struct client *client = fixture_client(&f);
        switch (i % 4) {
        case 0:
            json_decref(client_result(client, "ping", "{}"));
            break;
        case 1:
            client_request(client, "submit", "{'fn':'echo','label':'left'}");
            json_decref(client_result(client, "ping", "{}"));
            break;
        case 2:
            client_send(client, "{\"jsonrpc\"", 10);
            break;
        default:
            client_request(client, "subscribe", "{'all':true}");
            break;
        }
        client_close(client);
    }
    /* What was taken before this one is there with it. */
    (void)client_submit(f.client, "{'fn':'echo'}");
    json_t *list = client_result(f.client, "status", "{'label':'left','limit':0}");
    json_expect(list, "counts.CANCELLED", "0");
    ck_assert_int_eq(json_int_at(list, "counts.PENDING") + json_int_at(list, "counts.RUNNING") +
                         json_int_at(list, "counts.FINISHED"),
                     (count + 2) / 4);
    json_decref(list);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_thousand_at_once,
        a_thousand_watch_one,
        coming_and_going,
        NULL,
    };

    return fixture_run("many clients", setup, teardown, tests);
}

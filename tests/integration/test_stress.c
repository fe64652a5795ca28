/* 200,000 futures through a pool of 32 threads, with submits, maps, cancels, waits and
 * subscriptions fired at random from 50 connections. Whatever any reply or notification has said of
 * a future is kept, and held against its end: every future ends once, everybody is told the same,
 * and the body of a cancelled one never ran. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/deadline.h"
#include "tests/support/fixture.h"
#include "tests/support/text.h"

enum { CONNECTIONS = 50, FUTURES = 200000, OPS = 40, MAX_IDS = 5, MAX_ITEMS = 20 };

/* What has been said of one future. */
struct known {
    bool is_known, is_cancelled, is_not_cancelled; /* by replies */
    bool has_own;                                  /* submitted with `subscribe` */
    unsigned char own_told, all_told;
    char told_state; /* 'C' or 'F', by notifications */
    int mark;        /* number of its body; -1: it leaves none */
    int echo;        /* what it must return; -1: not looked at */
};

enum kind { SUBMIT, MAP, CANCEL, RESULT, WAIT, SUBSCRIBE, PING, KINDS };

/* What was asked for; kept until the end. */
struct asked {
    enum kind kind;
    bool is_answered, has_own, has_timeout;
    const char *when; /* of a wait */
    int mark, echo;
    size_t count;
    json_int_t ids[MAX_IDS];
    json_int_t subscription;
    unsigned char told[MAX_IDS];
};

struct connection {
    struct client *client;
    struct asked *asked; /* by request id */
    size_t asked_count, asked_room, unanswered;
    json_int_t own; /* the subscription of `subscribe: true`; 0: none yet */
};

static struct fixture f;
static struct connection connections[CONNECTIONS];
static struct connection observer;
static struct known *futures; /* by id */
static json_int_t newest;
static size_t room;
static int marks, submitted;
static unsigned long long seed = 88172645463325252ULL;

static unsigned random_below(unsigned limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 20) % limit;
}

static void setup(void)
{
    static const struct daemon_options options = {
        .config = "[limits]\nretention_count = 10000000\n"
                  "[pool default]\nmax_workers = 32\nidle_timeout = 0.01\n",
    };

    fixture_start(&f, &options);
}

static void teardown(void)
{
    fixture_stop(&f);
}

static struct known *known(json_int_t id)
{
    if ((size_t)id >= room) {
        size_t more = (size_t)id * 2 + 1000;
        struct known *grown = realloc(futures, more * sizeof(*futures));
        ck_assert_ptr_nonnull(grown);
        futures = grown;
        memset(futures + room, 0, (more - room) * sizeof(*futures));
        for (size_t i = room; i < more; i++)
            futures[i].echo = -1;
        room = more;
    }
    return &futures[id];
}

/* ---- asking ---- */

static struct asked *ask(struct connection *connection, enum kind kind, json_int_t request)
{
    if ((size_t)request >= connection->asked_room) {
        connection->asked_room = (size_t)request * 2 + 100;
        struct asked *grown = realloc(connection->asked, connection->asked_room * sizeof(*grown));
        ck_assert_ptr_nonnull(grown);
        connection->asked = grown;
    }
    struct asked *asked = &connection->asked[request];
    *asked = (struct asked){.kind = kind, .mark = -1, .echo = -1};
    connection->asked_count = (size_t)request + 1;
    connection->unanswered++;
    return asked;
}

static json_int_t some_id(void)
{
    unsigned span = newest < 300 ? (unsigned)newest : 300;

    return newest - random_below(span);
}

/* A list of ids as JSON, which the caller frees; they go to `ids` too. */
static char *some_ids(json_int_t ids[MAX_IDS], size_t *ret_count)
{
    char *text = text_print("%s", "");
    size_t wanted = 1 + random_below(MAX_IDS), count = 0;

    for (size_t i = 0; i < wanted; i++) {
        json_int_t id = some_id();
        bool again = false;
        for (size_t k = 0; k < count; k++)
            again |= ids[k] == id;
        if (!again)
            ids[count++] = id;
        char *longer = text_print("%s%s%lld", text, i ? "," : "", id);
        free(text);
        text = longer;
    }
    *ret_count = count;
    return text;
}

static void fire_submit(struct connection *connection)
{
    struct client *client = connection->client;
    unsigned dice = random_below(1000);
    bool own = random_below(2) == 0;
    const char *subscribe = own ? "true" : "false";
    int priority = (int)random_below(3), number = submitted++;
    json_int_t request;
    struct asked *asked;

    if (dice < 10) {
        request = client_request(client, "submit",
                                 "{'fn':'exec','args':{'argv':['sh','-c','echo $1 >>\\\"$2\\\"',"
                                 "'sh','%d','%s/marks']},'subscribe':%s,'priority':%d}",
                                 number, daemon_directory(f.daemon), subscribe, priority);
        asked = ask(connection, SUBMIT, request);
        asked->mark = number;
        marks++;
    } else if (dice < 100) {
        request = client_request(client, "submit",
                                 "{'fn':'sleep','args':{'seconds':0.00%u},'subscribe':%s}",
                                 random_below(30), subscribe);
        asked = ask(connection, SUBMIT, request);
    } else {
        request = client_request(client, "submit",
                                 "{'fn':'echo','args':{'n':%d},'subscribe':%s,'priority':%d}",
                                 number, subscribe, priority);
        asked = ask(connection, SUBMIT, request);
        asked->echo = number;
    }
    asked->has_own = own;
}

static void fire_map(struct connection *connection)
{
    static const char ones[] = "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1";
    unsigned count = random_below(MAX_ITEMS);
    bool own = random_below(2) == 0;

    json_int_t request =
        client_request(connection->client, "map", "{'fn':'echo','items':[%.*s],'subscribe':%s}",
                       count ? (int)(2 * count - 1) : 0, ones, own ? "true" : "false");
    ask(connection, MAP, request)->has_own = own;
    submitted += (int)count + 1;
}

static void fire_look(struct connection *connection)
{
    static const char *const whens[] = {"ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"};
    static const char *const timeouts[] = {"null", "null", "0", "0.001", "0.02"};
    json_int_t ids[MAX_IDS] = {0};
    size_t count;
    char *list = some_ids(ids, &count);
    const char *timeout = timeouts[random_below(5)], *when = whens[random_below(3)];
    struct client *client = connection->client;
    struct asked *asked;

    switch (random_below(4)) {
    case 0:
        asked = ask(connection, CANCEL,
                    client_request(client, "cancel", "{'ids':[%s],'terminate':%s,'grace':0.1}",
                                   list, random_below(5) ? "false" : "true"));
        break;
    case 1:
        asked = ask(connection, RESULT,
                    client_request(client, "result", "{'id':%lld,'timeout':%s}", ids[0], timeout));
        break;
    case 2:
        asked = ask(connection, WAIT,
                    client_request(client, "wait", "{'ids':[%s],'timeout':%s,'return_when':'%s'}",
                                   list, timeout, when));
        asked->when = when;
        break;
    default:
        asked =
            ask(connection, SUBSCRIBE, client_request(client, "subscribe", "{'ids':[%s]}", list));
        break;
    }
    asked->has_timeout = strcmp(timeout, "null") != 0;
    asked->count = count;
    memcpy(asked->ids, ids, sizeof(ids));
    free(list);
}

/* Two rounds of three are queued while nothing starts, so that there is something to cancel. */
static void change_pace(int round, int turn)
{
    if (round % 3 == 0 && turn == 0)
        json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
    if (round % 3 == 1 && turn == CONNECTIONS / 2)
        json_decref(client_result(f.client, "pool.resume", "{'pool':'default'}"));
}

/* ---- taking in what comes ---- */

static void take_state(json_int_t id, const char *state)
{
    if (strcmp(state, "CANCELLED") == 0)
        known(id)->is_cancelled = true;
    else if (strcmp(state, "PENDING") != 0)
        known(id)->is_not_cancelled = true;
}

static void take_new(struct connection *connection, const struct asked *asked, json_t *result)
{
    json_int_t id = json_int_at(result, "id");
    json_int_t count = asked->kind == MAP ? json_int_at(result, "count") : 0;

    for (json_int_t i = 0; i <= count; i++) {
        struct known *future = known(id + i);
        ck_assert(!future->is_known);
        future->is_known = true;
        future->mark = asked->mark;
        future->echo = asked->echo;
    }
    if (asked->has_own) {
        known(id)->has_own = true;
        connection->own = json_int_at(result, "subscription");
    }
    if (id + count > newest)
        newest = id + count;
}

static void take_wait(const struct asked *asked, json_t *result)
{
    size_t done = json_count_at(result, "done"), not_done = json_count_at(result, "not_done");

    ck_assert_uint_eq(done + not_done, asked->count);
    if (asked->has_timeout)
        return;
    if (strcmp(asked->when, "ALL_COMPLETED") == 0)
        ck_assert_uint_eq(not_done, 0);
    if (strcmp(asked->when, "FIRST_COMPLETED") == 0)
        ck_assert_uint_ge(done, 1);
}

static void take_result(const struct asked *asked, json_t *reply)
{
    if (reply_error(reply) != 0) {
        ck_assert_msg(asked->has_timeout && reply_error(reply) == -32001, "%s",
                      json_text_at(reply, "error.message"));
        return;
    }
    json_t *result = json_at(reply, "result");
    struct known *future = known(asked->ids[0]);
    take_state(asked->ids[0], json_text_at(result, "state"));
    ck_assert_str_ne(json_text_at(result, "state"), "PENDING");
    ck_assert_str_ne(json_text_at(result, "state"), "RUNNING");
    bool cancelled = strcmp(json_text_at(result, "state"), "CANCELLED") == 0;
    ck_assert_int_eq(json_has(result, "result") + json_has(result, "exception"), !cancelled);
    if (future->echo >= 0 && json_has(result, "result.n"))
        ck_assert_int_eq(json_int_at(result, "result.n"), future->echo);
}

static void take_reply(struct connection *connection, json_t *reply)
{
    json_int_t request = json_int_at(reply, "id");
    ck_assert_uint_lt((size_t)request, connection->asked_count);
    struct asked *asked = &connection->asked[request];
    json_t *element;
    size_t index;

    ck_assert(!asked->is_answered);
    asked->is_answered = true;
    connection->unanswered--;
    if (asked->kind != RESULT)
        ck_assert_int_eq(reply_error(reply), 0);
    switch (asked->kind) {
    case SUBMIT:
    case MAP:
        take_new(connection, asked, json_at(reply, "result"));
        break;
    case CANCEL:
        json_array_foreach (json_at(reply, "result.futures"), index, element) {
            const char *state = json_text_at(element, "state");
            ck_assert_int_eq(json_bool_at(element, "cancelled"), strcmp(state, "CANCELLED") == 0);
            take_state(json_int_at(element, "id"), state);
        }
        break;
    case RESULT:
        take_result(asked, reply);
        break;
    case WAIT:
        take_wait(asked, json_at(reply, "result"));
        break;
    case SUBSCRIBE:
        asked->subscription = json_int_at(reply, "result.subscription");
        break;
    case PING:
    case KINDS:
        break;
    }
}

static void take_told(struct connection *connection, json_t *message)
{
    json_int_t id = json_int_at(message, "params.future.id");
    json_int_t subscription = json_int_at(message, "params.subscription");
    const char *state = json_text_at(message, "params.future.state");
    struct known *future = known(id);

    ck_assert_str_eq(json_text_at(message, "method"), "future.done");
    ck_assert(future->told_state == 0 || future->told_state == state[0]);
    future->told_state = state[0];
    if (connection == &observer) {
        future->all_told++;
        return;
    }
    if (subscription == connection->own) {
        ck_assert(future->has_own);
        future->own_told++;
        return;
    }
    /* A subscription of named ones; the latest are the likeliest. */
    for (size_t i = connection->asked_count; i-- > 1;) {
        struct asked *asked = &connection->asked[i];
        if (asked->kind != SUBSCRIBE || asked->subscription != subscription)
            continue;
        for (size_t k = 0; k < asked->count; k++)
            asked->told[k] = (unsigned char)(asked->told[k] + (asked->ids[k] == id));
        return;
    }
    ck_abort_msg("nobody has asked for this subscription");
}

static void take_message(struct connection *connection)
{
    json_t *message = client_read(connection->client);

    if (json_has(message, "method"))
        take_told(connection, message);
    else
        take_reply(connection, message);
    json_decref(message);
}

/* Takes in all that has come by the time that a ping is answered. */
static void catch_up(struct connection *connection)
{
    json_int_t ping = client_request(connection->client, "ping", "{}");

    ask(connection, PING, ping);
    while (!connection->asked[ping].is_answered)
        take_message(connection);
}

/* A ping overtakes what waits for the store, so that is not enough to know every future. */
static void take_all_replies(struct connection *connection)
{
    while (connection->unanswered > 0)
        take_message(connection);
}

/* ---- the end ---- */

static void take_end(json_t *shown)
{
    json_int_t id = json_int_at(shown, "id");
    const char *state = json_text_at(shown, "state");
    struct known *future = known(id);
    bool cancelled = strcmp(state, "CANCELLED") == 0;

    ck_assert(future->is_known);
    ck_assert_msg(cancelled || strcmp(state, "FINISHED") == 0, "%lld is %s", id, state);
    ck_assert_msg(!(cancelled ? future->is_not_cancelled : future->is_cancelled),
                  "%lld is %s, and somebody was told otherwise", id, state);
    ck_assert_msg(future->told_state == state[0], "%lld was announced as %c", id,
                  future->told_state);
    ck_assert_msg(future->all_told == 1, "%lld was announced %d times", id, future->all_told);
    ck_assert_int_eq(future->own_told, future->has_own);
    if (cancelled)
        ck_assert(json_null_at(shown, "started"));
    future->is_cancelled = cancelled;
}

/* The bodies that ran have left their marks, each one once. */
static void check_marks(void)
{
    char *path = text_print("%s/marks", daemon_directory(f.daemon));
    char *text = text_of_file(path);
    char *rest;
    unsigned *ran = calloc((size_t)submitted, sizeof(*ran));

    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        ran[strtol(line, NULL, 10)] += 1;
    for (json_int_t id = 1; id <= newest; id++) {
        struct known *future = &futures[id];
        if (!future->is_known || future->mark < 0)
            continue;
        ck_assert_msg(!future->is_cancelled || ran[future->mark] == 0, "%lld ran", id);
        ck_assert_uint_le(ran[future->mark], 1);
    }
    free(ran);
    free(text);
    free(path);
}

static void check_answers(struct connection *connection)
{
    for (size_t i = 1; i < connection->asked_count; i++) {
        const struct asked *asked = &connection->asked[i];
        ck_assert(asked->is_answered);
        for (size_t k = 0; asked->kind == SUBSCRIBE && k < asked->count; k++)
            ck_assert_uint_eq(asked->told[k], 1);
    }
}

static void check_all(void)
{
    json_int_t before = newest + 1, seen = 0;
    json_t *counts = client_result(f.client, "status", "{'limit':0}");

    /* It was worth it. */
    ck_assert_int_gt(json_int_at(counts, "counts.CANCELLED"), newest / 50);
    ck_assert_int_gt(json_int_at(counts, "counts.FINISHED"), newest / 2);
    json_decref(counts);
    while (before > 1) {
        json_t *page = client_result(f.client, "status", "{'limit':5000,'before':%lld}", before);
        json_t *shown;
        size_t index;
        json_array_foreach (json_at(page, "futures"), index, shown) {
            take_end(shown);
            seen++;
        }
        before = json_null_at(page, "next") ? 0 : json_int_at(page, "next");
        json_decref(page);
    }
    ck_assert_int_eq(seen, newest);
    for (int i = 0; i < CONNECTIONS; i++)
        check_answers(&connections[i]);
    check_marks();
}

START_TEST(everything_at_random)
{
    const int wanted = FUTURES / (int)test_slowness();

    observer.client = fixture_client(&f);
    ask(&observer, SUBSCRIBE, client_request(observer.client, "subscribe", "{'all':true}"));
    catch_up(&observer);
    for (int i = 0; i < CONNECTIONS; i++)
        connections[i].client = fixture_client(&f);
    for (int round = 0; submitted < wanted; round++) {
        for (int i = 0; i < CONNECTIONS; i++) {
            change_pace(round, i);
            for (int k = 0; k < OPS; k++) {
                unsigned dice = random_below(100);
                if (dice < 55 || newest == 0)
                    fire_submit(&connections[i]);
                else if (dice < 60)
                    fire_map(&connections[i]);
                else
                    fire_look(&connections[i]);
            }
        }
        for (int i = 0; i < CONNECTIONS; i++)
            catch_up(&connections[i]);
        catch_up(&observer);
    }
    change_pace(1, CONNECTIONS / 2);
    for (int i = 0; i < CONNECTIONS; i++)
        take_all_replies(&connections[i]);
    json_decref(client_result(f.client, "wait", "{'ids':[[1,%lld]]}", newest));
    catch_up(&observer);
    for (int i = 0; i < CONNECTIONS; i++)
        catch_up(&connections[i]);
    check_all();
    for (int i = 0; i < CONNECTIONS; i++) {
        client_close(connections[i].client);
        free(connections[i].asked);
    }
    client_close(observer.client);
    free(observer.asked);
    free(futures);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {everything_at_random, NULL};

    return fixture_run("stress", setup, teardown, tests);
}

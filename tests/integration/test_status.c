/* status: one, some, or a list with filters, counts and pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fixture.h"
#include "tests/support/text.h"

static struct fixture f;

static void setup(void)
{
    fixture_start(&f, NULL);
}

static void teardown(void)
{
    fixture_stop(&f);
}

static json_int_t echo(const char *more)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}%s}", more);

    expect_result(f.client, id, "{}");
    return id;
}

/* The ids of the futures listed must be these, in this order. */
static void expect_ids(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void expect_ids(json_t *list, const char *format, ...)
{
    va_list args;
    json_t *ids = json_array(), *future;
    size_t index;

    json_array_foreach (json_at(list, "futures"), index, future)
        json_array_append(ids, json_at(future, "id"));
    va_start(args, format);
    char *text = text_vjson(format, args);
    va_end(args);
    json_t *wanted = json_parse("%s", text);
    free(text);
    ck_assert_msg(json_equal(ids, wanted), "not %s but %s", json_dumps(wanted, 0),
                  json_dumps(ids, 0));
    json_decref(ids);
    json_decref(wanted);
}

START_TEST(of_nothing)
{
    json_t *list = client_result(f.client, "status", "{}");
    json_expect(list, "futures", "[]");
    json_expect(list, "next", "null");
    json_expect(list, "counts", "{'PENDING':0,'RUNNING':0,'CANCELLED':0,'FINISHED':0}");
    json_decref(list);
    list = client_result(f.client, "status", "{'ids':[]}");
    json_expect(list, "futures", "[]");
    json_decref(list);
}
END_TEST

START_TEST(one_by_its_id)
{
    json_int_t id = echo("");
    json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "id", "%lld", id);
    json_expect(future, "state", "'FINISHED'");
    ck_assert(!json_has(future, "futures"));
    json_decref(future);
}
END_TEST

static void expect_description(json_int_t id, const char *wanted)
{
    json_t *future = client_result(f.client, "status", "{'id':%lld,'describe':true}", id);
    ck_assert_str_eq(json_string_value(json_at(future, "description")), wanted);
    json_decref(future);
}

START_TEST(what_was_called)
{
    static const struct {
        const char *argv, *wanted;
    } commands[] = {
        {"\"true\"", "true"},
        {"\"sh\",\"-c\",\"echo $1\"", "sh -c 'echo $1'"},
        {"\"echo\",\"it's\",\"\",\"\\u00e9\"", "echo 'it'\\''s' '' \xc3\xa9"},
        {"\"echo\",\"{}\"", "echo '{}'"},
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        json_int_t id =
            client_submit(f.client, "{'fn':'exec','args':{'argv':[%s]}}", commands[i].argv);
        expect_description(id, commands[i].wanted);
    }
    expect_description(client_submit(f.client, "{'fn':'echo'}"), "echo");
    expect_description(client_submit(f.client, "{'fn':'echo','args':{'a':[1]}}"),
                       "echo {\"a\":[1]}");
    json_t *list = client_result(f.client, "status", "{'describe':false}");
    ck_assert(!json_has(json_array_get(json_at(list, "futures"), 0), "description"));
    json_decref(list);
}
END_TEST

START_TEST(what_was_called_with_an_item)
{
    static const struct {
        const char *argv, *item, *wanted;
    } maps[] = {
        {"[\"echo\"]", "\"a b\"", "echo 'a b'"},
        {"[\"echo\",\"{}.x\",\"{}\"]", "7", "echo 7.x 7"},
        {"[\"echo\",\"{2}-{1}\",\"{3}\"]", "[\"a\",1.50]", "echo 1.50-a ''"},
        {"[\"echo\",\"{}\"]", "[\"a\",\"b\"]", "echo 'a b'"},
        {"[\"echo\",\"{0}\",\"{x}\"]", "\"i\"", "echo '{0}' '{x}' i"},
    };
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
        json_t *map =
            client_result(f.client, "map", "{'fn':'exec','args':{'argv':%s},'items':[%s]}",
                          maps[i].argv, maps[i].item);
        expect_description(json_integer_value(json_at(map, "first")), maps[i].wanted);
        json_decref(map);
    }
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[{'a':1}]}");
    expect_description(json_integer_value(json_at(map, "first")), "echo {\"a\":1}");
    expect_description(json_integer_value(json_at(map, "id")), "echo");
    json_decref(map);
}
END_TEST

/* Cut between characters, wherever the limit is in them. */
START_TEST(what_was_called_is_cut)
{
    for (size_t shift = 0; shift < 8; shift++) {
        static const char smile[] = "\xf0\x9f\x98\x80";
        char word[1000] = "", wanted[300];
        size_t size = shift;
        memset(word, 'x', shift);
        for (; size + sizeof(smile) <= sizeof(word); size += sizeof(smile) - 1)
            memcpy(word + size, smile, sizeof(smile));
        /* Whole ones, as many as leave room for the dots. */
        size = 200 - strlen("echo ...") - shift;
        size = shift + size / strlen(smile) * strlen(smile);
        snprintf(wanted, sizeof(wanted), "echo %.*s...", (int)size, word);
        expect_description(
            client_submit(f.client, "{'fn':'exec','args':{'argv':['echo','%s','y']}}", word),
            wanted);
    }
}
END_TEST

START_TEST(some_by_their_ids)
{
    json_int_t a = echo(""), b = echo(""), c = echo("");
    json_t *list = client_result(f.client, "status", "{'ids':[%lld,%lld]}", a, c);
    expect_ids(list, "[%lld, %lld]", c, a);
    json_expect(list, "next", "null");
    json_expect(list, "counts", "{'PENDING':0,'RUNNING':0,'CANCELLED':0,'FINISHED':2}");
    json_decref(list);
    list = client_result(f.client, "status", "{'ids':[[%lld,%lld]]}", a, c);
    ck_assert_uint_eq(json_count_at(list, "futures"), 3);
    json_decref(list);
    list = client_result(f.client, "status", "{'ids':[%lld,[%lld,%lld],%lld]}", b, a, b, b);
    ck_assert_uint_eq(json_count_at(list, "futures"), 2);
    json_decref(list);
    /* Of a pair only the ends need make sense: what lies between may be gone. */
    json_decref(client_result(f.client, "forget", "{'ids':[%lld]}", b));
    list = client_result(f.client, "status", "{'ids':[[%lld,%lld]]}", a, c);
    expect_ids(list, "[%lld, %lld]", c, a);
    json_decref(list);
}
END_TEST

START_TEST(newest_first_in_pages)
{
    enum { COUNT = 25 };
    for (int i = 0; i < COUNT; i++)
        echo("");
    json_t *page = client_result(f.client, "status", "{'limit':10}");
    ck_assert_uint_eq(json_count_at(page, "futures"), 10);
    json_int_t seen = COUNT, next = 0;
    for (;;) {
        json_t *future;
        size_t index;
        json_array_foreach (json_at(page, "futures"), index, future)
            ck_assert_int_eq(json_int_at(future, "id"), seen--);
        json_expect(page, "counts.FINISHED", "%d", COUNT);
        if (json_null_at(page, "next"))
            break;
        next = json_int_at(page, "next");
        json_decref(page);
        page = client_result(f.client, "status", "{'limit':10,'before':%lld}", next);
    }
    json_decref(page);
    ck_assert_int_eq(seen, 0);
    /* A page that is just full is the last one. */
    page = client_result(f.client, "status", "{'limit':25}");
    ck_assert_uint_eq(json_count_at(page, "futures"), COUNT);
    json_expect(page, "next", "null");
    json_decref(page);
    page = client_result(f.client, "status", "{'before':3}");
    expect_ids(page, "[%d, %d]", 2, 1);
    json_decref(page);
    page = client_result(f.client, "status", "{'before':1}");
    json_expect(page, "futures", "[]");
    json_decref(page);
}
END_TEST

START_TEST(a_hundred_unless_more_are_wanted)
{
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[]}");
    json_decref(map);
    for (int i = 0; i < 110; i++)
        client_submit(f.client, "{'fn':'echo','args':{}}");
    json_t *list = client_result(f.client, "status", "{}");
    ck_assert_uint_eq(json_count_at(list, "futures"), 100);
    ck_assert(!json_null_at(list, "next"));
    json_decref(list);
    list = client_result(f.client, "status", "{'limit':1000}");
    ck_assert_uint_eq(json_count_at(list, "futures"), 111);
    json_expect(list, "next", "null");
    json_decref(list);
    list = client_result(f.client, "status", "{'limit':0}");
    json_expect(list, "futures", "[]");
    json_decref(list);
}
END_TEST

START_TEST(filters)
{
    json_decref(client_result(f.client, "pool.set", "{'pool':'other'}"));
    json_int_t a = echo(",\"label\":\"x\"");
    json_int_t b = echo(",\"label\":\"y\",\"pool\":\"other\"");
    json_int_t c = echo(",\"pool\":\"other\"");
    json_int_t running = fixture_hold(&f);
    json_int_t waiting = client_submit(f.client, "{'fn':'echo','label':'x','delay':3600}");
    json_int_t gone = client_submit(f.client, "{'fn':'echo','label':'x','delay':3600}");
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", gone));

    static const char *const params[] = {
        "{'state':['PENDING']}",
        "{'state':['RUNNING','CANCELLED']}",
        "{'pool':'other'}",
        "{'label':'x'}",
        "{'label':'x','state':['FINISHED','PENDING']}",
        "{'label':'y','pool':'default'}",
        "{'state':['PENDING','RUNNING','CANCELLED','FINISHED']}",
    };
    const json_int_t wanted[][7] = {
        {waiting},
        {gone, running},
        {c, b},
        {gone, waiting, a},
        {waiting, a},
        {0},
        {gone, waiting, running, c, b, a},
    };
    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        char text[200];
        size_t size = strlen(params[i]);
        for (size_t k = 0; k <= size; k++)
            text[k] = params[i][k] == '\'' ? '"' : params[i][k];
        json_t *list = client_result(f.client, "status", "%s", text), *future;
        size_t index = 0;
        json_array_foreach (json_at(list, "futures"), index, future)
            ck_assert_int_eq(json_int_at(future, "id"), wanted[i][index]);
        ck_assert_int_eq(wanted[i][json_count_at(list, "futures")], 0);
        json_expect(list, "next", "null");
        json_decref(list);
    }
    json_t *list = client_result(f.client, "status", "{'label':'x'}");
    json_expect(list, "counts", "{'PENDING':1,'RUNNING':0,'CANCELLED':1,'FINISHED':1}");
    json_decref(list);
    list = client_result(f.client, "status", "{'state':['RUNNING']}");
    json_expect(list, "counts.RUNNING", "1");
    json_decref(list);
    gate_pass(f.gate, 1);
}
END_TEST

START_TEST(pages_of_a_filter)
{
    for (int i = 0; i < 30; i++)
        echo(i % 3 ? "" : ",\"label\":\"third\"");
    json_t *page = client_result(f.client, "status", "{'label':'third','limit':4}");
    expect_ids(page, "[%d, %d, %d, %d]", 28, 25, 22, 19);
    json_int_t next = json_int_at(page, "next");
    json_decref(page);
    page = client_result(f.client, "status", "{'label':'third','limit':4,'before':%lld}", next);
    expect_ids(page, "[%d, %d, %d, %d]", 16, 13, 10, 7);
    next = json_int_at(page, "next");
    json_decref(page);
    page = client_result(f.client, "status", "{'label':'third','limit':4,'before':%lld}", next);
    expect_ids(page, "[%d, %d]", 4, 1);
    json_expect(page, "next", "null");
    json_expect(page, "counts.FINISHED", "10");
    json_decref(page);
}
END_TEST

START_TEST(counts_add_up)
{
    json_int_t held = fixture_hold(&f);
    client_submit(f.client, "{'fn':'echo','after':[%lld]}", held);
    client_submit(f.client, "{'fn':'echo','after':[%lld]}", held);
    json_int_t id = client_submit(f.client, "{'fn':'echo','delay':3600}");
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", id));
    echo("");
    json_t *list = client_result(f.client, "status", "{'limit':1}");
    json_expect(list, "counts", "{'PENDING':2,'RUNNING':1,'CANCELLED':1,'FINISHED':1}");
    json_decref(list);
    gate_pass(f.gate, 1);
    json_decref(client_result(f.client, "wait", "{'ids':[[%lld,%lld]]}", held, id));
    list = client_result(f.client, "status", "{'limit':1}");
    json_expect(list, "counts", "{'PENDING':0,'RUNNING':0,'CANCELLED':1,'FINISHED':4}");
    json_decref(list);
}
END_TEST

START_TEST(why_it_waits)
{
    json_int_t held = fixture_hold(&f);
    json_int_t after = client_submit(f.client, "{'fn':'echo','after':[%lld]}", held);
    json_int_t delay = client_submit(f.client, "{'fn':'echo','delay':3600}");
    json_decref(client_result(f.client, "pool.set", "{'pool':'still'}"));
    json_decref(client_result(f.client, "pool.pause", "{'pool':'still'}"));
    json_int_t paused = client_submit(f.client, "{'fn':'echo','pool':'still'}");
    json_int_t retry = client_submit(f.client, "{'fn':'exec','args':{'argv':['false']},"
                                               "'retry':{'max':1,'delay':3600}}");
    json_decref(client_result(f.client, "subscribe", "{'ids':[%lld],'events':['running']}", retry));
    const json_int_t ids[] = {after, delay, paused};
    static const char *const reasons[] = {"after", "delay", "paused"};
    for (size_t i = 0; i < 3; i++) {
        json_t *future = client_result(f.client, "status", "{'id':%lld}", ids[i]);
        json_expect(future, "state", "'PENDING'");
        json_expect(future, "waiting", "'%s'", reasons[i]);
        json_decref(future);
    }
    /* The second attempt of the fourth one waits for its time. */
    json_t *future;
    while ((future = client_result(f.client, "status", "{'id':%lld}", retry)) &&
           json_int_at(future, "attempt") == 1)
        json_decref(future);
    json_expect(future, "state", "'PENDING'");
    json_expect(future, "waiting", "'retry'");
    json_decref(future);
    gate_pass(f.gate, 1);
}
END_TEST

static void expect_counts(json_int_t map, int pending, int cancelled, int finished)
{
    json_t *reply = client_result(f.client, "status", "{'item_of':%lld,'limit':1}", map);
    json_expect(reply, "counts", "{'PENDING':%d,'RUNNING':0,'CANCELLED':%d,'FINISHED':%d}", pending,
                cancelled, finished);
    json_decref(reply);
}

START_TEST(counts_of_the_items_of_a_map)
{
    json_t *map = client_result(f.client, "map", "{'fn':'echo','items':[1,2,3]}");
    json_int_t id = json_int_at(map, "id");
    json_decref(map);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", id));
    map = client_result(f.client, "map", "{'fn':'echo','items':[1,2],'delay':3600}");
    json_int_t later = json_int_at(map, "id"), item = json_int_at(map, "first");
    json_decref(map);
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", item));
    expect_counts(id, 0, 0, 3);
    expect_counts(later, 1, 1, 0);
    /* An item has none of its own. */
    expect_counts(item, 0, 0, 0);
    json_decref(client_result(f.client, "forget", "{'ids':[%lld]}", id + 1));
    expect_counts(id, 0, 0, 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        of_nothing,
        one_by_its_id,
        what_was_called,
        what_was_called_with_an_item,
        what_was_called_is_cut,
        some_by_their_ids,
        newest_first_in_pages,
        a_hundred_unless_more_are_wanted,
        filters,
        pages_of_a_filter,
        counts_add_up,
        counts_of_the_items_of_a_map,
        why_it_waits,
        NULL,
    };

    return fixture_run("status", setup, teardown, tests);
}

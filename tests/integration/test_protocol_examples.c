/* proto/PROTOCOL.md against the real daemon: every example is replayed, and what the document says
 * of limits, methods and errors is held against the tables in proto/. How an example is written
 * stands in the document itself, under "How to read the examples". */
#include <check.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "proto/limits.h"
#include "proto/methods.h"
#include "tests/support/client.h"
#include "tests/support/daemon.h"
#include "tests/support/suite.h"
#include "tests/support/text.h"

#define DOCUMENT   "proto/PROTOCOL.md"
#define ANY        "…"
#define OTHER_USER 65534
#define THE_END    "the end"

/* Nothing depends on the machine's CPUs, and what still runs at the end of an example ends at
 * once. */
static const char base_config[] = "[daemon]\n"
                                  "stop_timeout = 0\n"
                                  "[pool default]\n"
                                  "max_workers = 4\n";

/* Their values differ from run to run. */
static const char *const varying[] = {
    "submitted", "started", "finished", "uid",       "pid", "thread",
    "utime",     "stime",   "wall",     "maxrss_kb", NULL,
};

enum { MAX_BLOCKS = 200, MAX_LINES = 60 };
enum who { FIRST, SECOND, FOREIGN, CLIENTS };

struct line {
    enum who who;
    bool sent;  /* by the client; else it comes from the daemon */
    char *text; /* malloc'd */
    int number; /* in the document */
};

struct block {
    char *config; /* malloc'd; NULL: none of its own */
    struct line lines[MAX_LINES];
    int count;
    int number;
};

/* Read once by main, before the tests fork. */
static struct block blocks[MAX_BLOCKS];
static int block_count;
static char *document;

/* ---- Reading the document ---- */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void reject(int number, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", DOCUMENT, number, what);
    exit(EXIT_FAILURE);
}

static void append(char **text, const char *format, const char *more)
{
    char *longer = text_print("%s", *text ? *text : "");
    char *added = text_print("%s%s%s", longer, format, more);

    free(longer);
    free(*text);
    *text = added;
}

/* One line of an `rpc` block. */
static void take_line(struct block *block, const char *text, int number)
{
    static const char *const names[CLIENTS] = {"", "2", "u"};

    if (*text == ' ' && block->count > 0) {
        append(&block->lines[block->count - 1].text, " ", text + strspn(text, " "));
        return;
    }
    for (int who = CLIENTS - 1; who >= 0 && block->count < MAX_LINES; who--) {
        const char *rest = text + strlen(names[who]);
        bool sent = starts_with(rest, "--> ");

        if (!starts_with(text, names[who]) || !(sent || starts_with(rest, "<-- ")))
            continue;
        block->lines[block->count++] = (struct line){
            .who = (enum who)who,
            .sent = sent,
            .text = text_print("%s", rest + strlen("--> ")),
            .number = number,
        };
        return;
    }
    reject(number, "this is no line of an example");
}

static struct block *new_block(char *config, int number)
{
    if (block_count == MAX_BLOCKS)
        reject(number, "too many examples for the test");
    blocks[block_count] = (struct block){.config = config, .number = number};
    return &blocks[block_count++];
}

static void read_document(void)
{
    enum { OUTSIDE, CONFIG, RPC } where = OUTSIDE;
    struct block *block = NULL;
    char *config = NULL, *rest = NULL;
    int number = 0;

    document = text_of_file(DOCUMENT);
    char *copy = text_print("%s", document);
    /* strsep, as empty lines count too. */
    rest = copy;
    for (char *text; (text = strsep(&rest, "\n"));) {
        number++;
        if (where == OUTSIDE && strcmp(text, "```rpc") == 0) {
            where = RPC;
            block = new_block(config, number);
            config = NULL;
        } else if (where == OUTSIDE && strcmp(text, "```ini") == 0) {
            where = CONFIG;
        } else if (where == OUTSIDE && starts_with(text, "```")) {
            reject(number, "a block that nobody replays");
        } else if (strcmp(text, "```") == 0) {
            where = OUTSIDE;
        } else if (where == RPC) {
            take_line(block, text, number);
        } else if (where == CONFIG) {
            append(&config, "", text);
            append(&config, "", "\n");
        }
    }
    if (where != OUTSIDE || config)
        reject(number, "a block is not closed, or a configuration has no example");
    free(copy);
}

static void free_document(void)
{
    for (int i = 0; i < block_count; i++) {
        free(blocks[i].config);
        for (int j = 0; j < blocks[i].count; j++)
            free(blocks[i].lines[j].text);
    }
    free(document);
}

/* ---- Comparing ---- */

static bool is_varying(const char *name)
{
    for (size_t i = 0; varying[i]; i++) {
        if (strcmp(varying[i], name) == 0)
            return true;
    }
    return false;
}

/* `shown` may have ANY in it, which stands for any text. */
static bool text_matches(const char *shown, const char *real)
{
    const char *mark = strstr(shown, ANY);

    if (!mark)
        return strcmp(shown, real) == 0;
    if (strncmp(shown, real, (size_t)(mark - shown)) != 0)
        return false;
    real += mark - shown;
    for (shown = mark + strlen(ANY);; real++) {
        if (text_matches(shown, real))
            return true;
        if (*real == '\0')
            return false;
    }
}

static bool is_any(const json_t *shown)
{
    return json_is_string(shown) && strcmp(json_string_value(shown), ANY) == 0;
}

static bool value_matches(const json_t *shown, const json_t *real);

static bool object_matches(const json_t *shown, const json_t *real)
{
    json_t *object = (json_t *)(uintptr_t)shown; /* iterating does not change it */
    const char *name;
    json_t *value;

    json_object_foreach (object, name, value) {
        const json_t *other = json_object_get(real, name);

        if (!other)
            return false;
        if (is_varying(name) && json_is_number(value) ? !json_is_number(other)
                                                      : !value_matches(value, other))
            return false;
    }
    return true;
}

static bool array_matches(const json_t *shown, const json_t *real)
{
    size_t count = json_array_size(shown);
    bool open = count > 0 && is_any(json_array_get(shown, count - 1));

    if (open ? json_array_size(real) < --count : json_array_size(real) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!value_matches(json_array_get(shown, i), json_array_get(real, i)))
            return false;
    }
    return true;
}

static bool value_matches(const json_t *shown, const json_t *real)
{
    if (!shown || !real)
        return shown == real;
    if (is_any(shown))
        return true;
    if (json_is_number(shown) && json_is_number(real))
        return json_number_value(shown) == json_number_value(real);
    if (json_typeof(shown) != json_typeof(real))
        return false;
    switch (json_typeof(shown)) {
    case JSON_OBJECT:
        return object_matches(shown, real);
    case JSON_ARRAY:
        return array_matches(shown, real);
    case JSON_STRING:
        return text_matches(json_string_value(shown), json_string_value(real));
    case JSON_INTEGER:
    case JSON_REAL:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        break;
    }
    return json_equal(shown, real);
}

/* ---- Replaying ---- */

struct replay {
    struct daemon *daemon;
    struct client *clients[CLIENTS];
    bool half_closed[CLIENTS];
    bool over; /* the daemon ends by itself */
};

/* As a user who is neither the daemon's nor root. Only root can do that. */
static struct client *connect_foreign(const struct replay *replay)
{
    ck_assert_int_eq(seteuid(OTHER_USER), 0);
    /* The directories on the way are root's alone, and what is asked here is not who may pass. */
    setfsuid(0);
    struct client *client = client_connect(daemon_socket(replay->daemon));
    ck_assert_int_eq(seteuid(0), 0);
    return client;
}

static struct client *client_of(struct replay *replay, enum who who)
{
    if (!replay->clients[who])
        replay->clients[who] = who == FOREIGN ? connect_foreign(replay)
                                              : client_connect(daemon_socket(replay->daemon));
    return replay->clients[who];
}

static void send_one(struct replay *replay, const struct line *line)
{
    struct client *client = client_of(replay, line->who);

    size_t size = strlen(line->text), end = strlen("(end)");

    if (size >= end && strcmp(line->text + size - end, "(end)") == 0) {
        client_send(client, line->text, size - end);
        client_half_close(client);
        replay->half_closed[line->who] = true;
    } else if (strcmp(line->text, "(gone)") == 0) {
        client_close(client);
        replay->clients[line->who] = NULL;
    } else {
        client_send_line(client, line->text);
    }
}

static void expect_one(struct replay *replay, const struct line *line)
{
    struct client *client = client_of(replay, line->who);
    json_error_t error;

    if (strcmp(line->text, "(end)") == 0) {
        client_expect_end(client);
        client_close(client);
        replay->clients[line->who] = NULL;
        return;
    }
    json_t *shown = json_loads(line->text, JSON_DECODE_ANY, &error);
    if (!shown)
        ck_abort_msg("%s:%d: %s", DOCUMENT, line->number, error.text);
    json_t *real = client_read(client);
    if (!value_matches(shown, real))
        ck_abort_msg("%s:%d: the document says\n    %s\nthe daemon says\n    %s", DOCUMENT,
                     line->number, line->text, json_dumps(real, JSON_COMPACT));
    replay->over |= json_is_true(json_object_get(json_object_get(real, "result"), "terminated"));
    json_decref(real);
    json_decref(shown);
}

/* The example shows all that the daemon has to say. */
static void expect_no_more(struct replay *replay, enum who who)
{
    struct client *client = replay->clients[who];

    if (!client || replay->half_closed[who])
        return;
    client_send_line(client, "{\"jsonrpc\":\"2.0\",\"id\":\"" THE_END "\",\"method\":\"ping\"}");
    json_t *real = client_read(client);
    const char *id = json_string_value(json_object_get(real, "id"));
    if (!id || strcmp(id, THE_END) != 0)
        ck_abort_msg("behind the example comes\n    %s", json_dumps(real, JSON_COMPACT));
    json_decref(real);
}

START_TEST(test_example)
{
    const struct block *block = &blocks[_i];
    struct replay replay = {.daemon = NULL};
    char *config = text_print("%s%s", base_config, block->config ? block->config : "");

    for (int i = 0; i < block->count; i++) {
        if (block->lines[i].who == FOREIGN && geteuid() != 0) {
            printf("%s:%d: left out: only root can play another user\n", DOCUMENT, block->number);
            free(config);
            return;
        }
    }
    ck_assert_msg(block->count > 1, "%s:%d: this shows nothing", DOCUMENT, block->number);
    replay.daemon = daemon_start(&(struct daemon_options){.config = config});
    for (int i = 0; i < block->count; i++) {
        const struct line *line = &block->lines[i];

        /* Where Check says that a test stopped before its time. */
        mark_point();
        if (line->sent)
            send_one(&replay, line);
        else
            expect_one(&replay, line);
    }
    for (int who = 0; who < CLIENTS; who++) {
        expect_no_more(&replay, (enum who)who);
        client_close(replay.clients[who]);
    }
    if (replay.over)
        daemon_join(replay.daemon);
    else
        daemon_stop(replay.daemon);
    free(config);
}
END_TEST

/* ---- The tables ---- */

START_TEST(test_limits_are_those_of_the_table)
{
    size_t rows = 0;

    for (const struct limit_entry *limit = limit_table; limit->name; limit++) {
        char *row = text_print("\n| `%s` | %llu | %s |\n", limit->name,
                               (unsigned long long)limit->value, limit->meaning);
        ck_assert_msg(strstr(document, row) != NULL, "not in %s:%s", DOCUMENT, row);
        free(row);
        rows++;
    }
    /* And nothing that is no limit any more. */
    const char *table = strstr(document, "\n| limit | default | what |\n");
    ck_assert_msg(table != NULL, "%s has no table of limits", DOCUMENT);
    table = strchr(table + 1, '\n');     /* the heading */
    table = strchr(table + 1, '\n') + 1; /* the rule below it */
    for (; *table == '|'; table = strchr(table, '\n') + 1)
        rows--;
    ck_assert_uint_eq(rows, 0);
}
END_TEST

static bool is_shown(bool sent, const char *text)
{
    for (int i = 0; i < block_count; i++) {
        for (int j = 0; j < blocks[i].count; j++) {
            const struct line *line = &blocks[i].lines[j];
            if (line->sent == sent && strstr(line->text, text))
                return true;
        }
    }
    return false;
}

START_TEST(test_every_method_has_an_example)
{
    for (int method = 0; method < METHOD_COUNT; method++) {
        char *member = text_print("\"method\":\"%s\"", method_name((enum method)method));
        ck_assert_msg(is_shown(true, member), "no example has %s", member);
        free(member);
    }
}
END_TEST

START_TEST(test_every_error_has_an_example)
{
    static const enum rpc_error_code codes[] = {
#define X(symbol, code, text) RPC_##symbol,
        RPC_ERRORS(X)
#undef X
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char *row = text_print("\n| %d | %s |", codes[i], rpc_error_name(codes[i]));
        char *reply = text_print("\"error\":{\"code\":%d,", codes[i]);

        ck_assert_msg(strstr(document, row) != NULL, "not in %s:%s", DOCUMENT, row);
        /* No client can bring these about. */
        if (codes[i] != RPC_INTERNAL && codes[i] != RPC_STORAGE_FAILED)
            ck_assert_msg(is_shown(false, reply), "no example has %s", reply);
        free(row);
        free(reply);
    }
}
END_TEST

START_TEST(test_there_are_examples)
{
    ck_assert_int_gt(block_count, METHOD_COUNT);
}
END_TEST

/* Comparing is what all of the above rests on. */
START_TEST(test_comparing)
{
    static const struct {
        const char *shown, *real;
        bool same;
    } table[] = {
        {"1", "1", true},
        {"1", "1.0", true},
        {"1", "2", false},
        {"1", "\"1\"", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", true},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
        {"{\"pid\":1}", "{\"pid\":2}", true},
        {"{\"pid\":1}", "{\"pid\":null}", false},
        {"{\"pid\":null}", "{\"pid\":1}", false},
        {"{\"pid\":1}", "{}", false},
        {"[1,2]", "[1,2]", true},
        {"[1]", "[1,2]", false},
        {"[1,2]", "[1]", false},
        {"[1,\"" ANY "\"]", "[1,2,3]", true},
        {"[1,\"" ANY "\"]", "[1]", true},
        {"[1,\"" ANY "\"]", "[]", false},
        {"\"" ANY "\"", "{\"a\":1}", true},
        {"\"a" ANY "c\"", "\"abc\"", true},
        {"\"a" ANY "c\"", "\"abd\"", false},
        {"\"a" ANY "c" ANY "\"", "\"abcbc\"", true},
    };

    json_t *shown = json_loads(table[_i].shown, JSON_DECODE_ANY, NULL);
    json_t *real = json_loads(table[_i].real, JSON_DECODE_ANY, NULL);
    ck_assert_msg(value_matches(shown, real) == table[_i].same, "%s and %s", table[_i].shown,
                  table[_i].real);
    json_decref(shown);
    json_decref(real);
}
END_TEST

int main(void)
{
    read_document();

    TCase *tables = suite_tests("tables", NULL, NULL);
    TCase *examples = suite_tests("examples", NULL, NULL);

    tcase_add_loop_test(tables, test_comparing, 0, 20);
    tcase_add_test(tables, test_there_are_examples);
    tcase_add_test(tables, test_limits_are_those_of_the_table);
    tcase_add_test(tables, test_every_method_has_an_example);
    tcase_add_test(tables, test_every_error_has_an_example);
    tcase_add_loop_test(examples, test_example, 0, block_count);

    int status = suite_run();
    free_document();
    return status;
}

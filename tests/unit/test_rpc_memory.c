/* layers: rpc run store core proto base */
/* extra: tests/support/served.c tests/support/shortage.c */
/* Memory that runs out, and threads and descriptors that are not to be had, at each place where
 * that can be: each method of the protocol answers as it should or with -32603, nothing is half
 * done, and the daemon goes on. */
#include <check.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/executor.h"
#include "daemon/rpc/session.h"
#include "proto/methods.h"
#include "tests/support/served.h"
#include "tests/support/shortage.h"
#include "tests/support/suite.h"

/* ---- what is tried ---- */

/* Lines in a row: those before the last only make what that one is about. A reply is waited for
 * after each of them but `held` ones, which wait for a call of `gate`. */
struct trial {
    const char *before[5];
    const char *line; /* the one that is hit; its id is 7 */
    const char *told; /* what the client is sent then, if the answer is a result; NULL: nothing */
    unsigned pass;    /* calls of `gate` let through while it is answered */
    bool takes;       /* a result adds a future, and an error none */
    bool queues;      /* what it queues may end at once: without memory for its place */
    bool user;        /* it is the ordinary user's */
};

#define CALL(id, method, params)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"" method "\",\"params\":" params "}"
#define HIT(method, params)  CALL(7, method, params)
#define MAKE(method, params) CALL(1, method, params)
#define PAUSE                MAKE("pool.pause", "{\"pool\":\"default\"}")
#define ECHO                 MAKE("submit", "{\"fn\":\"echo\",\"args\":{\"a\":[1]}}")
#define GATE                 MAKE("submit", "{\"fn\":\"gate\"}")
#define GOT_1                MAKE("result", "{\"id\":1}")

static const struct trial trials[] = {
    {.line = HIT("ping", "{}")},
    {.line = HIT("info", "{}")},
    {.line = HIT("stats", "{}")},
    {.before = {PAUSE, ECHO}, .line = HIT("update", "{\"ids\":[1],\"priority\":5}")},
    {.before = {PAUSE, MAKE("map", "{\"fn\":\"echo\",\"items\":[1,2]}")},
     .line = HIT("update", "{\"ids\":[1],\"priority\":5}")},
    {.line = HIT("submit", "{\"fn\":\"echo\",\"args\":{\"a\":1}}"), .takes = true},
    {.line =
         HIT("submit", "{\"fn\":\"exec\",\"args\":{\"argv\":[\"a\",\"b\"],\"env\":{\"C\":\"d\"},"
                       "\"stdin_base64\":\"AP8B\",\"limits\":{\"cpu\":1}}}"),
     .takes = true},
    {.before = {PAUSE, ECHO},
     .line =
         HIT("submit", "{\"fn\":\"echo\",\"label\":\"l\",\"key\":\"k\",\"after\":[1],\"delay\":9,"
                       "\"timeout\":9,\"retry\":{\"max\":2,\"delay\":1},\"scope\":"
                       "\"connection\",\"subscribe\":true}"),
     .takes = true},
    {.line = HIT("submit", "{\"fn\":\"echo\",\"subscribe\":true}"),
     .told = "future.done",
     .takes = true},
    {.line =
         HIT("submit", "{\"fn\":\"boom\",\"retry\":{\"max\":2,\"delay\":0},\"subscribe\":true}"),
     .told = "future.done",
     .takes = true},
    {.before = {MAKE("submit", "{\"fn\":\"echo\",\"key\":\"k\"}"), GOT_1},
     .line = HIT("submit", "{\"fn\":\"echo\",\"key\":\"k\",\"subscribe\":true}"),
     .told = "future.done"},
    {.before = {MAKE("pool.set", "{\"pool\":\"p\",\"max_workers\":1,\"queue_limit\":1,\"on_full\":"
                                 "\"wait\"}")},
     .line = HIT("submit", "{\"fn\":\"echo\",\"pool\":\"p\",\"priority\":3}"),
     .takes = true},
    {.line = HIT("map", "{\"fn\":\"exec\",\"args\":{\"argv\":[\"a\"]},\"items\":[1,\"b\",[2,3]]}"),
     .takes = true},
    {.line = HIT("map", "{\"fn\":\"echo\",\"items\":[1,2],\"key\":\"k\",\"subscribe\":true}"),
     .told = "future.done",
     .takes = true},
    {.line = HIT("map", "{\"fn\":\"echo\",\"items\":[],\"open\":true,\"window\":1}"),
     .takes = true},
    {.before = {MAKE("map", "{\"fn\":\"echo\",\"items\":[1],\"open\":true}")},
     .line = HIT("map.add", "{\"id\":1,\"items\":[1,2,3]}"),
     .takes = true},
    {.before = {MAKE("map", "{\"fn\":\"echo\",\"items\":[1],\"open\":true}")},
     .line = HIT("map.close", "{\"id\":1}")},
    {.before = {PAUSE, ECHO}, .line = HIT("cancel", "{\"id\":1}")},
    {.before = {PAUSE, ECHO, ECHO}, .line = HIT("cancel", "{\"ids\":[1,[1,2]]}")},
    {.before = {MAKE("submit", "{\"fn\":\"gate\",\"subscribe\":true}")},
     .line = HIT("cancel", "{\"id\":1,\"terminate\":true,\"reason\":\"r\"}"),
     .told = "future.done"},
    {.before = {PAUSE, MAKE("map", "{\"fn\":\"echo\",\"items\":[1,2]}")},
     .line = HIT("cancel", "{\"id\":1}")},
    {.before = {ECHO, GOT_1}, .line = HIT("status", "{\"id\":1}")},
    {.before = {ECHO, ECHO, MAKE("wait", "{\"ids\":[1,2]}")},
     .line = HIT("status", "{\"ids\":[2,[1,2],2]}")},
    {.before = {PAUSE, ECHO, ECHO}, .line = HIT("status", "{\"state\":[\"PENDING\"]}")},
    {.before = {MAKE("submit", "{\"fn\":\"boom\",\"retry\":{\"max\":1,\"delay\":0}}"), GOT_1},
     .line = HIT("status", "{\"id\":1}")},
    {.before = {ECHO, GOT_1}, .line = HIT("result", "{\"id\":1}")},
    {.before = {GATE}, .line = HIT("result", "{\"id\":1,\"timeout\":1000}"), .pass = 1},
    {.before = {MAKE("submit", "{\"fn\":\"exec\",\"args\":{\"argv\":[\"a\"]}}"), GOT_1},
     .line = HIT("result", "{\"id\":1}")},
    {.before = {MAKE("map", "{\"fn\":\"echo\",\"items\":[1,2]}"), GOT_1},
     .line = HIT("result", "{\"id\":1}")},
    {.before = {MAKE("submit", "{\"fn\":\"boom\"}"), GOT_1},
     .line = HIT("exception", "{\"id\":1}")},
    {.before = {GATE}, .line = HIT("exception", "{\"id\":1}"), .pass = 1},
    {.before = {GATE, GATE}, .line = HIT("wait", "{\"ids\":[2,1,[1,2]]}"), .pass = 2},
    {.before = {GATE},
     .line = HIT("wait", "{\"ids\":[1],\"timeout\":1000,\"return_when\":\"FIRST_COMPLETED\"}"),
     .pass = 1},
    {.before = {GATE},
     .line = HIT("subscribe", "{\"ids\":[1],\"events\":[\"done\",\"running\",\"output\","
                              "\"progress\"]}"),
     .pass = 1,
     .told = "future.done"},
    {.before = {ECHO, ECHO, MAKE("wait", "{\"ids\":[1,2]}")},
     .line = HIT("subscribe", "{\"ids\":[2,1],\"since\":0}"),
     .told = "\"id\":1,\"state\":\"FINISHED\""},
    {.before = {GATE},
     .line = HIT("subscribe", "{\"all\":true,\"pool\":\"default\",\"label\":\"\",\"events\":["
                              "\"done\",\"output\"]}"),
     .pass = 1,
     .told = "future.done"},
    {.before = {GATE, MAKE("subscribe", "{\"ids\":[1]}")},
     .line = HIT("unsubscribe", "{\"subscription\":1}")},
    {.before = {MAKE("submit", "{\"fn\":\"exec\",\"args\":{\"argv\":[\"a\"]}}"), GOT_1},
     .line = HIT("output", "{\"id\":1,\"stream\":\"stdout\"}")},
    {.before = {GATE},
     .line = HIT("output", "{\"id\":1,\"stream\":\"stdout\",\"offset\":4,\"wait\":1000}"),
     .pass = 1},
    {.before = {ECHO, GOT_1}, .line = HIT("forget", "{\"ids\":[1]}")},
    {.before = {MAKE("submit", "{\"fn\":\"boom\"}"), GOT_1, PAUSE},
     .line = HIT("retry", "{\"ids\":[1]}"),
     .queues = true},
    {.before = {MAKE("map", "{\"fn\":\"boom\",\"items\":[1,2]}"), GOT_1, PAUSE},
     .line = HIT("retry", "{\"ids\":[1]}"),
     .queues = true},
    {.line = HIT("pool.list", "{}")},
    {.line = HIT("pool.set", "{\"pool\":\"p\",\"max_workers\":2,\"initializer\":{\"fn\":\"echo\","
                             "\"args\":{\"a\":1}}}")},
    {.before = {ECHO, GOT_1},
     .line = HIT("pool.set", "{\"pool\":\"default\",\"max_workers\":9,\"thread_name_prefix\":\"x\","
                             "\"initializer\":{\"fn\":\"echo\",\"args\":{}}}")},
    {.line = HIT("pool.pause", "{\"pool\":\"default\"}")},
    {.before = {PAUSE, ECHO}, .line = HIT("pool.resume", "{\"pool\":\"default\"}")},
    {.before = {MAKE("map", "{\"fn\":\"boom\",\"items\":[1,2],\"retry\":{\"max\":1,\"delay\":0}}"),
                GOT_1},
     .line = HIT("dump", "{}")},
    {.line = HIT("backup", "{\"path\":\"/nonexistent/copy\"}")},
    {.before = {PAUSE, ECHO},
     .line = HIT("shutdown", "{\"wait\":true,\"cancel_futures\":true,\"timeout\":1000}")},
    {.before = {GATE}, .line = HIT("shutdown", "{\"timeout\":1000}"), .pass = 1},
    {.line = HIT("shutdown", "{}"), .user = true},
    {.line = HIT("nothing", "{}")},
    {.line = HIT("submit", "{\"fn\":\"echo\",\"nothing\":1}")},
    {.line = HIT("result", "{\"id\":99}")},
};
enum { TRIALS = sizeof(trials) / sizeof(trials[0]) };

/* ---- trying it ---- */

static struct served *served;
static json_t *golden; /* the answer when nothing fails */

static struct served_client *client_of(const struct trial *trial)
{
    return trial->user ? &served->user : &served->admin;
}

static void pass_line(struct served_client *client, const char *line)
{
    served_line(client, line, strlen(line));
}

static uint64_t futures(void)
{
    const struct client all = {.sees_all = true};
    uint64_t counts[FUTURE_STATES], sum = 0;

    executor_counts(served->executor, &all, counts);
    for (unsigned i = 0; i < FUTURE_STATES; i++)
        sum += counts[i];
    return sum;
}

static void set_up(const struct trial *trial)
{
    served = served_new(NULL);
    for (size_t i = 0; trial->before[i]; i++) {
        pass_line(&served->admin, trial->before[i]);
        served_await_replies(&served->admin, i + 1);
    }
    /* What a job at the gate has written is there before it is asked for. */
    if (trial->before[0] && strstr(trial->before[0], "gate")) {
        while (atomic_load(&served->held) == 0)
            served_turn(served);
    }
    served_forget(&served->admin);
    served_forget(&served->user);
}

static bool is_told(const struct served_client *client, const char *text)
{
    return client->given_up || strstr(client->text, text);
}

/* The answer, NULL where the client was sent away instead. */
static json_t *run(const struct trial *trial)
{
    struct served_client *client = client_of(trial);
    json_error_t error;
    const char *line, *stop;
    json_t *answer;

    /* Not by the fixture, which would need memory for it. */
    session_line(client->session, trial->line, strlen(trial->line));
    if (trial->pass > 0)
        served_pass(served, trial->pass);
    served_await_replies(client, 1);
    if (trial->told && strstr(client->text, "\"result\":"))
        while (!is_told(client, trial->told))
            served_turn(served);
    shortage_end();
    line = strstr(client->text, "{\"jsonrpc\":\"2.0\",\"id\":");
    if (!line)
        return NULL;
    stop = strchr(line, '\n');
    ck_assert_ptr_nonnull(stop);
    answer = json_loadb(line, (size_t)(stop - line), 0, &error);
    ck_assert_msg(answer != NULL, "no JSON: %s", line);
    ck_assert_uint_eq(client->replies, 1);
    return answer;
}

/* ---- judging it ---- */

static bool changes_by_itself(const char *name)
{
    static const char *const names[] = {"submitted", "started", "finished", "pid",   "uptime",
                                        "rss",       "rss_kb",  "thread",   "idle",  "threads",
                                        "workers",   "running", "memory",   "state", "cursor",
                                        "fds",       "now",     "worker"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool same(const json_t *a, const json_t *b)
{
    const char *name;
    json_t *value;
    size_t i;

    if (!a || !b)
        return a == b;
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_typeof(a) == JSON_ARRAY) {
        if (json_array_size(a) != json_array_size(b))
            return false;
        json_array_foreach (a, i, value)
            if (!same(value, json_array_get(b, i)))
                return false;
        return true;
    }
    if (json_typeof(a) != JSON_OBJECT)
        return json_equal(a, b);
    if (json_object_size(a) != json_object_size(b))
        return false;
    /* The macro takes no constant object. */
    void *member = json_object_iter((json_t *)(uintptr_t)a);
    for (; member; member = json_object_iter_next((json_t *)(uintptr_t)a, member)) {
        name = json_object_iter_key(member);
        const json_t *other = json_object_get(b, name);
        if (!other || (!changes_by_itself(name) && !same(json_object_iter_value(member), other)))
            return false;
    }
    return true;
}

static int error_code(const json_t *answer)
{
    return (int)json_integer_value(json_object_get(json_object_get(answer, "error"), "code"));
}

/* The job has met what the call has not: its future tells. */
static bool job_had_none(const json_t *answer)
{
    const json_t *exception = json_object_get(json_object_get(answer, "result"), "exception");
    const char *type = json_string_value(json_object_get(exception, "type"));

    return type && strcmp(type, "MemoryError") == 0;
}

static void judge(const struct trial *trial, const json_t *answer, uint64_t futures_before)
{
    uint64_t taken = futures() - futures_before;
    bool failed = shortage_was_felt();
    char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

    if (!answer) {
        ck_assert(client_of(trial)->given_up);
        return;
    }
    if (error_code(answer) == RPC_INTERNAL) {
        ck_assert_msg(failed, "%s: %s", trial->line, text);
        ck_assert_msg(!trial->takes || taken == 0, "%s: it was taken and refused", trial->line);
    } else {
        ck_assert_msg(same(answer, golden) || job_had_none(answer) || (trial->queues && failed),
                      "%s: %s", trial->line, text);
        ck_assert_msg(!trial->takes || taken > 0, "%s: it was not taken", trial->line);
    }
    free(text);
}

/* The daemon serves on: a call that needs a worker, of somebody else. */
static void expect_sound(void)
{
    struct served_client *user = &served->user;
    bool ended = executor_is_shut_down(served->executor);

    pass_line(&served->admin, MAKE("pool.resume", "{\"pool\":\"default\"}"));
    served_forget(user);
    pass_line(user, MAKE("submit", "{\"fn\":\"echo\",\"args\":[5],\"subscribe\":true}"));
    ck_assert_uint_eq(user->replies, 1);
    if (ended) {
        ck_assert_ptr_nonnull(strstr(user->text, "-32003"));
        return;
    }
    ck_assert_msg(strstr(user->text, "\"result\":") != NULL, "%s", user->text);
    while (!strstr(user->text, "future.done"))
        served_turn(served);
    ck_assert_msg(strstr(user->text, "\"state\":\"FINISHED\"") != NULL, "%s", user->text);
}

/* Returns whether anything has failed. */
static bool run_with(const struct trial *trial, enum shortage_victim who, int successes,
                     bool only_once)
{
    set_up(trial);
    uint64_t before = futures();
    shortage_begin(who, successes, only_once);
    json_t *answer = run(trial);
    bool failed = shortage_was_felt();
    judge(trial, answer, before);
    json_decref(answer);
    expect_sound();
    served_free(served);
    return failed;
}

static void prepare(const struct trial *trial)
{
    shortage_init();
    set_up(trial);
    golden = run(trial);
    ck_assert_ptr_nonnull(golden);
    served_free(served);
}

START_TEST(the_loop_has_none)
{
    const struct trial *trial = &trials[_i];
    int successes = 0;

    prepare(trial);
    while (run_with(trial, SHORTAGE_LOOP, successes, true)) {
        run_with(trial, SHORTAGE_LOOP, successes, false);
        successes++;
    }
    ck_assert_int_gt(successes, 0);
    json_decref(golden);
}
END_TEST

START_TEST(the_workers_have_none)
{
    const struct trial *trial = &trials[_i];

    prepare(trial);
    for (int successes = 0; run_with(trial, SHORTAGE_WORKERS, successes, true); successes++)
        run_with(trial, SHORTAGE_WORKERS, successes, false);
    json_decref(golden);
}
END_TEST

/* ---- batches ---- */

#define BATCH                                                                                      \
    "[" HIT("submit", "{\"fn\":\"echo\",\"subscribe\":true}") "," CALL(                            \
        8, "result", "{\"id\":1}") "," CALL(9, "ping", "{}") "]"

/* All answers in one, each right or -32603, and nothing is told before; or the client must go. */
static bool run_batch(int successes, bool only_once)
{
    served = served_new(NULL);
    struct served_client *client = &served->admin;
    json_error_t error;

    shortage_begin(SHORTAGE_LOOP, successes, only_once);
    session_line(client->session, BATCH, strlen(BATCH));
    served_await_replies(client, 1);
    shortage_end();
    bool failed = shortage_was_felt();
    if (!client->given_up && client->text[0] == '[') {
        const char *stop = strchr(client->text, '\n');
        ck_assert_ptr_nonnull(stop);
        json_t *answers = json_loadb(client->text, (size_t)(stop - client->text), 0, &error);
        ck_assert_uint_eq(json_array_size(answers), 3);
        for (size_t i = 0; i < 3; i++) {
            int code = error_code(json_array_get(answers, i));
            bool taken = futures() > 0;
            ck_assert(code == 0 || (failed && code == RPC_INTERNAL) ||
                      (failed && i == 1 && !taken && code == RPC_NOT_FOUND));
        }
        json_decref(answers);
    } else if (!client->given_up) {
        ck_assert(failed);
        ck_assert_ptr_nonnull(strstr(client->text, "-32603"));
        ck_assert_uint_eq(futures(), 0);
    }
    expect_sound();
    served_free(served);
    return failed;
}

START_TEST(a_batch_is_answered_whole_or_not_at_all)
{
    int successes = 0;

    shortage_init();
    for (; run_batch(successes, true); successes++)
        run_batch(successes, false);
    ck_assert_int_gt(successes, 10);
}
END_TEST

START_TEST(every_method_is_tried)
{
    for (unsigned method = 0; method < METHOD_COUNT; method++) {
        char text[60];
        bool tried = false;

        snprintf(text, sizeof(text), "\"id\":7,\"method\":\"%s\"", method_name(method));
        for (size_t i = 0; i < TRIALS; i++)
            tried |= strstr(trials[i].line, text) != NULL;
        ck_assert_msg(tried, "%s", method_name(method));
    }
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("memory", NULL, NULL);

    tcase_add_loop_test(tests, the_loop_has_none, 0, TRIALS);
    tcase_add_loop_test(tests, the_workers_have_none, 0, TRIALS);
    tcase_add_test(tests, a_batch_is_answered_whole_or_not_at_all);
    tcase_add_test(tests, every_method_is_tried);
    return suite_run();
}

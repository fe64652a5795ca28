/* layers: rpc run store core proto base */
/* extra: tests/support/served.c tests/support/shortage.c */
/* What is answered is in the store: memory runs out at each place in turn while a method changes
 * something, and a daemon that starts on what is on the disk by the time of the answer finds it so.
 * Where the answer is an error nothing has changed, neither in memory nor there. */
#include <check.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/session.h"
#include "proto/methods.h"
#include "tests/support/served.h"
#include "tests/support/shortage.h"
#include "tests/support/suite.h"

/* ---- what is tried ---- */

struct trial {
    const char *before[6]; /* each is answered before the next */
    const char *line;      /* the one that is hit; its id is 7 */
};

#define CALL(id, method, params)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"" method "\",\"params\":" params "}"
#define HIT(method, params)  CALL(7, method, params)
#define MAKE(method, params) CALL(1, method, params)
#define PAUSE                MAKE("pool.pause", "{\"pool\":\"default\"}")
#define ECHO                 MAKE("submit", "{\"fn\":\"echo\",\"args\":{\"a\":[1]}}")
#define BOOM                 MAKE("submit", "{\"fn\":\"boom\"}")
#define OPEN                 MAKE("map", "{\"fn\":\"echo\",\"items\":[1,2],\"open\":true}")
#define GOT_1                MAKE("result", "{\"id\":1}")
#define GOT_2                MAKE("result", "{\"id\":2}")

static const struct trial trials[] = {
    {.before = {ECHO, GOT_1}, .line = HIT("forget", "{\"ids\":[1]}")},
    {.before = {ECHO, ECHO, GOT_1, GOT_2}, .line = HIT("forget", "{\"ids\":[1,2]}")},
    {.before = {MAKE("map", "{\"fn\":\"echo\",\"items\":[1,2]}"), GOT_1},
     .line = HIT("forget", "{\"ids\":[[1,3]]}")},
    {.before = {BOOM, GOT_1, PAUSE}, .line = HIT("retry", "{\"ids\":[1]}")},
    {.before = {BOOM, ECHO, GOT_1, GOT_2, PAUSE}, .line = HIT("retry", "{\"ids\":[2,1]}")},
    {.before = {MAKE("map", "{\"fn\":\"boom\",\"items\":[1,2]}"), GOT_1, PAUSE},
     .line = HIT("retry", "{\"ids\":[1]}")},
    {.before = {MAKE("map", "{\"fn\":\"boom\",\"items\":[1,2]}"), GOT_1, PAUSE},
     .line = HIT("retry", "{\"ids\":[3]}")},
    {.before = {PAUSE, OPEN}, .line = HIT("map.close", "{\"id\":1}")},
    {.before = {PAUSE, OPEN}, .line = HIT("cancel", "{\"id\":1}")},
    {.before = {PAUSE, OPEN, ECHO}, .line = HIT("cancel", "{\"ids\":[1,4]}")},
    {.before = {PAUSE, ECHO, ECHO}, .line = HIT("cancel", "{\"ids\":[[1,2]]}")},
    {.before = {PAUSE, ECHO}, .line = HIT("update", "{\"ids\":[1],\"priority\":5}")},
    {.line = HIT("pool.pause", "{\"pool\":\"default\"}")},
    {.before = {PAUSE}, .line = HIT("pool.resume", "{\"pool\":\"default\"}")},
    {.line = HIT("pool.set", "{\"pool\":\"p\",\"max_workers\":2,\"thread_name_prefix\":\"x\","
                             "\"initializer\":{\"fn\":\"echo\",\"args\":{\"a\":1}}}")},
    {.before = {MAKE("pool.set", "{\"pool\":\"p\",\"max_workers\":2}")},
     .line = HIT("pool.set", "{\"pool\":\"p\",\"max_workers\":3,\"queue_limit\":9}")},
};
enum { TRIALS = sizeof(trials) / sizeof(trials[0]) };

/* ---- what is there ---- */

static char directory[PATH_MAX], copy[PATH_MAX + 8];

static void shell(const char *what, const char *first, const char *second)
{
    char command[2 * PATH_MAX + 40];

    snprintf(command, sizeof(command), "%s %s %s", what, first, second);
    ck_assert_int_eq(system(command), 0);
}

static void make_directory(void)
{
    const char *parent = getenv("TMPDIR");

    snprintf(directory, sizeof(directory), "%s/test_rpc_stored_XXXXXX", parent ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(copy, sizeof(copy), "%s.copy", directory);
}

static void remove_directories(void)
{
    shell("rm -rf", directory, copy);
}

static json_t *ask(struct served *served, const char *line)
{
    struct served_client *admin = &served->admin;
    json_error_t error;

    served_forget(admin);
    served_line(admin, line, strlen(line));
    served_await_replies(admin, 1);
    json_t *answer = json_loads(admin->text, 0, &error);
    ck_assert_msg(answer != NULL, "%s: %s", error.text, admin->text);
    json_t *result = json_incref(json_object_get(answer, "result"));
    ck_assert_msg(result != NULL, "%s", admin->text);
    json_decref(answer);
    return result;
}

/* Of every object in the list these members. */
static void keep(json_t *list, const char *const *names, json_t *to)
{
    json_t *object;
    size_t i;

    json_array_foreach (list, i, object) {
        json_t *kept = json_object();
        for (size_t name = 0; names[name]; name++)
            json_object_set(kept, names[name], json_object_get(object, names[name]));
        json_array_append_new(to, kept);
    }
}

/* What a restart must not change. */
static char *view(struct served *served)
{
    static const char *const of_future[] = {"id",  "state",    "attempt", "priority",
                                            "map", "attempts", NULL};
    static const char *const of_pool[] = {
        "name", "paused", "max_workers", "queue_limit", "thread_name_prefix", "initializer", NULL};
    json_t *all = json_array();
    json_t *dump = ask(served, MAKE("dump", "{}"));
    json_t *list = ask(served, MAKE("pool.list", "{}"));
    json_t *future;
    size_t i;

    /* A map that starts again is PENDING until an item runs, or until a restart. */
    json_array_foreach (json_object_get(dump, "futures"), i, future)
        if (json_object_get(future, "map"))
            json_object_del(future, "state");
    keep(json_object_get(dump, "futures"), of_future, all);
    keep(json_object_get(list, "pools"), of_pool, all);
    char *text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(all);
    json_decref(dump);
    json_decref(list);
    return text;
}

/* ---- trying it ---- */

static struct served *set_up(const struct trial *trial)
{
    struct served *served = served_new_in(NULL, directory);
    struct served_client *admin = &served->admin;

    for (size_t i = 0; trial->before[i]; i++) {
        served_forget(admin);
        served_line(admin, trial->before[i], strlen(trial->before[i]));
        served_await_replies(admin, 1);
        ck_assert_msg(strstr(admin->text, "\"result\":") != NULL, "%s", admin->text);
    }
    return served;
}

static const char *code_of(int successes, bool only_once)
{
    static char text[60];

    snprintf(text, sizeof(text), "after %d%s", successes, only_once ? ", once" : "");
    return text;
}

/* Returns whether anything has failed. */
static bool run_with(const struct trial *trial, int successes, bool only_once)
{
    make_directory();
    struct served *served = set_up(trial);
    struct served_client *admin = &served->admin;
    char *before = view(served);

    served_forget(admin);
    shortage_begin(SHORTAGE_LOOP, successes, only_once);
    session_line(admin->session, trial->line, strlen(trial->line));
    /* An end that must be stored would wait for ever. */
    if (!only_once)
        shortage_end();
    served_await_replies(admin, 1);
    shortage_end();
    shell("cp -a", directory, copy);
    bool answered = !admin->given_up;
    bool done = strstr(admin->text, "\"result\":") != NULL;
    ck_assert_msg(!answered || done || strstr(admin->text, "-32603"), "%s", admin->text);
    ck_assert(done || shortage_was_felt());

    char *memory = answered ? view(served) : strdup("");
    served_free(served);
    served = served_new_in(NULL, copy);
    char *stored = view(served);
    served_free(served);
    remove_directories();
    const char *when = code_of(successes, only_once);
    if (answered)
        ck_assert_msg(strcmp(memory, stored) == 0, "%s, %s:\n%s\nstored:\n%s", trial->line, when,
                      memory, stored);
    if (answered && !done)
        ck_assert_msg(strcmp(memory, before) == 0, "%s, %s:\n%s\nbefore:\n%s", trial->line, when,
                      memory, before);
    if (done)
        ck_assert_msg(strcmp(memory, before) != 0, "%s, %s: nothing was done", trial->line, when);
    free(before);
    free(memory);
    free(stored);
    return shortage_was_felt();
}

START_TEST(what_is_answered_is_stored)
{
    int successes = 0;

    shortage_init();
    while (run_with(&trials[_i], successes, true)) {
        run_with(&trials[_i], successes, false);
        successes++;
    }
    ck_assert_int_gt(successes, 0);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("stored", NULL, NULL);

    tcase_add_loop_test(tests, what_is_answered_is_stored, 0, TRIALS);
    return suite_run();
}

/* Handlers on the real daemon: what clients see of their calls, what becomes of the processes, and
 * that under a hail of crashes exactly those calls fail that were hit. The handler is
 * tests/support/puppet.c, which does what it is told. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/deadline.h"
#include "tests/support/fixture.h"
#include "tests/support/text.h"

enum { STORM_CALLS = 10000, LONG_STORM_CALLS = 100000, STORM_ODDS = 500, STORM_WORKERS = 8 };

static struct fixture fixture;
static struct client *client;
static struct daemon_options options;
static char *config; /* malloc'd */

/* The path of the puppet. The caller frees. */
static char *puppet_path(void)
{
    const char *daemon = getenv("FUTURED");
    char *path, *real;

    if (!daemon)
        daemon = "build/futured";
    path = text_print("%.*s/tests/puppet", (int)(strrchr(daemon, '/') - daemon), daemon);
    real = realpath(path, NULL);
    ck_assert_msg(real != NULL, "there is no %s", path);
    free(path);
    return real;
}

/* A daemon with the function `act`, with these further settings of it and sections. */
static void start(const char *settings)
{
    char *puppet = puppet_path();

    config = text_print("[daemon]\nstop_timeout = 0\n"
                        "[pool default]\nmax_workers = %d\n"
                        "[limits]\nretention_count = 300000\n"
                        "[function act]\nhandler = %s\n%s\n",
                        STORM_WORKERS, puppet, settings);
    options = (struct daemon_options){.config = config};
    fixture_start(&fixture, &options);
    client = fixture.client;
    free(puppet);
}

static void stop(void)
{
    fixture_stop(&fixture);
    free(config);
}

/* The text with apostrophes as quotes; the caller frees. */
static char *quoted(const char *text)
{
    char *copy = text_print("%s", text);

    for (char *c = copy; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    return copy;
}

/* Submits a call of `act` with these actions. */
static json_int_t submit(const char *list)
{
    char *text = quoted(list);
    json_int_t id = client_submit(client, "{'fn':'act','args':{'do':%s}}", text);

    free(text);
    return id;
}

/* Calls, and returns what the puppet says; the caller owns it. */
static json_t *call(const char *list)
{
    json_t *reply = client_result(client, "result", "{'id':%lld}", submit(list));
    json_t *result = json_incref(json_at(reply, "result"));

    json_decref(reply);
    return result;
}

static pid_t call_pid(const char *list)
{
    json_t *result = call(list);
    pid_t pid = (pid_t)json_int_at(result, "pid");

    json_decref(result);
    return pid;
}

static void expect_raised(const char *list, const char *type, const char *message, const char *data)
{
    json_int_t id = submit(list);
    json_t *reply = client_result(client, "result", "{'id':%lld}", id);
    char *text = quoted(data);

    json_expect(reply, "exception", "{'type':'%s','message':'%s','data':%s}", type, message, text);
    free(text);
    json_decref(reply);
}

static void await_gone(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd < 0) {
        ck_assert_int_eq(errno, ESRCH);
        return;
    }
    deadline_wait(fd, POLLIN, "a process to end");
    close(fd);
}

/* A path in the daemon's directory; the caller frees. */
static char *path_of(const char *name)
{
    return text_print("%s/%s", daemon_directory(fixture.daemon), name);
}

/* A FIFO there; the caller frees. */
static char *make_fifo(const char *name)
{
    char *path = path_of(name);

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    return path;
}

/* The number that a process writes into the FIFO, once it does. */
static pid_t read_pid(const char *fifo)
{
    FILE *file = fopen(fifo, "re");
    int pid = 0;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%d", &pid), 1);
    fclose(file);
    return pid;
}

/* Lets the process go that waits at the FIFO, once it does. */
static void let_go(const char *fifo)
{
    int fd = open(fifo, O_WRONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

/* ---- calls ---- */

START_TEST(a_call)
{
    start("");
    json_int_t id = client_submit(client, "{'fn':'act','args':{'x':[1,2]}}");
    json_t *reply = client_result(client, "result", "{'id':%lld}", id);

    json_expect(reply, "result.id", "%lld", id);
    json_expect(reply, "result.method", "'act'");
    json_expect(reply, "result.params", "{'x':[1,2]}");
    json_expect(reply, "result.fds", "[0,1,2]");
    json_expect(reply, "result.handler", "'act'");
    json_decref(reply);
    stop();
}
END_TEST

START_TEST(info_tells_of_it)
{
    start("doc = Acts, and says so\n"
          "params = {\"do\": {\"type\": \"array\"},\n"
          "          \"item\": {}}\n");
    json_t *info = client_result(client, "info", "{}");
    json_t *function = NULL, *each;
    size_t i;

    json_array_foreach (json_at(info, "functions"), i, each) {
        if (strcmp(json_text_at(each, "name"), "act") == 0)
            function = each;
    }
    ck_assert_ptr_nonnull(function);
    json_expect(function, "kind", "'handler'");
    json_expect(function, "doc", "'Acts, and says so'");
    json_expect(function, "params", "{'do':{'type':'array'},'item':{}}");
    json_decref(info);
    expect_refused(client, "submit", "args.other", "{'fn':'act','args':{'other':1}}");
    expect_refused(client, "submit", "args.do", "{'fn':'act','args':{'do':1}}");
    expect_refused(client, "submit", "args", "{'fn':'act','args':[1]}");
    stop();
}
END_TEST

START_TEST(without_a_description_anything_structured_goes)
{
    start("");
    json_int_t id = client_submit(client, "{'fn':'act','args':[1,{'a':null}]}");
    json_t *reply = client_result(client, "result", "{'id':%lld}", id);

    json_expect(reply, "result.params", "[1,{'a':null}]");
    json_decref(reply);
    expect_refused(client, "submit", "args", "{'fn':'act','args':17}");
    stop();
}
END_TEST

START_TEST(exceptions)
{
    start("");
    expect_raised("[['error',{'code':1,'message':'m','data':{'type':'ValueError','n':1}}]]",
                  "ValueError", "m", "{'type':'ValueError','n':1}");
    expect_raised("[['exit',7]]", "HandlerDied", "the handler exited with status 7",
                  "{'reason':'exit','exit_code':7,'signal':null}");
    expect_raised("[['kill',11]]", "HandlerDied", "the handler was killed by SIGSEGV",
                  "{'reason':'exit','exit_code':null,'signal':'SIGSEGV'}");
    expect_raised("[['line','oops']]", "HandlerDied", "the handler wrote a line that is no JSON",
                  "{'reason':'garbage','line':'oops'}");
    expect_raised(
        "[['line','{\\'jsonrpc\\':\\'2.0\\',\\'id\\':0,\\'result\\':1}']]", "HandlerDied",
        "the handler wrote an answer to something else",
        "{'reason':'wrong_id','line':'{\\'jsonrpc\\':\\'2.0\\',\\'id\\':0,\\'result\\':1}'}");
    json_decref(call("[]"));
    stop();
}
END_TEST

START_TEST(an_oversize_line)
{
    start("[limits]\nline_bytes = 2000\n");
    expect_raised("[['big',2001]]", "HandlerDied",
                  "the handler wrote a line of more than 2000 bytes (line_bytes)",
                  "{'reason':'oversize','limit':2000}");
    json_decref(call("[]"));
    stop();
}
END_TEST

START_TEST(progress_comes_to_subscribers)
{
    start("");
    char *gate = make_fifo("gate");
    char *list = text_print("[['wait','%s'],['progress',{'done':0.25}],['wait','%s']]", gate, gate);
    json_int_t id = submit(list);
    json_t *message;

    json_decref(
        client_result(client, "subscribe", "{'ids':[%lld],'events':['progress','done']}", id));
    let_go(gate);
    message = client_notification(client);
    json_expect(message, "method", "'future.progress'");
    json_expect(message, "params.value", "{'done':0.25}");
    json_decref(message);
    let_go(gate);
    expect_done(client, id);
    free(list);
    free(gate);
    stop();
}
END_TEST

START_TEST(stderr_is_the_futures)
{
    start("");
    json_int_t first = submit("[['stderr','one']]"), second;
    json_t *output;

    json_decref(client_result(client, "result", "{'id':%lld}", first));
    second = submit("[['stderr','two'],['exit',1]]");
    json_decref(client_result(client, "result", "{'id':%lld}", second));
    output = client_result(client, "output", "{'id':%lld,'stream':'stderr'}", first);
    json_expect(output, "data", "'one\\n'");
    json_expect(output, "eof", "true");
    json_decref(output);
    output = client_result(client, "output", "{'id':%lld,'stream':'stderr'}", second);
    json_expect(output, "data", "'two\\n'");
    json_decref(output);
    stop();
}
END_TEST

START_TEST(a_map)
{
    start("");
    json_t *reply = client_result(client, "map", "{'fn':'act','args':{'a':1},'items':[5,'x',[1]]}");
    json_int_t id = json_int_at(reply, "id"), first = json_int_at(reply, "first");
    static const char *const items[] = {"5", "\"x\"", "[1]"};

    json_decref(reply);
    json_decref(client_result(client, "result", "{'id':%lld}", id));
    for (int i = 0; i < 3; i++) {
        reply = client_result(client, "result", "{'id':%lld}", first + i);
        json_expect(reply, "result.params", "{'a':1,'item':%s}", items[i]);
        json_decref(reply);
    }
    stop();
}
END_TEST

START_TEST(a_handler_can_be_an_initializer)
{
    start("[pool second]\nmax_workers = 1\ninitializer = act\ninitializer_args = {\"do\": []}\n");
    json_int_t id = client_submit(client, "{'fn':'act','args':{},'pool':'second'}");
    json_t *reply = client_result(client, "result", "{'id':%lld}", id);

    json_expect(reply, "result.tasks", "2");
    json_decref(reply);
    stop();
}
END_TEST

/* ---- processes ---- */

START_TEST(init_is_sent_once)
{
    start("init = {\"model\": \"a\"}\n");
    for (int i = 1; i < 4; i++) {
        json_t *result = call("[]");

        json_expect(result, "init", "{'model':'a'}");
        json_expect(result, "tasks", "%d", i);
        json_decref(result);
    }
    stop();
}
END_TEST

START_TEST(max_tasks)
{
    start("max_tasks = 2\n");
    pid_t first = call_pid("[]");

    ck_assert_int_eq(call_pid("[]"), first);
    ck_assert_int_ne(call_pid("[]"), first);
    await_gone(first);
    stop();
}
END_TEST

START_TEST(idle_timeout)
{
    start("idle_timeout = 0.1\n");
    pid_t pid = call_pid("[]");

    await_gone(pid);
    ck_assert_int_ne(call_pid("[]"), pid);
    stop();
}
END_TEST

START_TEST(memory_limit)
{
    start("memory_limit = 100000000\n");
    expect_raised("[['allocate',200000000]]", "MemoryError", "no memory", "{'type':'MemoryError'}");
    stop();
}
END_TEST

START_TEST(timeout_of_silence)
{
    start("timeout = 1\n"); /* in which a process starts on a busy machine, too */
    pid_t pid = call_pid("[]");

    expect_raised("[['hang']]", "TimedOut", "the handler was silent for 1 s",
                  "{'reason':'silence','timeout':1.0}");
    await_gone(pid);
    stop();
}
END_TEST

START_TEST(timeout_of_the_run)
{
    start("");
    pid_t pid = call_pid("[]");
    json_int_t id = client_submit(client, "{'fn':'act','args':{'do':[['hang']]},'timeout':0.1}");

    expect_exception(client, id, "TimedOut");
    await_gone(pid);
    json_decref(call("[]"));
    stop();
}
END_TEST

START_TEST(terminate)
{
    start("");
    char *fifo = make_fifo("child");
    char *list = text_print("[['child','%s'],['hang']]", fifo);
    pid_t pid = call_pid("[]"), child;
    json_int_t id = submit(list);

    child = read_pid(fifo);
    json_decref(
        client_result(client, "cancel", "{'id':%lld,'terminate':true,'reason':'enough'}", id));
    json_t *reply = client_result(client, "result", "{'id':%lld}", id);
    json_expect(reply, "exception.type", "'Terminated'");
    json_expect(reply, "exception.message", "'terminated: enough'");
    json_decref(reply);
    await_gone(pid);
    await_gone(child);
    json_decref(call("[]"));
    free(list);
    free(fifo);
    stop();
}
END_TEST

START_TEST(a_waiting_start_can_be_stopped)
{
    start("[function broken]\nhandler = /bin/false\n");
    for (int i = 0; i < 3; i++)
        expect_exception(client, client_submit(client, "{'fn':'broken'}"), "HandlerDied");
    /* The fourth waits for 0.4 s, unless somebody wants it to end. */
    json_int_t id = client_submit(client, "{'fn':'broken'}");
    json_t *reply = client_result(client, "cancel", "{'id':%lld,'terminate':true}", id);

    if (!json_bool_at(reply, "cancelled"))
        expect_exception(client, id, "Terminated");
    json_decref(reply);
    stop();
}
END_TEST

START_TEST(a_crash_can_break_the_pool)
{
    start("on_crash = break_pool\n[pool other]\nmax_workers = 1\n");
    json_int_t id = client_submit(client, "{'fn':'act','args':{'do':[['exit',1]]},'pool':'other'}");

    expect_exception(client, id, "HandlerDied");
    ck_assert_int_eq(client_error(client, "submit", "{'fn':'echo','pool':'other'}"), -32010);
    /* The other pool goes on. */
    json_decref(call("[]"));
    stop();
}
END_TEST

START_TEST(nothing_is_left_when_the_daemon_ends)
{
    start("");
    char *busy_fifo = make_fifo("busy"), *idle_fifo = make_fifo("idle"), *gate = make_fifo("gate");
    char *busy_list = text_print("[['child','%s'],['hang']]", busy_fifo);
    char *idle_list = text_print("[['child','%s'],['wait','%s']]", idle_fifo, gate);
    pid_t busy_child, idle_child, idle, stubborn;
    json_int_t id;
    json_t *reply;

    submit(busy_list);
    busy_child = read_pid(busy_fifo);
    id = submit(idle_list);
    idle_child = read_pid(idle_fifo);
    stubborn = call_pid("[['answer'],['ignore',15],['hang']]");
    let_go(gate);
    reply = client_result(client, "result", "{'id':%lld}", id);
    idle = (pid_t)json_int_at(reply, "result.pid");
    json_decref(reply);
    ck_assert_int_ne(idle, stubborn);
    free(busy_list);
    free(idle_list);
    free(busy_fifo);
    free(idle_fifo);
    free(gate);
    stop();
    await_gone(busy_child);
    await_gone(idle_child);
    await_gone(idle);
    await_gone(stubborn);
}
END_TEST

/* ---- the storm ---- */

static int compare_ids(const void *a, const void *b)
{
    const json_int_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

/* The ids that handlers have written down before they died, in order; the caller frees. */
static json_int_t *read_ledger(const char *path, size_t *ret_count)
{
    char *text = text_of_file(path), *rest = text, *line;
    json_int_t *ids = malloc((strlen(text) + 1) * sizeof(*ids));
    size_t count = 0;

    while ((line = strsep(&rest, "\n")) && *line)
        ids[count++] = strtoll(line, NULL, 10);
    qsort(ids, count, sizeof(*ids), compare_ids);
    free(text);
    *ret_count = count;
    return ids;
}

static size_t storm_size(void)
{
    const char *is_long = getenv("FUTURED_LONG");
    size_t calls = is_long && *is_long && *is_long != '0' ? LONG_STORM_CALLS : STORM_CALLS;

    return calls / test_slowness();
}

START_TEST(exactly_those_calls_fail_whose_process_died)
{
    size_t calls = storm_size(), died, failed = 0, i;
    char *ledger;
    json_t *items = json_array(), *reply, *future;
    json_int_t id, first, last, *ids;

    start("");
    ledger = path_of("ledger");
    for (i = 0; i < calls; i++)
        json_array_append_new(items, json_integer((json_int_t)i));
    reply = client_reply(
        client, client_request_json(client, "map",
                                    json_pack("{s:s, s:{s:[[s,i,s]]}, s:o}", "fn", "act", "args",
                                              "do", "dice", STORM_ODDS, ledger, "items", items)));
    first = json_int_at(reply, "result.first");
    last = first + (json_int_t)calls - 1;
    id = json_int_at(reply, "result.id");
    json_decref(reply);
    json_decref(client_result(client, "wait", "{'ids':[%lld]}", id));

    ids = read_ledger(ledger, &died);
    reply = client_result(client, "status", "{'ids':[[%lld,%lld]]}", first, last);
    ck_assert_uint_eq(json_count_at(reply, "futures"), calls);
    json_array_foreach (json_at(reply, "futures"), i, future) {
        bool is_dead;

        id = json_int_at(future, "id");
        is_dead = bsearch(&id, ids, died, sizeof(*ids), compare_ids) != NULL;

        json_expect(future, "state", "'FINISHED'");
        ck_assert_msg(json_bool_at(future, "failed") == is_dead, "future %lld", (long long)id);
        failed += is_dead;
    }
    ck_assert_uint_eq(failed, died);
    json_decref(reply);
    for (i = 0; i < died; i++)
        expect_exception(client, ids[i], "HandlerDied");
    /* It was a storm: with this many calls at these odds none would be a wonder. */
    if (calls >= STORM_CALLS)
        ck_assert_uint_gt(died, 0);
    free(ids);
    free(ledger);
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_call,
        info_tells_of_it,
        without_a_description_anything_structured_goes,
        exceptions,
        an_oversize_line,
        progress_comes_to_subscribers,
        stderr_is_the_futures,
        a_map,
        a_handler_can_be_an_initializer,
        init_is_sent_once,
        max_tasks,
        idle_timeout,
        memory_limit,
        timeout_of_silence,
        timeout_of_the_run,
        terminate,
        a_waiting_start_can_be_stopped,
        a_crash_can_break_the_pool,
        nothing_is_left_when_the_daemon_ends,
        exactly_those_calls_fail_whose_process_died,
        NULL,
    };

    return fixture_run("handlers", NULL, NULL, tests);
}

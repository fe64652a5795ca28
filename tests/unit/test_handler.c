/* layers: run proto core base */
/* extra: tests/support/fake_call.c */
#include "daemon/run/handler.h"

#include "daemon/base/clock.h"
#include "daemon/run/process.h"
#include "tests/support/fake_call.h"
#include "tests/support/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAP_BYTES  ((uint64_t)1 << 20)
#define LINE_BYTES 100000
#define NEVER_MS   ((uint64_t)3600 * 1000)

/* The bound on waiting, which no test that passes comes near to. */
#define DEADLINE_MS 30000

static char directory[] = "/tmp/test_handler.XXXXXX";
static char puppet[4096];
static struct handlers *handlers;
static const struct function *function;

static struct handler_settings settings; /* of the function that make_function makes */
static char *argv[3];

static void find_puppet(void)
{
    const char *daemon = getenv("FUTURED");
    char here[3000];

    if (!daemon)
        daemon = "build/futured";
    ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
    snprintf(puppet, sizeof(puppet), "%s%s%.*s/tests/puppet", *daemon == '/' ? "" : here,
             *daemon == '/' ? "" : "/", (int)(strrchr(daemon, '/') - daemon), daemon);
    ck_assert_msg(access(puppet, X_OK) == 0, "there is no %s", puppet);
}

static void set_up(void)
{
    char *const environment[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"LISTEN_FDS=1"},
                                 (char[]){"FUTURE_HANDLER=other"}, NULL};
    static const struct rlimit open_files = {100, 200};
    struct handlers_settings common = {
        .environment = environment,
        .open_files = &open_files,
        .line_bytes = LINE_BYTES,
        .depth = 32,
        .values = 1000,
    };

    find_puppet();
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    /* As the daemon does: a process that is gone is an error code. */
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(handlers_new(&common, &handlers), 0);
    argv[0] = puppet;
    argv[1] = argv[2] = NULL;
    settings = (struct handler_settings){.name = "act", .argv = argv, .idle_timeout_ms = NEVER_MS};
}

static void tear_down(void)
{
    char command[64];

    handlers_free(handlers);
    /* No process was left, dead or alive. */
    ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
    ck_assert_int_eq(errno, ECHILD);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static void make_function(void)
{
    struct check_error error = {0};
    int r = handlers_add(handlers, &settings, &function, &error);

    ck_assert_msg(r == 0, "%d: %s: %s", r, error.param, error.message);
}

/* ---- calls ---- */

/* As printf, with apostrophes as quotes; the caller frees. */
static char *json_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *json_text(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    ck_assert_int_ge(vasprintf(&text, format, args), 0);
    va_end(args);
    for (char *c = text; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    return text;
}

/* {"text":"yyy.."}, with so many of them; the caller frees. */
static char *long_args(size_t size)
{
    char *text = json_text("{'text':'%*s'}", (int)size, "");

    for (char *c = text; *c; c++) {
        if (*c == ' ')
            *c = 'y';
    }
    return text;
}

static json_t *outcome_json(struct call *call)
{
    const struct outcome *outcome = call_outcome(call);
    json_t *value = outcome->json
                        ? json_loadb(outcome->json, outcome->json_bytes, JSON_DECODE_ANY, NULL)
                        : json_null();

    ck_assert_ptr_nonnull(value);
    return value;
}

/* The result of the call that has been run; the caller owns it. */
static json_t *result_of(struct call *call)
{
    const struct outcome *outcome = call_outcome(call);

    ck_assert_msg(outcome->kind == OUTCOME_RESULT, "%s: %s", outcome_type(outcome),
                  outcome_message(outcome));
    return outcome_json(call);
}

/* Runs a call whose params are {"do":LIST} and checks that the puppet answers; its answer. */
static json_t *ask(const char *list)
{
    char *args = json_text("{'do':%s}", list);
    struct call *call = fake_call_new(args, NULL, CAP_BYTES);
    json_t *result;

    fake_call_run(call, function);
    result = result_of(call);
    fake_call_free(call);
    free(args);
    return result;
}

static json_int_t int_at(json_t *object, const char *name)
{
    ck_assert_msg(json_is_integer(json_object_get(object, name)), "no integer %s", name);
    return json_integer_value(json_object_get(object, name));
}

/* The pid of the process that answers. */
static pid_t ask_pid(const char *list)
{
    json_t *result = ask(list);
    pid_t pid = (pid_t)int_at(result, "pid");

    json_decref(result);
    return pid;
}

static void check_json(json_t *value, const char *wanted_text)
{
    char *text = json_text("%s", wanted_text);
    json_t *wanted = json_loads(text, JSON_DECODE_ANY, NULL);
    char *got = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    ck_assert_ptr_nonnull(wanted);
    ck_assert_msg(json_equal(value, wanted), "%s, wanted %s", got, text);
    json_decref(wanted);
    free(got);
    free(text);
}

static void check_raised(struct call *call, const char *type, const char *message, const char *data)
{
    const struct outcome *outcome = call_outcome(call);
    json_t *value;

    ck_assert_int_eq(outcome->kind, OUTCOME_EXCEPTION);
    ck_assert_str_eq(outcome_type(outcome), type);
    ck_assert_str_eq(outcome_message(outcome), message);
    value = outcome_json(call);
    check_json(value, data);
    json_decref(value);
}

/* Runs a call that must raise. */
static void expect(const char *list, const char *type, const char *message, const char *data)
{
    char *args = json_text("{'do':%s}", list);
    struct call *call = fake_call_new(args, NULL, CAP_BYTES);

    fake_call_run(call, function);
    check_raised(call, type, message, data);
    if (strcmp(type, "HandlerDied") == 0)
        ck_assert_int_eq(fake_call_pid(call), 0);
    fake_call_free(call);
    free(args);
}

/* ---- facts about the system ---- */

static void await_gone(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd gone = {.fd = fd, .events = POLLIN};

    if (fd < 0) {
        ck_assert_int_eq(errno, ESRCH);
        return;
    }
    ck_assert_int_eq(poll(&gone, 1, DEADLINE_MS), 1);
    close(fd);
}

/* A number that a process has appended to a file. */
static int64_t number_in(const char *path, int line)
{
    FILE *file = fopen(path, "re");
    int64_t number = 0;

    ck_assert_ptr_nonnull(file);
    for (int i = 0; i <= line; i++)
        ck_assert_int_eq(fscanf(file, "%" SCNd64, &number), 1);
    fclose(file);
    return number;
}

static void make_gate(const char *path)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}

/* Returns when somebody waits at the gate, and lets him through. */
static void open_gate(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void check_stderr(struct call *call, const char *wanted)
{
    char got[200000] = "";
    uint64_t kept;
    bool ended;
    size_t size =
        output_read(call_output(call), OUTPUT_STDERR, 0, got, sizeof(got) - 1, &kept, &ended);

    ck_assert_uint_eq(size, kept);
    ck_assert_str_eq(got, wanted);
}

/* Gathers what the daemon's log would get. */
static int log_fd = -1;

static void catch_log(void)
{
    log_fd = open("log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(log_fd, 0);
    ck_assert_int_eq(dup2(log_fd, STDERR_FILENO), STDERR_FILENO);
}

static const char *log_text(void)
{
    static char text[100000];
    ssize_t size = pread(log_fd, text, sizeof(text) - 1, 0);

    ck_assert_int_ge(size, 0);
    text[size] = '\0';
    return text;
}

/* Returns when the log says that. */
static void await_log(const char *what)
{
    uint64_t deadline_ns = clock_mono_ns() + DEADLINE_MS * NS_PER_MS;

    while (!strstr(log_text(), what)) {
        ck_assert_msg(clock_mono_ns() < deadline_ns, "no \"%s\" in: %s", what, log_text());
        poll(NULL, 0, 1);
    }
}

/* ---- a call that goes well ---- */

START_TEST(a_call_is_a_request_and_its_answer)
{
    struct call *call;
    json_t *result;

    settings.doc = "Acts";
    make_function();
    ck_assert_str_eq(function->name, "act");
    ck_assert_str_eq(function->doc, "Acts");
    ck_assert_ptr_null(function->params);
    ck_assert_str_eq(function->ops->kind, "handler");
    ck_assert(!function->ops->streams_in_result);

    call = fake_call_new("{\"a\":[1,2.5,\"\\u00fc\"]}", NULL, CAP_BYTES);
    fake_call_run(call, function);
    result = result_of(call);
    ck_assert_int_eq(int_at(result, "id"), FAKE_CALL_ID);
    check_json(json_object_get(result, "method"), "'act'");
    check_json(json_object_get(result, "params"), "{'a':[1,2.5,'\\u00fc']}");
    check_json(json_object_get(result, "init"), "null");
    json_decref(result);
    check_stderr(call, "");
    fake_call_free(call);
}
END_TEST

START_TEST(a_process_serves_many_calls)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[]");
    for (int i = 2; i < 100; i++) {
        json_t *result = ask("[]");

        ck_assert_int_eq(int_at(result, "pid"), pid);
        ck_assert_int_eq(int_at(result, "tasks"), i);
        json_decref(result);
    }
}
END_TEST

START_TEST(no_arguments_are_an_empty_object)
{
    struct call *call = fake_call_new("", NULL, CAP_BYTES);
    json_t *result;

    make_function();
    fake_call_run(call, function);
    result = result_of(call);
    check_json(json_object_get(result, "params"), "{}");
    json_decref(result);
    fake_call_free(call);
}
END_TEST

START_TEST(an_item_is_joined_to_the_arguments)
{
    struct call *call = fake_call_new("{\"a\":1}", "[2,3]", CAP_BYTES);
    json_t *result;

    make_function();
    fake_call_run(call, function);
    result = result_of(call);
    check_json(json_object_get(result, "params"), "{'a':1,'item':[2,3]}");
    json_decref(result);
    fake_call_free(call);
}
END_TEST

START_TEST(the_process_has_a_clean_environment)
{
    json_t *result;

    settings.cwd = "/usr";
    make_function();
    result = ask("[]");
    check_json(json_object_get(result, "fds"), "[0,1,2]");
    check_json(json_object_get(result, "handler"), "'act'");
    check_json(json_object_get(result, "cwd"), "'/usr'");
    json_decref(result);
}
END_TEST

START_TEST(the_pid_is_named)
{
    struct call *call = fake_call_new("{\"do\":[[\"wait\",\"gate\"]]}", NULL, CAP_BYTES);
    json_t *result;
    pid_t pid;

    make_gate("gate");
    make_function();
    fake_call_start(call, function);
    pid = fake_call_await_pid(call);
    open_gate("gate");
    fake_call_join(call);
    result = result_of(call);
    ck_assert_int_eq(int_at(result, "pid"), pid);
    json_decref(result);
    fake_call_free(call);
}
END_TEST

START_TEST(progress_is_passed_on)
{
    struct call *call = fake_call_new("{\"do\":[[\"progress\",0.5],"
                                      "[\"line\",\"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"method\\\":"
                                      "\\\"progress\\\",\\\"params\\\":{\\\"id\\\":1,"
                                      "\\\"value\\\":\\\"late\\\"}}\"],"
                                      "[\"progress\",{\"done\":2}]]}",
                                      NULL, CAP_BYTES);
    unsigned count;

    make_function();
    fake_call_run(call, function);
    json_decref(result_of(call));
    ck_assert_str_eq(fake_call_progress(call, &count), "{\"done\":2}");
    ck_assert_uint_eq(count, 2);
    fake_call_free(call);
}
END_TEST

START_TEST(stderr_belongs_to_the_call_that_runs)
{
    struct call *first =
        fake_call_new("{\"do\":[[\"stderr\",\"one\"],[\"stderr\",\"more\"]]}", NULL, CAP_BYTES);
    struct call *second = fake_call_new("{\"do\":[[\"stderr\",\"two\"]]}", NULL, CAP_BYTES);

    make_function();
    fake_call_run(first, function);
    fake_call_run(second, function);
    check_stderr(first, "one\nmore\n");
    check_stderr(second, "two\n");
    fake_call_free(first);
    fake_call_free(second);
}
END_TEST

START_TEST(much_goes_in_and_out)
{
    size_t size = 90000;
    char *args = long_args(size);
    struct call *call;
    json_t *result;

    make_function();
    call = fake_call_new(args, NULL, CAP_BYTES);
    fake_call_run(call, function);
    result = result_of(call);
    ck_assert_uint_eq(
        json_string_length(json_object_get(json_object_get(result, "params"), "text")), size);
    json_decref(result);
    fake_call_free(call);
    free(args);
}
END_TEST

START_TEST(a_handler_may_write_before_it_reads)
{
    /* More than a pipe holds. */
    static const char list[] = "[['answer'],['lines',10000,'{\\'jsonrpc\\':\\'2.0\\',"
                               "\\'method\\':\\'x\\'}']]";
    pid_t pid;

    make_function();
    pid = ask_pid(list);
    /* What comes behind the answer is read before, and while, the next call is sent. */
    ck_assert_int_eq(ask_pid(list), pid);
    ck_assert_int_eq(ask_pid("[]"), pid);
}
END_TEST

START_TEST(calls_at_once_have_a_process_each)
{
    struct call *calls[4];
    pid_t pids[4];

    make_gate("gate");
    make_function();
    for (int i = 0; i < 4; i++) {
        calls[i] = fake_call_new("{\"do\":[[\"wait\",\"gate\"]]}", NULL, CAP_BYTES);
        fake_call_start(calls[i], function);
        pids[i] = fake_call_await_pid(calls[i]);
        for (int k = 0; k < i; k++)
            ck_assert_int_ne(pids[k], pids[i]);
    }
    for (int i = 0; i < 4; i++)
        fake_call_stop(calls[i], STOP_TERMINATE, SIGKILL, 0);
    for (int i = 0; i < 4; i++) {
        fake_call_join(calls[i]);
        fake_call_free(calls[i]);
    }
}
END_TEST

/* ---- exceptions ---- */

START_TEST(an_error_becomes_an_exception)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[]");
    expect("[['error',{'code':1,'message':'no good','data':{'type':'ValueError','x':[1]}}]]",
           "ValueError", "no good", "{'type':'ValueError','x':[1]}");
    expect("[['error',{'code':-32601,'message':'m'}]]", "HandlerError", "m", "{'code':-32601}");
    expect("[['error',{'code':-32602,'message':'m','data':null}]]", "InvalidArguments", "m",
           "null");
    /* The process has done nothing wrong. */
    ck_assert_int_eq(ask_pid("[]"), pid);
}
END_TEST

START_TEST(a_crash_fails_one_call_and_one_process)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[]");
    expect("[['exit',3]]", "HandlerDied", "the handler exited with status 3",
           "{'reason':'exit','exit_code':3,'signal':null}");
    ck_assert_int_ne(ask_pid("[]"), pid);
    expect("[['kill',9]]", "HandlerDied", "the handler was killed by SIGKILL",
           "{'reason':'exit','exit_code':null,'signal':'SIGKILL'}");
    expect("[['exit',0]]", "HandlerDied", "the handler exited with status 0",
           "{'reason':'exit','exit_code':0,'signal':null}");
    json_decref(ask("[]"));
}
END_TEST

START_TEST(the_last_words_are_kept)
{
    struct call *call =
        fake_call_new("{\"do\":[[\"stderr\",\"Traceback\"],[\"exit\",1]]}", NULL, CAP_BYTES);

    make_function();
    fake_call_run(call, function);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "HandlerDied");
    check_stderr(call, "Traceback\n");
    fake_call_free(call);
}
END_TEST

START_TEST(an_answer_counts_though_the_process_ends_behind_it)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[['answer'],['exit',1]]");
    ck_assert_int_ne(ask_pid("[]"), pid);
}
END_TEST

START_TEST(a_garbage_line)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[]");
    expect("[['line','hello world']]", "HandlerDied", "the handler wrote a line that is no JSON",
           "{'reason':'garbage','line':'hello world'}");
    await_gone(pid);
    expect("[['line','']]", "HandlerDied", "the handler wrote a line that is no JSON",
           "{'reason':'garbage','line':''}");
    expect("[['line','{}']]", "HandlerDied",
           "the handler wrote JSON that is no JSON-RPC 2.0 message",
           "{'reason':'garbage','line':'{}'}");
    json_decref(ask("[]"));
}
END_TEST

START_TEST(a_long_garbage_line_is_quoted_in_part)
{
    const struct outcome *outcome;
    struct call *call = fake_call_new("{\"do\":[[\"big\",5000]]}", NULL, CAP_BYTES);
    json_t *data;

    make_function();
    fake_call_run(call, function);
    outcome = call_outcome(call);
    ck_assert_str_eq(outcome_type(outcome), "HandlerDied");
    data = outcome_json(call);
    ck_assert_uint_eq(json_string_length(json_object_get(data, "line")), 200);
    json_decref(data);
    fake_call_free(call);
}
END_TEST

START_TEST(an_oversize_line)
{
    make_function();
    expect("[['big',100001],['hang']]", "HandlerDied",
           "the handler wrote a line of more than 100000 bytes (line_bytes)",
           "{'reason':'oversize','limit':100000}");
    expect(
        "[['big',100000],['hang']]", "HandlerDied", "the handler wrote a line that is no JSON",
        "{'reason':'garbage','line':'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}");
}
END_TEST

START_TEST(a_wrong_id)
{
    make_function();
    expect("[['line','{\\'jsonrpc\\':\\'2.0\\',\\'id\\':43,\\'result\\':1}'],['hang']]",
           "HandlerDied", "the handler wrote an answer to something else",
           "{'reason':'wrong_id','line':'{\\'jsonrpc\\':\\'2.0\\',\\'id\\':43,\\'result\\':1}'}");
    json_decref(ask("[]"));
}
END_TEST

START_TEST(a_closed_stdout)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[]");
    expect("[['close',1],['hang']]", "HandlerDied", "the handler closed its stdout",
           "{'reason':'closed'}");
    await_gone(pid);
}
END_TEST

START_TEST(children_go_with_the_process)
{
    make_function();
    expect("[['child','child'],['exit',2]]", "HandlerDied", "the handler exited with status 2",
           "{'reason':'exit','exit_code':2,'signal':null}");
    /* It held the pipes, which did not matter, and its parent was not there to reap it. */
    await_gone((pid_t)number_in("child", 0));
}
END_TEST

/* ---- silence and stop requests ---- */

START_TEST(silence_is_an_end)
{
    pid_t pid;

    settings.timeout_ms = 50;
    make_function();
    pid = ask_pid("[]");
    expect("[['hang']]", "TimedOut", "the handler was silent for 0.05 s",
           "{'reason':'silence','timeout':0.05}");
    await_gone(pid);
    json_decref(ask("[]"));
}
END_TEST

START_TEST(a_process_that_does_not_read_is_silent)
{
    char list[] = "[[\"hang\"]]";
    size_t size = 300000;
    char *args = long_args(size);
    struct call *call;

    /* The action at the start of the process comes before it reads anything. */
    argv[1] = list;
    settings.timeout_ms = 50;
    make_function();
    call = fake_call_new(args, NULL, CAP_BYTES);
    fake_call_run(call, function);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "TimedOut");
    fake_call_free(call);
    free(args);
}
END_TEST

START_TEST(a_stop_request_ends_the_process)
{
    struct call *call = fake_call_new("{\"do\":[[\"progress\",1],[\"hang\"]]}", NULL, CAP_BYTES);
    pid_t pid;

    make_function();
    fake_call_start(call, function);
    pid = fake_call_await_pid(call);
    fake_call_await_progress(call);
    fake_call_stop(call, STOP_TERMINATE, SIGTERM, NEVER_MS);
    fake_call_join(call);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "Terminated");
    await_gone(pid);
    fake_call_free(call);
    /* That was no failure of the handler: the next one starts at once. */
    ck_assert_int_ne(ask_pid("[]"), pid);
}
END_TEST

START_TEST(who_ignores_the_signal_is_killed)
{
    struct call *call =
        fake_call_new("{\"do\":[[\"ignore\",15],[\"progress\",1],[\"hang\"]]}", NULL, CAP_BYTES);

    make_function();
    fake_call_start(call, function);
    fake_call_await_progress(call);
    fake_call_stop(call, STOP_TIMEOUT, SIGTERM, 20);
    fake_call_join(call);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "TimedOut");
    fake_call_free(call);
}
END_TEST

START_TEST(a_second_request_is_obeyed)
{
    struct call *call =
        fake_call_new("{\"do\":[[\"ignore\",15],[\"progress\",1],[\"hang\"]]}", NULL, CAP_BYTES);

    make_function();
    fake_call_start(call, function);
    fake_call_await_progress(call);
    fake_call_stop(call, STOP_TERMINATE, SIGTERM, NEVER_MS);
    fake_call_stop(call, STOP_TERMINATE, SIGKILL, NEVER_MS);
    fake_call_join(call);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "Terminated");
    fake_call_free(call);
}
END_TEST

/* ---- the start ---- */

START_TEST(init_comes_once_and_first)
{
    settings.init = "{\"model\":\"x\",\n\"do\":[]}";
    make_function();
    for (int i = 1; i < 4; i++) {
        json_t *result = ask("[]");

        check_json(json_object_get(result, "init"), "{'model':'x','do':[]}");
        ck_assert_int_eq(int_at(result, "tasks"), i);
        json_decref(result);
    }
}
END_TEST

START_TEST(an_init_that_is_refused)
{
    settings.init = "{\"do\":[[\"error\",{\"code\":5,\"message\":\"no model\"}]]}";
    make_function();
    expect("[]", "HandlerDied", "the handler refused to start: no model",
           "{'reason':'init','error':{'code':5,'message':'no model'}}");
}
END_TEST

START_TEST(an_init_that_crashes)
{
    settings.init = "{\"do\":[[\"exit\",4]]}";
    make_function();
    expect("[]", "HandlerDied", "the handler exited with status 4 while it started",
           "{'reason':'exit','exit_code':4,'signal':null}");
}
END_TEST

START_TEST(an_init_that_hangs)
{
    settings.init = "{\"do\":[[\"hang\"]]}";
    settings.timeout_ms = 50;
    make_function();
    expect("[]", "TimedOut", "the handler was silent for 0.05 s while it started",
           "{'reason':'silence','timeout':0.05}");
}
END_TEST

START_TEST(a_program_that_is_not_there)
{
    char missing[] = "/nowhere/at/all";

    argv[0] = missing;
    make_function();
    expect("[]", "SpawnError", "cannot run /nowhere/at/all: No such file or directory",
           "{'errno':'ENOENT','step':'exec','path':'/nowhere/at/all'}");
}
END_TEST

START_TEST(a_directory_that_is_not_there)
{
    settings.cwd = "/nowhere";
    make_function();
    expect("[]", "SpawnError", "cannot change to directory /nowhere: No such file or directory",
           "{'errno':'ENOENT','step':'chdir','path':'/nowhere'}");
}
END_TEST

START_TEST(a_program_that_ends_at_once)
{
    char list[] = "[[\"stamp\",\"starts\"],[\"exit\",1]]";

    argv[1] = list;
    make_function();
    for (int i = 0; i < 4; i++)
        expect("[]", "HandlerDied", "the handler exited with status 1",
               "{'reason':'exit','exit_code':1,'signal':null}");
    /* Each start waited for twice the time of the one before. */
    for (int i = 0; i < 3; i++)
        ck_assert_int_ge(number_in("starts", i + 1) - number_in("starts", i),
                         (INT64_C(90) << i) * (int64_t)NS_PER_MS);
}
END_TEST

START_TEST(a_call_that_waits_for_a_start_can_be_stopped)
{
    struct call *call = fake_call_new("{}", NULL, CAP_BYTES);
    char list[] = "[[\"stamp\",\"starts\"],[\"exit\",1]]";

    argv[1] = list;
    make_function();
    for (int i = 0; i < 3; i++)
        expect("[]", "HandlerDied", "the handler exited with status 1",
               "{'reason':'exit','exit_code':1,'signal':null}");
    fake_call_stop(call, STOP_TERMINATE, SIGTERM, NEVER_MS);
    fake_call_run(call, function);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "Terminated");
    fake_call_free(call);
    /* There was no fourth start. */
    FILE *file = fopen("starts", "re");
    int64_t number;
    int lines = 0;
    while (fscanf(file, "%" SCNd64, &number) == 1)
        lines++;
    fclose(file);
    ck_assert_int_eq(lines, 3);
}
END_TEST

/* ---- the life of a process ---- */

START_TEST(max_tasks_replaces_a_process)
{
    pid_t first, second;

    settings.max_tasks = 2;
    make_function();
    first = ask_pid("[]");
    ck_assert_int_eq(ask_pid("[]"), first);
    second = ask_pid("[]");
    ck_assert_int_ne(second, first);
    await_gone(first);
    ck_assert_int_eq(ask_pid("[]"), second);
}
END_TEST

START_TEST(an_idle_process_ends)
{
    pid_t pid;

    settings.idle_timeout_ms = 30;
    make_function();
    pid = ask_pid("[]");
    await_gone(pid);
    ck_assert_int_ne(ask_pid("[]"), pid);
}
END_TEST

START_TEST(an_idle_process_that_does_not_want_to_end)
{
    pid_t pid;

    settings.idle_timeout_ms = 30;
    make_function();
    /* It sees neither the end of its stdin nor TERM. */
    pid = ask_pid("[['answer'],['ignore',15],['hang']]");
    await_gone(pid);
}
END_TEST

START_TEST(who_dies_between_calls_is_replaced)
{
    pid_t pid;

    make_function();
    for (int i = 0; i < 20; i++) {
        pid = ask_pid("[]");
        kill(pid, SIGKILL);
        await_gone(pid);
        ck_assert_int_ne(ask_pid("[]"), pid);
    }
}
END_TEST

START_TEST(who_dies_before_it_reads_is_replaced)
{
    struct call *call = fake_call_new("{}", NULL, CAP_BYTES);
    json_t *result;
    pid_t pid;

    make_function();
    pid = ask_pid("[['answer'],['kill',19]]");
    /* It stands still, so it takes the call and does not read it. */
    fake_call_start(call, function);
    ck_assert_int_eq(fake_call_await_pid(call), pid);
    kill(pid, SIGKILL);
    fake_call_join(call);
    result = result_of(call);
    ck_assert_int_ne(int_at(result, "pid"), pid);
    json_decref(result);
    fake_call_free(call);
}
END_TEST

START_TEST(who_dies_between_calls_is_reaped)
{
    char path[64];
    pid_t pid;

    make_function();
    pid = ask_pid("[['answer'],['exit',0]]");
    await_gone(pid);
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    while (access(path, F_OK) == 0)
        poll(NULL, 0, 1);
}
END_TEST

START_TEST(what_is_written_between_calls)
{
    pid_t pid;

    make_gate("gate");
    make_function();
    catch_log();
    pid = ask_pid("[['answer'],['wait','gate'],['stderr','idle words'],"
                  "['log','warning','idle log']]");
    open_gate("gate");
    await_log("idle words\n");
    await_log("warning: handler act[");
    await_log("idle log\n");
    ck_assert_int_eq(ask_pid("[]"), pid);
}
END_TEST

START_TEST(garbage_between_calls_fails_none)
{
    pid_t pid;

    make_gate("gate");
    make_function();
    catch_log();
    pid = ask_pid("[['answer'],['line','garbage']]");
    await_gone(pid);
    await_log("wrote a line that is no JSON between two calls, and is replaced\n");
    pid = ask_pid("[['answer'],['wait','gate'],['answer']]");
    open_gate("gate");
    await_gone(pid);
    await_log("answered what nobody asked, and is replaced\n");
    ck_assert_int_ne(ask_pid("[]"), pid);
}
END_TEST

/* ---- other settings ---- */

static const struct function *make_draft(void)
{
    const struct function *live = function;
    const struct function *draft;

    make_function();
    draft = function;
    function = live;
    return draft;
}

START_TEST(other_settings_are_for_calls_that_start_later)
{
    struct call *call = fake_call_new("{\"do\":[[\"wait\",\"gate\"]]}", NULL, CAP_BYTES);
    json_t *result;
    pid_t pid, idle;

    make_gate("gate");
    settings.init = "[1]";
    make_function();
    fake_call_start(call, function);
    pid = fake_call_await_pid(call);
    idle = ask_pid("[]");
    settings.init = "[2]";
    settings.doc = "anew";
    settings.params = "{\"do\":{}}";
    handlers_replace(handlers, function, make_draft());
    await_gone(idle);
    ck_assert_str_eq(function->name, "act");
    ck_assert_str_eq(function->doc, "anew");
    ck_assert_str_eq(function->params, "{\"do\":{}}");
    ck_assert_int_eq(function->ops->check_args(function, "{\"x\":1}", 7, false,
                                               &(struct check_error){.param = ""}),
                     -EINVAL);
    result = ask("[]");
    check_json(json_object_get(result, "init"), "[2]");
    json_decref(result);
    /* The call that runs ends as it began, and its process goes with it. */
    open_gate("gate");
    fake_call_join(call);
    result = result_of(call);
    check_json(json_object_get(result, "init"), "[1]");
    ck_assert_int_eq(int_at(result, "pid"), pid);
    json_decref(result);
    fake_call_free(call);
    await_gone(pid);
}
END_TEST

START_TEST(settings_may_change_again_and_again)
{
    make_function();
    for (int i = 0; i < 20; i++) {
        pid_t pid = ask_pid("[]");

        handlers_replace(handlers, function, make_draft());
        await_gone(pid);
    }
}
END_TEST

START_TEST(what_was_never_called_can_be_thrown_away)
{
    const struct function *draft;

    make_function();
    ck_assert_int_gt(ask_pid("[]"), 0);
    settings.name = "draft";
    draft = make_draft();
    ck_assert_str_eq(draft->name, "draft");
    handlers_discard(handlers, draft);
    settings.name = "act";
    handlers_discard(handlers, make_draft());
    ck_assert_int_gt(ask_pid("[]"), 0);
}
END_TEST

START_TEST(the_log_is_not_flooded)
{
    /* Each of the lines has to be told from the others. */
    char list[4000] = "[['answer'],['wait','gate']", *end = list + strlen(list);
    int lines = 0;

    for (int i = 0; i < 100; i++)
        end += sprintf(end, ",['stderr','line %d']%s", i, i == 99 ? "]" : "");
    make_gate("gate");
    make_function();
    catch_log();
    pid_t pid = ask_pid(list);
    open_gate("gate");
    await_log("line 5\n");
    ck_assert_int_eq(ask_pid("[]"), pid);
    for (const char *text = log_text(); (text = strstr(text, "handler act[")); text++)
        lines++;
    /* All lines came at once, or nearly. */
    ck_assert_int_ge(lines, 6);
    ck_assert_int_lt(lines, 90);
}
END_TEST

START_TEST(a_log_during_a_call)
{
    make_function();
    catch_log();
    json_decref(ask("[['log','error','hot']]"));
    ck_assert_ptr_nonnull(strstr(log_text(), "error: handler act["));
    ck_assert_ptr_nonnull(strstr(log_text(), "]: hot\n"));
}
END_TEST

START_TEST(memory_is_limited)
{
    settings.memory_limit_bytes = 100000000;
    make_function();
    expect("[['allocate',200000000]]", "MemoryError", "no memory", "{'type':'MemoryError'}");
    json_decref(ask("[['allocate',20000000]]"));
}
END_TEST

START_TEST(a_crash_breaks_the_pool_where_it_shall)
{
    for (int breaks = 0; breaks < 2; breaks++) {
        static const char *const lists[] = {
            "{\"do\":[[\"exit\",1]]}",
            "{\"do\":[[\"line\",\"garbage\"]]}",
        };

        settings.name = breaks ? "breaks" : "fails";
        settings.break_pool = breaks;
        make_function();
        for (size_t i = 0; i < 2; i++) {
            struct call *call = fake_call_new(lists[i], NULL, CAP_BYTES);

            fake_call_run(call, function);
            ck_assert_str_eq(outcome_type(call_outcome(call)), "HandlerDied");
            ck_assert_int_eq(fake_call_breaks_pool(call), breaks);
            fake_call_free(call);
        }
        struct call *call =
            fake_call_new("{\"do\":[[\"error\",{\"code\":1,\"message\":\"m\"}]]}", NULL, CAP_BYTES);
        fake_call_run(call, function);
        ck_assert(!fake_call_breaks_pool(call));
        fake_call_free(call);
    }
}
END_TEST

/* ---- checks ---- */

static void check_refused(const char *args, bool is_map, const char *param)
{
    struct check_error error = {0};

    ck_assert_msg(function->ops->check_args(function, args, strlen(args), is_map, &error) ==
                      -EINVAL,
                  "not refused: %s", args);
    ck_assert_str_eq(error.param, param);
}

static void check_accepted(const char *args, bool is_map)
{
    struct check_error error = {0};

    ck_assert_msg(function->ops->check_args(function, args, strlen(args), is_map, &error) == 0,
                  "refused: %s: %s", args, error.message);
}

START_TEST(arguments_are_checked)
{
    make_function();
    check_accepted("{}", false);
    check_accepted("{\"any\":[]}", true);
    check_accepted("[1,2]", false);
    check_refused("17", false, "args");
    check_refused("\"x\"", false, "args");
    check_refused("[1,2]", true, "args");
    check_refused("{\"item\":1}", true, "args.item");
}
END_TEST

START_TEST(described_arguments_are_checked)
{
    struct check_error error = {0};

    settings.params = "{\"path\":{\"type\":\"path\",\"required\":true},\"item\":{\"type\":"
                      "\"string\"}}";
    make_function();
    ck_assert_str_eq(function->params, settings.params);
    check_accepted("{\"path\":\"/x\"}", false);
    check_accepted("{\"path\":\"/x\"}", true);
    check_refused("{\"path\":1}", false, "args.path");
    check_refused("{\"path\":\"/x\",\"other\":1}", false, "args.other");
    check_refused("[1]", false, "args");
    ck_assert_int_eq(function->ops->check_item(function, "\"x\"", 3, &error), 0);
    ck_assert_int_eq(function->ops->check_item(function, "17", 2, &error), -EINVAL);
    ck_assert_str_eq(error.param, "items");
}
END_TEST

static void check_settings_refused(const char *param)
{
    struct check_error error = {0};

    ck_assert_int_eq(handlers_add(handlers, &settings, &function, &error), -EINVAL);
    ck_assert_str_eq(error.param, param);
}

START_TEST(settings_are_checked)
{
    settings.init = "{";
    check_settings_refused("init");
    settings.init = "17";
    check_settings_refused("init");
    settings.init = NULL;
    settings.params = "{\"x\":{\"type\":\"thing\"}}";
    check_settings_refused("params.x.type");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_call_is_a_request_and_its_answer,
        a_process_serves_many_calls,
        no_arguments_are_an_empty_object,
        an_item_is_joined_to_the_arguments,
        the_process_has_a_clean_environment,
        the_pid_is_named,
        progress_is_passed_on,
        stderr_belongs_to_the_call_that_runs,
        much_goes_in_and_out,
        a_handler_may_write_before_it_reads,
        calls_at_once_have_a_process_each,
        an_error_becomes_an_exception,
        a_crash_fails_one_call_and_one_process,
        the_last_words_are_kept,
        an_answer_counts_though_the_process_ends_behind_it,
        a_garbage_line,
        a_long_garbage_line_is_quoted_in_part,
        an_oversize_line,
        a_wrong_id,
        a_closed_stdout,
        children_go_with_the_process,
        silence_is_an_end,
        a_process_that_does_not_read_is_silent,
        a_stop_request_ends_the_process,
        who_ignores_the_signal_is_killed,
        a_second_request_is_obeyed,
        init_comes_once_and_first,
        an_init_that_is_refused,
        an_init_that_crashes,
        an_init_that_hangs,
        a_program_that_is_not_there,
        a_directory_that_is_not_there,
        a_program_that_ends_at_once,
        a_call_that_waits_for_a_start_can_be_stopped,
        max_tasks_replaces_a_process,
        an_idle_process_ends,
        an_idle_process_that_does_not_want_to_end,
        who_dies_between_calls_is_replaced,
        who_dies_before_it_reads_is_replaced,
        who_dies_between_calls_is_reaped,
        what_is_written_between_calls,
        garbage_between_calls_fails_none,
        other_settings_are_for_calls_that_start_later,
        settings_may_change_again_and_again,
        what_was_never_called_can_be_thrown_away,
        the_log_is_not_flooded,
        a_log_during_a_call,
        memory_is_limited,
        a_crash_breaks_the_pool_where_it_shall,
        arguments_are_checked,
        described_arguments_are_checked,
        settings_are_checked,
        NULL,
    };
    TCase *tcase = suite_tests("handler", set_up, tear_down);

    for (size_t i = 0; tests[i]; i++)
        tcase_add_test(tcase, tests[i]);
    return suite_run();
}

#include "tests/support/handler_fixture.h"

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

#include "daemon/base/clock.h"

char directory[] = "/tmp/test_handler.XXXXXX";
static char puppet[4096];
struct handlers *handlers;
const struct function *function;

struct handler_settings settings;
char *argv[3];

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

void set_up(void)
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

void tear_down(void)
{
    char command[64];

    handlers_free(handlers);
    /* No process was left, dead or alive. */
    ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
    ck_assert_int_eq(errno, ECHILD);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

void make_function(void)
{
    struct check_error error = {0};
    int r = handlers_add(handlers, &settings, &function, &error);

    ck_assert_msg(r == 0, "%d: %s: %s", r, error.param, error.message);
}

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

char *long_args(size_t size)
{
    char *text = json_text("{'text':'%*s'}", (int)size, "");

    for (char *c = text; *c; c++) {
        if (*c == ' ')
            *c = 'y';
    }
    return text;
}

json_t *outcome_json(struct call *call)
{
    const struct outcome *outcome = call_outcome(call);
    json_t *value = outcome->json
                        ? json_loadb(outcome->json, outcome->json_bytes, JSON_DECODE_ANY, NULL)
                        : json_null();

    ck_assert_ptr_nonnull(value);
    return value;
}

json_t *result_of(struct call *call)
{
    const struct outcome *outcome = call_outcome(call);

    ck_assert_msg(outcome->kind == OUTCOME_RESULT, "%s: %s", outcome_type(outcome),
                  outcome_message(outcome));
    return outcome_json(call);
}

json_t *ask(const char *list)
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

json_int_t int_at(json_t *object, const char *name)
{
    ck_assert_msg(json_is_integer(json_object_get(object, name)), "no integer %s", name);
    return json_integer_value(json_object_get(object, name));
}

pid_t ask_pid(const char *list)
{
    json_t *result = ask(list);
    pid_t pid = (pid_t)int_at(result, "pid");

    json_decref(result);
    return pid;
}

void check_json(json_t *value, const char *wanted_text)
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

void expect(const char *list, const char *type, const char *message, const char *data)
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

void await_gone(pid_t pid)
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

int64_t number_in(const char *path, int line)
{
    FILE *file = fopen(path, "re");
    int64_t number = 0;

    ck_assert_ptr_nonnull(file);
    for (int i = 0; i <= line; i++)
        ck_assert_int_eq(fscanf(file, "%" SCNd64, &number), 1);
    fclose(file);
    return number;
}

void make_gate(const char *path)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}

void open_gate(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

void check_stderr(struct call *call, const char *wanted)
{
    char got[200000] = "";
    uint64_t kept;
    bool ended;
    size_t size =
        output_read(call_output(call), OUTPUT_STDERR, 0, got, sizeof(got) - 1, &kept, &ended);

    ck_assert_uint_eq(size, kept);
    ck_assert_str_eq(got, wanted);
}

static int log_fd = -1;

void catch_log(void)
{
    log_fd = open("log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(log_fd, 0);
    ck_assert_int_eq(dup2(log_fd, STDERR_FILENO), STDERR_FILENO);
}

const char *log_text(void)
{
    static char text[100000];
    ssize_t size = pread(log_fd, text, sizeof(text) - 1, 0);

    ck_assert_int_ge(size, 0);
    text[size] = '\0';
    return text;
}

void await_log(const char *what)
{
    uint64_t deadline_ns = clock_mono_ns() + DEADLINE_MS * NS_PER_MS;

    while (!strstr(log_text(), what)) {
        ck_assert_msg(clock_mono_ns() < deadline_ns, "no \"%s\" in: %s", what, log_text());
        poll(NULL, 0, 1);
    }
}

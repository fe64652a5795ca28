#include "tests/support/command_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

char directory[] = "/tmp/test_command.XXXXXX";
struct function *function;

void make_function(uint64_t pipe_grace_ms)
{
    char *const environment[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"LISTEN_FDS=1"},
                                 (char[]){"BASE=from base"}, NULL};
    struct command_settings settings = {
        .environment = environment,
        .socket_path = "/run/test.sock",
        .pipe_grace_ms = pipe_grace_ms,
    };

    command_function_free(function);
    ck_assert_int_eq(command_function_new(&settings, &function), 0);
}

void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    /* As the daemon does: a signal that is ignored would be handed on to the jobs. */
    signal(SIGPIPE, SIG_IGN);
    make_function(COMMAND_PIPE_GRACE_MS);
}

void tear_down(void)
{
    char command[64];

    command_function_free(function);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
    /* No job was left unreaped (but for the one of system). */
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

char *script_args(const char *script, const char *more)
{
    json_t *argv = json_pack("[sss]", "sh", "-c", script);
    char *argv_text = json_dumps(argv, JSON_COMPACT);
    char *args;

    ck_assert_int_gt(asprintf(&args, "{\"argv\":%s%s}", argv_text, more), 0);
    free(argv_text);
    json_decref(argv);
    return args;
}

struct call *run_item(const char *args, const char *item)
{
    struct call *call = fake_call_new(args, item, CAP_BYTES);
    struct check_error error;

    ck_assert_msg(function->ops->check_args(function, args, strlen(args), item != NULL, &error) ==
                      0,
                  "refused: %s", args);
    if (item)
        ck_assert_int_eq(function->ops->check_item(function, item, strlen(item), &error), 0);
    fake_call_run(call, function);
    ck_assert_int_eq(fake_call_pid(call), 0);
    return call;
}

struct call *run(const char *args)
{
    return run_item(args, NULL);
}

struct call *run_script(const char *script, const char *more)
{
    char *args = script_args(script, more);
    struct call *call = run(args);

    free(args);
    return call;
}

const char *stream_of(struct call *call, enum output_stream stream, size_t *ret_bytes)
{
    static char data[READ_MAX + 1];
    uint64_t kept;
    bool ended;

    *ret_bytes = output_read(call_output(call), stream, 0, data, READ_MAX, &kept, &ended);
    ck_assert(ended);
    ck_assert_uint_eq(*ret_bytes, kept);
    data[*ret_bytes] = '\0';
    return data;
}

void check_stdout(struct call *call, const char *expected)
{
    size_t bytes;

    ck_assert_str_eq(stream_of(call, OUTPUT_STDOUT, &bytes), expected);
    ck_assert_uint_eq(bytes, strlen(expected));
}

void check_stderr(struct call *call, const char *expected)
{
    size_t bytes;

    ck_assert_str_eq(stream_of(call, OUTPUT_STDERR, &bytes), expected);
}

/* The outcome's JSON, which has to have the members of a result and no others. To be released. */
static json_t *end_of(struct call *call)
{
    const struct outcome *outcome = call_outcome(call);
    json_t *end, *rusage;

    ck_assert_ptr_nonnull(outcome->json);
    end = json_loadb(outcome->json, outcome->json_bytes, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(end);
    rusage = json_object_get(end, "rusage");
    ck_assert_uint_eq(json_object_size(end), 4);
    ck_assert_uint_eq(json_object_size(rusage), 4);
    ck_assert(json_is_real(json_object_get(rusage, "utime")));
    ck_assert(json_is_real(json_object_get(rusage, "stime")));
    ck_assert_int_gt(json_integer_value(json_object_get(rusage, "maxrss_kb")), 0);
    ck_assert_double_gt(json_real_value(json_object_get(rusage, "wall")), 0);
    return end;
}

void check_end(struct call *call, int exit_code, const char *signal_name, bool truncated)
{
    json_t *end = end_of(call);

    if (signal_name) {
        ck_assert(json_is_null(json_object_get(end, "exit_code")));
        ck_assert_str_eq(json_string_value(json_object_get(end, "signal")), signal_name);
    } else {
        ck_assert(json_is_integer(json_object_get(end, "exit_code")));
        ck_assert_int_eq(json_integer_value(json_object_get(end, "exit_code")), exit_code);
        ck_assert(json_is_null(json_object_get(end, "signal")));
    }
    ck_assert(json_is_boolean(json_object_get(end, "truncated")));
    ck_assert_int_eq(json_is_true(json_object_get(end, "truncated")), truncated);
    json_decref(end);
}

void check_result(struct call *call)
{
    const struct outcome *outcome = call_outcome(call);

    ck_assert_msg(outcome->kind == OUTCOME_RESULT, "%s: %s", outcome_type(outcome),
                  outcome_message(outcome));
}

void check_success(struct call *call)
{
    check_result(call);
    check_end(call, 0, NULL, false);
}

void check_exception(struct call *call, const char *type, const char *message)
{
    const struct outcome *outcome = call_outcome(call);

    ck_assert_int_eq(outcome->kind, OUTCOME_EXCEPTION);
    ck_assert_str_eq(outcome_type(outcome), type);
    ck_assert_str_eq(outcome_message(outcome), message);
}

void check_spawn_error(struct call *call, const char *message, const char *errno_name,
                       const char *step, const char *path)
{
    const struct outcome *outcome = call_outcome(call);
    json_t *data;

    check_exception(call, "SpawnError", message);
    data = json_loadb(outcome->json, outcome->json_bytes, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(data, "errno")), errno_name);
    ck_assert_str_eq(json_string_value(json_object_get(data, "step")), step);
    ck_assert_str_eq(json_string_value(json_object_get(data, "path")), path);
    ck_assert_uint_eq(json_object_size(data), 3);
    json_decref(data);
}

void check_script(const char *script, const char *more, const char *expected)
{
    struct call *call = run_script(script, more);

    check_success(call);
    check_stdout(call, expected);
    fake_call_free(call);
}

void write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

int make_fifo(const char *name)
{
    int fd;

    ck_assert_int_eq(mkfifo(name, 0600), 0);
    fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
    return fd;
}

void await_word(int fifo_fd, const char *name)
{
    int writer_fd = open(name, O_WRONLY | O_CLOEXEC);
    char byte;

    ck_assert_int_ge(writer_fd, 0);
    ck_assert_int_eq(read(fifo_fd, &byte, 1), 1);
    ck_assert_int_eq(fcntl(fifo_fd, F_SETFL, O_NONBLOCK), 0);
    while (read(fifo_fd, &byte, 1) == 1) {
    }
    ck_assert_int_eq(fcntl(fifo_fd, F_SETFL, 0), 0);
    close(writer_fd);
}

void await_end(int fifo_fd)
{
    char bytes[64];
    ssize_t size;

    while ((size = read(fifo_fd, bytes, sizeof(bytes))) > 0) {
    }
    ck_assert_int_eq(size, 0);
}

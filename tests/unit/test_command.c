/* layers: run core base */
/* extra: tests/support/fake_call.c */
#include "daemon/run/command.h"

#include "daemon/base/clock.h"
#include "tests/support/fake_call.h"
#include "tests/support/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAP_BYTES ((uint64_t)1 << 20)
#define NEVER_MS  ((uint64_t)3600 * 1000)
#define READ_MAX  ((size_t)4 << 20)

static char directory[] = "/tmp/test_command.XXXXXX";
static struct function *function;

static void make_function(uint64_t pipe_grace_ms)
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

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    /* As the daemon does: a signal that is ignored would be handed on to the jobs. */
    signal(SIGPIPE, SIG_IGN);
    make_function(COMMAND_PIPE_GRACE_MS);
}

static void tear_down(void)
{
    char command[64];

    command_function_free(function);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
    /* No job was left unreaped (but for the one of system). */
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

/* --- helpers ------------------------------------------------------------------------------- */

/* Arguments with a shell script for argv; `more` is further members, with a comma before them.
 * To be freed. */
static char *script_args(const char *script, const char *more)
{
    json_t *argv = json_pack("[sss]", "sh", "-c", script);
    char *argv_text = json_dumps(argv, JSON_COMPACT);
    char *args;

    ck_assert_int_gt(asprintf(&args, "{\"argv\":%s%s}", argv_text, more), 0);
    free(argv_text);
    json_decref(argv);
    return args;
}

static struct call *run_item(const char *args, const char *item)
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

static struct call *run(const char *args)
{
    return run_item(args, NULL);
}

static struct call *run_script(const char *script, const char *more)
{
    char *args = script_args(script, more);
    struct call *call = run(args);

    free(args);
    return call;
}

/* The captured stream with a NUL behind it; static. */
static const char *stream_of(struct call *call, enum output_stream stream, size_t *ret_bytes)
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

static void check_stdout(struct call *call, const char *expected)
{
    size_t bytes;

    ck_assert_str_eq(stream_of(call, OUTPUT_STDOUT, &bytes), expected);
    ck_assert_uint_eq(bytes, strlen(expected));
}

static void check_stderr(struct call *call, const char *expected)
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

static void check_end(struct call *call, int exit_code, const char *signal_name, bool truncated)
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

static void check_result(struct call *call)
{
    const struct outcome *outcome = call_outcome(call);

    ck_assert_msg(outcome->kind == OUTCOME_RESULT, "%s: %s", outcome_type(outcome),
                  outcome_message(outcome));
}

static void check_success(struct call *call)
{
    check_result(call);
    check_end(call, 0, NULL, false);
}

static void check_exception(struct call *call, const char *type, const char *message)
{
    const struct outcome *outcome = call_outcome(call);

    ck_assert_int_eq(outcome->kind, OUTCOME_EXCEPTION);
    ck_assert_str_eq(outcome_type(outcome), type);
    ck_assert_str_eq(outcome_message(outcome), message);
}

static void check_spawn_error(struct call *call, const char *message, const char *errno_name,
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

/* Runs a script, expects success and this output. */
static void check_script(const char *script, const char *more, const char *expected)
{
    struct call *call = run_script(script, more);

    check_success(call);
    check_stdout(call, expected);
    fake_call_free(call);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

/* A FIFO of which the test holds the reading end. */
static int make_fifo(const char *name)
{
    int fd;

    ck_assert_int_eq(mkfifo(name, 0600), 0);
    fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
    return fd;
}

/* Waits until the job says something through the FIFO. A reader without writers sees the end, so
 * the test holds a writing end of its own while it waits. */
static void await_word(int fifo_fd, const char *name)
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

/* Waits until nobody holds the writing end any more. */
static void await_end(int fifo_fd)
{
    char bytes[64];
    ssize_t size;

    while ((size = read(fifo_fd, bytes, sizeof(bytes))) > 0) {
    }
    ck_assert_int_eq(size, 0);
}

/* --- what is run --------------------------------------------------------------------------- */

START_TEST(it_is_exec)
{
    ck_assert_str_eq(function->name, "exec");
    ck_assert_str_eq(function->ops->kind, "command");
    ck_assert(function->ops->streams_in_result);
    command_function_free(NULL);
}
END_TEST

START_TEST(argv_is_not_read_by_a_shell)
{
    struct call *call = run("{\"argv\":[\"printf\",\"<%s>\",\"$HOME\",\"a  b\",\"\",\"*;`id`\","
                            "\"\\u00e9\"]}");

    check_success(call);
    check_stdout(call, "<$HOME><a  b><><*;`id`><\xc3\xa9>");
    check_stderr(call, "");
    fake_call_free(call);
}
END_TEST

START_TEST(map_item_is_put_in)
{
    struct call *call =
        run_item("{\"argv\":[\"printf\",\"<%s>\",\"{2}-{1}\",\"{}\"]}", "[\"a b\",1.50]");

    check_success(call);
    check_stdout(call, "<1.50-a b><a b 1.50>");
    fake_call_free(call);
    call = run("{\"argv\":[\"printf\",\"<%s>\",\"{}\",\"{1}\"]}");
    check_stdout(call, "<{}><{1}>");
    fake_call_free(call);
    call = run_item("{\"argv\":[\"{}\"]}", "\"no-such-program\"");
    check_spawn_error(call, "cannot run no-such-program: No such file or directory", "ENOENT",
                      "exec", "no-such-program");
    fake_call_free(call);
}
END_TEST

START_TEST(working_directory)
{
    char more[64], expected[64];

    ck_assert_int_eq(mkdir("sub", 0700), 0);
    write_file("sub/tool", "#!/bin/sh\necho tool\n", 0700);
    snprintf(more, sizeof(more), ",\"cwd\":\"%s/sub\"", directory);
    snprintf(expected, sizeof(expected), "%s/sub\n", directory);
    check_script("pwd", more, expected);
    check_script("pwd -P", ",\"cwd\":\"sub\"", expected);
    /* A program's relative path starts from there. */
    struct call *call = run("{\"argv\":[\"./tool\"],\"cwd\":\"sub\"}");
    check_success(call);
    check_stdout(call, "tool\n");
    fake_call_free(call);
}
END_TEST

START_TEST(environment_of_a_job)
{
    check_script("echo \"$BASE|$LISTEN_FDS|$FUTURE_ID|$FUTURE_ATTEMPT|$FUTURE_SOCKET\"", "",
                 "from base||42|3|/run/test.sock\n");
    check_script("echo \"$BASE|$NEW\"", ",\"env\":{\"BASE\":\"over\",\"NEW\":\"a=b c\"}",
                 "over|a=b c\n");
    struct call *call =
        run("{\"argv\":[\"/usr/bin/env\"],\"clean_env\":true,\"env\":{\"A\":\"\"}}");
    check_success(call);
    check_stdout(call, "FUTURE_ID=42\nFUTURE_ATTEMPT=3\nFUTURE_SOCKET=/run/test.sock\nA=\n");
    fake_call_free(call);
}
END_TEST

START_TEST(path_is_that_of_the_job)
{
    struct call *call;

    ck_assert_int_eq(mkdir("bin", 0700), 0);
    write_file("bin/sometool", "#!/bin/sh\necho found\n", 0700);
    call = run("{\"argv\":[\"sometool\"],\"env\":{\"PATH\":\"bin\"}}");
    check_success(call);
    check_stdout(call, "found\n");
    fake_call_free(call);
    /* Without any, the usual places are searched. */
    call = run("{\"argv\":[\"true\"],\"clean_env\":true}");
    check_success(call);
    fake_call_free(call);
}
END_TEST

START_TEST(both_kinds_of_input)
{
    struct call *call = run("{\"argv\":[\"cat\"],\"stdin\":\"two\\nlines\\u00e9\"}");

    check_success(call);
    check_stdout(call, "two\nlines\xc3\xa9");
    fake_call_free(call);
    call = run("{\"argv\":[\"od\",\"-An\",\"-tx1\"],\"stdin_base64\":\"AP/+Cg==\"}");
    check_stdout(call, " 00 ff fe 0a\n");
    fake_call_free(call);
    call = run("{\"argv\":[\"od\",\"-An\",\"-tx1\"],\"stdin\":\"a\\u0000b\"}");
    check_stdout(call, " 61 00 62\n");
    fake_call_free(call);
    check_script("readlink /proc/self/fd/0; cat", "", "/dev/null\n");
    check_script("cat; echo end", ",\"stdin\":\"\"", "end\n");
}
END_TEST

/* To be freed: {"argv":ARGV,"stdin":"xxx.."}. */
static char *args_with_input(const char *argv, size_t bytes)
{
    char *input = malloc(bytes + 1);
    char *args;

    memset(input, 'x', bytes);
    input[bytes] = '\0';
    ck_assert_int_gt(asprintf(&args, "{\"argv\":%s,\"stdin\":\"%s\"}", argv, input), 0);
    free(input);
    return args;
}

START_TEST(long_input_flows_through)
{
    char *args = args_with_input("[\"cat\"]", 1000000);
    struct call *call = run(args);
    size_t bytes;
    const char *data = stream_of(call, OUTPUT_STDOUT, &bytes);

    check_success(call);
    ck_assert_uint_eq(bytes, 1000000);
    ck_assert_uint_eq(strspn(data, "x"), 1000000);
    fake_call_free(call);
    free(args);
}
END_TEST

START_TEST(input_that_nobody_reads_is_no_error)
{
    static const char *const commands[] = {"[\"true\"]", "[\"sh\",\"-c\",\"exec <&-; true\"]",
                                           "[\"head\",\"-c1\"]"};

    for (size_t i = 0; i < 3; i++) {
        char *args = args_with_input(commands[i], 1 << 20);
        struct call *call = run(args);

        check_success(call);
        fake_call_free(call);
        free(args);
    }
}
END_TEST

/* --- what it writes ------------------------------------------------------------------------ */

START_TEST(both_streams_and_bytes)
{
    struct call *call = run_script("printf 'a\\000\\377b'; printf 'err' >&2", "");
    size_t bytes;
    const char *data = stream_of(call, OUTPUT_STDOUT, &bytes);

    check_success(call);
    ck_assert_uint_eq(bytes, 4);
    ck_assert_mem_eq(data,
                     "a\0\xff"
                     "b",
                     4);
    check_stderr(call, "err");
    fake_call_free(call);
}
END_TEST

START_TEST(merged_streams_keep_their_order)
{
    struct call *call =
        run_script("echo 1; echo 2 >&2; echo 3; echo 4 >&2", ",\"merge_stderr\":true");

    check_success(call);
    check_stdout(call, "1\n2\n3\n4\n");
    check_stderr(call, "");
    fake_call_free(call);
}
END_TEST

static long resident_kb(void)
{
    long size, resident;
    FILE *file = fopen("/proc/self/statm", "re");

    ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

START_TEST(flood_is_capped)
{
    long before_kb = resident_kb();
    struct call *call = run("{\"argv\":[\"head\",\"-c\",\"67108864\",\"/dev/zero\"]}");

    check_result(call);
    check_end(call, 0, NULL, true);
    ck_assert_uint_eq(output_bytes(call_output(call)), CAP_BYTES);
    ck_assert_int_lt(resident_kb() - before_kb, 16 * 1024);
    fake_call_free(call);
}
END_TEST

START_TEST(all_output_before_the_exit_is_kept)
{
    /* Just what a pipe holds: the writer can exit before anything is read. */
    for (int i = 0; i < 20; i++) {
        struct call *call = run("{\"argv\":[\"head\",\"-c\",\"65536\",\"/dev/zero\"]}");
        size_t bytes;

        check_success(call);
        stream_of(call, OUTPUT_STDOUT, &bytes);
        ck_assert_uint_eq(bytes, 65536);
        fake_call_free(call);
    }
}
END_TEST

/* --- how it ends --------------------------------------------------------------------------- */

START_TEST(exit_status_raises)
{
    struct call *call = run_script("echo out; exit 7", "");

    check_exception(call, "ExitStatus", "exited with status 7");
    check_end(call, 7, NULL, false);
    check_stdout(call, "out\n");
    fake_call_free(call);
    call = run_script("exit 255", "");
    check_exception(call, "ExitStatus", "exited with status 255");
    fake_call_free(call);
    call = run_script("exit 255", ",\"check\":false");
    check_result(call);
    check_end(call, 255, NULL, false);
    fake_call_free(call);
}
END_TEST

START_TEST(signal_raises)
{
    struct call *call = run_script("kill -KILL $$", "");

    check_exception(call, "Signalled", "killed by SIGKILL");
    check_end(call, 0, "SIGKILL", false);
    fake_call_free(call);
    call = run_script("kill -USR1 $$", ",\"check\":false");
    check_result(call);
    check_end(call, 0, "SIGUSR1", false);
    fake_call_free(call);
    call = run("{\"argv\":[\"bash\",\"-c\",\"kill -RTMIN+2 $$\"]}");
    check_exception(call, "Signalled", "killed by SIGRTMIN+2");
    fake_call_free(call);
}
END_TEST

START_TEST(missing_program_is_not_status_127)
{
    struct call *call = run("{\"argv\":[\"no such \\\"program\",\"x\"]}");

    check_spawn_error(call, "cannot run no such \"program: No such file or directory", "ENOENT",
                      "exec", "no such \"program");
    fake_call_free(call);
    call = run_script("no-such-program 2>/dev/null", "");
    check_exception(call, "ExitStatus", "exited with status 127");
    fake_call_free(call);
}
END_TEST

START_TEST(start_failures)
{
    struct call *call;

    write_file("plain", "true\n", 0600);
    call = run("{\"argv\":[\"./plain\"]}");
    check_spawn_error(call, "cannot run ./plain: Permission denied", "EACCES", "exec", "./plain");
    fake_call_free(call);
    ck_assert_int_eq(chmod("plain", 0700), 0);
    call = run("{\"argv\":[\"./plain\"],\"check\":false}");
    check_spawn_error(call, "cannot run ./plain: Exec format error", "ENOEXEC", "exec", "./plain");
    fake_call_free(call);
    call = run("{\"argv\":[\"true\"],\"cwd\":\"/no/such\"}");
    check_spawn_error(call, "cannot change to directory /no/such: No such file or directory",
                      "ENOENT", "chdir", "/no/such");
    fake_call_free(call);
    call = run("{\"argv\":[\"true\"],\"cwd\":\"plain\"}");
    check_spawn_error(call, "cannot change to directory plain: Not a directory", "ENOTDIR", "chdir",
                      "plain");
    fake_call_free(call);
}
END_TEST

START_TEST(too_long_argv_is_a_spawn_error)
{
    char *argument = malloc(200001);
    char *args;
    struct call *call;

    memset(argument, 'x', 200000);
    argument[200000] = '\0';
    ck_assert_int_gt(asprintf(&args, "{\"argv\":[\"true\",\"%s\"]}", argument), 0);
    call = run(args);
    check_spawn_error(call, "cannot run true: Argument list too long", "E2BIG", "exec", "true");
    fake_call_free(call);
    free(args);
    free(argument);
}
END_TEST

START_TEST(no_descriptors_left_is_a_spawn_error)
{
    struct rlimit limit, saved;
    struct call *call = fake_call_new("{\"argv\":[\"true\"]}", NULL, CAP_BYTES);
    int lowest_fd = dup(0);

    close(lowest_fd);
    getrlimit(RLIMIT_NOFILE, &saved);
    limit = saved;
    limit.rlim_cur = (rlim_t)lowest_fd + 3;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    fake_call_run(call, function);
    setrlimit(RLIMIT_NOFILE, &saved);
    check_spawn_error(call, "cannot start true: pipe: Too many open files", "EMFILE", "pipe",
                      "true");
    /* All were given back. */
    int still_lowest_fd = dup(0);
    ck_assert_int_eq(still_lowest_fd, lowest_fd);
    close(still_lowest_fd);
    fake_call_free(call);
}
END_TEST

/* --- stopping ------------------------------------------------------------------------------ */

/* Starts a script on a thread and waits until it has written to the FIFO "word". */
static struct call *start_script(char *args, int fifo_fd)
{
    struct call *call = fake_call_new(args, NULL, CAP_BYTES);

    fake_call_start(call, function);
    await_word(fifo_fd, "word");
    ck_assert_int_gt(fake_call_await_pid(call), 0);
    return call;
}

static void check_stopped(struct call *call, const char *type, const char *signal_name)
{
    fake_call_join(call);
    check_exception(call, type, "stopped");
    if (signal_name)
        check_end(call, 0, signal_name, false);
    fake_call_free(call);
}

START_TEST(stop_signals_the_whole_group)
{
    int fifo_fd = make_fifo("word");
    char *args = script_args("echo before; (exec 3>word; echo x >&3; sleep 100000) & wait", "");
    struct call *call = start_script(args, fifo_fd);

    fake_call_stop(call, STOP_TERMINATE, SIGTERM, NEVER_MS);
    fake_call_join(call);
    check_stdout(call, "before\n");
    check_exception(call, "Terminated", "stopped");
    check_end(call, 0, "SIGTERM", false);
    fake_call_free(call);
    /* The grandchild is gone as well. */
    await_end(fifo_fd);
    free(args);
}
END_TEST

START_TEST(stop_counts_whatever_check_says)
{
    int fifo_fd = make_fifo("word");
    char *args = script_args("trap 'exit 0' INT; echo x >word; while :; do sleep 0.01; done",
                             ",\"check\":false");
    struct call *call = start_script(args, fifo_fd);

    fake_call_stop(call, STOP_TIMEOUT, SIGINT, NEVER_MS);
    fake_call_join(call);
    check_exception(call, "TimedOut", "stopped");
    check_end(call, 0, NULL, false);
    fake_call_free(call);
    free(args);
}
END_TEST

START_TEST(kill_follows_where_term_is_ignored)
{
    int fifo_fd = make_fifo("word");
    char *args = script_args("trap '' TERM; exec 3>word; echo x >&3; sleep 100000", "");
    struct call *call = start_script(args, fifo_fd);

    fake_call_stop(call, STOP_TERMINATE, SIGTERM, 20);
    check_stopped(call, "Terminated", "SIGKILL");
    await_end(fifo_fd);
    free(args);
}
END_TEST

START_TEST(newer_request_replaces_the_older)
{
    int fifo_fd = make_fifo("word");
    char *args =
        script_args("trap 'echo x >word' TERM; echo x >word; while :; do sleep 0.01; done", "");
    struct call *call = start_script(args, fifo_fd);

    fake_call_stop(call, STOP_TERMINATE, SIGTERM, NEVER_MS);
    await_word(fifo_fd, "word"); /* the first signal has arrived */
    fake_call_stop(call, STOP_TIMEOUT, SIGTERM, 0);
    check_stopped(call, "TimedOut", "SIGKILL");
    free(args);
}
END_TEST

START_TEST(stop_before_the_start_is_obeyed)
{
    struct call *call = fake_call_new("{\"argv\":[\"sleep\",\"100000\"]}", NULL, CAP_BYTES);

    fake_call_stop(call, STOP_TERMINATE, SIGTERM, NEVER_MS);
    fake_call_run(call, function);
    check_exception(call, "Terminated", "stopped");
    check_end(call, 0, "SIGTERM", false);
    fake_call_free(call);
}
END_TEST

START_TEST(longest_grace_is_no_overflow)
{
    struct call *call = fake_call_new("{\"argv\":[\"sleep\",\"100000\"]}", NULL, CAP_BYTES);

    fake_call_stop(call, STOP_TERMINATE, SIGTERM, UINT64_MAX);
    fake_call_run(call, function);
    check_end(call, 0, "SIGTERM", false);
    fake_call_free(call);
}
END_TEST

/* --- grandchildren ------------------------------------------------------------------------- */

START_TEST(grandchild_with_the_pipe_does_not_hold_the_future)
{
    uint64_t start_ns = clock_mono_ns();
    int fifo_fd = make_fifo("word");
    char *args = script_args("(exec 3>word; echo x >&3; exec sleep 100000) & echo $!", "");
    struct call *call;
    size_t bytes;
    pid_t grandchild;

    make_function(30);
    call = start_script(args, fifo_fd);
    fake_call_join(call);
    check_success(call);
    ck_assert_uint_ge(clock_mono_ns() - start_ns, 30 * NS_PER_MS);
    /* It lives on: what is in the background is nobody's business. */
    grandchild = (pid_t)atol(stream_of(call, OUTPUT_STDOUT, &bytes));
    ck_assert_int_gt(grandchild, 1);
    ck_assert_int_eq(kill(grandchild, SIGKILL), 0);
    await_end(fifo_fd);
    fake_call_free(call);
    free(args);
}
END_TEST

START_TEST(grandchild_without_the_pipe_is_not_waited_for)
{
    int fifo_fd = make_fifo("word");
    char *args = script_args("(exec 3>word; echo x >&3; exec sleep 100000) >/dev/null 2>&1 & "
                             "echo $!",
                             "");
    struct call *call;
    size_t bytes;

    make_function(NEVER_MS);
    call = start_script(args, fifo_fd);
    fake_call_join(call);
    check_success(call);
    ck_assert_int_eq(kill((pid_t)atol(stream_of(call, OUTPUT_STDOUT, &bytes)), SIGKILL), 0);
    await_end(fifo_fd);
    fake_call_free(call);
    free(args);
}
END_TEST

START_TEST(output_of_a_grandchild_is_captured)
{
    int fifo_fd = make_fifo("word");
    char *args = script_args("(echo x >word; read y <go; echo late) & echo soon", "");
    struct call *call;
    int go_fd;

    ck_assert_int_eq(mkfifo("go", 0600), 0);
    make_function(NEVER_MS);
    call = start_script(args, fifo_fd);
    /* The command itself is over when its process is a zombie; only then may the other go on. */
    siginfo_t info;
    ck_assert_int_eq(waitid(P_PID, (id_t)fake_call_await_pid(call), &info, WEXITED | WNOWAIT), 0);
    go_fd = open("go", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(write(go_fd, "\n", 1), 1);
    close(go_fd);
    fake_call_join(call);
    check_success(call);
    check_stdout(call, "soon\nlate\n");
    fake_call_free(call);
    free(args);
}
END_TEST

START_TEST(stop_reaches_what_outlived_its_leader)
{
    int fifo_fd = make_fifo("word");
    char *args =
        script_args("(trap '' TERM; exec 3>word; echo x >&3; exec sleep 100000) & exit 5", "");
    struct call *call;
    siginfo_t info;

    make_function(NEVER_MS);
    call = start_script(args, fifo_fd);
    ck_assert_int_eq(waitid(P_PID, (id_t)fake_call_await_pid(call), &info, WEXITED | WNOWAIT), 0);
    fake_call_stop(call, STOP_TERMINATE, SIGTERM, 20);
    fake_call_join(call);
    check_exception(call, "Terminated", "stopped");
    check_end(call, 5, NULL, false);
    await_end(fifo_fd);
    fake_call_free(call);
    free(args);
}
END_TEST

START_TEST(leftovers_of_a_stopped_group_are_killed)
{
    int fifo_fd = make_fifo("word");
    /* The one in the background ignores TERM and holds no pipe; its leader obeys. */
    char *args = script_args("(trap '' TERM; exec 3>word >/dev/null 2>&1; echo x >&3; "
                             "exec sleep 100000) & wait",
                             "");
    struct call *call = start_script(args, fifo_fd);

    fake_call_stop(call, STOP_TERMINATE, SIGTERM, NEVER_MS);
    check_stopped(call, "Terminated", "SIGTERM");
    await_end(fifo_fd);
    free(args);
}
END_TEST

/* --- what it inherits ---------------------------------------------------------------------- */

START_TEST(no_descriptor_but_three)
{
    /* As a careless library would leave it. */
    int leaked_fd = open("/dev/null", O_RDONLY);
    struct call *call;

    ck_assert_int_ge(leaked_fd, 3);
    /* 3 is the directory that ls itself reads. */
    call = run("{\"argv\":[\"ls\",\"/proc/self/fd\"]}");
    check_stdout(call, "0\n1\n2\n3\n");
    fake_call_free(call);
    call = run("{\"argv\":[\"ls\",\"/proc/self/fd\"],\"stdin\":\"x\",\"merge_stderr\":true}");
    check_stdout(call, "0\n1\n2\n3\n");
    fake_call_free(call);
    close(leaked_fd);
}
END_TEST

START_TEST(signals_are_the_default)
{
    sigset_t all;

    signal(SIGUSR1, SIG_IGN);
    signal(SIGRTMIN + 1, SIG_IGN);
    /* One that the C library keeps for itself, and that a strange parent may have left ignored. */
    unsigned long ignore[8] = {(unsigned long)SIG_IGN};
    ck_assert_int_eq(syscall(SYS_rt_sigaction, 33, ignore, NULL, 8), 0);
    make_function(COMMAND_PIPE_GRACE_MS);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    struct call *call = run("{\"argv\":[\"sed\",\"-nE\",\"/^Sig(Blk|Ign|Cgt)/p\","
                            "\"/proc/self/status\"]}");
    check_success(call);
    check_stdout(call, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
                       "SigCgt:\t0000000000000000\n");
    fake_call_free(call);
}
END_TEST

START_TEST(broken_pipe_kills_the_writer_in_a_job)
{
    /* With SIGPIPE ignored `yes` would complain and exit with 1. */
    check_script("yes 2>&1 | head -n1", "", "y\n");
}
END_TEST

START_TEST(limits_and_nice)
{
    int now = getpriority(PRIO_PROCESS, 0);
    int nice = now <= 16 ? now + 3 : 19; /* the tests themselves may be at the end of it */
    char more[32], expected[32];

    check_script("ulimit -t; ulimit -n; ulimit -Hn; ulimit -f",
                 ",\"limits\":{\"cpu\":77,\"nofile\":99,\"fsize\":1024}", "77\n99\n99\n2\n");
    check_script("ulimit -v; ulimit -S -a | grep -c 4242",
                 ",\"limits\":{\"as\":1073741824,\"nproc\":4242}", "1048576\n1\n");
    snprintf(more, sizeof(more), ",\"nice\":%d", nice);
    snprintf(expected, sizeof(expected), "%d\n", nice);
    check_script("nice", more, expected);
}
END_TEST

START_TEST(cpu_limit_tells_by_its_signal)
{
    struct call *call = run_script("while :; do :; done", ",\"limits\":{\"cpu\":1}");

    check_exception(call, "Signalled", "killed by SIGXCPU");
    fake_call_free(call);
}
END_TEST

START_TEST(arguments_that_were_not_checked_are_refused)
{
    struct call *call = fake_call_new("{\"argv\":[]}", NULL, CAP_BYTES);

    fake_call_run(call, function);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "InvalidArguments");
    fake_call_free(call);
    call = fake_call_new("{\"argv\":[\"true\"]}", "null", CAP_BYTES);
    fake_call_run(call, function);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "InvalidArguments");
    fake_call_free(call);
}
END_TEST

/* --- many at once -------------------------------------------------------------------------- */

#define THREADS 8
#define JOBS    25

static void *run_many(void *arg)
{
    int *failures = arg;

    for (int i = 0; i < JOBS; i++) {
        struct call *call = fake_call_new("{\"argv\":[\"cat\"],\"stdin\":\"hello\"}", NULL, 100);
        char data[8] = "";
        uint64_t kept;
        bool ended;

        fake_call_run(call, function);
        output_read(call_output(call), OUTPUT_STDOUT, 0, data, sizeof(data) - 1, &kept, &ended);
        *failures += call_outcome(call)->kind != OUTCOME_RESULT || strcmp(data, "hello") != 0;
        fake_call_free(call);
    }
    return NULL;
}

START_TEST(many_workers_run_commands_at_once)
{
    pthread_t threads[THREADS];
    int failures[THREADS] = {0};

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_many, &failures[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(failures[i], 0);
    }
}
END_TEST

static void add_start_tests(TCase *tcase)
{
    tcase_add_test(tcase, it_is_exec);
    tcase_add_test(tcase, argv_is_not_read_by_a_shell);
    tcase_add_test(tcase, map_item_is_put_in);
    tcase_add_test(tcase, working_directory);
    tcase_add_test(tcase, environment_of_a_job);
    tcase_add_test(tcase, path_is_that_of_the_job);
    tcase_add_test(tcase, both_kinds_of_input);
    tcase_add_test(tcase, long_input_flows_through);
    tcase_add_test(tcase, input_that_nobody_reads_is_no_error);
    tcase_add_test(tcase, no_descriptor_but_three);
    tcase_add_test(tcase, signals_are_the_default);
    tcase_add_test(tcase, broken_pipe_kills_the_writer_in_a_job);
    tcase_add_test(tcase, limits_and_nice);
    tcase_add_test(tcase, arguments_that_were_not_checked_are_refused);
    tcase_add_test(tcase, many_workers_run_commands_at_once);
}

static void add_end_tests(TCase *tcase)
{
    tcase_add_test(tcase, both_streams_and_bytes);
    tcase_add_test(tcase, merged_streams_keep_their_order);
    tcase_add_test(tcase, flood_is_capped);
    tcase_add_test(tcase, all_output_before_the_exit_is_kept);
    tcase_add_test(tcase, exit_status_raises);
    tcase_add_test(tcase, signal_raises);
    tcase_add_test(tcase, missing_program_is_not_status_127);
    tcase_add_test(tcase, start_failures);
    tcase_add_test(tcase, too_long_argv_is_a_spawn_error);
    tcase_add_test(tcase, no_descriptors_left_is_a_spawn_error);
    tcase_add_test(tcase, cpu_limit_tells_by_its_signal);
}

static void add_stop_tests(TCase *tcase)
{
    tcase_add_test(tcase, stop_signals_the_whole_group);
    tcase_add_test(tcase, stop_counts_whatever_check_says);
    tcase_add_test(tcase, kill_follows_where_term_is_ignored);
    tcase_add_test(tcase, newer_request_replaces_the_older);
    tcase_add_test(tcase, stop_before_the_start_is_obeyed);
    tcase_add_test(tcase, longest_grace_is_no_overflow);
    tcase_add_test(tcase, grandchild_with_the_pipe_does_not_hold_the_future);
    tcase_add_test(tcase, grandchild_without_the_pipe_is_not_waited_for);
    tcase_add_test(tcase, output_of_a_grandchild_is_captured);
    tcase_add_test(tcase, stop_reaches_what_outlived_its_leader);
    tcase_add_test(tcase, leftovers_of_a_stopped_group_are_killed);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*add)(TCase *tcase);
    } groups[] = {{"start", add_start_tests}, {"end", add_end_tests}, {"stop", add_stop_tests}};

    for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
        TCase *tcase = suite_tests(groups[i].name, set_up, tear_down);

        groups[i].add(tcase);
    }
    return suite_run();
}

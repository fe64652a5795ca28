/* layers: run core base */
/* extra: tests/support/fake_call.c tests/support/command_fixture.c */
/* Commands: what they are given, what they write, how they end. */
#include "daemon/run/command.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/command_fixture.h"
#include "tests/support/suite.h"

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

int main(void)
{
    TCase *tests = suite_tests("command", set_up, tear_down);

    tcase_add_test(tests, it_is_exec);
    tcase_add_test(tests, argv_is_not_read_by_a_shell);
    tcase_add_test(tests, map_item_is_put_in);
    tcase_add_test(tests, working_directory);
    tcase_add_test(tests, environment_of_a_job);
    tcase_add_test(tests, path_is_that_of_the_job);
    tcase_add_test(tests, both_kinds_of_input);
    tcase_add_test(tests, long_input_flows_through);
    tcase_add_test(tests, input_that_nobody_reads_is_no_error);
    tcase_add_test(tests, no_descriptor_but_three);
    tcase_add_test(tests, signals_are_the_default);
    tcase_add_test(tests, broken_pipe_kills_the_writer_in_a_job);
    tcase_add_test(tests, limits_and_nice);
    tcase_add_test(tests, arguments_that_were_not_checked_are_refused);
    tcase_add_test(tests, many_workers_run_commands_at_once);
    tcase_add_test(tests, both_streams_and_bytes);
    tcase_add_test(tests, merged_streams_keep_their_order);
    tcase_add_test(tests, flood_is_capped);
    tcase_add_test(tests, all_output_before_the_exit_is_kept);
    tcase_add_test(tests, exit_status_raises);
    tcase_add_test(tests, signal_raises);
    tcase_add_test(tests, missing_program_is_not_status_127);
    tcase_add_test(tests, start_failures);
    tcase_add_test(tests, too_long_argv_is_a_spawn_error);
    tcase_add_test(tests, no_descriptors_left_is_a_spawn_error);
    tcase_add_test(tests, cpu_limit_tells_by_its_signal);
    return suite_run();
}

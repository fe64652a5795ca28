/* layers: run core base */
#include "daemon/run/process.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/suite.h"

static char directory[] = "/tmp/test_process.XXXXXX";
static char *const environment[] = {(char[]){"PATH=/usr/bin:/bin"}, NULL};
static uint64_t reset_signals;
static int null_fd;

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(null_fd, 0);
    signal(SIGPIPE, SIG_IGN);
    reset_signals = process_signals_to_reset();
}

static void tear_down(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static struct process_spec spec_of(char *const *argv)
{
    return (struct process_spec){
        .argv = argv,
        .envp = environment,
        .stdio = {null_fd, null_fd, null_fd},
        .reset_signals = reset_signals,
    };
}

static struct process_exit run(const struct process_spec *spec)
{
    struct process process;
    struct process_exit status;
    enum process_step step;

    ck_assert_int_eq(process_spawn(spec, &process, &step), 0);
    ck_assert_int_gt(process.pid, 0);
    ck_assert_int_eq(process_reap(&process, &status), 0);
    ck_assert_int_eq(process.pidfd, -1);
    return status;
}

#define ARGV(...)  ((char *[]){__VA_ARGS__, NULL})
#define WORD(text) ((char[]){text})

/* Runs a shell script and returns how it ended. */
static struct process_exit run_script(const char *script)
{
    char *copy = strdup(script);
    struct process_spec spec = spec_of(ARGV(WORD("sh"), WORD("-c"), copy));
    struct process_exit status = run(&spec);

    free(copy);
    return status;
}

static void check_failure(const struct process_spec *spec, int error, enum process_step step)
{
    struct process process = {.pid = -7};
    enum process_step failed_step;

    ck_assert_int_eq(process_spawn(spec, &process, &failed_step), -error);
    ck_assert_int_eq(failed_step, step);
    ck_assert_int_eq(process.pid, -7);
    /* Nothing was left to reap. */
    errno = 0;
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

START_TEST(exit_code_and_signal)
{
    ck_assert_int_eq(run_script("exit 0").exit_code, 0);
    ck_assert_int_eq(run_script("exit 7").exit_code, 7);
    ck_assert_int_eq(run_script("exit 7").signal_number, 0);
    ck_assert_int_eq(run_script("kill -9 $$").signal_number, SIGKILL);
    ck_assert_int_gt(run_script("exit 0").usage.ru_maxrss, 0);
}
END_TEST

START_TEST(failures_name_their_step)
{
    struct process_spec spec = spec_of(ARGV(WORD("no-such-program-here")));

    check_failure(&spec, ENOENT, PROCESS_STEP_EXEC);
    spec.argv = ARGV(WORD("./missing"));
    check_failure(&spec, ENOENT, PROCESS_STEP_EXEC);
    spec.argv = ARGV(WORD(""));
    check_failure(&spec, ENOENT, PROCESS_STEP_EXEC);
    spec.argv = ARGV(WORD("true"));
    spec.cwd = "/no/such/directory";
    check_failure(&spec, ENOENT, PROCESS_STEP_CHDIR);
    spec.cwd = NULL;
    spec.stdio[1] = 999;
    check_failure(&spec, EBADF, PROCESS_STEP_STDIO);
    spec.stdio[1] = null_fd;
    spec.limits = &(struct process_limit){.resource = 9999};
    spec.limit_count = 1;
    check_failure(&spec, EINVAL, PROCESS_STEP_LIMIT);
    ck_assert_str_eq(process_step_name(PROCESS_STEP_EXEC), "exec");
}
END_TEST

START_TEST(files_that_cannot_be_executed)
{
    struct process_spec spec = spec_of(ARGV(WORD("./plain")));

    write_file("plain", "echo no header\n", 0600);
    check_failure(&spec, EACCES, PROCESS_STEP_EXEC);
    ck_assert_int_eq(chmod("plain", 0700), 0);
    check_failure(&spec, ENOEXEC, PROCESS_STEP_EXEC);
}
END_TEST

START_TEST(path_is_searched_in_order)
{
    struct process_spec spec = spec_of(ARGV(WORD("tool")));

    ck_assert_int_eq(mkdir("a", 0700), 0);
    ck_assert_int_eq(mkdir("b", 0700), 0);
    write_file("a/tool", "#!/bin/sh\nexit 1\n", 0600);
    spec.envp = ARGV(WORD("PATH=/nowhere:a:b"));
    check_failure(&spec, EACCES, PROCESS_STEP_EXEC);
    /* What may not be executed is passed over for what may. */
    write_file("b/tool", "#!/bin/sh\nexit 2\n", 0700);
    ck_assert_int_eq(run(&spec).exit_code, 2);
    ck_assert_int_eq(chmod("a/tool", 0700), 0);
    ck_assert_int_eq(run(&spec).exit_code, 1);
    /* An empty entry is the working directory, at either end and in between. */
    write_file("tool", "#!/bin/sh\nexit 3\n", 0700);
    spec.envp = ARGV(WORD("PATH=:a"));
    ck_assert_int_eq(run(&spec).exit_code, 3);
    spec.envp = ARGV(WORD("PATH=/nowhere:"));
    ck_assert_int_eq(run(&spec).exit_code, 3);
    spec.envp = ARGV(WORD("PATH=/nowhere::a"));
    ck_assert_int_eq(run(&spec).exit_code, 3);
    spec.envp = ARGV(WORD("PATH=a/tool/x:b"));
    ck_assert_int_eq(run(&spec).exit_code, 2);
}
END_TEST

START_TEST(search_without_path_finds_the_usual)
{
    struct process_spec spec = spec_of(ARGV(WORD("true")));
    char *nothing[] = {NULL};

    spec.envp = nothing;
    ck_assert_int_eq(run(&spec).exit_code, 0);
}
END_TEST

START_TEST(child_leads_its_own_session)
{
    /* Fields 1, 5 and 6 of stat: pid, group and session. */
    ck_assert_int_eq(run_script("read pid x x x group session x </proc/$$/stat\n"
                                "[ $pid = $group ] && [ $pid = $session ]")
                         .exit_code,
                     0);
}
END_TEST

START_TEST(low_descriptors_may_be_anywhere)
{
    struct process_spec spec =
        spec_of(ARGV(WORD("sh"), WORD("-c"), WORD("read x; echo out-$x; echo err >&2")));
    int in[2], out[2], err[2];
    char text[64] = "";

    ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
    ck_assert_int_eq(write(in[1], "hi\n", 3), 3);
    /* In the worst order: each where another belongs. */
    int saved = fcntl(2, F_DUPFD_CLOEXEC, 10);
    dup3(in[0], 2, O_CLOEXEC);
    dup3(out[1], 0, O_CLOEXEC);
    dup3(err[1], 1, O_CLOEXEC);
    close(out[1]);
    close(err[1]);
    spec.stdio[0] = 2;
    spec.stdio[1] = 0;
    spec.stdio[2] = 1;
    struct process_exit status = run(&spec);
    close(0);
    close(1);
    dup2(saved, 2);
    ck_assert_int_eq(status.exit_code, 0);
    ck_assert_int_eq(read(out[0], text, sizeof(text)), 7);
    ck_assert_str_eq(text, "out-hi\n");
    ck_assert_int_eq(read(err[0], text, sizeof(text)), 4);
    ck_assert_int_eq(strncmp(text, "err\n", 4), 0);
}
END_TEST

/* Which descriptors this process has: bit 0 is 0. */
static uint64_t open_descriptors(void)
{
    uint64_t open = 0;

    for (int fd = 0; fd < 64; fd++)
        open |= (uint64_t)(fcntl(fd, F_GETFD) >= 0) << fd;
    return open;
}

/* The child's table is the parent's until it takes its own: what it then closes and replaces must
 * be its copies, and below, between and above what it is given nothing may reach the program. */
START_TEST(descriptors_of_the_parent_stay_and_are_its_own)
{
    struct process_spec spec = spec_of(ARGV(WORD("sh"), WORD("-c"), WORD("echo /proc/$$/fd/*")));
    struct stat before, after;
    char text[256] = "", expected[256];
    int out[2];

    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    spec.stdio[1] = fcntl(out[1], F_DUPFD_CLOEXEC, 20);
    close(out[1]);
    ck_assert_int_eq(dup2(null_fd, 15), 15); /* kept over an exec, if that is all there is */
    ck_assert_int_eq(dup2(null_fd, 40), 40);
    ck_assert_int_eq(fstat(1, &before), 0);
    uint64_t open = open_descriptors();

    struct process process;
    struct process_exit status;
    enum process_step step;
    ck_assert_int_eq(process_spawn(&spec, &process, &step), 0);
    ck_assert_uint_eq(open_descriptors(), open | UINT64_C(1) << process.pidfd);
    pid_t pid = process.pid;
    ck_assert_int_eq(process_reap(&process, &status), 0);
    ck_assert_int_eq(status.exit_code, 0);
    /* 3 is the directory that the shell reads for this. */
    snprintf(expected, sizeof(expected),
             "/proc/%d/fd/0 /proc/%d/fd/1 /proc/%d/fd/2 /proc/%d/fd/3\n", pid, pid, pid, pid);
    ck_assert_int_gt(read(out[0], text, sizeof(text) - 1), 0);
    ck_assert_str_eq(text, expected);

    /* A start that fails, in the midst of its setting up or at its end, closes nothing either. */
    spec.cwd = "/no/such/directory";
    check_failure(&spec, ENOENT, PROCESS_STEP_CHDIR);
    spec.cwd = NULL;
    spec.argv = ARGV(WORD("no-such-program-here"));
    check_failure(&spec, ENOENT, PROCESS_STEP_EXEC);
    ck_assert_uint_eq(open_descriptors(), open);
    ck_assert_int_eq(fstat(1, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
}
END_TEST

static void handler(int number)
{
    (void)number;
    ck_abort_msg("a signal of the child ran a handler of the parent");
}

START_TEST(mask_and_dispositions_of_the_parent_stay)
{
    struct sigaction action = {.sa_handler = handler}, now;
    sigset_t set, before, after;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGTERM, &action, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    ck_assert_int_eq(run_script("kill -TERM $$").signal_number, SIGTERM);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number < NSIG; number++)
        ck_assert_int_eq(sigismember(&before, number), sigismember(&after, number));
    sigaction(SIGTERM, NULL, &now);
    ck_assert_ptr_eq(now.sa_handler, handler);
    sigaction(SIGPIPE, NULL, &now);
    ck_assert_ptr_eq(now.sa_handler, SIG_IGN);
}
END_TEST

START_TEST(pidfd_tells_the_exit_and_group_is_signalled)
{
    struct process_spec spec = spec_of(ARGV(WORD("cat")));
    struct process process;
    struct process_exit status;
    enum process_step step;
    int fds[2];

    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    spec.stdio[0] = fds[0];
    ck_assert_int_eq(process_spawn(&spec, &process, &step), 0);
    struct pollfd pollfd = {.fd = process.pidfd, .events = POLLIN};
    ck_assert_int_eq(poll(&pollfd, 1, 0), 0);
    ck_assert_int_eq(fcntl(process.pidfd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(process_signal_group(&process, SIGTERM), 0);
    ck_assert_int_eq(poll(&pollfd, 1, -1), 1);
    /* Not reaped yet, so the group is still there to be signalled. */
    ck_assert_int_eq(process_signal_group(&process, SIGTERM), 0);
    ck_assert_int_eq(process_reap(&process, &status), 0);
    ck_assert_int_eq(status.signal_number, SIGTERM);
}
END_TEST

#define THREADS 4
#define SPAWNS  50

static void *spawn_often(void *arg)
{
    struct process_spec spec = spec_of(ARGV(WORD("true")));
    int *failures = arg;

    for (int i = 0; i < SPAWNS; i++) {
        struct process process;
        struct process_exit status;
        enum process_step step;

        if (i % 5 == 0) {
            struct process_spec missing = spec_of(ARGV(WORD("missing")));

            *failures += process_spawn(&missing, &process, &step) != -ENOENT;
        }
        if (process_spawn(&spec, &process, &step) < 0 || process_reap(&process, &status) < 0)
            ++*failures;
        else
            *failures += status.exit_code != 0;
    }
    return NULL;
}

START_TEST(threads_spawn_at_once)
{
    pthread_t threads[THREADS];
    int failures[THREADS] = {0};

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, spawn_often, &failures[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(failures[i], 0);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("process", set_up, tear_down);

    tcase_add_test(tcase, exit_code_and_signal);
    tcase_add_test(tcase, failures_name_their_step);
    tcase_add_test(tcase, files_that_cannot_be_executed);
    tcase_add_test(tcase, path_is_searched_in_order);
    tcase_add_test(tcase, search_without_path_finds_the_usual);
    tcase_add_test(tcase, child_leads_its_own_session);
    tcase_add_test(tcase, low_descriptors_may_be_anywhere);
    tcase_add_test(tcase, descriptors_of_the_parent_stay_and_are_its_own);
    tcase_add_test(tcase, mask_and_dispositions_of_the_parent_stay);
    tcase_add_test(tcase, pidfd_tells_the_exit_and_group_is_signalled);
    tcase_add_test(tcase, threads_spawn_at_once);
    return suite_run();
}

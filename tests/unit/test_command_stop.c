/* layers: run core base */
/* extra: tests/support/fake_call.c tests/support/command_fixture.c */
/* Commands that are stopped, and what they leave behind. */
#include "daemon/run/command.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "tests/support/command_fixture.h"
#include "tests/support/suite.h"

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

int main(void)
{
    TCase *tests = suite_tests("command_stop", set_up, tear_down);

    tcase_add_test(tests, stop_signals_the_whole_group);
    tcase_add_test(tests, stop_counts_whatever_check_says);
    tcase_add_test(tests, kill_follows_where_term_is_ignored);
    tcase_add_test(tests, newer_request_replaces_the_older);
    tcase_add_test(tests, stop_before_the_start_is_obeyed);
    tcase_add_test(tests, longest_grace_is_no_overflow);
    tcase_add_test(tests, grandchild_with_the_pipe_does_not_hold_the_future);
    tcase_add_test(tests, grandchild_without_the_pipe_is_not_waited_for);
    tcase_add_test(tests, output_of_a_grandchild_is_captured);
    tcase_add_test(tests, stop_reaches_what_outlived_its_leader);
    tcase_add_test(tests, leftovers_of_a_stopped_group_are_killed);
    return suite_run();
}

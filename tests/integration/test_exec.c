/* exec over the wire: commands done right. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/deadline.h"
#include "tests/support/fixture.h"
#include "tests/support/text.h"

static struct fixture f;

static void setup(void)
{
    setenv("FROM_THE_DAEMON", "yes", 1);
    fixture_start(&f, NULL);
}

static void teardown(void)
{
    fixture_stop(&f);
}

/* The outcome of a call of exec; the args are written as for client_call. */
static json_t *run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static json_t *run(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = text_vjson(format, args);
    va_end(args);
    json_int_t id = client_submit(f.client, "{'fn':'exec','args':%s}", text);
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    free(text);
    return reply;
}

START_TEST(a_result)
{
    json_t *reply = run("{'argv':['sh','-c','echo hi; echo no >&2']}");
    json_t *result = json_at(reply, "result");
    json_expect(result, "exit_code", "0");
    json_expect(result, "signal", "null");
    json_expect(result, "stdout", "'hi\\n'");
    json_expect(result, "stderr", "'no\\n'");
    json_expect(result, "truncated", "false");
    ck_assert(json_is_number(json_at(result, "rusage.utime")));
    ck_assert(json_is_number(json_at(result, "rusage.stime")));
    ck_assert(json_is_integer(json_at(result, "rusage.maxrss_kb")));
    ck_assert_double_gt(json_number_at(result, "rusage.wall"), 0);
    ck_assert_uint_eq(json_object_size(json_at(result, "rusage")), 4);
    json_decref(reply);
}
END_TEST

START_TEST(no_shell)
{
    json_t *reply = run("{'argv':['echo','$HOME','*','a  b',';','']}");
    json_expect(reply, "result.stdout", "'$HOME * a  b ; \\n'");
    json_decref(reply);
}
END_TEST

START_TEST(binary_output)
{
    json_t *reply = run("{'argv':['printf','\\\\377\\\\000a']}");
    json_expect(reply, "result.stdout_base64", "'/wBh'");
    json_expect(reply, "result.stderr", "''");
    ck_assert(!json_has(reply, "result.stdout"));
    json_decref(reply);
    reply = run("{'argv':['sh','-c','printf \\\"\\\\\\\\200\\\" >&2; echo \xc3\xa4']}");
    json_expect(reply, "result.stderr_base64", "'gA=='");
    json_expect(reply, "result.stdout", "'\xc3\xa4\\n'");
    json_decref(reply);
    reply = run("{'argv':['printf','a\\\\000b']}");
    json_expect(reply, "result.stdout", "'a\\u0000b'");
    json_decref(reply);
}
END_TEST

START_TEST(failing)
{
    json_t *reply = run("{'argv':['sh','-c','exit 7']}");
    json_expect(reply, "exception.type", "'ExitStatus'");
    json_expect(reply, "exception.message", "'exited with status 7'");
    json_expect(reply, "exception.data.exit_code", "7");
    json_decref(reply);
    reply = run("{'argv':['sh','-c','exit 7'],'check':false}");
    json_expect(reply, "result.exit_code", "7");
    json_decref(reply);
    reply = run("{'argv':['sh','-c','kill -SEGV $$']}");
    json_expect(reply, "exception.type", "'Signalled'");
    json_expect(reply, "exception.data.signal", "'SIGSEGV'");
    json_expect(reply, "exception.data.exit_code", "null");
    json_decref(reply);
    reply = run("{'argv':['sh','-c','kill -KILL $$'],'check':false}");
    json_expect(reply, "result.signal", "'SIGKILL'");
    json_decref(reply);
}
END_TEST

START_TEST(a_missing_program_is_not_exit_127)
{
    json_t *reply = run("{'argv':['there-is-no-such-program']}");
    json_expect(reply, "exception.type", "'SpawnError'");
    json_expect(reply, "exception.data.errno", "'ENOENT'");
    json_decref(reply);
    reply = run("{'argv':['/dev/null'],'check':false}");
    json_expect(reply, "exception.type", "'SpawnError'");
    json_expect(reply, "exception.data.errno", "'EACCES'");
    json_decref(reply);
    reply = run("{'argv':['true'],'cwd':'/there/is/no/such/directory'}");
    json_expect(reply, "exception.type", "'SpawnError'");
    json_expect(reply, "exception.data.errno", "'ENOENT'");
    json_decref(reply);
    reply = run("{'argv':['sh','-c','there-is-no-such-program']}");
    json_expect(reply, "exception.type", "'ExitStatus'");
    json_expect(reply, "exception.data.exit_code", "127");
    json_decref(reply);
    /* The worker has survived all that. */
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
}
END_TEST

START_TEST(directory_and_environment)
{
    json_t *reply = run("{'argv':['pwd'],'cwd':'/usr'}");
    json_expect(reply, "result.stdout", "'/usr\\n'");
    json_decref(reply);
    reply = run("{'argv':['sh','-c','echo $A-$B-$FROM_THE_DAEMON'],'env':{'A':'1','B':'x=y z'}}");
    json_expect(reply, "result.stdout", "'1-x=y z-yes\\n'");
    json_decref(reply);
    reply = run("{'argv':['env'],'clean_env':true,'env':{'ONLY':'this','PATH':'/usr/bin:/bin'}}");
    const char *env = json_text_at(reply, "result.stdout");
    ck_assert_ptr_nonnull(strstr(env, "ONLY=this\n"));
    ck_assert_ptr_null(strstr(env, "FROM_THE_DAEMON"));
    json_decref(reply);
    /* Nothing of the service manager's goes on to jobs. */
    reply = run("{'argv':['env']}");
    env = json_text_at(reply, "result.stdout");
    ck_assert_ptr_null(strstr(env, "LISTEN_"));
    ck_assert_ptr_null(strstr(env, "NOTIFY_SOCKET"));
    ck_assert_ptr_null(strstr(env, "WATCHDOG_"));
    json_decref(reply);
}
END_TEST

START_TEST(stdin_of_a_job)
{
    json_t *reply = run("{'argv':['cat']}");
    json_expect(reply, "result.stdout", "''");
    json_decref(reply);
    reply = run("{'argv':['cat'],'stdin':'a\\nb\xe2\x82\xac'}");
    json_expect(reply, "result.stdout", "'a\\nb\xe2\x82\xac'");
    json_decref(reply);
    reply = run("{'argv':['cat'],'stdin_base64':'/wBh'}");
    json_expect(reply, "result.stdout_base64", "'/wBh'");
    json_decref(reply);
    /* A job that does not read it is no failure. */
    char *big = malloc(1000001);
    memset(big, 'z', 1000000);
    big[1000000] = '\0';
    reply = run("{'argv':['true'],'stdin':'%s'}", big);
    json_expect(reply, "result.exit_code", "0");
    json_decref(reply);
    reply = run("{'argv':['cat'],'stdin':'%s'}", big);
    ck_assert_str_eq(json_text_at(reply, "result.stdout"), big);
    json_decref(reply);
    free(big);
    ck_assert_int_eq(client_error(f.client, "submit",
                                  "{'fn':'exec','args':{'argv':['cat'],"
                                  "'stdin':'a','stdin_base64':'YQ=='}}"),
                     -32602);
}
END_TEST

START_TEST(merged_streams)
{
    json_t *reply =
        run("{'argv':['sh','-c','echo 1; echo 2 >&2; echo 3; echo 4 >&2'],'merge_stderr':true}");
    json_expect(reply, "result.stdout", "'1\\n2\\n3\\n4\\n'");
    json_expect(reply, "result.stderr", "''");
    json_decref(reply);
}
END_TEST

START_TEST(limits_of_a_job)
{
    json_t *reply = run("{'argv':['sh','-c','ulimit -n; ulimit -t; ulimit -f; ulimit -v'],"
                        "'limits':{'nofile':20,'cpu':5,'fsize':1048576,'as':1073741824}}");
    json_expect(reply, "result.stdout", "'20\\n5\\n2048\\n1048576\\n'");
    json_decref(reply);
    reply = run("{'argv':['sh','-c','while :; do :; done'],'limits':{'cpu':1}}");
    json_expect(reply, "exception.type", "'Signalled'");
    json_decref(reply);
    reply = run("{'argv':['nice'],'nice':5}");
    ck_assert_int_ge(strtol(json_text_at(reply, "result.stdout"), NULL, 10), 5);
    json_decref(reply);
}
END_TEST

/* Resident memory of the daemon in kB. */
static long resident_kb(void)
{
    char *path = text_print("/proc/%d/status", (int)daemon_pid(f.daemon));
    char *text = text_of_file(path);
    const char *line = strstr(text, "VmHWM:");
    long kb = line ? strtol(line + 6, NULL, 10) : 0;

    free(text);
    free(path);
    return kb;
}

START_TEST(text_that_is_cut_off_is_text_still)
{
    static const struct daemon_options options = {.config = "[limits]\noutput_bytes = 4\n"};
    fixture_stop(&f);
    fixture_start(&f, &options);
    json_t *reply = run("{'argv':['printf','a\xc3\xbc\xc3\xbc\xc3\xbc']}");
    json_expect(reply, "result.stdout", "'a\xc3\xbc'");
    json_expect(reply, "result.truncated", "true");
    json_int_t id = json_int_at(reply, "id");
    json_decref(reply);
    reply = client_result(f.client, "output", "{'id':%lld}", id);
    json_expect(reply, "data", "'a\xc3\xbc'");
    json_expect(reply, "next", "3");
    json_expect(reply, "eof", "true");
    json_decref(reply);
}
END_TEST

START_TEST(output_is_capped)
{
    const long before = resident_kb();
    json_t *reply = run("{'argv':['sh','-c','head -c 67108864 /dev/zero | tr \\\"\\\\\\\\0\\\" x; "
                        "echo end >&2']}");
    json_expect(reply, "result.truncated", "true");
    json_expect(reply, "result.exit_code", "0");
    json_expect(reply, "result.stderr", "'end\\n'");
    size_t kept = strlen(json_text_at(reply, "result.stdout"));
    ck_assert_uint_eq(kept, 4194304);
    json_decref(reply);
    if (test_slowness() == 1)
        ck_assert_int_lt(resident_kb() - before, 40000);
    reply = run("{'argv':['head','-c','4194304','/dev/zero']}");
    json_expect(reply, "result.truncated", "false");
    json_decref(reply);
}
END_TEST

START_TEST(a_background_grandchild_does_not_hold_it)
{
    /* It keeps the pipe open and goes on after its parent; the gate's end is its own end. */
    json_t *reply = run("{'argv':['sh','-c','cat \\\"$1\\\" & echo parent','sh','%s/gate.pass']}",
                        daemon_directory(f.daemon));
    json_expect(reply, "result.stdout", "'parent\\n'");
    json_expect(reply, "result.exit_code", "0");
    double wall = json_number_at(reply, "result.rusage.wall");
    ck_assert_double_lt(wall, 10.0);
    json_decref(reply);
}
END_TEST

START_TEST(a_job_sees_a_clean_world)
{
    json_t *reply = run("{'argv':['ls','/proc/self/fd']}");
    /* 3 is the directory that ls itself reads. */
    json_expect(reply, "result.stdout", "'0\\n1\\n2\\n3\\n'");
    json_decref(reply);
    reply = run("{'argv':['grep','^Sig[BI]','/proc/self/status']}");
    json_expect(reply, "result.stdout",
                "'SigBlk:\\t0000000000000000\\nSigIgn:\\t0000000000000000\\n'");
    json_decref(reply);
    /* A session of its own: the job is its leader, and no terminal is there. */
    reply = run("{'argv':['sh','-c','cut -d\\\" \\\" -f5,6,7 /proc/$$/stat; echo $$']}");
    long group, session, tty, pid;
    ck_assert_int_eq(sscanf(json_text_at(reply, "result.stdout"), "%ld %ld %ld\n%ld", &group,
                            &session, &tty, &pid),
                     4);
    ck_assert_int_eq(group, pid);
    ck_assert_int_eq(session, pid);
    ck_assert_int_eq(tty, 0);
    json_decref(reply);
}
END_TEST

/* A start copies the descriptors up to those that it gives to the job, so clients lie above. */
START_TEST(clients_leave_the_low_descriptors_to_jobs)
{
    enum { CLIENTS = 20, LOW = 100 };
    struct client *clients[CLIENTS];
    int sockets = 0;

    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fixture_client(&f);
        json_decref(client_result(clients[i], "ping", "{}"));
    }
    for (int fd = 0; fd < LOW; fd++) {
        char *path = text_print("/proc/%d/fd/%d", (int)daemon_pid(f.daemon), fd);
        char target[16] = "";

        sockets += readlink(path, target, sizeof(target)) > 0 && strncmp(target, "socket:", 7) == 0;
        free(path);
    }
    ck_assert_int_gt(sockets, 0); /* the one that it listens on */
    ck_assert_int_lt(sockets, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        client_close(clients[i]);
}
END_TEST

/* The daemon's descriptors and children, as it stands between two jobs. */
static void count_leftovers(int *ret_files, int *ret_children)
{
    char *command = text_print("ls /proc/%d/fd | wc -l; grep -l '^PPid:.%d$' /proc/[0-9]*/status "
                               "2>/dev/null | wc -l",
                               (int)daemon_pid(f.daemon), (int)daemon_pid(f.daemon));
    FILE *pipe = popen(command, "re");

    ck_assert_ptr_nonnull(pipe);
    ck_assert_int_eq(fscanf(pipe, "%d %d", ret_files, ret_children), 2);
    pclose(pipe);
    free(command);
}

START_TEST(no_descriptor_or_zombie_is_left)
{
    int files, children, files_now, children_now;

    json_decref(run("{'argv':['true']}"));
    count_leftovers(&files, &children);
    for (int i = 0; i < 50; i++) {
        json_decref(run("{'argv':['true']}"));
        json_decref(run("{'argv':['nothing-of-that-name']}"));
        json_decref(run("{'argv':['cat'],'stdin':'x'}"));
    }
    count_leftovers(&files_now, &children_now);
    ck_assert_int_eq(files_now, files);
    ck_assert_int_eq(children_now, children);
}
END_TEST

/* Its parent's first thread is the loop: were SIGCHLD open there, each end of a job would wake it.
 */
START_TEST(the_end_of_a_job_wakes_nobody_else)
{
    json_t *reply = run("{'argv':['sh','-c','sed -n s/^SigBlk:.//p /proc/$PPID/status']}");
    uint64_t blocked = strtoull(json_text_at(reply, "result.stdout"), NULL, 16);
    ck_assert_uint_ne(blocked & UINT64_C(1) << (SIGCHLD - 1), 0);
    json_decref(reply);
}
END_TEST

START_TEST(a_long_argument_list)
{
    json_t *argv = json_pack("[s, s]", "printf", "%s");
    for (int i = 0; i < 20000; i++)
        json_array_append_new(argv, json_string("0123456789"));
    char *text = json_dumps(argv, JSON_COMPACT);
    json_t *reply = run("{'argv':%s}", text);
    ck_assert_uint_eq(strlen(json_text_at(reply, "result.stdout")), 200000);
    json_decref(reply);
    json_decref(argv);
    free(text);
    /* One argument of more than the kernel takes. */
    char *big = malloc(200001);
    memset(big, 'q', 200000);
    big[200000] = '\0';
    reply = run("{'argv':['echo','%s']}", big);
    json_expect(reply, "exception.type", "'SpawnError'");
    json_expect(reply, "exception.data.errno", "'E2BIG'");
    json_decref(reply);
    free(big);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_result,
        no_shell,
        binary_output,
        failing,
        a_missing_program_is_not_exit_127,
        directory_and_environment,
        stdin_of_a_job,
        merged_streams,
        limits_of_a_job,
        text_that_is_cut_off_is_text_still,
        output_is_capped,
        a_background_grandchild_does_not_hold_it,
        a_job_sees_a_clean_world,
        clients_leave_the_low_descriptors_to_jobs,
        no_descriptor_or_zombie_is_left,
        the_end_of_a_job_wakes_nobody_else,
        a_long_argument_list,
        NULL,
    };

    return fixture_run("exec", setup, teardown, tests);
}

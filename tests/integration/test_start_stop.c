/* The daemon as a program: its socket, its options, its configuration file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/fixture.h"
#include "tests/support/text.h"

/* A directory of the test's own, made by its setup. */
static char *directory;

static void setup(void)
{
    const char *base = getenv("TMPDIR");

    directory = text_print("%s/start.XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

/* Runs a daemon that is to end by itself, with these options; its exit status. *ret_text is what it
 * wrote on stdout and stderr; the caller frees it. */
static int run(char **ret_text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int run(char **ret_text, const char *format, ...)
{
    va_list args;
    size_t size = 0;

    va_start(args, format);
    char *options = text_vprint(format, args);
    va_end(args);
    const char *program = getenv("FUTURED");
    char *command = text_print("%s %s 2>&1", program ? program : "build/futured", options);
    FILE *pipe = popen(command, "re");
    ck_assert_ptr_nonnull(pipe);
    *ret_text = NULL;
    if (getdelim(ret_text, &size, '\0', pipe) < 0) {
        free(*ret_text);
        *ret_text = text_print("%s", "");
    }
    int status = pclose(pipe);
    ck_assert(WIFEXITED(status));
    free(command);
    free(options);
    return WEXITSTATUS(status);
}

static void expect_refusal(const char *options, const char *said)
{
    char *text;
    int status = run(&text, "%s", options);

    ck_assert_msg(status != 0, "%s: status 0", options);
    ck_assert_msg(strstr(text, said), "%s: not \"%s\" but: %s", options, said, text);
    ck_assert_ptr_null(strstr(text, "ready on"));
    free(text);
}

/* ---- the socket ---- */

static const struct daemon_options own_socket = {.own_socket = true};

START_TEST(says_that_it_is_ready)
{
    struct daemon *daemon = daemon_start(&own_socket);
    char *log = daemon_log(daemon);
    char *wanted =
        text_print("futured: ready on %s (pid %d", daemon_socket(daemon), (int)daemon_pid(daemon));
    ck_assert_ptr_nonnull(strstr(log, wanted));
    free(wanted);
    free(log);
    daemon_stop(daemon);
}
END_TEST

START_TEST(its_socket_is_private)
{
    struct daemon *daemon = daemon_start(&own_socket);
    struct stat status;
    ck_assert_int_eq(stat(daemon_socket(daemon), &status), 0);
    ck_assert(S_ISSOCK(status.st_mode));
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    daemon_stop(daemon);
}
END_TEST

START_TEST(a_second_daemon_is_refused)
{
    struct daemon *daemon = daemon_start(&own_socket);
    struct client *client = client_connect(daemon_socket(daemon));
    json_int_t id = client_submit(client, "{'fn':'echo','args':{}}");
    for (int i = 0; i < 3; i++) {
        char *options =
            text_print("--socket %s --state-dir %s/other", daemon_socket(daemon), directory);
        expect_refusal(options, daemon_socket(daemon));
        free(options);
    }
    /* The first one is unharmed, for old clients and for new ones. */
    expect_result(client, id, "{}");
    struct client *other = client_connect(daemon_socket(daemon));
    json_decref(client_result(other, "ping", "{}"));
    client_close(other);
    client_close(client);
    daemon_stop(daemon);
}
END_TEST

START_TEST(a_stale_socket_is_replaced)
{
    struct daemon *daemon = daemon_start(&own_socket);
    daemon_kill(daemon);
    ck_assert_int_eq(access(daemon_socket(daemon), F_OK), 0);
    daemon_restart(daemon);
    struct client *client = client_connect(daemon_socket(daemon));
    json_decref(client_result(client, "ping", "{}"));
    client_close(client);
    daemon_stop(daemon);
}
END_TEST

START_TEST(a_socket_that_somebody_else_left_is_replaced)
{
    struct daemon *daemon = daemon_start(&own_socket);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    daemon_kill(daemon);
    unlink(daemon_socket(daemon));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon_socket(daemon));
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    daemon_restart(daemon);
    struct client *client = client_connect(daemon_socket(daemon));
    json_decref(client_result(client, "ping", "{}"));
    client_close(client);
    daemon_stop(daemon);
}
END_TEST

START_TEST(another_program_that_listens_is_not_robbed)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/foreign", directory);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    char *options = text_print("--socket %s/foreign --state-dir %s/state", directory, directory);
    expect_refusal(options, "foreign");
    ck_assert_int_eq(access(address.sun_path, F_OK), 0);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(probe, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(probe);
    close(fd);
    free(options);
}
END_TEST

START_TEST(a_file_in_its_place_is_not_touched)
{
    char *path = text_print("%s/file", directory);
    FILE *file = fopen(path, "we");
    fputs("precious\n", file);
    fclose(file);
    char *options = text_print("--socket %s --state-dir %s/state", path, directory);
    expect_refusal(options, path);
    char *text = text_of_file(path);
    ck_assert_str_eq(text, "precious\n");
    free(text);
    free(options);
    free(path);
}
END_TEST

START_TEST(the_path_must_fit)
{
    char *options = text_print("--socket %s/%0120d --state-dir %s/state", directory, 0, directory);
    expect_refusal(options, "too long");
    free(options);
    options =
        text_print("--socket %s/no/such/place/socket --state-dir %s/state", directory, directory);
    expect_refusal(options, "no/such/place");
    free(options);
}
END_TEST

START_TEST(ends_with_clients_connected)
{
    struct daemon *daemon = daemon_start(&own_socket);
    struct client *client = client_connect(daemon_socket(daemon));
    json_decref(client_result(client, "subscribe", "{'all':true}"));
    char *path = text_print("%s", daemon_socket(daemon));
    daemon_stop(daemon);
    client_expect_end(client);
    client_close(client);
    ck_assert_int_ne(access(path, F_OK), 0);
    free(path);
}
END_TEST

/* ---- options ---- */

START_TEST(version_and_help)
{
    char *text;
    ck_assert_int_eq(run(&text, "--version"), 0);
    ck_assert_int_eq(strncmp(text, "futured ", 8), 0);
    free(text);
    ck_assert_int_eq(run(&text, "--help"), 0);
    static const char *const options[] = {"--socket",       "--state-dir",  "--config",
                                          "--max-workers",  "--durability", "--log-level",
                                          "--check-config", "--version"};
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        ck_assert_ptr_nonnull(strstr(text, options[i]));
    free(text);
}
END_TEST

START_TEST(bad_options)
{
    static const char *const cases[][2] = {
        {"--nope", "nope"},
        {"extra", "extra"},
        {"--socket", "socket"},
        {"--max-workers 0", "max-workers"},
        {"--max-workers -1", "max-workers"},
        {"--max-workers many", "max-workers"},
        {"--max-workers 3x", "max-workers"},
        {"--max-workers ''", "max-workers"},
        {"--max-workers 99999999999999999999", "max-workers"},
        {"--log-level loud", "log_level"},
        {"--durability some", "durability"},
        {"--config /there/is/no/such/file", "/there/is/no/such/file"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refusal(cases[i][0], cases[i][1]);
}
END_TEST

START_TEST(options_take_their_effect)
{
    static const char *const args[] = {"--log-level", "debug", "--max-workers", "3", NULL};
    static const struct daemon_options options = {
        .args = args,
        .config = "[daemon]\nlog_level = error\n[pool default]\nmax_workers = 7\n"
                  "[pool second]\nmax_workers = 2\nidle_timeout = 1.5\n",
    };
    struct daemon *daemon = daemon_start(&options);
    struct client *client = client_connect(daemon_socket(daemon));
    json_t *list = client_result(client, "pool.list", "{}");
    /* What the command line says is laid over the file. */
    json_expect(list, "pools.0.name", "'default'");
    json_expect(list, "pools.0.max_workers", "3");
    json_expect(list, "pools.1.name", "'second'");
    json_expect(list, "pools.1.max_workers", "2");
    json_expect(list, "pools.1.idle_timeout", "1.5");
    json_decref(list);
    expect_result(client, client_submit(client, "{'fn':'echo','pool':'second','args':{}}"), "{}");
    client_close(client);
    daemon_stop(daemon);
}
END_TEST

/* ---- the configuration file ---- */

START_TEST(mistakes_are_named_by_file_and_line)
{
    static const struct {
        const char *text, *place, *said;
    } cases[] = {
        {"[daemon]\nsocket = x\nnope = 1\n", ":3: ", "nope"},
        {"[daemon]\nlog_level = loud\n", ":2: ", "loud"},
        {"\n\n[pool default]\nmax_workers = 0\n", ":4: ", "max_workers"},
        {"[pool default]\nmax_workers = -1\n", ":2: ", "max_workers"},
        {"[pool default]\nmax_workers = 2.5\n", ":2: ", "max_workers"},
        {"[pool default]\nidle_timeout = soon\n", ":2: ", "idle_timeout"},
        {"[pool default]\non_full = drop\n", ":2: ", "on_full"},
        {"[pool default]\nthread_name_prefix = much_too_long_a_name\n",
         ":2: ", "thread_name_prefix"},
        {"[pool default]\nsize = 2\n", ":2: ", "size"},
        {"[limits]\nlines = 2\n", ":2: ", "lines"},
        {"[limits]\nbatch = 0\n", ":2: ", "batch"},
        {"[nope]\na = 1\n", ":2: ", "nope"},
        {"socket = x\n", ":1: ", "section"},
        {"[daemon]\nsocket = x\nwhat is this\n", ":3: ", "neither"},
        {"[daemon\nsocket = x\n", ":1: ", ""},
    };
    char *path = text_print("%s/bad.conf", directory);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        FILE *file = fopen(path, "we");
        fputs(cases[i].text, file);
        fclose(file);
        char *place = text_print("%s%s", path, cases[i].place);
        char *options = text_print("--config %s --state-dir %s/state", path, directory);
        expect_refusal(options, place);
        expect_refusal(options, cases[i].said);
        free(options);
        options = text_print("--check-config --config %s", path);
        expect_refusal(options, place);
        free(options);
        free(place);
    }
    free(path);
}
END_TEST

START_TEST(a_good_file_is_checked_without_starting)
{
    char *path = text_print("%s/good.conf", directory), *text;
    FILE *file = fopen(path, "we");
    fprintf(file,
            "; a comment\n[daemon]\nsocket = %s/never\nlog_level = warning\n"
            "[limits]\nbatch = 10\n[pool gpu]\nmax_workers = 1\nqueue_limit = 5\n"
            "on_full = wait\nmin_workers = 1\nmax_tasks_per_worker = 3\n",
            directory);
    fclose(file);
    ck_assert_int_eq(run(&text, "--check-config --config %s", path), 0);
    ck_assert_str_eq(text, "");
    free(text);
    char *never = text_print("%s/never", directory);
    ck_assert_int_ne(access(never, F_OK), 0);
    free(never);
    free(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        says_that_it_is_ready,
        its_socket_is_private,
        a_second_daemon_is_refused,
        a_stale_socket_is_replaced,
        a_socket_that_somebody_else_left_is_replaced,
        another_program_that_listens_is_not_robbed,
        a_file_in_its_place_is_not_touched,
        the_path_must_fit,
        ends_with_clients_connected,
        version_and_help,
        bad_options,
        options_take_their_effect,
        mistakes_are_named_by_file_and_line,
        a_good_file_is_checked_without_starting,
        NULL,
    };

    return fixture_run("start and stop", setup, NULL, tests);
}

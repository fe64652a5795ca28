/* Clients that mean no good, or know no better, in numbers; and a machine that is out of
 * descriptors: the others do not notice. The numbers here are a tenth of what must hold, which
 * FUTURED_LONG=1 runs in full. Needs as many file descriptors as clients; with fewer it does with
 * fewer. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/deadline.h"
#include "tests/support/fixture.h"
#include "tests/support/text.h"

static struct fixture f;

static bool is_long(void)
{
    return getenv("FUTURED_LONG") != NULL;
}

/* What must hold is said for a build that nothing slows down. */
static bool is_measured(void)
{
    return test_slowness() == 1;
}

static void setup(void)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    fixture_start(&f, NULL);
    json_decref(client_result(f.client, "ping", "{}"));
}

static void teardown(void)
{
    fixture_stop(&f);
}

/* So many as are asked for, where the descriptors allow it. */
static int some(int in_full)
{
    struct rlimit files;
    int wanted = is_long() ? in_full : in_full / 10 / (int)test_slowness();

    getrlimit(RLIMIT_NOFILE, &files);
    int possible = (int)(files.rlim_cur < 1000000 ? files.rlim_cur : 1000000) - 200;
    return wanted < possible ? wanted : possible;
}

/* ---- what the daemon needs ---- */

static long status_kb(const char *name)
{
    char *path = text_print("/proc/%d/status", (int)daemon_pid(f.daemon));
    char *status = text_of_file(path);
    char *at = strstr(status, name);

    ck_assert_ptr_nonnull(at);
    long kb = strtol(at + strlen(name), NULL, 10);
    free(path);
    free(status);
    return kb;
}

static int count_fds(void)
{
    char *path = text_print("/proc/%d/fd", (int)daemon_pid(f.daemon));
    DIR *directory = opendir(path);
    int count = 0;

    ck_assert_ptr_nonnull(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    free(path);
    return count - 2;
}

/* The number that the daemon's next descriptor would have. */
static rlim_t next_fd(void)
{
    rlim_t fd = 0;
    for (;; fd++) {
        char *path = text_print("/proc/%d/fd/%d", (int)daemon_pid(f.daemon), (int)fd);
        bool taken = faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        free(path);
        if (!taken)
            return fd;
    }
}

static long cpu_ms(void)
{
    char *path = text_print("/proc/%d/stat", (int)daemon_pid(f.daemon));
    char *stat = text_of_file(path);
    unsigned long user, kernel;

    ck_assert_int_eq(sscanf(strrchr(stat, ')') + 2,
                            "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel),
                     2);
    free(path);
    free(stat);
    return (long)(user + kernel) * 1000 / sysconf(_SC_CLK_TCK);
}

static int log_lines(void)
{
    char *log = daemon_log(f.daemon);
    int lines = 0;

    for (const char *c = log; *c; c++)
        lines += *c == '\n';
    free(log);
    return lines;
}

static void wait_for_fds(int count)
{
    /* The daemon learns of a closed connection in a turn of its loop: each call is one. */
    for (int i = 0; count_fds() > count && i < 1000; i++)
        json_decref(client_result(f.client, "ping", "{}"));
    ck_assert_int_le(count_fds(), count);
}

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* ---- plain sockets, of which a test can have thousands ---- */

static int plug(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = daemon_socket(f.daemon);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, strlen(path));
    ck_assert_int_ge(fd, 0);
    /* A full backlog makes it wait. */
    ck_assert_msg(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0,
                  "connect: %s", strerror(errno));
    return fd;
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
}

/* ---- the crowd ---- */

static const char subscribe_all[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\",\"params\":{\"all\":true,"
    "\"events\":[\"done\",\"running\"]}}\n";

START_TEST(a_crowd_that_idles_and_never_reads)
{
    const int idle = some(10000), deaf = idle / 10, calls = is_long() ? 10000 : 2000;
    int *fds = calloc((size_t)idle + (size_t)deaf, sizeof(*fds));
    double *took_ms = calloc((size_t)calls, sizeof(*took_ms));
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
    const int fds_before = count_fds();
    const long kb_before = status_kb("VmRSS:");

    for (int i = 0; i < idle; i++)
        fds[i] = plug();
    json_decref(client_result(f.client, "ping", "{}"));
    const long kb_idle = status_kb("VmRSS:");
    for (int i = idle; i < idle + deaf; i++) {
        fds[i] = plug();
        say(fds[i], subscribe_all);
    }
    for (int i = 0; i < calls; i++) {
        double start_ms = now_ms();
        json_int_t id = client_submit(f.client, "{'fn':'echo','args':{'i':%d}}", i);
        json_decref(client_result(f.client, "result", "{'id':%lld}", id));
        took_ms[i] = now_ms() - start_ms;
    }
    qsort(took_ms, (size_t)calls, sizeof(*took_ms), by_size);
    const double p99_ms = took_ms[calls * 99 / 100];
    const long peak_kb = status_kb("VmHWM:");
    printf("%d idle, %d deaf: submit and result p50 %.2f ms, p99 %.2f ms, most %.2f ms; peak RSS "
           "%ld KiB, %ld bytes for each idle connection\n",
           idle, deaf, took_ms[calls / 2], p99_ms, took_ms[calls - 1], peak_kb,
           (kb_idle - kb_before) * 1024 / idle);
    if (is_measured()) {
        ck_assert_double_lt(p99_ms, 50);
        ck_assert_int_lt(peak_kb, 256 * 1024);
    }
    for (int i = 0; i < idle + deaf; i++)
        close(fds[i]);
    wait_for_fds(fds_before);
    free(fds);
    free(took_ms);
}
END_TEST

START_TEST(many_wait_for_one)
{
    /* Ten waits on each connection. With a copy for each of them this would be 400 MB. */
    enum { EACH = 10, BYTES = 200000 };
    const int count = is_long() ? 1000 : 200 / (int)test_slowness();
    int *fds = calloc((size_t)count, sizeof(*fds));
    char *text = malloc(BYTES + 1), *bytes = malloc(BYTES);
    memset(text, 'z', BYTES);
    text[BYTES] = '\0';
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{'a':'%s'}}", text);
    char *call = text_print("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"result\",\"params\":"
                            "{\"id\":%lld}}\n",
                            id);
    for (int i = 0; i < count; i++) {
        fds[i] = plug();
        for (int k = 0; k < EACH; k++)
            say(fds[i], call);
        /* Answered when all before it wait. */
        say(fds[i], "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}\n");
        deadline_wait(fds[i], POLLIN, "the last reply");
        ck_assert_int_gt(recv(fds[i], bytes, BYTES, 0), 0);
    }
    json_decref(client_result(f.client, "pool.resume", "{'pool':'default'}"));
    json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", id));
    const double start_ms = now_ms();
    json_decref(client_result(f.client, "ping", "{}"));
    const double told_ms = now_ms() - start_ms;
    /* Every one of them gets it all. */
    for (int i = 0; i < count; i++) {
        int lines = 0;
        while (lines < EACH) {
            deadline_wait(fds[i], POLLIN, "the result");
            ssize_t got = recv(fds[i], bytes, BYTES, 0);
            ck_assert_int_gt(got, 0);
            for (char *c = bytes; (c = memchr(c, '\n', (size_t)(bytes + got - c))); c++)
                lines++;
        }
        close(fds[i]);
    }
    printf("%d waits for 200 kB: told within %.1f ms, peak RSS %ld KiB\n", count * EACH, told_ms,
           status_kb("VmHWM:"));
    if (is_measured())
        ck_assert_int_lt(status_kb("VmHWM:"), 128 * 1024);
    free(fds);
    free(text);
    free(bytes);
    free(call);
}
END_TEST

/* ---- out of descriptors ---- */

START_TEST(out_of_descriptors)
{
    enum { WAITING = 50 };
    const int seconds = is_long() ? 60 : 3;
    int fds[WAITING];
    struct rlimit before, none;

    const int lines = log_lines();
    ck_assert_int_eq(prlimit(daemon_pid(f.daemon), RLIMIT_NOFILE, NULL, &before), 0);
    none = before;
    none.rlim_cur = next_fd();
    ck_assert_int_eq(prlimit(daemon_pid(f.daemon), RLIMIT_NOFILE, &none, NULL), 0);
    for (int i = 0; i < WAITING; i++) {
        fds[i] = plug();
        say(fds[i], "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n");
    }
    const long cpu_before_ms = cpu_ms();
    const double start_ms = now_ms();
    struct pollfd waiting = {.fd = fds[0], .events = POLLIN};
    int calls = 0;
    /* Who is there already is served all the while. */
    while (now_ms() - start_ms < seconds * 1000) {
        json_decref(client_result(f.client, "ping", "{}"));
        calls++;
        ck_assert_int_eq(poll(&waiting, 1, 250), 0);
    }
    const double cpu_percent = (double)(cpu_ms() - cpu_before_ms) * 100 / (now_ms() - start_ms);
    printf("%d s without descriptors: %.2f %% CPU, %d lines in the log, %d calls served\n", seconds,
           cpu_percent, log_lines() - lines, calls);
    if (is_measured())
        ck_assert_double_lt(cpu_percent, 5);
    ck_assert_int_lt(log_lines() - lines, 10);
    ck_assert_int_gt(log_lines() - lines, 0);
    ck_assert_int_eq(prlimit(daemon_pid(f.daemon), RLIMIT_NOFILE, &before, NULL), 0);
    for (int i = 0; i < WAITING; i++) {
        deadline_wait(fds[i], POLLIN, "the daemon to accept again");
        close(fds[i]);
    }
}
END_TEST

START_TEST(descriptors_come_and_go)
{
    /* One is free now and then: the log does not tell each time. */
    const int rounds = is_long() ? 50 : 3;
    struct rlimit before, few;

    const int lines = log_lines();
    ck_assert_int_eq(prlimit(daemon_pid(f.daemon), RLIMIT_NOFILE, NULL, &before), 0);
    few = before;
    few.rlim_cur = next_fd() + 1;
    ck_assert_int_eq(prlimit(daemon_pid(f.daemon), RLIMIT_NOFILE, &few, NULL), 0);
    for (int i = 0; i < rounds; i++) {
        struct client *first = fixture_client(&f), *second = fixture_client(&f);
        json_decref(client_result(first, "ping", "{}"));
        client_close(first);
        json_decref(client_result(second, "ping", "{}"));
        client_close(second);
    }
    ck_assert_int_lt(log_lines() - lines, 10);
    ck_assert_int_eq(prlimit(daemon_pid(f.daemon), RLIMIT_NOFILE, &before, NULL), 0);
}
END_TEST

/* ---- the log ---- */

static void setup_few(void)
{
    static const struct daemon_options options = {
        .config = "[limits]\nconnections = 2\nline_seconds = 1\nunsent_bytes = 1000\n",
    };

    fixture_start(&f, &options);
}

START_TEST(a_flood_does_not_reach_the_log)
{
    const int lines = log_lines();

    for (int i = 0; i < 500; i++) {
        int fd = plug(), other = plug();
        char text[256];
        /* Which of the two is too many is not said. */
        struct pollfd ends[] = {{.fd = fd, .events = POLLIN}, {.fd = other, .events = POLLIN}};
        ck_assert_int_gt(poll(ends, 2, deadline_ms()), 0);
        ck_assert_int_gt(recv(ends[0].revents ? fd : other, text, sizeof(text), 0), 0);
        close(fd);
        close(other);
        json_decref(client_result(f.client, "ping", "{}"));
    }
    ck_assert_int_gt(log_lines() - lines, 0);
    ck_assert_int_lt(log_lines() - lines, 10);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_crowd_that_idles_and_never_reads,
        many_wait_for_one,
        out_of_descriptors,
        descriptors_come_and_go,
        NULL,
    };
    const TTest *const few[] = {a_flood_does_not_reach_the_log, NULL};

    int many = fixture_run("hostile", setup, teardown, tests);
    int flood = fixture_run("a flood", setup_few, teardown, few);

    return many | flood;
}

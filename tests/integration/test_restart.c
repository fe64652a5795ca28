/* A service that is restarted under load, on a socket that it inherits as from systemd: clients
 * come all the while, none is refused, and what one of them was told that is taken is there
 * afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/deadline.h"
#include "tests/support/fixture.h"
#include "tests/support/text.h"

enum { LOADERS = 4, PER_CONNECTION = 20, TAKEN_PER_ROUND = 200, SHUT_DOWN = -32003 };

/* One client, on a thread of its own: it submits over connection after connection. What is wrong it
 * notes, as assertions are for the test's thread. */
struct loader {
    pthread_t thread;
    json_int_t *ids; /* in the order of their numbers: the call I has {"loader":..,"n":I} */
    size_t count, room;
    int number;
    unsigned connections, turned_away, cut;
    char problem[160];
};

static struct daemon *the_daemon;
static atomic_bool is_over, is_orderly, has_failed;
/* A byte for each call that was taken; who writes does not wait. */
static int taken_fds[2];

static bool fails(struct loader *loader, const char *what, const char *detail)
{
    snprintf(loader->problem, sizeof(loader->problem), "%s: %.100s", what, detail);
    return false;
}

/* A line, without its end. False: the connection is at its end. */
static bool read_line(int fd, char *line, size_t size)
{
    size_t used = 0;
    while (used + 1 < size) {
        ssize_t got = recv(fd, line + used, 1, 0);
        if (got <= 0)
            return false;
        if (line[used] == '\n')
            break;
        used++;
    }
    line[used] = '\0';
    return true;
}

static void note_taken(struct loader *loader, json_int_t id)
{
    if (loader->count == loader->room) {
        loader->room = loader->room ? loader->room * 2 : 1024;
        loader->ids = realloc(loader->ids, loader->room * sizeof(*loader->ids));
    }
    loader->ids[loader->count++] = id;
    (void)!write(taken_fds[1], "x", 1);
}

/* One call. False: no more on this connection. */
static bool submit(struct loader *loader, int fd, bool is_first)
{
    char line[512];
    snprintf(line, sizeof(line),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"submit\",\"params\":{\"fn\":\"echo\","
             "\"args\":{\"loader\":%d,\"n\":%zu}}}\n",
             loader->number, loader->count);
    if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0 || !read_line(fd, line, sizeof(line))) {
        loader->cut++;
        /* Who has just come is not hung up on by a daemon that ends in order. */
        return is_first && atomic_load(&is_orderly) ? fails(loader, "no answer", "to a first call")
                                                    : false;
    }
    json_t *reply = json_loads(line, 0, NULL);
    json_t *id = json_object_get(json_object_get(reply, "result"), "id");
    json_t *code = json_object_get(json_object_get(reply, "error"), "code");
    bool goes_on = false;
    if (json_is_integer(id)) {
        note_taken(loader, json_integer_value(id));
        goes_on = true;
    } else if (json_integer_value(code) == SHUT_DOWN) {
        loader->turned_away++;
    } else {
        fails(loader, "an odd answer", line);
    }
    json_decref(reply);
    return goes_on;
}

static bool one_connection(struct loader *loader)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = daemon_socket(the_daemon);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        fails(loader, "connect", strerror(errno));
    loader->connections++;
    for (int i = 0; i < PER_CONNECTION && loader->problem[0] == '\0'; i++)
        if (!submit(loader, fd, i == 0))
            break;
    close(fd);
    return loader->problem[0] == '\0';
}

static void *load(void *arg)
{
    struct loader *loader = arg;
    while (!atomic_load(&is_over) && one_connection(loader)) {
    }
    /* Nobody waits in vain. */
    if (loader->problem[0] != '\0') {
        atomic_store(&has_failed, true);
        (void)!write(taken_fds[1], "x", 1);
    }
    return NULL;
}

static void await_taken(int count)
{
    char byte;
    for (int i = 0; i < count && !atomic_load(&has_failed); i++) {
        deadline_wait(taken_fds[0], POLLIN, "calls to be taken");
        ck_assert_int_eq(read(taken_fds[0], &byte, 1), 1);
    }
}

static int by_number(const void *a, const void *b)
{
    const json_int_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* What was taken is there, once each, and is what was submitted. */
static void expect_all(struct loader *loaders)
{
    struct client *client = client_connect(daemon_socket(the_daemon));
    size_t total = 0, at = 0;
    for (int i = 0; i < LOADERS; i++)
        total += loaders[i].count;
    json_int_t *all = calloc(total, sizeof(*all));
    for (int i = 0; i < LOADERS; i++)
        for (size_t n = 0; n < loaders[i].count; n++) {
            json_int_t id = all[at++] = loaders[i].ids[n];
            json_t *reply = client_result(client, "result", "{'id':%lld,'timeout':60}", id);
            json_expect(reply, "result", "{'loader':%d,'n':%d}", i, (int)n);
            json_decref(reply);
        }
    qsort(all, total, sizeof(*all), by_number);
    for (size_t i = 1; i < total; i++)
        ck_assert_int_lt(all[i - 1], all[i]);
    free(all);
    client_close(client);
}

static void restart_under_load(int rounds, int signal_number)
{
    struct loader loaders[LOADERS] = {{.number = 0}};
    unsigned connections = 0, turned_away = 0, cut = 0;
    size_t taken = 0;

    signal(SIGPIPE, SIG_IGN);
    atomic_store(&is_over, false);
    atomic_store(&is_orderly, signal_number == SIGTERM);
    ck_assert_int_eq(pipe2(taken_fds, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(taken_fds[1], F_SETFL, O_NONBLOCK), 0);
    the_daemon = daemon_start(&(struct daemon_options){.kept_socket = true});
    for (int i = 0; i < LOADERS; i++) {
        loaders[i].number = i;
        ck_assert_int_eq(pthread_create(&loaders[i].thread, NULL, load, &loaders[i]), 0);
    }
    for (int round = 0; round < rounds; round++) {
        await_taken(TAKEN_PER_ROUND);
        if (atomic_load(&has_failed))
            break;
        kill(daemon_pid(the_daemon), signal_number);
        int status = daemon_wait(the_daemon);
        if (signal_number == SIGTERM)
            ck_assert_int_eq(status, 0);
        daemon_restart(the_daemon);
    }
    await_taken(TAKEN_PER_ROUND);
    atomic_store(&is_over, true);
    for (int i = 0; i < LOADERS; i++) {
        pthread_join(loaders[i].thread, NULL);
        ck_assert_str_eq(loaders[i].problem, "");
        connections += loaders[i].connections;
        turned_away += loaders[i].turned_away;
        cut += loaders[i].cut;
        taken += loaders[i].count;
    }
    expect_all(loaders);
    printf("%d restarts by signal %d: %u connections, %zu calls taken, %u turned away, %u without "
           "an answer\n",
           rounds, signal_number, connections, taken, turned_away, cut);
    for (int i = 0; i < LOADERS; i++)
        free(loaders[i].ids);
    daemon_stop(the_daemon);
    close(taken_fds[0]);
    close(taken_fds[1]);
}

START_TEST(a_restart)
{
    restart_under_load(getenv("FUTURED_LONG") ? 50 : 5, SIGTERM);
}
END_TEST

START_TEST(a_crash)
{
    restart_under_load(getenv("FUTURED_LONG") ? 50 : 5, SIGKILL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_restart, a_crash, NULL};

    return fixture_run("restart", NULL, NULL, tests);
}

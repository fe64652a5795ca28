/* The limit for requests: a server that does nothing but answer each line, on libevent.
 *
 *     echo_server text|json|hand-off SOCKET [THREADS]
 *
 * `text` sends each line back. `json` parses it with jansson and sends what jansson writes of it.
 * `hand-off` does that too, and in between gives the request to one of THREADS threads, which does
 * nothing but give it back. All write once for whatever has come at once. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>
#include <jansson.h>

#include "tests/bench/bench.h"

enum { MAX_THREADS = 64 };

struct client {
    struct server *server;
    struct event *readable;
    struct reader reader;
    struct text out;
    bool has_output;
};

struct job {
    STAILQ_ENTRY(job) link;
    struct client *client;
    json_t *request;
};
STAILQ_HEAD(job_list, job);

struct server {
    struct event_base *base;
    bool json, hands_off;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct job_list todo, done; /* the lock's */
    int done_fd;
};

static void answer(struct client *client, json_t *request)
{
    char *reply = json_dumps(request, JSON_COMPACT);

    if (!reply)
        die("json_dumps");
    text_string(&client->out, reply);
    text_add(&client->out, "\n", 1);
    free(reply);
    json_decref(request);
}

/* ---- the threads ---- */

static void *worker(void *arg)
{
    struct server *server = arg;

    pthread_mutex_lock(&server->lock);
    for (;;) {
        struct job *job;
        bool first;

        while (!(job = STAILQ_FIRST(&server->todo)))
            pthread_cond_wait(&server->work, &server->lock);
        STAILQ_REMOVE_HEAD(&server->todo, link);
        pthread_mutex_unlock(&server->lock);
        pthread_mutex_lock(&server->lock);
        first = STAILQ_EMPTY(&server->done);
        STAILQ_INSERT_TAIL(&server->done, job, link);
        if (first && eventfd_write(server->done_fd, 1) < 0)
            die("eventfd");
    }
    return NULL;
}

static void hand_off(struct client *client, json_t *request)
{
    struct server *server = client->server;
    struct job *job = malloc(sizeof(*job));

    if (!job)
        die("no memory");
    *job = (struct job){.client = client, .request = request};
    pthread_mutex_lock(&server->lock);
    STAILQ_INSERT_TAIL(&server->todo, job, link);
    pthread_cond_signal(&server->work);
    pthread_mutex_unlock(&server->lock);
}

static void on_done(evutil_socket_t fd, short events, void *arg)
{
    struct server *server = arg;
    struct job_list done = STAILQ_HEAD_INITIALIZER(done);
    struct job *job;
    eventfd_t count;

    (void)events;
    eventfd_read(fd, &count);
    pthread_mutex_lock(&server->lock);
    STAILQ_CONCAT(&done, &server->done);
    pthread_mutex_unlock(&server->lock);
    while ((job = STAILQ_FIRST(&done))) {
        struct client *client = job->client;

        STAILQ_REMOVE_HEAD(&done, link);
        answer(client, job->request);
        free(job);
        if (STAILQ_EMPTY(&done) || STAILQ_FIRST(&done)->client != client)
            text_send(&client->out, client->reader.fd);
    }
}

/* ---- the loop ---- */

static void on_line(struct client *client, const char *line, size_t size)
{
    const struct server *server = client->server;
    json_t *request;

    if (!server->json) {
        text_add(&client->out, line, size + 1); /* its LF is there */
        return;
    }
    request = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    if (!request)
        die("a client has sent no JSON: %.*s", (int)size, line);
    if (server->hands_off)
        hand_off(client, request);
    else
        answer(client, request);
}

static void on_readable(evutil_socket_t fd, short events, void *arg)
{
    struct client *client = arg;
    char byte;
    size_t size;

    (void)events;
    if (recv(fd, &byte, 1, MSG_PEEK) <= 0) {
        /* It has got every answer, so nobody else knows of it. */
        event_free(client->readable);
        close(fd);
        free(client->reader.data);
        free(client->out.data);
        free(client);
        return;
    }
    reader_fill(&client->reader);
    for (char *line; (line = reader_line(&client->reader, &size));)
        on_line(client, line, size);
    text_send(&client->out, fd);
}

static void on_accept(evutil_socket_t listener, short events, void *arg)
{
    struct server *server = arg;
    struct client *client = calloc(1, sizeof(*client));
    struct sockaddr_un peer;
    socklen_t size = sizeof(peer);
    int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC);

    (void)events;
    if (!client || fd < 0)
        die("accept");
    client->server = server;
    client->reader.fd = fd;
    client->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, client);
    event_add(client->readable, NULL);
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 10) < 0)
        die("listen on %s", path);
    return fd;
}

int main(int argc, char **argv)
{
    struct server server = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};
    uint64_t threads = argc > 3 ? number_arg(argv[3]) : 1;
    pthread_t thread;

    if (argc < 3)
        die("usage: echo_server text|json|hand-off SOCKET [THREADS]");
    signal(SIGPIPE, SIG_IGN);
    server.hands_off = strcmp(argv[1], "hand-off") == 0;
    server.json = server.hands_off || strcmp(argv[1], "json") == 0;
    STAILQ_INIT(&server.todo);
    STAILQ_INIT(&server.done);
    server.base = event_base_new();
    server.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    event_add(event_new(server.base, server.done_fd, EV_READ | EV_PERSIST, on_done, &server), NULL);
    event_add(
        event_new(server.base, listen_unix(argv[2]), EV_READ | EV_PERSIST, on_accept, &server),
        NULL);
    for (uint64_t i = 0; server.hands_off && i < threads; i++) {
        if (pthread_create(&thread, NULL, worker, &server) != 0)
            die("pthread_create");
    }
    puts("ready");
    fflush(stdout);
    return event_base_dispatch(server.base) < 0;
}

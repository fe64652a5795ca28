/* event_loop_libevent COMMAND...: runs each command line in a shell, all at the same time, and
 * tells of each when it starts and when it is done. As event_loop.c, with libevent for the loop.
 *
 *     cc event_loop_libevent.c $(pkg-config --cflags --libs future libevent_core) */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <event2/event.h>
#include <future.h>

struct watcher {
    struct event_base *base;
    struct event *event;
    struct future_client *client;
    int left; /* jobs that are not done */
    int status;
};

static void stop(struct watcher *watcher, const char *why)
{
    fprintf(stderr, "%s\n", why);
    watcher->status = EXIT_FAILURE;
    event_base_loopbreak(watcher->base);
}

static int on_message(void *context, struct future_message *message)
{
    struct watcher *watcher = context;
    struct future_event *event;

    if (message->kind == FUTURE_ERROR)
        stop(watcher, message->error.message);
    if (message->kind == FUTURE_NOTIFICATION && future_read_event(message, &event) == 0) {
        if (event->kind == FUTURE_STARTED)
            printf("%s: started\n", event->info->label);
        if (event->kind == FUTURE_DONE) {
            printf("%s: %s\n", event->info->label, event->info->failed ? "failed" : "done");
            watcher->left--;
        }
        future_event_free(event);
    }
    future_message_free(message);
    return 0;
}

static void on_ready(evutil_socket_t fd, short what, void *context);

/* What to wait for changes with what is unsent. */
static void watch(struct watcher *watcher)
{
    short events = future_events(watcher->client);

    event_del(watcher->event);
    event_assign(watcher->event, watcher->base, future_fd(watcher->client),
                 (short)(EV_READ | (events & POLLOUT ? EV_WRITE : 0)), on_ready, watcher);
    event_add(watcher->event, NULL);
}

static void on_ready(evutil_socket_t fd, short what, void *context)
{
    struct watcher *watcher = context;
    int r = future_dispatch(watcher->client, on_message, watcher);

    (void)fd;
    (void)what;
    if (r < 0)
        stop(watcher, future_failure_text(r));
    else if (watcher->left == 0)
        event_base_loopbreak(watcher->base);
    else
        watch(watcher);
}

/* One job, subscribed to before it can start. */
static int submit(struct watcher *watcher, const char *line)
{
    const char *argv[] = {"sh", "-c", line, NULL};
    struct future_job job = {.size = sizeof(job), .argv = argv, .label = line};

    watcher->left++;
    return future_send_submit(watcher->client, &job, NULL);
}

static int start(struct watcher *watcher, char **lines)
{
    struct future_subscription all = {.size = sizeof(all), .events = FUTURE_STARTED | FUTURE_DONE};
    int r = future_send_subscribe(watcher->client, &all, NULL);

    for (; r == 0 && *lines; lines++)
        r = submit(watcher, *lines);
    return r;
}

int main(int argc, char **argv)
{
    struct watcher watcher = {.status = EXIT_SUCCESS};
    int r = future_connect(NULL, 10000, &watcher.client);

    if (r < 0 || argc < 2) {
        fprintf(stderr, "%s\n", r < 0 ? future_failure_text(r) : "give some command lines");
        return EXIT_FAILURE;
    }
    future_set_nonblocking(watcher.client, true);
    watcher.base = event_base_new();
    watcher.event = event_new(watcher.base, future_fd(watcher.client), EV_READ, on_ready, &watcher);
    r = start(&watcher, argv + 1);
    if (r < 0) {
        stop(&watcher, future_failure_text(r));
    } else {
        watch(&watcher);
        event_base_dispatch(watcher.base);
    }
    event_free(watcher.event);
    event_base_free(watcher.base);
    future_close(watcher.client);
    return watcher.status;
}

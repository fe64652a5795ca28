/* event_loop: runs each line of its input in a shell, all at the same time, while it goes on
 * reading, and writes what each has printed when it is done. One loop around poll(2); nothing in it
 * waits but poll, so there is room for whatever else the program has to do.
 *
 *     cc event_loop.c $(pkg-config --cflags --libs future) -o event_loop */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <future.h>

struct loop {
    struct future_client *client;
    size_t under_way; /* jobs that are not done */
    int at_end;       /* of the input */
    size_t line_size;
    char line[4096];
};

static int submit(struct loop *loop, const char *line)
{
    const char *argv[] = {"sh", "-c", line, NULL};
    struct future_job job = {
        .size = sizeof(job), .argv = argv, .no_check = true, .subscribe = true};

    loop->under_way++;
    return future_send_submit(loop->client, &job, NULL);
}

/* ---- what the daemon says ---- */

static int on_done(struct loop *loop, const struct future_message *message)
{
    struct future_event *event;
    int r = future_read_event(message, &event);

    if (r < 0)
        return r;
    r = future_send_result(loop->client, event->id, -1, NULL);
    future_event_free(event);
    return r;
}

/* A reply to a submit has no outcome yet, and nothing to say but that all is well. */
static int on_reply(struct loop *loop, const struct future_message *message)
{
    struct future_outcome *outcome;
    int r = future_read_outcome(message, &outcome);

    if (r < 0)
        return r == FUTURE_BAD_PROTOCOL ? 0 : r;
    if (outcome->exec)
        fwrite(outcome->exec->out.data, 1, outcome->exec->out.size, stdout);
    loop->under_way--;
    future_outcome_free(outcome);
    return 0;
}

static int on_message(void *context, struct future_message *message)
{
    struct loop *loop = context;
    int r = 0;

    switch (message->kind) {
    case FUTURE_NOTIFICATION:
        r = on_done(loop, message);
        break;
    case FUTURE_REPLY:
        r = on_reply(loop, message);
        break;
    case FUTURE_ERROR:
        fprintf(stderr, "%s\n", message->error.message);
        loop->under_way--;
        break;
    }
    future_message_free(message);
    return r;
}

/* ---- the input ---- */

static int take_lines(struct loop *loop)
{
    char *from = loop->line, *end;
    int r = 0;

    while (r == 0 && (end = memchr(from, '\n', loop->line_size - (size_t)(from - loop->line)))) {
        *end = '\0';
        r = submit(loop, from);
        from = end + 1;
    }
    loop->line_size -= (size_t)(from - loop->line);
    memmove(loop->line, from, loop->line_size);
    return r;
}

static int on_input(struct loop *loop)
{
    size_t room = sizeof(loop->line) - loop->line_size;
    ssize_t got = read(STDIN_FILENO, loop->line + loop->line_size, room);

    if (got <= 0)
        loop->at_end = 1;
    else
        loop->line_size += (size_t)got;
    return take_lines(loop);
}

/* ---- the loop ---- */

static int run(struct loop *loop)
{
    int r = 0;

    while (r == 0 && (!loop->at_end || loop->under_way > 0)) {
        short events = future_events(loop->client);
        /* While the daemon is too busy to take what there is, no more is read. */
        int wants_input = !loop->at_end && !(events & POLLOUT);
        struct pollfd ready[2] = {{.fd = future_fd(loop->client), .events = events},
                                  {.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN}};

        if (poll(ready, 2, -1) < 0)
            return -1;
        if (ready[1].revents)
            r = on_input(loop);
        if (r == 0)
            r = future_dispatch(loop->client, on_message, loop);
        fflush(stdout);
    }
    return r;
}

int main(void)
{
    struct loop loop = {.at_end = 0};
    int r = future_connect(NULL, 10000, &loop.client);

    if (r == 0) {
        future_set_nonblocking(loop.client, true);
        r = run(&loop);
        future_close(loop.client);
    }
    if (r < 0)
        fprintf(stderr, "%s\n", future_failure_text(r));
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

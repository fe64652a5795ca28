#include "client/cli/follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client/cli/cli_ids.h"
#include "client/map/map_run.h"
#include "client/show/progress_line.h"
#include "client/show/show_result.h"
#include "proto/text.h"

struct follower {
    struct cli *cli;
    uint64_t id;
    int interrupts; /* -1: none are taken */
    int signal;     /* the first one that came; 0: none */
    json_t *future; /* as the last event showed it */
    struct progress_line progress;
    bool done, finished; /* finished: nothing more is to be waited for */
    int status;
};

/* ---- signals ---- */

static void set_of_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

int interrupts_begin(struct interrupts *ret_interrupts)
{
    sigset_t set;
    int fd;

    set_of_signals(&set);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    ret_interrupts->fd = fd;
    return 0;
}

int interrupts_take(const struct interrupts *interrupts)
{
    struct signalfd_siginfo info;

    if (interrupts->fd < 0 || read(interrupts->fd, &info, sizeof(info)) != sizeof(info))
        return 0;
    return (int)info.ssi_signo;
}

void interrupts_end(struct interrupts *interrupts)
{
    if (interrupts->fd >= 0)
        close(interrupts->fd);
    interrupts->fd = -1;
}

/* ---- events ---- */

static int write_piece(const json_t *params)
{
    bool to_stderr = strcmp(cli_string(params, "stream", ""), "stderr") == 0;
    const json_t *text = json_object_get(params, "data");
    const json_t *base64 = json_object_get(params, "data_base64");
    int fd = to_stderr ? STDERR_FILENO : STDOUT_FILENO;
    void *data;
    size_t size;
    int r;

    if (json_is_string(text))
        return cli_write(fd, json_string_value(text), json_string_length(text));
    r = base64_decode(json_string_value(base64), json_string_length(base64), &data, &size);
    if (r < 0)
        return r;
    r = cli_write(fd, data, size);
    free(data);
    return r;
}

static void take_event(struct follower *follower, const struct future_message *message)
{
    json_t *future = json_object_get(message->params, "future");
    int r = 0;

    if (future) {
        json_decref(follower->future);
        follower->future = json_incref(future);
    }
    if (!follower->cli->json && strcmp(message->method, "future.progress") == 0)
        progress_line_show(&follower->progress, json_object_get(message->params, "value"));
    else
        progress_line_hide(&follower->progress);
    if (follower->cli->json)
        r = cli_write(STDOUT_FILENO, message->text, message->text_size);
    if (follower->cli->json && r == 0)
        r = cli_write(STDOUT_FILENO, "\n", 1);
    else if (strcmp(message->method, "future.output") == 0)
        r = write_piece(message->params);
    follower->done = follower->done || strcmp(message->method, "future.done") == 0;
    if (r < 0) {
        follower->finished = true;
        follower->status = r == -EPIPE ? EXIT_SIGNAL + SIGPIPE
                                       : cli_fail_errno(follower->cli, r, "writing the output");
    }
}

/* Asks the daemon to end the job; that it has ended is an event. */
static int terminate(struct follower *follower)
{
    struct writer params = {0};
    uint64_t request;

    writer_begin_object(&params);
    writer_key(&params, "id");
    writer_uint(&params, follower->id);
    writer_key(&params, "terminate");
    writer_bool(&params, true);
    writer_key(&params, "signal");
    writer_int(&params, follower->signal);
    writer_key(&params, "reason");
    writer_cstring(&params, "interrupted");
    writer_end_object(&params);
    return cli_send(follower->cli, "cancel", &params, &request);
}

static int ended_by(struct follower *follower, int signal)
{
    follower->cli->signal = signal;
    return EXIT_SIGNAL + signal;
}

static void take_signal(struct follower *follower)
{
    const struct interrupts interrupts = {.fd = follower->interrupts};
    int signal = interrupts_take(&interrupts);

    if (signal == 0)
        return;
    if (follower->signal != 0) {
        follower->finished = true;
        follower->status = ended_by(follower, signal);
        return;
    }
    follower->signal = signal;
    follower->status = terminate(follower);
    follower->finished = follower->status != 0;
}

/* Waits for the daemon, for a signal, and for the reader of stdout to go. */
static void sleep_for_news(struct follower *follower)
{
    struct cli *cli = follower->cli;
    struct pollfd ready[3] = {{.fd = future_fd(cli->client), .events = future_events(cli->client)},
                              {.fd = follower->interrupts, .events = POLLIN},
                              {.fd = STDOUT_FILENO, .events = 0}};

    if (poll(ready, 3, -1) < 0 && errno != EINTR) {
        follower->finished = true;
        follower->status = cli_fail_errno(cli, -errno, "waiting");
        return;
    }
    if (ready[1].revents)
        take_signal(follower);
    if (ready[2].revents & POLLERR) {
        follower->finished = true;
        follower->status = EXIT_SIGNAL + SIGPIPE;
    }
}

static void loop(struct follower *follower)
{
    while (!follower->finished && !follower->done) {
        struct future_message *message;
        int r = future_receive(follower->cli->client, 0, &message);

        if (r == -ETIMEDOUT) {
            sleep_for_news(follower);
            continue;
        }
        if (r < 0) {
            follower->finished = true;
            follower->status = cli_tell_failure(follower->cli, r);
            return;
        }
        if (message->kind == FUTURE_NOTIFICATION)
            take_event(follower, message);
        future_message_free(message);
    }
}

/* ---- from the beginning to the end ---- */

static int subscribe(struct follower *follower)
{
    struct writer params = {0};
    struct future_message *reply;
    int status;

    writer_begin_object(&params);
    writer_key(&params, "ids");
    writer_begin_array(&params);
    writer_uint(&params, follower->id);
    writer_end_array(&params);
    writer_key(&params, "events");
    cli_write_words(&params,
                    follower->progress.wanted || follower->cli->json
                        ? "output,running,done,progress"
                        : "output,running,done",
                    false);
    writer_end_object(&params);
    status = cli_call(follower->cli, "subscribe", &params, &reply);
    if (status == 0)
        future_message_free(reply);
    return status;
}

/* What the job told before the subscription is no event any more. */
static int show_progress(struct follower *follower)
{
    struct future_message *reply;
    int status;

    if (!follower->progress.wanted || follower->cli->json)
        return 0;
    status = cli_call_id(follower->cli, "status", follower->id, &reply);
    if (status != 0)
        return status;
    progress_line_show(&follower->progress, json_object_get(reply->result, "progress"));
    future_message_free(reply);
    return 0;
}

static int conclude(struct follower *follower)
{
    struct future_message *reply;
    const char *type;
    bool ended_by_us;
    int status;

    if (follower->finished)
        return follower->status;
    status = cli_call_id(follower->cli, "result", follower->id, &reply);
    if (status != 0)
        return status;
    type = cli_string(json_object_get(reply->result, "exception"), "type", "");
    ended_by_us = follower->signal != 0 && !json_object_get(reply->result, "result") &&
                  (!type[0] || strcmp(type, "Terminated") == 0);
    if (ended_by_us)
        status = ended_by(follower, follower->signal);
    else
        status = show_outcome(follower->cli, follower->future, reply, false);
    future_message_free(reply);
    return status;
}

int follow_future(struct cli *cli, uint64_t id, const struct interrupts *interrupts)
{
    struct follower follower = {
        .cli = cli, .id = id, .interrupts = interrupts ? interrupts->fd : -1};
    struct future_message *reply;
    int status = cli_call_id(cli, "status", id, &reply);
    bool is_map;

    if (status != 0)
        return status;
    is_map = json_object_get(reply->result, "map") != NULL;
    future_message_free(reply);
    if (is_map)
        return map_follow(cli, id);
    progress_line_init(&follower.progress);
    status = subscribe(&follower);
    if (status == 0)
        status = show_progress(&follower);
    if (status == 0) {
        loop(&follower);
        progress_line_hide(&follower.progress);
        status = conclude(&follower);
    }
    json_decref(follower.future);
    return status;
}

#include "client/map_run.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/map_items.h"
#include "client/map_report.h"
#include "client/map_show.h"
#include "client/map_window.h"
#include "client/outcome.h"
#include "proto/text.h"

enum { OUTPUT_BYTES = 65536, PATIENCE_MS = 200 };

enum feed_state {
    FEED_READING, /* items are to be read */
    FEED_ADDING,  /* the answer to map.add is to come */
    FEED_CLOSING, /* the answer to map.close is to come */
    FEED_OVER
};

struct map_run {
    struct cli *cli;
    uint64_t map_id;
    int input;
    bool discard; /* nobody wants the results here */
    enum feed_state feed;
    uint64_t feed_request;
    uint64_t total;
    uint64_t taken; /* messages so far */
    int status;     /* of what went wrong and was told; EXIT_FINE so far */
    struct item_reader *reader;
    struct map_window *window;
    struct map_report *report;
    size_t output_size; /* stdout's bytes that wait in `output` */
    char output[OUTPUT_BYTES];
};

struct map_run *map_run_new(struct cli *cli, uint64_t map_id, int input, char delimiter)
{
    struct map_run *run = calloc(1, sizeof(*run));

    if (!run)
        return NULL;
    run->cli = cli;
    run->map_id = map_id;
    run->input = input;
    run->feed = input < 0 ? FEED_OVER : FEED_READING;
    run->window = map_window_new();
    run->report = map_report_new();
    run->reader = input < 0 ? NULL : item_reader_new(input, delimiter);
    if (!run->window || !run->report || (input >= 0 && !run->reader)) {
        map_run_free(run);
        return NULL;
    }
    return run;
}

void map_run_free(struct map_run *run)
{
    if (!run)
        return;
    item_reader_free(run->reader);
    map_window_free(run->window);
    map_report_free(run->report);
    free(run);
}

int map_run_items(struct map_run *run, char **items, size_t count, uint64_t first)
{
    for (size_t i = 0; i < count; i++) {
        int r = map_window_push(run->window, items[i], strlen(items[i]), NULL);

        if (r < 0)
            return r;
    }
    map_window_assign(run->window, first, count);
    run->total += count;
    return 0;
}

/* ---- messages ---- */

static void fed(struct map_run *run, const struct future_message *reply)
{
    if (reply->kind == FUTURE_ERROR) {
        map_report_hide(run->report);
        run->status = cli_tell_error(run->cli, reply);
        return;
    }
    if (run->feed == FEED_CLOSING) {
        run->feed = FEED_OVER;
        return;
    }
    if (!run->discard)
        map_window_assign(run->window, cli_uint(reply->result, "first"),
                          cli_uint(reply->result, "count"));
    run->feed = FEED_READING;
}

/* Takes in what is there, without waiting, until an item's turn has come: it is to be written
 * before answers behind it fill the memory. */
static void take_messages(struct map_run *run)
{
    struct future_message *message;
    int r;

    while (run->status == EXIT_FINE &&
           (r = future_receive(run->cli->client, 0, &message)) != -ETIMEDOUT) {
        if (r < 0) {
            map_report_hide(run->report);
            run->status = cli_tell_failure(run->cli, r);
            return;
        }
        run->taken++;
        if (map_window_accept(run->window, message)) {
            if (map_window_ready(run->window))
                return;
            continue;
        }
        if (message->kind != FUTURE_NOTIFICATION &&
            (message->request_id == run->feed_request || message->request_id == 0))
            fed(run, message);
        future_message_free(message);
    }
}

/* ---- output ---- */

/* Writes to the descriptor, and takes answers in while it is blocked for long: a reader of ours
 * that is slow must not make the daemon think that we are gone. A pipe that is ready takes PIPE_BUF
 * bytes without blocking. */
static int write_patiently(struct map_run *run, int fd, const char *data, size_t size)
{
    struct stat info;
    bool may_block = fstat(fd, &info) == 0 && !S_ISREG(info.st_mode);

    while (may_block && size > 0 && run->status == EXIT_FINE) {
        struct pollfd ready[2] = {
            {.fd = fd, .events = POLLOUT},
            {.fd = future_fd(run->cli->client), .events = future_events(run->cli->client)}};
        size_t part = size < PIPE_BUF ? size : PIPE_BUF;

        /* Answers taken in too early may have to be asked for again: so a short block is waited
         * out. */
        int r = poll(ready, 1, PATIENCE_MS);

        if (r == 0)
            r = poll(ready, 2, -1);
        if (r < 0 && errno != EINTR)
            return -errno;
        if (r > 0 && ready[1].revents)
            take_messages(run);
        if (r > 0 && ready[0].revents) {
            r = cli_write(fd, data, part);
            if (r < 0)
                return r;
            data += part;
            size -= part;
        }
    }
    return cli_write(fd, data, size);
}

static int flush_output(struct map_run *run)
{
    size_t size = run->output_size;

    run->output_size = 0;
    if (size == 0)
        return 0;
    map_report_hide(run->report);
    return write_patiently(run, STDOUT_FILENO, run->output, size);
}

/* Small pieces for stdout are collected; stderr keeps its place among them. */
static int sink(void *context, int fd, const void *data, size_t size)
{
    struct map_run *run = context;
    int r = 0;

    if (fd != STDOUT_FILENO || size > sizeof(run->output) - run->output_size)
        r = flush_output(run);
    if (r < 0)
        return r;
    if (fd != STDOUT_FILENO || size > sizeof(run->output)) {
        map_report_hide(run->report);
        return write_patiently(run, fd, data, size);
    }
    memcpy(run->output + run->output_size, data, size);
    run->output_size += size;
    return 0;
}

static int write_json(struct map_run *run, const struct map_item *item, const char *why)
{
    struct writer line = {0};
    int r = -ENOMEM;

    map_item_json(item, map_report_index(run->report), why, &line);
    if (!writer_failed(&line))
        r = sink(run, STDOUT_FILENO, line.data, line.size);
    writer_free(&line);
    return r;
}

static int write_item(struct map_run *run, const struct map_item *item, const char *why)
{
    if (run->cli->json)
        return write_json(run, item, why);
    if (item->state == ITEM_REFUSED || item->reply->kind == FUTURE_ERROR)
        return 0;
    if (outcome_truncated(item->reply->result)) {
        map_report_hide(run->report);
        cli_warn(run->cli, "the output of item %llu was longer than the daemon keeps",
                 (unsigned long long)map_report_index(run->report));
    }
    return outcome_write_streams(item->reply->result, sink, run);
}

/* Everything whose turn has come. */
static void write_ready(struct map_run *run)
{
    const struct map_item *item;
    char why[512];
    int r = 0;

    while (r == 0 && run->status == EXIT_FINE && (item = map_window_ready(run->window))) {
        map_item_why(item, why, sizeof(why));
        r = write_item(run, item, why);
        map_report_item(run->report, item, why);
        map_window_pop(run->window);
    }
    if (r == 0)
        r = flush_output(run);
    if (r < 0 && run->status == EXIT_FINE) {
        map_report_hide(run->report);
        run->status =
            r == -EPIPE ? EXIT_SIGNAL + SIGPIPE : cli_fail_errno(run->cli, r, "writing the output");
    }
}

/* ---- input ---- */

static const char *refusal(const char *text, size_t size, bool too_long)
{
    if (too_long)
        return "the item is longer than an argument may be";
    if (memchr(text, '\0', size))
        return "the item holds a NUL byte";
    return utf8_valid(text, size) ? NULL : "the item is not valid UTF-8";
}

/* The items that are in the reader's buffer, as params of map.add. Returns how many of them are
 * to be sent. */
static size_t collect(struct map_run *run, struct writer *params)
{
    const char *text;
    size_t size, count = 0;
    bool too_long;

    writer_begin_object(params);
    writer_key(params, "id");
    writer_uint(params, run->map_id);
    writer_key(params, "items");
    writer_begin_array(params);
    while (run->status == EXIT_FINE && item_reader_next(run->reader, &text, &size, &too_long)) {
        const char *why_not = refusal(text, size, too_long);

        if (!why_not) {
            writer_string(params, text, size);
            count++;
        } else if (run->discard) {
            run->status =
                cli_fail(run->cli, "item %llu: %s", (unsigned long long)run->total, why_not);
        }
        run->total++;
        if (!run->discard && map_window_push(run->window, text, size, why_not) < 0)
            run->status = cli_fail_errno(run->cli, -ENOMEM, "reading items");
    }
    writer_end_array(params);
    writer_end_object(params);
    return count;
}

static void close_map(struct map_run *run)
{
    struct writer params = {0};

    writer_begin_object(&params);
    writer_key(&params, "id");
    writer_uint(&params, run->map_id);
    writer_end_object(&params);
    run->feed = FEED_CLOSING;
    run->status = cli_send(run->cli, "map.close", &params, &run->feed_request);
}

/* One read, and what came of it on its way to the daemon. At the end the last item may lack its
 * delimiter; the map is closed when a further read says the end again. */
static void feed(struct map_run *run)
{
    struct writer params = {0};
    int r = item_reader_fill(run->reader);
    size_t count;

    if (r < 0) {
        run->status = cli_fail_errno(run->cli, r, "reading items");
        return;
    }
    count = collect(run, &params);
    if (run->status == EXIT_FINE && count > 0) {
        run->feed = FEED_ADDING;
        run->status = cli_send(run->cli, "map.add", &params, &run->feed_request);
    } else if (run->status == EXIT_FINE && r == 0) {
        close_map(run);
    }
    writer_free(&params);
}

/* ---- the loop ---- */

/* Sleeps until something can be done, and feeds where that is it. */
static void wait_and_feed(struct map_run *run)
{
    bool wants_items = run->feed == FEED_READING && !map_window_full(run->window);
    struct pollfd ready[2] = {
        {.fd = future_fd(run->cli->client), .events = future_events(run->cli->client)},
        {.fd = wants_items ? run->input : -1, .events = POLLIN}};

    if (poll(ready, 2, -1) < 0 && errno != EINTR) {
        run->status = cli_fail_errno(run->cli, -errno, "waiting");
        return;
    }
    if (ready[1].revents)
        feed(run);
}

int map_run_feed(struct map_run *run)
{
    run->discard = true;
    while (run->status == EXIT_FINE && run->feed != FEED_OVER) {
        wait_and_feed(run);
        take_messages(run);
    }
    return run->status;
}

/* Asks, takes in and writes as long as that leads on. False when it is over. */
static bool move_on(struct map_run *run)
{
    uint64_t taken;

    do {
        int r = map_window_ask(run->window, run->cli->client);

        if (r < 0)
            run->status = cli_tell_failure(run->cli, r);
        taken = run->taken;
        take_messages(run);
        write_ready(run);
        map_report_total(run->report, run->total, run->feed == FEED_OVER);
        if (run->status != EXIT_FINE || (run->feed == FEED_OVER && map_window_empty(run->window)))
            return false;
        /* A message may be what lets more be asked; the sleep must not come before that. */
    } while (run->taken != taken);
    return true;
}

int map_run_finish(struct map_run *run)
{
    while (run->status == EXIT_FINE && move_on(run)) {
        map_report_show(run->report);
        wait_and_feed(run);
    }
    map_report_summary(run->report, run->cli, run->map_id);
    if (run->status != EXIT_FINE)
        return run->status;
    return map_report_failed(run->report) > 0 ? EXIT_SOME_FAILED : EXIT_FINE;
}

#include "client/map/map_run_impl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/show/outcome.h"

static bool take_in(void *context);

static int prepare(struct map_run *run, struct cli *cli, const struct map_run_settings *settings)
{
    const struct map_window_settings window = {
        .unordered = settings->unordered,
        .ends = settings->jobs > 0 || settings->halt.when != HALT_NEVER || settings->joblog,
        .times = settings->joblog != NULL};

    *run = (struct map_run){.cli = cli, .settings = settings, .is_exec = !settings->is_function};
    run->feed = settings->source ? FEED_READING : FEED_OVER;
    run->window = map_window_new(&window);
    run->report = map_report_new(settings->bar);
    run->output = run->report ? map_output_new(cli, run->report, take_in, run) : NULL;
    return run->window && run->output ? 0 : cli_fail_errno(cli, -ENOMEM, "the map");
}

static void release(struct map_run *run)
{
    map_output_free(run->output);
    map_report_free(run->report);
    map_window_free(run->window);
    id_spans_clear(&run->forgettable);
}

void map_run_fail(struct map_run *run, int error, const char *what)
{
    map_report_hide(run->report);
    if (run->status == EXIT_FINE)
        run->status = cli_fail_errno(run->cli, error, what);
}

/* ---- halting ---- */

/* Cancels what waits and, for "now", ends what runs; no further item is read. */
static void halt(struct map_run *run)
{
    struct writer params = {0};

    run->halted = true;
    if (run->feed == FEED_READING)
        run->feed = FEED_OVER;
    writer_begin_object(&params);
    writer_key(&params, "id");
    writer_uint(&params, run->settings->map_id);
    writer_key(&params, "terminate");
    writer_bool(&params, run->settings->halt.when == HALT_NOW);
    writer_key(&params, "reason");
    writer_cstring(&params, "halted");
    writer_end_object(&params);
    run->status = cli_send(run->cli, "cancel", &params, &run->halt_request);
}

/* How many items there are; 0: that is not known so far. */
static uint64_t known_total(const struct map_run *run)
{
    const struct map_source *source = run->settings->source;
    uint64_t left_out = run->sequence - run->total;

    if (run->feed == FEED_CLOSING || run->feed == FEED_OVER)
        return run->total;
    return source && map_source_total(source) > 0 ? map_source_total(source) - left_out : 0;
}

static void halt_if_due(struct map_run *run)
{
    const struct map_halt *due = &run->settings->halt;
    uint64_t count = 0, total = known_total(run);

    if (due->when == HALT_NEVER || run->halted || run->status != EXIT_FINE)
        return;
    switch (due->of) {
    case HALT_FAIL:
        count = run->failed;
        break;
    case HALT_SUCCESS:
        count = run->succeeded;
        break;
    case HALT_DONE:
        count = run->failed + run->succeeded;
        break;
    }
    if (due->percent ? total > 0 && count * 100 >= due->count * total : count >= due->count)
        halt(run);
}

/* ---- the log ---- */

/* What GNU parallel writes for a job: its own status, -1 where it has none. */
static void job_ended(const json_t *reply, struct map_job *ret_job)
{
    const json_t *command = outcome_command(reply);
    const json_t *code = json_object_get(command, "exit_code");

    ret_job->signal = outcome_signal(command);
    ret_job->exit_value = json_is_integer(code) ? (int)json_integer_value(code)
                          : ret_job->signal > 0 ? 0
                                                : outcome_exit_status(reply, true);
    ret_job->received_bytes = json_string_length(json_object_get(command, "stdout"));
}

static void log_item(struct map_run *run, const struct map_item *item)
{
    struct map_job job = {.sequence = item->sequence, .started = item->started};
    struct writer command = {0};
    int r = -ENOMEM;

    if (!run->settings->joblog || item->state != ITEM_READY || item->reply->kind != FUTURE_REPLY ||
        item->started <= 0)
        return;
    job.runtime = item->finished - item->started;
    job_ended(item->reply->result, &job);
    map_template_command(run->settings->template, item->value, item->sequence, &command);
    writer_raw(&command, "", 1);
    if (!writer_failed(&command)) {
        job.command = command.data;
        r = map_joblog_add(run->settings->joblog, &job);
    }
    writer_free(&command);
    if (r < 0)
        map_run_fail(run, r, "writing the job log");
}

/* ---- messages ---- */

static void fed(struct map_run *run, const struct future_message *reply)
{
    if (reply->kind == FUTURE_ERROR && run->halted) {
        map_window_refuse_sent(run->window, "halted before it was taken");
        run->feed = FEED_OVER;
        return;
    }
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
    run->feed = run->halted ? FEED_OVER : FEED_READING;
}

/* Of a map that is followed: waits for it, or asks how it is. */
static void ask_of_map(struct map_run *run, bool wait)
{
    struct writer params = {0};
    char text[48];

    snprintf(text, sizeof(text), wait ? "{\"ids\":[%llu]}" : "{\"id\":%llu}",
             (unsigned long long)run->settings->map_id);
    writer_raw(&params, text, strlen(text));
    run->status = cli_send(run->cli, wait ? "wait" : "status", &params, &run->feed_request);
}

/* Of a map that is followed: an item is done. */
static void told(struct map_run *run, const struct future_message *message)
{
    const json_t *future = json_object_get(message->params, "future");
    int r;

    if (strcmp(message->method, "future.done") != 0 ||
        cli_uint(future, "item_of") != run->settings->map_id)
        return;
    r = map_window_place(run->window, cli_uint(future, "index"), cli_uint(future, "id"));
    if (r < 0)
        map_run_fail(run, r, "the map");
}

/* Of a map that is followed: it is done, which comes after what was told of its items; and then how
 * many these are. */
static void answered(struct map_run *run, const struct future_message *reply)
{
    int r;

    if (reply->kind == FUTURE_ERROR) {
        run->status = cli_tell_error(run->cli, reply);
    } else if (run->feed == FEED_ADDING) {
        run->feed = FEED_CLOSING;
        ask_of_map(run, false);
    } else {
        run->total = cli_uint(json_object_get(reply->result, "map"), "count");
        run->feed = FEED_OVER;
        r = map_window_complete(run->window, run->total, "the item was forgotten");
        if (r < 0)
            map_run_fail(run, r, "the map");
    }
}

void map_run_other_answer(struct map_run *run, const struct future_message *message)
{
    if (message->kind != FUTURE_NOTIFICATION && message->request_id != run->halt_request)
        run->forgets_answered++;
}

static void count_end(struct map_run *run, const json_t *reply)
{
    if (!outcome_failed(reply))
        run->succeeded++;
    else if (!run->halted || json_object_get(reply, "exception"))
        run->failed++; /* what a halt has cancelled has not failed */
    halt_if_due(run);
}

/* Counted as soon as it is answered, and before its place is given to another one: its times, which
 * the log wants, come later. */
static void over(struct map_run *run, struct map_item *item)
{
    if (item->state == ITEM_READY)
        log_item(run, item);
    if (!item->reply || item->counted)
        return;
    item->counted = true;
    if (item->reply->kind == FUTURE_REPLY)
        count_end(run, item->reply->result);
}

/* 1: the message was an item's; 0: it is to be freed here. */
static int take_message(struct map_run *run, struct future_message *message)
{
    struct map_item *item = NULL;
    int r = map_window_accept(run->window, run->cli->client, message, &item);

    if (r < 0) {
        map_report_hide(run->report);
        run->status = cli_tell_failure(run->cli, r);
        return 1;
    }
    if (r > 0) {
        if (item)
            over(run, item);
        return 1;
    }
    if (message->kind == FUTURE_NOTIFICATION) {
        if (run->following)
            told(run, message);
    } else if (message->request_id == run->feed_request || message->request_id == 0) {
        if (run->following)
            answered(run, message);
        else
            fed(run, message);
    } else {
        map_run_other_answer(run, message);
    }
    return 0;
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
        if (take_message(run, message) == 0)
            future_message_free(message);
        if (map_window_ready(run->window))
            return;
    }
}

static bool take_in(void *context)
{
    struct map_run *run = context;

    take_messages(run);
    return run->status == EXIT_FINE;
}

/* ---- the loop ---- */

/* Sleeps until something can be done, and reads where that is it. */
static void wait_and_read(struct map_run *run, bool wants_items)
{
    int input = wants_items ? map_source_fd(run->settings->source) : -1;
    struct pollfd ready[2] = {
        {.fd = future_fd(run->cli->client), .events = future_events(run->cli->client)},
        {.fd = input, .events = POLLIN}};

    if (poll(ready, 2, map_report_pause_ms(run->report)) < 0) {
        if (errno != EINTR)
            map_run_fail(run, -errno, "waiting");
        return;
    }
    if (ready[1].revents) {
        int r = map_source_fill(run->settings->source);

        if (r < 0)
            map_run_fail(run, r, "reading items");
    }
}

int map_feed(struct cli *cli, const struct map_run_settings *settings)
{
    struct map_run run;
    int status = prepare(&run, cli, settings);

    run.discard = true;
    while (status == 0 && run.status == EXIT_FINE && run.feed != FEED_OVER) {
        bool wants_items = map_run_feed(&run);

        if (run.status == EXIT_FINE && run.feed != FEED_OVER)
            wait_and_read(&run, wants_items);
        take_messages(&run);
    }
    if (status == 0)
        status = run.status;
    release(&run);
    return status;
}

/* Feeds, asks, takes in and writes as long as that leads on. False when it is over;
 * *ret_wants_items where items are to be read. */
static bool move_on(struct map_run *run, bool *ret_wants_items)
{
    uint64_t taken;
    bool wrote;

    do {
        int r;

        *ret_wants_items = map_run_feed(run);
        r = map_window_ask(run->window, run->cli->client);
        if (r < 0 && run->status == EXIT_FINE)
            run->status = cli_tell_failure(run->cli, r);
        taken = run->taken;
        take_messages(run);
        wrote = map_run_write(run);
        halt_if_due(run); /* the end of the input tells what a percentage is of */
        if (run->settings->source && map_source_total(run->settings->source) > 0)
            map_report_total(run->report, map_source_total(run->settings->source), true);
        else
            map_report_total(run->report, run->total, run->feed == FEED_OVER);
        if (run->status != EXIT_FINE || (run->feed == FEED_OVER && map_window_empty(run->window)))
            return false;
        /* A message, or a place that got free, may be what lets more be asked or read; the sleep
         * must not come before that. */
    } while (run->taken != taken || wrote);
    return true;
}

static int finish(struct map_run *run)
{
    bool wants_items;

    while (run->status == EXIT_FINE && move_on(run, &wants_items)) {
        map_report_show(run->report);
        wait_and_read(run, wants_items);
    }
    map_run_forget_rest(run);
    map_report_summary(run->report, run->cli, run->settings->map_id);
    if (run->halted && run->status == EXIT_FINE)
        cli_warn(run->cli, "halted: %llu items had failed, %llu had succeeded",
                 (unsigned long long)run->failed, (unsigned long long)run->succeeded);
    if (run->status != EXIT_FINE)
        return run->status;
    return map_report_failed(run->report) > 0 ? EXIT_SOME_FAILED : EXIT_FINE;
}

int map_run(struct cli *cli, const struct map_run_settings *settings)
{
    struct map_run run;
    int status = prepare(&run, cli, settings);

    if (status == 0)
        status = finish(&run);
    release(&run);
    return status;
}

/* ---- somebody else's map ---- */

static int ask(struct cli *cli, const char *method, const char *text,
               struct future_message **ret_reply)
{
    struct writer params = {0};

    writer_raw(&params, text, strlen(text));
    return cli_call(cli, method, &params, ret_reply);
}

int map_follow(struct cli *cli, uint64_t map_id)
{
    const struct map_run_settings settings = {.map_id = map_id, .bar = BAR_OFF, .keep = true};
    struct future_message *reply;
    struct map_run run;
    char text[80];
    int status = prepare(&run, cli, &settings);

    snprintf(text, sizeof(text), "{\"id\":%llu}", (unsigned long long)map_id);
    run.following = true;
    run.feed = FEED_ADDING;
    if (status == 0)
        status = ask(cli, "status", text, &reply);
    if (status == 0) {
        run.is_exec = strcmp(cli_string(reply->result, "fn", ""), "exec") == 0;
        future_message_free(reply);
        /* An item's place is in what is told of it, and nowhere else. */
        snprintf(text, sizeof(text), "{\"all\":true,\"since\":0,\"item_of\":%llu}",
                 (unsigned long long)map_id);
        status = ask(cli, "subscribe", text, &reply);
    }
    if (status == 0) {
        future_message_free(reply);
        ask_of_map(&run, true);
        status = finish(&run);
    }
    release(&run);
    return status;
}

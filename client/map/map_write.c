#include "client/map/map_run_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/map/map_show.h"
#include "client/show/outcome.h"

enum { FORGET_AT_ONCE = 1000 };

/* ---- output ---- */

struct tagging {
    struct map_run *run;
    const struct map_item *item;
};

/* Each line behind the item and a tab. */
static int write_tagged(void *context, int fd, const void *data, size_t size)
{
    const struct tagging *tagging = context;
    const struct map_value *value = tagging->item->value;
    const char *from = data, *end = from + size;
    struct writer lines = {0};
    int r = -ENOMEM;

    while (from < end) {
        const char *feed = memchr(from, '\n', (size_t)(end - from));
        const char *next = feed ? feed + 1 : end;

        writer_raw(&lines, value->text, value->size);
        writer_raw(&lines, "\t", 1);
        writer_raw(&lines, from, (size_t)(next - from));
        from = next;
    }
    if (!writer_failed(&lines))
        r = map_output_write(tagging->run->output, fd, lines.data, lines.size);
    writer_free(&lines);
    return r;
}

static int write_json(struct map_run *run, const struct map_item *item, const char *why)
{
    struct writer line = {0};
    int r = -ENOMEM;

    map_item_json(item, why, &line);
    if (!writer_failed(&line))
        r = map_output_write(run->output, STDOUT_FILENO, line.data, line.size);
    writer_free(&line);
    return r;
}

/* The result of a function that is no command, as a line of JSON. */
static int write_result(struct map_run *run, const json_t *reply)
{
    const json_t *result = json_object_get(reply, "result");
    char *text = result ? json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    int r = 0;

    if (text)
        r = map_output_write(run->output, STDOUT_FILENO, text, strlen(text));
    if (text && r == 0)
        r = map_output_write(run->output, STDOUT_FILENO, "\n", 1);
    free(text);
    return r;
}

static int write_item(struct map_run *run, const struct map_item *item, const char *why)
{
    struct tagging tagging = {.run = run, .item = item};

    if (run->cli->json)
        return write_json(run, item, why);
    if (item->state == ITEM_REFUSED || item->reply->kind == FUTURE_ERROR)
        return 0;
    if (!run->is_exec)
        return write_result(run, item->reply->result);
    if (outcome_truncated(item->reply->result)) {
        map_report_hide(run->report);
        cli_warn(run->cli, "the output of item %llu was longer than the daemon keeps",
                 (unsigned long long)(item->sequence - 1));
    }
    if (run->settings->tag && item->value)
        return outcome_write_streams(item->reply->result, write_tagged, &tagging);
    return outcome_write_streams(item->reply->result, map_output_write, run->output);
}

/* ---- forgetting ---- */

static void send_forget(struct map_run *run)
{
    struct writer params = {0};
    uint64_t request;

    id_spans_merge(&run->forgettable);
    writer_begin_object(&params);
    writer_key(&params, "ids");
    id_spans_write(&run->forgettable, &params);
    writer_end_object(&params);
    id_spans_clear(&run->forgettable);
    run->forgettable_count = 0;
    run->status = cli_send(run->cli, "forget", &params, &request);
    run->forgets_sent += run->status == EXIT_FINE;
}

/* What succeeded and was written has done its duty: an endless map shall fill no daemon. */
static void forget(struct map_run *run, const struct map_item *item, const char *why)
{
    const struct id_span span = {item->id, item->id};

    if (run->settings->keep || why[0] || item->id == 0 ||
        id_spans_append(&run->forgettable, span) < 0)
        return;
    if (++run->forgettable_count >= FORGET_AT_ONCE)
        send_forget(run);
}

/* We leave when the daemon has answered all of them, the earlier ones too: what it has to fetch
 * from its store for one of them it drops when we hang up. Nothing is lost where it has. */
void map_run_forget_rest(struct map_run *run)
{
    struct future_message *message;

    if (run->forgettable_count > 0 && run->status == EXIT_FINE)
        send_forget(run);
    while (run->status == EXIT_FINE && run->forgets_answered < run->forgets_sent &&
           future_receive(run->cli->client, -1, &message) == 0) {
        map_run_other_answer(run, message);
        future_message_free(message);
    }
}

/* After a halt: it has not run, and nobody shall wonder why. */
static bool left_out(const struct map_run *run, const struct map_item *item)
{
    if (!run->halted || item->state == ITEM_REFUSED)
        return run->halted;
    return item->reply->kind == FUTURE_REPLY && !json_object_get(item->reply->result, "result") &&
           !json_object_get(item->reply->result, "exception");
}

bool map_run_write(struct map_run *run)
{
    bool wrote = false;
    struct map_item *item;
    char why[512];
    int r = 0;

    while (r == 0 && run->status == EXIT_FINE && (item = map_window_ready(run->window))) {
        wrote = true;
        map_item_why(item, why, sizeof(why));
        if (!left_out(run, item)) {
            r = write_item(run, item, why);
            map_report_item(run->report, item, why);
            if (!run->following)
                forget(run, item, why);
        }
        map_window_pop(run->window, item);
    }
    if (r == 0 && run->status == EXIT_FINE)
        r = map_output_flush(run->output);
    if (r < 0 && run->status == EXIT_FINE) {
        map_report_hide(run->report);
        run->status =
            r == -EPIPE ? EXIT_SIGNAL + SIGPIPE : cli_fail_errno(run->cli, r, "writing the output");
    }
    return wrote;
}

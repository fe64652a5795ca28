#include "client/tsp/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tsp/job.h"

enum { TAIL_LINES = 10, CHUNK_BYTES = 262144 };

/* ---- bytes ---- */

static int write_bytes(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(fd, data, size);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return tsp_fail("writing the output: %s", strerror(errno));
        data += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

/* Ends as the job did. `shown`: its output was, and what else there is to say about it is said. */
static int conclude(struct tsp *tsp, uint64_t id, bool shown)
{
    struct future_outcome *outcome;
    struct verdict verdict;
    int r = future_result(tsp->client, id, -1, &outcome);

    if (r < 0)
        return tsp_fail_call(tsp, r);
    verdict_of(outcome, &verdict);
    if (shown && outcome->kind == FUTURE_RAISED && !outcome->exec && !verdict.skipped)
        tsp_fail("%s", outcome->exception->message);
    if (shown && verdict.truncated)
        tsp_fail("job %" PRIu64 " wrote more than the daemon keeps (its limit output_bytes): the "
                 "rest is lost",
                 id);
    future_outcome_free(outcome);
    return verdict_exit_status(&verdict);
}

/* ---- both streams, as they are written ---- */

static int take_event(const struct future_message *message, bool *ret_done)
{
    struct future_event *event;
    int r = future_read_event(message, &event);
    int status = 0;

    if (r < 0)
        return tsp_fail("%s", future_failure_text(r));
    if (event->kind == FUTURE_OUTPUT)
        status = write_bytes(event->stream == FUTURE_STDERR ? STDERR_FILENO : STDOUT_FILENO,
                             event->bytes.data, event->bytes.size);
    *ret_done = event->kind == FUTURE_DONE;
    future_event_free(event);
    return status;
}

static int follow(struct tsp *tsp, uint64_t id)
{
    struct future_span span = {id, id};
    struct future_subscription subscription = {.size = sizeof(subscription),
                                               .spans = &span,
                                               .span_count = 1,
                                               .events = FUTURE_OUTPUT | FUTURE_DONE};
    uint64_t number;
    bool done = false;
    int status = 0, r = future_subscribe(tsp->client, &subscription, -1, &number);

    while (r == 0 && status == 0 && !done) {
        struct future_message *message;

        r = future_receive(tsp->client, -1, &message);
        if (r < 0)
            break;
        if (message->kind == FUTURE_NOTIFICATION)
            status = take_event(message, &done);
        future_message_free(message);
    }
    return r < 0 ? tsp_fail_call(tsp, r) : status;
}

int output_run(struct tsp *tsp, uint64_t id)
{
    struct future_span span = {id, id};
    int status = tsp->unstored ? follow(tsp, id) : 0;

    if (status == 0)
        status = conclude(tsp, id, tsp->unstored);
    if (tsp->unstored)
        (void)future_forget(tsp->client, &span, 1, -1, NULL);
    return status;
}

/* ---- what was stored ---- */

/* The job whose output is to be shown; refuses where there is none. */
static int find_output(struct tsp *tsp, const char *verb, uint64_t *ret_id)
{
    struct future_info *info;
    struct verdict verdict = {0};
    struct job_name name;
    int status = job_target(tsp, JOB_LAST_RUN, &info);

    if (status != 0)
        return status;
    status = job_refuse_idle(tsp, info);
    if (status != 0)
        goto out;
    if (info->state == FUTURE_FINISHED && info->failed) {
        status = job_verdict(tsp, info->id, &verdict);
        if (status == 0 && verdict.skipped)
            status = job_refuse_skipped(tsp);
        if (status != 0)
            goto out;
    }
    job_name_parse(info->label, &name);
    if (name.unstored) {
        fprintf(stderr, "The output is not stored. Cannot %s.\n", verb);
        status = TSP_FAILED;
        goto out;
    }
    *ret_id = info->id;
out:
    future_info_free(info);
    return status;
}

/* From the offset to the end, waiting for what is written meanwhile. */
static int show_from(struct tsp *tsp, uint64_t id, uint64_t offset)
{
    bool end = false;
    int status = 0;

    while (status == 0 && !end) {
        struct future_chunk *chunk;
        int r = future_output(tsp->client, id, FUTURE_STDOUT, offset, CHUNK_BYTES, -1, &chunk);

        if (r < 0)
            return tsp_fail_call(tsp, r);
        status = write_bytes(STDOUT_FILENO, chunk->bytes.data, chunk->bytes.size);
        offset = chunk->next;
        end = chunk->end;
        future_chunk_free(chunk);
    }
    return status == 0 ? conclude(tsp, id, true) : status;
}

int tsp_cat(struct tsp *tsp)
{
    uint64_t id;
    int status = find_output(tsp, "cat", &id);

    return status != 0 ? status : show_from(tsp, id, 0);
}

/* Where the lines that `tail` shows begin; `offsets` are the beginnings of the last lines, a ring.
 */
struct tail {
    uint64_t begins[TAIL_LINES];
    uint64_t lines; /* begun so far */
    bool at_begin;  /* the next byte begins a line */
};

static void tail_take(struct tail *tail, const struct future_chunk *chunk)
{
    for (size_t i = 0; i < chunk->bytes.size; i++) {
        if (tail->at_begin)
            tail->begins[tail->lines++ % TAIL_LINES] = chunk->offset + i;
        tail->at_begin = chunk->bytes.data[i] == '\n';
    }
}

/* Reads what is there now. */
static int tail_find(struct tsp *tsp, uint64_t id, uint64_t *ret_offset)
{
    struct tail tail = {.at_begin = true};
    uint64_t offset = 0;
    bool more = true;

    while (more) {
        struct future_chunk *chunk;
        int r = future_output(tsp->client, id, FUTURE_STDOUT, offset, CHUNK_BYTES, 0, &chunk);

        if (r < 0)
            return tsp_fail_call(tsp, r);
        tail_take(&tail, chunk);
        more = chunk->bytes.size > 0 && !chunk->end;
        offset = chunk->next;
        future_chunk_free(chunk);
    }
    /* The oldest of the ring is where the next one would go. */
    *ret_offset = tail.lines < TAIL_LINES ? 0 : tail.begins[tail.lines % TAIL_LINES];
    return 0;
}

int tsp_tail(struct tsp *tsp)
{
    uint64_t id, offset = 0;
    int status = find_output(tsp, "tail", &id);

    if (status == 0)
        status = tail_find(tsp, id, &offset);
    return status != 0 ? status : show_from(tsp, id, offset);
}

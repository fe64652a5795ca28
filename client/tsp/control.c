/* Task Spooler's orders to the queue: wait, kill, remove, clear, slots, stop. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/tsp/job.h"
#include "client/tsp/pool.h"

enum { FORGET_JOBS = 10000, FORGET_ROUNDS = 10 };

/* Task Spooler sends TERM and leaves the job alone after that. */
#define NO_KILL_MS (365 * INT64_C(86400000))

int tsp_wait(struct tsp *tsp)
{
    struct future_info *info;
    struct verdict verdict;
    int status = job_target(tsp, JOB_LAST_ADDED, &info);

    if (status == 0 && !info)
        return job_refuse(tsp, "waited");
    if (status == 0)
        status = job_verdict(tsp, info->id, &verdict);
    if (status == 0)
        status = verdict_exit_status(&verdict);
    future_info_free(info);
    return status;
}

static int terminate(struct tsp *tsp, uint64_t id, int64_t grace_ms)
{
    struct future_cancelling how = {
        .size = sizeof(how), .terminate = true, .signal = SIGTERM, .grace_ms = grace_ms};
    enum future_cancel_answer answer;
    int r = future_cancel(tsp->client, id, &how, -1, &answer);

    return r < 0 ? tsp_fail_call(tsp, r) : 0;
}

int tsp_kill(struct tsp *tsp)
{
    struct future_info *info;
    struct verdict verdict = {0};
    int status = job_target(tsp, JOB_LAST_RUN, &info);

    if (status == 0)
        status = job_refuse_idle(tsp, info);
    if (status == 0 && info->state == FUTURE_FINISHED && info->failed)
        status = job_verdict(tsp, info->id, &verdict);
    if (status == 0 && verdict.skipped)
        status = job_refuse_skipped(tsp);
    if (status == 0 && info->state == FUTURE_RUNNING)
        status = terminate(tsp, info->id, NO_KILL_MS);
    future_info_free(info);
    return status;
}

static int forget(struct tsp *tsp, uint64_t id)
{
    struct future_span span = {id, id};
    int r = future_forget(tsp->client, &span, 1, -1, NULL);

    return r < 0 ? tsp_fail_call(tsp, r) : 0;
}

/* 0: it waits no longer, and never will. */
static int cancel(struct tsp *tsp, uint64_t id)
{
    enum future_cancel_answer answer = FUTURE_NOT_CANCELLED;
    int r = future_cancel(tsp->client, id, NULL, -1, &answer);

    if (r < 0)
        return tsp_fail_call(tsp, r);
    return answer == FUTURE_IS_CANCELLED ? 0 : job_refuse(tsp, "removed"); /* it has just started */
}

int tsp_remove(struct tsp *tsp)
{
    struct future_info *info;
    int status = job_target(tsp, JOB_LAST_ADDED, &info);

    if (status != 0)
        return status;
    if (!info || info->state == FUTURE_RUNNING) {
        status = job_refuse(tsp, "removed");
        goto out;
    }
    if (info->state == FUTURE_PENDING)
        status = cancel(tsp, info->id);
    if (status == 0)
        status = forget(tsp, info->id);
out:
    future_info_free(info);
    return status;
}

/* ---- all of them ---- */

static int forget_all(struct tsp *tsp, const struct queue *queue, bool *ret_again)
{
    struct future_span *spans = calloc(FORGET_JOBS, sizeof(spans[0]));
    int status = 0;

    *ret_again = false;
    if (!spans)
        return tsp_fail_call(tsp, FUTURE_NO_MEMORY);
    for (size_t from = 0; status == 0 && !*ret_again && from < queue->count; from += FORGET_JOBS) {
        size_t count = queue->count - from < FORGET_JOBS ? queue->count - from : FORGET_JOBS;
        int r;

        for (size_t i = 0; i < count; i++)
            spans[i].first = spans[i].last = queue->jobs[from + i]->id;
        r = future_forget(tsp->client, spans, count, -1, NULL);
        /* Somebody else has removed one meanwhile, or retention has. */
        *ret_again = r == FUTURE_REFUSED;
        if (r < 0 && r != FUTURE_REFUSED)
            status = tsp_fail_call(tsp, r);
    }
    free(spans);
    return status;
}

int tsp_clear(struct tsp *tsp)
{
    bool again = true;
    int status = 0;

    for (int round = 0; status == 0 && again && round < FORGET_ROUNDS; round++) {
        struct queue queue;

        status = queue_load(tsp, 1u << FUTURE_FINISHED | 1u << FUTURE_CANCELLED, &queue);
        if (status == 0)
            status = forget_all(tsp, &queue, &again);
        queue_clear(&queue);
    }
    return status == 0 && again ? tsp_fail_call(tsp, FUTURE_REFUSED) : status;
}

int tsp_slots(struct tsp *tsp)
{
    uint64_t slots;
    int status;

    if (tsp->has_number)
        return pool_set(tsp, tsp->number);
    status = pool_slots(tsp, &slots);
    if (status == 0)
        printf("%" PRIu64 "\n", slots);
    return status;
}

/* ---- the end ---- */

static int cancel_pending(struct tsp *tsp, const struct queue *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        enum future_cancel_answer answer;
        int r = future_cancel(tsp->client, queue->jobs[i]->id, NULL, -1, &answer);

        if (r < 0 && r != FUTURE_REFUSED)
            return tsp_fail_call(tsp, r);
    }
    return 0;
}

static int end_running(struct tsp *tsp, const struct queue *queue)
{
    struct verdict verdict;
    int status = 0;

    for (size_t i = 0; i < queue->count && status == 0; i++)
        status = terminate(tsp, queue->jobs[i]->id, 0);
    for (size_t i = 0; i < queue->count && status == 0; i++)
        status = job_verdict(tsp, queue->jobs[i]->id, &verdict);
    return status;
}

/* Ends the jobs of the queue: those that wait first, so that none of them starts. */
static int end_jobs(struct tsp *tsp)
{
    struct queue queue;
    int status = queue_load(tsp, 1u << FUTURE_PENDING, &queue);

    if (status == 0)
        status = cancel_pending(tsp, &queue);
    queue_clear(&queue);
    if (status == 0)
        status = queue_load(tsp, 1u << FUTURE_RUNNING, &queue);
    if (status == 0)
        status = end_running(tsp, &queue);
    queue_clear(&queue);
    return status;
}

/* How many futures of anybody have not ended. */
static int count_open(struct tsp *tsp, uint64_t *ret_count)
{
    struct future_filter filter = {.size = sizeof(filter), .limit = 1};
    struct future_page *list;
    int r = future_list(tsp->client, &filter, -1, &list);

    if (r < 0)
        return tsp_fail_call(tsp, r);
    *ret_count = list->counts[FUTURE_PENDING] + list->counts[FUTURE_RUNNING];
    future_page_free(list);
    return 0;
}

/* The daemon's end is the end of the connection. */
static int await_end(struct tsp *tsp)
{
    struct future_message *message;
    int r;

    while ((r = future_receive(tsp->client, -1, &message)) == 0)
        future_message_free(message);
    return r == FUTURE_DISCONNECTED ? 0 : tsp_fail_call(tsp, r);
}

int tsp_stop(struct tsp *tsp)
{
    uint64_t open = 0;
    int status = end_jobs(tsp);
    int r;

    if (status == 0)
        status = count_open(tsp, &open);
    if (status != 0)
        return status;
    /* A daemon that works for others as well is not ours alone to end. */
    if (open > 0) {
        fprintf(stderr,
                "tsp: the daemon goes on, as it has other work; `future shutdown` ends it\n");
        return tsp_clear(tsp);
    }
    r = future_shutdown(tsp->client, FUTURE_SHUTDOWN_CANCEL, -1);
    if (r < 0 && r != FUTURE_DISCONNECTED)
        return tsp_fail_call(tsp, r);
    return await_end(tsp);
}

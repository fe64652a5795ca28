#include "client/tsp/job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_JOBS = 10000 };

static bool is_own(const struct future_info *info)
{
    return info->uid == geteuid() && info->item_of == 0 && strcmp(info->pool, TSP_POOL) == 0;
}

/* ---- the queue ---- */

static int add_page(struct queue *queue, struct future_page *page)
{
    struct future_page **pages =
        realloc(queue->pages, (queue->page_count + 1) * sizeof(struct future_page *));
    const struct future_info **jobs;

    if (pages)
        queue->pages = pages;
    jobs =
        realloc(queue->jobs, (queue->count + page->count + 1) * sizeof(const struct future_info *));
    if (jobs)
        queue->jobs = jobs;
    if (!pages || !jobs) {
        future_page_free(page);
        return FUTURE_NO_MEMORY;
    }
    queue->pages[queue->page_count++] = page;
    for (size_t i = 0; i < page->count; i++)
        if (is_own(page->futures[i]))
            queue->jobs[queue->count++] = page->futures[i];
    return 0;
}

int queue_load(struct tsp *tsp, unsigned states, struct queue *ret_queue)
{
    struct future_filter filter = {.size = sizeof(filter),
                                   .states = states,
                                   .pool = TSP_POOL,
                                   .no_items = true,
                                   .limit = PAGE_JOBS};
    struct queue queue = {0};
    struct future_page *page;
    int r;

    do {
        r = future_list(tsp->client, &filter, -1, &page);
        if (r == 0) {
            filter.before = page->next;
            r = add_page(&queue, page);
        }
        if (r < 0) {
            queue_clear(&queue);
            *ret_queue = queue;
            return tsp_fail_call(tsp, r);
        }
    } while (filter.before != 0);
    *ret_queue = queue;
    return 0;
}

void queue_clear(struct queue *queue)
{
    for (size_t i = 0; i < queue->page_count; i++)
        future_page_free(queue->pages[i]);
    free(queue->pages);
    free(queue->jobs);
    *queue = (struct queue){0};
}

static int job_find(struct tsp *tsp, uint64_t id, struct future_info **ret_info)
{
    struct future_info *info;
    int r = id == 0 ? FUTURE_REFUSED : future_status(tsp->client, id, -1, &info);

    *ret_info = NULL;
    if (r == FUTURE_REFUSED && id > 0) {
        int code = future_last_error(tsp->client)->code;

        if (code != FUTURE_CODE_NOT_FOUND && code != FUTURE_CODE_EXPIRED)
            return tsp_fail_call(tsp, r);
    }
    if (r == FUTURE_REFUSED)
        return 0;
    if (r < 0)
        return tsp_fail_call(tsp, r);
    if (is_own(info) && info->state != FUTURE_CANCELLED)
        *ret_info = info;
    else
        future_info_free(info);
    return 0;
}

int job_last_added(struct tsp *tsp, uint64_t *ret_id)
{
    struct future_filter filter = {.size = sizeof(filter),
                                   .states = 1u << FUTURE_PENDING | 1u << FUTURE_RUNNING |
                                             1u << FUTURE_FINISHED,
                                   .pool = TSP_POOL,
                                   .no_items = true,
                                   .limit = 1};

    *ret_id = 0;
    /* The first one nearly always; not where root sees other users' jobs before it. */
    do {
        struct future_page *page;
        int r = future_list(tsp->client, &filter, -1, &page);

        if (r < 0)
            return tsp_fail_call(tsp, r);
        for (size_t i = 0; i < page->count && *ret_id == 0; i++)
            if (is_own(page->futures[i]))
                *ret_id = page->futures[i]->id;
        filter.before = page->next;
        filter.limit = PAGE_JOBS;
        future_page_free(page);
    } while (*ret_id == 0 && filter.before != 0);
    return 0;
}

static int job_last_run(struct tsp *tsp, uint64_t *ret_id)
{
    const struct future_info *found = NULL;
    struct queue queue;
    int status = queue_load(tsp, 1u << FUTURE_RUNNING, &queue);

    for (size_t i = 0; i < queue.count; i++)
        if (!found || queue.jobs[i]->started_us < found->started_us)
            found = queue.jobs[i];
    *ret_id = found ? found->id : 0;
    queue_clear(&queue);
    if (status != 0 || *ret_id != 0)
        return status;
    status = queue_load(tsp, 1u << FUTURE_FINISHED, &queue);
    for (size_t i = 0; i < queue.count; i++)
        if (!found || queue.jobs[i]->finished_us > found->finished_us)
            found = queue.jobs[i];
    *ret_id = found ? found->id : 0;
    queue_clear(&queue);
    return status;
}

int job_target(struct tsp *tsp, enum job_choice otherwise, struct future_info **ret_info)
{
    uint64_t id = tsp->number;
    int status = 0;

    *ret_info = NULL;
    if (!tsp->has_number)
        status = otherwise == JOB_LAST_ADDED ? job_last_added(tsp, &id) : job_last_run(tsp, &id);
    return status != 0 || id == 0 ? status : job_find(tsp, id, ret_info);
}

/* ---- refusals ---- */

int job_refuse(const struct tsp *tsp, const char *participle)
{
    if (!tsp->has_number)
        return tsp_refuse("The last job cannot be %s.", participle);
    return tsp_refuse("The job %" PRIu64 " cannot be %s.", tsp->number, participle);
}

int job_refuse_idle(const struct tsp *tsp, const struct future_info *info)
{
    if (info && info->state != FUTURE_PENDING)
        return 0;
    if (!tsp->has_number)
        return tsp_refuse("No jobs.");
    return tsp_refuse("Job %" PRIu64 " not finished or not running.", tsp->number);
}

int job_refuse_skipped(const struct tsp *tsp)
{
    if (!tsp->has_number)
        return tsp_refuse("The last job was skipped due to a dependency.");
    return tsp_refuse("Job %" PRIu64 " was skipped due to a dependency.", tsp->number);
}

/* ---- what became of it ---- */

void verdict_of(const struct future_outcome *outcome, struct verdict *ret_verdict)
{
    const struct future_exec *exec = outcome->exec;
    struct verdict verdict = {.level = outcome->kind == FUTURE_RETURNED ? 0 : -1};

    if (exec) {
        verdict.level = exec->exit_code;
        verdict.signal = exec->signal;
        verdict.real_us = exec->wall_us;
        verdict.user_us = exec->utime_us;
        verdict.system_us = exec->stime_us;
        verdict.truncated = exec->truncated;
    }
    verdict.skipped =
        outcome->kind == FUTURE_RAISED && strcmp(outcome->exception->type, "DependencyFailed") == 0;
    *ret_verdict = verdict;
}

int verdict_exit_status(const struct verdict *verdict)
{
    return verdict->level < 0 ? TSP_FAILED : verdict->level;
}

int job_verdict(struct tsp *tsp, uint64_t id, struct verdict *ret_verdict)
{
    struct future_outcome *outcome;
    int r = future_exception(tsp->client, id, -1, &outcome);

    if (r < 0)
        return tsp_fail_call(tsp, r);
    verdict_of(outcome, ret_verdict);
    future_outcome_free(outcome);
    return 0;
}

/* Task Spooler's orders about the order: urge, swap. The daemon starts what has a higher priority
 * first, so a job gets its place by one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/tsp/job.h"

/* The first place in the queue: jobs that wait for others have one as well. */
static int64_t above_all(const struct queue *queue)
{
    int64_t highest = 0;

    for (size_t i = 0; i < queue->count; i++)
        if (queue->jobs[i]->priority > highest)
            highest = queue->jobs[i]->priority;
    return highest;
}

static bool is_first(const struct queue *queue, const struct future_info *info)
{
    for (size_t i = 0; i < queue->count; i++)
        if (queue->jobs[i]->priority > info->priority ||
            (queue->jobs[i]->priority == info->priority && queue->jobs[i]->id < info->id))
            return false;
    return true;
}

/* *ret_late where it waits no longer. */
static int set_priority(struct tsp *tsp, uint64_t id, int64_t priority, bool *ret_late)
{
    struct future_message *reply;
    char params[80];
    int status;

    *ret_late = false;
    snprintf(params, sizeof(params), "{\"ids\":[%" PRIu64 "],\"priority\":%" PRId64 "}", id,
             priority);
    status = tsp_call(tsp, "update", params, &reply);
    if (status != 0)
        return status;
    *ret_late = reply->kind == FUTURE_ERROR && (reply->error.code == FUTURE_CODE_INVALID_STATE ||
                                                reply->error.code == FUTURE_CODE_NOT_FOUND);
    if (reply->kind == FUTURE_ERROR && !*ret_late)
        status = tsp_fail_message(reply);
    future_message_free(reply);
    return status;
}

int tsp_urge(struct tsp *tsp)
{
    struct future_info *info;
    struct queue queue = {0};
    bool late = false;
    int status = job_target(tsp, JOB_LAST_ADDED, &info);

    if (status == 0 && info && info->state == FUTURE_PENDING) {
        status = queue_load(tsp, 1u << FUTURE_PENDING, &queue);
        if (status == 0 && !is_first(&queue, info))
            status = set_priority(tsp, info->id, above_all(&queue) + 1, &late);
    } else if (status == 0) {
        late = true;
    }
    if (status == 0 && late)
        status = job_refuse(tsp, "urged");
    queue_clear(&queue);
    future_info_free(info);
    return status;
}

/* ---- swap ---- */

static int compare(const void *a, const void *b)
{
    const struct future_info *one = *(const struct future_info *const *)a;
    const struct future_info *other = *(const struct future_info *const *)b;

    if (one->priority != other->priority)
        return one->priority > other->priority ? -1 : 1;
    return (one->id > other->id) - (one->id < other->id);
}

/* The job's place; queue->count: it is not there. */
static size_t place_of(const struct queue *queue, uint64_t id)
{
    size_t place = 0;

    while (place < queue->count && queue->jobs[place]->id != id)
        place++;
    return place;
}

/* Gives all up to the last one places above all others, from the front on: so at no time a job
 * overtakes another that it shall not. */
static int renumber(struct tsp *tsp, const struct queue *queue, size_t last, bool *ret_late)
{
    int64_t priority = above_all(queue) + (int64_t)last + 1;
    int status = 0;

    for (size_t i = 0; i <= last && status == 0 && !*ret_late; i++, priority--) {
        uint64_t id = queue->jobs[i]->id;
        bool late;

        status = set_priority(tsp, id, priority, &late);
        *ret_late = late && (id == tsp->number || id == tsp->other);
    }
    return status;
}

int tsp_swap(struct tsp *tsp)
{
    struct queue queue;
    bool late = false;
    int status = queue_load(tsp, 1u << FUTURE_PENDING, &queue);

    if (status == 0) {
        size_t one, other;

        if (queue.count > 0)
            qsort(queue.jobs, queue.count, sizeof(const struct future_info *), compare);
        one = place_of(&queue, tsp->number);
        other = place_of(&queue, tsp->other);
        late = one == queue.count || other == queue.count;
        if (!late) {
            const struct future_info *moved = queue.jobs[one];

            queue.jobs[one] = queue.jobs[other];
            queue.jobs[other] = moved;
            status = renumber(tsp, &queue, one > other ? one : other, &late);
        }
    }
    queue_clear(&queue);
    if (status == 0 && late)
        status = tsp_refuse("The jobs %" PRIu64 " and %" PRIu64 " cannot be swapped.", tsp->number,
                            tsp->other);
    return status;
}

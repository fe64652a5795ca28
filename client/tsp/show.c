/* What Task Spooler tells of jobs: the list, one job, its state, its process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/tsp/job.h"
#include "client/tsp/pool.h"

/* ---- the list ---- */

/* Those that run, those that wait in the order in which they will start, those that have ended in
 * the order in which they did. */
static int rank(const struct future_info *info)
{
    switch (info->state) {
    case FUTURE_RUNNING:
        return 0;
    case FUTURE_PENDING:
        return 1;
    case FUTURE_FINISHED:
    case FUTURE_CANCELLED:
        return 2;
    }
    return 2;
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare(const void *a, const void *b)
{
    const struct future_info *one = *(const struct future_info *const *)a;
    const struct future_info *other = *(const struct future_info *const *)b;
    int by = order(rank(one), rank(other));

    if (by == 0 && one->state == FUTURE_RUNNING)
        by = order(one->started_us, other->started_us);
    if (by == 0 && one->state == FUTURE_PENDING)
        by = order(other->priority, one->priority);
    if (by == 0 && one->state == FUTURE_FINISHED)
        by = order(one->finished_us, other->finished_us);
    return by != 0 ? by : order((int64_t)one->id, (int64_t)other->id);
}

static void print_name(const struct job_name *name, bool with_label)
{
    if (name->after > 0)
        printf("[%" PRIu64 "]&& ", name->after);
    else if (name->depends && with_label)
        fputs("&& ", stdout);
    if (name->label && with_label)
        printf("[%.*s]", (int)name->label_size, name->label);
    printf("%s\n", name->command);
}

static void print_open_row(const struct future_info *info, const struct job_name *name)
{
    printf("%-4" PRIu64 " %-10s %-20s %-8s %14s ", info->id,
           info->state == FUTURE_RUNNING ? "running" : "queued",
           name->unstored ? "stdout" : "(daemon)", "", "");
    print_name(name, true);
}

static void print_ended_row(const struct future_info *info, const struct job_name *name,
                            const struct verdict *verdict)
{
    if (verdict->skipped)
        printf("%-4" PRIu64 " %-10s %-20s %-8s %14s ", info->id, "skipped", "(no output)", "", "");
    else
        printf("%-4" PRIu64 " %-10s %-20s %-8i %0.2f/%0.2f/%0.2f ", info->id, "finished",
               name->unstored ? "stdout" : "(daemon)", verdict->level,
               (double)verdict->real_us / 1e6, (double)verdict->user_us / 1e6,
               (double)verdict->system_us / 1e6);
    print_name(name, true);
}

/* What the list of futures says of a command's end; nothing more has to be fetched. */
static void verdict_of_info(const struct future_info *info, struct verdict *ret_verdict)
{
    const json_t *exit_code = json_object_get(info->json, "exit_code");
    const json_t *usage = json_object_get(info->json, "rusage");
    struct verdict verdict = {.level = info->failed ? -1 : 0};

    if (exit_code)
        verdict.level = json_is_integer(exit_code) ? (int)json_integer_value(exit_code) : -1;
    verdict.real_us = (int64_t)(json_number_value(json_object_get(usage, "wall")) * 1e6);
    verdict.user_us = (int64_t)(json_number_value(json_object_get(usage, "utime")) * 1e6);
    verdict.system_us = (int64_t)(json_number_value(json_object_get(usage, "stime")) * 1e6);
    *ret_verdict = verdict;
}

static int print_row(struct tsp *tsp, const struct future_info *info)
{
    struct verdict verdict;
    struct job_name name;
    int r;

    job_name_parse(info->label, &name);
    if (info->state != FUTURE_FINISHED) {
        print_open_row(info, &name);
        return 0;
    }
    verdict_of_info(info, &verdict);
    /* Why it never started. */
    if (info->started_us == 0) {
        struct future_outcome *outcome;

        r = future_exception(tsp->client, info->id, 0, &outcome);
        if (r == FUTURE_REFUSED)
            return 0; /* somebody has removed it by now */
        if (r < 0)
            return tsp_fail_call(tsp, r);
        verdict_of(outcome, &verdict);
        future_outcome_free(outcome);
    }
    print_ended_row(info, &name, &verdict);
    return 0;
}

int tsp_list(struct tsp *tsp)
{
    struct queue queue;
    uint64_t slots, running = 0;
    int status = pool_slots(tsp, &slots);

    if (status == 0)
        status = queue_load(
            tsp, 1u << FUTURE_PENDING | 1u << FUTURE_RUNNING | 1u << FUTURE_FINISHED, &queue);
    if (status != 0)
        return status;
    for (size_t i = 0; i < queue.count; i++)
        running += queue.jobs[i]->state == FUTURE_RUNNING;
    printf("%-4s %-10s %-20s %-8s %-14s %s [run=%" PRIu64 "/%" PRIu64 "]\n", "ID", "State",
           "Output", "E-Level", "Times(r/u/s)", "Command", running, slots);
    if (queue.count > 0)
        qsort(queue.jobs, queue.count, sizeof(const struct future_info *), compare);
    for (size_t i = 0; i < queue.count && status == 0; i++)
        status = print_row(tsp, queue.jobs[i]);
    queue_clear(&queue);
    return status;
}

/* ---- one job ---- */

static void print_time(const char *what, int64_t time_us)
{
    time_t seconds = (time_t)(time_us / 1000000);
    char text[26];

    if (time_us > 0 && ctime_r(&seconds, text))
        printf("%s: %s", what, text);
}

static void print_end(const struct verdict *verdict)
{
    if (verdict->skipped)
        puts("Exit status: skipped");
    else if (verdict->signal > 0)
        printf("Exit status: killed by signal %i\n", verdict->signal);
    else
        printf("Exit status: died with exit code %i\n", verdict->level);
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void print_info(const struct future_info *info, const struct verdict *verdict)
{
    struct job_name name;

    job_name_parse(info->label, &name);
    if (info->state == FUTURE_FINISHED)
        print_end(verdict);
    fputs("Command: ", stdout);
    print_name(&name, false);
    puts("Slots required: 1");
    print_time("Enqueue time", info->submitted_us);
    print_time("Start time", info->started_us);
    if (info->state == FUTURE_RUNNING)
        printf("Time running: %fs\n", (double)(now_us() - info->started_us) / 1e6);
    if (info->state != FUTURE_FINISHED || info->started_us == 0)
        return;
    print_time("End time", info->finished_us);
    printf("Time run: %fs\n", (double)(info->finished_us - info->started_us) / 1e6);
}

int tsp_info(struct tsp *tsp)
{
    struct future_info *info;
    struct verdict verdict = {0};
    int status = job_target(tsp, JOB_LAST_RUN, &info);

    if (status != 0)
        return status;
    if (!info)
        return job_refuse_idle(tsp, info);
    if (info->state == FUTURE_FINISHED)
        status = job_verdict(tsp, info->id, &verdict);
    if (status == 0)
        print_info(info, &verdict);
    future_info_free(info);
    return status;
}

int tsp_state(struct tsp *tsp)
{
    struct future_info *info;
    struct verdict verdict = {0};
    int status = job_target(tsp, JOB_LAST_ADDED, &info);

    if (status != 0)
        return status;
    if (!info)
        return job_refuse(tsp, "stated");
    if (info->state == FUTURE_FINISHED && info->failed)
        status = job_verdict(tsp, info->id, &verdict);
    if (status == 0)
        switch (info->state) {
        case FUTURE_PENDING:
            puts("queued");
            break;
        case FUTURE_RUNNING:
            puts("running");
            break;
        case FUTURE_CANCELLED:
        case FUTURE_FINISHED:
            puts(verdict.skipped ? "skipped" : "finished");
            break;
        }
    future_info_free(info);
    return status;
}

int tsp_pid(struct tsp *tsp)
{
    struct future_info *info;
    pid_t pid = 0;
    int status = job_target(tsp, JOB_LAST_RUN, &info);

    if (status == 0)
        status = job_refuse_idle(tsp, info);
    if (status == 0)
        status = pool_pid(tsp, info->id, &pid);
    if (status == 0 && pid > 0)
        printf("%ld\n", (long)pid);
    else if (status == 0 && info->state == FUTURE_RUNNING)
        status = tsp_fail("job %" PRIu64 " has no process just now", info->id);
    else if (status == 0)
        status = tsp_fail("job %" PRIu64 " has ended, and its process id is not kept", info->id);
    future_info_free(info);
    return status;
}

/* The jobs of the queue: finding them, and what Task Spooler would say of them. One thread. */
#ifndef FUTURED_CLIENT_TSP_JOB_H
#define FUTURED_CLIENT_TSP_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "client/tsp/tsp.h"

/* ---- the queue ---- */

/* Futures of the pool that are the caller's own. */
struct queue {
    const struct future_info **jobs; /* malloc'd; they belong to the pages */
    size_t count;
    struct future_page **pages; /* malloc'd */
    size_t page_count;
};

/* Newest first; `states` are bits as in struct future_filter. 0 (the caller clears it) or an exit
 * status (*ret_queue is empty). */
int queue_load(struct tsp *tsp, unsigned states, struct queue *ret_queue);
void queue_clear(struct queue *queue);

/* The job that was added last: *ret_id is 0 where there is none. A cancelled one is none: Task
 * Spooler would have removed it. */
int job_last_added(struct tsp *tsp, uint64_t *ret_id);

/* The second: the first of those that run, else the one that ended last. */
enum job_choice { JOB_LAST_ADDED, JOB_LAST_RUN };
/* The job whose id was given, or the chosen one. *ret_info is the caller's; NULL: there is none. */
int job_target(struct tsp *tsp, enum job_choice otherwise, struct future_info **ret_info);

/* ---- refusals, in Task Spooler's words ---- */

/* "The job 7 cannot be stated." */
int job_refuse(const struct tsp *tsp, const char *participle);
/* Refuses a job that is not there or waits, as one that neither runs nor ran. 0: it does, or did.
 */
int job_refuse_idle(const struct tsp *tsp, const struct future_info *info);
int job_refuse_skipped(const struct tsp *tsp);

/* ---- what became of it ---- */

struct verdict {
    bool skipped;    /* it did not run, as another one failed */
    int level;       /* the exit code; -1: it did not exit */
    int signal;      /* that ended it; 0: none */
    int64_t real_us; /* from start to end; 0 where it is not known, as the next two */
    int64_t user_us, system_us;
    bool truncated; /* it wrote more than the daemon keeps */
};

void verdict_of(const struct future_outcome *outcome, struct verdict *ret_verdict);
/* What a command that ends as the job did returns. */
int verdict_exit_status(const struct verdict *verdict);

/* Waits until the job is done. The times of one that went well stay unknown. */
int job_verdict(struct tsp *tsp, uint64_t id, struct verdict *ret_verdict);

/* ---- its name ---- */

/* A future has a label and no other place for what Task Spooler remembers of a job: so the label is
 * what its list shows, "[7]&& [label]command", with "(stdout) " before it for -n. */
struct job_name {
    bool unstored;
    bool depends;      /* "&& " */
    uint64_t after;    /* 0: none */
    const char *label; /* borrowed, not terminated; NULL: none */
    size_t label_size;
    const char *command; /* borrowed */
};

/* NULL for the text means a future without a label. */
void job_name_parse(const char *text, struct job_name *ret_name);
/* The text, at most `limit` bytes, malloc'd; what is cut ends in "...". NULL: no memory. */
char *job_name_text(const struct tsp *tsp, bool depends, uint64_t after, size_t limit);

#endif

/* The log of a map's jobs in the format of GNU parallel's --joblog: tab-separated Seq, Host,
 * Starttime, JobRuntime, Send, Receive, Exitval, Signal and Command; and what such a log says of a
 * run before. One thread. */
#ifndef FUTURED_CLIENT_MAP_JOBLOG_H
#define FUTURED_CLIENT_MAP_JOBLOG_H

#include <stdbool.h>
#include <stdint.h>

struct map_joblog;

enum map_resume { RESUME_NOT, RESUME_UNFINISHED, RESUME_FAILED };

/* Opens the log: anew, or with RESUME_* to be gone on with. RESUME_UNFINISHED: what is in it is
 * not run again; RESUME_FAILED: only what succeeded is not. 0 or -errno. */
int map_joblog_open(const char *path, enum map_resume resume, struct map_joblog **ret_log);
/* Takes NULL. */
void map_joblog_close(struct map_joblog *log);

/* Must the item (from 1) not be run again? */
bool map_joblog_has(const struct map_joblog *log, uint64_t sequence);

struct map_job {
    uint64_t sequence;
    double started, runtime; /* s */
    uint64_t received_bytes; /* of stdout */
    int exit_value, signal;
    const char *command;
};

/* One line, written at once. 0 or -errno. */
int map_joblog_add(struct map_joblog *log, const struct map_job *job);

#endif

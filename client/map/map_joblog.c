#include "client/map/map_joblog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct map_joblog {
    FILE *file;
    unsigned char *done; /* a bit for each sequence number */
    size_t done_bytes;
};

static const char header[] =
    "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

static int mark(struct map_joblog *log, uint64_t sequence, bool done)
{
    size_t byte = (size_t)(sequence / 8);
    unsigned char bit = (unsigned char)(1u << (sequence % 8));

    if (sequence > UINT32_MAX)
        return -EINVAL;
    if (byte >= log->done_bytes) {
        size_t size = byte * 2 + 64;
        unsigned char *grown = realloc(log->done, size);

        if (!grown)
            return -ENOMEM;
        memset(grown + log->done_bytes, 0, size - log->done_bytes);
        log->done = grown;
        log->done_bytes = size;
    }
    if (done)
        log->done[byte] |= bit;
    else
        log->done[byte] &= (unsigned char)~bit;
    return 0;
}

/* A whole line: what it says of which job. A line that is none (the header) says nothing. */
static int take_line(struct map_joblog *log, const char *line, bool only_good)
{
    unsigned long long sequence;
    int exit_value, signal;
    double started, runtime;
    unsigned long long sent, received;

    if (sscanf(line, "%llu %*s %lf %lf %llu %llu %d %d", &sequence, &started, &runtime, &sent,
               &received, &exit_value, &signal) != 7)
        return 0;
    return mark(log, sequence, !only_good || (exit_value == 0 && signal == 0));
}

/* *ret_whole: the last line is complete. A line that is not was written by somebody who died. */
static int read_lines(struct map_joblog *log, bool only_good, bool *ret_whole)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int r = 0;

    *ret_whole = true;
    rewind(log->file);
    while (r == 0 && (size = getline(&line, &capacity, log->file)) > 0) {
        *ret_whole = line[size - 1] == '\n';
        if (*ret_whole)
            r = take_line(log, line, only_good);
    }
    if (r == 0 && ferror(log->file))
        r = -EIO;
    free(line);
    return r;
}

int map_joblog_open(const char *path, enum map_resume resume, struct map_joblog **ret_log)
{
    struct map_joblog *log = calloc(1, sizeof(*log));
    bool whole = true, empty = true;
    int r = 0;

    if (!log)
        return -ENOMEM;
    log->file = fopen(path, resume == RESUME_NOT ? "we" : "a+e");
    if (!log->file)
        r = -errno;
    if (r == 0 && resume != RESUME_NOT) {
        r = read_lines(log, resume == RESUME_FAILED, &whole);
        empty = r == 0 && fseek(log->file, 0, SEEK_END) == 0 && ftell(log->file) == 0;
    }
    if (r == 0 && !whole)
        fputc('\n', log->file);
    if (r == 0 && empty)
        fputs(header, log->file);
    if (r == 0 && fflush(log->file) != 0)
        r = -errno;
    if (r < 0) {
        map_joblog_close(log);
        return r;
    }
    *ret_log = log;
    return 0;
}

void map_joblog_close(struct map_joblog *log)
{
    if (!log)
        return;
    if (log->file)
        fclose(log->file);
    free(log->done);
    free(log);
}

bool map_joblog_has(const struct map_joblog *log, uint64_t sequence)
{
    size_t byte = (size_t)(sequence / 8);

    return byte < log->done_bytes && (log->done[byte] & (1u << (sequence % 8)));
}

int map_joblog_add(struct map_joblog *log, const struct map_job *job)
{
    fprintf(log->file, "%llu\t:\t%14.3f\t%10.3f\t0\t%llu\t%d\t%d\t%s\n",
            (unsigned long long)job->sequence, job->started, job->runtime,
            (unsigned long long)job->received_bytes, job->exit_value, job->signal, job->command);
    return fflush(log->file) != 0 ? -errno : 0;
}

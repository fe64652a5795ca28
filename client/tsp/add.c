/* A new job: its call is what Task Spooler would run, in this directory and this environment. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tsp/job.h"
#include "client/tsp/output.h"
#include "client/tsp/pool.h"
#include "proto/text.h"

extern char **environ;

enum { LABEL_BYTES = 256 };

/* ---- the environment ---- */

static bool is_before(char **end, const char *entry, size_t name_size)
{
    for (char **other = environ; other < end; other++)
        if (strncmp(*other, entry, name_size + 1) == 0)
            return true;
    return false;
}

/* What can travel: variables with a name, each once (the first counts, as for getenv), in UTF-8. */
static const char **environment_take(void)
{
    size_t count = 0;
    const char **taken;

    for (char **entry = environ; *entry; entry++)
        count++;
    taken = calloc(count + 1, sizeof(taken[0]));
    if (!taken)
        return NULL;
    count = 0;
    for (char **entry = environ; *entry; entry++) {
        const char *equals = strchr(*entry, '=');

        if (!equals || equals == *entry || is_before(entry, *entry, (size_t)(equals - *entry)))
            continue;
        if (utf8_valid(*entry, strlen(*entry)))
            taken[count++] = *entry;
        else
            tsp_fail("the job goes without the variable %.*s, which is not valid UTF-8",
                     utf8_valid(*entry, (size_t)(equals - *entry)) ? (int)(equals - *entry) : 0,
                     *entry);
    }
    return taken;
}

static void warn_of_variables(void)
{
    static const char *const unsupported[] = {"TS_ONFINISH", "TS_ENV", "TS_SAVELIST",
                                              "TS_MAXFINISHED"};

    for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
        if (getenv(unsupported[i]))
            tsp_fail("%s is set, but futured does nothing with it (see future-tsp(1))",
                     unsupported[i]);
}

/* ---- submitting ---- */

/* What -d and -D say. *ret_after is 0 where nothing is waited for. */
static int find_dependency(struct tsp *tsp, uint64_t *ret_after)
{
    *ret_after = tsp->after;
    return tsp->after_last && !tsp->has_after ? job_last_added(tsp, ret_after) : 0;
}

/* Submits once with a label of that length. */
static int submit_once(struct tsp *tsp, struct future_job *job, size_t label_bytes,
                       uint64_t *ret_id)
{
    bool depends = tsp->after_last || tsp->has_after;
    char *label =
        job_name_text(tsp, depends, job->after_count > 0 ? job->after->id : 0, label_bytes);
    int r;

    if (!label)
        return FUTURE_NO_MEMORY;
    job->label = label;
    r = future_submit(tsp->client, job, -1, ret_id);
    free(label);
    return r;
}

static int fail_submit(struct tsp *tsp, const struct future_job *job, int r)
{
    int code = future_last_error(tsp->client)->code;

    if (r == FUTURE_REFUSED && job->after_count > 0 &&
        (code == FUTURE_CODE_NOT_FOUND || code == FUTURE_CODE_EXPIRED))
        return tsp_refuse("Job %" PRIu64 " is not in the list: a job that waits for it never runs.",
                          job->after->id);
    return tsp_fail_call(tsp, r);
}

/* Submits, and makes the pool where it is not there. */
static int submit(struct tsp *tsp, struct future_job *job, uint64_t *ret_id)
{
    size_t label_bytes = LABEL_BYTES;
    bool made = false;
    int status, r;

    while ((r = submit_once(tsp, job, label_bytes, ret_id)) < 0) {
        const struct future_error *error = future_last_error(tsp->client);

        if (r != FUTURE_REFUSED)
            return tsp_fail_call(tsp, r);
        if (error->limit && strcmp(error->limit, "label_bytes") == 0 &&
            error->limit_value < label_bytes) {
            label_bytes = (size_t)error->limit_value;
            continue;
        }
        if (made || !error->param || strcmp(error->param, "pool") != 0)
            return fail_submit(tsp, job, r);
        made = true;
        status = pool_set(tsp, pool_first_slots());
        if (status != 0)
            return status;
    }
    return 0;
}

/* What happens to the job after it was taken. */
static int stay(struct tsp *tsp, uint64_t id)
{
    if (!tsp->unstored) {
        printf("%" PRIu64 "\n", id);
        fflush(stdout);
    }
    return tsp->foreground ? output_run(tsp, id) : 0;
}

int tsp_add(struct tsp *tsp)
{
    struct future_dependency after = {.on = FUTURE_ON_RESULT};
    struct future_job job = {.size = sizeof(job),
                             .argv = (const char *const *)tsp->argv,
                             .clean_env = true,
                             .merge_stderr = !tsp->unstored,
                             .pool = TSP_POOL,
                             .after = &after,
                             .scope_connection = tsp->foreground};
    char *directory = getcwd(NULL, 0);
    const char **environment = NULL;
    uint64_t id = 0;
    int status;

    if (!directory)
        return tsp_fail("the current directory: %s", strerror(errno));
    warn_of_variables();
    environment = environment_take();
    if (!environment) {
        status = tsp_fail("%s", strerror(ENOMEM));
        goto out;
    }
    job.cwd = directory;
    job.env = environment;
    status = find_dependency(tsp, &after.id);
    job.after_count = after.id > 0;
    if (status == 0)
        status = submit(tsp, &job, &id);
    if (status == 0)
        status = stay(tsp, id);
out:
    free(environment);
    free(directory);
    return status;
}

#include "client/show/prometheus.h"

#include <stdint.h>
#include <string.h>

#include "client/cli/cli.h"

/* All samples of one name stand together behind its HELP and TYPE, as the format wants it. */
static void begin(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value between its quotes. */
static void print_label(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            fputs("\\n", out);
        else if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void print_value(FILE *out, const json_t *value)
{
    if (json_is_boolean(value))
        fprintf(out, " %d\n", json_is_true(value));
    else if (json_is_integer(value))
        fprintf(out, " %lld\n", (long long)json_integer_value(value));
    else
        fprintf(out, " %.17g\n", json_number_value(value));
}

/* NAME{LABEL="TEXT",OTHER="WORD"} VALUE; the second label where `other` is not NULL. */
static void print_sample(FILE *out, const char *name, const char *label, const char *text,
                         const char *other, const char *word, const json_t *value)
{
    fputs(name, out);
    if (label) {
        fprintf(out, "{%s=\"", label);
        print_label(out, text);
        fputc('"', out);
        if (other)
            fprintf(out, ",%s=\"%s\"", other, word);
        fputc('}', out);
    }
    print_value(out, value);
}

/* One number of the whole daemon. */
static void print_single(FILE *out, const json_t *object, const char *member, const char *name,
                         const char *type, const char *help)
{
    const json_t *value = json_object_get(object, member);

    if (!value)
        return;
    begin(out, name, type, help);
    print_sample(out, name, NULL, NULL, NULL, NULL, value);
}

/* The members of an object, each as a label. */
static void print_members(FILE *out, const json_t *object, const char *name, const char *label,
                          const char *help)
{
    begin(out, name, "counter", help);
    /* The iterator takes no const, and changes nothing. */
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at))
        print_sample(out, name, label, json_object_iter_key(at), NULL, NULL,
                     json_object_iter_value(at));
}

/* ---- pools ---- */

struct part {
    const char *object; /* where the member is in; NULL: in the pool */
    const char *member;
    const char *word; /* the second label's value; NULL: there is none */
};

/* One name, with a sample for each pool and part. `parts` ends with a member of NULL. */
static void print_pools(FILE *out, const json_t *pools, const char *name, const char *type,
                        const char *help, const char *other, const struct part *parts)
{
    const json_t *pool;
    size_t i;

    begin(out, name, type, help);
    json_array_foreach (pools, i, pool) {
        for (const struct part *part = parts; part->member; part++) {
            const json_t *object = part->object ? json_object_get(pool, part->object) : pool;
            const json_t *value = json_object_get(object, part->member);

            if (value)
                print_sample(out, name, "pool", cli_string(pool, "name", ""), other, part->word,
                             value);
        }
    }
}

static void print_histogram(FILE *out, const char *name, const char *pool, const json_t *histogram)
{
    const json_t *count = json_object_get(histogram, "count"), *bucket;
    char bucket_name[64], sum_name[64], count_name[64], bound[32];
    size_t i;

    snprintf(bucket_name, sizeof(bucket_name), "%s_bucket", name);
    snprintf(sum_name, sizeof(sum_name), "%s_sum", name);
    snprintf(count_name, sizeof(count_name), "%s_count", name);
    json_array_foreach (json_object_get(histogram, "buckets"), i, bucket) {
        snprintf(bound, sizeof(bound), "%.15g", json_number_value(json_array_get(bucket, 0)));
        print_sample(out, bucket_name, "pool", pool, "le", bound, json_array_get(bucket, 1));
    }
    print_sample(out, bucket_name, "pool", pool, "le", "+Inf", count);
    print_sample(out, sum_name, "pool", pool, NULL, NULL, json_object_get(histogram, "sum"));
    print_sample(out, count_name, "pool", pool, NULL, NULL, count);
}

static void print_histograms(FILE *out, const json_t *pools, const char *member, const char *name,
                             const char *help)
{
    const json_t *pool;
    size_t i;

    begin(out, name, "histogram", help);
    json_array_foreach (pools, i, pool)
        print_histogram(out, name, cli_string(pool, "name", ""), json_object_get(pool, member));
}

static void print_all_pools(FILE *out, const json_t *pools)
{
    static const struct part states[] = {
        {"futures", "PENDING", "pending"}, {"futures", "RUNNING", "running"}, {NULL, NULL, NULL}};
    static const struct part ends[] = {{NULL, "returned", "result"},
                                       {NULL, "raised", "exception"},
                                       {NULL, "cancelled", "cancelled"},
                                       {NULL, NULL, NULL}};
    static const struct part submitted[] = {{NULL, "submitted", NULL}, {NULL, NULL, NULL}};
    static const struct part retried[] = {{NULL, "retried", NULL}, {NULL, NULL, NULL}};
    static const struct part limit[] = {{"workers", "max", NULL}, {NULL, NULL, NULL}};
    static const struct part threads[] = {{"workers", "threads", NULL}, {NULL, NULL, NULL}};
    static const struct part running[] = {{"workers", "running", NULL}, {NULL, NULL, NULL}};

    print_pools(out, pools, "futured_futures", "gauge",
                "Futures that are not done; a map counts as its items.", "state", states);
    print_pools(out, pools, "futured_futures_submitted_total", "counter", "Futures taken.", NULL,
                submitted);
    print_pools(out, pools, "futured_futures_done_total", "counter", "Futures ended, by how.",
                "outcome", ends);
    print_pools(out, pools, "futured_futures_retried_total", "counter",
                "Attempts that followed another one.", NULL, retried);
    print_pools(out, pools, "futured_workers_max", "gauge", "Worker threads that there may be.",
                NULL, limit);
    print_pools(out, pools, "futured_workers", "gauge", "Worker threads that there are.", NULL,
                threads);
    print_pools(out, pools, "futured_workers_running", "gauge", "Worker threads with a job.", NULL,
                running);
    print_histograms(out, pools, "queue_wait", "futured_queue_wait_seconds",
                     "How long attempts were in the queue before they ran.");
    print_histograms(out, pools, "run_time", "futured_run_seconds", "How long attempts ran.");
}

/* ---- the store ---- */

static void print_store(FILE *out, const json_t *store)
{
    const json_t *commits = json_object_get(store, "commits");

    if (!store)
        return;
    begin(out, "futured_store_commit_seconds", "summary", "Time that commits took.");
    print_sample(out, "futured_store_commit_seconds_sum", NULL, NULL, NULL, NULL,
                 json_object_get(store, "commit_seconds"));
    print_sample(out, "futured_store_commit_seconds_count", NULL, NULL, NULL, NULL, commits);
    print_single(out, store, "changes", "futured_store_changes_total", "counter",
                 "Changes that were committed.");
    print_single(out, store, "waiting", "futured_store_waiting", "gauge",
                 "Commits that are not done.");
    print_single(out, store, "bytes", "futured_store_bytes", "gauge", "Size of the store's files.");
    print_single(out, store, "futures_bytes", "futured_store_futures_bytes", "gauge",
                 "Size of the done futures, as retention counts it.");
    print_single(out, store, "full", "futured_store_full", "gauge",
                 "1 where the last commit found no room on the disk.");
}

/* Those that are done and kept, of all pools: the store does not count them apart. */
static void print_kept(FILE *out, const json_t *futures)
{
    static const char name[] = "futured_futures_kept";

    begin(out, name, "gauge", "Done futures that are kept; maps as well as their items.");
    print_sample(out, name, "state", "cancelled", NULL, NULL,
                 json_object_get(futures, "CANCELLED"));
    print_sample(out, name, "state", "finished", NULL, NULL, json_object_get(futures, "FINISHED"));
}

void prometheus_print(const json_t *stats, FILE *out)
{
    const json_t *connections = json_object_get(stats, "connections");

    print_single(out, stats, "started", "futured_start_time_seconds", "gauge",
                 "When the daemon began, as Unix time.");
    print_all_pools(out, json_object_get(stats, "pools"));
    print_kept(out, json_object_get(stats, "futures"));
    print_single(out, connections, "open", "futured_connections", "gauge",
                 "Clients that are connected.");
    print_single(out, connections, "accepted", "futured_connections_accepted_total", "counter",
                 "Clients that have connected.");
    print_members(out, json_object_get(stats, "requests"), "futured_requests_total", "method",
                  "Requests that came.");
    print_single(out, stats, "errors", "futured_errors_total", "counter",
                 "Errors that were answered.");
    print_members(out, json_object_get(stats, "limits_hit"), "futured_limit_hits_total", "limit",
                  "How often a limit refused a request or ended a connection.");
    print_store(out, json_object_get(stats, "store"));
}

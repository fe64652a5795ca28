/* stats: counters and histograms, for those who watch over the daemon. */
#include "daemon/base/clock.h"
#include "daemon/core/statistics.h"
#include "daemon/core/store.h"
#include "daemon/rpc/rpc_impl.h"

static void write_count(struct writer *writer, const char *name, uint64_t value)
{
    writer_key(writer, name);
    writer_uint(writer, value);
}

static void write_states(struct writer *writer, const uint64_t counts[FUTURE_STATES])
{
    writer_key(writer, "futures");
    writer_begin_object(writer);
    for (unsigned state = 0; state < FUTURE_STATES; state++)
        write_count(writer, future_state_name((enum future_state)state), counts[state]);
    writer_end_object(writer);
}

/* The counts rise from bucket to bucket, as monitoring wants them: each holds those before it. */
static void write_histogram(struct writer *writer, const char *name,
                            const struct histogram *histogram)
{
    uint64_t count = 0;
    writer_key(writer, name);
    writer_begin_object(writer);
    write_count(writer, "count", histogram_count(histogram));
    writer_key(writer, "sum");
    writer_seconds(writer, (int64_t)histogram->sum_us);
    writer_key(writer, "buckets");
    writer_begin_array(writer);
    for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
        count += histogram->buckets[i];
        writer_begin_array(writer);
        writer_seconds(writer, histogram_bounds_us[i]);
        writer_uint(writer, count);
        writer_end_array(writer);
    }
    writer_end_array(writer);
    writer_end_object(writer);
}

static void write_pool(struct writer *writer, struct pool *pool)
{
    const struct pool_statistics *statistics = pool_statistics(pool);
    uint64_t threads = pool_worker_count(pool);
    writer_begin_object(writer);
    writer_key(writer, "name");
    writer_cstring(writer, pool_name(pool));
    writer_key(writer, "futures");
    writer_begin_object(writer);
    write_count(writer, "PENDING", pool_pending(pool));
    write_count(writer, "RUNNING", statistics->running);
    writer_end_object(writer);
    writer_key(writer, "workers");
    writer_begin_object(writer);
    write_count(writer, "max", pool_settings(pool)->max_workers);
    write_count(writer, "threads", threads);
    write_count(writer, "running", pool_running(pool));
    writer_end_object(writer);
    write_count(writer, "submitted", statistics->submitted);
    write_count(writer, "returned", statistics->returned);
    write_count(writer, "raised", statistics->raised);
    write_count(writer, "cancelled", statistics->cancelled);
    write_count(writer, "retried", statistics->retried);
    write_histogram(writer, "queue_wait", &statistics->queue_wait);
    write_histogram(writer, "run_time", &statistics->run_time);
    writer_end_object(writer);
}

static void write_requests(struct writer *writer, const struct service *service)
{
    writer_key(writer, "requests");
    writer_begin_object(writer);
    for (unsigned method = 0; method < METHOD_COUNT; method++)
        write_count(writer, method_name((enum method)method), service->requests[method]);
    writer_end_object(writer);
    write_count(writer, "errors", service->errors);
}

static void write_limits_hit(struct writer *writer, const struct service *service)
{
    size_t i;
    writer_key(writer, "limits_hit");
    writer_begin_object(writer);
    for (i = 0; limit_table[i].name; i++)
        write_count(writer, limit_table[i].name, service->limit_hits[i]);
    write_count(writer, "queue_limit", service->limit_hits[i]);
    writer_end_object(writer);
}

static void write_store(struct writer *writer, const struct executor *executor)
{
    struct store_statistics statistics;
    if (!executor_store_statistics(executor, &statistics))
        return;
    writer_key(writer, "store");
    writer_begin_object(writer);
    write_count(writer, "commits", statistics.commits);
    write_count(writer, "changes", statistics.changes);
    writer_key(writer, "commit_seconds");
    writer_seconds(writer, (int64_t)(statistics.commit_ns / 1000));
    write_count(writer, "waiting", statistics.waiting);
    write_count(writer, "bytes", statistics.bytes);
    write_count(writer, "futures_bytes", statistics.futures_bytes);
    writer_key(writer, "full");
    writer_bool(writer, statistics.full);
    writer_end_object(writer);
}

void method_stats(struct request *request)
{
    static const struct client everybody = {.sees_all = true};
    struct service *service = request->session->service;
    struct executor *executor = service->executor;
    struct rpc_error error;
    uint64_t counts[FUTURE_STATES];
    int r = no_params_decode(request->rpc, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    executor_counts(executor, &everybody, counts);
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    writer_key(writer, "started");
    writer_seconds(writer, service->started_us);
    writer_key(writer, "now");
    writer_seconds(writer, clock_wall_us());
    write_count(writer, "cursor", executor_cursor(executor));
    write_states(writer, counts);
    writer_key(writer, "pools");
    writer_begin_array(writer);
    struct pool *pool;
    for (size_t i = 0; (pool = executor_pool_at(executor, i)); i++)
        write_pool(writer, pool);
    writer_end_array(writer);
    writer_key(writer, "connections");
    writer_begin_object(writer);
    write_count(writer, "open", service->sessions);
    write_count(writer, "accepted", service->next_client);
    writer_end_object(writer);
    write_requests(writer, service);
    write_limits_hit(writer, service);
    write_store(writer, executor);
    writer_end_object(writer);
    request_end(request);
}

/* How futures, their ends and pools look on the wire. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/output.h"
#include "daemon/core/runner.h"
#include "daemon/core/place.h"
#include "daemon/rpc/rpc_impl.h"
#include "proto/text.h"

/* ---- futures ---- */

/* What a command's outcome says of its end. It is the same for a result and for the exceptions of a
 * command that has run; that of one that has not has no such members. */
static void fill_exit(const struct future *future, struct future_msg *message)
{
    const struct outcome *outcome = future_outcome(future);
    struct slice text = {.text = outcome->json, .size = outcome->json_bytes};
    struct slice exit_code, signal, rusage;
    if (!outcome->json || !future_function(future)->ops->streams_in_result ||
        !json_text_member(text, "exit_code", &exit_code) ||
        !json_text_member(text, "signal", &signal) || !json_text_member(text, "rusage", &rusage))
        return;
    message->exit_code = exit_code;
    message->signal = signal;
    message->rusage = rusage;
}

static void fill(const struct future *future, struct future_msg *ret_message)
{
    struct future_info info;
    future_describe(future, &info);
    *ret_message = (struct future_msg){
        .id = info.id,
        .state = info.state, /* the two enumerations have one order, see below */
        .fn = info.function,
        .pool = info.pool,
        .label = info.label,
        .priority = info.priority,
        .attempt = info.attempt,
        .submitted_us = info.submitted_us,
        .started_us = info.started_us,
        .finished_us = info.finished_us,
        .uid = info.uid,
        .waiting = future_waiting_name(info.waiting),
        .deadlocked = info.deadlocked,
        .has_failed = info.state == FUTURE_FINISHED,
        .failed = info.failed,
        .is_map = info.is_map,
        .map_first = info.map.first,
        .map_count = info.map.count,
        .map_pending = info.map.by_state[FUTURE_PENDING],
        .map_running = info.map.by_state[FUTURE_RUNNING],
        .map_finished = info.map.by_state[FUTURE_FINISHED],
        .map_cancelled = info.map.by_state[FUTURE_CANCELLED],
        .map_failed = info.map.failed,
        .map_open = info.map.open,
        .is_item = info.item_of != 0,
        .item_of = info.item_of,
        .item_index = info.index,
        .worker = info.worker,
        .host = info.host,
    };
    fill_exit(future, ret_message);
}

_Static_assert((int)FUTURE_PENDING == (int)STATE_PENDING &&
                   (int)FUTURE_RUNNING == (int)STATE_RUNNING &&
                   (int)FUTURE_CANCELLED == (int)STATE_CANCELLED &&
                   (int)FUTURE_FINISHED == (int)STATE_FINISHED,
               "the core and the wire name the states in one order");

void show_future(struct writer *writer, const struct future *future)
{
    struct future_msg message;
    fill(future, &message);
    future_msg_write(writer, &message);
}

void show_future_described(struct writer *writer, const struct future *future, bool describe)
{
    show_future(writer, future);
    if (!describe || writer_failed(writer))
        return;
    /* Goes on inside the object that was just ended. */
    writer->size--;
    describe_call(writer, future);
    writer_end_object(writer);
}

static void show_attempts(struct writer *writer, const struct attempt *attempt)
{
    writer_key(writer, "attempts");
    writer_begin_array(writer);
    for (; attempt; attempt = attempt->earlier) {
        writer_begin_object(writer);
        writer_key(writer, "attempt");
        writer_uint(writer, attempt->number);
        writer_key(writer, "started");
        writer_time(writer, attempt->started_us);
        writer_key(writer, "finished");
        writer_time(writer, attempt->finished_us);
        if (attempt->outcome.kind == OUTCOME_EXCEPTION) {
            writer_key(writer, "exception");
            writer_begin_object(writer);
            writer_key(writer, "type");
            writer_cstring(writer, outcome_type(&attempt->outcome));
            writer_key(writer, "message");
            writer_cstring(writer, outcome_message(&attempt->outcome));
            writer_end_object(writer);
        }
        writer_end_object(writer);
    }
    writer_end_array(writer);
}

static void show_need(const struct future *on, enum future_need need, void *arg)
{
    struct writer *writer = arg;
    writer_begin_object(writer);
    writer_key(writer, "id");
    writer_uint(writer, future_id(on));
    writer_key(writer, "on");
    writer_cstring(writer, future_need_name(need));
    writer_end_object(writer);
}

void show_future_whole(struct writer *writer, const struct future *future, bool describe)
{
    show_future_described(writer, future, describe);
    const struct attempt *attempts = future_attempts(future);
    const char *progress = future_progress(future);
    bool waits = future_waits(future);
    if ((!attempts && !progress && !waits) || writer_failed(writer))
        return;
    /* Goes on inside the object that was just ended. */
    writer->size--;
    if (waits) {
        writer_key(writer, "after");
        writer_begin_array(writer);
        future_each_need(future, show_need, writer);
        writer_end_array(writer);
    }
    if (progress) {
        writer_key(writer, "progress");
        writer_json(writer, progress, strlen(progress));
    }
    if (attempts)
        show_attempts(writer, attempts);
    writer_end_object(writer);
}

/* ---- outcomes ---- */

void show_bytes(struct writer *writer, const char *name, const void *data, size_t size)
{
    char key[32];
    bool text = utf8_valid(data, size);
    snprintf(key, sizeof(key), "%s%s", name, text ? "" : "_base64");
    writer_key(writer, key);
    if (text)
        writer_string(writer, data, size);
    else
        writer_base64(writer, data, size);
}

static void show_stream(struct writer *writer, struct output *output, enum output_stream stream)
{
    const char *name = stream == OUTPUT_STDOUT ? "stdout" : "stderr";
    uint64_t kept = 0;
    bool ended;
    if (output)
        output_read(output, stream, 0, NULL, 0, &kept, &ended);
    char *data = malloc((size_t)kept + 1);
    if (!data) {
        writer->failed = true;
        return;
    }
    if (kept > 0)
        output_read(output, stream, 0, data, (size_t)kept, &kept, &ended);
    show_bytes(writer, name, data, (size_t)kept);
    free(data);
}

/* A command's object lacks its streams: they are kept once, as bytes, and put in here. */
static void show_value(struct writer *writer, const struct future *future,
                       const struct outcome *outcome)
{
    static const char *const with_streams[] = {"ExitStatus", "Signalled", "TimedOut", "Terminated",
                                               "OutputLimit"};
    if (!outcome->json) {
        writer_null(writer);
        return;
    }
    writer_json(writer, outcome->json, outcome->json_bytes);
    bool streams = future_function(future)->ops->streams_in_result && !writer_failed(writer) &&
                   outcome->json_bytes > 2 && outcome->json[outcome->json_bytes - 1] == '}';
    if (streams && outcome->kind == OUTCOME_EXCEPTION) {
        streams = false;
        for (size_t i = 0; i < sizeof(with_streams) / sizeof(with_streams[0]); i++)
            streams |= strcmp(outcome_type(outcome), with_streams[i]) == 0;
    }
    if (!streams)
        return;
    writer->size--;
    show_stream(writer, future_output(future), OUTPUT_STDOUT);
    show_stream(writer, future_output(future), OUTPUT_STDERR);
    writer_end_object(writer);
}

void show_exception(struct writer *writer, const struct future *future)
{
    const struct outcome *outcome = future_outcome(future);
    if (outcome->kind != OUTCOME_EXCEPTION) {
        writer_null(writer);
        return;
    }
    writer_begin_object(writer);
    writer_key(writer, "type");
    writer_cstring(writer, outcome_type(outcome));
    writer_key(writer, "message");
    writer_cstring(writer, outcome_message(outcome));
    writer_key(writer, "data");
    show_value(writer, future, outcome);
    writer_end_object(writer);
}

static int show_items(struct writer *writer, const struct future *map, uint64_t max_bytes)
{
    struct future_info info;
    future_describe(map, &info);
    writer_begin_array(writer);
    for (uint64_t i = 0; i < info.map.count; i++) {
        struct future *item = future_map_item(map, i);
        if (!item)
            return -ESTALE;
        show_value(writer, item, future_outcome(item));
        if (writer->size > max_bytes)
            return -EFBIG;
    }
    writer_end_array(writer);
    return 0;
}

int show_outcome(struct writer *writer, const struct future *future, uint64_t max_bytes)
{
    const struct outcome *outcome = future_outcome(future);
    switch (outcome->kind) {
    case OUTCOME_NONE:
        return 0;
    case OUTCOME_RESULT:
        writer_key(writer, "result");
        if (future_is_map(future))
            return show_items(writer, future, max_bytes);
        show_value(writer, future, outcome);
        return 0;
    case OUTCOME_EXCEPTION:
        writer_key(writer, "exception");
        show_exception(writer, future);
        return 0;
    }
    return 0;
}

/* ---- pools ---- */

static void show_worker(const struct pool_worker_info *info, void *arg)
{
    struct writer *writer = arg;
    writer_begin_object(writer);
    writer_key(writer, "name");
    writer_cstring(writer, info->name);
    writer_key(writer, "thread");
    writer_int(writer, info->tid);
    writer_key(writer, "state");
    writer_cstring(writer, info->future ? "running" : info->opening ? "starting" : "idle");
    writer_key(writer, "future");
    if (info->future)
        writer_uint(writer, info->future);
    else
        writer_null(writer);
    writer_key(writer, "pid");
    if (info->pid)
        writer_int(writer, info->pid);
    else
        writer_null(writer);
    if (info->host) {
        writer_key(writer, "host");
        writer_cstring(writer, info->host);
    }
    writer_end_object(writer);
}

/* How the pool's place is reached: the command line may hold what is not for everybody, but its
 * first word says what it is. */
static void show_launcher(struct writer *writer, const struct place *place, bool whole)
{
    const char *text = place ? place->launcher : NULL;
    writer_key(writer, "launcher");
    if (text && !whole)
        writer_string(writer, text, strcspn(text, " \t\n'\"\\"));
    else
        writer_cstring(writer, text);
}

static void show_settings(struct writer *writer, const struct pool_settings *settings,
                          enum durability durability, bool whole)
{
    writer_key(writer, "max_workers");
    writer_uint(writer, settings->max_workers);
    writer_key(writer, "min_workers");
    writer_uint(writer, settings->min_workers);
    writer_key(writer, "idle_timeout");
    writer_seconds(writer, (int64_t)(settings->idle_timeout_ns / 1000));
    writer_key(writer, "max_tasks_per_worker");
    writer_uint(writer, settings->max_tasks_per_worker);
    writer_key(writer, "queue_limit");
    writer_uint(writer, settings->queue_limit);
    writer_key(writer, "on_full");
    writer_cstring(writer, settings->on_full_wait ? "wait" : "error");
    writer_key(writer, "durability");
    writer_cstring(writer, durability_name(durability));
    writer_key(writer, "thread_name_prefix");
    writer_cstring(writer, settings->thread_name_prefix);
    show_launcher(writer, settings->place, whole);
    writer_key(writer, "initializer");
    if (!settings->initializer) {
        writer_null(writer);
        return;
    }
    writer_begin_object(writer);
    writer_key(writer, "fn");
    writer_cstring(writer, settings->initializer->name);
    writer_key(writer, "args");
    const char *args = settings->initializer_args ? settings->initializer_args : "{}";
    writer_json(writer, args, strlen(args));
    writer_end_object(writer);
}

/* Why the workers of a pool with a launcher cannot be reached at the moment. */
static void show_trouble(struct writer *writer, const struct pool *pool)
{
    struct place *place = pool_settings(pool)->place;
    char text[512];
    if (!place)
        return;
    writer_key(writer, "trouble");
    if (place->ops->trouble(place, text, sizeof(text)))
        writer_string(writer, text, utf8_cut(text, strlen(text)));
    else
        writer_null(writer);
}

void show_pool(struct writer *writer, const struct session *session, const struct pool *pool,
               bool workers)
{
    const struct executor *executor = session->service->executor;
    writer_begin_object(writer);
    writer_key(writer, "name");
    writer_cstring(writer, pool_name(pool));
    show_settings(writer, pool_settings(pool), executor_durability(executor, pool),
                  session->client.sees_all);
    writer_key(writer, "paused");
    writer_bool(writer, pool_is_paused(pool));
    writer_key(writer, "broken");
    writer_bool(writer, pool_is_broken(pool));
    writer_key(writer, "pending");
    writer_uint(writer, pool_pending(pool));
    writer_key(writer, "running");
    writer_uint(writer, pool_running(pool));
    writer_key(writer, "threads");
    writer_uint(writer, pool_worker_count(pool));
    writer_key(writer, "idle");
    writer_uint(writer, pool_worker_count(pool) - pool_running(pool));
    show_trouble(writer, pool);
    if (workers) {
        writer_key(writer, "workers");
        writer_begin_array(writer);
        pool_each_worker(pool, show_worker, writer);
        writer_end_array(writer);
    }
    writer_end_object(writer);
}

/* submit, map, map.add and map.close. */
#include "client/lib/libfuture_impl.h"

#include <errno.h>
#include <string.h>

#include "proto/text.h"

/* ---- the arguments of exec ---- */

static void put_argv(struct call_params *params, const char *const *argv)
{
    put_name(params, "argv");
    writer_begin_array(&params->text);
    for (; *argv; argv++)
        put_text(params, "argv", *argv, strlen(*argv));
    writer_end_array(&params->text);
}

static void put_env(struct call_params *params, const char *const *env)
{
    put_name(params, "env");
    writer_begin_object(&params->text);
    for (; *env; env++) {
        const char *end = strchr(*env, '=');

        if (!end || end == *env) {
            put_failure(params, FUTURE_BAD_ARGUMENT, "env");
            break;
        }
        /* A name may need escapes, so it is written as a string is. */
        put_text(params, "env", *env, (size_t)(end - *env));
        writer_raw(&params->text, ":", 1);
        params->text.comma = false;
        put_text(params, "env", end + 1, strlen(end + 1));
    }
    writer_end_object(&params->text);
}

static void put_stdin(struct call_params *params, const void *data, size_t size)
{
    if (size == 0)
        return;
    if (!data)
        put_failure(params, FUTURE_BAD_ARGUMENT, "stdin_data");
    else if (utf8_valid(data, size) && !memchr(data, '\0', size)) {
        put_name(params, "stdin");
        writer_string(&params->text, data, size);
    } else {
        put_name(params, "stdin_base64");
        writer_base64(&params->text, data, size);
    }
}

static bool has_exec_members(const struct future_job *job)
{
    return job->argv || job->cwd || job->env || job->stdin_size > 0 || job->clean_env ||
           job->merge_stderr || job->no_check;
}

static void put_exec_args(struct call_params *params, const struct future_job *job)
{
    if (!job->argv) {
        put_failure(params, FUTURE_BAD_ARGUMENT, "argv");
        return;
    }
    put_name(params, "args");
    writer_begin_object(&params->text);
    put_argv(params, job->argv);
    put_string(params, "cwd", job->cwd);
    if (job->env)
        put_env(params, job->env);
    put_stdin(params, job->stdin_data, job->stdin_size);
    put_flag(params, "clean_env", job->clean_env);
    put_flag(params, "merge_stderr", job->merge_stderr);
    if (job->no_check) {
        put_name(params, "check");
        writer_bool(&params->text, false);
    }
    writer_end_object(&params->text);
}

static void put_args(struct call_params *params, const struct future_job *job)
{
    bool is_exec = !job->fn || strcmp(job->fn, "exec") == 0;

    /* What would be left out without a word is refused. */
    if (has_exec_members(job) && (job->args || !is_exec))
        put_failure(params, FUTURE_BAD_ARGUMENT, "args");
    put_name(params, "fn");
    put_text(params, "fn", is_exec ? "exec" : job->fn, strlen(is_exec ? "exec" : job->fn));
    if (is_exec && !job->args)
        put_exec_args(params, job);
    else
        put_json(params, "args", job->args, false);
}

/* ---- the rest of a job ---- */

static void put_after(struct call_params *params, const struct future_dependency *after,
                      size_t count)
{
    static const char *const words[] = {
        [FUTURE_ON_RESULT] = "result",
        [FUTURE_ON_EXCEPTION] = "exception",
        [FUTURE_ON_DONE] = "done",
    };

    if (count == 0)
        return;
    if (!after) {
        put_failure(params, FUTURE_BAD_ARGUMENT, "after");
        return;
    }
    put_name(params, "after");
    writer_begin_array(&params->text);
    for (size_t i = 0; i < count; i++) {
        if (after[i].on > FUTURE_ON_DONE || after[i].id < 1 || after[i].id > INT64_MAX) {
            put_failure(params, FUTURE_BAD_ARGUMENT, "after");
            break;
        }
        writer_begin_object(&params->text);
        put_uint(params, "id", after[i].id);
        put_name(params, "on");
        writer_cstring(&params->text, words[after[i].on]);
        writer_end_object(&params->text);
    }
    writer_end_array(&params->text);
}

static void put_retry(struct call_params *params, const struct future_job *job)
{
    if (job->retry_max == 0)
        return;
    put_name(params, "retry");
    writer_begin_object(&params->text);
    put_uint(params, "max", job->retry_max);
    if (job->retry_delay_ms != 0)
        put_span_ms(params, "delay", job->retry_delay_ms);
    if (!(job->retry_backoff >= 0 && job->retry_backoff <= 1e6)) {
        put_failure(params, FUTURE_BAD_ARGUMENT, "retry_backoff");
    } else if (job->retry_backoff > 0) {
        /* A number with a point in it, whatever the locale says. */
        put_name(params, "backoff");
        writer_seconds(&params->text, (int64_t)(job->retry_backoff * 1e6 + 0.5));
    }
    writer_end_object(&params->text);
}

static void put_job(struct call_params *params, const struct future_job *given)
{
    struct future_job job;

    take_structure(params, "job", given, &job, sizeof(job));
    if (params->failure < 0)
        return;
    put_args(params, &job);
    put_string(params, "pool", job.pool);
    put_string(params, "label", job.label);
    put_string(params, "key", job.key);
    if (job.priority != 0) {
        put_name(params, "priority");
        writer_int(&params->text, job.priority);
    }
    put_after(params, job.after, job.after_count);
    if (job.delay_ms != 0)
        put_span_ms(params, "delay", job.delay_ms);
    if (job.timeout_ms != 0)
        put_span_ms(params, "timeout", job.timeout_ms);
    put_retry(params, &job);
    if (job.rerun_on_crash)
        put_string(params, "on_crash", "rerun");
    if (job.scope_connection)
        put_string(params, "scope", "connection");
    put_flag(params, "subscribe", job.subscribe);
}

/* ---- items ---- */

static void put_texts(struct call_params *params, const char *const *texts, size_t count)
{
    put_name(params, "items");
    writer_begin_array(&params->text);
    for (size_t i = 0; i < count; i++) {
        if (!texts || !texts[i]) {
            put_failure(params, FUTURE_BAD_ARGUMENT, "items");
            break;
        }
        put_text(params, "items", texts[i], strlen(texts[i]));
    }
    writer_end_array(&params->text);
}

static void put_items(struct call_params *params, const struct future_items *given, bool is_map)
{
    struct future_items items;

    take_structure(params, "items", given, &items, sizeof(items));
    if (params->failure < 0)
        return;
    if (items.json && items.count > 0)
        put_failure(params, FUTURE_BAD_ARGUMENT, "items");
    if (items.json)
        put_json(params, "items", items.json, true);
    else
        put_texts(params, items.texts, items.count);
    if (!is_map)
        return;
    put_flag(params, "open", items.open);
    put_flag(params, "fail_fast", items.fail_fast);
    if (items.window > 0)
        put_uint(params, "window", items.window);
}

/* ---- replies ---- */

int future_read_submitted(const struct future_message *message, uint64_t *ret_id,
                          uint64_t *ret_first, uint64_t *ret_count)
{
    uint64_t id = 0, first = 0, count = 0;
    int r = reply_check(message);

    if (r < 0)
        return r;
    if (!json_is_object(message->result))
        return FUTURE_BAD_PROTOCOL;
    read_uint(message->result, "id", &id);
    read_uint(message->result, "first", &first);
    read_uint(message->result, "count", &count);
    if (id == 0 && first == 0)
        return FUTURE_BAD_PROTOCOL;
    if (ret_id)
        *ret_id = id;
    if (ret_first)
        *ret_first = first;
    if (ret_count)
        *ret_count = count;
    return json_is_true(json_object_get(message->result, "duplicate")) ? 1 : 0;
}

static int read_count(const struct future_message *message, uint64_t *ret_count)
{
    uint64_t count;
    int r = reply_check(message);

    if (r < 0)
        return r;
    if (!read_uint(message->result, "count", &count))
        return FUTURE_BAD_PROTOCOL;
    if (ret_count)
        *ret_count = count;
    return 0;
}

/* ---- the calls ---- */

int future_submit(struct future_client *client, const struct future_job *job, int64_t timeout_ms,
                  uint64_t *ret_id)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_job(&params, job);
    r = call_with(client, "submit", &params, timeout_ms, &reply);
    if (r == 0)
        r = future_read_submitted(reply, ret_id, NULL, NULL);
    return client_end(client, r, &params, reply);
}

int future_send_submit(struct future_client *client, const struct future_job *job,
                       uint64_t *ret_request_id)
{
    struct call_params params = {0};

    put_job(&params, job);
    return send_with(client, "submit", &params, ret_request_id);
}

int future_map(struct future_client *client, const struct future_job *job,
               const struct future_items *items, int64_t timeout_ms, uint64_t *ret_id,
               uint64_t *ret_first)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_job(&params, job);
    put_items(&params, items, true);
    r = call_with(client, "map", &params, timeout_ms, &reply);
    if (r == 0)
        r = future_read_submitted(reply, ret_id, ret_first, NULL);
    return client_end(client, r, &params, reply);
}

int future_send_map(struct future_client *client, const struct future_job *job,
                    const struct future_items *items, uint64_t *ret_request_id)
{
    struct call_params params = {0};

    put_job(&params, job);
    put_items(&params, items, true);
    return send_with(client, "map", &params, ret_request_id);
}

int future_map_add(struct future_client *client, uint64_t id, const struct future_items *items,
                   int64_t timeout_ms, uint64_t *ret_first)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_uint(&params, "id", id);
    put_items(&params, items, false);
    r = call_with(client, "map.add", &params, timeout_ms, &reply);
    if (r == 0)
        r = future_read_submitted(reply, NULL, ret_first, NULL);
    return client_end(client, r, &params, reply);
}

int future_send_map_add(struct future_client *client, uint64_t id, const struct future_items *items,
                        uint64_t *ret_request_id)
{
    struct call_params params = {0};

    put_uint(&params, "id", id);
    put_items(&params, items, false);
    return send_with(client, "map.add", &params, ret_request_id);
}

int future_map_close(struct future_client *client, uint64_t id, int64_t timeout_ms,
                     uint64_t *ret_count)
{
    struct call_params params = {0};
    struct future_message *reply = NULL;
    int r;

    put_uint(&params, "id", id);
    r = call_with(client, "map.close", &params, timeout_ms, &reply);
    if (r == 0)
        r = read_count(reply, ret_count);
    return client_end(client, r, &params, reply);
}

int future_send_map_close(struct future_client *client, uint64_t id, uint64_t *ret_request_id)
{
    struct call_params params = {0};

    put_uint(&params, "id", id);
    return send_with(client, "map.close", &params, ret_request_id);
}

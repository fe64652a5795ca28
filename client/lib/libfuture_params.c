#include "client/lib/libfuture_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

void put_failure(struct call_params *params, int failure, const char *name)
{
    if (params->failure < 0)
        return;
    params->failure = failure;
    params->param = name;
}

void put_name(struct call_params *params, const char *name)
{
    if (!params->open)
        writer_begin_object(&params->text);
    params->open = true;
    writer_key(&params->text, name);
}

void put_text(struct call_params *params, const char *param, const char *text, size_t size)
{
    if (utf8_valid(text, size))
        writer_string(&params->text, text, size);
    else
        put_failure(params, FUTURE_BAD_ARGUMENT, param);
}

void put_string(struct call_params *params, const char *name, const char *text)
{
    if (!text)
        return;
    put_name(params, name);
    put_text(params, name, text, strlen(text));
}

void put_uint(struct call_params *params, const char *name, uint64_t value)
{
    if (value > INT64_MAX)
        put_failure(params, FUTURE_BAD_ARGUMENT, name);
    put_name(params, name);
    writer_uint(&params->text, value);
}

void put_flag(struct call_params *params, const char *name, bool value)
{
    if (!value)
        return;
    put_name(params, name);
    writer_bool(&params->text, true);
}

void put_json(struct call_params *params, const char *name, const char *text, bool array)
{
    json_error_t error = {.text = ""};
    json_t *tree;

    if (!text)
        return;
    /* What is no JSON could end the request early and go on as another. */
    tree = json_loads(text, JSON_DECODE_ANY, &error);
    if (!tree && error.text[0] == '\0')
        put_failure(params, FUTURE_NO_MEMORY, NULL);
    else if (!tree || (array && !json_is_array(tree)))
        put_failure(params, FUTURE_BAD_ARGUMENT, name);
    json_decref(tree);
    put_name(params, name);
    writer_json(&params->text, text, strlen(text));
}

void put_span_ms(struct call_params *params, const char *name, int64_t span_ms)
{
    if (span_ms < 0)
        put_failure(params, FUTURE_BAD_ARGUMENT, name);
    put_name(params, name);
    writer_seconds(&params->text, span_ms < INT64_MAX / 1000 ? span_ms * 1000 : INT64_MAX);
}

void put_timeout(struct call_params *params, int64_t timeout_ms)
{
    if (timeout_ms >= 0)
        put_span_ms(params, "timeout", timeout_ms);
}

void put_ids(struct call_params *params, const struct future_span *spans, size_t count)
{
    struct writer *text = &params->text;

    if (count > 0 && !spans)
        put_failure(params, FUTURE_BAD_ARGUMENT, "ids");
    put_name(params, "ids");
    writer_begin_array(text);
    for (size_t i = 0; spans && i < count; i++) {
        if (spans[i].first < 1 || spans[i].first > spans[i].last || spans[i].last > INT64_MAX)
            put_failure(params, FUTURE_BAD_ARGUMENT, "ids");
        if (spans[i].first == spans[i].last) {
            writer_uint(text, spans[i].first);
            continue;
        }
        writer_begin_array(text);
        writer_uint(text, spans[i].first);
        writer_uint(text, spans[i].last);
        writer_end_array(text);
    }
    writer_end_array(text);
}

void take_structure(struct call_params *params, const char *name, const void *given,
                    void *ret_known, size_t known_size)
{
    size_t size;
    const unsigned char *bytes = given;

    memset(ret_known, 0, known_size);
    if (!given) {
        put_failure(params, FUTURE_BAD_ARGUMENT, name);
        return;
    }
    memcpy(&size, given, sizeof(size));
    if (size < sizeof(size)) {
        put_failure(params, FUTURE_BAD_ARGUMENT, "size");
        return;
    }
    memcpy(ret_known, given, size < known_size ? size : known_size);
    for (size_t i = known_size; i < size; i++)
        if (bytes[i] != 0)
            put_failure(params, FUTURE_BAD_ARGUMENT, "size");
}

/* The text, which the caller frees. 0 or a failure; the params are freed. */
static int finish(struct call_params *params, char **ret_text)
{
    int r = params->failure;

    if (!params->open)
        writer_begin_object(&params->text);
    writer_end_object(&params->text);
    if (r < 0) {
        writer_free(&params->text);
        return r;
    }
    *ret_text = writer_take(&params->text, NULL);
    return *ret_text ? 0 : FUTURE_NO_MEMORY;
}

int call_with(struct future_client *client, const char *method, struct call_params *params,
              int64_t timeout_ms, struct future_message **ret_reply)
{
    char *text = NULL;
    int r = finish(params, &text);

    if (r < 0)
        return r;
    r = client_call(client, method, text, timeout_ms, ret_reply);
    free(text);
    return r;
}

int send_with(struct future_client *client, const char *method, struct call_params *params,
              uint64_t *ret_request_id)
{
    char *text = NULL;
    int r = finish(params, &text);

    if (r < 0)
        return client_fail(client, r, params->param);
    r = future_send(client, method, text, ret_request_id);
    free(text);
    return r;
}

int64_t with_grace(int64_t timeout_ms)
{
    return timeout_ms < 0 || timeout_ms > INT64_MAX - FUTURE_GRACE_MS
               ? -1
               : timeout_ms + FUTURE_GRACE_MS;
}

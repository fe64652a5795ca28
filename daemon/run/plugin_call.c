#include "daemon/run/plugin_call.h"

#include "daemon/base/container.h"
#include "daemon/base/log.h"
#include "daemon/core/call.h"
#include "daemon/core/outcome.h"
#include "daemon/core/output.h"
#include "daemon/core/runner.h"
#include "daemon/run/args.h"
#include "daemon/run/dump.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of what a plugin tells while it runs. */
#define PROGRESS_BYTES 65536
#define LOG_BYTES      800

struct plugin_call {
    struct futured_call public; /* what the plugin sees */
    struct call *call;
    const char *name;
    size_t result_bytes;
    bool raised;
};

static struct plugin_call *inside(struct futured_call *public)
{
    return CONTAINER_OF(public, struct plugin_call, public);
}

static const struct plugin_call *inside_const(const struct futured_call *public)
{
    return (const struct plugin_call *)((const char *)public -
                                        offsetof(struct plugin_call, public));
}

/* ---- what a plugin may ask for ---- */

static uint64_t api_id(const struct futured_call *public)
{
    return call_id(inside_const(public)->call);
}

static unsigned api_attempt(const struct futured_call *public)
{
    return call_attempt(inside_const(public)->call);
}

static bool api_cancelled(const struct futured_call *public)
{
    return call_stop_asked(inside_const(public)->call);
}

static int api_cancel_fd(const struct futured_call *public)
{
    return call_stop_fd(inside_const(public)->call);
}

static int api_progress(struct futured_call *public, json_t *value)
{
    char *text;
    size_t bytes;

    if (!value)
        return -ENOMEM;
    int r = dump_value(value, PROGRESS_BYTES, &text, &bytes);
    if (r < 0)
        return r == -ENOMEM ? r : -EINVAL;
    r = call_progress(inside(public)->call, text, bytes);
    free(text);
    return r;
}

static int api_write(struct futured_call *public, enum futured_stream stream, const void *data,
                     size_t size)
{
    struct output *output = call_output(inside(public)->call);

    if (!output)
        return -ENOMEM;
    switch (stream) {
    case FUTURED_STDOUT:
        return output_append(output, OUTPUT_STDOUT, data, size);
    case FUTURED_STDERR:
        return output_append(output, OUTPUT_STDERR, data, size);
    }
    return -EINVAL;
}

static void api_log(const struct futured_call *public, enum futured_log_level level,
                    const char *format, ...) __attribute__((format(printf, 3, 4)));

static void api_log(const struct futured_call *public, enum futured_log_level level,
                    const char *format, ...)
{
    char text[LOG_BYTES], who[128] = "a plugin";
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (public)
        snprintf(who, sizeof(who), "%s, future %llu", inside_const(public)->name,
                 (unsigned long long)api_id(public));
    switch (level) {
    case FUTURED_LOG_ERROR:
        log_error("%s: %s", who, text);
        return;
    case FUTURED_LOG_WARNING:
        log_warning("%s: %s", who, text);
        return;
    case FUTURED_LOG_INFO:
        log_info("%s: %s", who, text);
        return;
    case FUTURED_LOG_DEBUG:
        log_debug("%s: %s", who, text);
        return;
    }
}

/* The outcome is shown as JSON, which file names and the like need not fit. */
static void make_utf8(char *text)
{
    json_t *valid = json_string(text);

    json_decref(valid);
    for (; !valid && *text; text++)
        if ((unsigned char)*text >= 0x80)
            *text = '?';
}

static void set_exception(struct plugin_call *self, const char *type, char *message, json_t *data)
{
    char type_copy[64], *text = NULL;
    size_t bytes = 0;

    snprintf(type_copy, sizeof(type_copy), "%s", type && *type ? type : "PluginError");
    make_utf8(type_copy);
    make_utf8(message);
    if (data && dump_value(data, self->result_bytes, &text, &bytes) < 0)
        log_warning("%s: the data of the exception %s is lost, as it makes no JSON", self->name,
                    type_copy);
    outcome_set_exception(call_outcome(self->call), type_copy, message, text, bytes);
}

static json_t *api_raise(struct futured_call *public, const char *type, json_t *data,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

static json_t *api_raise(struct futured_call *public, const char *type, json_t *data,
                         const char *format, ...)
{
    struct plugin_call *self = inside(public);
    char *message;
    va_list arguments;

    va_start(arguments, format);
    int length = vasprintf(&message, format, arguments);
    va_end(arguments);
    self->raised = true;
    if (length >= 0) {
        set_exception(self, type, message, data);
        free(message);
    } else {
        dump_discard(data);
        outcome_set_exception(call_outcome(self->call), "MemoryError", "out of memory", NULL, 0);
    }
    return NULL;
}

static const struct futured_api api = {
    .abi = FUTURED_PLUGIN_ABI,
    .size = sizeof(api),
    .id = api_id,
    .attempt = api_attempt,
    .cancelled = api_cancelled,
    .cancel_fd = api_cancel_fd,
    .progress = api_progress,
    .write = api_write,
    .log = api_log,
    .raise = api_raise,
};

const struct futured_api *plugin_api(void)
{
    return &api;
}

/* ---- the call ---- */

/* The arguments as a value, with the item of a map in it. */
static int make_args(struct call *call, json_t **ret_args, struct check_error *ret_error)
{
    size_t args_bytes, item_bytes;
    const char *args = call_args(call, &args_bytes);
    const char *item = call_item(call, &item_bytes);
    char *joined;

    if (!item)
        return args_parse(args, args_bytes, "args", ret_args, ret_error);
    int r = args_join_item(args, args_bytes, item, item_bytes, &joined, &args_bytes);
    if (r == 0) {
        r = args_parse(joined, args_bytes, "args", ret_args, ret_error);
        free(joined);
    }
    return r;
}

static void set_result(struct plugin_call *self, json_t *value)
{
    struct outcome *outcome = call_outcome(self->call);
    const char *why = "the function returned what makes no JSON";
    char *text;
    size_t bytes;

    switch (dump_value(value, self->result_bytes, &text, &bytes)) {
    case 0:
        outcome_set_result(outcome, text, bytes);
        return;
    case -ENOMEM:
        outcome_set_exception(outcome, "MemoryError", "out of memory", NULL, 0);
        return;
    case -ELOOP:
        why = "the function returned what is nested too deep, or in a circle";
        break;
    case -E2BIG:
        why = "the function returned too large a value";
        break;
    }
    outcome_set_exception(outcome, "InvalidResult", why, NULL, 0);
}

static void take_result(struct plugin_call *self, json_t *value)
{
    struct stop_request stop;

    if (self->raised)
        dump_discard(value);
    else if (value)
        set_result(self, value);
    else if (call_stop(self->call, &stop))
        call_raise_stopped(self->call, &stop, NULL, 0);
    else
        outcome_set_exception(call_outcome(self->call), "InvalidResult",
                              "the function returned nothing and raised nothing", NULL, 0);
}

void plugin_call_run(struct call *call, const char *name,
                     json_t *(*run)(struct futured_call *, json_t *), size_t result_bytes)
{
    struct plugin_call self = {
        .public = {.api = &api}, .call = call, .name = name, .result_bytes = result_bytes};
    struct check_error error = {.message = "out of memory"};
    json_t *args = NULL;
    int r = make_args(call, &args, &error);

    if (r < 0) {
        outcome_set_exception(call_outcome(call), r == -ENOMEM ? "MemoryError" : "InvalidArguments",
                              error.message, NULL, 0);
        return;
    }
    json_t *value = run(&self.public, args);
    /* First, as they may share parts: a value that has to be taken apart must be the only one. */
    json_decref(args);
    take_result(&self, value);
}

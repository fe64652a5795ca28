#include "daemon/run/native.h"

#include "daemon/base/clock.h"
#include "daemon/core/call.h"
#include "daemon/core/outcome.h"
#include "daemon/core/runner.h"
#include "daemon/run/args.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Longer sleeps are cut to this, which keeps the deadline in its 64 bits: a century. */
#define MAX_SLEEP_S 3155760000.0

static int read_seconds(const char *args, size_t args_bytes, double *ret_seconds,
                        struct check_error *ret_error)
{
    const json_t *value, *seconds = NULL;
    const char *name;
    json_t *object;
    int r = args_parse_object(args, args_bytes, &object, ret_error);

    if (r < 0)
        return r;
    json_object_foreach (object, name, value) {
        if (strcmp(name, "seconds") == 0)
            seconds = value;
        else
            r = args_refuse_member(ret_error, "args", name);
    }
    if (r == 0 && (!json_is_number(seconds) || json_number_value(seconds) < 0))
        r = args_refuse(ret_error, "args.seconds", "must be a number that is not negative");
    if (r == 0)
        *ret_seconds = json_number_value(seconds);
    json_decref(object);
    return r;
}

static int sleep_check_args(const struct function *function, const char *args, size_t args_bytes,
                            bool is_map, struct check_error *ret_error)
{
    double seconds;

    (void)function;
    (void)is_map; /* `item` would be an unknown member in any case */
    return read_seconds(args, args_bytes, &seconds, ret_error);
}

/* True when the time is over, false when a stop is asked for. */
static bool sleep_until(struct call *call, uint64_t deadline_ns, struct stop_request *ret_stop)
{
    struct pollfd stop = {.fd = call_stop_fd(call), .events = POLLIN};

    for (;;) {
        uint64_t now_ns = clock_mono_ns();
        uint64_t rest_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
        struct timespec rest = {.tv_sec = (time_t)(rest_ns / NS_PER_S),
                                .tv_nsec = (long)(rest_ns % NS_PER_S)};

        if (ppoll(&stop, 1, &rest, NULL) > 0) {
            if (call_stop(call, ret_stop))
                return false;
        } else if (rest_ns == 0) {
            return true;
        }
    }
}

static void sleep_run(const struct function *function, struct call *call)
{
    struct check_error error = {.message = "out of memory"};
    struct stop_request stop;
    size_t args_bytes;
    const char *args = call_args(call, &args_bytes);
    double seconds;
    int r = read_seconds(args, args_bytes, &seconds, &error);

    (void)function;
    if (r < 0) {
        outcome_set_exception(call_outcome(call), r == -ENOMEM ? "MemoryError" : "InvalidArguments",
                              error.message, NULL, 0);
        return;
    }
    if (seconds > MAX_SLEEP_S)
        seconds = MAX_SLEEP_S;
    if (sleep_until(call, clock_mono_ns() + (uint64_t)(seconds * (double)NS_PER_S), &stop))
        outcome_set_result(call_outcome(call), NULL, 0);
    else
        call_raise_stopped(call, &stop, NULL, 0);
}

static int echo_check_args(const struct function *function, const char *args, size_t args_bytes,
                           bool is_map, struct check_error *ret_error)
{
    (void)function;
    return is_map ? args_check_map(args, args_bytes, ret_error) : 0;
}

static void echo_run(const struct function *function, struct call *call)
{
    size_t args_bytes, item_bytes, text_bytes;
    const char *args = call_args(call, &args_bytes);
    const char *item = call_item(call, &item_bytes);
    char *text = NULL;

    (void)function;
    if (item) {
        /* Leaves `text` NULL where it fails. */
        args_join_item(args, args_bytes, item, item_bytes, &text, &text_bytes);
    } else {
        text_bytes = args_bytes > 0 ? args_bytes : strlen("{}");
        text = malloc(text_bytes);
        if (text)
            memcpy(text, args_bytes > 0 ? args : "{}", text_bytes);
    }
    if (text)
        outcome_set_result(call_outcome(call), text, text_bytes);
    else
        outcome_set_exception(call_outcome(call), "MemoryError", "out of memory", NULL, 0);
}

const struct function *native_sleep(void)
{
    static const struct function_ops ops = {
        .kind = "native",
        .check_args = sleep_check_args,
        .run = sleep_run,
    };
    static const struct function function = {
        .name = "sleep",
        .doc = "Waits for `seconds`, and returns null",
        .ops = &ops,
    };

    return &function;
}

const struct function *native_echo(void)
{
    static const struct function_ops ops = {
        .kind = "native",
        .check_args = echo_check_args,
        .run = echo_run,
        .repeatable = true,
        .quick = true,
    };
    static const struct function function = {
        .name = "echo",
        .doc = "Returns its arguments",
        .ops = &ops,
    };

    return &function;
}

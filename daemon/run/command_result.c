#include "daemon/run/command_result.h"

#include "daemon/base/clock.h"
#include "daemon/core/call.h"
#include "daemon/core/outcome.h"
#include "daemon/core/output.h"
#include "daemon/run/digits.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest result that can come about, with room to spare. */
#define RESULT_BYTES 320

/* Integers make up the fraction: no locale can change the decimal point. */
static char *put_seconds(char *out, uint64_t seconds, uint64_t microseconds)
{
    out = digits_put(out, seconds, 1);
    *out++ = '.';
    return digits_put(out, microseconds, 6);
}

static char *put_time(char *out, const struct timeval *time)
{
    return put_seconds(out, (uint64_t)time->tv_sec, (uint64_t)time->tv_usec);
}

/* A job may have lived on though one of its processes was killed for that. */
static bool out_of_memory(const struct process_exit *status)
{
    return status->signal_number == SIGKILL && status->cgroup.out_of_memory;
}

/* The result object; malloc'd, NULL without memory. Written piece by piece, as each job has one. */
static char *result_text(const struct command_end *end, bool truncated, size_t *ret_bytes)
{
    const struct process_exit *status = &end->status;
    const struct rusage *usage = &status->usage;
    char name[PROCESS_SIGNAL_NAME_BYTES];
    char *text = malloc(RESULT_BYTES);
    char *at = text;

    if (!text)
        return NULL;
    if (status->signal_number == 0) {
        at = stpcpy(at, "{\"exit_code\":");
        at = digits_put(at, (uint64_t)status->exit_code, 1);
        at = stpcpy(at, ",\"signal\":null,\"truncated\":");
    } else {
        process_signal_name(status->signal_number, name);
        at = stpcpy(at, "{\"exit_code\":null,\"signal\":\"");
        at = stpcpy(at, name);
        at = stpcpy(at, "\",\"truncated\":");
    }
    at = stpcpy(at, truncated ? "true,\"rusage\":{\"utime\":" : "false,\"rusage\":{\"utime\":");
    at = put_time(at, &usage->ru_utime);
    at = stpcpy(at, ",\"stime\":");
    at = put_time(at, &usage->ru_stime);
    at = stpcpy(at, ",\"maxrss_kb\":");
    at = digits_put(at, (uint64_t)usage->ru_maxrss, 1);
    at = stpcpy(at, ",\"wall\":");
    at = put_seconds(at, end->wall_ns / NS_PER_S, end->wall_ns % NS_PER_S / 1000);
    at = stpcpy(at, out_of_memory(status) ? "},\"out_of_memory\":true}" : "}}");
    *ret_bytes = (size_t)(at - text);
    return text;
}

void command_result_no_memory(struct outcome *outcome)
{
    outcome_set_exception(outcome, "MemoryError", "out of memory", NULL, 0);
}

void command_result_ended(const struct command_watch *watch, const struct command_end *end,
                          bool check)
{
    struct call *call = watch->call;
    const struct process_exit *status = &end->status;
    struct outcome *outcome = call_outcome(call);
    char message[64];
    char name[PROCESS_SIGNAL_NAME_BYTES];
    size_t bytes = 0;
    char *text = result_text(end, output_truncated(call_output(call)), &bytes);

    if (!text) {
        command_result_no_memory(outcome);
    } else if (end->flooded) {
        snprintf(message, sizeof(message), "wrote more than %" PRIu64 " bytes",
                 watch->output_total_bytes);
        outcome_set_exception(outcome, "OutputLimit", message, text, bytes);
    } else if (end->stopped) {
        call_raise_stopped(call, &end->stop, text, bytes);
    } else if (check && status->signal_number != 0) {
        process_signal_name(status->signal_number, name);
        snprintf(message, sizeof(message), "killed by %s%s", name,
                 out_of_memory(status) ? ", as it ran out of memory" : "");
        outcome_set_exception(outcome, "Signalled", message, text, bytes);
    } else if (check && status->exit_code != 0) {
        snprintf(message, sizeof(message), "exited with status %d", status->exit_code);
        outcome_set_exception(outcome, "ExitStatus", message, text, bytes);
    } else {
        outcome_set_result(outcome, text, bytes);
    }
}

/* A sentence that names what was not there; malloc'd, NULL without memory. */
static char *spawn_message(int error, const char *step, const char *path)
{
    const char *reason = strerrordesc_np(error);
    char *message;
    int r;

    if (!reason)
        reason = "unknown error";
    if (strcmp(step, process_step_name(PROCESS_STEP_EXEC)) == 0)
        r = asprintf(&message, "cannot run %s: %s", path, reason);
    else if (strcmp(step, process_step_name(PROCESS_STEP_CHDIR)) == 0)
        r = asprintf(&message, "cannot change to directory %s: %s", path, reason);
    else
        r = asprintf(&message, "cannot start %s: %s: %s", path, step, reason);
    return r < 0 ? NULL : message;
}

/* The exception's data; malloc'd, NULL without memory. */
static char *spawn_data(int error, const char *step, const char *path)
{
    const char *name = strerrorname_np(error);
    json_t *data =
        json_pack("{s:s, s:s, s:s}", "errno", name ? name : "EIO", "step", step, "path", path);
    char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;

    json_decref(data);
    return text;
}

void command_result_spawn_error(struct outcome *outcome, int error, const char *step,
                                const char *path)
{
    char *message = spawn_message(error, step, path);
    char *data = spawn_data(error, step, path);

    if (message && data) {
        outcome_set_exception(outcome, "SpawnError", message, data, strlen(data));
    } else {
        free(data);
        command_result_no_memory(outcome);
    }
    free(message);
}

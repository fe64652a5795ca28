#include "client/show/outcome.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "proto/text.h"

int outcome_sink_own(void *context, int fd, const void *data, size_t size)
{
    (void)context;
    return cli_write(fd, data, size);
}

bool outcome_failed(const json_t *reply)
{
    return !json_object_get(reply, "result");
}

const json_t *outcome_command(const json_t *reply)
{
    const json_t *result = json_object_get(reply, "result");

    if (!result)
        result = json_object_get(json_object_get(reply, "exception"), "data");
    return json_is_object(result) ? result : NULL;
}

/* A signal's number from a number, "KILL" or "SIGKILL". 0: unknown. */
static int signal_number(const json_t *signal)
{
    const char *name = json_string_value(signal);

    if (json_is_integer(signal))
        return (int)json_integer_value(signal);
    if (!name)
        return 0;
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    if (strncmp(name, "RTMIN+", 6) == 0)
        return SIGRTMIN + atoi(name + 6);
    for (int number = 1; number < NSIG; number++) {
        const char *abbreviation = sigabbrev_np(number);

        if (abbreviation && strcmp(abbreviation, name) == 0)
            return number;
    }
    return 0;
}

int outcome_signal(const json_t *command)
{
    return signal_number(json_object_get(command, "signal"));
}

/* The status of a command that ended by itself, -1 where it did not. */
static int own_status(const json_t *command)
{
    const json_t *code = json_object_get(command, "exit_code");
    int number = signal_number(json_object_get(command, "signal"));

    if (number > 0)
        return EXIT_SIGNAL + number;
    return json_is_integer(code) ? (int)json_integer_value(code) & 0xff : -1;
}

static int spawn_error_status(const json_t *exception)
{
    const json_t *data = json_object_get(exception, "data");
    const char *name = cli_string(data, "errno", "");

    /* A directory that is missing is no missing command. */
    if (strcmp(cli_string(data, "step", "exec"), "exec") != 0)
        return EXIT_OURS;
    if (strcmp(name, "ENOENT") == 0)
        return EXIT_NOT_FOUND;
    return strcmp(name, "EACCES") == 0 ? EXIT_NOT_EXECUTABLE : EXIT_OURS;
}

int outcome_exit_status(const json_t *reply, bool is_exec)
{
    const json_t *exception = json_object_get(reply, "exception");
    const char *type = cli_string(exception, "type", "");
    int status = -1;

    if (!is_exec)
        return outcome_failed(reply) ? EXIT_OURS : EXIT_FINE;
    if (strcmp(type, "SpawnError") == 0)
        return spawn_error_status(exception);
    if (!exception || strcmp(type, "ExitStatus") == 0 || strcmp(type, "Signalled") == 0)
        status = own_status(outcome_command(reply));
    if (status < 0)
        status = outcome_failed(reply) ? EXIT_OURS : EXIT_FINE;
    return status;
}

/* `name` as text, or `base64_name` as base64. */
static int write_stream(const json_t *command, const char *name, const char *base64_name, int fd,
                        outcome_sink_fn sink, void *context)
{
    const json_t *text = json_object_get(command, name);
    const json_t *base64 = json_object_get(command, base64_name);
    void *data;
    size_t size;
    int r;

    if (json_is_string(text) && json_string_length(text) > 0)
        return sink(context, fd, json_string_value(text), json_string_length(text));
    if (!json_is_string(base64))
        return 0;
    r = base64_decode(json_string_value(base64), json_string_length(base64), &data, &size);
    if (r < 0)
        return r;
    r = size > 0 ? sink(context, fd, data, size) : 0;
    free(data);
    return r;
}

int outcome_write_streams(const json_t *reply, outcome_sink_fn sink, void *context)
{
    const json_t *command = outcome_command(reply);
    int r = write_stream(command, "stdout", "stdout_base64", STDOUT_FILENO, sink, context);

    if (r < 0)
        return r;
    return write_stream(command, "stderr", "stderr_base64", STDERR_FILENO, sink, context);
}

bool outcome_truncated(const json_t *reply)
{
    return json_is_true(json_object_get(outcome_command(reply), "truncated"));
}

void outcome_describe(const json_t *reply, char *ret_text, size_t size)
{
    const json_t *exception = json_object_get(reply, "exception");
    const char *message = cli_string(exception, "message", "");
    char type[80];
    size_t used;

    if (!json_is_object(exception)) {
        cli_printable(outcome_failed(reply) ? "cancelled" : "",
                      outcome_failed(reply) ? strlen("cancelled") : 0, ret_text, size);
        return;
    }
    cli_printable(cli_string(exception, "type", "?"), strlen(cli_string(exception, "type", "?")),
                  type, sizeof(type));
    used = (size_t)snprintf(ret_text, size, "%s: ", type);
    if (used < size)
        cli_printable(message, strlen(message), ret_text + used, size - used);
}

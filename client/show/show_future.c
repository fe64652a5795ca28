#include "client/show/show_future.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/show/explain.h"
#include "client/show/outcome.h"
#include "client/show/shell_words.h"
#include "client/show/show_futures.h"
#include "client/show/show_tail.h"

/* More than that of a command line or a value is no help any more. */
enum { TEXT_BYTES = 4096 };

static bool is(const json_t *future, const char *member, const char *text)
{
    return strcmp(cli_string(future, member, ""), text) == 0;
}

/* ---- lines ---- */

static void line(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(const char *name, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    printf("  %-9s  ", name);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

/* Text from elsewhere, in one line. */
static void text_line(const char *name, const char *text, size_t size)
{
    char printable[TEXT_BYTES];

    cli_printable(text, size, printable, sizeof(printable));
    line(name, "%s%s", printable, size < sizeof(printable) ? "" : " ...");
}

/* A member, where it is a string. */
static void string_line(const char *name, const json_t *value)
{
    if (json_is_string(value))
        text_line(name, json_string_value(value), json_string_length(value));
}

/* A member as JSON, where it is there and not null. */
static void json_line(const char *name, const json_t *value)
{
    char *text = value && !json_is_null(value)
                     ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(16))
                     : NULL;

    if (text)
        text_line(name, text, strlen(text));
    free(text);
}

/* A point in time, where it has come: to the millisecond, and how long ago that is. */
static void time_line(const char *name, const json_t *value)
{
    double seconds = json_number_value(value);
    time_t whole = (time_t)seconds;
    char text[32], ago[32];
    struct tm local;

    if (seconds <= 0 || !localtime_r(&whole, &local))
        return;
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
    time_span_text(time_now() - seconds, ago, sizeof(ago));
    line(name, "%s.%03d, %s ago", text, (int)((seconds - (double)whole) * 1000), ago);
}

/* ---- what it is ---- */

static void show_call(const json_t *future)
{
    const json_t *args = json_object_get(future, "args");
    struct writer command = {0};

    if (json_object_get(future, "item"))
        json_line("item", json_object_get(future, "item"));
    if (cli_uint(future, "item_of") > 0)
        line("map", "%llu, of which it is item %llu",
             (unsigned long long)cli_uint(future, "item_of"),
             (unsigned long long)cli_uint(future, "index"));
    if (!args)
        return;
    if (!is(future, "fn", "exec")) {
        string_line("function", json_object_get(future, "fn"));
        json_line("arguments", args);
        return;
    }
    shell_words(json_object_get(args, "argv"), &command);
    if (!writer_failed(&command) && command.data)
        text_line("command", command.data, command.size);
    writer_free(&command);
    string_line("directory", json_object_get(args, "cwd"));
    json_line("environ", json_object_get(args, "env"));
}

static void show_owner(const json_t *future)
{
    uid_t uid = (uid_t)json_integer_value(json_object_get(future, "uid"));
    struct passwd entry, *user = NULL;
    char strings[4096];

    if (getpwuid_r(uid, &entry, strings, sizeof(strings), &user) == 0 && user)
        line("owner", "%s (%u)", user->pw_name, (unsigned)uid);
    else
        line("owner", "%u", (unsigned)uid);
}

static void show_attempts(const json_t *future)
{
    unsigned long long attempt = cli_uint(future, "attempt");
    const json_t *retry = json_object_get(future, "retry"), *earlier;
    char text[512];
    size_t i;

    if (json_is_object(retry))
        line("attempt", "%llu; tried again up to %llu times where it fails", attempt,
             (unsigned long long)cli_uint(retry, "max"));
    else
        line("attempt", "%llu", attempt);
    json_array_foreach (json_object_get(future, "attempts"), i, earlier) {
        if (json_is_object(json_object_get(earlier, "exception")))
            outcome_describe(earlier, text, sizeof(text));
        else
            snprintf(text, sizeof(text), "a result");
        line("", "attempt %llu gave %s", (unsigned long long)cli_uint(earlier, "attempt"), text);
    }
}

static void show_settings(const json_t *future)
{
    const json_t *worker = json_object_get(future, "worker");

    if (json_is_string(worker))
        line("pool", "%s, worker %s", cli_string(future, "pool", "-"), json_string_value(worker));
    else
        line("pool", "%s", cli_string(future, "pool", "-"));
    string_line("label", json_object_get(future, "label"));
    string_line("key", json_object_get(future, "key"));
    line("priority", "%lld", (long long)json_integer_value(json_object_get(future, "priority")));
    show_owner(future);
    if (json_is_number(json_object_get(future, "timeout")))
        line("timeout", "%gs for each attempt",
             json_number_value(json_object_get(future, "timeout")));
    if (is(future, "on_crash", "rerun"))
        line("on crash", "it is run again");
    if (is(future, "scope", "connection"))
        line("scope", "it ends with the connection that submitted it");
    show_attempts(future);
}

/* ---- how it goes ---- */

static void show_map(const json_t *map)
{
    unsigned long long first = cli_uint(map, "first"), count = cli_uint(map, "count");

    if (!map)
        return;
    line("items", "%llu pending, %llu running, %llu finished (%llu failed), %llu cancelled%s",
         (unsigned long long)cli_uint(map, "pending"), (unsigned long long)cli_uint(map, "running"),
         (unsigned long long)cli_uint(map, "finished"), (unsigned long long)cli_uint(map, "failed"),
         (unsigned long long)cli_uint(map, "cancelled"),
         json_is_true(json_object_get(map, "open")) ? "; more may come" : "");
    if (count > 0)
        line("", "their ids are %llu to %llu", first, first + count - 1);
}

static void show_times(const json_t *future)
{
    double started = json_number_value(json_object_get(future, "started"));
    double finished = json_number_value(json_object_get(future, "finished"));

    time_line("submitted", json_object_get(future, "submitted"));
    time_line("started", json_object_get(future, "started"));
    time_line("ended", json_object_get(future, "finished"));
    if (started > 0)
        line("run time", "%.3fs%s", (finished > 0 ? finished : time_now()) - started,
             finished > 0 ? "" : " so far");
}

static void show_end(const json_t *future)
{
    const json_t *usage = json_object_get(future, "rusage");
    char text[TEXT_BYTES];

    if (json_is_object(json_object_get(future, "exception"))) {
        outcome_describe(future, text, sizeof(text));
        line("exception", "%s", text);
    } else if (!is(future, "fn", "exec")) {
        json_line("result", json_object_get(future, "result"));
    }
    if (json_is_object(usage))
        line("used", "%.3fs of CPU (%.3fs system), %llu kB of memory",
             json_number_value(json_object_get(usage, "utime")) +
                 json_number_value(json_object_get(usage, "stime")),
             json_number_value(json_object_get(usage, "stime")),
             (unsigned long long)cli_uint(usage, "maxrss_kb"));
    json_line("progress", json_object_get(future, "progress"));
}

static int show_reason(struct cli *cli, const json_t *future)
{
    struct explanation explanation;
    int status;

    if (!is(future, "state", "PENDING"))
        return EXIT_FINE;
    status = explain(cli, future, &explanation);
    if (status != EXIT_FINE)
        return status;
    puts("\nWhy it does not run:");
    explanation_print(&explanation);
    explanation_clear(&explanation);
    return EXIT_FINE;
}

int show_future(struct cli *cli, const json_t *future)
{
    enum tone tone = show_futures_tone(future);
    char outcome[64];
    int status;

    show_futures_outcome(future, outcome, sizeof(outcome));
    printf("Future %llu: %s%s", (unsigned long long)cli_uint(future, "id"),
           terminal_begin(&cli->out, tone), cli_string(future, "state", "?"));
    printf("%s%s%s\n", outcome[0] == '-' ? "" : ", ", outcome[0] == '-' ? "" : outcome,
           terminal_end(&cli->out, tone));
    show_call(future);
    show_settings(future);
    show_map(json_object_get(future, "map"));
    show_times(future);
    show_end(future);
    status = show_reason(cli, future);
    if (status == EXIT_FINE && is(future, "fn", "exec") && !json_object_get(future, "map") &&
        !is(future, "state", "PENDING"))
        status = show_tail(cli, cli_uint(future, "id"));
    return status;
}

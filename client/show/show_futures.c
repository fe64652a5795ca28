#include "client/show/show_futures.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/show/outcome.h"
#include "client/show/table.h"

static const struct table_column columns[] = {
    {"ID", true, 0, 0},     {"STATE", false, 0, 0},     {"OUTCOME", false, 0, 0},
    {"TIME", true, 0, 1},   {"SUBMITTED", false, 0, 4}, {"POOL", false, 6, 5},
    {"LABEL", false, 6, 3}, {"NOTE", false, 12, 2},     {"COMMAND", false, 16, 0},
};

void show_futures_outcome(const json_t *future, char *ret_text, size_t size)
{
    const json_t *failed = json_object_get(future, "failed");
    const json_t *code = json_object_get(future, "exit_code");
    int signal = outcome_signal(future);

    if (!json_is_boolean(failed))
        snprintf(ret_text, size, "-");
    else if (signal > 0 && sigabbrev_np(signal))
        snprintf(ret_text, size, "SIG%s", sigabbrev_np(signal));
    else if (signal > 0)
        snprintf(ret_text, size, "signal %d", signal);
    else if (json_integer_value(code) != 0)
        snprintf(ret_text, size, "exit %d", (int)json_integer_value(code));
    else
        snprintf(ret_text, size, "%s", json_is_true(failed) ? "failed" : "ok");
}

/* For people how long ago; else the time of day for the last day, and the date before. */
static void submitted_text(const struct cli *cli, const json_t *future, double now, char *ret_text,
                           size_t size)
{
    double submitted = json_number_value(json_object_get(future, "submitted"));
    time_t seconds = (time_t)submitted;
    struct tm local;

    if (submitted <= 0 || !localtime_r(&seconds, &local)) {
        snprintf(ret_text, size, "-");
        return;
    }
    if (cli->out.is_terminal) {
        time_span_text(now - submitted, ret_text, size);
        strncat(ret_text, " ago", size - strlen(ret_text) - 1);
        return;
    }
    strftime(ret_text, size, now - submitted < 86400 ? "%H:%M:%S" : "%Y-%m-%d", &local);
}

/* How long it ran, or has been running. */
static void time_text(const json_t *future, double now, char *ret_text, size_t size)
{
    double started = json_number_value(json_object_get(future, "started"));
    double finished = json_number_value(json_object_get(future, "finished"));
    double seconds = (finished > 0 ? finished : now) - started;

    if (started <= 0)
        snprintf(ret_text, size, "-");
    else if (seconds < 100)
        snprintf(ret_text, size, "%.1fs", seconds > 0 ? seconds : 0);
    else if (seconds < 6000)
        snprintf(ret_text, size, "%dm%02ds", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(ret_text, size, "%.1fh", seconds / 3600);
}

static void note_text(const json_t *future, char *ret_text, size_t size)
{
    const json_t *map = json_object_get(future, "map");
    unsigned long long attempt = cli_uint(future, "attempt");
    unsigned long long done = cli_uint(map, "finished") + cli_uint(map, "cancelled");
    size_t used = 0;

    ret_text[0] = '\0';
    if (map)
        used = (size_t)snprintf(ret_text, size, "%llu of %llu done", done,
                                (unsigned long long)cli_uint(map, "count"));
    if (map && cli_uint(map, "failed") > 0)
        snprintf(ret_text + used, size - used, ", %llu failed",
                 (unsigned long long)cli_uint(map, "failed"));
    if (map)
        ;
    else if (json_is_string(json_object_get(future, "waiting")))
        snprintf(ret_text, size, "waiting: %s", cli_string(future, "waiting", ""));
    else if (json_is_true(json_object_get(future, "deadlock")))
        snprintf(ret_text, size, "deadlocked");
    else if (cli_uint(future, "item_of"))
        snprintf(ret_text, size, "item %llu of map %llu",
                 (unsigned long long)cli_uint(future, "index"),
                 (unsigned long long)cli_uint(future, "item_of"));
    used = strlen(ret_text);
    if (used == 0 && attempt <= 1)
        snprintf(ret_text, size, "-");
    if (attempt > 1)
        snprintf(ret_text + used, size - used, "%sattempt %llu", used ? ", " : "", attempt);
}

enum tone show_futures_tone(const json_t *future)
{
    const char *state = cli_string(future, "state", "");

    if (strcmp(state, "RUNNING") == 0)
        return TONE_BUSY;
    if (strcmp(state, "PENDING") == 0)
        return TONE_WAITING;
    if (strcmp(state, "CANCELLED") == 0)
        return TONE_FAINT;
    return json_is_true(json_object_get(future, "failed")) ? TONE_BAD : TONE_GOOD;
}

static void add_row(const struct cli *cli, struct table *table, const json_t *future, double now)
{
    char text[128];

    table_add_uint(table, cli_uint(future, "id"));
    table_add_tone(table, cli_string(future, "state", "-"), show_futures_tone(future));
    show_futures_outcome(future, text, sizeof(text));
    table_add_tone(table, text, show_futures_tone(future));
    time_text(future, now, text, sizeof(text));
    table_add(table, text);
    submitted_text(cli, future, now, text, sizeof(text));
    table_add(table, text);
    table_add(table, cli_string(future, "pool", "-"));
    table_add(table, cli_string(future, "label", "-"));
    note_text(future, text, sizeof(text));
    table_add(table, text);
    table_add(table, cli_string(future, "description", cli_string(future, "fn", "-")));
}

int show_futures(struct cli *cli, const json_t *futures)
{
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    double now = time_now();
    const json_t *future;
    size_t i;

    if (!table)
        return cli_fail_errno(cli, -ENOMEM, "the table");
    json_array_foreach (futures, i, future)
        add_row(cli, table, future, now);
    table_print(table, stdout, &cli->out);
    table_free(table);
    return EXIT_FINE;
}

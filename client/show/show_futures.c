#include "client/show/show_futures.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/show/table.h"

static const struct table_column columns[] = {
    {"ID", true, false},         {"STATE", false, false}, {"OUTCOME", false, false},
    {"FN", false, true},         {"POOL", false, true},   {"LABEL", false, true},
    {"SUBMITTED", false, false}, {"TIME", true, false},   {"NOTE", false, true},
};

static const char *outcome(const json_t *future)
{
    const json_t *failed = json_object_get(future, "failed");

    if (json_is_boolean(failed))
        return json_is_true(failed) ? "failed" : "ok";
    return "-";
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
    size_t used;

    ret_text[0] = '\0';
    if (map)
        snprintf(ret_text, size, "map: %llu of %llu done, %llu failed", done,
                 (unsigned long long)cli_uint(map, "count"),
                 (unsigned long long)cli_uint(map, "failed"));
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

static enum tone state_tone(const json_t *future)
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
    table_add_tone(table, cli_string(future, "state", "-"), state_tone(future));
    table_add_tone(table, outcome(future), state_tone(future));
    table_add(table, cli_string(future, "fn", "-"));
    table_add(table, cli_string(future, "pool", "-"));
    table_add(table, cli_string(future, "label", "-"));
    submitted_text(cli, future, now, text, sizeof(text));
    table_add(table, text);
    time_text(future, now, text, sizeof(text));
    table_add(table, text);
    note_text(future, text, sizeof(text));
    table_add(table, text);
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

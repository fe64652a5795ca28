#include "client/show_futures.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/table.h"

static const struct table_column columns[] = {
    {"ID", true},     {"STATE", false},     {"OUTCOME", false}, {"FN", false},   {"POOL", false},
    {"LABEL", false}, {"SUBMITTED", false}, {"TIME", true},     {"NOTE", false},
};

static const char *outcome(const json_t *future)
{
    const json_t *failed = json_object_get(future, "failed");

    if (json_is_boolean(failed))
        return json_is_true(failed) ? "failed" : "ok";
    return "-";
}

/* The time of day for the last day, else the date. */
static void submitted_text(const json_t *future, double now, char *ret_text, size_t size)
{
    double submitted = json_number_value(json_object_get(future, "submitted"));
    time_t seconds = (time_t)submitted;
    struct tm local;

    if (submitted <= 0 || !localtime_r(&seconds, &local)) {
        snprintf(ret_text, size, "-");
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

static void add_row(struct table *table, const json_t *future, double now)
{
    char text[128];

    table_add_uint(table, cli_uint(future, "id"));
    table_add(table, cli_string(future, "state", "-"));
    table_add(table, outcome(future));
    table_add(table, cli_string(future, "fn", "-"));
    table_add(table, cli_string(future, "pool", "-"));
    table_add(table, cli_string(future, "label", "-"));
    submitted_text(future, now, text, sizeof(text));
    table_add(table, text);
    time_text(future, now, text, sizeof(text));
    table_add(table, text);
    note_text(future, text, sizeof(text));
    table_add(table, text);
}

int show_futures(struct cli *cli, const json_t *futures)
{
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    struct timespec now;
    const json_t *future;
    size_t i;

    if (!table)
        return cli_fail_errno(cli, -ENOMEM, "the table");
    clock_gettime(CLOCK_REALTIME, &now);
    json_array_foreach (futures, i, future)
        add_row(table, future, (double)now.tv_sec + (double)now.tv_nsec / 1e9);
    table_print(table, stdout);
    table_free(table);
    return EXIT_FINE;
}

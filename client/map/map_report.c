#include "client/map/map_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NAMED_MAX = 10, SHOW_EVERY_MS = 100, REFRESH_MS = 1000, BAR_MIN = 10, LINE_BYTES = 512 };

struct failure {
    uint64_t sequence, id;
    char item[64], why[160];
};

struct map_report {
    bool shows, complete;
    struct terminal terminal; /* stderr */
    uint64_t over, failed, total;
    int64_t started_ms, shown_ms; /* shown_ms 0: not yet */
    int shown_width;              /* of the line that stands there; 0: none */
    size_t named;
    struct failure failures[NAMED_MAX];
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct map_report *map_report_new(enum map_bar bar)
{
    struct map_report *report = calloc(1, sizeof(*report));

    if (!report)
        return NULL;
    terminal_of(STDERR_FILENO, &report->terminal);
    report->shows = bar == BAR_ON || (bar == BAR_ON_TERMINAL && report->terminal.is_terminal);
    report->started_ms = now_ms();
    return report;
}

void map_report_free(struct map_report *report)
{
    free(report);
}

void map_report_item(struct map_report *report, const struct map_item *item, const char *why)
{
    if (why[0] && report->named < NAMED_MAX) {
        struct failure *failure = &report->failures[report->named++];

        failure->sequence = item->sequence;
        failure->id = item->id;
        if (item->value)
            cli_printable(item->value->text, item->value->size, failure->item,
                          sizeof(failure->item));
        cli_printable(why, strlen(why), failure->why, sizeof(failure->why));
    }
    report->failed += why[0] != '\0';
    report->over++;
}

void map_report_total(struct map_report *report, uint64_t total, bool complete)
{
    report->total = total;
    report->complete = complete;
}

uint64_t map_report_failed(const struct map_report *report)
{
    return report->failed;
}

int map_report_pause_ms(const struct map_report *report)
{
    return report->shows ? REFRESH_MS : -1;
}

void map_report_hide(struct map_report *report)
{
    if (report->shown_width == 0)
        return;
    fprintf(stderr, "\r%*s\r", report->shown_width, "");
    report->shown_width = 0;
}

/* "12 of 40 done, 1 failed, 3/s, ETA 9s" */
static void describe(const struct map_report *report, char *ret_line, size_t size)
{
    double elapsed = (double)(now_ms() - report->started_ms) / 1000;
    double rate = elapsed > 0 ? (double)report->over / elapsed : 0;
    char eta[32] = "";
    int used;

    used = snprintf(ret_line, size, "%llu of %llu%s done, %llu failed, %.*f/s",
                    (unsigned long long)report->over, (unsigned long long)report->total,
                    report->complete ? "" : "+", (unsigned long long)report->failed,
                    rate < 10 ? 1 : 0, rate);
    if (!report->complete || rate <= 0 || used < 0 || (size_t)used >= size)
        return;
    time_span_text((double)(report->total - report->over) / rate, eta, sizeof(eta));
    snprintf(ret_line + used, size - (size_t)used, ", ETA %s", eta);
}

/* " [####----]" behind the words, where the line has room for it. */
static void append_bar(const struct map_report *report, size_t columns, char *line)
{
    size_t used = strlen(line), room = columns > used + 4 ? columns - used - 4 : 0;
    size_t full;
    char *at = line + used;

    if (room > 40)
        room = 40;
    if (!report->complete || report->total == 0 || room < BAR_MIN)
        return;
    full = (size_t)((double)room * (double)report->over / (double)report->total);
    *at++ = ' ';
    *at++ = '[';
    memset(at, '#', full);
    memset(at + full, '-', room - full);
    at[room] = ']';
    at[room + 1] = '\0';
}

void map_report_show(struct map_report *report)
{
    int64_t now = now_ms();
    size_t columns = report->terminal.width ? report->terminal.width : 80;
    int before = report->shown_width, width;
    char line[LINE_BYTES];

    if (!report->shows || (before > 0 && now - report->shown_ms < SHOW_EVERY_MS))
        return;
    if (columns >= sizeof(line))
        columns = sizeof(line) - 1;
    describe(report, line, sizeof(line));
    append_bar(report, columns, line);
    line[terminal_fit(line, columns - 1)] = '\0';
    width = (int)strlen(line);
    fprintf(stderr, "\r%s%*s", line, before > width ? before - width : 0, "");
    report->shown_width = width > before ? width : before;
    report->shown_ms = now;
}

void map_report_summary(struct map_report *report, const struct cli *cli, uint64_t map_id)
{
    map_report_hide(report);
    if (report->failed == 0)
        return;
    cli_warn(cli, "%llu of %llu items of map %llu failed:", (unsigned long long)report->failed,
             (unsigned long long)report->over, (unsigned long long)map_id);
    for (size_t i = 0; i < report->named; i++) {
        const struct failure *failure = &report->failures[i];

        fprintf(stderr, "  item %llu", (unsigned long long)(failure->sequence - 1));
        if (failure->id)
            fprintf(stderr, " (future %llu)", (unsigned long long)failure->id);
        if (failure->item[0])
            fprintf(stderr, " `%s`", failure->item);
        fprintf(stderr, ": %s\n", failure->why);
    }
    if (report->failed > report->named)
        fprintf(stderr, "  and %llu more\n", (unsigned long long)(report->failed - report->named));
}

#include "client/map_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NAMED_MAX = 10, SHOW_EVERY_MS = 100 };

struct failure {
    uint64_t index, id;
    char item[64], why[160];
};

struct map_report {
    bool on_terminal, complete;
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

struct map_report *map_report_new(void)
{
    struct map_report *report = calloc(1, sizeof(*report));

    if (!report)
        return NULL;
    report->on_terminal = isatty(STDERR_FILENO);
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

        failure->index = report->over;
        failure->id = item->id;
        cli_printable(item->text, item->size, failure->item, sizeof(failure->item));
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

uint64_t map_report_index(const struct map_report *report)
{
    return report->over;
}

void map_report_hide(struct map_report *report)
{
    if (report->shown_width == 0)
        return;
    fprintf(stderr, "\r%*s\r", report->shown_width, "");
    report->shown_width = 0;
}

void map_report_show(struct map_report *report)
{
    int64_t now = now_ms(), elapsed_ms = now - report->started_ms;
    uint64_t rate;
    int before = report->shown_width, width;

    if (!report->on_terminal || (before > 0 && now - report->shown_ms < SHOW_EVERY_MS))
        return;
    rate = elapsed_ms > 0 ? report->over * 1000 / (uint64_t)elapsed_ms : 0;
    width = fprintf(stderr, "\r%llu of %llu%s done, %llu failed, %llu/s",
                    (unsigned long long)report->over, (unsigned long long)report->total,
                    report->complete ? "" : "+", (unsigned long long)report->failed,
                    (unsigned long long)rate) -
            1;
    if (width < before)
        fprintf(stderr, "%*s", before - width, "");
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

        fprintf(stderr, "  item %llu", (unsigned long long)failure->index);
        if (failure->id)
            fprintf(stderr, " (future %llu)", (unsigned long long)failure->id);
        fprintf(stderr, " `%s`: %s\n", failure->item, failure->why);
    }
    if (report->failed > report->named)
        fprintf(stderr, "  and %llu more\n", (unsigned long long)(report->failed - report->named));
}

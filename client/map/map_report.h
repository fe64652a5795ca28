/* What a map tells people on stderr: a line with the progress, the rate and the time that is left,
 * and in the end which items failed and why. One thread. */
#ifndef FUTURED_CLIENT_MAP_REPORT_H
#define FUTURED_CLIENT_MAP_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/cli.h"
#include "client/map/map_window.h"

struct map_report;

enum map_bar { BAR_ON_TERMINAL, BAR_ON, BAR_OFF };

/* NULL: no memory. */
struct map_report *map_report_new(enum map_bar bar);
/* Takes NULL. */
void map_report_free(struct map_report *report);

/* One item is over; `why` is "" where it succeeded. */
void map_report_item(struct map_report *report, const struct map_item *item, const char *why);
/* So many items are known by now; `complete`: there will be no more. */
void map_report_total(struct map_report *report, uint64_t total, bool complete);
uint64_t map_report_failed(const struct map_report *report);

/* How long to sleep before the line is to be shown again, as poll(2) takes it. */
int map_report_pause_ms(const struct map_report *report);
/* Shows the line, some times a second at most. */
void map_report_show(struct map_report *report);
/* Takes the line away: something else is about to be written. */
void map_report_hide(struct map_report *report);
/* The failures, at most ten by name. */
void map_report_summary(struct map_report *report, const struct cli *cli, uint64_t map_id);

#endif

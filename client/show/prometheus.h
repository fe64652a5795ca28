/* What `stats` answers, in the text format that Prometheus and its like read (exposition format
 * 0.0.4). No calls, no state. Any thread. */
#ifndef FUTURED_CLIENT_PROMETHEUS_H
#define FUTURED_CLIENT_PROMETHEUS_H

#include <jansson.h>
#include <stdio.h>

/* `stats` is the result of that method; what is missing in it is left out. */
void prometheus_print(const json_t *stats, FILE *out);

#endif

/* Where the outputs of a map's items go: stdout and stderr, with small pieces put together. While a
 * reader of ours is slow, answers are taken in: the daemon must not think that we are gone. One
 * thread. */
#ifndef FUTURED_CLIENT_MAP_OUTPUT_H
#define FUTURED_CLIENT_MAP_OUTPUT_H

#include <stddef.h>

#include "client/cli/cli.h"
#include "client/map/map_report.h"

struct map_output;

/* `take_in(context)` takes in what the daemon has sent; it returns false to end the writing. All is
 * borrowed. NULL: no memory. */
struct map_output *map_output_new(const struct cli *cli, struct map_report *report,
                                  bool (*take_in)(void *context), void *context);
/* Drops what is not flushed. Takes NULL. */
void map_output_free(struct map_output *output);

/* To stdout (1) or stderr (2). 0 or -errno. `context` is the output, as outcome_sink_fn wants it.
 */
int map_output_write(void *context, int fd, const void *data, size_t size);
int map_output_flush(struct map_output *output);

#endif

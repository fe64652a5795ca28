/* Runs a map in the foreground: feeds items to an open map while they arrive, and writes each
 * item's output in input order as soon as its turn has come. One thread. */
#ifndef FUTURED_CLIENT_MAP_RUN_H
#define FUTURED_CLIENT_MAP_RUN_H

#include "client/cli.h"

struct map_run;

/* `input` is where items are read from, -1: none come beyond those of map_run_items. It stays the
 * caller's. NULL: no memory. */
struct map_run *map_run_new(struct cli *cli, uint64_t map_id, int input, char delimiter);
/* Takes NULL. */
void map_run_free(struct map_run *run);

/* The items that the map was made with; `first` is the first one's id. 0 or -ENOMEM. */
int map_run_items(struct map_run *run, char **items, size_t count, uint64_t first);

/* Only feeds: returns when the map has got all items and is closed. An exit status. */
int map_run_feed(struct map_run *run);
/* Until every item is done and written. An exit status. */
int map_run_finish(struct map_run *run);

#endif

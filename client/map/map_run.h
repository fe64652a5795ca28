/* Runs a map in the foreground: feeds items to an open map while they arrive, and writes each
 * item's output when its turn has come. One thread. */
#ifndef FUTURED_CLIENT_MAP_RUN_H
#define FUTURED_CLIENT_MAP_RUN_H

#include "client/cli/cli.h"
#include "client/map/map_joblog.h"
#include "client/map/map_report.h"
#include "client/map/map_source.h"
#include "client/map/map_template.h"

/* When a map ends before its items do. */
struct map_halt {
    enum { HALT_NEVER, HALT_SOON, HALT_NOW } when; /* soon: what runs may finish */
    enum { HALT_FAIL, HALT_SUCCESS, HALT_DONE } of;
    uint64_t count;
    bool percent; /* `count` is of all items, as soon as it is known how many there are */
};

/* All pointers are borrowed for as long as the map runs. */
struct map_run_settings {
    uint64_t map_id;
    struct map_source *source;
    const struct map_template *template;
    struct map_joblog *joblog; /* NULL: none */
    uint64_t jobs;             /* items under way at once; 0: as the pool does */
    struct map_halt halt;
    enum map_bar bar;
    bool unordered, tag;
    bool is_function; /* no command: results are JSON */
    bool keep;        /* what succeeded and was written is not forgotten */
};

/* Until every item is done and written. An exit status. */
int map_run(struct cli *cli, const struct map_run_settings *settings);
/* Only feeds: returns when the map has got all items and is closed. An exit status. */
int map_feed(struct cli *cli, const struct map_run_settings *settings);
/* Writes what the items of somebody's map give, in their order, until it is done. An exit status.
 */
int map_follow(struct cli *cli, uint64_t map_id);

#endif

/* The inside of a running map, for map_run.c, map_feed.c and map_write.c alone. One thread. */
#ifndef FUTURED_CLIENT_MAP_RUN_IMPL_H
#define FUTURED_CLIENT_MAP_RUN_IMPL_H

#include "client/cli/parse.h"
#include "client/map/map_output.h"
#include "client/map/map_run.h"
#include "client/map/map_window.h"

enum feed_state {
    FEED_READING, /* items are to be read */
    FEED_ADDING,  /* the answer to map.add is to come */
    FEED_CLOSING, /* the answer to map.close is to come */
    FEED_OVER
};

struct map_run {
    struct cli *cli;
    const struct map_run_settings *settings;
    bool discard;   /* nobody wants the results here */
    bool following; /* somebody else's map: its items are told by notifications */
    bool is_exec;   /* the map's function */
    bool halted;
    enum feed_state feed;
    uint64_t feed_request;
    uint64_t sequence; /* items read so far */
    uint64_t total;    /* and those that are not left out */
    uint64_t failed, succeeded;
    uint64_t taken; /* messages so far */
    int status;     /* of what went wrong and was told; EXIT_FINE so far */
    struct id_spans forgettable;
    size_t forgettable_count;
    uint64_t forgets_sent, forgets_answered;
    uint64_t halt_request; /* 0: none */
    struct map_window *window;
    struct map_report *report;
    struct map_output *output;
};

/* Remembers what went wrong, and tells it. */
void map_run_fail(struct map_run *run, int error, const char *what);

/* A message that is no answer about an item and none about the feed. */
void map_run_other_answer(struct map_run *run, const struct future_message *message);

/* ---- map_feed.c ---- */

/* Sends the items that are there. Returns true where reading would lead on. */
bool map_run_feed(struct map_run *run);

/* ---- map_write.c ---- */

/* Writes everything whose turn has come. Returns whether there was something. */
bool map_run_write(struct map_run *run);
/* Lets the daemon forget the rest of what was written, and waits until all of it is. */
void map_run_forget_rest(struct map_run *run);

#endif

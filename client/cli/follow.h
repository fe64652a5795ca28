/* Follows one future to its end: what it writes comes to stdout and stderr as it is written. The
 * daemon pushes; nothing is asked again and again. One thread. */
#ifndef FUTURED_CLIENT_FOLLOW_H
#define FUTURED_CLIENT_FOLLOW_H

#include <stdint.h>

#include "client/cli/cli.h"

/* Signals that come while a future is followed, as a descriptor. */
struct interrupts {
    int fd; /* -1: they do what they always do */
};

/* From here on SIGINT, SIGTERM and SIGHUP wait to be read. 0 or -errno. */
int interrupts_begin(struct interrupts *ret_interrupts);
/* The number of a signal that has come, 0: none. */
int interrupts_take(const struct interrupts *interrupts);
void interrupts_end(struct interrupts *interrupts);

/* Returns the exit status that `future result` documents. With `interrupts` the first signal ends
 * the job, the second one the waiting for it, and the exit status is 128+N then. */
int follow_future(struct cli *cli, uint64_t id, const struct interrupts *interrupts);

#endif

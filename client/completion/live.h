/* Candidates that the daemon knows: ids, labels, pools, functions. Quick and quiet: without a
 * daemon, or with one that does not answer at once, there are none. Never starts one. One thread.
 */
#ifndef FUTURED_CLIENT_COMPLETION_LIVE_H
#define FUTURED_CLIENT_COMPLETION_LIVE_H

#include <stdbool.h>

#include "client/future.h"

/* Zeroed memory is one that has not been asked; live_close in the end. */
struct live {
    const char *socket_path; /* NULL: where it usually is */
    bool asked;
    struct future_client *client; /* NULL: there is no daemon */
};

/* One line on stdout: the word, and behind a tab what it is (NULL: nothing). What holds control
 * characters is left out. */
void candidate(const char *prefix, const char *word, const char *about);

/* The newest ones that are in these states (bits 1u << enum future_state; 0: any), each behind the
 * prefix. True where the daemon has any. */
bool live_ids(struct live *live, unsigned states, const char *prefix);
/* The labels of the newest ones, each once. */
void live_labels(struct live *live, const char *prefix);
void live_pools(struct live *live, const char *prefix);
void live_functions(struct live *live, const char *prefix);
void live_close(struct live *live);

#endif

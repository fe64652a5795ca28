/* What `top` shows: pools, workers, futures, counts, and how many ended in each of the last
 * seconds. Asks the daemon; draws nothing. One thread. */
#ifndef FUTURED_CLIENT_TOP_MODEL_H
#define FUTURED_CLIENT_TOP_MODEL_H

#include <stdint.h>

#include "client/cli/cli.h"

enum { TOP_SECONDS = 300 };

struct top_model {
    struct future_message *pools;   /* a reply to pool.list; NULL: nobody has answered so far */
    struct future_message *running; /* replies to status */
    struct future_message *pending;
    uint64_t rates[TOP_SECONDS]; /* ended in that second; index by second */
    int64_t second;              /* of the monotonic clock: the latest one in `rates` */
};

/* Nothing here tells anybody of a failure: a screen may be drawn. 0, or a failure of libfuture. All
 * of them wait for the daemon for TOP_PATIENCE_MS at most. */
#define TOP_PATIENCE_MS 2000

/* Asks a new connection to tell of every end. Zeroed memory is an empty model; top_model_clear in
 * the end. */
int top_model_begin(struct future_client *client, struct top_model *model);
void top_model_clear(struct top_model *model);

/* Asks how all is. On failure the model is as it was, or partly new. */
int top_model_refresh(struct future_client *client, struct top_model *model);
/* Takes in what was told, without waiting. */
int top_model_take_in(struct future_client *client, struct top_model *model);

/* How many ended `ago` seconds ago; 0: in the second that is not over. */
uint64_t top_model_rate(const struct top_model *model, unsigned ago);

#endif

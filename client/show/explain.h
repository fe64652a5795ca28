/* Why a future is not running: what it waits for, its place in the queue, what its pool is busy
 * with. One thread. */
#ifndef FUTURED_CLIENT_EXPLAIN_H
#define FUTURED_CLIENT_EXPLAIN_H

#include "client/cli/cli.h"

struct explanation {
    const json_t *future; /* borrowed */
    /* One word, which --json and scripts rely on; borrowed from the future, or static. */
    const char *reason;
    const json_t *pool;           /* from `pools` */
    uint64_t ahead;               /* in its queue; users and connections take turns, so about */
    json_t *running;              /* of its pool, an array; NULL: it is not pending */
    json_t *after;                /* what it waits for: [{"id","on","state"}]; NULL: nothing */
    struct future_message *pools; /* the reply about its pool */
};

/* Asks about a future that `status` of one id, or `dump`, has shown; it must stay until the
 * explanation is cleared. 0, or an exit status (then there is nothing to clear). */
int explain(struct cli *cli, const json_t *future, struct explanation *ret_explanation);
void explanation_clear(struct explanation *explanation);

/* What `explain --json` prints; the caller's. NULL: no memory. */
json_t *explanation_json(const struct explanation *explanation);
/* In sentences, on stdout. */
void explanation_print(const struct explanation *explanation);

#endif

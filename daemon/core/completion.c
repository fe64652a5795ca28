#include "daemon/core/completion.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "daemon/base/loop.h"

struct completions {
    _Atomic(struct message *) newest; /* linked towards the older ones */
    atomic_bool wake_always;
    struct loop_wakeup *wakeup;
};

int completions_new(struct loop *loop, void (*fn)(void *arg), void *arg,
                    struct completions **ret_completions)
{
    struct completions *completions = calloc(1, sizeof(*completions));
    if (!completions)
        return -ENOMEM;
    int r = loop_wakeup_new(loop, fn, arg, &completions->wakeup);
    if (r < 0) {
        free(completions);
        return r;
    }
    *ret_completions = completions;
    return 0;
}

void completions_free(struct completions *completions)
{
    if (!completions)
        return;
    loop_wakeup_free(completions->wakeup);
    free(completions);
}

void completions_wake_always(struct completions *completions, bool always)
{
    atomic_store(&completions->wake_always, always);
    if (always)
        loop_wakeup_ring(completions->wakeup);
}

void completions_post(struct completions *completions, struct message *message, enum wake wake)
{
    struct message *newest = atomic_load_explicit(&completions->newest, memory_order_relaxed);
    do
        message->next = newest;
    /* Sequentially consistent: a poster that does not wake must not miss a flag which the loop
     * sets before it takes the list. */
    while (!atomic_compare_exchange_weak(&completions->newest, &newest, message));
    if (wake == WAKE_NOW || atomic_load(&completions->wake_always))
        loop_wakeup_ring(completions->wakeup);
    else if (wake == WAKE_SOON)
        loop_wakeup_ring_soon(completions->wakeup);
}

struct message *completions_take(struct completions *completions)
{
    /* The plain look spares the loop a locked instruction where there is nothing to take. */
    if (!atomic_load(&completions->newest))
        return NULL;
    struct message *newest = atomic_exchange(&completions->newest, NULL);
    struct message *oldest = NULL;
    while (newest) {
        struct message *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    return oldest;
}

#include "daemon/base/timers.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/base/loop.h"

struct timers {
    struct heap heap;
    struct loop_timer *timer;
};

static void rearm(struct timers *timers)
{
    struct heap_node *first = heap_first(&timers->heap);
    /* 0 would disarm, so the very first nanosecond is taken as the second one. */
    loop_timer_set(timers->timer, first ? (first->key > 0 ? first->key : 1) : 0);
}

static void on_timer(void *arg)
{
    struct timers *timers = arg;
    /* One look at the clock: deadlines set meanwhile wait for the next turn of the loop, so that
     * a callback which sets itself again cannot hold the loop. */
    uint64_t now_ns = clock_mono_ns();
    struct heap_node *first;
    while ((first = heap_first(&timers->heap)) && first->key <= now_ns) {
        struct deadline *deadline = CONTAINER_OF(first, struct deadline, node);
        heap_remove(&timers->heap, first);
        deadline->fn(deadline);
    }
    rearm(timers);
}

int timers_new(struct loop *loop, struct timers **ret_timers)
{
    struct timers *timers = calloc(1, sizeof(*timers));
    if (!timers)
        return -ENOMEM;
    int r = loop_timer_new(loop, on_timer, timers, &timers->timer);
    if (r < 0) {
        free(timers);
        return r;
    }
    *ret_timers = timers;
    return 0;
}

void timers_free(struct timers *timers)
{
    if (!timers)
        return;
    loop_timer_free(timers->timer);
    heap_free(&timers->heap);
    free(timers);
}

int deadline_set(struct timers *timers, struct deadline *deadline, uint64_t when_ns,
                 deadline_fn *fn)
{
    heap_remove(&timers->heap, &deadline->node);
    deadline->fn = fn;
    int r = heap_insert(&timers->heap, &deadline->node, when_ns);
    if (r == 0 && heap_first(&timers->heap) == &deadline->node)
        rearm(timers);
    return r;
}

void deadline_clear(struct timers *timers, struct deadline *deadline)
{
    if (!heap_contains(&deadline->node))
        return;
    /* The timer stays as it is when the first deadline goes: it then fires once for nothing,
     * which costs less than a system call for every wait that ends early. */
    heap_remove(&timers->heap, &deadline->node);
    if (!heap_first(&timers->heap))
        rearm(timers);
}

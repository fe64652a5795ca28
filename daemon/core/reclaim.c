/* Memory that many futures have left goes back to the system. The allocator keeps what was freed,
 * and what is freed in pieces stays resident where a piece in use lies above it. */
#include <malloc.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/core/executor_impl.h"

/* Looking through all that is free takes some milliseconds, so it is worth it for many futures
 * only, and after a moment in which more may follow. */
#define RECLAIM_FUTURES  100000
#define RECLAIM_DELAY_NS NS_PER_S

static void on_reclaim(struct deadline *deadline)
{
    struct executor *executor = CONTAINER_OF(deadline, struct executor, reclaim);
    executor->freed = 0;
    (void)malloc_trim(0);
}

void reclaim_count(struct executor *executor)
{
    /* Where there is no memory for that, as many more try again. */
    if (++executor->freed % RECLAIM_FUTURES == 0)
        (void)deadline_set(executor->settings.timers, &executor->reclaim,
                           clock_mono_ns() + RECLAIM_DELAY_NS, on_reclaim);
}

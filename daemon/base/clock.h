/* The two clocks of the daemon. Monotonic time for every deadline, wall time only for what people
 * read. Any thread. */
#ifndef FUTURED_BASE_CLOCK_H
#define FUTURED_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

/* Nanoseconds of CLOCK_MONOTONIC; never goes back. */
uint64_t clock_mono_ns(void);

/* Milliseconds from now to `due_ns` for poll(2), rounded up; 0 where it is over, -1 (for ever) for
 * UINT64_MAX. */
int clock_poll_ms(uint64_t due_ns);

/* Microseconds since 1970-01-01 UTC; may jump when the machine's clock is set. */
int64_t clock_wall_us(void);

#endif

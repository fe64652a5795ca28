#include "daemon/base/clock.h"

#include <limits.h>
#include <time.h>

uint64_t clock_mono_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int clock_poll_ms(uint64_t due_ns)
{
    uint64_t now_ns, rest_ms;

    if (due_ns == UINT64_MAX)
        return -1;
    now_ns = clock_mono_ns();
    if (due_ns <= now_ns)
        return 0;
    rest_ms = (due_ns - now_ns - 1) / NS_PER_MS + 1;
    return rest_ms < INT_MAX ? (int)rest_ms : INT_MAX;
}

int64_t clock_wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

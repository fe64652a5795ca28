#include "daemon/run/handler_backoff.h"

#include "daemon/base/clock.h"

int handler_backoff_init(struct handler_backoff *backoff)
{
    atomic_init(&backoff->failures, 0);
    backoff->retry_ns = 0;
    return -pthread_mutex_init(&backoff->lock, NULL);
}

void handler_backoff_destroy(struct handler_backoff *backoff)
{
    pthread_mutex_destroy(&backoff->lock);
}

static uint64_t delay_ns(unsigned failures)
{
    uint64_t delay_ms = HANDLER_BACKOFF_FIRST_MS;

    while (--failures > 0 && delay_ms < HANDLER_BACKOFF_MAX_MS)
        delay_ms *= 2;
    if (delay_ms > HANDLER_BACKOFF_MAX_MS)
        delay_ms = HANDLER_BACKOFF_MAX_MS;
    return delay_ms * NS_PER_MS;
}

uint64_t handler_backoff_claim(struct handler_backoff *backoff, uint64_t now_ns)
{
    uint64_t retry_ns = 0;
    unsigned failures;

    pthread_mutex_lock(&backoff->lock);
    failures = atomic_load_explicit(&backoff->failures, memory_order_relaxed);
    if (failures > 0 && now_ns < backoff->retry_ns)
        retry_ns = backoff->retry_ns;
    else if (failures > 0)
        backoff->retry_ns = now_ns + delay_ns(failures);
    pthread_mutex_unlock(&backoff->lock);
    return retry_ns;
}

void handler_backoff_failed(struct handler_backoff *backoff, uint64_t now_ns)
{
    unsigned failures;

    pthread_mutex_lock(&backoff->lock);
    failures = atomic_load_explicit(&backoff->failures, memory_order_relaxed) + 1;
    atomic_store_explicit(&backoff->failures, failures, memory_order_relaxed);
    backoff->retry_ns = now_ns + delay_ns(failures);
    pthread_mutex_unlock(&backoff->lock);
}

void handler_backoff_succeeded(struct handler_backoff *backoff)
{
    if (atomic_load_explicit(&backoff->failures, memory_order_relaxed) == 0)
        return;
    pthread_mutex_lock(&backoff->lock);
    atomic_store_explicit(&backoff->failures, 0, memory_order_relaxed);
    pthread_mutex_unlock(&backoff->lock);
}

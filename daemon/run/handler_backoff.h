/* How long to wait before a handler that fails is started again: 0.1 s after the first failure,
 * twice as long after each further one, 10 s at most, and nothing any more after a call that went
 * well. Any thread; the time is given, so there is no clock in here. */
#ifndef FUTURED_RUN_HANDLER_BACKOFF_H
#define FUTURED_RUN_HANDLER_BACKOFF_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define HANDLER_BACKOFF_FIRST_MS 100
#define HANDLER_BACKOFF_MAX_MS   10000

struct handler_backoff {
    pthread_mutex_t lock;
    _Atomic unsigned failures; /* in a row; written with the lock held */
    uint64_t retry_ns;         /* no start before that; with the lock held */
};

/* 0 or -errno. */
int handler_backoff_init(struct handler_backoff *backoff);
void handler_backoff_destroy(struct handler_backoff *backoff);

/* May a process be started now? 0: yes; where the last ones failed, nobody else may until this one
 * has shown how it does or the time for the next try has come. Otherwise the time to ask again. */
uint64_t handler_backoff_claim(struct handler_backoff *backoff, uint64_t now_ns);

/* A start or a process failed. */
void handler_backoff_failed(struct handler_backoff *backoff, uint64_t now_ns);
/* A call was answered. Cheap where nothing failed before. */
void handler_backoff_succeeded(struct handler_backoff *backoff);

#endif

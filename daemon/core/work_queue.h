/* The queue of one pool, and the only place where the loop and the workers meet on the way down:
 * the loop pushes and removes the work of futures, workers take it. Its lock decides every race
 * between a cancel and a start. Order: priority first (higher first); within one priority users
 * take turns, and within a user that user's clients; a client's calls leave in the order of
 * pushing. It counts the pool's threads, so that a thread that leaves and a push never miss each
 * other. */
#ifndef FUTURED_CORE_WORK_QUEUE_H
#define FUTURED_CORE_WORK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct work;
struct work_queue;

struct work_queue_rules {
    unsigned max_threads, min_threads;
    uint64_t idle_ns;   /* an idle thread above min_threads leaves after this time */
    uint64_t max_tasks; /* a thread leaves after so many calls; 0: never */
    bool paused;        /* nothing is handed out */
    bool closing;       /* every thread leaves once its call is done */
};

/* NULL: no memory. */
struct work_queue *work_queue_new(void);
/* No thread may be in it any more; calls still queued are let go, not freed. */
void work_queue_free(struct work_queue *queue);

/* Loop thread. Takes effect at once for idle threads, for busy ones after their call. */
void work_queue_set_rules(struct work_queue *queue, const struct work_queue_rules *rules);

/* Loop thread. The work is the queue's until it is taken or removed. No thread is woken for it
 * before work_queue_wake, unless many calls wait. 0 or -ENOMEM. */
int work_queue_push(struct work_queue *queue, struct work *work, int64_t priority, uint32_t uid,
                    uint64_t client);

/* Any thread. Wakes one that waits, if there is a call for it: after pushes, and where a worker
 * cannot take the work that it awaited. */
void work_queue_wake(struct work_queue *queue);

/* Loop thread. True: it was still queued, is out now, and no worker has seen it. False: a worker
 * has taken it. */
bool work_queue_remove(struct work_queue *queue, struct work *work);

/* Loop thread. Gives what is queued another place: behind its client's work of that priority. 0;
 * -ENOMEM; -ESRCH: a worker has taken it. Where it fails nothing has changed. */
int work_queue_move(struct work_queue *queue, struct work *work, int64_t priority);

/* Loop thread. The start of the work is stored ahead. False: a worker has taken it before. */
bool work_queue_let_begin(struct work_queue *queue, struct work *work);
/* Loop thread: those that will be taken next, by and large in their order, `most` of them or less.
 * Workers may have taken some when it returns. */
size_t work_queue_next(struct work_queue *queue, struct work **ret_next, size_t most);

/* Loop thread. */
unsigned work_queue_threads(struct work_queue *queue);
/* Loop thread: how many more threads there is work for now, within max_threads. */
unsigned work_queue_missing(struct work_queue *queue);
/* Loop thread: calls that no worker has taken. */
uint64_t work_queue_length(struct work_queue *queue);
/* Loop thread: whether there are calls to take and threads that wait for some. */
bool work_queue_could_move(struct work_queue *queue);
/* Counts a thread in before it is created, and out where it leaves by its own decision. */
void work_queue_enter(struct work_queue *queue);
void work_queue_leave(struct work_queue *queue);

/* Worker: blocks for the next work. NULL: the thread has been counted out and must end. */
struct work *work_queue_take(struct work_queue *queue);

/* Worker: blocks until there is work to take, and leaves it where it is. False: as NULL above. */
bool work_queue_await(struct work_queue *queue);
/* Worker: the next work if there is some right now; NULL: another thread was faster. */
struct work *work_queue_try(struct work_queue *queue);

/* Worker, after its `tasks`-th call and before it is announced: true if the thread has done its
 * share, or must not go on (`spent`); it has been counted out then and must end. *ret_more: there
 * are calls that wait. */
bool work_queue_retire(struct work_queue *queue, uint64_t tasks, bool spent, bool *ret_more);

#endif

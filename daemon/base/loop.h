/* The event loop's pieces that the inner layers need: a loop, a wakeup that other threads may
 * ring, an absolute timer, a task for the end of a turn, and signals. The only file of the daemon's
 * inside that knows libevent; `net` asks it for the event_base. Loop thread only, but for the two
 * that ring. */
#ifndef FUTURED_BASE_LOOP_H
#define FUTURED_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;
struct loop_wakeup;
struct loop_timer;
struct loop_signal;
struct loop_task;
struct loop_fd;

#define LOOP_SOON_US 1000

typedef void loop_fn(void *arg);

/* 0 or -errno. */
int loop_new(struct loop **ret_loop);
/* Everything made on the loop must be freed before. NULL is allowed. */
void loop_free(struct loop *loop);

/* Runs callbacks until loop_stop; 0 or -errno. */
int loop_run(struct loop *loop);
/* Makes loop_run return after the callback that is running. */
void loop_stop(struct loop *loop);

/* Borrowed; for the net layer. */
struct event_base *loop_event_base(struct loop *loop);

/* Calls `fn(arg)` on the loop thread once or more after each ring. */
int loop_wakeup_new(struct loop *loop, loop_fn *fn, void *arg, struct loop_wakeup **ret_wakeup);
void loop_wakeup_free(struct loop_wakeup *wakeup);
/* Any thread; cheap while a ring is pending already (one atomic exchange, no system call). */
void loop_wakeup_ring(struct loop_wakeup *wakeup);
/* Any thread; as above, but `fn` may come up to LOOP_SOON_US later: many such rings wake the loop
 * once, which is for those who ring often and are in no hurry. */
void loop_wakeup_ring_soon(struct loop_wakeup *wakeup);

/* A one-shot timer on CLOCK_MONOTONIC (a timerfd: exact, and no wake-up while it is not set). */
int loop_timer_new(struct loop *loop, loop_fn *fn, void *arg, struct loop_timer **ret_timer);
void loop_timer_free(struct loop_timer *timer);
/* Fires at `when_ns` (clock_mono_ns; a time gone by fires at once); 0 disarms. Setting the time
 * that is set already costs nothing. */
void loop_timer_set(struct loop_timer *timer, uint64_t when_ns);

/* Something that is to be done once for much: when it has been asked for, `fn(arg)` is called in
 * the same turn of the loop, behind what is at hand. */
int loop_task_new(struct loop *loop, loop_fn *fn, void *arg, struct loop_task **ret_task);
void loop_task_free(struct loop_task *task);
/* Never fails, and costs nothing when it has been asked for already. */
void loop_task_ask(struct loop_task *task);

/* Calls `fn(arg)` on the loop thread when the signal arrives. From then on the thread blocks it,
 * also when the hook is freed: what comes too late is nothing, and ends nobody. No other thread may
 * let it through. */
int loop_signal_new(struct loop *loop, int signal_number, loop_fn *fn, void *arg,
                    struct loop_signal **ret_signal);
void loop_signal_free(struct loop_signal *signal);

/* Calls `fn(arg)` whenever the descriptor, which is borrowed, can be read from, or with `writes`
 * written to. Enabled at first. 0; -EPERM: it is a file that never blocks; -errno. */
int loop_fd_new(struct loop *loop, int number, bool writes, loop_fn *fn, void *arg,
                struct loop_fd **ret_fd);
void loop_fd_free(struct loop_fd *fd);
void loop_fd_enable(struct loop_fd *fd, bool enabled);

#endif

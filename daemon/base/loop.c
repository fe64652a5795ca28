#include "daemon/base/loop.h"

#include "daemon/base/clock.h"
#include "daemon/base/fd.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct loop {
    struct event_base *base;
};

struct loop_wakeup {
    struct event *event, *soon_event;
    int fd;      /* eventfd */
    int soon_fd; /* timerfd, set while `soon_pending` */
    atomic_bool pending, soon_pending;
    loop_fn *fn;
    void *arg;
};

struct loop_timer {
    struct event *event;
    int fd;           /* timerfd */
    uint64_t when_ns; /* 0: not armed */
    loop_fn *fn;
    void *arg;
};

struct loop_task {
    struct event *event;
    bool asked;
    loop_fn *fn;
    void *arg;
};

struct loop_signal {
    struct event *event;
    int fd; /* signalfd */
    loop_fn *fn;
    void *arg;
};

struct loop_fd {
    struct event *event;
    bool enabled;
    loop_fn *fn;
    void *arg;
};

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (!config)
        return NULL;
    /* Locks are not needed: other threads reach the loop through eventfds only. And no variable
     * of the environment may take epoll away, on which the edge-triggered wakeup relies. */
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV) == 0 &&
        event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_O1) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

int loop_new(struct loop **ret_loop)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    if (!loop)
        return -ENOMEM;
    errno = 0;
    loop->base = base_new();
    if (!loop->base) {
        int r = errno > 0 ? -errno : -ENOMEM;

        free(loop);
        return r;
    }
    *ret_loop = loop;
    return 0;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    event_base_free(loop->base);
    free(loop);
}

int loop_run(struct loop *loop)
{
    errno = 0;
    if (event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
        return errno > 0 ? -errno : -EIO;
    return 0;
}

void loop_stop(struct loop *loop)
{
    event_base_loopbreak(loop->base);
}

struct event_base *loop_event_base(struct loop *loop)
{
    return loop->base;
}

static int event_start(struct loop *loop, int fd_or_signal, short what, event_callback_fn callback,
                       void *arg, struct event **ret_event)
{
    struct event *event =
        event_new(loop->base, fd_or_signal, (short)(what | EV_PERSIST), callback, arg);

    if (!event)
        return -ENOMEM;
    errno = 0;
    if (event_add(event, NULL) < 0) {
        int r = errno > 0 ? -errno : -ENOMEM;

        event_free(event);
        return r;
    }
    *ret_event = event;
    return 0;
}

static void on_wakeup(evutil_socket_t fd, short what, void *arg)
{
    struct loop_wakeup *wakeup = arg;

    (void)fd;
    (void)what;
    /* Cleared before the callback, so that a ring during it is not lost; by an exchange and not a
     * plain store, so that this thread sees all that a thread did before a ring that found the
     * flag set. */
    atomic_exchange(&wakeup->pending, false);
    wakeup->fn(wakeup->arg);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
    struct loop_wakeup *wakeup = arg;

    (void)fd;
    (void)what;
    /* As above: before the callback, and by an exchange. */
    atomic_exchange(&wakeup->soon_pending, false);
    wakeup->fn(wakeup->arg);
}

int loop_wakeup_new(struct loop *loop, loop_fn *fn, void *arg, struct loop_wakeup **ret_wakeup)
{
    struct loop_wakeup *wakeup = calloc(1, sizeof(*wakeup));
    int r;

    if (!wakeup)
        return -ENOMEM;
    wakeup->fn = fn;
    wakeup->arg = arg;
    wakeup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    wakeup->soon_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (wakeup->fd < 0 || wakeup->soon_fd < 0) {
        r = -errno;
        goto fail;
    }
    /* Edge-triggered: each write is an edge of its own, so the counter need never be read. The same
     * holds for each time that a timer runs out. */
    r = event_start(loop, wakeup->fd, EV_READ | EV_ET, on_wakeup, wakeup, &wakeup->event);
    if (r == 0)
        r = event_start(loop, wakeup->soon_fd, EV_READ | EV_ET, on_soon, wakeup,
                        &wakeup->soon_event);
    if (r < 0)
        goto fail;
    *ret_wakeup = wakeup;
    return 0;

fail:
    loop_wakeup_free(wakeup);
    return r;
}

void loop_wakeup_free(struct loop_wakeup *wakeup)
{
    if (!wakeup)
        return;
    if (wakeup->event)
        event_free(wakeup->event);
    if (wakeup->soon_event)
        event_free(wakeup->soon_event);
    fd_close(wakeup->fd);
    fd_close(wakeup->soon_fd);
    free(wakeup);
}

void loop_wakeup_ring(struct loop_wakeup *wakeup)
{
    int saved_errno = errno;

    if (atomic_exchange(&wakeup->pending, true))
        return;
    /* It cannot fail: a counter of 64 bits that goes up by one does not reach its end. */
    if (eventfd_write(wakeup->fd, 1) < 0)
        errno = saved_errno;
}

void loop_wakeup_ring_soon(struct loop_wakeup *wakeup)
{
    static const struct itimerspec soon = {.it_value = {.tv_nsec = LOOP_SOON_US * 1000}};

    if (atomic_load(&wakeup->pending) || atomic_exchange(&wakeup->soon_pending, true))
        return;
    /* It cannot fail: the descriptor is a timerfd and the nanoseconds are in range. */
    timerfd_settime(wakeup->soon_fd, 0, &soon, NULL);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop_timer *timer = arg;
    uint64_t expirations;

    (void)what;
    /* Another callback of the same round may have set a later time: then nothing has expired. */
    if (read(fd, &expirations, sizeof(expirations)) < 0)
        return;
    timer->when_ns = 0;
    timer->fn(timer->arg);
}

int loop_timer_new(struct loop *loop, loop_fn *fn, void *arg, struct loop_timer **ret_timer)
{
    struct loop_timer *timer = calloc(1, sizeof(*timer));
    int r;

    if (!timer)
        return -ENOMEM;
    timer->fn = fn;
    timer->arg = arg;
    timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer->fd < 0) {
        r = -errno;
        goto fail;
    }
    r = event_start(loop, timer->fd, EV_READ, on_timer, timer, &timer->event);
    if (r < 0)
        goto fail;
    *ret_timer = timer;
    return 0;

fail:
    loop_timer_free(timer);
    return r;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    if (timer->event)
        event_free(timer->event);
    fd_close(timer->fd);
    free(timer);
}

void loop_timer_set(struct loop_timer *timer, uint64_t when_ns)
{
    struct itimerspec time = {
        .it_value = {.tv_sec = (time_t)(when_ns / NS_PER_S), .tv_nsec = (long)(when_ns % NS_PER_S)},
    };

    if (when_ns == timer->when_ns)
        return;
    timer->when_ns = when_ns;
    /* It cannot fail: the descriptor is a timerfd and the nanoseconds are in range. */
    timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &time, NULL);
}

static void on_task(evutil_socket_t fd, short what, void *arg)
{
    struct loop_task *task = arg;

    (void)fd;
    (void)what;
    task->asked = false;
    task->fn(task->arg);
}

int loop_task_new(struct loop *loop, loop_fn *fn, void *arg, struct loop_task **ret_task)
{
    struct loop_task *task = calloc(1, sizeof(*task));

    if (!task)
        return -ENOMEM;
    task->fn = fn;
    task->arg = arg;
    task->event = event_new(loop->base, -1, 0, on_task, task);
    if (!task->event) {
        free(task);
        return -ENOMEM;
    }
    *ret_task = task;
    return 0;
}

void loop_task_free(struct loop_task *task)
{
    if (!task)
        return;
    event_free(task->event);
    free(task);
}

void loop_task_ask(struct loop_task *task)
{
    if (task->asked)
        return;
    task->asked = true;
    event_active(task->event, EV_TIMEOUT, 0);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    struct loop_signal *signal = arg;
    struct signalfd_siginfo info;

    (void)what;
    if (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        signal->fn(signal->arg);
}

int loop_signal_new(struct loop *loop, int signal_number, loop_fn *fn, void *arg,
                    struct loop_signal **ret_signal)
{
    struct loop_signal *signal = calloc(1, sizeof(*signal));
    sigset_t one;
    int r;

    if (!signal)
        return -ENOMEM;
    signal->fn = fn;
    signal->arg = arg;
    sigemptyset(&one);
    sigaddset(&one, signal_number);
    pthread_sigmask(SIG_BLOCK, &one, NULL);
    signal->fd = signalfd(-1, &one, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signal->fd < 0) {
        r = -errno;
        goto fail;
    }
    r = event_start(loop, signal->fd, EV_READ, on_signal, signal, &signal->event);
    if (r < 0)
        goto fail;
    *ret_signal = signal;
    return 0;

fail:
    loop_signal_free(signal);
    return r;
}

void loop_signal_free(struct loop_signal *signal)
{
    if (!signal)
        return;
    if (signal->event)
        event_free(signal->event);
    fd_close(signal->fd);
    free(signal);
}

static void on_fd(evutil_socket_t number, short what, void *arg)
{
    struct loop_fd *fd = arg;

    (void)number;
    (void)what;
    fd->fn(fd->arg);
}

int loop_fd_new(struct loop *loop, int number, bool writes, loop_fn *fn, void *arg,
                struct loop_fd **ret_fd)
{
    struct loop_fd *fd = calloc(1, sizeof(*fd));
    int r;

    if (!fd)
        return -ENOMEM;
    fd->fn = fn;
    fd->arg = arg;
    fd->enabled = true;
    r = event_start(loop, number, writes ? EV_WRITE : EV_READ, on_fd, fd, &fd->event);
    if (r < 0) {
        free(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

void loop_fd_free(struct loop_fd *fd)
{
    if (!fd)
        return;
    event_free(fd->event);
    free(fd);
}

void loop_fd_enable(struct loop_fd *fd, bool enabled)
{
    if (fd->enabled == enabled)
        return;
    fd->enabled = enabled;
    /* Adding what was there already takes no memory. */
    if (enabled)
        event_add(fd->event, NULL);
    else
        event_del(fd->event);
}

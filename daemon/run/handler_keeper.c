#include "daemon/run/handler_keeper.h"

#include "daemon/base/clock.h"
#include "daemon/base/fd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define NEVER_NS UINT64_MAX

/* A process that has been idle for that long is watched. */
#define REST_NS (50 * NS_PER_MS)

/* How long a process may take to end by itself after the end of its stdin, and after TERM. */
#define PATIENCE_NS NS_PER_S

/* What is watched of a process, in the order of its places in the poll. */
enum { WATCH_EXIT, WATCH_STDOUT, WATCH_STDERR, WATCHES };

STAILQ_HEAD(stock_list, handler_stock);

struct handler_keeper {
    pthread_t thread;
    int ring_fd;
    struct pollfd *watched; /* the thread's; [0] is the ring */
    size_t watched_room;

    pthread_mutex_t lock; /* guards all that follows, and the processes in the lists */
    struct stock_list stocks;
    struct handler_list ending;
    uint64_t wake_ns; /* the thread sleeps until then at the longest */
    bool stopping;
};

/* ---- on the keeper's thread, with the lock held ---- */

static void start_phase(struct handler_process *process, enum handler_phase phase, uint64_t now_ns)
{
    process->phase = phase;
    process->since_ns = now_ns;
    switch (phase) {
    case HANDLER_LIVES:
        break;
    case HANDLER_SEES_EOF:
        process->stdin_fd = fd_close(process->stdin_fd);
        break;
    case HANDLER_SEES_TERM:
        process_signal_group(&process->process, SIGTERM);
        break;
    case HANDLER_SEES_KILL:
        process_signal_group(&process->process, SIGKILL);
        break;
    }
}

static void end_idle(struct handler_keeper *keeper, struct handler_stock *stock,
                     struct handler_process *process, enum handler_phase phase, uint64_t now_ns)
{
    TAILQ_REMOVE(&stock->idle, process, link);
    TAILQ_INSERT_TAIL(&keeper->ending, process, link);
    start_phase(process, phase, now_ns);
}

/* What the last poll has told of a process; it is watched anew only by the next. */
static short take_news(const struct handler_keeper *keeper, struct handler_process *process)
{
    const struct pollfd *watches = &keeper->watched[process->slot];
    short news = 0;

    if (process->slot == 0)
        return 0;
    for (size_t i = 0; i < WATCHES; i++)
        news = (short)(news | watches[i].revents);
    process->slot = 0;
    return news;
}

static void look_at_idle(struct handler_keeper *keeper, struct handler_stock *stock,
                         uint64_t now_ns)
{
    struct handler_process *process, *next;

    for (process = TAILQ_FIRST(&stock->idle); process; process = next) {
        next = TAILQ_NEXT(process, link);
        if (keeper->stopping || now_ns - process->since_ns >= stock->idle_timeout_ns)
            end_idle(keeper, stock, process, HANDLER_SEES_EOF, now_ns);
        else if (take_news(keeper, process) && !handler_process_is_fit(process))
            end_idle(keeper, stock, process, HANDLER_SEES_KILL, now_ns);
    }
}

static void look_at_ending(struct handler_keeper *keeper, uint64_t now_ns)
{
    struct handler_process *process, *next;

    for (process = TAILQ_FIRST(&keeper->ending); process; process = next) {
        next = TAILQ_NEXT(process, link);
        if (take_news(keeper, process))
            handler_process_drain(process);
        if (handler_process_has_exited(process)) {
            TAILQ_REMOVE(&keeper->ending, process, link);
            handler_process_kill(process, NULL);
        } else if (process->phase != HANDLER_SEES_KILL &&
                   now_ns - process->since_ns >= PATIENCE_NS) {
            start_phase(process, process->phase + 1, now_ns);
        }
    }
}

static bool is_over(const struct handler_keeper *keeper)
{
    const struct handler_stock *stock;

    STAILQ_FOREACH (stock, &keeper->stocks, link) {
        if (!TAILQ_EMPTY(&stock->idle))
            return false;
    }
    return keeper->stopping && TAILQ_EMPTY(&keeper->ending);
}

/* ---- what to wait for ---- */

static void wake_at(struct handler_keeper *keeper, uint64_t when_ns)
{
    if (when_ns < keeper->wake_ns)
        keeper->wake_ns = when_ns;
}

static uint64_t after_ns(uint64_t now_ns, uint64_t delay_ns)
{
    return delay_ns < NEVER_NS - now_ns ? now_ns + delay_ns : NEVER_NS;
}

static void watch(struct handler_keeper *keeper, struct handler_process *process, size_t *count)
{
    struct pollfd *watches = &keeper->watched[*count];

    watches[WATCH_EXIT] = (struct pollfd){.fd = process->process.pidfd, .events = POLLIN};
    watches[WATCH_STDOUT] = (struct pollfd){.fd = process->stdout_fd, .events = POLLIN};
    watches[WATCH_STDERR] = (struct pollfd){.fd = process->stderr_fd, .events = POLLIN};
    process->slot = *count;
    *count += WATCHES;
}

static size_t count_processes(const struct handler_keeper *keeper)
{
    const struct handler_stock *stock;
    const struct handler_process *process;
    size_t count = 0;

    STAILQ_FOREACH (stock, &keeper->stocks, link) {
        TAILQ_FOREACH (process, &stock->idle, link)
            count++;
    }
    TAILQ_FOREACH (process, &keeper->ending, link)
        count++;
    return count;
}

/* Room for all; without memory those that find no room are looked at when the time has come. */
static void reserve(struct handler_keeper *keeper)
{
    size_t needed = 1 + WATCHES * count_processes(keeper);
    struct pollfd *watched;

    if (needed <= keeper->watched_room)
        return;
    watched = reallocarray(keeper->watched, 2 * needed, sizeof(*watched));
    if (!watched) {
        wake_at(keeper, after_ns(clock_mono_ns(), PATIENCE_NS));
        return;
    }
    keeper->watched = watched;
    keeper->watched_room = 2 * needed;
}

static void watch_idle(struct handler_keeper *keeper, struct handler_stock *stock, uint64_t now_ns,
                       size_t *count)
{
    struct handler_process *process;

    TAILQ_FOREACH (process, &stock->idle, link) {
        uint64_t rest_ns = after_ns(process->since_ns, REST_NS);

        process->slot = 0;
        wake_at(keeper, after_ns(process->since_ns, stock->idle_timeout_ns));
        if (rest_ns > now_ns)
            wake_at(keeper, rest_ns);
        else if (*count + WATCHES <= keeper->watched_room)
            watch(keeper, process, count);
    }
}

/* Fills in what to poll, and when to wake up in any case. */
static size_t watch_all(struct handler_keeper *keeper, uint64_t now_ns)
{
    struct handler_stock *stock;
    struct handler_process *process;
    size_t count = 1;

    keeper->wake_ns = NEVER_NS;
    reserve(keeper);
    keeper->watched[0] = (struct pollfd){.fd = keeper->ring_fd, .events = POLLIN};
    STAILQ_FOREACH (stock, &keeper->stocks, link)
        watch_idle(keeper, stock, now_ns, &count);
    TAILQ_FOREACH (process, &keeper->ending, link) {
        process->slot = 0;
        if (process->phase != HANDLER_SEES_KILL)
            wake_at(keeper, after_ns(process->since_ns, PATIENCE_NS));
        if (count + WATCHES <= keeper->watched_room)
            watch(keeper, process, &count);
    }
    return count;
}

static void *keeper_main(void *arg)
{
    struct handler_keeper *keeper = arg;
    struct handler_stock *stock;

    pthread_setname_np(pthread_self(), "handlers");
    pthread_mutex_lock(&keeper->lock);
    while (!is_over(keeper)) {
        size_t count = watch_all(keeper, clock_mono_ns());
        uint64_t wake_ns = keeper->wake_ns;
        uint64_t now_ns;
        eventfd_t rings;

        pthread_mutex_unlock(&keeper->lock);
        poll(keeper->watched, (nfds_t)count, clock_poll_ms(wake_ns));
        eventfd_read(keeper->ring_fd, &rings);
        pthread_mutex_lock(&keeper->lock);
        now_ns = clock_mono_ns();
        STAILQ_FOREACH (stock, &keeper->stocks, link)
            look_at_idle(keeper, stock, now_ns);
        look_at_ending(keeper, now_ns);
    }
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

/* ---- for all threads ---- */

/* With the lock held. */
static void ring(struct handler_keeper *keeper)
{
    keeper->wake_ns = 0; /* it is told already */
    (void)eventfd_write(keeper->ring_fd, 1);
}

static int create_thread(struct handler_keeper *keeper)
{
    sigset_t all, before;
    int r;

    /* Signals are the loop's: a thread inherits the mask of the one that creates it. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&keeper->thread, NULL, keeper_main, keeper);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int handler_keeper_new(struct handler_keeper **ret_keeper)
{
    struct handler_keeper *keeper = calloc(1, sizeof(*keeper));
    int r = -ENOMEM;

    if (!keeper)
        return r;
    STAILQ_INIT(&keeper->stocks);
    TAILQ_INIT(&keeper->ending);
    pthread_mutex_init(&keeper->lock, NULL);
    keeper->ring_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    keeper->watched_room = 1 + 16 * WATCHES;
    keeper->watched = calloc(keeper->watched_room, sizeof(*keeper->watched));
    if (keeper->ring_fd < 0)
        r = -errno;
    else if (keeper->watched)
        r = create_thread(keeper);
    if (r < 0) {
        free(keeper->watched);
        fd_close(keeper->ring_fd);
        pthread_mutex_destroy(&keeper->lock);
        free(keeper);
        return r;
    }
    *ret_keeper = keeper;
    return 0;
}

void handler_keeper_free(struct handler_keeper *keeper)
{
    if (!keeper)
        return;
    pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    ring(keeper);
    pthread_mutex_unlock(&keeper->lock);
    pthread_join(keeper->thread, NULL);
    free(keeper->watched);
    fd_close(keeper->ring_fd);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

bool handler_keeper_is_idle(struct handler_keeper *keeper)
{
    bool idle;

    pthread_mutex_lock(&keeper->lock);
    idle = count_processes(keeper) == 0;
    pthread_mutex_unlock(&keeper->lock);
    return idle;
}

void handler_keeper_add(struct handler_keeper *keeper, struct handler_stock *stock)
{
    TAILQ_INIT(&stock->idle);
    pthread_mutex_lock(&keeper->lock);
    STAILQ_INSERT_TAIL(&keeper->stocks, stock, link);
    pthread_mutex_unlock(&keeper->lock);
}

void handler_keeper_close(struct handler_keeper *keeper, struct handler_stock *stock)
{
    struct handler_process *process;
    uint64_t now_ns = clock_mono_ns();

    pthread_mutex_lock(&keeper->lock);
    stock->closed = true;
    while ((process = TAILQ_FIRST(&stock->idle)))
        end_idle(keeper, stock, process, HANDLER_SEES_EOF, now_ns);
    ring(keeper);
    pthread_mutex_unlock(&keeper->lock);
}

void handler_keeper_remove(struct handler_keeper *keeper, struct handler_stock *stock)
{
    pthread_mutex_lock(&keeper->lock);
    STAILQ_REMOVE(&keeper->stocks, stock, handler_stock, link);
    pthread_mutex_unlock(&keeper->lock);
}

struct handler_process *handler_keeper_take(struct handler_keeper *keeper,
                                            struct handler_stock *stock)
{
    struct handler_process *process;

    pthread_mutex_lock(&keeper->lock);
    process = TAILQ_FIRST(&stock->idle);
    if (process)
        TAILQ_REMOVE(&stock->idle, process, link);
    pthread_mutex_unlock(&keeper->lock);
    return process;
}

void handler_keeper_give(struct handler_keeper *keeper, struct handler_stock *stock,
                         struct handler_process *process)
{
    uint64_t now_ns = clock_mono_ns();

    process->since_ns = now_ns;
    process->slot = 0;
    pthread_mutex_lock(&keeper->lock);
    TAILQ_INSERT_HEAD(&stock->idle, process, link);
    if (stock->closed) {
        end_idle(keeper, stock, process, HANDLER_SEES_EOF, now_ns);
        ring(keeper);
    } else if (keeper->wake_ns > after_ns(now_ns, REST_NS) ||
               keeper->wake_ns > after_ns(now_ns, stock->idle_timeout_ns)) {
        ring(keeper);
    }
    pthread_mutex_unlock(&keeper->lock);
}

void handler_keeper_end(struct handler_keeper *keeper, struct handler_process *process)
{
    pthread_mutex_lock(&keeper->lock);
    TAILQ_INSERT_TAIL(&keeper->ending, process, link);
    start_phase(process, HANDLER_SEES_EOF, clock_mono_ns());
    process->slot = 0;
    ring(keeper);
    pthread_mutex_unlock(&keeper->lock);
}

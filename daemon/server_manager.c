#include "daemon/server_manager.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/base/log.h"
#include "daemon/base/systemd.h"
#include "daemon/base/timers.h"
#include "daemon/core/executor.h"
#include "daemon/core/store.h"

/* How often the status is looked at while there is work, and while there is none. */
#define BUSY_NS (1 * NS_PER_S)
#define IDLE_NS (5 * NS_PER_S)
/* The watchdog is fed so many times in its time: one or two ticks may come late. */
#define FEEDS 4
/* What the end takes beyond the time of the jobs: last replies, the store, handlers. */
#define STOP_SLACK_MS 15000

struct manager {
    struct executor *executor;
    struct store *store;
    struct timers *timers;
    struct deadline tick;
    uint64_t watchdog_ns;                        /* 0: there is none */
    int (*notify)(int unset, const char *state); /* NULL: nobody is there to be told */
    bool hungry;                                 /* the log has said that the watchdog is not fed */
    struct store_statistics store_then;          /* as the watchdog saw it last */
    char failure[256];                           /* of the last reload */
    char status[512];                            /* as told last */
};

#if HAVE_SYSTEMD
static void find_manager(struct manager *manager)
{
    uint64_t watchdog_us = 0;
    const char *socket = getenv("NOTIFY_SOCKET");
    if (socket && socket[0] != '\0')
        manager->notify = systemd_function("sd_notify");
    typeof(sd_watchdog_enabled) *enabled =
        getenv("WATCHDOG_USEC") ? systemd_function("sd_watchdog_enabled") : NULL;
    if (enabled && enabled(0, &watchdog_us) > 0)
        manager->watchdog_ns = watchdog_us * 1000;
}
#else
static void find_manager(struct manager *manager)
{
    (void)manager;
}
#endif

static void tell(const struct manager *manager, const char *state)
{
    if (manager->notify)
        (void)manager->notify(0, state);
}

/* ---- status ---- */

/* The counts as they are now; returns whether anything is to be done. */
static bool write_status(const struct manager *manager, char *ret_status, size_t size)
{
    struct client everyone = {.sees_all = true};
    uint64_t counts[FUTURE_STATES];
    executor_counts(manager->executor, &everyone, counts);
    snprintf(ret_status, size, "STATUS=%s%" PRIu64 " running, %" PRIu64 " pending%s%s",
             executor_is_shut_down(manager->executor) ? "stopping: " : "", counts[FUTURE_RUNNING],
             counts[FUTURE_PENDING], manager->failure[0] ? "; reload failed: " : "",
             manager->failure);
    return counts[FUTURE_RUNNING] + counts[FUTURE_PENDING] > 0;
}

static bool tell_status(struct manager *manager)
{
    char status[sizeof(manager->status)];
    bool busy = write_status(manager, status, sizeof(status));
    if (strcmp(status, manager->status) != 0) {
        memcpy(manager->status, status, sizeof(status));
        tell(manager, status);
    }
    return busy;
}

/* ---- watchdog ---- */

/* False: commits have waited since the last time, and none was done in between. A disk without room
 * is a state that the store lives through, and no standstill. */
static bool store_makes_progress(struct manager *manager)
{
    struct store_statistics now;
    const struct store_statistics *then = &manager->store_then;
    manager->store->ops->statistics(manager->store, &now);
    bool stuck = now.waiting > 0 && then->waiting > 0 && now.commits == then->commits && !now.full;
    manager->store_then = now;
    return !stuck;
}

/* That the loop lives shows in this being called at all. */
static void feed_watchdog(struct manager *manager)
{
    bool well = store_makes_progress(manager);
    well &= executor_makes_progress(manager->executor);
    if (well)
        tell(manager, "WATCHDOG=1");
    else if (!manager->hungry)
        log_error("the store or the workers stand still: the watchdog is not fed");
    manager->hungry = !well;
}

static void on_tick(struct deadline *deadline)
{
    struct manager *manager = CONTAINER_OF(deadline, struct manager, tick);
    uint64_t wait_ns = tell_status(manager) ? BUSY_NS : IDLE_NS;
    if (manager->watchdog_ns > 0) {
        feed_watchdog(manager);
        if (wait_ns > manager->watchdog_ns / FEEDS)
            wait_ns = manager->watchdog_ns / FEEDS;
    }
    if (deadline_set(manager->timers, deadline, clock_mono_ns() + wait_ns, on_tick) < 0)
        log_error("no memory: the service manager is told nothing any more");
}

/* ---- what the server tells ---- */

int manager_new(struct executor *executor, struct store *store, struct timers *timers,
                struct manager **ret_manager)
{
    struct manager *manager = calloc(1, sizeof(*manager));
    if (!manager)
        return -ENOMEM;
    manager->executor = executor;
    manager->store = store;
    manager->timers = timers;
    find_manager(manager);
    *ret_manager = manager;
    return 0;
}

void manager_free(struct manager *manager)
{
    if (!manager)
        return;
    deadline_clear(manager->timers, &manager->tick);
    free(manager);
}

void manager_tell_ready(struct manager *manager)
{
    tell(manager, "READY=1");
    if (manager->notify)
        on_tick(&manager->tick);
}

void manager_tell_reloading(struct manager *manager)
{
    char state[64];
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_mono_ns() / 1000);
    tell(manager, state);
}

void manager_tell_reloaded(struct manager *manager, const char *failure)
{
    snprintf(manager->failure, sizeof(manager->failure), "%s", failure ? failure : "");
    tell(manager, "READY=1");
    (void)tell_status(manager);
}

void manager_tell_stopping(struct manager *manager, uint64_t timeout_ms)
{
    char state[96];
    snprintf(state, sizeof(state), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64,
             (timeout_ms + STOP_SLACK_MS) * 1000);
    tell(manager, state);
    (void)tell_status(manager);
}

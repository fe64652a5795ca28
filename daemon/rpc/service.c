#include "daemon/rpc/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/base/log.h"
#include "daemon/rpc/rpc_impl.h"

/* How many rows limit_table has. */
static size_t limit_count(void)
{
    size_t count = 0;
    while (limit_table[count].name)
        count++;
    return count;
}

void service_count_limit(struct service *service, const char *limit)
{
    size_t count = limit_count(), i = 0;
    while (i < count && strcmp(limit_table[i].name, limit) != 0)
        i++;
    if (i < count || strcmp(limit, "queue_limit") == 0)
        service->limit_hits[i]++;
}

void service_count_error(struct service *service, const struct rpc_error *error)
{
    service->errors++;
    if (error->limit[0] != '\0')
        service_count_limit(service, error->limit);
}

/* The waiting calls of shutdown are answered, then the daemon may end; not before each session has
 * been told what it has asked for. */
static void on_drained(void *arg)
{
    struct service *service = arg;
    struct request *request;
    if (service->replays > 0)
        return;
    while ((request = TAILQ_FIRST(&service->shutdown_waiters))) {
        TAILQ_REMOVE(&service->shutdown_waiters, request, waiting_link);
        shutdown_reply(request, true);
    }
    service->settings.on_end(service->settings.arg);
}

static void on_end_check(struct deadline *deadline)
{
    struct service *service = CONTAINER_OF(deadline, struct service, end_check);
    if (executor_is_drained(service->executor) && !executor_owes_answers(service->executor))
        on_drained(service);
}

void service_check_end(struct service *service)
{
    if (service->replays > 0 || !executor_is_shut_down(service->executor))
        return;
    /* In a turn of its own: the caller may be a session that goes. */
    if (deadline_set(service->timers, &service->end_check, clock_mono_ns(), on_end_check) < 0)
        log_error("no memory to end as asked for");
}

int service_new(const struct service_settings *settings, struct service **ret_service)
{
    struct service *service = calloc(1, sizeof(*service));
    if (!service)
        return -ENOMEM;
    service->settings = *settings;
    service->executor = settings->executor;
    service->limits = settings->limits;
    service->timers = settings->timers;
    service->started_us = clock_wall_us();
    service->limit_hits = calloc(limit_count() + 1, sizeof(*service->limit_hits));
    if (!service->limit_hits || writer_reserve(&service->text, TEXT_LEAST_BYTES) < 0) {
        free(service->limit_hits);
        free(service);
        return -ENOMEM;
    }
    TAILQ_INIT(&service->all_subscriptions);
    TAILQ_INIT(&service->shutdown_waiters);
    struct executor_observer observer = {
        .arg = service,
        .on_running = service_on_running,
        .on_progress = service_on_progress,
        .on_done = service_on_done,
        .on_drained = on_drained,
    };
    executor_set_observer(service->executor, &observer);
    *ret_service = service;
    return 0;
}

void service_free(struct service *service)
{
    if (!service)
        return;
    static const struct executor_observer nobody = {.arg = NULL};
    executor_set_observer(service->executor, &nobody);
    deadline_clear(service->timers, &service->end_check);
    writer_free(&service->text);
    writer_free(&service->nowhere);
    writer_free(&service->event_text);
    result_loads_free(service);
    outcome_forget(service);
    free(service->limit_hits);
    free(service);
}

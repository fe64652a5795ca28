/* Futures that wait for others: what `after` of a submit asks for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/log.h"
#include "daemon/core/executor_impl.h"

static enum future_need need_of(const struct stored_after *after)
{
    switch (after->on & ~AFTER_UNSTORED) {
    case AFTER_RESULT:
        return NEEDS_RESULT;
    case AFTER_EXCEPTION:
        return NEEDS_EXCEPTION;
    default:
        return NEEDS_DONE;
    }
}

static bool is_met(enum future_need need, bool has_result, bool has_exception)
{
    switch (need) {
    case NEEDS_RESULT:
        return has_result;
    case NEEDS_EXCEPTION:
        return has_exception;
    case NEEDS_DONE:
        break;
    }
    return true;
}

static bool is_done(const struct glance *glance)
{
    return glance->state == FUTURE_CANCELLED || glance->state == FUTURE_FINISHED;
}

/* Whether a done future is what one that waits for it needs. */
static bool done_as_needed(const struct glance *glance, enum future_need need)
{
    return is_met(need, glance->state == FUTURE_FINISHED && !glance->failed, glance->failed);
}

/* ---- waiting ---- */

/* Makes `waiter` wait for `on`, which is not done. 0 or -ENOMEM. */
static int depend(struct future *waiter, struct future *on, enum future_need need)
{
    struct rare *of_waiter = future_rare(waiter), *of_on = future_rare(on);
    struct dependency *dependency = of_waiter && of_on ? calloc(1, sizeof(*dependency)) : NULL;
    if (!dependency)
        return -ENOMEM;
    dependency->waiter = waiter;
    dependency->on = on;
    dependency->needs = need;
    LIST_INSERT_HEAD(&of_on->dependents, dependency, of_future);
    LIST_INSERT_HEAD(&of_waiter->dependencies, dependency, of_waiter);
    return 0;
}

enum refusal add_dependencies(struct future *future, const struct client *client,
                              struct stored_after *after, size_t count, uint64_t *ret_failed_id,
                              struct refusal_detail *detail)
{
    struct executor *executor = executor_of(future);
    for (size_t i = 0; i < count; i++) {
        struct future *on = NULL;
        struct glance glance;
        detail->id = after[i].id;
        enum refusal refusal = executor_glance(executor, client, after[i].id, &glance);
        if (refusal != REFUSED_NOT)
            return refusal;
        if (is_done(&glance)) {
            if (!done_as_needed(&glance, need_of(&after[i])))
                *ret_failed_id = after[i].id;
            continue;
        }
        (void)executor_find(executor, client, after[i].id, &on);
        if (depend(future, on, need_of(&after[i])) < 0)
            return REFUSED_NO_MEMORY;
        if (!is_stored(on))
            after[i].on |= AFTER_UNSTORED;
    }
    if (future_waits(future))
        add_hold(future, HOLD_AFTER);
    return REFUSED_NOT;
}

bool restore_dependencies(struct future *future, const struct stored_after *after, size_t count)
{
    struct executor *executor = executor_of(future);
    struct client everyone = {.sees_all = true};
    for (size_t i = 0; i < count; i++) {
        struct future *on = NULL;
        struct glance glance;
        bool known = executor_glance(executor, &everyone, after[i].id, &glance) == REFUSED_NOT;
        bool done = known && is_done(&glance);
        /* What is not there any more was done, and well enough: else this one had ended. */
        if (known ? done && done_as_needed(&glance, need_of(&after[i]))
                  : !(after[i].on & AFTER_UNSTORED))
            continue;
        if (!known || done) {
            fail_dependency(future, after[i].id);
            return false;
        }
        (void)executor_find(executor, &everyone, after[i].id, &on);
        if (depend(future, on, need_of(&after[i])) < 0)
            log_error("future %llu: no memory for what it waits for",
                      (unsigned long long)future->id);
    }
    if (future_waits(future))
        add_hold(future, HOLD_AFTER);
    return true;
}

static void free_dependency(struct dependency *dependency)
{
    LIST_REMOVE(dependency, of_future);
    LIST_REMOVE(dependency, of_waiter);
    free(dependency);
}

void drop_dependencies(struct future *future)
{
    while (future_waits(future))
        free_dependency(LIST_FIRST(&future->rare->dependencies));
}

/* ---- what an end does to those that wait ---- */

void settle_dependency_failed(struct future *waiter, uint64_t id)
{
    char message[80], data[40];
    snprintf(message, sizeof(message), "future %llu did not end as this one needed",
             (unsigned long long)id);
    snprintf(data, sizeof(data), "{\"id\":%llu}", (unsigned long long)id);
    settle_exception(waiter, "DependencyFailed", message, data);
}

void fail_dependency(struct future *waiter, uint64_t id)
{
    if (own_map(waiter))
        map_dependency_failed(own_map(waiter), id);
    else
        settle_dependency_failed(waiter, id);
}

static bool is_satisfied(const struct dependency *dependency, const struct future *by)
{
    return is_met(dependency->needs, !by->cancelling && !ends_failed(by), ends_failed(by));
}

/* One that waits for it; NULL: none (more). */
static struct dependency *first_dependent(const struct future *future)
{
    return future->rare ? LIST_FIRST(&future->rare->dependents) : NULL;
}

void fail_dependents(struct future *future)
{
    struct dependency *dependency, *next;
    for (dependency = first_dependent(future); dependency; dependency = next) {
        struct future *waiter = dependency->waiter;
        next = LIST_NEXT(dependency, of_future);
        if (is_satisfied(dependency, future))
            continue;
        free_dependency(dependency);
        fail_dependency(waiter, future->id);
        /* One may wait for the same future in more than one way. */
        next = first_dependent(future);
        while (next && is_satisfied(next, future))
            next = LIST_NEXT(next, of_future);
    }
}

void release_dependents(struct future *future)
{
    struct dependency *dependency;
    fail_dependents(future); /* some may have come since its end was decided */
    while ((dependency = first_dependent(future))) {
        struct future *waiter = dependency->waiter;
        free_dependency(dependency);
        if (!future_waits(waiter))
            release_hold(waiter, HOLD_AFTER);
    }
}

#include "daemon/core/future_log.h"

#include <inttypes.h>

#include "daemon/base/log.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/outcome.h"

static struct log_subject subject_of(const struct future *future)
{
    return (struct log_subject){
        .future = future->id,
        .pool = pool_name(future->spec->pool),
        .fn = future->spec->function->name,
    };
}

static void say_failed(const struct future *future, const char *what)
{
    struct log_subject subject = subject_of(future);
    subject.exception = outcome_type(future_decided(future));
    log_about(&subject, LOG_LEVEL_INFO, "future %" PRIu64 " (%s) %s: %s: %s", subject.future,
              subject.fn, what, subject.exception, outcome_message(future_decided(future)));
}

/* The outcome is the worker's as long as the future runs. */
void future_log_running(const struct future *future)
{
    if (!log_is_on(LOG_LEVEL_DEBUG))
        return;
    struct log_subject subject = subject_of(future);
    log_about(&subject, LOG_LEVEL_DEBUG, "future %" PRIu64 " (%s) runs in pool %s, attempt %u",
              subject.future, subject.fn, subject.pool, future->attempt);
}

void future_log_again(const struct future *future)
{
    if (log_is_on(LOG_LEVEL_INFO) && future_decided(future)->kind == OUTCOME_EXCEPTION)
        say_failed(future, "failed and is tried again");
}

void future_log_done(const struct future *future)
{
    bool failed = future_failed(future);
    if (!log_is_on(failed ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG))
        return;
    if (failed) {
        say_failed(future, "failed");
        return;
    }
    struct log_subject subject = subject_of(future);
    log_about(&subject, LOG_LEVEL_DEBUG, "future %" PRIu64 " (%s) %s", subject.future, subject.fn,
              future->state == FUTURE_CANCELLED ? "was cancelled" : "has finished");
}

#include "tests/support/fake_call.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct call {
    const char *args, *item;
    struct outcome outcome;
    struct output *output;
    uint64_t output_cap_bytes;
    const struct function *function;
    pthread_t thread;
    int stop_fd;
    pthread_mutex_t lock;     /* guards all that follows */
    pthread_cond_t pid_named; /* or progress told */
    pid_t pid, first_pid;
    struct stop_request stop;
    char *progress; /* the latest; malloc'd */
    unsigned progresses;
    bool breaks_pool;
};

struct call *fake_call_new(const char *args, const char *item, uint64_t output_cap_bytes)
{
    struct call *call = calloc(1, sizeof(*call));

    ck_assert_ptr_nonnull(call);
    call->args = args;
    call->item = item;
    call->output_cap_bytes = output_cap_bytes;
    call->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ck_assert_int_ge(call->stop_fd, 0);
    pthread_mutex_init(&call->lock, NULL);
    pthread_cond_init(&call->pid_named, NULL);
    return call;
}

void fake_call_free(struct call *call)
{
    outcome_clear(&call->outcome);
    output_unref(call->output);
    close(call->stop_fd);
    free(call->progress);
    pthread_cond_destroy(&call->pid_named);
    pthread_mutex_destroy(&call->lock);
    free(call);
}

void fake_call_stop(struct call *call, enum stop_cause cause, int signal_number, uint64_t grace_ms)
{
    pthread_mutex_lock(&call->lock);
    call->stop.cause = cause;
    call->stop.serial++;
    call->stop.signal_number = signal_number;
    call->stop.grace_ms = grace_ms;
    eventfd_write(call->stop_fd, 1);
    pthread_mutex_unlock(&call->lock);
}

void fake_call_run(struct call *call, const struct function *function)
{
    function->ops->run(function, call);
    if (call->output)
        output_end(call->output);
}

static void *thread_main(void *arg)
{
    struct call *call = arg;

    fake_call_run(call, call->function);
    return NULL;
}

void fake_call_start(struct call *call, const struct function *function)
{
    call->function = function;
    ck_assert_int_eq(pthread_create(&call->thread, NULL, thread_main, call), 0);
}

void fake_call_join(struct call *call)
{
    ck_assert_int_eq(pthread_join(call->thread, NULL), 0);
}

pid_t fake_call_pid(struct call *call)
{
    pid_t pid;

    pthread_mutex_lock(&call->lock);
    pid = call->pid;
    pthread_mutex_unlock(&call->lock);
    return pid;
}

pid_t fake_call_await_pid(struct call *call)
{
    pid_t pid;

    pthread_mutex_lock(&call->lock);
    while (call->first_pid == 0)
        pthread_cond_wait(&call->pid_named, &call->lock);
    pid = call->first_pid;
    pthread_mutex_unlock(&call->lock);
    return pid;
}

void fake_call_await_progress(struct call *call)
{
    pthread_mutex_lock(&call->lock);
    while (call->progresses == 0)
        pthread_cond_wait(&call->pid_named, &call->lock);
    pthread_mutex_unlock(&call->lock);
}

const char *fake_call_progress(struct call *call, unsigned *ret_count)
{
    *ret_count = call->progresses;
    return call->progress;
}

bool fake_call_breaks_pool(const struct call *call)
{
    return call->breaks_pool;
}

/* --- call.h -------------------------------------------------------------------------------- */

uint64_t call_id(const struct call *call)
{
    (void)call;
    return FAKE_CALL_ID;
}

unsigned call_attempt(const struct call *call)
{
    (void)call;
    return FAKE_CALL_ATTEMPT;
}

const char *call_args(const struct call *call, size_t *ret_bytes)
{
    *ret_bytes = strlen(call->args);
    return call->args;
}

const char *call_item(const struct call *call, size_t *ret_bytes)
{
    *ret_bytes = call->item ? strlen(call->item) : 0;
    return call->item;
}

struct output *call_output(struct call *call)
{
    if (!call->output)
        call->output = output_new(call->output_cap_bytes);
    return call->output;
}

struct outcome *call_outcome(struct call *call)
{
    return &call->outcome;
}

void call_set_pid(struct call *call, pid_t pid)
{
    pthread_mutex_lock(&call->lock);
    if (call->first_pid == 0)
        call->first_pid = pid;
    call->pid = pid;
    pthread_cond_signal(&call->pid_named);
    pthread_mutex_unlock(&call->lock);
}

int call_stop_fd(const struct call *call)
{
    return call->stop_fd;
}

bool call_stop(struct call *call, struct stop_request *ret_request)
{
    bool asked;
    eventfd_t count;

    pthread_mutex_lock(&call->lock);
    asked = call->stop.cause != STOP_NONE;
    if (asked)
        *ret_request = call->stop;
    if (eventfd_read(call->stop_fd, &count) < 0)
        errno = 0;
    pthread_mutex_unlock(&call->lock);
    return asked;
}

bool call_stop_asked(const struct call *call)
{
    /* The lock makes it a promise that whatever came before the request is seen. */
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&call->lock;
    bool asked;

    pthread_mutex_lock(lock);
    asked = call->stop.cause != STOP_NONE;
    pthread_mutex_unlock(lock);
    return asked;
}

int call_progress(struct call *call, const char *json, size_t json_bytes)
{
    char *copy = strndup(json, json_bytes);

    if (!copy)
        return -ENOMEM;
    pthread_mutex_lock(&call->lock);
    free(call->progress);
    call->progress = copy;
    call->progresses++;
    pthread_cond_broadcast(&call->pid_named);
    pthread_mutex_unlock(&call->lock);
    return 0;
}

void call_break_pool(struct call *call)
{
    call->breaks_pool = true;
}

void call_raise_stopped(struct call *call, const struct stop_request *request, char *data,
                        size_t data_bytes)
{
    outcome_set_exception(&call->outcome,
                          request->cause == STOP_TIMEOUT ? "TimedOut" : "Terminated", "stopped",
                          data, data_bytes);
}

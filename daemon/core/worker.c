#include "daemon/core/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/core/begun.h"
#include "daemon/core/call_impl.h"
#include "daemon/core/place.h"
#include "daemon/core/work_queue.h"

#define THREAD_NAME_SIZE 16 /* the kernel's, NUL included */

struct worker {
    struct work_queue *queue;
    begin_call_fn *begin_call;
    struct completions *completions;
    struct place *place; /* NULL: here */
    struct seat *seat;   /* the thread's own; NULL as `place`, or without memory */
    unsigned number;
    void *owner;
    pthread_t thread;
    char name[THREAD_NAME_SIZE];
    _Atomic pid_t tid;
    struct call initializer; /* function NULL: none */
    char *initializer_args;
    struct call *next_call; /* for what is taken next; the thread's own */
    struct message exited, broken;

    int stop_fd;               /* readable while a stop is asked for and not read */
    pthread_mutex_t stop_lock; /* guards what follows */
    struct call *current;
    struct stop_request stop;
    enum gate gate; /* for the current call */
    bool closed;
    struct stop_request last_stop; /* where `closed`: for whatever begins all the same */
    pthread_cond_t gate_moved;
};

/* ---- on the worker's thread ---- */

/* With the stop lock held. */
static void request_stop(struct worker *worker, const struct stop_request *request)
{
    if (!stop_request_follow(&worker->stop, request))
        return;
    atomic_store(&worker->current->stop_asked, true);
    (void)eventfd_write(worker->stop_fd, 1);
}

static void set_current(struct worker *worker, struct call *call)
{
    pthread_mutex_lock(&worker->stop_lock);
    worker->current = call;
    if (worker->stop.cause != STOP_NONE) {
        /* A stop that the runner did not read must not stop the next call. */
        eventfd_t ignored;
        (void)eventfd_read(worker->stop_fd, &ignored);
    }
    worker->stop = (struct stop_request){.cause = STOP_NONE};
    /* The stop that goes with closing comes but once, maybe between two calls. */
    if (call && worker->closed)
        request_stop(worker, &worker->last_stop);
    pthread_mutex_unlock(&worker->stop_lock);
}

/* From here on the call can be asked to stop. */
static void adopt_call(struct worker *worker, struct call *call)
{
    call->worker = worker;
    set_current(worker, call);
}

/* False: the worker must not go on. */
static bool run_call(struct worker *worker, struct call *call)
{
    bool fit = true;
    if (worker->seat)
        fit = worker->place->ops->run(worker->seat, call->function, call);
    else
        call->function->ops->run(call->function, call);
    set_current(worker, NULL);
    if (call->outcome.kind == OUTCOME_NONE)
        outcome_set_exception(&call->outcome, "InternalError", "the function set no outcome", NULL,
                              0);
    struct output *output = atomic_load(&call->output);
    if (output)
        output_end(output);
    atomic_store(&call->pid, 0);
    return fit;
}

static void refuse_call(struct worker *worker, struct call *call)
{
    set_current(worker, NULL);
    outcome_set_exception(&call->outcome, "MemoryError", "its start could not be stored", NULL, 0);
}

/* Waits until the loop lets the call go on. False: it must not. */
static bool pass_gate(struct worker *worker, struct call *call)
{
    pthread_mutex_lock(&worker->stop_lock);
    while (worker->gate == GATE_SHUT && !worker->closed)
        pthread_cond_wait(&worker->gate_moved, &worker->stop_lock);
    enum gate gate = worker->gate;
    worker->gate = GATE_SHUT;
    pthread_mutex_unlock(&worker->stop_lock);
    call->marked = gate == GATE_OPEN_AHEAD;
    return gate == GATE_OPEN || gate == GATE_OPEN_AHEAD;
}

/* Waits for leave to execute the call, where it must. False: it has none. */
static bool may_begin(struct worker *worker, struct call *call)
{
    if (call->gated)
        return pass_gate(worker, call);
    if (!call->marked)
        return true;
    /* Without its mark it has not begun, and is pending for the daemon that comes. */
    pthread_mutex_lock(&worker->stop_lock);
    bool closed = worker->closed;
    pthread_mutex_unlock(&worker->stop_lock);
    return !closed;
}

/* How a worker stands with the queue. */
enum standing {
    STAYS,
    LEFT, /* it has been counted out */
    GONE, /* and the loop has been told */
};

/* Runs the initializer, where there is one. */
static enum standing initialize(struct worker *worker)
{
    if (!worker->initializer.function)
        return STAYS;
    adopt_call(worker, &worker->initializer);
    run_call(worker, &worker->initializer);
    if (worker->initializer.outcome.kind == OUTCOME_RESULT)
        return STAYS;
    work_queue_leave(worker->queue);
    /* That a place was lost on the way says nothing about the initializer. */
    if (worker->initializer.lost == LOST_NOT)
        completions_post(worker->completions, &worker->broken, WAKE_NOT);
    return LEFT;
}

/* Blocks until the seat can execute a call, and there is one: until then it stays in the queue,
 * where it can be cancelled, and where another worker may take it. */
static enum standing await_seat(struct worker *worker)
{
    const struct place_ops *ops = worker->place->ops;
    for (;;) {
        if (!work_queue_await(worker->queue))
            return LEFT;
        enum seat_state state = ops->look(worker->seat);
        if (state == SEAT_READY)
            return STAYS;
        work_queue_wake(worker->queue);
        if (state == SEAT_NOT_YET)
            state = ops->prepare(worker->seat, worker->stop_fd);
        if (state == SEAT_LOST) {
            work_queue_leave(worker->queue);
            return LEFT;
        }
    }
}

/* Fills in the call that was made for it. */
static enum standing take_call(struct worker *worker, struct call **ret_call)
{
    struct work *work;
    do {
        if (!worker->seat)
            work = work_queue_take(worker->queue);
        else if (await_seat(worker) == LEFT)
            return LEFT;
        else
            work = work_queue_try(worker->queue);
    } while (worker->seat && !work);
    if (!work)
        return LEFT;
    *ret_call = worker->next_call;
    worker->next_call = NULL;
    worker->begin_call(*ret_call, work);
    return STAYS;
}

static enum standing begin(struct worker *worker)
{
    atomic_store(&worker->tid, gettid());
    pthread_setname_np(pthread_self(), worker->name);
    if (!worker->place)
        return initialize(worker);
    worker->seat = worker->place->ops->take(worker->place, worker->number, worker->name);
    if (!worker->seat) {
        work_queue_leave(worker->queue);
        return LEFT;
    }
    if (worker->initializer.function && await_seat(worker) == LEFT)
        return LEFT;
    return initialize(worker);
}

static void note_host(struct worker *worker, struct call *call)
{
    struct seat_facts facts;
    if (!worker->seat)
        return;
    worker->place->ops->describe(worker->place, worker->number, &facts);
    if (facts.host[0])
        call->host = strdup(facts.host); /* without memory nobody is told */
}

/* Executes a call, from its announcement to its end, and announces that. */
static enum standing execute(struct worker *worker, struct call *call, uint64_t tasks)
{
    bool fit = true;
    call->started_us = clock_wall_us();
    note_host(worker, call);
    adopt_call(worker, call);
    completions_post(worker->completions, &call->started,
                     call->wake_on_start || call->gated ? WAKE_NOW : WAKE_NOT);
    if (may_begin(worker, call)) {
        if (call->marked)
            begun_set(call->marks, call->id, call->attempt);
        fit = run_call(worker, call);
    } else {
        refuse_call(worker, call);
    }
    call->finished_us = clock_wall_us();
    /* Without memory for another call the thread ends, as one that cannot be started. */
    worker->next_call = call_new();
    /* The thread is gone from the pool, or free for the next call, before anyone can learn that
     * this one is done. */
    bool more;
    bool retired = work_queue_retire(worker->queue, tasks, !fit || !worker->next_call, &more);
    if (retired)
        completions_post(worker->completions, &worker->exited, WAKE_NOT);
    /* While others wait in the queue what counts is how many get through: the loop takes in several
     * ends at a time. */
    completions_post(worker->completions, &call->finished, more ? WAKE_SOON : WAKE_NOW);
    return retired ? GONE : STAYS;
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct call *call = NULL;
    uint64_t tasks = 0;
    enum standing standing = begin(worker);

    while (standing == STAYS) {
        standing = take_call(worker, &call);
        if (standing == STAYS)
            standing = execute(worker, call, ++tasks);
    }
    if (worker->seat)
        worker->place->ops->leave(worker->seat);
    if (standing != GONE)
        completions_post(worker->completions, &worker->exited, WAKE_NOW);
    return NULL;
}

void worker_post(struct worker *worker, struct message *message)
{
    completions_post(worker->completions, message, WAKE_NOW);
}

/* ---- the runner's side of call.h that belongs to the worker ---- */

int call_stop_fd(const struct call *call)
{
    return call->worker->stop_fd;
}

bool call_stop(struct call *call, struct stop_request *ret_request)
{
    struct worker *worker = call->worker;
    pthread_mutex_lock(&worker->stop_lock);
    struct stop_request request = worker->stop;
    eventfd_t ignored;
    (void)eventfd_read(worker->stop_fd, &ignored);
    pthread_mutex_unlock(&worker->stop_lock);
    if (request.cause == STOP_NONE)
        return false;
    *ret_request = request;
    return true;
}

/* ---- on the loop's thread ---- */

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    if (worker->place)
        worker->place->workers--;
    if (worker->stop_fd >= 0)
        close(worker->stop_fd);
    pthread_cond_destroy(&worker->gate_moved);
    pthread_mutex_destroy(&worker->stop_lock);
    call_free(worker->next_call);
    outcome_clear(&worker->initializer.outcome);
    output_unref(atomic_load(&worker->initializer.output));
    free(worker->initializer_args);
    free(worker);
}

static int set_initializer(struct worker *worker, const struct worker_settings *settings)
{
    if (!settings->initializer)
        return 0;
    worker->initializer_args =
        strndup(settings->initializer_args, settings->initializer_args_bytes);
    if (!worker->initializer_args)
        return -ENOMEM;
    worker->initializer.function = settings->initializer;
    worker->initializer.args = worker->initializer_args;
    worker->initializer.args_bytes = settings->initializer_args_bytes;
    worker->initializer.attempt = 1;
    return 0;
}

static int create_thread(struct worker *worker)
{
    /* Signals are the loop's: a thread inherits the mask of the one that creates it. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    work_queue_enter(worker->queue);
    int r = -pthread_create(&worker->thread, NULL, worker_main, worker);
    if (r < 0)
        work_queue_leave(worker->queue);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int worker_start(const struct worker_settings *settings, void *owner, struct worker **ret_worker)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return -ENOMEM;
    worker->queue = settings->queue;
    worker->begin_call = settings->begin_call;
    worker->completions = settings->completions;
    worker->place = settings->place;
    if (worker->place)
        worker->place->workers++;
    worker->number = settings->number;
    worker->owner = owner;
    worker->exited.kind = MESSAGE_WORKER_EXITED;
    worker->broken.kind = MESSAGE_WORKER_BROKEN;
    pthread_mutex_init(&worker->stop_lock, NULL);
    pthread_cond_init(&worker->gate_moved, NULL);
    snprintf(worker->name, sizeof(worker->name), "%s-%u", settings->name_prefix, settings->number);
    worker->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = worker->stop_fd < 0 ? -errno : set_initializer(worker, settings);
    if (r == 0 && !(worker->next_call = call_new()))
        r = -ENOMEM;
    if (r == 0)
        r = create_thread(worker);
    if (r < 0) {
        worker_free(worker);
        return r;
    }
    *ret_worker = worker;
    return 0;
}

void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
}

void worker_open_gate(struct worker *worker, enum gate gate)
{
    pthread_mutex_lock(&worker->stop_lock);
    worker->gate = gate;
    pthread_cond_signal(&worker->gate_moved);
    pthread_mutex_unlock(&worker->stop_lock);
}

void worker_close(struct worker *worker, const struct stop_request *request)
{
    pthread_mutex_lock(&worker->stop_lock);
    worker->closed = true;
    worker->last_stop = *request;
    if (worker->current)
        request_stop(worker, request);
    else
        (void)eventfd_write(worker->stop_fd, 1); /* it may be about to open its seat */
    pthread_cond_signal(&worker->gate_moved);
    pthread_mutex_unlock(&worker->stop_lock);
}

void worker_stop_call(struct worker *worker, const struct call *call,
                      const struct stop_request *request)
{
    pthread_mutex_lock(&worker->stop_lock);
    if (worker->current == call)
        request_stop(worker, request);
    pthread_mutex_unlock(&worker->stop_lock);
}

void *worker_owner(const struct worker *worker)
{
    return worker->owner;
}

struct place *worker_place(const struct worker *worker)
{
    return worker->place;
}

const char *worker_name(const struct worker *worker)
{
    return worker->name;
}

pid_t worker_tid(const struct worker *worker)
{
    return atomic_load(&worker->tid);
}

const struct outcome *worker_failure(const struct worker *worker)
{
    return &worker->initializer.outcome;
}

struct worker *worker_of_message(struct message *message)
{
    size_t offset = message->kind == MESSAGE_WORKER_EXITED ? offsetof(struct worker, exited)
                                                           : offsetof(struct worker, broken);
    return (struct worker *)((char *)message - offset);
}

/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/worker.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/core/future_impl.h"
#include "daemon/core/work_queue.h"
#include "tests/support/core_fixture.h"

/* One worker, whose messages the test takes one by one. */
struct desk {
    struct loop *loop;
    struct completions *completions;
    struct work_queue *queue;
    struct worker *worker;
    struct message *messages; /* taken from the list, not yet looked at */
    int go;                   /* eventfd: lets a job go on */
};

static void on_wakeup(void *arg)
{
    struct desk *desk = arg;
    loop_stop(desk->loop);
}

static void desk_open(struct desk *desk, const struct function *initializer, uint64_t max_tasks)
{
    *desk = (struct desk){.go = eventfd(0, EFD_CLOEXEC)};
    ck_assert_int_eq(loop_new(&desk->loop), 0);
    ck_assert_int_eq(completions_new(desk->loop, on_wakeup, desk, &desk->completions), 0);
    completions_wake_always(desk->completions, true);
    desk->queue = work_queue_new();
    struct work_queue_rules rules = {
        .max_threads = 1, .idle_ns = 3600 * NS_PER_S, .max_tasks = max_tasks};
    work_queue_set_rules(desk->queue, &rules);
    struct worker_settings settings = {
        .queue = desk->queue,
        .begin_call = future_begin_call,
        .completions = desk->completions,
        .name_prefix = "a-rather-long",
        .number = 7,
        .initializer = initializer,
        .initializer_args = "{\"a\":1}garbage",
        .initializer_args_bytes = 7,
    };
    ck_assert_int_eq(worker_start(&settings, desk, &desk->worker), 0);
    ck_assert_ptr_eq(worker_owner(desk->worker), desk);
}

static struct message *next_message(struct desk *desk)
{
    while (!desk->messages) {
        desk->messages = completions_take(desk->completions);
        if (!desk->messages)
            ck_assert_int_eq(loop_run(desk->loop), 0);
    }
    struct message *message = desk->messages;
    desk->messages = message->next;
    return message;
}

static void expect_exit(struct desk *desk)
{
    struct message *message = next_message(desk);
    ck_assert_int_eq(message->kind, MESSAGE_WORKER_EXITED);
    ck_assert_ptr_eq(worker_of_message(message), desk->worker);
}

static void desk_close(struct desk *desk)
{
    ck_assert_ptr_null(desk->messages);
    ck_assert_uint_eq(work_queue_threads(desk->queue), 0);
    worker_join(desk->worker);
    worker_free(desk->worker);
    work_queue_free(desk->queue);
    completions_free(desk->completions);
    loop_free(desk->loop);
    close(desk->go);
}

static void send_away(struct desk *desk)
{
    struct work_queue_rules rules = {.closing = true};
    work_queue_set_rules(desk->queue, &rules);
    expect_exit(desk);
    desk_close(desk);
}

/* What is pushed, and the call that the worker makes of it. */
struct job {
    struct future *future;
    struct call *call;
};

static void job_init(struct job *job, const struct function *function)
{
    struct spec *spec = calloc(1, sizeof(*spec) + 1);
    ck_assert_ptr_nonnull(spec);
    spec->function = function;
    spec->output_cap_bytes = 100;
    *job = (struct job){.future = future_new(spec, false, "[1]", 3)};
    ck_assert_ptr_nonnull(job->future);
    job->future->id = 5;
}

static void job_clear(struct job *job)
{
    call_free(job->call);
    free(job->future->spec);
    free(job->future);
}

static void push(struct desk *desk, struct job *job)
{
    ck_assert_int_eq(work_queue_push(desk->queue, &job->future->work, 0, 1, 1), 0);
    work_queue_wake(desk->queue);
}

static void expect_started(struct desk *desk, struct job *job)
{
    struct message *message = next_message(desk);
    ck_assert_int_eq(message->kind, MESSAGE_CALL_STARTED);
    job->call = (struct call *)((char *)message - offsetof(struct call, started));
    ck_assert_ptr_eq(job->call->future, job->future);
}

static void expect_finished(struct desk *desk, struct job *job)
{
    ck_assert_ptr_eq(next_message(desk), &job->call->finished);
}

/* ---- jobs ---- */

static struct function function_of(void (*run)(const struct function *, struct call *),
                                   struct function_ops *ops, void *state)
{
    *ops = (struct function_ops){.kind = "native", .run = run};
    return (struct function){.name = "test", .ops = ops, .state = state};
}

struct thread_facts {
    char name[16];
    pid_t tid;
    sigset_t mask;
    char args[16];
    uint64_t id;
    unsigned attempt;
};

static void look_around(const struct function *function, struct call *call)
{
    struct thread_facts *facts = function->state;
    size_t bytes;
    const char *args = call_args(call, &bytes);
    memcpy(facts->args, args, bytes);
    pthread_getname_np(pthread_self(), facts->name, sizeof(facts->name));
    facts->tid = gettid();
    pthread_sigmask(SIG_BLOCK, NULL, &facts->mask);
    facts->id = call_id(call);
    facts->attempt = call_attempt(call);
    ck_assert_ptr_null(call_item(call, &bytes));
    ck_assert_uint_eq(bytes, 0);
    call_set_pid(call, 4711);
    outcome_set_result(call_outcome(call), strdup("1"), 1);
}

static void set_no_outcome(const struct function *function, struct call *call)
{
    (void)function;
    output_append(call_output(call), OUTPUT_STDOUT, "hi", 2);
}

static void raise_boom(const struct function *function, struct call *call)
{
    (void)function;
    outcome_set_exception(call_outcome(call), "Boom", "no", NULL, 0);
}

/* Returns once it may, without a look at what it was asked. */
static void wait_for_go(const struct function *function, struct call *call)
{
    const struct desk *desk = function->state;
    eventfd_t value;
    ck_assert_int_eq(eventfd_read(desk->go, &value), 0);
    outcome_set_result(call_outcome(call), NULL, 0);
}

/* Returns the serial of the stop that it was asked for: "0" where it is not asked within no time.
 */
static void tell_stop(const struct function *function, struct call *call)
{
    struct pollfd stop = {.fd = call_stop_fd(call), .events = POLLIN};
    struct stop_request request = {.serial = 0};
    char text[32 + sizeof(request.reason)];
    if (function->state)
        poll(&stop, 1, -1);
    bool readable = poll(&stop, 1, 0) > 0;
    bool asked = call_stop(call, &request);
    bool quiet = poll(&stop, 1, 0) == 0;
    snprintf(text, sizeof(text), "%d%d%d %u %s", readable, asked, quiet, request.serial,
             request.reason);
    outcome_set_result(call_outcome(call), strdup(text), strlen(text));
}

/* Looks when the desk says so, at the last of what was asked by then. */
static void tell_stop_on_go(const struct function *function, struct call *call)
{
    const struct desk *desk = function->state;
    eventfd_t value;
    ck_assert_int_eq(eventfd_read(desk->go, &value), 0);
    tell_stop(function, call);
}

/* ---- tests ---- */

START_TEST(a_call_runs_on_a_thread_of_its_own)
{
    struct thread_facts facts = {.id = 0};
    struct function_ops ops;
    struct function function = function_of(look_around, &ops, &facts);
    struct job job;
    struct desk desk;
    desk_open(&desk, NULL, 0);
    job_init(&job, &function);
    push(&desk, &job);
    expect_started(&desk, &job);
    expect_finished(&desk, &job);
    ck_assert_str_eq(facts.name, "a-rather-long-7");
    ck_assert_str_eq(worker_name(desk.worker), "a-rather-long-7");
    ck_assert_int_ne(facts.tid, gettid());
    ck_assert_int_eq(worker_tid(desk.worker), facts.tid);
    ck_assert_str_eq(facts.args, "[1]");
    ck_assert_uint_eq(facts.id, 5);
    ck_assert_uint_eq(facts.attempt, 1);
    ck_assert_int_eq(sigismember(&facts.mask, SIGTERM), 1);
    ck_assert_int_eq(sigismember(&facts.mask, SIGCHLD), 1);
    ck_assert_int_eq(job.call->outcome.kind, OUTCOME_RESULT);
    ck_assert_int_eq(atomic_load(&job.call->pid), 0);
    ck_assert_int_gt(job.call->started_us, 0);
    ck_assert_int_ge(job.call->finished_us, job.call->started_us);
    ck_assert_ptr_eq(job.call->worker, desk.worker);
    send_away(&desk);
    job_clear(&job);
    /* The mask of this thread is as it was. */
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    ck_assert_int_eq(sigismember(&mask, SIGTERM), 0);
}
END_TEST

START_TEST(a_function_without_outcome_raises_and_its_output_ends)
{
    struct function_ops ops;
    struct function function = function_of(set_no_outcome, &ops, NULL);
    struct job job;
    struct desk desk;
    char text[8];
    uint64_t kept;
    bool ended;
    desk_open(&desk, NULL, 0);
    job_init(&job, &function);
    push(&desk, &job);
    expect_started(&desk, &job);
    expect_finished(&desk, &job);
    ck_assert_int_eq(job.call->outcome.kind, OUTCOME_EXCEPTION);
    ck_assert_str_eq(outcome_type(&job.call->outcome), "InternalError");
    ck_assert_uint_eq(
        output_read(atomic_load(&job.call->output), OUTPUT_STDOUT, 0, text, 8, &kept, &ended), 2);
    ck_assert(ended);
    send_away(&desk);
    job_clear(&job);
}
END_TEST

START_TEST(a_worker_takes_one_call_after_the_other)
{
    struct function_ops ops;
    struct function function = function_of(raise_boom, &ops, NULL);
    struct job jobs[20];
    struct desk desk;
    desk_open(&desk, NULL, 0);
    for (size_t i = 0; i < 20; i++) {
        job_init(&jobs[i], &function);
        push(&desk, &jobs[i]);
    }
    for (size_t i = 0; i < 20; i++) {
        expect_started(&desk, &jobs[i]);
        expect_finished(&desk, &jobs[i]);
        ck_assert_str_eq(outcome_type(&jobs[i].call->outcome), "Boom");
        job_clear(&jobs[i]);
    }
    send_away(&desk);
}
END_TEST

START_TEST(the_last_call_of_a_share_is_told_after_the_exit)
{
    struct function_ops ops;
    struct function function = function_of(raise_boom, &ops, NULL);
    struct job jobs[3];
    struct desk desk;
    desk_open(&desk, NULL, 2);
    for (size_t i = 0; i < 3; i++) {
        job_init(&jobs[i], &function);
        push(&desk, &jobs[i]);
    }
    expect_started(&desk, &jobs[0]);
    expect_finished(&desk, &jobs[0]);
    expect_started(&desk, &jobs[1]);
    expect_exit(&desk);
    expect_finished(&desk, &jobs[1]);
    ck_assert_uint_eq(work_queue_length(desk.queue), 1);
    ck_assert(work_queue_remove(desk.queue, &jobs[2].future->work));
    desk_close(&desk);
    for (size_t i = 0; i < 3; i++)
        job_clear(&jobs[i]);
}
END_TEST

START_TEST(the_initializer_comes_first)
{
    struct thread_facts facts = {.id = 99};
    struct function_ops ops, call_ops;
    struct function initializer = function_of(look_around, &ops, &facts);
    struct function function = function_of(raise_boom, &call_ops, NULL);
    struct job job;
    struct desk desk;
    desk_open(&desk, &initializer, 0);
    job_init(&job, &function);
    push(&desk, &job);
    expect_started(&desk, &job);
    ck_assert_str_eq(facts.args, "{\"a\":1}");
    ck_assert_uint_eq(facts.id, 0);
    ck_assert_int_eq(facts.tid, worker_tid(desk.worker));
    expect_finished(&desk, &job);
    send_away(&desk);
    job_clear(&job);
}
END_TEST

START_TEST(an_initializer_that_raises_ends_the_worker)
{
    struct function_ops ops;
    struct function initializer = function_of(raise_boom, &ops, NULL);
    struct job job;
    struct desk desk;
    desk_open(&desk, &initializer, 0);
    job_init(&job, &initializer);
    push(&desk, &job);
    struct message *message = next_message(&desk);
    ck_assert_int_eq(message->kind, MESSAGE_WORKER_BROKEN);
    ck_assert_ptr_eq(worker_of_message(message), desk.worker);
    ck_assert_str_eq(outcome_type(worker_failure(desk.worker)), "Boom");
    expect_exit(&desk);
    ck_assert_uint_eq(work_queue_length(desk.queue), 1);
    desk_close(&desk);
    job_clear(&job);
}
END_TEST

START_TEST(only_the_call_that_runs_can_be_stopped)
{
    struct stop_request stop = {.cause = STOP_TERMINATE, .reason = "enough"};
    struct function_ops ops, waiting_ops;
    struct desk desk;
    struct function waiting = function_of(wait_for_go, &waiting_ops, &desk);
    struct function telling = function_of(tell_stop, &ops, NULL);
    struct job first, second;
    desk_open(&desk, NULL, 0);
    job_init(&first, &waiting);
    job_init(&second, &telling);
    push(&desk, &first);
    push(&desk, &second);
    expect_started(&desk, &first);
    struct call other = {.id = 6};
    worker_stop_call(desk.worker, &other, &stop);
    ck_assert_int_eq(eventfd_write(desk.go, 1), 0);
    expect_finished(&desk, &first);
    expect_started(&desk, &second);
    expect_finished(&desk, &second);
    ck_assert_str_eq(second.call->outcome.json, "001 0 ");
    /* Nor one that is through. */
    worker_stop_call(desk.worker, second.call, &stop);
    job_clear(&second);
    job_init(&second, &telling);
    push(&desk, &second);
    expect_started(&desk, &second);
    expect_finished(&desk, &second);
    ck_assert_str_eq(second.call->outcome.json, "001 0 ");
    send_away(&desk);
    job_clear(&first);
    job_clear(&second);
}
END_TEST

START_TEST(a_stop_that_nobody_read_does_not_stop_the_next_call)
{
    struct stop_request stop = {.cause = STOP_TERMINATE, .reason = "enough"};
    struct function_ops ops, waiting_ops;
    struct desk desk;
    struct function waiting = function_of(wait_for_go, &waiting_ops, &desk);
    struct function telling = function_of(tell_stop, &ops, NULL);
    struct job first, second;
    desk_open(&desk, NULL, 0);
    job_init(&first, &waiting);
    job_init(&second, &telling);
    push(&desk, &first);
    push(&desk, &second);
    expect_started(&desk, &first);
    worker_stop_call(desk.worker, first.call, &stop);
    ck_assert_int_eq(eventfd_write(desk.go, 1), 0);
    expect_finished(&desk, &first);
    expect_started(&desk, &second);
    expect_finished(&desk, &second);
    ck_assert_str_eq(second.call->outcome.json, "001 0 ");
    send_away(&desk);
    job_clear(&first);
    job_clear(&second);
}
END_TEST

START_TEST(a_second_stop_has_a_higher_serial)
{
    struct stop_request stop = {.cause = STOP_TERMINATE, .reason = "enough"};
    struct function_ops ops;
    struct desk desk;
    struct function telling = function_of(tell_stop, &ops, &desk);
    struct job job;
    desk_open(&desk, NULL, 0);
    job_init(&job, &telling);
    push(&desk, &job);
    expect_started(&desk, &job);
    worker_stop_call(desk.worker, job.call, &stop);
    expect_finished(&desk, &job);
    ck_assert_str_eq(job.call->outcome.json, "111 1 enough");
    send_away(&desk);
    job_clear(&job);
}
END_TEST

static void expect_told(const struct stop_request *first, const struct stop_request *second,
                        const char *told)
{
    struct function_ops ops;
    struct desk desk;
    struct function telling = function_of(tell_stop_on_go, &ops, &desk);
    struct job job;
    desk_open(&desk, NULL, 0);
    job_init(&job, &telling);
    push(&desk, &job);
    expect_started(&desk, &job);
    worker_stop_call(desk.worker, job.call, first);
    worker_stop_call(desk.worker, job.call, second);
    ck_assert_int_eq(eventfd_write(desk.go, 1), 0);
    expect_finished(&desk, &job);
    ck_assert_str_eq(job.call->outcome.json, told);
    send_away(&desk);
    job_clear(&job);
}

START_TEST(a_second_stop_takes_the_place_of_the_first)
{
    struct stop_request terminate = {.cause = STOP_TERMINATE, .reason = "enough"};
    struct stop_request other = {.cause = STOP_TERMINATE, .reason = "at once"};
    struct stop_request wordless = {.cause = STOP_TERMINATE, .signal_number = SIGKILL};
    struct stop_request timeout = {.cause = STOP_TIMEOUT, .reason = "late"};
    expect_told(&terminate, &other, "111 2 at once");
    expect_told(&terminate, &wordless, "111 2 enough");
    expect_told(&timeout, &terminate, "111 2 enough");
    /* What is ended already does not run out of its time. */
    expect_told(&terminate, &timeout, "111 1 enough");
}
END_TEST

START_TEST(an_initializer_can_be_stopped)
{
    struct stop_request stop = {.cause = STOP_SHUTDOWN};
    struct function_ops ops;
    struct desk desk;
    struct function telling = function_of(tell_stop, &ops, &desk);
    desk_open(&desk, &telling, 0);
    struct work_queue_rules rules = {.closing = true};
    work_queue_set_rules(desk.queue, &rules);
    /* Whether the thread has come to it yet or not. */
    worker_close(desk.worker, &stop);
    expect_exit(&desk);
    desk_close(&desk);
}
END_TEST

START_TEST(what_begins_after_the_close_is_stopped)
{
    struct stop_request stop = {.cause = STOP_SHUTDOWN, .reason = "the end"};
    struct function_ops ops, waiting_ops;
    struct desk desk;
    struct function waiting = function_of(wait_for_go, &waiting_ops, &desk);
    struct function telling = function_of(tell_stop, &ops, &desk);
    struct job first, second;
    desk_open(&desk, NULL, 0);
    job_init(&first, &waiting);
    job_init(&second, &telling);
    push(&desk, &first);
    push(&desk, &second);
    expect_started(&desk, &first);
    worker_close(desk.worker, &stop);
    ck_assert_int_eq(eventfd_write(desk.go, 1), 0);
    expect_finished(&desk, &first);
    expect_started(&desk, &second);
    expect_finished(&desk, &second);
    ck_assert_str_eq(second.call->outcome.json, "111 1 the end");
    send_away(&desk);
    job_clear(&first);
    job_clear(&second);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_call_runs_on_a_thread_of_its_own,
        a_function_without_outcome_raises_and_its_output_ends,
        a_worker_takes_one_call_after_the_other,
        the_last_call_of_a_share_is_told_after_the_exit,
        the_initializer_comes_first,
        an_initializer_that_raises_ends_the_worker,
        only_the_call_that_runs_can_be_stopped,
        a_stop_that_nobody_read_does_not_stop_the_next_call,
        a_second_stop_has_a_higher_serial,
        a_second_stop_takes_the_place_of_the_first,
        an_initializer_can_be_stopped,
        what_begins_after_the_close_is_stopped,
    };
    return CORE_CHECK("worker", tests);
}

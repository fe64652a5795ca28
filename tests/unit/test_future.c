/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/future.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/future_impl.h"
#include "tests/support/core_fixture.h"

/* ---- the state machine ---- */

static const enum future_state states[] = {FUTURE_PENDING, FUTURE_RUNNING, FUTURE_CANCELLED,
                                           FUTURE_FINISHED};

/* Row: from. Column: to. What is not here is refused. */
static const bool legal[FUTURE_STATES][FUTURE_STATES] = {
    /*                   PENDING RUNNING CANCELLED FINISHED */
    [FUTURE_PENDING] = {false, true, true, true},
    [FUTURE_RUNNING] = {true, false, false, true},
    [FUTURE_CANCELLED] = {true, false, false, false},
    [FUTURE_FINISHED] = {true, false, false, false},
};

/* A future that no worker will ever touch, set to `state` by hand. */
static struct future *future_in(struct core *core, enum future_state state)
{
    struct future *future = core_start(core, &core->ok, "1");
    ck_assert_int_eq(future_state(future), FUTURE_PENDING);
    if (state != FUTURE_PENDING)
        ck_assert_int_eq(future_set_state(future, state, 1, 5), 0);
    return future;
}

static struct core *paused_core(void)
{
    struct core *core = core_new(NULL);
    executor_pause_pool(core->executor, core->pool, true);
    return core;
}

START_TEST(every_transition_is_allowed_or_refused)
{
    struct core *core = paused_core();
    for (size_t from = 0; from < FUTURE_STATES; from++) {
        for (size_t to = 0; to < FUTURE_STATES; to++) {
            struct future *future = future_in(core, states[from]);
            struct future_info before = core_info(future);
            uint64_t cursor = future_cursor(future);
            int r = future_set_state(future, states[to], 1000, 77);
            struct future_info after = core_info(future);
            ck_assert_msg(r == (legal[from][to] ? 0 : -EPROTO), "%s to %s gave %d",
                          future_state_name(states[from]), future_state_name(states[to]), r);
            if (r == 0) {
                ck_assert_int_eq(after.state, states[to]);
                ck_assert_uint_eq(future_cursor(future), 1000);
            } else {
                ck_assert_int_eq(after.state, states[from]);
                ck_assert_uint_eq(future_cursor(future), cursor);
                ck_assert_int_eq(after.started_us, before.started_us);
                ck_assert_int_eq(after.finished_us, before.finished_us);
            }
        }
    }
    core_free(core);
}
END_TEST

START_TEST(times_follow_the_state)
{
    struct core *core = paused_core();
    struct future *future = future_in(core, FUTURE_PENDING);
    ck_assert_int_gt(core_info(future).submitted_us, 0);
    ck_assert_int_eq(core_info(future).started_us, 0);
    ck_assert_int_eq(future_set_state(future, FUTURE_RUNNING, 1, 10), 0);
    ck_assert_int_eq(core_info(future).started_us, 10);
    ck_assert_int_eq(core_info(future).finished_us, 0);
    ck_assert_int_eq(future_set_state(future, FUTURE_FINISHED, 2, 20), 0);
    ck_assert_int_eq(core_info(future).started_us, 10);
    ck_assert_int_eq(core_info(future).finished_us, 20);
    ck_assert_int_eq(future_set_state(future, FUTURE_PENDING, 3, 30), 0);
    ck_assert_int_eq(core_info(future).started_us, 0);
    ck_assert_int_eq(core_info(future).finished_us, 0);
    core_free(core);
}
END_TEST

START_TEST(counts_follow_the_state)
{
    struct core *core = paused_core();
    uint64_t counts[FUTURE_STATES];
    for (size_t i = 0; i < FUTURE_STATES; i++)
        for (size_t j = 0; j <= i; j++)
            (void)future_in(core, states[i]);
    executor_counts(core->executor, &core->client, counts);
    for (size_t i = 0; i < FUTURE_STATES; i++)
        ck_assert_uint_eq(counts[states[i]], i + 1);
    ck_assert_uint_eq(pool_pending(core->pool), 1);
    core_free(core);
}
END_TEST

START_TEST(states_and_reasons_have_names)
{
    ck_assert_str_eq(future_state_name(FUTURE_PENDING), "PENDING");
    ck_assert_str_eq(future_state_name(FUTURE_RUNNING), "RUNNING");
    ck_assert_str_eq(future_state_name(FUTURE_CANCELLED), "CANCELLED");
    ck_assert_str_eq(future_state_name(FUTURE_FINISHED), "FINISHED");
    ck_assert_ptr_null(future_waiting_name(WAITING_NOT));
    ck_assert_str_eq(future_waiting_name(WAITING_DELAY), "delay");
    ck_assert_str_eq(future_waiting_name(WAITING_AFTER), "after");
    ck_assert_str_eq(future_waiting_name(WAITING_PAUSED), "paused");
    ck_assert_str_eq(future_waiting_name(WAITING_RETRY), "retry");
}
END_TEST

/* ---- watching ---- */

struct watcher {
    struct future_watch watch;
    char *log; /* a letter each time that it is told */
    char letter;
    struct future_watch *removes; /* taken off when this one is told */
};

static void on_event(struct future_watch *watch, struct future *future, enum future_event event)
{
    struct watcher *watcher = (struct watcher *)watch;
    size_t size = strlen(watcher->log);
    watcher->log[size] =
        event == EVENT_FUTURE_DONE ? watcher->letter : (char)(watcher->letter | 32);
    watcher->log[size + 1] = '\0';
    if (event == EVENT_FUTURE_DONE) {
        ck_assert(future_is_done(future));
        ck_assert_ptr_null(watch->future);
    }
    if (watcher->removes)
        future_watch_remove(watcher->removes);
}

static void watch(struct future *future, struct watcher *watcher, char letter, char *log,
                  enum watch_phase phase)
{
    *watcher = (struct watcher){.letter = letter, .log = log};
    future_watch_add(future, &watcher->watch, phase, on_event);
}

START_TEST(notifications_go_out_before_replies)
{
    struct core *core = core_new(NULL);
    struct future *future = core_start(core, &core->gate, "1");
    struct watcher watchers[4];
    char log[16] = "";
    watch(future, &watchers[0], 'R', log, WATCH_REPLY);
    watch(future, &watchers[1], 'N', log, WATCH_NOTIFY);
    watch(future, &watchers[2], 'S', log, WATCH_REPLY);
    watch(future, &watchers[3], 'M', log, WATCH_NOTIFY);
    core_await_running(core, future);
    ck_assert_uint_eq(strlen(log), 4);
    ck_assert_ptr_nonnull(strchr(log, 'm'));
    log[0] = '\0';
    core_pass(core, 1);
    core_await_done(core, future);
    ck_assert_uint_eq(strlen(log), 4);
    /* Both notifications first, and each exactly once. */
    ck_assert_uint_eq(strspn(log, "MN"), 2);
    ck_assert_str_eq(log + 2, "RS");
    core_free(core);
}
END_TEST

START_TEST(a_watch_can_be_taken_off_while_the_others_are_told)
{
    struct core *core = core_new(NULL);
    struct future *future = core_start(core, &core->gate, "1");
    struct watcher first, second, third;
    char log[16] = "";
    watch(future, &first, 'A', log, WATCH_REPLY);
    watch(future, &second, 'B', log, WATCH_REPLY);
    watch(future, &third, 'C', log, WATCH_REPLY);
    future_watch_remove(&third.watch);
    future_watch_remove(&third.watch);
    core_await_running(core, future);
    first.removes = &second.watch;
    core_pass(core, 1);
    core_await_done(core, future);
    ck_assert_str_eq(log, "abA");
    core_free(core);
}
END_TEST

/* ---- what a pending one takes ---- */

/* There may be a million of them: who needs a member more pays for it in all of these. */
START_TEST(a_pending_future_is_small)
{
    struct core *core = paused_core();
    struct future *future = future_in(core, FUTURE_PENDING);
    ck_assert_uint_le(sizeof(struct future), 144);
    ck_assert_ptr_null(future->call);
    ck_assert_ptr_null(future->rare);
    core_free(core);
}
END_TEST

START_TEST(equal_submits_share_what_they_have_in_common)
{
    struct core *core = paused_core();
    struct submission one = core_call(core, &core->ok, "1"),
                      other = core_call(core, &core->ok, "2");
    const struct future *first = core_take(core, &one);
    ck_assert_ptr_eq(core_take(core, &other)->spec, first->spec);
    other.label = "other";
    const struct future *labelled = core_take(core, &other);
    ck_assert_ptr_ne(labelled->spec, first->spec);
    ck_assert_ptr_eq(core_take(core, &other)->spec, labelled->spec);
    one.timeout_ns = 1;
    ck_assert_ptr_ne(core_take(core, &one)->spec, first->spec);
    core->client.number++;
    one.timeout_ns = 0;
    ck_assert_ptr_ne(core_take(core, &one)->spec, first->spec);
    core->client.uid++;
    ck_assert_ptr_ne(core_take(core, &one)->spec, first->spec);
    /* A map's is its own. */
    struct submission_item items[1];
    static const char *const texts[] = {"1"};
    struct submission map = core_map(core, &core->ok, items, texts, 1);
    const struct future *whole = core_take(core, &map);
    ck_assert_ptr_ne(core_take(core, &map)->spec, whole->spec);
    ck_assert_ptr_eq(future_map_item(whole, 0)->spec, whole->spec);
    core_free(core);
}
END_TEST

static void write_and_wait(const struct function *function, struct call *call)
{
    const struct core *core = function->state;
    output_append(call_output(call), OUTPUT_STDOUT, "hi", 2);
    core->gate.ops->run(&core->gate, call);
}

/* Nobody else wants to know that it has started: it is told all the same while it still runs. */
START_TEST(output_can_be_watched_before_the_start)
{
    struct core_options options = {.not_durable = true};
    struct core *core = core_new(&options);
    static const struct function_ops ops = {.kind = "native", .run = write_and_wait};
    struct function writer = {.name = "write", .doc = "write", .ops = &ops, .state = core};
    executor_want_running(core->executor, false);
    executor_pause_pool(core->executor, core->pool, true);
    struct future *future = core_start(core, &writer, "1");
    struct watcher watcher;
    char log[16] = "";
    watch(future, &watcher, 'W', log, WATCH_NOTIFY);
    future_watch_output(future);
    executor_pause_pool(core->executor, core->pool, false);
    while (!strstr(log, "ww")) /* RUNNING, then the output */
        core_turn(core);
    ck_assert_int_eq(future_state(future), FUTURE_RUNNING);
    core_pass(core, 1);
    core_await_done(core, future);
    core_free(core);
}
END_TEST

/* ---- CPython's Future ---- */

/* What an operation of CPython's Future answers: a bool, a value, or what it raises. */
enum answer {
    NO,
    YES,
    VALUE,
    NONE,
    RAISES_TIMEOUT,
    RAISES_CANCELLED,
    RAISES_THE_EXCEPTION,
    GIVES_THE_EXCEPTION,
    CALLED_AT_ONCE,
    CALLED_LATER,
};

enum situation {
    IS_PENDING,
    IS_RUNNING,
    IS_CANCELLED,
    IS_FINISHED,
    HAS_RAISED,
};
#define SITUATIONS 5

enum operation {
    CANCEL,
    CANCELLED,
    RUNNING,
    DONE,
    RESULT,    /* timeout=0 */
    EXCEPTION, /* timeout=0 */
    ADD_DONE_CALLBACK,
};
#define OPERATIONS 7

static const char *const operation_names[] = {
    "cancel()",  "cancelled()",  "running()",           "done()",
    "result(0)", "exception(0)", "add_done_callback()",
};

static const enum answer python[OPERATIONS][SITUATIONS] = {
    /*            PENDING         RUNNING         CANCELLED         FINISHED  with exception */
    [CANCEL] = {YES, NO, YES, NO, NO},
    [CANCELLED] = {NO, NO, YES, NO, NO},
    [RUNNING] = {NO, YES, NO, NO, NO},
    [DONE] = {NO, NO, YES, YES, YES},
    [RESULT] = {RAISES_TIMEOUT, RAISES_TIMEOUT, RAISES_CANCELLED, VALUE, RAISES_THE_EXCEPTION},
    [EXCEPTION] = {RAISES_TIMEOUT, RAISES_TIMEOUT, RAISES_CANCELLED, NONE, GIVES_THE_EXCEPTION},
    [ADD_DONE_CALLBACK] = {CALLED_LATER, CALLED_LATER, CALLED_AT_ONCE, CALLED_AT_ONCE,
                           CALLED_AT_ONCE},
};

/* The operations, as a client library puts them together from what the executor gives. */

static enum answer answer_to_cancel(struct core *core, struct future *future)
{
    return core_cancel(core, future) ? YES : NO;
}

static enum answer answer_to_result(const struct future *future, bool wants_exception)
{
    if (!future_is_done(future))
        return RAISES_TIMEOUT;
    if (future_state(future) == FUTURE_CANCELLED)
        return RAISES_CANCELLED;
    const struct outcome *outcome = future_outcome(future);
    if (outcome->kind == OUTCOME_RESULT) {
        ck_assert_mem_eq(outcome->json, "42", 2);
        return wants_exception ? NONE : VALUE;
    }
    ck_assert_int_eq(outcome->kind, OUTCOME_EXCEPTION);
    ck_assert_str_eq(outcome_type(outcome), "Boom");
    ck_assert_str_eq(outcome_message(outcome), "it went boom");
    return wants_exception ? GIVES_THE_EXCEPTION : RAISES_THE_EXCEPTION;
}

static enum answer answer_to_callback(struct core *core, struct future *future)
{
    struct watcher watcher;
    char log[16] = "";
    if (future_is_done(future))
        return CALLED_AT_ONCE;
    watch(future, &watcher, 'X', log, WATCH_NOTIFY);
    ck_assert_str_eq(log, "");
    core_pass(core, 2);
    core_await_done(core, future);
    ck_assert_uint_eq(strlen(strchr(log, 'X')), 1);
    return CALLED_LATER;
}

static enum answer answer_of(struct core *core, struct future *future, enum operation operation)
{
    switch (operation) {
    case CANCEL:
        return answer_to_cancel(core, future);
    case CANCELLED:
        return future_state(future) == FUTURE_CANCELLED ? YES : NO;
    case RUNNING:
        return future_state(future) == FUTURE_RUNNING ? YES : NO;
    case DONE:
        return future_is_done(future) ? YES : NO;
    case RESULT:
        return answer_to_result(future, false);
    case EXCEPTION:
        return answer_to_result(future, true);
    case ADD_DONE_CALLBACK:
        return answer_to_callback(core, future);
    }
    return NO;
}

/* The pool has one worker, which a job at the gate keeps busy where the future is to be pending. */
static struct future *future_for(struct core *core, enum situation situation)
{
    struct future *future = NULL;
    switch (situation) {
    case IS_PENDING:
    case IS_CANCELLED:
        core_await_running(core, core_start(core, &core->gate, "0"));
        future = core_start(core, &core->ok, "42");
        if (situation == IS_CANCELLED)
            ck_assert(core_cancel(core, future));
        return future;
    case IS_RUNNING:
        future = core_start(core, &core->gate, "42");
        core_await_running(core, future);
        return future;
    case IS_FINISHED:
        future = core_start(core, &core->ok, "42");
        break;
    case HAS_RAISED:
        future = core_start(core, &core->fail, "42");
        break;
    }
    core_await_done(core, future);
    return future;
}

START_TEST(every_operation_answers_as_python_does)
{
    for (unsigned operation = 0; operation < OPERATIONS; operation++) {
        for (unsigned situation = 0; situation < SITUATIONS; situation++) {
            struct core *core = core_new(NULL);
            struct future *future = future_for(core, (enum situation)situation);
            enum answer answer = answer_of(core, future, (enum operation)operation);
            ck_assert_msg(answer == python[operation][situation], "%s in situation %u answered %u",
                          operation_names[operation], situation, answer);
            /* And again: asking changes nothing. */
            if (operation != ADD_DONE_CALLBACK)
                ck_assert_int_eq(answer_of(core, future, (enum operation)operation), answer);
            core_free(core);
        }
    }
}
END_TEST

START_TEST(cancel_does_not_change_what_runs_or_is_done)
{
    struct core *core = core_new(NULL);
    struct future *running = future_for(core, IS_RUNNING);
    ck_assert(!core_cancel(core, running));
    ck_assert_int_eq(future_state(running), FUTURE_RUNNING);
    core_pass(core, 1);
    core_await_done(core, running);
    core_expect_result(running, "42");
    ck_assert(!core_cancel(core, running));
    core_expect_result(running, "42");
    ck_assert_uint_eq(core_ends_of(core, future_id(running)), 1);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_transition_is_allowed_or_refused,
        times_follow_the_state,
        counts_follow_the_state,
        states_and_reasons_have_names,
        notifications_go_out_before_replies,
        a_watch_can_be_taken_off_while_the_others_are_told,
        every_operation_answers_as_python_does,
        cancel_does_not_change_what_runs_or_is_done,
        a_pending_future_is_small,
        equal_submits_share_what_they_have_in_common,
        output_can_be_watched_before_the_start,
    };
    return CORE_CHECK("future", tests);
}

/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/executor.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "tests/support/core_fixture.h"

#define ON_RESULT    AFTER_RESULT
#define ON_EXCEPTION AFTER_EXCEPTION
#define ON_DONE      AFTER_DONE

static struct submission after(struct core *core, const struct function *function,
                               const struct submission_after *on, size_t count)
{
    struct submission submission = core_call(core, function, "x");
    submission.after = on;
    submission.after_count = count;
    return submission;
}

static struct future *take_after(struct core *core, const struct function *function, uint64_t id,
                                 int on)
{
    struct submission_after one = {.id = id};
    one.on = on == ON_RESULT ? AFTER_RESULT : on == ON_EXCEPTION ? AFTER_EXCEPTION : AFTER_DONE;
    struct submission submission = after(core, function, &one, 1);
    return core_take(core, &submission);
}

static void expect_dependency_failed(const struct future *future, uint64_t id)
{
    char data[40];
    core_expect_exception(future, "DependencyFailed");
    const struct outcome *outcome = future_outcome(future);
    snprintf(data, sizeof(data), "{\"id\":%llu}", (unsigned long long)id);
    ck_assert_uint_eq(outcome->json_bytes, strlen(data));
    ck_assert_mem_eq(outcome->json, data, strlen(data));
}

/* ---- what it waits for ---- */

enum ending { RETURNED, RAISED, CANCELLED };

/* Lets a future that others wait for come to its end. */
static struct future *ended(struct core *core, enum ending ending, bool first)
{
    struct future *future = NULL;
    executor_pause_pool(core->executor, core->pool, true);
    future = core_start(core, ending == RAISED ? &core->fail : &core->ok, "1");
    if (ending == CANCELLED && first)
        ck_assert(core_cancel(core, future));
    if (first) {
        executor_pause_pool(core->executor, core->pool, false);
        core_await_done(core, future);
    }
    return future;
}

START_TEST(each_kind_of_end_sets_the_right_ones_free)
{
    static const bool runs[3][3] = {
        /*                RETURNED RAISED CANCELLED */
        [ON_RESULT] = {true, false, false},
        [ON_EXCEPTION] = {false, true, false},
        [ON_DONE] = {true, true, true},
    };
    for (int on = ON_RESULT; on <= ON_DONE; on++) {
        for (int ending = RETURNED; ending <= CANCELLED; ending++) {
            for (int done_before = 0; done_before < 2; done_before++) {
                struct core *core = core_new(NULL);
                struct future *first = ended(core, (enum ending)ending, done_before);
                struct future *second = take_after(core, &core->ok, future_id(first), on);
                if (!done_before) {
                    ck_assert_int_eq(core_info(second).waiting, WAITING_AFTER);
                    if (ending == CANCELLED)
                        ck_assert(core_cancel(core, first));
                    executor_pause_pool(core->executor, core->pool, false);
                }
                core_await_done(core, second);
                ck_assert(future_is_done(first));
                if (runs[on][ending])
                    core_expect_result(second, "x");
                else
                    expect_dependency_failed(second, future_id(first));
                ck_assert_uint_eq(core_ran(core, future_id(second)), runs[on][ending]);
                core_free(core);
            }
        }
    }
}
END_TEST

START_TEST(an_unknown_id_is_refused)
{
    struct core *core = core_new(NULL);
    struct client other = {.uid = 1001, .number = 2};
    struct submission plain = core_call(core, &core->ok, "1");
    struct core_answer answer;
    core_submit(core, &plain, &other, &answer);
    uint64_t ids[] = {0, answer.id, 99, UINT64_MAX};
    struct future *mine = core_start(core, &core->ok, "1");
    for (size_t i = 0; i < 4; i++) {
        struct submission_after on[2] = {{.id = future_id(mine), .on = AFTER_DONE},
                                         {.id = ids[i], .on = AFTER_DONE}};
        struct submission submission = after(core, &core->ok, on, 2);
        core_refused(core, &submission, REFUSED_NOT_FOUND, &answer);
        ck_assert_uint_eq(answer.detail.id, ids[i]);
    }
    /* Not even its own id, which nobody knows before. */
    ck_assert_uint_eq(executor_next_id(core->executor), 3);
    struct submission_after self = {.id = 3, .on = AFTER_DONE};
    struct submission submission = after(core, &core->ok, &self, 1);
    core_refused(core, &submission, REFUSED_NOT_FOUND, &answer);
    core_await_ends(core, 2);
    core_free(core);
}
END_TEST

START_TEST(an_expired_id_is_told_apart)
{
    struct core_options options = {.not_durable = true, .retention_count = 1};
    struct core *core = core_new(&options);
    struct core_answer answer;
    (void)core_start(core, &core->ok, "1");
    (void)core_start(core, &core->ok, "2");
    core_await_ends(core, 2);
    executor_sync(core->executor);
    struct submission_after on = {.id = 1, .on = AFTER_DONE};
    struct submission submission = after(core, &core->ok, &on, 1);
    core_refused(core, &submission, REFUSED_EXPIRED, &answer);
    ck_assert_uint_eq(answer.detail.id, 1);
    core_free(core);
}
END_TEST

START_TEST(a_diamond_joins_once)
{
    struct core_options options = {.max_workers = 3};
    struct core *core = core_new(&options);
    struct future *top = core_start(core, &core->gate, "1");
    struct future *left = take_after(core, &core->gate, future_id(top), ON_RESULT);
    struct future *right = take_after(core, &core->gate, future_id(top), ON_RESULT);
    struct submission_after on[] = {{.id = future_id(left), .on = AFTER_RESULT},
                                    {.id = future_id(right), .on = AFTER_RESULT},
                                    {.id = future_id(top), .on = AFTER_RESULT},
                                    {.id = future_id(left), .on = AFTER_DONE}};
    struct submission submission = after(core, &core->ok, on, 4);
    struct future *bottom = core_take(core, &submission);
    core_pass(core, 1);
    core_await_running(core, left);
    core_await_running(core, right);
    core_pass(core, 1);
    core_await_ends(core, 2);
    ck_assert_int_eq(core_info(bottom).waiting, WAITING_AFTER);
    core_pass(core, 1);
    core_await_done(core, bottom);
    ck_assert_uint_eq(core_bodies(core), 4);
    ck_assert_uint_eq(core_ran(core, future_id(bottom)), 1);
    core_free(core);
}
END_TEST

START_TEST(a_failure_goes_down_the_chain)
{
    struct core *core = core_new(NULL);
    executor_pause_pool(core->executor, core->pool, true);
    struct future *first = core_start(core, &core->fail, "1");
    struct future *second = take_after(core, &core->ok, future_id(first), ON_RESULT);
    struct future *third = take_after(core, &core->ok, future_id(second), ON_RESULT);
    struct future *rescue = take_after(core, &core->ok, future_id(third), ON_EXCEPTION);
    struct future *always = take_after(core, &core->ok, future_id(third), ON_DONE);
    executor_pause_pool(core->executor, core->pool, false);
    core_await_done(core, rescue);
    core_await_done(core, always);
    expect_dependency_failed(second, future_id(first));
    expect_dependency_failed(third, future_id(second));
    core_expect_result(rescue, "x");
    ck_assert_uint_eq(core_bodies(core), 3);
    core_free(core);
}
END_TEST

#define LONG_CHAIN 100000

/* A chain that ends all at once: nothing of it may go down the stack. */
static void chain(struct core *core, size_t links, bool cancel)
{
    executor_pause_pool(core->executor, core->pool, true);
    struct future *first = core_start(core, &core->fail, "1"), *last = first;
    for (size_t i = 1; i < links; i++)
        last = take_after(core, &core->ok, future_id(last), ON_RESULT);
    if (cancel)
        ck_assert(core_cancel(core, first));
    else
        executor_pause_pool(core->executor, core->pool, false);
    core_await_done(core, last);
    ck_assert_uint_eq(core_ends(core), links);
    expect_dependency_failed(last, links - 1);
    ck_assert_uint_eq(core_bodies(core), cancel ? 0 : 1);
    core_free(core);
}

START_TEST(a_long_chain_fails_without_a_deep_stack)
{
    chain(core_new(NULL), LONG_CHAIN, false);
    chain(core_new(NULL), LONG_CHAIN / 10, true);
}
END_TEST

START_TEST(a_long_chain_runs_in_order)
{
    struct core *core = core_new(NULL);
    enum { LINKS = 2000 };
    struct future *last = core_start(core, &core->ok, "1");
    for (size_t i = 1; i < LINKS; i++)
        last = take_after(core, &core->ok, future_id(last), ON_RESULT);
    core_await_done(core, last);
    ck_assert_uint_eq(core_bodies(core), LINKS);
    for (size_t i = 0; i < LINKS; i++)
        ck_assert_uint_eq(core_body(core, i), i + 1);
    core_free(core);
}
END_TEST

START_TEST(a_long_chain_goes_with_the_executor)
{
    struct core *core = core_new(NULL);
    executor_pause_pool(core->executor, core->pool, true);
    struct future *last = core_start(core, &core->ok, "1");
    for (size_t i = 1; i < LONG_CHAIN; i++)
        last = take_after(core, &core->ok, future_id(last), ON_RESULT);
    core_free(core);
}
END_TEST

START_TEST(a_map_waits_as_a_whole)
{
    struct core *core = core_new(NULL);
    const char *const texts[] = {"1", "2"};
    struct submission_item items[2];
    struct submission submission = core_map(core, &core->ok, items, texts, 2);
    struct future *first = core_start(core, &core->gate, "1");
    core_await_running(core, first);
    struct submission_after on = {.id = future_id(first), .on = AFTER_RESULT};
    submission.after = &on;
    submission.after_count = 1;
    struct future *map = core_take(core, &submission);
    struct submission_after after_map = {.id = future_id(map), .on = AFTER_RESULT};
    struct submission last_call = after(core, &core->ok, &after_map, 1);
    struct future *last = core_take(core, &last_call);
    ck_assert_int_eq(core_info(map).waiting, WAITING_AFTER);
    ck_assert_int_eq(core_info(future_map_item(map, 1)).waiting, WAITING_AFTER);
    core_pass(core, 1);
    core_await_done(core, last);
    ck_assert_uint_eq(core_body(core, 3), future_id(last));
    core_free(core);
}
END_TEST

START_TEST(a_map_that_cannot_start_fails_with_its_items)
{
    for (int open = 0; open < 2; open++) {
        struct core *core = core_new(NULL);
        const char *const texts[] = {"1", "2"};
        struct submission_item items[2];
        struct submission submission = core_map(core, &core->ok, items, texts, 2);
        struct core_add_answer added;
        struct future *first = core_start(core, &core->gate, "1");
        core_await_running(core, first);
        struct submission_after on = {.id = future_id(first), .on = AFTER_EXCEPTION};
        submission.after = &on;
        submission.after_count = 1;
        submission.open = open;
        submission.window = 100;
        struct future *map = core_take(core, &submission);
        core_pass(core, 1);
        core_await_done(core, map);
        expect_dependency_failed(map, future_id(first));
        for (uint64_t i = 0; i < 2; i++)
            expect_dependency_failed(future_map_item(map, i), future_id(first));
        core_add(core, map, texts, 1, &added);
        ck_assert_int_eq(added.refusal, REFUSED_STATE);
        ck_assert_uint_eq(core_bodies(core), 1);
        /* Tried again it does not wait any more. */
        if (!open) {
            ck_assert_int_eq(core_retry(core, map), REFUSED_NOT);
            core_await_done(core, map);
            ck_assert_int_eq(future_outcome(map)->kind, OUTCOME_RESULT);
        }
        /* And a map that comes too late. */
        map = core_take(core, &submission);
        ck_assert(future_is_done(map));
        expect_dependency_failed(map, future_id(first));
        ck_assert_int_eq(core_forget(core, map), REFUSED_NOT);
        core_free(core);
    }
}
END_TEST

START_TEST(a_map_that_fails_during_an_addition_is_forgotten_after_it)
{
    for (int error = 0; error >= -EIO; error -= EIO) {
        struct core *core = core_new(NULL);
        const char *const texts[] = {"1", "2"};
        struct submission_item items[2];
        struct submission submission = core_map(core, &core->ok, items, texts, 2);
        struct core_add_answer added;
        executor_pause_pool(core->executor, core->pool, true);
        struct future *first = core_start(core, &core->ok, "1");
        struct submission_after on = {.id = future_id(first), .on = AFTER_RESULT};
        submission.after = &on;
        submission.after_count = 1;
        submission.open = true;
        submission.window = 100;
        struct future *map = core_take(core, &submission);
        core->store.holding = true;
        core_add(core, map, texts, 2, &added);
        (void)core_cancel(core, first);
        /* The addition, the end of what the map waits for, and those of the first items. */
        ck_assert_uint_eq(core->store.held, 4);
        ck_assert_uint_eq(added.count, 0);
        core_store_release(core, 1, error);
        ck_assert_int_eq(added.refusal, error ? REFUSED_STORAGE : REFUSED_NOT);
        core_store_release(core, 1, 0);
        ck_assert_int_eq(future_state(first), FUTURE_CANCELLED);
        core_store_release(core, 2, 0);
        ck_assert(!future_is_done(map));
        core->store.holding = false;
        core_store_release(core, SIZE_MAX, 0);
        expect_dependency_failed(map, future_id(first));
        for (uint64_t i = 0; i < (error ? 2 : 4); i++)
            expect_dependency_failed(future_map_item(map, i), future_id(first));
        ck_assert_int_eq(core_forget(core, map), REFUSED_NOT);
        core_free(core);
    }
}
END_TEST

START_TEST(a_dependency_may_end_before_the_waiter_is_stored)
{
    struct core *core = core_new(NULL);
    struct core_answer good, bad;
    executor_pause_pool(core->executor, core->pool, true);
    struct future *first = core_start(core, &core->ok, "1");
    core->store.holding = true;
    struct submission_after on_result = {.id = 1, .on = AFTER_RESULT};
    struct submission_after on_done = {.id = 1, .on = AFTER_DONE};
    struct submission wants_result = after(core, &core->ok, &on_result, 1);
    struct submission wants_done = after(core, &core->ok, &on_done, 1);
    (void)core_cancel(core, first);
    core_submit(core, &wants_result, &core->client, &bad);
    core_submit(core, &wants_done, &core->client, &good);
    core_store_release(core, 1, 0); /* the cancel */
    ck_assert_int_eq(future_state(first), FUTURE_CANCELLED);
    ck_assert_uint_eq(good.count + bad.count, 0);
    ck_assert_uint_eq(core_ends(core), 1);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_int_eq(bad.refusal, REFUSED_NOT);
    ck_assert_int_eq(bad.state, FUTURE_PENDING);
    expect_dependency_failed(bad.future, 1);
    executor_pause_pool(core->executor, core->pool, false);
    core_await_done(core, good.future);
    core_expect_result(good.future, "x");
    core_free(core);
}
END_TEST

START_TEST(a_waiter_that_is_not_stored_is_gone_whatever_was_decided)
{
    struct core *core = core_new(NULL);
    struct core_answer answer;
    executor_pause_pool(core->executor, core->pool, true);
    struct future *first = core_start(core, &core->ok, "1");
    core->store.holding = true;
    struct submission_after on_result = {.id = 1, .on = AFTER_RESULT};
    struct submission wants_result = after(core, &core->ok, &on_result, 1);
    core_submit(core, &wants_result, &core->client, &answer);
    (void)core_cancel(core, first);
    /* The submit is the first of the two commits, but a store may tell of them late. */
    ck_assert_uint_eq(core->store.held, 2);
    core_store_release(core, 1, -EIO);
    ck_assert_int_eq(answer.refusal, REFUSED_STORAGE);
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_int_eq(future_state(first), FUTURE_CANCELLED);
    ck_assert_uint_eq(core_ends(core), 1);
    core_free(core);
}
END_TEST

/* ---- delay ---- */

START_TEST(a_delay_is_never_cut_short)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->ok, "1");
    submission.delay_ns = 20 * NS_PER_MS;
    uint64_t since_ns = clock_mono_ns();
    struct future *future = core_take(core, &submission);
    ck_assert_int_eq(core_info(future).waiting, WAITING_DELAY);
    ck_assert_uint_eq(pool_worker_count(core->pool), 0);
    core_await_done(core, future);
    ck_assert_uint_ge(clock_mono_ns() - since_ns, submission.delay_ns);
    core_free(core);
}
END_TEST

START_TEST(delay_and_after_hold_together)
{
    struct core *core = core_new(NULL);
    struct future *first = core_start(core, &core->gate, "1");
    struct submission_after on = {.id = future_id(first), .on = AFTER_DONE};
    struct submission submission = after(core, &core->ok, &on, 1);
    /* The delay ends first. */
    submission.delay_ns = 1;
    struct future *second = core_take(core, &submission);
    ck_assert_int_eq(core_info(second).waiting, WAITING_DELAY);
    while (core_info(second).waiting == WAITING_DELAY)
        core_turn(core);
    ck_assert_int_eq(core_info(second).waiting, WAITING_AFTER);
    /* The other one ends first. */
    submission.delay_ns = 20 * NS_PER_MS;
    uint64_t since_ns = clock_mono_ns();
    struct future *third = core_take(core, &submission);
    core_pass(core, 1);
    core_await_done(core, second);
    core_await_done(core, third);
    ck_assert_uint_ge(clock_mono_ns() - since_ns, submission.delay_ns);
    core_free(core);
}
END_TEST

START_TEST(a_delay_may_be_over_before_the_commit)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->ok, "1");
    struct core_answer answer;
    core->store.holding = true;
    submission.delay_ns = 1;
    core_submit(core, &submission, &core->client, &answer);
    core_turn(core);
    ck_assert_uint_eq(answer.count, 0);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    core_await_done(core, answer.future);
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

START_TEST(the_longest_delay_has_no_end)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->ok, "1");
    submission.delay_ns = UINT64_MAX;
    struct future *future = core_take(core, &submission);
    core_await_done(core, core_start(core, &core->ok, "2"));
    ck_assert_int_eq(core_info(future).waiting, WAITING_DELAY);
    ck_assert(core_cancel(core, future));
    core_free(core);
}
END_TEST

/* The store has no memory for the end of the first, and has it again for that of the second. */
START_TEST(a_failure_is_told_after_its_cause_whatever_memory_there_is)
{
    struct core *core = core_new(NULL);
    executor_pause_pool(core->executor, core->pool, true);
    struct future *cause = core_start(core, &core->fail, "1");
    struct future *waiter = take_after(core, &core->ok, future_id(cause), ON_RESULT);
    executor_pause_pool(core->executor, core->pool, false);
    core->store.short_of = 1;
    core_await_ends(core, 2);
    ck_assert_uint_eq(core->store.short_of, 0);
    expect_dependency_failed(waiter, future_id(cause));
    size_t ends = 0;
    for (size_t i = 0; i < core->event_count; i++)
        if (core->events[i].kind == CORE_DONE)
            ck_assert_uint_eq(core->events[i].id, future_id(ends++ == 0 ? cause : waiter));
    core_free(core);
}
END_TEST

START_TEST(a_map_is_delayed_as_a_whole)
{
    struct core *core = core_new(NULL);
    const char *const texts[] = {"1", "2"};
    struct submission_item items[2];
    struct submission submission = core_map(core, &core->ok, items, texts, 2);
    submission.delay_ns = 10 * NS_PER_MS;
    uint64_t since_ns = clock_mono_ns();
    struct future *map = core_take(core, &submission);
    ck_assert_int_eq(core_info(future_map_item(map, 0)).waiting, WAITING_DELAY);
    core_await_done(core, map);
    ck_assert_uint_ge(clock_mono_ns() - since_ns, submission.delay_ns);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_kind_of_end_sets_the_right_ones_free,
        an_unknown_id_is_refused,
        an_expired_id_is_told_apart,
        a_diamond_joins_once,
        a_failure_goes_down_the_chain,
        a_failure_is_told_after_its_cause_whatever_memory_there_is,
        a_long_chain_fails_without_a_deep_stack,
        a_long_chain_runs_in_order,
        a_long_chain_goes_with_the_executor,
        a_map_waits_as_a_whole,
        a_map_that_cannot_start_fails_with_its_items,
        a_map_that_fails_during_an_addition_is_forgotten_after_it,
        a_dependency_may_end_before_the_waiter_is_stored,
        a_waiter_that_is_not_stored_is_gone_whatever_was_decided,
        a_delay_is_never_cut_short,
        delay_and_after_hold_together,
        a_delay_may_be_over_before_the_commit,
        the_longest_delay_has_no_end,
        a_map_is_delayed_as_a_whole,
    };
    return CORE_CHECK("executor_after", tests);
}

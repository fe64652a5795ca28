/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/statistics.h"

#include <check.h>
#include <stdint.h>

#include "daemon/core/executor.h"
#include "tests/support/core_fixture.h"

/* ---- histograms ---- */

START_TEST(a_bound_belongs_to_the_bucket_below_it)
{
    for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
        struct histogram histogram = {.sum_us = 0};
        if (i > 0)
            ck_assert_int_gt(histogram_bounds_us[i], histogram_bounds_us[i - 1]);
        histogram_add(&histogram, histogram_bounds_us[i]);
        histogram_add(&histogram, histogram_bounds_us[i] + 1);
        ck_assert_uint_eq(histogram.buckets[i], 1);
        ck_assert_uint_eq(histogram.buckets[i + 1], 1);
        ck_assert_uint_eq(histogram_count(&histogram), 2);
        ck_assert_uint_eq(histogram.sum_us, 2 * (uint64_t)histogram_bounds_us[i] + 1);
    }
}
END_TEST

START_TEST(a_clock_that_was_set_back_counts_as_nothing)
{
    struct histogram histogram = {.sum_us = 0};
    histogram_add(&histogram, -5000000);
    ck_assert_uint_eq(histogram.buckets[0], 1);
    ck_assert_uint_eq(histogram.sum_us, 0);
}
END_TEST

/* ---- what is counted ---- */

START_TEST(each_end_is_counted_as_what_it_is)
{
    struct core *core = core_new(NULL);
    const struct pool_statistics *statistics = pool_statistics(core->pool);
    core_await_done(core, core_start(core, &core->ok, "1"));
    core_await_done(core, core_start(core, &core->fail, "1"));
    executor_pause_pool(core->executor, core->pool, true);
    struct future *future = core_start(core, &core->ok, "2");
    ck_assert_uint_eq(pool_pending(core->pool), 1);
    ck_assert(core_cancel(core, future));
    ck_assert_uint_eq(statistics->submitted, 3);
    ck_assert_uint_eq(statistics->returned, 1);
    ck_assert_uint_eq(statistics->raised, 1);
    ck_assert_uint_eq(statistics->cancelled, 1);
    ck_assert_uint_eq(pool_pending(core->pool), 0);
    /* What never ran has neither waited for a worker to the end nor run. */
    ck_assert_uint_eq(histogram_count(&statistics->queue_wait), 2);
    ck_assert_uint_eq(histogram_count(&statistics->run_time), 2);
    core_free(core);
}
END_TEST

START_TEST(what_runs_is_a_state_and_no_end)
{
    struct core *core = core_new(NULL);
    const struct pool_statistics *statistics = pool_statistics(core->pool);
    struct future *future = core_start(core, &core->gate, "1");
    core_await_running(core, future);
    ck_assert_uint_eq(statistics->running, 1);
    ck_assert_uint_eq(histogram_count(&statistics->queue_wait), 1);
    ck_assert_uint_eq(histogram_count(&statistics->run_time), 0);
    core_pass(core, 1);
    core_await_done(core, future);
    ck_assert_uint_eq(statistics->running, 0);
    ck_assert_uint_eq(histogram_count(&statistics->run_time), 1);
    core_free(core);
}
END_TEST

START_TEST(each_attempt_counts_and_the_future_once)
{
    struct core *core = core_new(NULL);
    const struct pool_statistics *statistics = pool_statistics(core->pool);
    struct submission submission = core_call(core, &core->flaky, "3");
    submission.retry_max = 5;
    submission.retry_backoff = 1;
    core_await_done(core, core_take(core, &submission));
    ck_assert_uint_eq(statistics->submitted, 1);
    ck_assert_uint_eq(statistics->retried, 2);
    ck_assert_uint_eq(statistics->returned, 1);
    ck_assert_uint_eq(statistics->raised, 0);
    ck_assert_uint_eq(histogram_count(&statistics->queue_wait), 3);
    ck_assert_uint_eq(histogram_count(&statistics->run_time), 3);
    core_free(core);
}
END_TEST

START_TEST(a_map_counts_as_its_items)
{
    static const char *const texts[] = {"1", "2", "3"};
    struct core *core = core_new(NULL);
    const struct pool_statistics *statistics = pool_statistics(core->pool);
    struct submission_item items[3];
    struct submission submission = core_map(core, &core->ok, items, texts, 3);
    struct future *map = core_take(core, &submission);
    core_await_done(core, map);
    ck_assert_uint_eq(statistics->submitted, 3);
    ck_assert_uint_eq(statistics->returned, 3);
    ck_assert_uint_eq(histogram_count(&statistics->run_time), 3);
    ck_assert_int_eq(core_forget(core, map), REFUSED_NOT);
    ck_assert_uint_eq(statistics->returned, 3);
    core_free(core);
}
END_TEST

START_TEST(the_worker_is_known_from_the_start_on)
{
    struct core *core = core_new(NULL);
    struct future *future = core_start(core, &core->gate, "1");
    core_await_running(core, future);
    ck_assert_str_eq(core_info(future).worker, "pool-1");
    core_pass(core, 1);
    core_await_done(core, future);
    ck_assert_str_eq(core_info(future).worker, "pool-1");
    executor_pause_pool(core->executor, core->pool, true);
    ck_assert_int_eq(core_retry(core, future), REFUSED_NOT);
    ck_assert_ptr_null(core_info(future).worker);
    core_free(core);
}
END_TEST

/* ---- what a future waits for ---- */

struct needs {
    unsigned count;
    uint64_t id;
    enum future_need need;
};

static void take_need(const struct future *on, enum future_need need, void *arg)
{
    struct needs *needs = arg;
    needs->count++;
    needs->id = future_id(on);
    needs->need = need;
}

START_TEST(what_is_waited_for_has_a_name)
{
    struct core *core = core_new(NULL);
    struct needs needs = {.count = 0};
    struct future *first = core_start(core, &core->gate, "1");
    struct submission_after after = {.id = future_id(first), .on = AFTER_DONE};
    struct submission submission = core_call(core, &core->ok, "2");
    submission.after = &after;
    submission.after_count = 1;
    struct future *second = core_take(core, &submission);
    ck_assert(future_waits(second) && !future_waits(first));
    future_each_need(second, take_need, &needs);
    ck_assert_uint_eq(needs.count, 1);
    ck_assert_uint_eq(needs.id, future_id(first));
    ck_assert_str_eq(future_need_name(needs.need), "done");
    core_pass(core, 1);
    core_await_done(core, second);
    ck_assert(!future_waits(second));
    core_free(core);
}
END_TEST

/* ---- another priority ---- */

START_TEST(a_higher_priority_overtakes)
{
    struct core *core = core_new(NULL);
    struct future *held = core_start(core, &core->gate, "1");
    core_await_running(core, held);
    struct future *first = core_start(core, &core->ok, "2");
    struct future *second = core_start(core, &core->ok, "3");
    ck_assert_int_eq(executor_update_priority(core->executor, second, 1), REFUSED_NOT);
    ck_assert_int_eq(core_info(second).priority, 1);
    ck_assert_uint_eq(core->store.changes[CHANGE_PRIORITY], 1);
    core_pass(core, 1);
    core_await_done(core, first);
    ck_assert_uint_eq(core_body(core, 1), future_id(second));
    ck_assert_uint_eq(core_body(core, 2), future_id(first));
    core_free(core);
}
END_TEST

START_TEST(the_priority_that_it_has_is_no_change)
{
    struct core *core = core_new(NULL);
    struct future *held = core_start(core, &core->gate, "1");
    core_await_running(core, held);
    struct future *first = core_start(core, &core->ok, "2");
    struct future *second = core_start(core, &core->ok, "3");
    ck_assert_int_eq(executor_update_priority(core->executor, first, 0), REFUSED_NOT);
    ck_assert_uint_eq(core->store.changes[CHANGE_PRIORITY], 0);
    core_pass(core, 1);
    core_await_done(core, second);
    ck_assert_uint_eq(core_body(core, 1), future_id(first));
    core_free(core);
}
END_TEST

START_TEST(what_runs_or_is_done_keeps_its_priority)
{
    struct core *core = core_new(NULL);
    struct future *future = core_start(core, &core->gate, "1");
    core_await_running(core, future);
    ck_assert_int_eq(executor_update_priority(core->executor, future, 1), REFUSED_STATE);
    core_pass(core, 1);
    core_await_done(core, future);
    ck_assert_int_eq(executor_update_priority(core->executor, future, 1), REFUSED_STATE);
    ck_assert_int_eq(core_info(future).priority, 0);
    core_free(core);
}
END_TEST

START_TEST(what_is_held_back_has_it_when_it_comes)
{
    struct core *core = core_new(NULL);
    struct future *held = core_start(core, &core->gate, "1");
    struct submission_after after = {.id = future_id(held), .on = AFTER_DONE};
    struct submission submission = core_call(core, &core->ok, "3");
    submission.after = &after;
    submission.after_count = 1;
    core_await_running(core, held);
    struct future *first = core_start(core, &core->ok, "2");
    struct future *later = core_take(core, &submission);
    ck_assert_int_eq(executor_update_priority(core->executor, later, 9), REFUSED_NOT);
    executor_pause_pool(core->executor, core->pool, true);
    core_pass(core, 1);
    core_await_done(core, held);
    executor_pause_pool(core->executor, core->pool, false);
    core_await_done(core, first);
    ck_assert_uint_eq(core_body(core, 1), future_id(later));
    ck_assert_uint_eq(core_body(core, 2), future_id(first));
    core_free(core);
}
END_TEST

START_TEST(a_map_hands_it_to_its_items_and_to_those_to_come)
{
    static const char *const texts[] = {"\"a\"", "\"b\""};
    struct core *core = core_new(NULL);
    struct core_add_answer answer;
    struct future *held = core_start(core, &core->gate, "1");
    core_await_running(core, held);
    struct submission_item items[1];
    struct submission submission = core_map(core, &core->ok, items, texts, 1);
    submission.open = true;
    submission.window = 10;
    struct future *map = core_take(core, &submission);
    struct future *other = core_start(core, &core->ok, "2");
    ck_assert_int_eq(executor_update_priority(core->executor, map, 3), REFUSED_NOT);
    core_add(core, map, texts + 1, 1, &answer);
    ck_assert_int_eq(core_info(map).priority, 3);
    ck_assert_int_eq(core_info(future_map_item(map, 0)).priority, 3);
    ck_assert_int_eq(core_info(future_map_item(map, 1)).priority, 3);
    uint64_t second = future_id(future_map_item(map, 1));
    core_pass(core, 1);
    core_await_done(core, other);
    ck_assert_uint_eq(core_body(core, 2), second);
    ck_assert_uint_eq(core_body(core, 3), future_id(other));
    executor_map_close(core->executor, map);
    core_await_done(core, map);
    ck_assert_int_eq(executor_update_priority(core->executor, map, 4), REFUSED_STATE);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_bound_belongs_to_the_bucket_below_it,
        a_clock_that_was_set_back_counts_as_nothing,
        each_end_is_counted_as_what_it_is,
        what_runs_is_a_state_and_no_end,
        each_attempt_counts_and_the_future_once,
        a_map_counts_as_its_items,
        the_worker_is_known_from_the_start_on,
        what_is_waited_for_has_a_name,
        a_higher_priority_overtakes,
        the_priority_that_it_has_is_no_change,
        what_runs_or_is_done_keeps_its_priority,
        what_is_held_back_has_it_when_it_comes,
        a_map_hands_it_to_its_items_and_to_those_to_come,
    };
    return CORE_CHECK("statistics", tests);
}

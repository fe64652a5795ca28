/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/executor.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/core_fixture.h"

static struct core *core_with_workers(unsigned max_workers)
{
    struct core_options options = {.max_workers = max_workers};
    return core_new(&options);
}

static struct future *take_map(struct core *core, const struct function *function,
                               const char *const *texts, size_t count, bool fail_fast)
{
    struct submission_item items[64];
    ck_assert_uint_le(count, 64);
    struct submission submission = core_map(core, function, items, texts, count);
    submission.fail_fast = fail_fast;
    return core_take(core, &submission);
}

static struct future *open_map(struct core *core, const struct function *function,
                               const char *const *texts, size_t count, uint64_t window)
{
    struct submission_item items[64];
    struct submission submission = core_map(core, function, items, texts, count);
    submission.open = true;
    submission.window = window;
    return core_take(core, &submission);
}

static void expect_counts(const struct future *map, uint64_t pending, uint64_t running,
                          uint64_t cancelled, uint64_t finished, uint64_t failed)
{
    struct map_counts counts = core_info(map).map;
    ck_assert_uint_eq(counts.by_state[FUTURE_PENDING], pending);
    ck_assert_uint_eq(counts.by_state[FUTURE_RUNNING], running);
    ck_assert_uint_eq(counts.by_state[FUTURE_CANCELLED], cancelled);
    ck_assert_uint_eq(counts.by_state[FUTURE_FINISHED], finished);
    ck_assert_uint_eq(counts.failed, failed);
}

static void expect_data(const struct future *future, const char *text)
{
    const struct outcome *outcome = future_outcome(future);
    ck_assert_uint_eq(outcome->json_bytes, strlen(text));
    ck_assert_mem_eq(outcome->json, text, strlen(text));
}

static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

/* ---- order and counts ---- */

START_TEST(items_keep_their_order)
{
    struct core *core = core_with_workers(4);
    struct future *map = take_map(core, &core->ok, digits, 10, false);
    struct future_info info = core_info(map);
    ck_assert(info.is_map);
    ck_assert(future_is_map(map));
    ck_assert_uint_eq(info.map.first, future_id(map) + 1);
    ck_assert_uint_eq(info.map.count, 10);
    core_await_done(core, map);
    for (uint64_t i = 0; i < 10; i++) {
        struct future *item = future_map_item(map, i);
        struct future_info item_info = core_info(item);
        ck_assert_uint_eq(item_info.id, info.map.first + i);
        ck_assert_uint_eq(item_info.item_of, future_id(map));
        ck_assert_uint_eq(item_info.index, i);
        ck_assert(future_is_item(item));
        core_expect_result(item, digits[i]);
    }
    ck_assert_ptr_null(future_map_item(map, 10));
    ck_assert_int_eq(future_outcome(map)->kind, OUTCOME_RESULT);
    ck_assert_ptr_null(future_outcome(map)->json);
    expect_counts(map, 0, 0, 0, 10, 0);
    /* The map is the last to be done, and each is announced once. */
    ck_assert_uint_eq(core_ends(core), 11);
    ck_assert_uint_eq(core->events[core->event_count - 1].id, future_id(map));
    core_free(core);
}
END_TEST

START_TEST(a_map_of_nothing_is_done)
{
    struct core *core = core_new(NULL);
    struct future *map = take_map(core, &core->ok, digits, 0, false);
    ck_assert_int_eq(future_state(map), FUTURE_FINISHED);
    ck_assert_int_eq(future_outcome(map)->kind, OUTCOME_RESULT);
    ck_assert_uint_eq(core_info(map).map.count, 0);
    ck_assert_uint_eq(core_info(map).map.first, future_id(map) + 1);
    ck_assert_uint_eq(pool_worker_count(core->pool), 0);
    ck_assert_uint_eq(core_ends(core), 1);
    core_free(core);
}
END_TEST

START_TEST(a_map_runs_from_its_first_item_on)
{
    struct core *core = core_with_workers(2);
    struct future *map = take_map(core, &core->gate, digits, 4, false);
    ck_assert_int_eq(future_state(map), FUTURE_PENDING);
    core_await_running(core, future_map_item(map, 0));
    core_await_running(core, future_map_item(map, 1));
    ck_assert_int_eq(future_state(map), FUTURE_RUNNING);
    ck_assert_int_gt(core_info(map).started_us, 0);
    expect_counts(map, 2, 2, 0, 0, 0);
    ck_assert_uint_eq(pool_pending(core->pool), 2);
    core_pass(core, 4);
    core_await_done(core, map);
    core_free(core);
}
END_TEST

START_TEST(a_large_map_is_one_future_with_its_items)
{
    enum { COUNT = 50000 };
    struct core *core = core_with_workers(4);
    struct submission submission = core_call(core, &core->ok, "x");
    struct submission_item *items = calloc(COUNT, sizeof(*items));
    for (size_t i = 0; i < COUNT; i++)
        items[i] = (struct submission_item){.text = digits[i % 10], .size = 1};
    submission.is_map = true;
    submission.items = items;
    submission.item_count = COUNT;
    struct future *map = core_take(core, &submission);
    free(items);
    core_await_done(core, map);
    expect_counts(map, 0, 0, 0, COUNT, 0);
    for (uint64_t i = 0; i < COUNT; i++)
        core_expect_result(future_map_item(map, i), digits[i % 10]);
    ck_assert_uint_eq(core_ends(core), COUNT + 1);
    core_free(core);
}
END_TEST

/* ---- failing ---- */

START_TEST(one_failing_item_fails_the_map)
{
    struct core *core = core_new(NULL);
    const char *const texts[] = {"a", "fail", "c", "fail"};
    struct future *map = take_map(core, &core->either, texts, 4, false);
    core_await_done(core, map);
    core_expect_exception(map, "MapFailed");
    ck_assert_str_eq(outcome_message(future_outcome(map)), "2 of 4 items failed");
    expect_data(map, "{\"failed\":2,\"first\":3}");
    expect_counts(map, 0, 0, 0, 4, 2);
    core_expect_result(future_map_item(map, 2), "c");
    core_free(core);
}
END_TEST

START_TEST(fail_fast_cancels_what_is_pending)
{
    struct core *core = core_new(NULL);
    struct future *map = take_map(core, &core->gate, digits, 4, true);
    core_await_running(core, future_map_item(map, 0));
    ck_assert(core_terminate(core, future_map_item(map, 0)).terminating);
    core_await_done(core, future_map_item(map, 3));
    /* The worker may have taken the next one before the loop heard of the failure. */
    ck_assert_int_eq(future_state(future_map_item(map, 2)), FUTURE_CANCELLED);
    ck_assert_int_eq(future_state(future_map_item(map, 3)), FUTURE_CANCELLED);
    core_pass(core, 1);
    core_await_done(core, map);
    core_expect_exception(map, "MapFailed");
    ck_assert_uint_eq(core_info(map).map.failed, 1);
    ck_assert_uint_le(core_bodies(core), 2);
    core_free(core);
}
END_TEST

/* A worker that has nothing to wait for takes no item while the disk is busy with the failure. */
START_TEST(fail_fast_does_not_wait_for_the_store)
{
    struct core *core = core_new(NULL);
    struct future *map = take_map(core, &core->gate, digits, 4, true);
    core_await_running(core, future_map_item(map, 0));
    core->store.holding = true;
    ck_assert(core_terminate(core, future_map_item(map, 0)).terminating);
    while (core->store.changes[CHANGE_FINISHED] == 0)
        core_turn(core);
    /* The second one may have been taken before the loop heard of the failure. */
    core_pass(core, 4);
    while (core->store.changes[CHANGE_FINISHED] + core->store.changes[CHANGE_CANCELLED] < 4)
        core_turn(core);
    ck_assert_uint_le(core_bodies(core), 2);
    ck_assert_uint_eq(core_ends(core), 0);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    core_expect_exception(map, "MapFailed");
    ck_assert_int_eq(future_state(future_map_item(map, 2)), FUTURE_CANCELLED);
    ck_assert_int_eq(future_state(future_map_item(map, 3)), FUTURE_CANCELLED);
    core_free(core);
}
END_TEST

START_TEST(fail_fast_lets_run_what_runs)
{
    struct core *core = core_with_workers(2);
    struct future *map = take_map(core, &core->gate, digits, 4, true);
    core_await_running(core, future_map_item(map, 0));
    core_await_running(core, future_map_item(map, 1));
    ck_assert(core_terminate(core, future_map_item(map, 0)).terminating);
    core_await_done(core, future_map_item(map, 3));
    ck_assert_int_eq(future_state(future_map_item(map, 3)), FUTURE_CANCELLED);
    ck_assert_int_eq(future_state(future_map_item(map, 1)), FUTURE_RUNNING);
    ck_assert_int_eq(future_state(map), FUTURE_RUNNING);
    core_pass(core, 2);
    core_await_done(core, map);
    core_expect_result(future_map_item(map, 1), "1");
    core_expect_exception(map, "MapFailed");
    core_free(core);
}
END_TEST

START_TEST(fail_fast_closes_an_open_map)
{
    struct core *core = core_new(NULL);
    struct submission_item items[1];
    struct core_add_answer added;
    const char *const texts[] = {"fail"};
    struct submission submission = core_map(core, &core->either, items, texts, 1);
    submission.open = submission.fail_fast = true;
    submission.window = 10;
    struct future *map = core_take(core, &submission);
    core_await_done(core, map);
    core_expect_exception(map, "MapFailed");
    core_add(core, map, digits, 1, &added);
    ck_assert_int_eq(added.refusal, REFUSED_STATE);
    core_free(core);
}
END_TEST

/* ---- cancelling ---- */

START_TEST(cancel_of_a_map_cancels_its_pending_items)
{
    struct core *core = core_new(NULL);
    struct cancel_options options = {.terminate = false};
    struct cancel_fate fate;
    struct future *map = take_map(core, &core->gate, digits, 4, false);
    core_await_running(core, future_map_item(map, 0));
    executor_cancel(core->executor, map, &options, &fate);
    ck_assert_uint_eq(fate.items, 3);
    ck_assert(!fate.terminating);
    ck_assert_int_eq(future_state(map), FUTURE_RUNNING);
    expect_counts(map, 0, 1, 3, 0, 0);
    core_pass(core, 1);
    core_await_done(core, map);
    core_expect_exception(map, "CancelledError");
    ck_assert_str_eq(outcome_message(future_outcome(map)), "3 of 4 items were cancelled");
    /* It stays readable item by item. */
    core_expect_result(future_map_item(map, 0), "0");
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

START_TEST(a_map_of_which_nothing_ran_is_cancelled)
{
    struct core *core = core_new(NULL);
    core_await_running(core, core_start(core, &core->gate, "1"));
    struct future *map = take_map(core, &core->ok, digits, 3, false);
    ck_assert(core_cancel(core, map));
    expect_counts(map, 0, 0, 3, 0, 0);
    struct cancel_options options = {.terminate = true};
    struct cancel_fate fate;
    executor_cancel(core->executor, map, &options, &fate);
    ck_assert_uint_eq(fate.items, 0);
    ck_assert(!fate.terminating);
    core_pass(core, 1);
    core_await_ends(core, 5);
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

START_TEST(cancel_of_every_item_is_cancel_of_the_map)
{
    struct core *core = core_new(NULL);
    executor_pause_pool(core->executor, core->pool, true);
    struct future *map = take_map(core, &core->ok, digits, 3, false);
    for (uint64_t i = 0; i < 3; i++) {
        ck_assert_int_eq(future_state(map), FUTURE_PENDING);
        ck_assert(core_cancel(core, future_map_item(map, i)));
    }
    ck_assert_int_eq(future_state(map), FUTURE_CANCELLED);
    core_free(core);
}
END_TEST

START_TEST(terminate_of_a_map_ends_its_running_items)
{
    struct core *core = core_with_workers(2);
    struct future *map = take_map(core, &core->gate, digits, 4, false);
    core_await_running(core, future_map_item(map, 0));
    core_await_running(core, future_map_item(map, 1));
    struct cancel_fate fate = core_terminate(core, map);
    ck_assert(fate.terminating);
    ck_assert_uint_eq(fate.items, 2);
    core_await_done(core, map);
    core_expect_exception(map, "MapFailed");
    expect_counts(map, 0, 0, 2, 2, 2);
    core_expect_exception(future_map_item(map, 0), "Terminated");
    core_free(core);
}
END_TEST

START_TEST(cancel_of_a_map_in_the_store_comes_with_its_commits)
{
    struct core *core = core_new(NULL);
    executor_pause_pool(core->executor, core->pool, true);
    struct future *map = take_map(core, &core->ok, digits, 3, false);
    core->store.holding = true;
    ck_assert(!core_cancel(core, map));
    ck_assert_uint_eq(core->store.changes[CHANGE_CANCELLED], 4);
    core_store_release(core, 2, 0);
    ck_assert_int_eq(future_state(map), FUTURE_PENDING);
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_int_eq(future_state(map), FUTURE_CANCELLED);
    ck_assert_uint_eq(core_ends(core), 4);
    core_free(core);
}
END_TEST

/* ---- open maps ---- */

START_TEST(an_open_map_stays_until_it_is_closed)
{
    struct core *core = core_new(NULL);
    struct core_add_answer added;
    struct future *map = open_map(core, &core->ok, digits, 0, 100);
    ck_assert(core_info(map).map.open);
    ck_assert_int_eq(future_state(map), FUTURE_PENDING);
    core_add(core, map, digits, 3, &added);
    ck_assert_uint_eq(added.count, 1);
    ck_assert_int_eq(added.refusal, REFUSED_NOT);
    ck_assert_uint_eq(added.first, future_id(map) + 1);
    ck_assert_uint_eq(added.items, 3);
    ck_assert_uint_eq(core_info(map).map.first, added.first);
    core_await_ends(core, 3);
    ck_assert(!future_is_done(map));
    core_add(core, map, digits + 3, 2, &added);
    ck_assert_uint_eq(added.first, future_id(map) + 4);
    core_await_ends(core, 5);
    executor_map_close(core->executor, map);
    executor_map_close(core->executor, map);
    ck_assert(future_is_done(map));
    ck_assert(!core_info(map).map.open);
    for (uint64_t i = 0; i < 5; i++)
        core_expect_result(future_map_item(map, i), digits[i]);
    core_add(core, map, digits, 1, &added);
    ck_assert_int_eq(added.refusal, REFUSED_STATE);
    core_free(core);
}
END_TEST

START_TEST(a_map_closed_early_ends_with_its_last_item)
{
    struct core *core = core_new(NULL);
    struct future *map = open_map(core, &core->gate, digits, 2, 100);
    executor_map_close(core->executor, map);
    core_pass(core, 1);
    core_await_ends(core, 1);
    ck_assert(!future_is_done(map));
    core_pass(core, 1);
    core_await_done(core, map);
    core_free(core);
}
END_TEST

START_TEST(a_full_window_holds_the_answer_back)
{
    struct core *core = core_new(NULL);
    struct core_add_answer answers[3];
    struct future *map = open_map(core, &core->gate, digits, 1, 2);
    core_await_running(core, future_map_item(map, 0));
    core_add(core, map, digits + 1, 2, &answers[0]); /* two pending: just room */
    ck_assert_uint_eq(answers[0].count, 1);
    core_add(core, map, digits + 3, 2, &answers[1]);
    core_add(core, map, digits + 5, 1, &answers[2]);
    ck_assert_uint_eq(answers[1].count + answers[2].count, 0);
    expect_counts(map, 5, 1, 0, 0, 0);
    for (uint64_t i = 1; i <= 3; i++) {
        ck_assert_uint_eq(answers[1].count + answers[2].count, 0);
        core_pass(core, 1);
        core_await_running(core, future_map_item(map, i));
    }
    /* Both, in their order: the window is about what is pending. */
    ck_assert_uint_eq(answers[1].count, 1);
    ck_assert_uint_eq(answers[2].count, 1);
    ck_assert_uint_eq(answers[1].first, future_id(map) + 4);
    ck_assert_uint_eq(answers[2].first, future_id(map) + 6);
    executor_map_close(core->executor, map);
    core_pass(core, 3);
    core_await_done(core, map);
    core_free(core);
}
END_TEST

START_TEST(closing_or_cancelling_answers_those_who_wait)
{
    struct core *core = core_new(NULL);
    struct core_add_answer answer;
    struct future *map = open_map(core, &core->gate, digits, 1, 0);
    core_await_running(core, future_map_item(map, 0));
    core_add(core, map, digits + 1, 2, &answer);
    ck_assert_uint_eq(answer.count, 0);
    ck_assert(!core_cancel(core, map));
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    ck_assert(!core_info(map).map.open);
    core_pass(core, 1);
    core_await_done(core, map);
    core_expect_exception(map, "CancelledError");
    core_free(core);
}
END_TEST

START_TEST(an_open_map_without_items_can_be_cancelled)
{
    struct core *core = core_new(NULL);
    struct future *map = open_map(core, &core->ok, digits, 0, 5);
    ck_assert(core_cancel(core, map));
    ck_assert(!core_info(map).map.open);
    core_free(core);
}
END_TEST

START_TEST(a_client_that_is_gone_is_not_answered)
{
    struct core *core = core_new(NULL);
    struct core_add_answer answer;
    struct future *map = open_map(core, &core->gate, digits, 2, 0);
    core_await_running(core, future_map_item(map, 0));
    core_add(core, map, digits + 2, 1, &answer);
    executor_client_gone(core->executor, core->client.number);
    executor_map_close(core->executor, map);
    core_pass(core, 3);
    core_await_done(core, map);
    ck_assert_uint_eq(answer.count, 0);
    expect_counts(map, 0, 0, 0, 3, 0);
    core_free(core);
}
END_TEST

START_TEST(an_answer_held_back_goes_with_the_executor)
{
    struct core *core = core_new(NULL);
    struct core_add_answer answer;
    struct future *map = open_map(core, &core->gate, digits, 2, 0);
    core_await_running(core, future_map_item(map, 0));
    core_add(core, map, digits + 2, 1, &answer);
    core_end(core);
    ck_assert_uint_eq(answer.count, 0);
    core_free(core);
}
END_TEST

START_TEST(additions_are_limited_like_submits)
{
    struct core_options options = {.pending_limit = 4, .map_items_limit = 5};
    struct core *core = core_new(&options);
    struct core_add_answer answer;
    executor_pause_pool(core->executor, core->pool, true);
    struct future *map = open_map(core, &core->ok, digits, 1, 100);
    core_add(core, map, digits, 5, &answer);
    ck_assert_int_eq(answer.refusal, REFUSED_LIMIT);
    ck_assert_str_eq(answer.detail.limit, "map_items");
    core_add(core, map, digits, 3, &answer);
    ck_assert_int_eq(answer.refusal, REFUSED_LIMIT);
    ck_assert_str_eq(answer.detail.limit, "pending");
    struct pool_settings settings = core_pool_settings(core);
    settings.queue_limit = 2;
    core_set_pool(core, &settings);
    core_add(core, map, digits, 2, &answer);
    ck_assert_int_eq(answer.refusal, REFUSED_LIMIT);
    ck_assert_str_eq(answer.detail.limit, "queue_limit");
    core_add(core, map, digits, 1, &answer);
    ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    executor_shut_down(core->executor, false, false);
    core_add(core, map, digits, 1, &answer);
    ck_assert_int_eq(answer.refusal, REFUSED_SHUT_DOWN);
    core_free(core);
}
END_TEST

/* ---- additions and the store ---- */

START_TEST(added_items_start_after_their_commit)
{
    struct core *core = core_new(NULL);
    struct core_add_answer answer;
    struct future *map = open_map(core, &core->ok, digits, 1, 100);
    core_await_ends(core, 1);
    core->store.holding = true;
    core_add(core, map, digits, 2, &answer);
    ck_assert_uint_eq(answer.count, 0);
    ck_assert_int_eq(core_find(core, 3), REFUSED_NOT_YET);
    /* The map goes on meanwhile, and may be closed. */
    executor_map_close(core->executor, map);
    ck_assert(!future_is_done(map));
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    core_await_done(core, map);
    expect_counts(map, 0, 0, 0, 3, 0);
    ck_assert_uint_eq(core_bodies(core), 3);
    core_free(core);
}
END_TEST

START_TEST(additions_that_are_not_stored_are_taken_back)
{
    struct core *core = core_new(NULL);
    struct core_add_answer first, second, third;
    uint64_t counts[FUTURE_STATES];
    struct future *map = open_map(core, &core->ok, digits, 1, 100);
    core_await_ends(core, 1);
    core->store.holding = true;
    core_add(core, map, digits, 3, &first);
    core_add(core, map, digits, 2, &second);
    core_add(core, map, digits, 1, &third);
    core_store_release(core, 1, -ENOSPC);
    ck_assert_int_eq(first.refusal, REFUSED_STORAGE);
    ck_assert_int_eq(first.detail.error, -ENOSPC);
    ck_assert_uint_eq(second.count + third.count, 0);
    core_store_release(core, 1, 0);
    ck_assert_int_eq(second.refusal, REFUSED_NOT);
    core_store_release(core, 1, -ENOSPC);
    ck_assert_int_eq(third.refusal, REFUSED_STORAGE);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    executor_map_close(core->executor, map);
    core_await_done(core, map);
    ck_assert_int_eq(future_outcome(map)->kind, OUTCOME_RESULT);
    expect_counts(map, 0, 0, 0, 3, 0);
    executor_counts(core->executor, &core->client, counts);
    ck_assert_uint_eq(counts[FUTURE_PENDING], 0);
    ck_assert_uint_eq(counts[FUTURE_FINISHED], 4);
    ck_assert_uint_eq(core->store.changes[CHANGE_FORGOTTEN], 0);
    ck_assert_uint_eq(core_bodies(core), 3);
    core_free(core);
}
END_TEST

START_TEST(a_closed_map_ends_when_its_last_addition_fails)
{
    struct core *core = core_new(NULL);
    struct core_add_answer answer;
    struct future *map = open_map(core, &core->ok, digits, 1, 100);
    core_await_ends(core, 1);
    core->store.holding = true;
    core_add(core, map, digits, 2, &answer);
    executor_map_close(core->executor, map);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, -EIO);
    ck_assert_int_eq(answer.refusal, REFUSED_STORAGE);
    ck_assert(future_is_done(map));
    ck_assert_uint_eq(core_info(map).map.count, 1);
    core_free(core);
}
END_TEST

START_TEST(a_map_cancelled_during_an_addition_cancels_that_too)
{
    for (int error = 0; error >= -EIO; error -= EIO) {
        struct core *core = core_new(NULL);
        struct core_add_answer answer;
        executor_pause_pool(core->executor, core->pool, true);
        struct future *map = open_map(core, &core->ok, digits, 1, 100);
        core->store.holding = true;
        core_add(core, map, digits, 2, &answer);
        (void)core_cancel(core, map);
        core_store_release(core, 1, error);
        core->store.holding = false;
        core_store_release(core, SIZE_MAX, 0);
        ck_assert_uint_eq(answer.count, 1);
        ck_assert_int_eq(answer.refusal, error ? REFUSED_STORAGE : REFUSED_NOT);
        ck_assert_int_eq(future_state(map), FUTURE_CANCELLED);
        expect_counts(map, 0, 0, error ? 1 : 3, 0, 0);
        core_free(core);
    }
}
END_TEST

/* ---- forgetting and retrying ---- */

START_TEST(items_can_be_forgotten_one_by_one)
{
    struct core *core = core_new(NULL);
    const char *const texts[] = {"a", "fail", "c"};
    struct future *map = take_map(core, &core->either, texts, 3, false);
    uint64_t first = core_info(map).map.first;
    core_await_done(core, map);
    ck_assert_int_eq(core_forget(core, future_map_item(map, 1)), REFUSED_NOT);
    ck_assert_ptr_null(future_map_item(map, 1));
    ck_assert_int_eq(core_find(core, first + 1), REFUSED_NOT_FOUND);
    core_expect_result(future_map_item(map, 2), "c");
    expect_counts(map, 0, 0, 0, 3, 1);
    ck_assert_uint_eq(core_info(map).map.count, 3);
    ck_assert_int_eq(core_forget(core, map), REFUSED_NOT);
    for (uint64_t id = first - 1; id < first + 3; id++)
        ck_assert_int_eq(core_find(core, id), REFUSED_NOT_FOUND);
    core_free(core);
}
END_TEST

START_TEST(an_item_forgotten_early_does_not_hold_the_map)
{
    struct core *core = core_new(NULL);
    struct future *map = take_map(core, &core->gate, digits, 2, false);
    core_pass(core, 1);
    core_await_ends(core, 1);
    ck_assert_int_eq(core_forget(core, map), REFUSED_STATE);
    ck_assert_int_eq(core_forget(core, future_map_item(map, 0)), REFUSED_NOT);
    core_pass(core, 1);
    core_await_done(core, map);
    ck_assert_int_eq(future_outcome(map)->kind, OUTCOME_RESULT);
    core_free(core);
}
END_TEST

START_TEST(a_retried_item_starts_the_map_again)
{
    struct core *core = core_new(NULL);
    struct submission_item items[2];
    /* Items take precedence over arguments, so attempts are counted in `flaky` by these. */
    struct submission submission = core_map(core, &core->flaky, items, digits, 2);
    submission.args = "2";
    submission.args_bytes = 1;
    struct future *map = core_take(core, &submission);
    core_await_done(core, map);
    core_expect_exception(map, "MapFailed");
    ck_assert_int_eq(core_retry(core, future_map_item(map, 0)), REFUSED_NOT);
    ck_assert(!future_is_done(map));
    expect_counts(map, 1, 0, 0, 1, 1);
    core_await_done(core, map);
    core_expect_exception(map, "MapFailed");
    ck_assert_str_eq(outcome_message(future_outcome(map)), "1 of 2 items failed");
    core_expect_result(future_map_item(map, 0), "0");
    ck_assert_uint_eq(core_info(map).attempt, 2);
    core_free(core);
}
END_TEST

START_TEST(a_retried_map_tries_what_failed_or_was_cancelled)
{
    struct core *core = core_new(NULL);
    struct submission_item items[4];
    struct submission submission = core_map(core, &core->flaky, items, digits, 4);
    submission.args = "2";
    submission.args_bytes = 1;
    executor_pause_pool(core->executor, core->pool, true);
    struct future *map = core_take(core, &submission);
    ck_assert(core_cancel(core, future_map_item(map, 3)));
    executor_pause_pool(core->executor, core->pool, false);
    core_await_done(core, map);
    expect_counts(map, 0, 0, 1, 3, 3);
    ck_assert_int_eq(core_retry(core, future_map_item(map, 0)), REFUSED_NOT);
    core_await_done(core, map);
    ck_assert_uint_eq(core_bodies(core), 4);
    ck_assert_int_eq(core_retry(core, map), REFUSED_NOT);
    ck_assert_int_eq(core_retry(core, map), REFUSED_STATE);
    core_await_done(core, map);
    /* Item 0 had succeeded and was left alone, item 3 comes in its second attempt. */
    ck_assert_uint_eq(core_bodies(core), 7);
    expect_counts(map, 0, 0, 0, 4, 0);
    ck_assert_int_eq(future_outcome(map)->kind, OUTCOME_RESULT);
    ck_assert_uint_eq(core_info(future_map_item(map, 0)).attempt, 2);
    ck_assert_uint_eq(core_info(future_map_item(map, 3)).attempt, 2);
    /* Nothing is left to be tried: done again at once. */
    ck_assert_int_eq(core_retry(core, map), REFUSED_NOT);
    ck_assert_int_eq(future_state(map), FUTURE_FINISHED);
    ck_assert_uint_eq(core_bodies(core), 7);
    core_free(core);
}
END_TEST

START_TEST(a_cancelled_map_can_be_retried)
{
    struct core *core = core_new(NULL);
    executor_pause_pool(core->executor, core->pool, true);
    struct future *map = take_map(core, &core->ok, digits, 3, false);
    ck_assert(core_cancel(core, map));
    ck_assert_int_eq(core_retry(core, map), REFUSED_NOT);
    ck_assert_int_eq(future_state(map), FUTURE_PENDING);
    executor_pause_pool(core->executor, core->pool, false);
    core_await_done(core, map);
    ck_assert_int_eq(future_outcome(map)->kind, OUTCOME_RESULT);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        items_keep_their_order,
        a_map_of_nothing_is_done,
        a_map_runs_from_its_first_item_on,
        a_large_map_is_one_future_with_its_items,
        one_failing_item_fails_the_map,
        fail_fast_cancels_what_is_pending,
        fail_fast_does_not_wait_for_the_store,
        fail_fast_lets_run_what_runs,
        fail_fast_closes_an_open_map,
        cancel_of_a_map_cancels_its_pending_items,
        a_map_of_which_nothing_ran_is_cancelled,
        cancel_of_every_item_is_cancel_of_the_map,
        terminate_of_a_map_ends_its_running_items,
        cancel_of_a_map_in_the_store_comes_with_its_commits,
        an_open_map_stays_until_it_is_closed,
        a_map_closed_early_ends_with_its_last_item,
        a_full_window_holds_the_answer_back,
        closing_or_cancelling_answers_those_who_wait,
        an_open_map_without_items_can_be_cancelled,
        a_client_that_is_gone_is_not_answered,
        an_answer_held_back_goes_with_the_executor,
        additions_are_limited_like_submits,
        added_items_start_after_their_commit,
        additions_that_are_not_stored_are_taken_back,
        a_closed_map_ends_when_its_last_addition_fails,
        a_map_cancelled_during_an_addition_cancels_that_too,
        items_can_be_forgotten_one_by_one,
        an_item_forgotten_early_does_not_hold_the_map,
        a_retried_item_starts_the_map_again,
        a_retried_map_tries_what_failed_or_was_cancelled,
        a_cancelled_map_can_be_retried,
    };
    return CORE_CHECK("executor_map", tests);
}

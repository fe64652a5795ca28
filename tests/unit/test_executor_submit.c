/* layers: core base */
/* extra: tests/support/core_fixture.c */
/* Submits: in which order they are taken, and the limits that hold them up. */
#include "daemon/core/executor.h"

#include <check.h>

#include "daemon/base/clock.h"
#include "tests/support/core_fixture.h"

/* ---- taking ---- */

START_TEST(a_submit_is_answered_before_anything_else_is_told)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->ok, "{\"a\":1}");
    struct core_answer answer;
    submission.label = "nightly";
    submission.priority = -3;
    core_submit(core, &submission, &core->client, &answer);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    ck_assert_int_eq(answer.state, FUTURE_PENDING);
    ck_assert_uint_eq(answer.id, 1);
    ck_assert_uint_eq(core->event_count, 0);
    struct future_info info = core_info(answer.future);
    ck_assert_str_eq(info.function, "ok");
    ck_assert_str_eq(info.pool, "default");
    ck_assert_str_eq(info.label, "nightly");
    ck_assert_int_eq(info.priority, -3);
    ck_assert_uint_eq(info.attempt, 1);
    ck_assert_uint_eq(info.uid, 1000);
    ck_assert(!info.is_map);
    core_await_done(core, answer.future);
    core_expect_result(answer.future, "{\"a\":1}");
    ck_assert_uint_eq(core->event_count, 2);
    ck_assert_int_eq(core->events[0].kind, CORE_RUNNING);
    ck_assert_int_eq(core->events[1].kind, CORE_DONE);
    info = core_info(answer.future);
    ck_assert_int_ge(info.started_us, info.submitted_us);
    ck_assert_int_ge(info.finished_us, info.started_us);
    core_free(core);
}
END_TEST

START_TEST(ids_rise_and_are_found_by_their_owner_only)
{
    struct core *core = core_new(NULL);
    struct client other = {.uid = 1001, .number = 2};
    struct client root = {.uid = 0, .number = 3, .sees_all = true};
    struct submission submission = core_call(core, &core->ok, "1");
    struct core_answer answer;
    struct future *mine = core_start(core, &core->ok, "1");
    core_submit(core, &submission, &other, &answer);
    struct future *theirs = answer.future, *future = NULL;
    ck_assert_uint_eq(future_id(mine), 1);
    ck_assert_uint_eq(future_id(theirs), 2);
    ck_assert_uint_eq(executor_next_id(core->executor), 3);
    ck_assert_int_eq(core_find(core, 2), REFUSED_NOT_FOUND);
    ck_assert_int_eq(core_find(core, 3), REFUSED_NOT_FOUND);
    ck_assert_int_eq(core_find(core, 0), REFUSED_NOT_FOUND);
    ck_assert_int_eq(executor_find(core->executor, &root, 2, &future), REFUSED_NOT);
    ck_assert_ptr_eq(future, theirs);
    ck_assert_ptr_eq(executor_find_below(core->executor, &core->client, UINT64_MAX), mine);
    ck_assert_ptr_eq(executor_find_below(core->executor, &root, UINT64_MAX), theirs);
    ck_assert_ptr_null(executor_find_above(core->executor, &core->client, 2));
    ck_assert_ptr_eq(executor_find_above(core->executor, &other, 0), theirs);
    uint64_t counts[FUTURE_STATES], all[FUTURE_STATES];
    executor_counts(core->executor, &core->client, counts);
    executor_counts(core->executor, &root, all);
    ck_assert_uint_eq(counts[FUTURE_PENDING], 1);
    ck_assert_uint_eq(all[FUTURE_PENDING], 2);
    core_free(core);
}
END_TEST

START_TEST(higher_priority_starts_first)
{
    struct core *core = core_new(NULL);
    static const int64_t priorities[] = {0, INT64_MIN, 5, INT64_MAX, 5};
    static const size_t order[] = {3, 2, 4, 0, 1};
    uint64_t ids[5];
    core_await_running(core, core_start(core, &core->gate, "1"));
    for (size_t i = 0; i < 5; i++) {
        struct submission submission = core_call(core, &core->ok, "1");
        submission.priority = priorities[i];
        ids[i] = future_id(core_take(core, &submission));
    }
    core_pass(core, 1);
    core_await_ends(core, 6);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(core_body(core, i + 1), ids[order[i]]);
    core_free(core);
}
END_TEST

START_TEST(a_client_that_filled_the_queue_shares_with_a_latecomer)
{
    struct core *core = core_new(NULL);
    struct client late = {.uid = 1000, .number = 2};
    struct submission submission = core_call(core, &core->ok, "1");
    struct core_answer answer;
    core_await_running(core, core_start(core, &core->gate, "1"));
    for (size_t i = 0; i < 20; i++)
        (void)core_start(core, &core->ok, "1");
    core_submit(core, &submission, &late, &answer);
    core_pass(core, 1);
    core_await_ends(core, 22);
    ck_assert(core_body(core, 1) == answer.id || core_body(core, 2) == answer.id);
    core_free(core);
}
END_TEST

/* ---- limits ---- */

START_TEST(limits_are_named)
{
    struct core_options options = {.pending_limit = 3, .map_items_limit = 2};
    struct core *core = core_new(&options);
    struct submission call = core_call(core, &core->ok, "1");
    const char *const texts[] = {"1", "2", "3"};
    struct submission_item items[3];
    struct submission map = core_map(core, &core->ok, items, texts, 3);
    struct core_answer answer;
    core_refused(core, &map, REFUSED_LIMIT, &answer);
    ck_assert_str_eq(answer.detail.limit, "map_items");
    ck_assert_uint_eq(answer.detail.value, 2);
    executor_pause_pool(core->executor, core->pool, true);
    for (unsigned i = 0; i < 3; i++)
        (void)core_take(core, &call);
    core_refused(core, &call, REFUSED_LIMIT, &answer);
    ck_assert_str_eq(answer.detail.limit, "pending");
    ck_assert_uint_eq(answer.detail.value, 3);
    executor_pause_pool(core->executor, core->pool, false);
    core_await_ends(core, 3);
    core_await_done(core, core_take(core, &call));
    core_free(core);
}
END_TEST

START_TEST(one_user_cannot_take_all_the_room)
{
    struct core_options options = {.pending_limit = 4, .pending_per_uid = 2};
    struct core *core = core_new(&options);
    const struct client a = {.uid = 1001, .number = 11}, b = {.uid = 1002, .number = 12};
    struct submission call = core_call(core, &core->ok, "1");
    struct core_answer answer;
    executor_pause_pool(core->executor, core->pool, true);
    for (unsigned i = 0; i < 2; i++) {
        core_submit(core, &call, &a, &answer);
        ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    }
    core_submit(core, &call, &a, &answer);
    ck_assert_int_eq(answer.refusal, REFUSED_LIMIT);
    ck_assert_str_eq(answer.detail.limit, "pending_per_uid");
    ck_assert_uint_eq(answer.detail.value, 2);
    for (unsigned i = 0; i < 2; i++) {
        core_submit(core, &call, &b, &answer);
        ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    }
    /* Everybody's limit is the other one. */
    core_submit(core, &call, &b, &answer);
    ck_assert_str_eq(answer.detail.limit, "pending");
    executor_pause_pool(core->executor, core->pool, false);
    core_await_ends(core, 4);
    core_submit(core, &call, &a, &answer);
    ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    core_await_ends(core, 5);
    core_free(core);
}
END_TEST

START_TEST(a_full_queue_refuses)
{
    struct core *core = core_new(NULL);
    struct submission call = core_call(core, &core->gate, "1");
    const char *const texts[] = {"1", "2", "3"};
    struct submission_item items[3];
    struct submission map = core_map(core, &core->ok, items, texts, 3);
    struct core_answer answer;
    core_set_queue_limit(core, 2, false);
    core_refused(core, &map, REFUSED_LIMIT, &answer);
    ck_assert_str_eq(answer.detail.limit, "queue_limit");
    core_await_running(core, core_take(core, &call)); /* the running one does not count */
    struct future *queued = core_take(core, &call);
    struct submission delayed = call;
    delayed.delay_ns = 3600 * NS_PER_S; /* one that waits does */
    (void)core_take(core, &delayed);
    core_refused(core, &call, REFUSED_LIMIT, &answer);
    ck_assert_str_eq(answer.detail.limit, "queue_limit");
    ck_assert_uint_eq(answer.detail.value, 2);
    ck_assert(core_cancel(core, queued));
    (void)core_take(core, &call);
    core_pass(core, 2);
    core_await_ends(core, 3);
    core_free(core);
}
END_TEST

START_TEST(parked_submits_are_answered_in_order_as_room_comes)
{
    struct core *core = core_new(NULL);
    struct submission call = core_call(core, &core->gate, "1");
    struct core_answer answers[4];
    core_set_queue_limit(core, 1, true);
    core_await_running(core, core_take(core, &call));
    (void)core_take(core, &call);
    for (size_t i = 0; i < 4; i++) {
        core_submit(core, &call, &core->client, &answers[i]);
        ck_assert_uint_eq(answers[i].count, 0);
    }
    for (size_t i = 0; i < 4; i++) {
        core_pass(core, 1);
        while (answers[i].count == 0)
            core_turn(core);
        ck_assert_int_eq(answers[i].refusal, REFUSED_NOT);
        ck_assert_uint_eq(answers[i].id, i + 3);
        for (size_t j = i + 1; j < 4; j++)
            ck_assert_uint_eq(answers[j].count, 0);
    }
    core_pass(core, 2);
    core_await_ends(core, 6);
    ck_assert_uint_eq(core_bodies(core), 6);
    core_free(core);
}
END_TEST

START_TEST(a_small_submit_does_not_overtake_a_large_one)
{
    struct core *core = core_new(NULL);
    const char *const texts[] = {"1", "2"};
    struct submission_item items[2];
    struct submission call = core_call(core, &core->gate, "1");
    struct submission map = core_map(core, &core->ok, items, texts, 2);
    struct core_answer large, small;
    core_set_queue_limit(core, 2, true);
    core_await_running(core, core_take(core, &call));
    struct future *first = core_take(core, &call);
    struct future *second = core_take(core, &call);
    core_submit(core, &map, &core->client, &large);
    core_submit(core, &call, &core->client, &small);
    ck_assert(core_cancel(core, first));
    ck_assert_uint_eq(large.count, 0);
    ck_assert_uint_eq(small.count, 0);
    ck_assert(core_cancel(core, second));
    ck_assert_uint_eq(large.count, 1);
    ck_assert_uint_eq(small.count, 0);
    core_pass(core, 2);
    while (small.count == 0)
        core_turn(core);
    core_await_ends(core, 7);
    core_free(core);
}
END_TEST

START_TEST(pools_do_not_wait_for_each_other)
{
    struct core *core = core_new(NULL);
    struct submission call = core_call(core, &core->gate, "1");
    struct core_answer parked, other;
    core_set_queue_limit(core, 1, true);
    struct pool_settings settings = core_pool_settings(core);
    ck_assert_int_eq(executor_set_pool(core->executor, "other", &settings), 0);
    core_await_running(core, core_take(core, &call));
    struct future *queued = core_take(core, &call);
    core_submit(core, &call, &core->client, &parked);
    call.pool = executor_pool(core->executor, "other");
    core_await_running(core, core_take(core, &call));
    struct future *queued_there = core_take(core, &call);
    core_submit(core, &call, &core->client, &other);
    ck_assert_uint_eq(parked.count + other.count, 0);
    ck_assert(core_cancel(core, queued_there));
    ck_assert_uint_eq(other.count, 1);
    ck_assert_uint_eq(parked.count, 0);
    ck_assert(core_cancel(core, queued));
    ck_assert_uint_eq(parked.count, 1);
    core_pass(core, 4);
    core_await_ends(core, 6);
    core_free(core);
}
END_TEST

START_TEST(a_parked_submit_that_ends_at_once_makes_room_for_the_next)
{
    struct core *core = core_new(NULL);
    struct submission call = core_call(core, &core->gate, "1");
    struct submission hopeless = call;
    struct future *failed = core_start(core, &core->fail, "1");
    struct submission_after on = {.id = future_id(failed), .on = AFTER_RESULT};
    struct core_answer first, second;
    core_await_done(core, failed);
    hopeless.after = &on;
    hopeless.after_count = 1;
    core_set_queue_limit(core, 1, true);
    core_await_running(core, core_take(core, &call));
    struct future *queued = core_take(core, &call);
    core_submit(core, &hopeless, &core->client, &first);
    core_submit(core, &call, &core->client, &second);
    ck_assert(core_cancel(core, queued));
    ck_assert_uint_eq(first.count, 1);
    core_expect_exception(first.future, "DependencyFailed");
    ck_assert_uint_eq(second.count, 1);
    ck_assert_int_eq(second.state, FUTURE_PENDING);
    core_pass(core, 2);
    core_await_done(core, second.future);
    core_free(core);
}
END_TEST

START_TEST(one_that_could_never_fit_is_refused_at_once)
{
    struct core *core = core_new(NULL);
    const char *const texts[] = {"1", "2", "3"};
    struct submission_item items[3];
    struct submission map = core_map(core, &core->ok, items, texts, 3);
    struct core_answer answer;
    core_set_queue_limit(core, 2, true);
    core_refused(core, &map, REFUSED_LIMIT, &answer);
    ck_assert_str_eq(answer.detail.limit, "queue_limit");
    core_free(core);
}
END_TEST

START_TEST(a_higher_limit_lets_the_parked_in)
{
    struct core *core = core_new(NULL);
    struct submission call = core_call(core, &core->gate, "1");
    struct core_answer answers[3];
    core_set_queue_limit(core, 1, true);
    core_await_running(core, core_take(core, &call));
    (void)core_take(core, &call);
    for (size_t i = 0; i < 3; i++)
        core_submit(core, &call, &core->client, &answers[i]);
    core_set_queue_limit(core, 3, true);
    ck_assert_uint_eq(answers[0].count, 1);
    ck_assert_uint_eq(answers[1].count, 1);
    ck_assert_uint_eq(answers[2].count, 0);
    core_set_queue_limit(core, 0, true);
    ck_assert_uint_eq(answers[2].count, 1);
    core_pass(core, 5);
    core_await_ends(core, 5);
    core_free(core);
}
END_TEST

START_TEST(a_lower_limit_refuses_what_cannot_fit_any_more)
{
    struct core *core = core_new(NULL);
    const char *const texts[] = {"1", "2"};
    struct submission_item items[2];
    struct submission call = core_call(core, &core->gate, "1");
    struct submission map = core_map(core, &core->ok, items, texts, 2);
    struct core_answer answer;
    core_set_queue_limit(core, 2, true);
    core_await_running(core, core_take(core, &call));
    (void)core_take(core, &call);
    core_submit(core, &map, &core->client, &answer);
    ck_assert_uint_eq(answer.count, 0);
    core_set_queue_limit(core, 1, true);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_int_eq(answer.refusal, REFUSED_LIMIT);
    ck_assert_str_eq(answer.detail.limit, "queue_limit");
    ck_assert_uint_eq(answer.detail.value, 1);
    core_pass(core, 2);
    core_await_ends(core, 2);
    core_free(core);
}
END_TEST

START_TEST(parked_submits_end_with_their_client_the_pool_and_the_daemon)
{
    struct core *core = core_new(NULL);
    struct submission call = core_call(core, &core->gate, "1");
    struct client gone = {.uid = 1000, .number = 7};
    struct core_answer of_gone, of_broken, of_daemon;
    core_set_queue_limit(core, 1, true);
    core_await_running(core, core_take(core, &call));
    (void)core_take(core, &call);
    core_submit(core, &call, &gone, &of_gone);
    core_submit(core, &call, &core->client, &of_daemon);
    executor_client_gone(core->executor, gone.number);

    struct pool_settings settings = core_pool_settings(core);
    settings.initializer = &core->fail;
    ck_assert_int_eq(executor_set_pool(core->executor, "bad", &settings), 0);
    call.pool = executor_pool(core->executor, "bad");
    executor_pause_pool(core->executor, call.pool, true);
    (void)core_take(core, &call);
    core_submit(core, &call, &core->client, &of_broken);
    ck_assert_uint_eq(of_broken.count, 0);
    executor_pause_pool(core->executor, call.pool, false);
    while (of_broken.count == 0)
        core_turn(core);
    ck_assert_int_eq(of_broken.refusal, REFUSED_BROKEN_POOL);

    ck_assert_uint_eq(of_daemon.count, 0);
    executor_shut_down(core->executor, false, false);
    ck_assert_uint_eq(of_daemon.count, 1);
    ck_assert_int_eq(of_daemon.refusal, REFUSED_SHUT_DOWN);
    core_pass(core, 2);
    core_await_drained(core);
    ck_assert_uint_eq(of_gone.count, 0);
    ck_assert_uint_eq(core_bodies(core) - core_ran(core, 0), 2);
    core_free(core);
}
END_TEST

START_TEST(parked_submits_go_with_the_executor)
{
    struct core *core = core_new(NULL);
    struct submission call = core_call(core, &core->gate, "1");
    struct core_answer answer;
    core_set_queue_limit(core, 1, true);
    call.key = "k";
    call.key_call = "c";
    core_await_running(core, core_start(core, &core->gate, "1"));
    (void)core_start(core, &core->gate, "1");
    core_submit(core, &call, &core->client, &answer);
    core_end(core);
    ck_assert_uint_eq(answer.count, 0);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_submit_is_answered_before_anything_else_is_told,
        ids_rise_and_are_found_by_their_owner_only,
        higher_priority_starts_first,
        a_client_that_filled_the_queue_shares_with_a_latecomer,
        limits_are_named,
        one_user_cannot_take_all_the_room,
        a_full_queue_refuses,
        parked_submits_are_answered_in_order_as_room_comes,
        a_small_submit_does_not_overtake_a_large_one,
        pools_do_not_wait_for_each_other,
        a_parked_submit_that_ends_at_once_makes_room_for_the_next,
        one_that_could_never_fit_is_refused_at_once,
        a_higher_limit_lets_the_parked_in,
        a_lower_limit_refuses_what_cannot_fit_any_more,
        parked_submits_end_with_their_client_the_pool_and_the_daemon,
        parked_submits_go_with_the_executor,
    };
    return CORE_CHECK("executor_submit", tests);
}

/* layers: core base */
/* extra: tests/support/core_fixture.c */
/* The store comes first: nothing is told before it is committed, and what is not leaves nothing. */
#include "daemon/core/executor.h"

#include <check.h>
#include <errno.h>

#include "daemon/base/clock.h"
#include "tests/support/core_fixture.h"

static void count_call(void *arg)
{
    ++*(unsigned *)arg;
}

START_TEST(nothing_happens_before_the_commit)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->ok, "1");
    struct core_answer answer;
    core_await_done(core, core_start(core, &core->ok, "0")); /* there is an idle worker */
    size_t events = core->event_count;
    core->store.holding = true;
    core_submit(core, &submission, &core->client, &answer);
    ck_assert_uint_eq(core->store.held, 1);
    ck_assert_uint_eq(answer.count, 0);
    /* Nobody can have it, so nobody can see it. */
    ck_assert_int_eq(core_find(core, 2), REFUSED_NOT_YET);
    ck_assert_ptr_nonnull(executor_find_below(core->executor, &core->client, UINT64_MAX));
    ck_assert_uint_eq(future_id(executor_find_below(core->executor, &core->client, UINT64_MAX)), 1);
    ck_assert_ptr_null(executor_find_above(core->executor, &core->client, 2));
    ck_assert_uint_eq(core->event_count, events);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    ck_assert_int_eq(answer.state, FUTURE_PENDING);
    ck_assert_int_eq(core_find(core, 2), REFUSED_NOT);
    core_await_done(core, answer.future);
    /* It had not been queued: the worker would have taken it at once. */
    ck_assert_uint_eq(core_bodies(core), 2);
    core_free(core);
}
END_TEST

/* Each of them has to be recorded, and is not done where that cannot be. */
START_TEST(what_cannot_be_recorded_is_not_done)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_map(core, &core->ok, NULL, NULL, 0);
    submission.open = true;
    struct future *map = core_take(core, &submission);
    struct future *done = core_start(core, &core->fail, "1");
    uint64_t map_id = future_id(map);
    core_await_done(core, done);
    core->store.no_room = true;
    ck_assert_int_eq(core_forget(core, done), REFUSED_NO_MEMORY);
    ck_assert_int_eq(core_retry(core, done), REFUSED_NO_MEMORY);
    ck_assert_int_eq(future_state(done), FUTURE_FINISHED);
    ck_assert_int_eq(executor_map_close(core->executor, map), -ENOMEM);
    ck_assert_int_eq(executor_prepare_cancel(core->executor, &map_id, 1), -ENOMEM);
    ck_assert_int_eq(executor_update_priority(core->executor, map, 3), REFUSED_NO_MEMORY);
    ck_assert_int_eq(executor_pause_pool(core->executor, core->pool, true), -ENOMEM);
    ck_assert(!pool_is_paused(core->pool));
    ck_assert_ptr_null(stored_answer_new(core->executor, 1, count_call, NULL));
    core->store.no_room = false;
    ck_assert_int_eq(core_info(map).priority, 0);
    ck_assert(core_info(map).map.open);
    core_free(core);
}
END_TEST

START_TEST(an_end_is_announced_after_its_commit)
{
    struct core *core = core_new(NULL);
    struct future *future = core_start(core, &core->gate, "1");
    core_await_running(core, future);
    core->store.holding = true;
    core_pass(core, 1);
    while (core->store.changes[CHANGE_FINISHED] == 0)
        core_turn(core);
    ck_assert_int_eq(future_state(future), FUTURE_RUNNING);
    ck_assert_int_eq(future_outcome(future)->kind, OUTCOME_NONE);
    ck_assert_uint_eq(core_ends(core), 0);
    ck_assert_int_eq(core_forget(core, future), REFUSED_STATE);
    ck_assert_int_eq(core_retry(core, future), REFUSED_STATE);
    ck_assert(!core_cancel(core, future));
    ck_assert(!core_terminate(core, future).terminating);
    core_store_release(core, SIZE_MAX, 0);
    core_expect_result(future, "1");
    ck_assert_uint_eq(core_ends_of(core, 1), 1);
    core_free(core);
}
END_TEST

/* Everything is as it was before `id` was asked for. */
static void expect_nothing_left(struct core *core, uint64_t id)
{
    uint64_t counts[FUTURE_STATES];
    executor_counts(core->executor, &core->client, counts);
    for (size_t i = 0; i < FUTURE_STATES; i++)
        ck_assert_uint_eq(counts[i], 0);
    ck_assert_uint_eq(pool_pending(core->pool), 0);
    ck_assert_int_eq(core_find(core, id), REFUSED_NOT_FOUND);
    ck_assert_ptr_null(executor_find_above(core->executor, &core->client, 0));
    ck_assert_uint_eq(core->event_count, 0);
    ck_assert_uint_eq(core_bodies(core), 0);
    /* What never was need not be forgotten. */
    ck_assert_uint_eq(core->store.changes[CHANGE_FORGOTTEN], 0);
}

START_TEST(a_failed_commit_leaves_nothing_behind)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_keyed(core, &core->ok, "key", "call");
    struct core_answer answer;
    submission.delay_ns = NS_PER_MS;
    /* From within, and later. */
    core->store.error = -ENOSPC;
    core_submit(core, &submission, &core->client, &answer);
    core_expect_storage_failed(&answer);
    expect_nothing_left(core, 1);
    core->store.holding = true;
    core_submit(core, &submission, &core->client, &answer);
    ck_assert_uint_eq(answer.count, 0);
    core_store_release(core, 1, -ENOSPC);
    core_expect_storage_failed(&answer);
    expect_nothing_left(core, 2);
    /* The key is free, and the daemon recovers by itself. */
    core->store.holding = false;
    core->store.error = 0;
    struct future *future = core_take(core, &submission);
    core_await_done(core, future);
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

START_TEST(a_map_whose_commit_fails_leaves_nothing_behind)
{
    struct core *core = core_new(NULL);
    const char *const texts[] = {"1", "2", "3"};
    struct submission_item items[3];
    struct submission map = core_map(core, &core->ok, items, texts, 3);
    struct core_answer answer;
    core->store.error = -ENOSPC;
    core_submit(core, &map, &core->client, &answer);
    core_expect_storage_failed(&answer);
    expect_nothing_left(core, 2);
    map.open = true;
    core_submit(core, &map, &core->client, &answer);
    core_expect_storage_failed(&answer);
    expect_nothing_left(core, 6);
    core->store.holding = true;
    core_submit(core, &map, &core->client, &answer);
    core_store_release(core, 1, -ENOSPC);
    core_expect_storage_failed(&answer);
    expect_nothing_left(core, 10);
    core_free(core);
}
END_TEST

START_TEST(a_failed_commit_spoils_no_other)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->ok, "1");
    struct core_answer answers[3];
    core->store.holding = true;
    for (size_t i = 0; i < 3; i++)
        core_submit(core, &submission, &core->client, &answers[i]);
    core_store_release(core, 1, 0);
    core_store_release(core, 1, -ENOSPC);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_int_eq(answers[0].refusal, REFUSED_NOT);
    ck_assert_int_eq(answers[1].refusal, REFUSED_STORAGE);
    ck_assert_int_eq(answers[2].refusal, REFUSED_NOT);
    core_await_ends(core, 2);
    ck_assert_uint_eq(core_ends_of(core, 2), 0);
    ck_assert_uint_eq(core_bodies(core), 2);
    core_free(core);
}
END_TEST

START_TEST(a_client_that_goes_while_its_submit_is_stored_is_not_answered)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_call(core, &core->ok, "1");
    struct core_answer answer;
    core->store.holding = true;
    core_submit(core, &submission, &core->client, &answer);
    executor_client_gone(core->executor, core->client.number);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    core_await_ends(core, 1);
    ck_assert_uint_eq(answer.count, 0);
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

START_TEST(a_stored_answer_comes_in_turn)
{
    struct core *core = core_new(NULL);
    unsigned now = 0, later = 0, gone = 0;
    stored_answer_give(stored_answer_new(core->executor, 1, count_call, &now));
    ck_assert_uint_eq(now, 1);
    core->store.holding = true;
    stored_answer_give(stored_answer_new(core->executor, 1, count_call, &later));
    stored_answer_give(stored_answer_new(core->executor, 2, count_call, &gone));
    executor_client_gone(core->executor, 2);
    ck_assert_uint_eq(later, 0);
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_uint_eq(later, 1);
    ck_assert_uint_eq(gone, 0);
    core_free(core);
}
END_TEST

START_TEST(an_executor_goes_with_commits_under_way)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_keyed(core, &core->ok, "key", "call");
    const char *const texts[] = {"1", "2"};
    struct submission_item items[2];
    struct submission map = core_map(core, &core->ok, items, texts, 2);
    struct core_answer answers[4];
    struct core_add_answer added;
    unsigned called = 0;
    map.open = true;
    struct future *open_map = core_take(core, &map);
    core_await_ends(core, 2);
    core->store.holding = true;
    core_submit(core, &submission, &core->client, &answers[0]);
    core_submit(core, &submission, &core->client, &answers[1]);
    core_submit(core, &map, &core->client, &answers[2]);
    core_add(core, open_map, texts, 2, &added);
    stored_answer_give(stored_answer_new(core->executor, 1, count_call, &called));
    core_end(core);
    ck_assert_uint_eq(answers[0].count + answers[1].count + answers[2].count, 0);
    ck_assert_uint_eq(added.count + called, 0);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        nothing_happens_before_the_commit,
        what_cannot_be_recorded_is_not_done,
        an_end_is_announced_after_its_commit,
        a_failed_commit_leaves_nothing_behind,
        a_map_whose_commit_fails_leaves_nothing_behind,
        a_failed_commit_spoils_no_other,
        a_client_that_goes_while_its_submit_is_stored_is_not_answered,
        a_stored_answer_comes_in_turn,
        an_executor_goes_with_commits_under_way,
    };
    return CORE_CHECK("executor_commit", tests);
}

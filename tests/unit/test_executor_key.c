/* layers: core base */
/* extra: tests/support/core_fixture.c */
/* Keys: submits that stand for one future. */
#include "daemon/core/executor.h"

#include <check.h>
#include <errno.h>

#include "tests/support/core_fixture.h"

static void expect_duplicate(struct core *core, const struct submission *submission,
                             const struct future *of)
{
    struct core_answer answer;
    core_submit(core, submission, &core->client, &answer);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    ck_assert(answer.duplicate);
    ck_assert_ptr_eq(answer.future, of);
}

START_TEST(a_key_stands_for_one_future_in_every_state)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_keyed(core, &core->gate, "key", "call");
    struct submission other = core_keyed(core, &core->gate, "key", "other call");
    struct core_answer answer;
    executor_pause_pool(core->executor, core->pool, true);
    struct future *future = core_take(core, &submission);
    expect_duplicate(core, &submission, future);
    executor_pause_pool(core->executor, core->pool, false);
    core_await_running(core, future);
    expect_duplicate(core, &submission, future);
    core_refused(core, &other, REFUSED_KEY_CONFLICT, &answer);
    ck_assert_uint_eq(answer.detail.id, future_id(future));
    core_pass(core, 1);
    core_await_done(core, future);
    expect_duplicate(core, &submission, future);
    core_refused(core, &other, REFUSED_KEY_CONFLICT, &answer);
    ck_assert_uint_eq(core_bodies(core), 1);
    ck_assert_uint_eq(executor_next_id(core->executor), 2);

    executor_pause_pool(core->executor, core->pool, true);
    submission.key = "second";
    future = core_take(core, &submission);
    ck_assert(core_cancel(core, future));
    expect_duplicate(core, &submission, future);
    core_free(core);
}
END_TEST

START_TEST(a_key_is_its_users_own)
{
    struct core *core = core_new(NULL);
    struct client other = {.uid = 1001, .number = 2};
    struct submission submission = core_keyed(core, &core->ok, "key", "call");
    struct core_answer answer;
    struct future *mine = core_take(core, &submission);
    core_submit(core, &submission, &other, &answer);
    ck_assert_int_eq(answer.refusal, REFUSED_NOT);
    ck_assert(!answer.duplicate);
    ck_assert_ptr_ne(answer.future, mine);
    /* The same user from another connection is the same user. */
    struct client again = {.uid = 1000, .number = 9};
    core_submit(core, &submission, &again, &answer);
    ck_assert(answer.duplicate);
    ck_assert_ptr_eq(answer.future, mine);
    core_free(core);
}
END_TEST

START_TEST(a_key_is_free_again_when_its_future_is_forgotten)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_keyed(core, &core->ok, "key", "call");
    struct future *future = core_take(core, &submission);
    uint64_t id = future_id(future);
    core_await_done(core, future);
    ck_assert_int_eq(core_forget(core, future), REFUSED_NOT);
    future = core_take(core, &submission);
    ck_assert_uint_gt(future_id(future), id);
    core_free(core);
}
END_TEST

START_TEST(a_parked_submit_finds_its_key_taken)
{
    struct core *core = core_new(NULL);
    struct submission call = core_call(core, &core->gate, "1");
    struct submission with_key = core_keyed(core, &core->gate, "key", "call");
    struct core_answer first, second;
    core_set_queue_limit(core, 1, true);
    core_await_running(core, core_take(core, &call));
    struct future *queued = core_take(core, &call);
    core_submit(core, &with_key, &core->client, &first);
    core_submit(core, &with_key, &core->client, &second);
    ck_assert_uint_eq(first.count + second.count, 0);
    ck_assert(core_cancel(core, queued));
    ck_assert_uint_eq(first.count, 1);
    ck_assert(!first.duplicate);
    core_pass(core, 2);
    while (second.count == 0)
        core_turn(core);
    ck_assert(second.duplicate);
    ck_assert_ptr_eq(second.future, first.future);
    core_await_done(core, first.future);
    ck_assert_uint_eq(core_bodies(core), 2);
    core_free(core);
}
END_TEST

START_TEST(a_key_that_is_on_its_way_is_refused_without_memory)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_keyed(core, &core->ok, "key", "call");
    struct core_answer first, second;
    core->store.holding = true;
    core_submit(core, &submission, &core->client, &first);
    core->store.short_of = 1000;
    core_submit(core, &submission, &core->client, &second);
    ck_assert_uint_eq(second.count, 1);
    ck_assert_int_eq(second.refusal, REFUSED_NO_MEMORY);
    ck_assert_uint_eq(core->store.short_of, 999);
    core->store.short_of = 0;
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_uint_eq(first.count, 1);
    ck_assert_int_eq(first.refusal, REFUSED_NOT);
    core_await_done(core, first.future);
    core_free(core);
}
END_TEST

START_TEST(a_duplicate_waits_for_the_commit_of_the_first)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_keyed(core, &core->ok, "key", "call");
    struct submission other = core_keyed(core, &core->ok, "key", "other");
    struct core_answer first, second, third;
    core->store.holding = true;
    core_submit(core, &submission, &core->client, &first);
    core_submit(core, &submission, &core->client, &second);
    core_submit(core, &other, &core->client, &third);
    ck_assert_uint_eq(first.count + second.count + third.count, 0);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_uint_eq(first.count, 1);
    ck_assert(!first.duplicate);
    ck_assert_uint_eq(second.count, 1);
    ck_assert(second.duplicate);
    ck_assert_ptr_eq(second.future, first.future);
    ck_assert_uint_eq(third.count, 1);
    ck_assert_int_eq(third.refusal, REFUSED_KEY_CONFLICT);
    core_await_done(core, first.future);
    core_free(core);
}
END_TEST

START_TEST(a_duplicate_of_what_was_not_stored_is_a_submit_of_its_own)
{
    struct core *core = core_new(NULL);
    struct submission submission = core_keyed(core, &core->ok, "key", "call");
    struct core_answer first, second;
    core->store.holding = true;
    core_submit(core, &submission, &core->client, &first);
    core_submit(core, &submission, &core->client, &second);
    core_store_release(core, 1, -ENOSPC);
    core_expect_storage_failed(&first);
    core->store.holding = false;
    core_store_release(core, SIZE_MAX, 0);
    ck_assert_uint_eq(second.count, 1);
    ck_assert_int_eq(second.refusal, REFUSED_NOT);
    ck_assert(!second.duplicate);
    core_await_done(core, second.future);
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_key_stands_for_one_future_in_every_state,
        a_key_is_its_users_own,
        a_key_is_free_again_when_its_future_is_forgotten,
        a_parked_submit_finds_its_key_taken,
        a_key_that_is_on_its_way_is_refused_without_memory,
        a_duplicate_waits_for_the_commit_of_the_first,
        a_duplicate_of_what_was_not_stored_is_a_submit_of_its_own,
    };
    return CORE_CHECK("executor_key", tests);
}

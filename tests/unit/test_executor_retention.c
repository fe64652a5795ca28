/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/executor.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/core_fixture.h"

/* The wall clock of these tests can be set forward. */
static _Atomic time_t ahead_s;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): those are reserved */
int clock_gettime(clockid_t clock, struct timespec *time)
{
    int r = (int)syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_REALTIME)
        time->tv_sec += ahead_s;
    return r;
}

static uint64_t run_one(struct core *core, const char *args)
{
    struct future *future = core_start(core, &core->ok, args);
    uint64_t id = future_id(future);
    core_await_done(core, future);
    executor_sync(core->executor);
    return id;
}

START_TEST(the_oldest_go_when_there_are_too_many)
{
    struct core_options options = {.not_durable = true, .retention_count = 3};
    struct core *core = core_new(&options);
    for (unsigned i = 0; i < 5; i++)
        (void)run_one(core, "1");
    ck_assert_int_eq(core_find(core, 1), REFUSED_EXPIRED);
    ck_assert_int_eq(core_find(core, 2), REFUSED_EXPIRED);
    for (uint64_t id = 3; id <= 5; id++)
        ck_assert_int_eq(core_find(core, id), REFUSED_NOT);
    ck_assert_int_eq(core_find(core, 6), REFUSED_NOT_FOUND);
    ck_assert_uint_eq(core->store.changes[CHANGE_FORGOTTEN], 0);
    core_free(core);
}
END_TEST

START_TEST(forgotten_is_told_apart_from_expired)
{
    struct core_options options = {.not_durable = true, .retention_count = 2};
    struct core *core = core_new(&options);
    struct future *future;
    (void)run_one(core, "1");
    (void)run_one(core, "2");
    ck_assert_int_eq(executor_find(core->executor, &core->client, 1, &future), REFUSED_NOT);
    ck_assert_int_eq(core_forget(core, future), REFUSED_NOT);
    (void)run_one(core, "3");
    ck_assert_int_eq(core_find(core, 2), REFUSED_NOT); /* the forgotten one made room */
    (void)run_one(core, "4");
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT_FOUND);
    ck_assert_int_eq(core_find(core, 2), REFUSED_EXPIRED);
    core_free(core);
}
END_TEST

START_TEST(the_oldest_is_the_one_that_ended_first)
{
    struct core_options options = {.not_durable = true, .retention_count = 1, .max_workers = 2};
    struct core *core = core_new(&options);
    struct future *slow = core_start(core, &core->gate, "1");
    core_await_running(core, slow);
    (void)run_one(core, "2");
    core_pass(core, 1);
    core_await_done(core, slow);
    executor_sync(core->executor);
    ck_assert_int_eq(core_find(core, 2), REFUSED_EXPIRED);
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT);
    core_free(core);
}
END_TEST

START_TEST(bytes_count_too)
{
    /* Each large one has its argument and its result. */
    struct core_options options = {.not_durable = true, .retention_bytes = 200000};
    struct core *core = core_new(&options);
    char *large = malloc(60001);
    memset(large, 'x', 60000);
    large[60000] = '\0';
    (void)run_one(core, large);
    (void)run_one(core, "small");
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT);
    (void)run_one(core, large);
    ck_assert_int_eq(core_find(core, 1), REFUSED_EXPIRED);
    ck_assert_int_eq(core_find(core, 2), REFUSED_NOT);
    ck_assert_int_eq(core_find(core, 3), REFUSED_NOT);
    free(large);
    core_free(core);
}
END_TEST

START_TEST(age_counts_from_the_end)
{
    struct core_options options = {.not_durable = true, .retention_s = 100, .max_workers = 2};
    struct core *core = core_new(&options);
    struct future *slow = core_start(core, &core->gate, "1");
    core_await_running(core, slow);
    (void)run_one(core, "2");
    ahead_s += 99;
    core_pass(core, 1);
    core_await_done(core, slow);
    executor_sync(core->executor);
    ck_assert_int_eq(core_find(core, 2), REFUSED_NOT);
    ahead_s += 2;
    executor_sync(core->executor);
    ck_assert_int_eq(core_find(core, 2), REFUSED_EXPIRED);
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT);
    ahead_s += 100;
    executor_sync(core->executor);
    ck_assert_int_eq(core_find(core, 1), REFUSED_EXPIRED);
    core_free(core);
}
END_TEST

START_TEST(what_is_not_done_stays)
{
    struct core_options options = {.not_durable = true, .retention_count = 1, .retention_s = 1};
    struct core *core = core_new(&options);
    struct submission delayed = core_call(core, &core->ok, "1");
    delayed.delay_ns = UINT64_MAX;
    struct future *pending = core_take(core, &delayed);
    ahead_s += 1000000;
    (void)run_one(core, "2");
    (void)run_one(core, "3");
    ck_assert_int_eq(future_state(pending), FUTURE_PENDING);
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT);
    core_free(core);
}
END_TEST

START_TEST(a_retried_future_is_young_again)
{
    struct core_options options = {.not_durable = true, .retention_count = 2};
    struct core *core = core_new(&options);
    struct future *first = core_start(core, &core->ok, "1");
    core_await_done(core, first);
    (void)run_one(core, "2");
    ck_assert_int_eq(core_retry(core, first), REFUSED_NOT);
    core_await_done(core, first);
    (void)run_one(core, "3");
    ck_assert_int_eq(core_find(core, 2), REFUSED_EXPIRED);
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT);
    core_free(core);
}
END_TEST

START_TEST(an_expired_key_is_free)
{
    struct core_options options = {.not_durable = true, .retention_count = 1};
    struct core *core = core_new(&options);
    struct submission submission = core_call(core, &core->ok, "1");
    submission.key = "key";
    submission.key_call = "call";
    core_await_done(core, core_take(core, &submission));
    (void)run_one(core, "2");
    ck_assert_int_eq(core_find(core, 1), REFUSED_EXPIRED);
    core_await_done(core, core_take(core, &submission));
    core_free(core);
}
END_TEST

/* ---- maps ---- */

static const char *const texts[] = {"1", "2", "3", "4"};

START_TEST(a_map_counts_as_one_and_goes_as_one)
{
    struct core_options options = {.not_durable = true, .retention_count = 2};
    struct core *core = core_new(&options);
    struct submission_item items[4];
    struct submission submission = core_map(core, &core->ok, items, texts, 4);
    core_await_done(core, core_take(core, &submission));
    (void)run_one(core, "1");
    for (uint64_t id = 1; id <= 6; id++)
        ck_assert_int_eq(core_find(core, id), REFUSED_NOT);
    (void)run_one(core, "1");
    for (uint64_t id = 1; id <= 5; id++)
        ck_assert_int_eq(core_find(core, id), REFUSED_EXPIRED);
    ck_assert_int_eq(core_find(core, 6), REFUSED_NOT);
    core_free(core);
}
END_TEST

START_TEST(the_bytes_of_a_map_are_those_of_its_items)
{
    struct core_options options = {.not_durable = true, .retention_bytes = 100000};
    struct core *core = core_new(&options);
    char *large = malloc(30001);
    memset(large, 'x', 30000);
    large[30000] = '\0';
    const char *const large_texts[] = {large, large};
    struct submission_item items[2];
    struct submission submission = core_map(core, &core->ok, items, large_texts, 2);
    struct future *map = core_take(core, &submission);
    core_await_done(core, map);
    executor_sync(core->executor);
    /* Each item holds its text and its result: 120,000 bytes are too many by themselves. */
    ck_assert_int_eq(core_find(core, 1), REFUSED_EXPIRED);
    ck_assert_int_eq(core_find(core, 3), REFUSED_EXPIRED);
    (void)run_one(core, "1");
    ck_assert_int_eq(core_find(core, 4), REFUSED_NOT);
    free(large);
    core_free(core);
}
END_TEST

START_TEST(items_of_an_open_map_go_one_by_one)
{
    struct core_options options = {.not_durable = true, .retention_count = 2};
    struct core *core = core_new(&options);
    struct submission_item items[4];
    struct core_add_answer added;
    struct submission submission = core_map(core, &core->ok, items, texts, 4);
    submission.open = true;
    submission.window = 100;
    struct future *map = core_take(core, &submission);
    core_await_ends(core, 4);
    executor_sync(core->executor);
    ck_assert_int_eq(core_find(core, 2), REFUSED_EXPIRED);
    ck_assert_int_eq(core_find(core, 3), REFUSED_EXPIRED);
    ck_assert_int_eq(core_find(core, 4), REFUSED_NOT);
    ck_assert_ptr_null(future_map_item(map, 0));
    core_expect_result(future_map_item(map, 3), "4");
    core_add(core, map, texts, 1, &added);
    core_await_ends(core, 5);
    executor_map_close(core->executor, map);
    ck_assert_int_eq(future_state(map), FUTURE_FINISHED);
    ck_assert_uint_eq(core_info(map).map.count, 5);
    ck_assert_uint_eq(core_info(map).map.by_state[FUTURE_FINISHED], 5);
    executor_sync(core->executor);
    ck_assert_int_eq(core_find(core, 1), REFUSED_NOT);
    core_free(core);
}
END_TEST

START_TEST(an_endless_producer_needs_no_memory_without_end)
{
    struct core_options options = {.not_durable = true, .retention_count = 10};
    struct core *core = core_new(&options);
    struct submission_item items[4];
    struct core_add_answer added;
    struct submission submission = core_map(core, &core->ok, items, texts, 4);
    uint64_t counts[FUTURE_STATES];
    submission.open = true;
    submission.window = 8;
    struct future *map = core_take(core, &submission);
    for (size_t i = 0; i < 2000; i++) {
        core_add(core, map, texts, 4, &added);
        while (added.count == 0)
            core_turn(core);
        ck_assert_int_eq(added.refusal, REFUSED_NOT);
    }
    core_await_ends(core, 8004);
    executor_sync(core->executor);
    executor_counts(core->executor, &core->client, counts);
    ck_assert_uint_eq(counts[FUTURE_FINISHED], 10);
    executor_map_close(core->executor, map);
    core_free(core);
}
END_TEST

START_TEST(a_retried_map_is_counted_right)
{
    struct core_options options = {.not_durable = true, .retention_bytes = 100000};
    struct core *core = core_new(&options);
    char *large = malloc(20001);
    memset(large, 'x', 20000);
    large[20000] = '\0';
    const char *const mixed[] = {large, "fail"};
    struct submission_item items[2];
    struct submission submission = core_map(core, &core->either, items, mixed, 2);
    struct future *map = core_take(core, &submission);
    core_await_done(core, map);
    for (unsigned i = 0; i < 20; i++) {
        ck_assert_int_eq(core_retry(core, map), REFUSED_NOT);
        core_await_done(core, map);
        executor_sync(core->executor);
        ck_assert_int_eq(core_find(core, 1), REFUSED_NOT);
    }
    ck_assert_int_eq(core_forget(core, future_map_item(map, 0)), REFUSED_NOT);
    ck_assert_int_eq(core_forget(core, map), REFUSED_NOT);
    /* All of it is free again: two that fill the room together. */
    struct submission call = core_call(core, &core->ok, large);
    struct future *one = core_take(core, &call), *two = core_take(core, &call);
    core_await_done(core, one);
    core_await_done(core, two);
    executor_sync(core->executor);
    ck_assert_int_eq(core_find(core, future_id(one)), REFUSED_NOT);
    free(large);
    core_free(core);
}
END_TEST

/* What one sweep cannot do is done without anybody who asks for anything. */
START_TEST(a_flood_leaves_memory_by_itself)
{
    enum { ITEMS = 5000, GONE = 3000 };
    struct core_options options = {.cache_count = 10};
    struct core *core = core_new(&options);
    struct submission_item items[ITEMS];
    const char *many[ITEMS];
    for (size_t i = 0; i < ITEMS; i++)
        many[i] = "1";
    struct submission submission = core_map(core, &core->ok, items, many, ITEMS);
    (void)core_take(core, &submission);
    core_await_ends(core, ITEMS + 1);
    /* The map stays until its last item has gone. */
    for (uint64_t id = 2; id < GONE; id++)
        while (core_find(core, id) != REFUSED_NOT_LOADED)
            core_turn(core);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_oldest_go_when_there_are_too_many,
        forgotten_is_told_apart_from_expired,
        the_oldest_is_the_one_that_ended_first,
        bytes_count_too,
        age_counts_from_the_end,
        what_is_not_done_stays,
        a_retried_future_is_young_again,
        an_expired_key_is_free,
        a_map_counts_as_one_and_goes_as_one,
        the_bytes_of_a_map_are_those_of_its_items,
        items_of_an_open_map_go_one_by_one,
        an_endless_producer_needs_no_memory_without_end,
        a_retried_map_is_counted_right,
        a_flood_leaves_memory_by_itself,
    };
    return CORE_CHECK("executor_retention", tests);
}

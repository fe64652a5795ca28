/* layers: store core base */
/* extra: tests/support/store_fixture.c */
/* Starts that are stored ahead, and the marks that say which of these calls have begun. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/begun.h"
#include "tests/support/store_fixture.h"

/* In the file, behind its magic. */
#define BOOT_ID_AT 16

static void put_may_start(struct fixture *fixture, uint64_t id, uint64_t cursor)
{
    struct store_change change = {
        .kind = CHANGE_MAY_START,
        .durability = DURABILITY_FULL,
        .id = id,
        .cursor = cursor,
        .attempt = 1,
        .wall_us = 2000 + (int64_t)id,
    };
    put_change(fixture, &change);
}

static _Atomic uint64_t *marks_of(struct fixture *fixture)
{
    return fixture->store->ops->marks(fixture->store);
}

/* Its start goes into the store with it. */
static void put_with_start(struct fixture *fixture, uint64_t id)
{
    struct stored_spec spec = plain_spec("{}");
    struct stored_future future = plain_future(id, &spec);
    future.state = FUTURE_RUNNING;
    future.not_begun = true;
    future.started_us = 2000 + (int64_t)id;
    put_future(fixture, &future);
}

/* Of the futures 1, 2 and 3, whose starts are stored ahead, 2 has begun. */
static void open_with_three(struct fixture *fixture)
{
    fixture_init(fixture);
    fixture_open(fixture);
    put_simple(fixture, 1);
    put_simple(fixture, 2);
    put_with_start(fixture, 3);
    commit_ok(fixture);
    put_may_start(fixture, 1, 1);
    put_may_start(fixture, 2, 2);
    commit_ok(fixture);
    begun_set(marks_of(fixture), 2, 1);
}

static void expect_states(const struct fixture *fixture, enum future_state first,
                          enum future_state second, enum future_state third)
{
    const enum future_state wanted[] = {first, second, third};
    ck_assert_uint_eq(fixture->loaded.future_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct stored_future *future = &fixture->loaded.futures[i];
        ck_assert_int_eq(future->state, wanted[i]);
        ck_assert_int_eq(future->not_begun, wanted[i] == FUTURE_PENDING);
        ck_assert_int_eq(future->started_us,
                         wanted[i] == FUTURE_PENDING ? 0 : 2000 + (int64_t)future->id);
    }
}

START_TEST(what_has_no_mark_is_pending)
{
    struct fixture fixture;
    open_with_three(&fixture);
    fixture_reopen(&fixture);
    expect_states(&fixture, FUTURE_PENDING, FUTURE_RUNNING, FUTURE_PENDING);
    /* And so it stays, however often. */
    fixture_reopen(&fixture);
    expect_states(&fixture, FUTURE_PENDING, FUTURE_RUNNING, FUTURE_PENDING);
    fixture_end(&fixture);
}
END_TEST

START_TEST(what_was_started_as_usual_needs_no_mark)
{
    struct fixture fixture;
    open_with_three(&fixture);
    put_started(&fixture, 1, 10);
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    expect_states(&fixture, FUTURE_RUNNING, FUTURE_RUNNING, FUTURE_PENDING);
    fixture_end(&fixture);
}
END_TEST

START_TEST(the_mark_is_that_of_the_attempt)
{
    struct fixture fixture;
    open_with_three(&fixture);
    begun_set(marks_of(&fixture), 1, 2);
    begun_set(marks_of(&fixture), 3 + BEGUN_PLACES, 1);
    fixture_reopen(&fixture);
    expect_states(&fixture, FUTURE_PENDING, FUTURE_RUNNING, FUTURE_PENDING);
    fixture_end(&fixture);
}
END_TEST

START_TEST(what_was_taken_back_is_pending)
{
    struct fixture fixture;
    open_with_three(&fixture);
    struct store_change change = {
        .kind = CHANGE_RETRIED, .durability = DURABILITY_FULL, .id = 3, .attempt = 1, .cursor = 3};
    put_change(&fixture, &change);
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    const struct stored_future *third = &fixture.loaded.futures[2];
    ck_assert_int_eq(third->state, FUTURE_PENDING);
    ck_assert(!third->not_begun);
    ck_assert_uint_eq(third->attempt, 1);
    ck_assert_uint_eq(third->attempt_count, 0);
    fixture_end(&fixture);
}
END_TEST

/* After it no mark is worth anything, and the next daemon must not take the empty ones of this one
 * for what the first has left. */
static void expect_all_begun(struct fixture *fixture)
{
    fixture_open(fixture);
    expect_states(fixture, FUTURE_RUNNING, FUTURE_RUNNING, FUTURE_RUNNING);
    fixture_reopen(fixture);
    expect_states(fixture, FUTURE_RUNNING, FUTURE_RUNNING, FUTURE_RUNNING);
    put_may_start(fixture, 1, 20);
    commit_ok(fixture);
    fixture_reopen(fixture);
    expect_states(fixture, FUTURE_PENDING, FUTURE_RUNNING, FUTURE_RUNNING);
}

START_TEST(marks_of_another_run_of_the_machine_say_nothing)
{
    struct fixture fixture;
    open_with_three(&fixture);
    fixture_close(&fixture);
    int fd = open(fixture_path(&fixture, "begun"), O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, "another", 7, BOOT_ID_AT), 7);
    close(fd);
    expect_all_begun(&fixture);
    fixture_end(&fixture);
}
END_TEST

START_TEST(marks_that_are_lost_say_nothing)
{
    struct fixture fixture;
    open_with_three(&fixture);
    fixture_close(&fixture);
    ck_assert_int_eq(unlink(fixture_path(&fixture, "begun")), 0);
    expect_all_begun(&fixture);
    fixture_close(&fixture);
    ck_assert_int_eq(truncate(fixture_path(&fixture, "begun"), 100), 0);
    fixture_open(&fixture);
    expect_states(&fixture, FUTURE_RUNNING, FUTURE_RUNNING, FUTURE_RUNNING);
    fixture_end(&fixture);
}
END_TEST

START_TEST(without_the_file_all_goes_on)
{
    struct fixture fixture;
    open_with_three(&fixture);
    ck_assert_ptr_nonnull(marks_of(&fixture));
    fixture_close(&fixture);
    ck_assert_int_eq(unlink(fixture_path(&fixture, "begun")), 0);
    ck_assert_int_eq(mkdir(fixture_path(&fixture, "begun"), 0700), 0);
    fixture_open(&fixture);
    expect_states(&fixture, FUTURE_RUNNING, FUTURE_RUNNING, FUTURE_RUNNING);
    ck_assert_ptr_null(marks_of(&fixture));
    put_finished(&fixture, 1, 30, "1");
    commit_ok(&fixture);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_backup_knows_what_has_begun)
{
    struct fixture fixture, other;
    open_with_three(&fixture);
    fixture_init(&other);
    ck_assert_int_eq(backup_now(&fixture, fixture_path(&other, "futured.db")), 0);
    fixture_open(&other);
    ck_assert_uint_eq(other.loaded.future_count, 3);
    ck_assert_int_eq(other.loaded.futures[0].state, FUTURE_PENDING);
    ck_assert_int_eq(other.loaded.futures[1].state, FUTURE_RUNNING);
    ck_assert_int_eq(other.loaded.futures[2].state, FUTURE_PENDING);
    fixture_end(&other);
    fixture_end(&fixture);
}
END_TEST

START_TEST(an_item_that_has_not_begun_does_not_count_as_running)
{
    struct fixture fixture;
    struct read_back read;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_map(&fixture, 1, 2, false);
    put_may_start(&fixture, 2, 2);
    put_may_start(&fixture, 3, 3);
    begun_set(marks_of(&fixture), 3, 1);
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 3);
    ck_assert(fixture.loaded.futures[1].not_begun && !fixture.loaded.futures[2].not_begun);
    put_cancelled(&fixture, 2, 10);
    put_finished(&fixture, 3, 11, "1");
    put_map_finished(&fixture, 1, 12, 2);
    commit_ok(&fixture);
    read_id(&fixture, 1, &read);
    ck_assert_uint_eq(read.records[0].map->by_state[FUTURE_RUNNING], 0);
    read_clear(&read);
    fixture_end(&fixture);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_has_no_mark_is_pending,
        what_was_started_as_usual_needs_no_mark,
        the_mark_is_that_of_the_attempt,
        what_was_taken_back_is_pending,
        marks_of_another_run_of_the_machine_say_nothing,
        marks_that_are_lost_say_nothing,
        without_the_file_all_goes_on,
        a_backup_knows_what_has_begun,
        an_item_that_has_not_begun_does_not_count_as_running,
    };
    return STORE_CHECK("sqlite_store_begun", tests);
}

/* layers: store core base */
/* extra: tests/support/store_fixture.c tests/support/store_vfs.c */
/* A disk that is full, that fails, or that has given back something else. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/store_fixture.h"
#include "tests/support/store_vfs.h"

#define RESERVE 262144

static void disk_init(struct fixture *fixture, size_t reserve_bytes)
{
    test_vfs_init();
    fixture_init(fixture);
    fixture->settings.vfs = TEST_VFS;
    fixture->settings.reserve_bytes = reserve_bytes;
}

static uint64_t reserve_size(struct fixture *fixture)
{
    struct stat status;
    return stat(fixture_path(fixture, "reserve"), &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* New work until there is no room for any; returns how many were stored, with ids from 1. */
static uint64_t fill_up(struct fixture *fixture)
{
    for (uint64_t id = 1;; id++) {
        put_simple(fixture, id);
        int r = commit_now(fixture, true);
        if (r < 0) {
            ck_assert_int_eq(r, -ENOSPC);
            return id - 1;
        }
    }
}

START_TEST(a_full_disk_refuses_new_work_and_serves_reads)
{
    struct fixture fixture;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    test_vfs_limit(test_vfs_used() + 100000);
    uint64_t count = fill_up(&fixture);
    ck_assert_uint_gt(count, 1);
    ck_assert(statistics_now(&fixture).full);
    ck_assert(is_there(&fixture, count));
    ck_assert(!is_there(&fixture, count + 1));
    /* And again, without a restart. */
    test_vfs_limit(UINT64_MAX);
    put_simple(&fixture, count + 1);
    ck_assert_int_eq(commit_now(&fixture, true), 0);
    ck_assert(!statistics_now(&fixture).full);
    ck_assert(is_there(&fixture, count + 1));
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, count + 1);
    ck_assert_uint_eq(fixture.broken_count, 0);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_map_that_is_too_large_is_refused_alone)
{
    struct answer before = {0}, large = {0}, behind = {0};
    struct fixture fixture;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    commit_ok(&fixture);
    test_vfs_limit(test_vfs_used() + 400000);
    put_simple(&fixture, 2);
    commit_start(&fixture, true, &before);
    put_map(&fixture, 3, 20000, false);
    commit_start(&fixture, true, &large);
    put_simple(&fixture, 30000);
    commit_start(&fixture, true, &behind);
    await_answer(&fixture, &before);
    await_answer(&fixture, &large);
    await_answer(&fixture, &behind);
    ck_assert_int_eq(before.error, 0);
    ck_assert_int_eq(large.error, -ENOSPC);
    ck_assert_int_eq(behind.error, 0);
    ck_assert(is_there(&fixture, 2));
    ck_assert(!is_there(&fixture, 3));
    ck_assert(!is_there(&fixture, 4));
    ck_assert(is_there(&fixture, 30000));
    fixture_end(&fixture);
}
END_TEST

/* The failure comes while the commit is still being put together. */
START_TEST(what_was_over_in_a_refused_commit_does_not_come_back)
{
    char *text = long_text(500000);
    struct fixture fixture;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    test_vfs_limit(test_vfs_used() + 100000);
    put_simple(&fixture, 1);
    put_finished(&fixture, 1, 11, "1");
    put_simple(&fixture, 2);
    put_finished(&fixture, 2, 12, text);
    ck_assert_int_eq(commit_now(&fixture, true), -ENOSPC);
    test_vfs_limit(UINT64_MAX);
    put_simple(&fixture, 3);
    put_finished(&fixture, 3, 13, "3");
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.trace_count, 1);
    ck_assert(is_there(&fixture, 3));
    free(text);
    fixture_end(&fixture);
}
END_TEST

START_TEST(what_must_be_stored_waits_for_room_in_its_order)
{
    struct answer end = {0}, another = {0}, empty = {0}, refused = {0};
    struct answer *last = NULL;
    struct read_back read;
    char *text = long_text(60000);
    struct fixture fixture;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    put_simple(&fixture, 2);
    commit_ok(&fixture);
    test_vfs_limit(0);
    put_finished(&fixture, 1, 3, text);
    end.last = another.last = empty.last = &last;
    commit_start(&fixture, false, &end);
    put_finished(&fixture, 2, 4, text);
    commit_start(&fixture, false, &another);
    commit_start(&fixture, false, &empty);
    put_simple(&fixture, 3);
    commit_start(&fixture, true, &refused);
    await_answer(&fixture, &refused);
    ck_assert_int_eq(refused.error, -ENOSPC);
    read_id(&fixture, 1, &read);
    ck_assert_int_eq(read.records[0].state, FUTURE_PENDING);
    read_clear(&read);
    ck_assert_uint_eq(end.count + another.count + empty.count, 0);
    ck_assert(statistics_now(&fixture).full);
    ck_assert_uint_eq(statistics_now(&fixture).waiting, 3);
    test_vfs_limit(UINT64_MAX);
    await_answer(&fixture, &end);
    await_answer(&fixture, &another);
    await_answer(&fixture, &empty);
    ck_assert(end.error == 0 && another.error == 0 && empty.error == 0);
    ck_assert_ptr_eq(last, &empty);
    read_id(&fixture, 2, &read);
    ck_assert_int_eq(read.records[0].state, FUTURE_FINISHED);
    read_clear(&read);
    free(text);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_quota_is_no_other_than_a_full_disk)
{
    struct fixture fixture;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    commit_ok(&fixture);
    test_vfs_quota(true);
    char *text = long_text(100000);
    put_finished(&fixture, 1, 2, text);
    ck_assert_int_eq(commit_now(&fixture, true), -ENOSPC);
    ck_assert_uint_eq(fixture.broken_count, 0);
    test_vfs_quota(false);
    put_finished(&fixture, 1, 2, text);
    commit_ok(&fixture);
    free(text);
    fixture_end(&fixture);
}
END_TEST

static enum future_state state_of_1(struct fixture *fixture)
{
    struct read_back read;
    read_id(fixture, 1, &read);
    ck_assert_uint_eq(read.count, 1);
    enum future_state state = read.records[0].state;
    read_clear(&read);
    return state;
}

/* The end of a future with a large result, where the n-th write finds no room, and, with `and_on`,
 * none behind it. Returns whether there were so many. */
static bool end_without_room(unsigned n, bool and_on, bool may_fail, const char *text)
{
    struct answer answer = {0};
    struct fixture fixture;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    commit_ok(&fixture);
    test_vfs_fail_room(n, and_on);
    put_finished(&fixture, 1, 2, text);
    commit_start(&fixture, may_fail, &answer);
    if (may_fail) {
        await_answer(&fixture, &answer);
    } else {
        /* It waits; new work is refused meanwhile, or stored with it. */
        put_simple(&fixture, 2);
        int r = commit_now(&fixture, true);
        ck_assert(r == 0 || r == -ENOSPC);
        ck_assert_uint_eq(is_there(&fixture, 2), r == 0);
    }
    bool failed = test_vfs_room_failed();
    ck_assert(answer.count == 0 || answer.error == 0 || answer.error == -ENOSPC);
    if (answer.count > 0)
        ck_assert_int_eq(state_of_1(&fixture),
                         answer.error == 0 ? FUTURE_FINISHED : FUTURE_PENDING);
    test_vfs_fail_room(0, false);
    if (!may_fail) {
        await_answer(&fixture, &answer);
        ck_assert_int_eq(answer.error, 0);
    }
    ck_assert_uint_eq(fixture.broken_count, 0);
    fixture_reopen(&fixture);
    ck_assert_int_eq(state_of_1(&fixture), answer.error == 0 ? FUTURE_FINISHED : FUTURE_PENDING);
    fixture_end(&fixture);
    return failed;
}

START_TEST(every_write_that_finds_no_room_is_answered_by_the_truth)
{
    char *text = long_text(100000);
    for (int how = 0; how < 4; how++) {
        unsigned n = 1;
        while (end_without_room(n, how & 1, how & 2, text))
            n++;
        ck_assert_uint_gt(n, 3);
    }
    free(text);
}
END_TEST

START_TEST(the_reserve_is_for_what_must_be_stored_and_comes_back)
{
    char *text = long_text(30000);
    struct fixture fixture;
    struct read_back read;
    disk_init(&fixture, RESERVE);
    fixture_open(&fixture);
    ck_assert_uint_eq(reserve_size(&fixture), RESERVE);
    test_vfs_limit(test_vfs_used() + 100000);
    uint64_t count = fill_up(&fixture);
    ck_assert_uint_eq(reserve_size(&fixture), RESERVE);
    /* Ends go on into the room of the reserve, and new work does not. */
    for (uint64_t id = 1; reserve_size(&fixture) > 0; id++) {
        ck_assert_uint_lt(id, count);
        put_finished(&fixture, id, 10000 + id, text);
        commit_ok(&fixture);
    }
    /* Not enough for it to come back. What is read is read after the tidying behind the last
     * commit, which makes the log shorter. */
    read_id(&fixture, 1, &read);
    read_clear(&read);
    test_vfs_limit(test_vfs_used() + RESERVE / 2);
    put_finished(&fixture, count, 20000, "1");
    commit_ok(&fixture);
    put_simple(&fixture, count + 1);
    ck_assert_int_eq(commit_now(&fixture, true), -ENOSPC);
    ck_assert(statistics_now(&fixture).full);
    test_vfs_limit(UINT64_MAX);
    put_simple(&fixture, count + 1);
    ck_assert_int_eq(commit_now(&fixture, true), 0);
    ck_assert_uint_eq(reserve_size(&fixture), RESERVE);
    ck_assert(!statistics_now(&fixture).full);
    free(text);
    fixture_end(&fixture);
}
END_TEST

START_TEST(retention_makes_room_on_a_full_disk)
{
    struct fixture fixture;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    char *text = long_text(60000);
    for (uint64_t id = 1; id <= 20; id++) {
        put_simple(&fixture, id);
        put_finished(&fixture, id, 100 + id, text);
        commit_ok(&fixture);
    }
    put_simple(&fixture, 21);
    commit_ok(&fixture);
    fixture_close(&fixture);
    fixture.settings.retention_count = 2;
    fixture_open(&fixture);
    test_vfs_limit(test_vfs_used() + 300000);
    await_expired(&fixture, 18);
    /* The pages of what has gone hold what comes; without them there would be no room. */
    for (uint64_t id = 22; id <= 32; id++) {
        put_simple(&fixture, id);
        put_finished(&fixture, id, 200 + id, text);
        commit_ok(&fixture);
    }
    ck_assert(is_there(&fixture, 32));
    free(text);
    fixture_end(&fixture);
}
END_TEST

/* Everything that is asked after this stays unanswered. */
static void expect_broken(struct fixture *fixture, const char *word)
{
    struct answer answer = {0};
    await_broken(fixture);
    ck_assert_uint_eq(fixture->broken_count, 1);
    ck_assert_msg(strstr(fixture->broken, word) != NULL, "'%s' is not in: %s", word,
                  fixture->broken);
    put_simple(fixture, 1000);
    commit_start(fixture, true, &answer);
    fixture_close(fixture);
    ck_assert_uint_eq(answer.count, 0);
    ck_assert_uint_eq(fixture->broken_count, 1);
}

START_TEST(a_failed_sync_breaks_the_store_and_is_not_tried_again)
{
    struct answer lost = {0};
    struct fixture fixture;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    commit_ok(&fixture);
    test_vfs_fail_sync(1);
    put_simple(&fixture, 2);
    commit_start(&fixture, false, &lost);
    await_broken(&fixture);
    unsigned syncs = test_vfs_syncs();
    expect_broken(&fixture, "is broken");
    ck_assert_uint_eq(lost.count, 0);
    ck_assert_uint_eq(test_vfs_syncs(), syncs);
    /* Nothing was deleted: what was acknowledged is there. */
    fixture_open(&fixture);
    ck_assert_uint_ge(fixture.loaded.future_count, 1);
    ck_assert_uint_eq(fixture.loaded.futures[0].id, 1);
    fixture_end(&fixture);
}
END_TEST

START_TEST(every_sync_that_fails_is_noticed)
{
    /* The syncs of a large result, of its directory, of the log, and so on: one after the other. */
    char *text = long_text(100000);
    for (unsigned n = 1;; n++) {
        struct answer answer = {0};
        struct fixture fixture;
        disk_init(&fixture, 0);
        fixture_open(&fixture);
        put_simple(&fixture, 1);
        commit_ok(&fixture);
        test_vfs_fail_sync(n);
        put_finished(&fixture, 1, 2, text);
        answer.stop = true;
        commit_start(&fixture, false, &answer);
        fixture_run(&fixture);
        bool stored = answer.count > 0;
        ck_assert(stored != (fixture.broken_count > 0));
        fixture_close(&fixture);
        test_vfs_init();
        fixture_open(&fixture);
        if (stored)
            ck_assert_uint_eq(fixture.loaded.trace_count, 1);
        else
            ck_assert_uint_eq(fixture.loaded.future_count + fixture.loaded.trace_count, 1);
        fixture_end(&fixture);
        if (stored) {
            ck_assert_uint_gt(n, 2);
            break;
        }
    }
    free(text);
}
END_TEST

START_TEST(writes_that_fail_break_the_store)
{
    struct answer lost = {0};
    struct fixture fixture;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    commit_ok(&fixture);
    test_vfs_fail_writes(true);
    put_simple(&fixture, 2);
    commit_start(&fixture, true, &lost);
    expect_broken(&fixture, "disk I/O error");
    ck_assert_uint_eq(lost.count, 0);
    test_vfs_fail_writes(false);
    fixture_open(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 1);
    fixture_end(&fixture);
}
END_TEST

static void spoil(struct fixture *fixture, off_t offset, size_t size)
{
    char rubbish[4096];
    memset(rubbish, 0x5a, sizeof(rubbish));
    int fd = open(fixture_path(fixture, "futured.db"), O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    while (size > 0) {
        ssize_t part = pwrite(fd, rubbish, size < sizeof(rubbish) ? size : sizeof(rubbish), offset);
        ck_assert_int_gt(part, 0);
        offset += part;
        size -= (size_t)part;
    }
    close(fd);
}

static uint64_t database_size(struct fixture *fixture)
{
    struct stat status;
    ck_assert_int_eq(stat(fixture_path(fixture, "futured.db"), &status), 0);
    return (uint64_t)status.st_size;
}

START_TEST(a_damaged_database_is_refused_and_left_alone)
{
    struct fixture fixture;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    put_map(&fixture, 1, 2000, false);
    commit_ok(&fixture);
    fixture_close(&fixture);
    uint64_t size = database_size(&fixture);
    spoil(&fixture, 0, 100);
    fixture_refused(&fixture, -EIO, "futured.db");
    ck_assert_uint_eq(database_size(&fixture), size);
    fixture_end(&fixture);
}
END_TEST

START_TEST(damage_after_an_unclean_end_is_found_at_the_start)
{
    struct fixture fixture, after;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    put_map(&fixture, 1, 2000, false);
    commit_ok(&fixture);
    fixture_close(&fixture);
    fixture_open(&fixture);
    put_simple(&fixture, 5000);
    commit_ok(&fixture);
    disk_init(&after, 0);
    fixture_copy(&fixture, &after);
    spoil(&after, 4096 * 8, 4096 * 4);
    fixture_refused(&after, -EIO, "damaged");
    fixture_end(&after);
    fixture_end(&fixture);
}
END_TEST

START_TEST(damage_that_is_met_later_breaks_the_store)
{
    struct fixture fixture;
    disk_init(&fixture, 0);
    fixture_open(&fixture);
    char *text = long_text(3000);
    for (uint64_t id = 1; id <= 200; id++) {
        put_simple(&fixture, id);
        put_finished(&fixture, id, 1000 + id, text);
    }
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    free(text);
    uint64_t size = database_size(&fixture);
    spoil(&fixture, 4096 * 30, size - 4096 * 30);
    for (uint64_t id = 1; id <= 200 && fixture.broken_count == 0; id++) {
        struct answer answer = {.stop = true};
        put_started(&fixture, id, 5000 + id);
        put_forgotten(&fixture, id);
        commit_start(&fixture, false, &answer);
        fixture_run(&fixture);
    }
    expect_broken(&fixture, "malformed");
    ck_assert_uint_eq(database_size(&fixture), size);
    fixture_end(&fixture);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_full_disk_refuses_new_work_and_serves_reads,
        a_map_that_is_too_large_is_refused_alone,
        what_was_over_in_a_refused_commit_does_not_come_back,
        what_must_be_stored_waits_for_room_in_its_order,
        a_quota_is_no_other_than_a_full_disk,
        every_write_that_finds_no_room_is_answered_by_the_truth,
        the_reserve_is_for_what_must_be_stored_and_comes_back,
        retention_makes_room_on_a_full_disk,
        a_failed_sync_breaks_the_store_and_is_not_tried_again,
        every_sync_that_fails_is_noticed,
        writes_that_fail_break_the_store,
        a_damaged_database_is_refused_and_left_alone,
        damage_after_an_unclean_end_is_found_at_the_start,
        damage_that_is_met_later_breaks_the_store,
    };
    return STORE_CHECK("sqlite_store_disk", tests);
}

/* layers: store core base */
/* extra: tests/support/store_fixture.c */
/* What is kept and where: retention, the directory and its lock, versions, backups, leftovers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "tests/support/store_fixture.h"

/* Futures 1..count, done at the cursors 1001.. */
static void put_done(struct fixture *fixture, uint64_t first, uint64_t count)
{
    for (uint64_t id = first; id < first + count; id++) {
        put_simple(fixture, id);
        put_finished(fixture, id, 1000 + id, "\"result\"");
    }
    commit_ok(fixture);
}

START_TEST(the_oldest_go_when_there_are_too_many)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.settings.retention_count = 100;
    fixture_open(&fixture);
    put_done(&fixture, 1, 100);
    ck_assert(is_there(&fixture, 1));
    put_done(&fixture, 101, 1000);
    await_expired(&fixture, 1000);
    ck_assert_uint_eq(fixture.expired_ids, 1000);
    ck_assert(was_expired(&fixture, 1) && was_expired(&fixture, 1000));
    ck_assert(!was_expired(&fixture, 1001));
    ck_assert(!is_there(&fixture, 1000));
    ck_assert(is_there(&fixture, 1001));
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.trace_count, 100);
    ck_assert_uint_eq(fixture.loaded.expired_count, 1);
    ck_assert(fixture.loaded.expired[0].first == 1 && fixture.loaded.expired[0].last == 1000);
    ck_assert_uint_eq(fixture.loaded.next_id, 1101);
    fixture_end(&fixture);
}
END_TEST

START_TEST(other_numbers_hold_at_once)
{
    struct store_retention fewer = {.count = 10, .bytes = UINT64_MAX, .age_s = UINT64_MAX};
    struct store_retention more = {.count = 50, .bytes = UINT64_MAX, .age_s = UINT64_MAX};
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.settings.retention_count = 100;
    fixture_open(&fixture);
    put_done(&fixture, 1, 100);
    /* Nothing else makes the store look. */
    fixture.store->ops->retain(fixture.store, &fewer);
    await_expired(&fixture, 90);
    ck_assert(is_there(&fixture, 91));
    fixture.store->ops->retain(fixture.store, &more);
    put_done(&fixture, 101, 50);
    await_expired(&fixture, 100);
    ck_assert_uint_eq(fixture.expired_ids, 100);
    fixture_end(&fixture);
}
END_TEST

START_TEST(they_go_when_they_are_too_large)
{
    char *text = long_text(100000);
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.settings.retention_bytes = 350000;
    fixture_open(&fixture);
    for (uint64_t id = 1; id <= 5; id++) {
        put_simple(&fixture, id);
        put_finished(&fixture, id, 100 + id, text);
        commit_ok(&fixture);
    }
    await_expired(&fixture, 2);
    ck_assert(was_expired(&fixture, 2) && !was_expired(&fixture, 3));
    ck_assert_uint_lt(statistics_now(&fixture).futures_bytes, 500000);
    free(text);
    fixture_end(&fixture);
}
END_TEST

START_TEST(they_go_when_they_are_too_old_whatever_the_clock_said)
{
    int64_t now_us = clock_wall_us();
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    for (uint64_t id = 1; id <= 4; id++)
        put_simple(&fixture, id);
    /* The second ended while the clock was a year ahead. */
    put_finished_at(&fixture, 1, 11, now_us - INT64_C(7200000000));
    put_finished_at(&fixture, 2, 12, now_us + INT64_C(31536000000000));
    put_finished_at(&fixture, 3, 13, now_us - INT64_C(7100000000));
    put_finished_at(&fixture, 4, 14, now_us);
    commit_ok(&fixture);
    fixture.settings.retention_s = 3600;
    fixture_reopen(&fixture);
    await_expired(&fixture, 3);
    ck_assert(!was_expired(&fixture, 4));
    ck_assert(is_there(&fixture, 4));
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_map_counts_as_one_and_goes_with_its_items)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.settings.retention_count = 2;
    fixture_open(&fixture);
    put_map(&fixture, 1, 600, false);
    for (uint64_t id = 2; id <= 601; id++)
        put_finished(&fixture, id, 1000 + id, "1");
    put_map_finished(&fixture, 1, 5000, 600);
    put_simple(&fixture, 700);
    put_finished(&fixture, 700, 5001, "1");
    commit_ok(&fixture);
    ck_assert(is_there(&fixture, 2));
    put_simple(&fixture, 701);
    put_finished(&fixture, 701, 5002, "1");
    commit_ok(&fixture);
    await_expired(&fixture, 601);
    ck_assert(was_expired(&fixture, 1) && was_expired(&fixture, 601));
    ck_assert(is_there(&fixture, 700));
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.trace_count, 2);
    ck_assert_uint_eq(fixture.loaded.expired_count, 1);
    fixture_end(&fixture);
}
END_TEST

START_TEST(items_of_an_open_map_go_one_by_one)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.settings.retention_count = 3;
    fixture_open(&fixture);
    put_map(&fixture, 1, 10, true);
    for (uint64_t id = 2; id <= 11; id++)
        put_finished(&fixture, id, 1000 + id, "1");
    commit_ok(&fixture);
    await_expired(&fixture, 7);
    ck_assert(was_expired(&fixture, 8) && !was_expired(&fixture, 9));
    ck_assert(is_there(&fixture, 1));
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 1);
    ck_assert_uint_eq(fixture.loaded.futures[0].map->by_state[FUTURE_FINISHED], 10);
    ck_assert_uint_eq(fixture.loaded.trace_count, 3);
    fixture_end(&fixture);
}
END_TEST

/* One with a key, that waited for another and failed once, with what it returned in a file. */
static void put_with_all(struct fixture *fixture, uint64_t id)
{
    char *text = long_text(100000);
    struct stored_spec spec = plain_spec("{}");
    struct stored_future future = plain_future(id, &spec);
    struct stored_after after = {.id = 1};
    struct stored_attempt earlier = {.number = 1, .started_us = 5, .finished_us = 6};
    struct store_change again = {
        .kind = CHANGE_RETRIED,
        .durability = DURABILITY_FULL,
        .id = id,
        .attempt = 2,
        .cursor = 500 + id,
        .earlier = &earlier,
    };
    future.key = "once";
    future.key_call = 99;
    future.after = &after;
    future.after_count = 1;
    put_future(fixture, &future);
    outcome_set_exception(&earlier.outcome, "Boom", "first", strdup(text), strlen(text));
    put_change(fixture, &again);
    put_finished(fixture, id, 1000 + id, text);
    outcome_clear(&earlier.outcome);
    free(text);
}

START_TEST(what_goes_leaves_nothing_behind_and_takes_nobody_along)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.settings.retention_count = 1;
    fixture_open(&fixture);
    /* They do not end in their order, and the fifth stays among them. */
    for (uint64_t id = 1; id <= 8; id++)
        put_simple(&fixture, id);
    for (uint64_t id = 8; id >= 1; id--)
        if (id != 5)
            put_finished(&fixture, id, 1100 - id, "1");
    put_with_all(&fixture, 10);
    put_simple(&fixture, 11);
    put_cancelled(&fixture, 11, 1200);
    put_map(&fixture, 20, 3, false);
    for (uint64_t id = 21; id <= 23; id++)
        put_finished(&fixture, id, 1200 + id, "1");
    put_map_finished(&fixture, 20, 1300, 3);
    put_map(&fixture, 30, 3, true);
    for (uint64_t id = 31; id <= 33; id++)
        put_finished(&fixture, id, 1300 + id, "1");
    put_simple(&fixture, 40);
    put_finished(&fixture, 40, 1400, "1");
    commit_ok(&fixture);
    await_expired(&fixture, 16);
    ck_assert_uint_eq(fixture.expired_ids, 16);
    ck_assert(!was_expired(&fixture, 5) && !was_expired(&fixture, 30) && !was_expired(&fixture, 9));
    ck_assert(is_there(&fixture, 5) && is_there(&fixture, 30) && is_there(&fixture, 40));
    fixture_close(&fixture);
    ck_assert_int_eq(fixture_sql(&fixture, "SELECT count(*) FROM future WHERE id IN (5, 30)"), 2);
    ck_assert_int_eq(fixture_sql(&fixture, "SELECT sum(last) FROM bundle"), 40);
    ck_assert_int_eq(fixture_sql(&fixture, "SELECT (SELECT count(*) FROM future) * 10000000"
                                           " + (SELECT count(*) FROM spec) * 1000000"
                                           " + (SELECT count(*) FROM done) * 100000"
                                           " + (SELECT count(*) FROM map) * 10000"
                                           " + (SELECT count(*) FROM item) * 1000"
                                           " + (SELECT count(*) FROM attempt) * 100"
                                           " + (SELECT count(*) FROM after) * 10"
                                           " + (SELECT count(*) FROM keys)"),
                     22010000);
    ck_assert_int_eq(fixture_sql(&fixture, "SELECT done_count * 1000 + file_bytes FROM meta"),
                     1000);
    /* Files go once nothing can bring back what knows of them. */
    fixture_open(&fixture);
    ck_assert_int_eq(rmdir(fixture_path(&fixture, "output")), 0);
    fixture_end(&fixture);
}
END_TEST

START_TEST(the_directory_is_private_and_one_daemons)
{
    struct stat status;
    struct fixture fixture, other;
    char pid[32];
    fixture_init(&fixture);
    ck_assert_int_eq(chmod(fixture.directory, 0755), 0);
    fixture_open(&fixture);
    ck_assert_int_eq(stat(fixture.directory, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0700);
    ck_assert_int_eq(stat(fixture_path(&fixture, "futured.db"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    other = fixture;
    snprintf(pid, sizeof(pid), "(pid %d)", (int)getpid());
    fixture_refused(&other, -EBUSY, pid);
    fixture_close(&fixture);
    ck_assert_int_eq(chmod(fixture.directory, 0770), 0);
    fixture_refused(&fixture, -EPERM, "others may write");
    ck_assert_int_eq(chmod(fixture.directory, 0700), 0);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_directory_that_is_missing_is_made)
{
    char below[PATH_MAX + 32];
    struct fixture fixture;
    fixture_init(&fixture);
    snprintf(below, sizeof(below), "%s/a/b", fixture.directory);
    fixture.settings.directory = below;
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 1);
    fixture_end(&fixture);
}
END_TEST

START_TEST(newer_and_foreign_databases_are_refused)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    commit_ok(&fixture);
    fixture_close(&fixture);
    fixture_sql(&fixture, "PRAGMA user_version = 4");
    fixture_refused(&fixture, -EPROTO, "newer daemon");
    fixture_sql(&fixture, "PRAGMA user_version = 3; PRAGMA application_id = 5");
    fixture_refused(&fixture, -EPROTO, "another program");
    fixture_sql(&fixture, "PRAGMA application_id = 0x46555452");
    fixture_open(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 1);
    fixture_end(&fixture);
}
END_TEST

static void copy_database(const char *from, const char *to)
{
    char buffer[65536];
    ssize_t size;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_msg(in >= 0 && out >= 0, "%s", from);
    while ((size = read(in, buffer, sizeof(buffer))) > 0)
        ck_assert_int_eq(write(out, buffer, (size_t)size), size);
    close(in);
    close(out);
}

static void expect_opens(const char *released, const char *kept)
{
    struct store_query newest = {.kind = QUERY_BELOW, .all_users = true, .limit = 10};
    struct read_back read;
    struct fixture fixture;
    fixture_init(&fixture);
    copy_database(released, fixture_path(&fixture, "futured.db"));
    fixture_open(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 2);
    ck_assert_uint_eq(fixture.loaded.futures[0].id, 2);
    ck_assert_uint_eq(fixture.loaded.futures[1].map->count, 0);
    ck_assert_uint_eq(fixture.loaded.trace_count, 1);
    read_id(&fixture, 1, &read);
    ck_assert_str_eq(read.records[0].outcome.json, kept);
    read_clear(&read);
    put_done(&fixture, 100, 1);
    EXPECT_IDS(&fixture, &newest, 100, 1);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.trace_count, 2);
    fixture_close(&fixture);
    ck_assert_int_eq(fixture_sql(&fixture, "PRAGMA user_version"), 3);
    fixture_end(&fixture);
}

START_TEST(databases_of_every_released_schema_open)
{
    expect_opens("tests/corpus/store/schema-1.db", "\"kept\"");
    expect_opens("tests/corpus/store/schema-2.db", "{\"n\": \"kept\"}");
    expect_opens("tests/corpus/store/schema-3.db", "{\"n\": \"kept\"}");
}
END_TEST

START_TEST(what_nobody_knows_of_is_removed_at_the_start)
{
    char *text = long_text(100000);
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    put_finished(&fixture, 1, 2, text);
    commit_ok(&fixture);
    fixture_close(&fixture);
    copy_database("/dev/null", fixture_path(&fixture, "output/1.2.result"));
    copy_database("/dev/null", fixture_path(&fixture, "output/1.1.stdout"));
    copy_database("/dev/null", fixture_path(&fixture, "output/7.1.earlier"));
    copy_database("/dev/null", fixture_path(&fixture, "output/notes"));
    fixture_open(&fixture);
    ck_assert_int_eq(access(fixture_path(&fixture, "output/1.1.result"), F_OK), 0);
    ck_assert_int_eq(access(fixture_path(&fixture, "output/1.2.result"), F_OK), -1);
    ck_assert_int_eq(access(fixture_path(&fixture, "output/1.1.stdout"), F_OK), -1);
    ck_assert_int_eq(access(fixture_path(&fixture, "output/7.1.earlier"), F_OK), -1);
    ck_assert_int_eq(access(fixture_path(&fixture, "output/notes"), F_OK), 0);
    free(text);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_backup_is_one_file_that_opens_elsewhere)
{
    char *text = long_text(100000);
    char path[PATH_MAX + 256];
    struct stat status;
    struct answer answer = {0};
    struct read_back read;
    struct fixture fixture, other;
    fixture_init(&fixture);
    fixture_init(&other);
    fixture_open(&fixture);
    put_map(&fixture, 1, 3000, false);
    put_simple(&fixture, 5000);
    put_finished(&fixture, 5000, 6000, text);
    commit_ok(&fixture);
    snprintf(path, sizeof(path), "%s", fixture_path(&other, "futured.db"));
    /* Others write meanwhile. */
    put_simple(&fixture, 5001);
    commit_start(&fixture, false, &answer);
    ck_assert_int_eq(backup_now(&fixture, path), 0);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    ck_assert_int_eq(backup_now(&fixture, path), -EEXIST);
    ck_assert_int_eq(backup_now(&fixture, "/nowhere/at/all"), -ENOENT);
    ck_assert_int_eq(stat(path, &status), 0);
    fixture_open(&other);
    ck_assert_uint_ge(other.loaded.future_count, 3001);
    read_id(&other, 5000, &read);
    ck_assert_str_eq(read.records[0].outcome.json, text);
    read_clear(&read);
    free(text);
    fixture_end(&other);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_kill_loses_nothing_and_the_next_end_is_clean)
{
    struct fixture fixture, after;
    fixture_init(&fixture);
    fixture_init(&after);
    fixture_open(&fixture);
    put_done(&fixture, 1, 50);
    put_map(&fixture, 100, 50, false);
    commit_ok(&fixture);
    fixture_copy(&fixture, &after);
    fixture_open(&after);
    ck_assert_uint_eq(after.loaded.trace_count, 50);
    ck_assert_uint_eq(after.loaded.future_count, 51);
    fixture_close(&after);
    ck_assert_int_eq(access(fixture_path(&after, "futured.db-wal"), F_OK), -1);
    fixture_end(&after);
    fixture_end(&fixture);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_oldest_go_when_there_are_too_many,
        other_numbers_hold_at_once,
        they_go_when_they_are_too_large,
        they_go_when_they_are_too_old_whatever_the_clock_said,
        a_map_counts_as_one_and_goes_with_its_items,
        items_of_an_open_map_go_one_by_one,
        what_goes_leaves_nothing_behind_and_takes_nobody_along,
        the_directory_is_private_and_one_daemons,
        a_directory_that_is_missing_is_made,
        newer_and_foreign_databases_are_refused,
        databases_of_every_released_schema_open,
        what_nobody_knows_of_is_removed_at_the_start,
        a_backup_is_one_file_that_opens_elsewhere,
        a_kill_loses_nothing_and_the_next_end_is_clean,
    };
    return STORE_CHECK("sqlite_store_keep", tests);
}

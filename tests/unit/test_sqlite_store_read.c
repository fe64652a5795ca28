/* layers: store core base */
/* extra: tests/support/store_fixture.c */
/* What is read back: queries, results and output of any size, attempts, maps. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/output.h"
#include "tests/support/store_fixture.h"

#define LARGE 200000

static size_t count_files(struct fixture *fixture)
{
    size_t count = 0;
    struct dirent *entry;
    DIR *directory = opendir(fixture_path(fixture, "output"));
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)))
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

/* A future that wrote that and returned that. */
static void put_written(struct fixture *fixture, uint64_t id, uint64_t cursor, const char *out,
                        const char *err, uint64_t cap, const char *result)
{
    struct outcome outcome = {.kind = OUTCOME_NONE};
    struct output *output = output_new(cap);
    ck_assert_ptr_nonnull(output);
    output_append(output, OUTPUT_STDOUT, out, strlen(out));
    output_append(output, OUTPUT_STDERR, err, strlen(err));
    output_end(output);
    outcome_set_result(&outcome, strdup(result), strlen(result));
    struct store_change change = {
        .kind = CHANGE_FINISHED,
        .durability = DURABILITY_FULL,
        .id = id,
        .cursor = cursor,
        .wall_us = 77,
        .outcome = &outcome,
        .output = output,
    };
    put_change(fixture, &change);
    outcome_clear(&outcome);
    output_unref(output);
}

static void expect_stream(struct output *output, enum output_stream stream, const char *wanted)
{
    size_t size = strlen(wanted);
    char *data = malloc(size + 1);
    uint64_t kept;
    bool ended;
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(output_read(output, stream, 0, data, size + 1, &kept, &ended), size);
    ck_assert_uint_eq(kept, size);
    ck_assert(ended);
    ck_assert_int_eq(memcmp(data, wanted, size), 0);
    free(data);
}

static void expect_written(struct fixture *fixture, uint64_t id, const char *out, const char *err,
                           bool truncated, const char *result)
{
    struct read_back read;
    read_id(fixture, id, &read);
    ck_assert_uint_eq(read.count, 1);
    struct stored_future *record = &read.records[0];
    ck_assert_str_eq(record->outcome.json, result);
    ck_assert_uint_eq(record->outcome.json_bytes, strlen(result));
    ck_assert_ptr_nonnull(record->output);
    expect_stream(record->output, OUTPUT_STDOUT, out);
    expect_stream(record->output, OUTPUT_STDERR, err);
    ck_assert_int_eq(output_truncated(record->output), truncated);
    read_clear(&read);
}

START_TEST(output_and_results_of_any_size_are_read_back)
{
    char *out = long_text(LARGE), *err = long_text(LARGE / 2), *result = long_text(LARGE + 1);
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    for (uint64_t id = 1; id <= 5; id++)
        put_simple(&fixture, id);
    put_written(&fixture, 1, 11, "out", "err", 100, "1");
    put_written(&fixture, 2, 12, out, err, LARGE * 2, result);
    put_written(&fixture, 3, 13, "longer", "x", 4, "2");
    put_written(&fixture, 4, 14, "", "", 0, "3");
    put_written(&fixture, 5, 15, "\xe2\xe2\x82\xe2", "\xe2", 3, "4");
    commit_ok(&fixture);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(count_files(&fixture), 3);
        expect_written(&fixture, 1, "out", "err", false, "1");
        expect_written(&fixture, 2, out, err, false, result);
        expect_written(&fixture, 3, "long", "x", true, "2");
        expect_written(&fixture, 4, "", "", false, "3");
        /* What was cut once is not cut again when it is read. */
        expect_written(&fixture, 5, "\xe2", "\xe2", true, "4");
        fixture_reopen(&fixture);
        ck_assert_uint_gt(statistics_now(&fixture).bytes, LARGE * 2);
    }
    put_forgotten(&fixture, 2);
    commit_ok(&fixture);
    ck_assert_uint_eq(count_files(&fixture), 0);
    free(out);
    free(err);
    free(result);
    fixture_end(&fixture);
}
END_TEST

START_TEST(output_is_read_only_where_it_is_asked_for)
{
    uint64_t id = 1;
    struct store_query query = {.kind = QUERY_IDS, .ids = &id, .id_count = 1};
    struct read_back read;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    put_written(&fixture, 1, 2, "out", "", 100, "1");
    commit_ok(&fixture);
    read_now(&fixture, &query, &read);
    ck_assert_uint_eq(read.count, 1);
    ck_assert_ptr_null(read.records[0].output);
    read_clear(&read);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_file_that_is_lost_is_told_and_breaks_nothing)
{
    char *result = long_text(LARGE);
    struct read_back read;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    put_finished(&fixture, 1, 2, result);
    commit_ok(&fixture);
    ck_assert_int_eq(unlink(fixture_path(&fixture, "output/1.1.result")), 0);
    read_id(&fixture, 1, &read);
    ck_assert_int_eq(read.records[0].outcome.kind, OUTCOME_EXCEPTION);
    ck_assert_str_eq(read.records[0].outcome.type, "ResultLost");
    read_clear(&read);
    ck_assert_uint_eq(fixture.broken_count, 0);
    free(result);
    fixture_end(&fixture);
}
END_TEST

START_TEST(earlier_attempts_are_kept_and_a_retry_takes_the_end_back)
{
    char *large = long_text(LARGE);
    struct stored_attempt earlier = {.number = 1, .started_us = 5, .finished_us = 6};
    struct store_change change = {
        .kind = CHANGE_RETRIED,
        .durability = DURABILITY_FULL,
        .id = 1,
        .attempt = 2,
        .cursor = 4,
        .due_us = 555,
        .earlier = &earlier,
    };
    struct read_back read;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    put_started(&fixture, 1, 2);
    put_finished(&fixture, 1, 3, large);
    commit_ok(&fixture);
    outcome_set_exception(&earlier.outcome, "Boom", "first", strdup(large), LARGE);
    put_change(&fixture, &change);
    outcome_clear(&earlier.outcome);
    earlier = (struct stored_attempt){.number = 2, .started_us = 7, .finished_us = 8};
    outcome_set_result(&earlier.outcome, strdup("2"), 1);
    change.attempt = 3;
    change.cursor = 5;
    put_change(&fixture, &change);
    outcome_clear(&earlier.outcome);
    commit_ok(&fixture);
    ck_assert_uint_eq(count_files(&fixture), 1);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.trace_count, 0);
    ck_assert_uint_eq(fixture.loaded.future_count, 1);
    const struct stored_future *back = &fixture.loaded.futures[0];
    ck_assert_int_eq(back->state, FUTURE_PENDING);
    ck_assert_uint_eq(back->attempt, 3);
    ck_assert(back->due_us == 555 && back->due_retry);
    ck_assert_int_eq(back->started_us, 0);
    ck_assert_uint_eq(back->attempt_count, 2);
    ck_assert_uint_eq(back->attempts[0].number, 1);
    ck_assert_str_eq(back->attempts[0].outcome.json, large);
    ck_assert_str_eq(back->attempts[0].outcome.message, "first");
    ck_assert(back->attempts[0].started_us == 5 && back->attempts[0].finished_us == 6);
    ck_assert_str_eq(back->attempts[1].outcome.json, "2");
    put_finished(&fixture, 1, 9, "\"end\"");
    commit_ok(&fixture);
    read_id(&fixture, 1, &read);
    ck_assert_uint_eq(read.records[0].attempt_count, 2);
    ck_assert_str_eq(read.records[0].outcome.json, "\"end\"");
    read_clear(&read);
    put_forgotten(&fixture, 1);
    commit_ok(&fixture);
    ck_assert_uint_eq(count_files(&fixture), 0);
    free(large);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_map_comes_back_with_its_items_and_their_numbers)
{
    static const bool kinds[] = {false, true};
    for (size_t kind = 0; kind < 2; kind++) {
        bool open = kinds[kind];
        struct fixture fixture;
        fixture_init(&fixture);
        fixture_open(&fixture);
        put_map(&fixture, 1, 5, open);
        commit_ok(&fixture);
        put_started(&fixture, 2, 10);
        put_finished(&fixture, 2, 11, "1");
        put_started(&fixture, 3, 12);
        put_finished(&fixture, 3, 13, NULL);
        put_cancelled(&fixture, 4, 14);
        put_started(&fixture, 5, 15);
        commit_ok(&fixture);
        fixture_reopen(&fixture);
        ck_assert_uint_eq(fixture.loaded.future_count, 3);
        const struct stored_future *back = fixture.loaded.futures;
        const struct stored_map *map = back[0].map;
        ck_assert_ptr_nonnull(map);
        ck_assert(map->open == open && map->was_open == open && !map->fail_fast);
        ck_assert(map->count == 5 && map->first == 2 && map->window == 10);
        ck_assert_uint_eq(map->by_state[FUTURE_PENDING], 1);
        ck_assert_uint_eq(map->by_state[FUTURE_RUNNING], 1);
        ck_assert_uint_eq(map->by_state[FUTURE_CANCELLED], 1);
        ck_assert_uint_eq(map->by_state[FUTURE_FINISHED], 2);
        ck_assert_uint_eq(map->failed, 1);
        ck_assert(back[1].id == 5 && back[1].item_of == 1 && back[1].index == 3);
        ck_assert_uint_eq(back[1].spec_id, 1);
        ck_assert_str_eq(back[1].item, "\"item 3\"");
        ck_assert_str_eq(back[2].item, "\"item 4\"");
        ck_assert_str_eq(back[2].spec->function, "exec");
        ck_assert_uint_eq(fixture.loaded.trace_count, 3);
        ck_assert(fixture.loaded.traces[1].item_of == 1 && fixture.loaded.traces[1].index == 1);
        struct store_change closed = {
            .kind = CHANGE_MAP_CLOSED, .durability = DURABILITY_FULL, .id = 1};
        put_change(&fixture, &closed);
        put_finished(&fixture, 5, 20, "1");
        put_finished(&fixture, 6, 21, "1");
        put_map_finished(&fixture, 1, 22, 5);
        commit_ok(&fixture);
        fixture_reopen(&fixture);
        ck_assert_uint_eq(fixture.loaded.trace_count, 6);
        ck_assert(fixture.loaded.traces[0].is_map);
        ck_assert_uint_eq(fixture.loaded.traces[1].item_of, 0);
        put_forgotten(&fixture, 1);
        commit_ok(&fixture);
        fixture_reopen(&fixture);
        ck_assert_uint_eq(fixture.loaded.trace_count, 0);
        ck_assert_uint_eq(fixture.loaded.next_id, 7);
        ck_assert_uint_eq(statistics_now(&fixture).futures_bytes, 0);
        fixture_end(&fixture);
    }
}
END_TEST

START_TEST(large_items_and_priorities_come_back)
{
    char *text = long_text(5000);
    struct stored_future item = plain_future(2, NULL);
    struct store_change change = {
        .kind = CHANGE_PRIORITY, .durability = DURABILITY_FULL, .id = 2, .priority = 9};
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_map(&fixture, 1, 0, true);
    item.spec_id = item.item_of = 1;
    item.item = text;
    item.item_bytes = 5000;
    put_future(&fixture, &item);
    put_change(&fixture, &change);
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 2);
    ck_assert_str_eq(fixture.loaded.futures[1].item, text);
    ck_assert_int_eq(fixture.loaded.futures[1].priority, 9);
    free(text);
    fixture_end(&fixture);
}
END_TEST

/* Singles 1 to 3, a map 4 with the items 5 and 6, an open one 7 with the items 8 and 9: all done in
 * the opposite order but for 3. */
static void put_some(struct fixture *fixture)
{
    struct stored_spec other = plain_spec("2");
    struct stored_future future = plain_future(2, &other);
    other.uid = 7;
    other.pool = "gpu";
    other.label = "";
    put_simple(fixture, 1);
    put_future(fixture, &future);
    put_simple(fixture, 3);
    put_map(fixture, 4, 2, false);
    put_map(fixture, 7, 2, true);
    put_finished(fixture, 9, 101, "9");
    put_finished(fixture, 8, 102, "8");
    put_map_finished(fixture, 7, 103, 2);
    put_finished(fixture, 6, 104, "6");
    put_finished(fixture, 5, 105, "5");
    put_map_finished(fixture, 4, 106, 2);
    put_cancelled(fixture, 2, 107);
    put_finished(fixture, 1, 108, NULL);
    commit_ok(fixture);
}

START_TEST(ids_are_found_each_after_its_map)
{
    static const uint64_t ids[] = {9, 1, 77, 5, 1, 4};
    struct store_query query = {.kind = QUERY_IDS, .ids = ids, .id_count = 6};
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_some(&fixture);
    EXPECT_IDS(&fixture, &query, 1, 4, 5, 7, 9);
    query.id_count = 0;
    expect_ids(&fixture, &query, 0, NULL);
    fixture_end(&fixture);
}
END_TEST

START_TEST(what_is_done_since_a_cursor_comes_in_its_order)
{
    struct store_query query = {.kind = QUERY_SINCE, .all_users = true, .limit = 100};
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_some(&fixture);
    EXPECT_IDS(&fixture, &query, 9, 8, 7, 6, 5, 4, 2, 1);
    query.cursor = 103;
    EXPECT_IDS(&fixture, &query, 6, 5, 4, 2, 1);
    query.limit = 2;
    EXPECT_IDS(&fixture, &query, 6, 5);
    query.cursor = 108;
    expect_ids(&fixture, &query, 0, NULL);
    query = (struct store_query){.kind = QUERY_SINCE, .all_users = true, .limit = 100};
    query.item_of = 4;
    EXPECT_IDS(&fixture, &query, 6, 5);
    query.item_of = 7;
    query.limit = 1;
    EXPECT_IDS(&fixture, &query, 9);
    query = (struct store_query){.kind = QUERY_SINCE, .all_users = true, .limit = 2};
    query.label = "some";
    EXPECT_IDS(&fixture, &query, 9, 8);
    query.cursor = 106;
    EXPECT_IDS(&fixture, &query, 1);
    query = (struct store_query){.kind = QUERY_SINCE, .uid = 7, .limit = 2};
    EXPECT_IDS(&fixture, &query, 2);
    query.pool = "default";
    expect_ids(&fixture, &query, 0, NULL);
    fixture_end(&fixture);
}
END_TEST

START_TEST(lists_are_filtered_and_newest_first)
{
    struct store_query query = {.kind = QUERY_BELOW, .all_users = true, .limit = 100};
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_some(&fixture);
    EXPECT_IDS(&fixture, &query, 7, 4, 2, 1);
    query.limit = 2;
    EXPECT_IDS(&fixture, &query, 7, 4);
    query.before = 4;
    EXPECT_IDS(&fixture, &query, 2, 1);
    query = (struct store_query){.kind = QUERY_BELOW, .all_users = true, .limit = 100};
    query.items = true;
    EXPECT_IDS(&fixture, &query, 9, 8, 7, 6, 5, 4, 2, 1);
    query.item_of = 4;
    EXPECT_IDS(&fixture, &query, 6, 5);
    query.before = 6;
    EXPECT_IDS(&fixture, &query, 5);
    query.before = 0;
    query.item_of = 7;
    EXPECT_IDS(&fixture, &query, 9, 8);
    query.before = 9;
    EXPECT_IDS(&fixture, &query, 8);
    query = (struct store_query){.kind = QUERY_BELOW, .all_users = true, .limit = 100};
    query.states = 1u << FUTURE_CANCELLED;
    EXPECT_IDS(&fixture, &query, 2);
    query.states = 1u << FUTURE_PENDING;
    expect_ids(&fixture, &query, 0, NULL);
    query.states = 0;
    query.pool = "gpu";
    EXPECT_IDS(&fixture, &query, 2);
    query.pool = NULL;
    query.label = "some";
    EXPECT_IDS(&fixture, &query, 7, 4, 1);
    query.label = NULL;
    query.all_users = false;
    query.uid = 7;
    EXPECT_IDS(&fixture, &query, 2);
    fixture_end(&fixture);
}
END_TEST

static void expect_counts(struct fixture *fixture, const char *pool, const char *label,
                          uint64_t cancelled, uint64_t finished)
{
    struct store_query query = {
        .kind = QUERY_BELOW, .all_users = true, .counts = true, .pool = pool, .label = label};
    struct read_back read;
    read_now(fixture, &query, &read);
    ck_assert_int_eq(read.error, 0);
    ck_assert(read.has_counts);
    ck_assert_uint_eq(read.counts[FUTURE_CANCELLED], cancelled);
    ck_assert_uint_eq(read.counts[FUTURE_FINISHED], finished);
    ck_assert_uint_eq(read.counts[FUTURE_PENDING] + read.counts[FUTURE_RUNNING], 0);
    read_clear(&read);
}

START_TEST(what_matches_is_counted_with_the_items)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_some(&fixture);
    expect_counts(&fixture, NULL, NULL, 1, 7);
    expect_counts(&fixture, "default", NULL, 0, 7);
    expect_counts(&fixture, "gpu", NULL, 1, 0);
    expect_counts(&fixture, "default", "some", 0, 7);
    expect_counts(&fixture, "default", "none", 0, 0);
    put_forgotten(&fixture, 9);
    put_forgotten(&fixture, 4);
    commit_ok(&fixture);
    expect_counts(&fixture, NULL, NULL, 1, 3);
    fixture_end(&fixture);
}
END_TEST

START_TEST(pools_come_back_as_they_were_last)
{
    struct stored_pool pool = {
        .name = "gpu",
        .paused = true,
        .has_settings = true,
        .max_workers = 3,
        .min_workers = 1,
        .idle_timeout_ns = UINT64_MAX,
        .max_tasks_per_worker = 9,
        .queue_limit = 10,
        .on_full_wait = true,
        .thread_name_prefix = "gpu-",
        .initializer = "exec",
        .initializer_args = "{}",
        .durability = DURABILITY_PROCESS,
    };
    struct store_change change = {
        .kind = CHANGE_POOL, .durability = DURABILITY_FULL, .pool = &pool};
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_change(&fixture, &change);
    pool.max_workers = 4;
    put_change(&fixture, &change);
    pool = (struct stored_pool){.name = "default", .thread_name_prefix = ""};
    put_change(&fixture, &change);
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.pool_count, 2);
    ck_assert_str_eq(fixture.loaded.pools[0].name, "default");
    ck_assert_ptr_null(fixture.loaded.pools[0].initializer);
    const struct stored_pool *back = &fixture.loaded.pools[1];
    ck_assert_str_eq(back->name, "gpu");
    ck_assert(back->paused && back->has_settings && back->on_full_wait);
    ck_assert(back->max_workers == 4 && back->min_workers == 1);
    ck_assert(back->idle_timeout_ns == UINT64_MAX && back->max_tasks_per_worker == 9);
    ck_assert_uint_eq(back->queue_limit, 10);
    ck_assert_str_eq(back->thread_name_prefix, "gpu-");
    ck_assert_str_eq(back->initializer, "exec");
    ck_assert_str_eq(back->initializer_args, "{}");
    ck_assert_int_eq(back->durability, DURABILITY_PROCESS);
    fixture_end(&fixture);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        output_and_results_of_any_size_are_read_back,
        output_is_read_only_where_it_is_asked_for,
        a_file_that_is_lost_is_told_and_breaks_nothing,
        earlier_attempts_are_kept_and_a_retry_takes_the_end_back,
        a_map_comes_back_with_its_items_and_their_numbers,
        large_items_and_priorities_come_back,
        ids_are_found_each_after_its_map,
        what_is_done_since_a_cursor_comes_in_its_order,
        lists_are_filtered_and_newest_first,
        what_matches_is_counted_with_the_items,
        pools_come_back_as_they_were_last,
    };
    return STORE_CHECK("sqlite_store_read", tests);
}

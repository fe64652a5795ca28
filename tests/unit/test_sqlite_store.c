/* layers: store core base */
/* extra: tests/support/store_fixture.c */
#include "daemon/store/sqlite_store.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/core/output.h"
#include "tests/support/store_fixture.h"

START_TEST(a_new_directory_holds_nothing)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 0);
    ck_assert_uint_eq(fixture.loaded.trace_count, 0);
    ck_assert_uint_eq(fixture.loaded.pool_count, 0);
    ck_assert_uint_eq(fixture.loaded.next_id, 1);
    ck_assert_uint_eq(fixture.loaded.cursor, 0);
    ck_assert_int_eq(fixture.store->ops->durability, DURABILITY_FULL);
    fixture_end(&fixture);
}
END_TEST

static void expect_plain_spec(const struct stored_spec *spec)
{
    struct stored_spec wanted = plain_spec("{\"argv\":[\"true\"]}");
    ck_assert_uint_eq(spec->uid, wanted.uid);
    ck_assert_str_eq(spec->function, wanted.function);
    ck_assert_str_eq(spec->pool, wanted.pool);
    ck_assert_str_eq(spec->label, wanted.label);
    ck_assert_str_eq(spec->args, wanted.args);
    ck_assert_uint_eq(spec->args_bytes, wanted.args_bytes);
    ck_assert_uint_eq(spec->timeout_ns, wanted.timeout_ns);
    ck_assert_uint_eq(spec->retry_max, wanted.retry_max);
    ck_assert_uint_eq(spec->retry_delay_ns, wanted.retry_delay_ns);
    ck_assert_double_eq(spec->retry_backoff, wanted.retry_backoff);
    ck_assert(spec->rerun_on_crash && !spec->scoped);
    ck_assert_int_eq(spec->durability, wanted.durability);
}

START_TEST(a_pending_future_comes_back_whole)
{
    static const struct stored_after after[] = {{.id = 3, .on = 1}, {.id = 2, .on = 0}};
    struct stored_spec spec = plain_spec("{\"argv\":[\"true\"]}");
    struct stored_future future = plain_future(7, &spec);
    struct fixture fixture;
    future.priority = -4;
    future.due_us = 123456789;
    future.after = after;
    future.after_count = 2;
    future.key = "k\"ey";
    future.key_call = UINT64_MAX - 5;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_future(&fixture, &future);
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 1);
    const struct stored_future *back = &fixture.loaded.futures[0];
    expect_plain_spec(back->spec);
    ck_assert_uint_eq(back->id, 7);
    ck_assert_uint_eq(back->spec_id, 7);
    ck_assert_int_eq(back->priority, -4);
    ck_assert_int_eq(back->due_us, 123456789);
    ck_assert(!back->due_retry);
    ck_assert_int_eq(back->state, FUTURE_PENDING);
    ck_assert_uint_eq(back->attempt, 1);
    ck_assert_int_eq(back->submitted_us, 1007);
    ck_assert_int_eq(back->started_us, 0);
    ck_assert_uint_eq(back->cursor, 7);
    ck_assert_uint_eq(back->after_count, 2);
    ck_assert_uint_eq(back->after[0].id, 3);
    ck_assert_int_eq(back->after[0].on, 1);
    ck_assert_uint_eq(back->after[1].id, 2);
    ck_assert_str_eq(back->key, "k\"ey");
    ck_assert_uint_eq(back->key_call, UINT64_MAX - 5);
    ck_assert_ptr_null(back->map);
    ck_assert_ptr_null(back->item);
    ck_assert_uint_eq(fixture.loaded.key_count, 0);
    ck_assert_uint_eq(fixture.loaded.next_id, 8);
    ck_assert_uint_eq(fixture.loaded.cursor, 7);
    fixture_end(&fixture);
}
END_TEST

START_TEST(ids_and_cursors_that_were_reserved_do_not_come_again)
{
    struct store_change change = {
        .kind = CHANGE_RESERVED, .durability = DURABILITY_FULL, .id = 5000, .cursor = 70000};
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_change(&fixture, &change);
    put_simple(&fixture, 1);
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.next_id, 5000);
    ck_assert_uint_eq(fixture.loaded.cursor, 70000);
    fixture_end(&fixture);
}
END_TEST

START_TEST(what_was_not_committed_is_not_there)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    commit_ok(&fixture);
    put_simple(&fixture, 2);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 1);
    ck_assert_uint_eq(fixture.loaded.futures[0].id, 1);
    fixture_end(&fixture);
}
END_TEST

START_TEST(what_is_expected_and_does_not_come_holds_nothing_back)
{
    struct stored_spec spec = plain_spec("{}");
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    for (uint64_t id = 1; id <= 3; id++) {
        struct stored_future future = plain_future(id, &spec);
        fixture.store->ops->expect_end(fixture.store, id);
        put_future(&fixture, &future);
        commit_ok(&fixture);
    }
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 3);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_running_future_comes_back_as_running)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    put_started(&fixture, 1, 2);
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 1);
    ck_assert_int_eq(fixture.loaded.futures[0].state, FUTURE_RUNNING);
    ck_assert_int_eq(fixture.loaded.futures[0].started_us, 2001);
    ck_assert_uint_eq(fixture.loaded.futures[0].cursor, 2);
    fixture_end(&fixture);
}
END_TEST

/* More than the store holds back of such. */
START_TEST(what_begins_and_ends_in_one_commit_is_all_there)
{
    enum { COUNT = 1400 };
    struct read_back read;
    struct fixture fixture;
    uint64_t cursor = COUNT;
    size_t pending = 0;
    fixture_init(&fixture);
    fixture_open(&fixture);
    for (uint64_t id = 1; id <= COUNT; id++) {
        put_simple(&fixture, id);
        if (id % 7 == 0)
            put_finished(&fixture, id - 3, ++cursor, "\"well\"");
        else if (id % 7 == 1 && id > 7)
            put_cancelled(&fixture, id - 3, ++cursor);
        else if (id == 902)
            put_started(&fixture, id, ++cursor);
    }
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    for (uint64_t id = 1; id <= COUNT; id++)
        pending += id % 7 != 4 && (id % 7 != 5 || id + 3 > COUNT);
    ck_assert_uint_eq(fixture.loaded.future_count, pending);
    ck_assert_uint_eq(fixture.loaded.trace_count, COUNT - pending);
    for (size_t i = 0; i < pending; i++)
        ck_assert_int_eq(fixture.loaded.futures[i].state,
                         fixture.loaded.futures[i].id == 902 ? FUTURE_RUNNING : FUTURE_PENDING);
    read_id(&fixture, 1376, &read);
    ck_assert_int_eq(read.records[0].state, FUTURE_FINISHED);
    ck_assert_str_eq(read.records[0].outcome.json, "\"well\"");
    read_clear(&read);
    read_id(&fixture, 1377, &read);
    ck_assert_int_eq(read.records[0].state, FUTURE_CANCELLED);
    read_clear(&read);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_done_future_leaves_a_trace_and_is_read_back)
{
    struct stored_spec spec = plain_spec("{\"argv\":[\"true\"]}");
    struct stored_future future = plain_future(2, &spec);
    struct read_back read;
    struct fixture fixture;
    future.key = "once";
    future.key_call = 99;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_simple(&fixture, 1);
    put_future(&fixture, &future);
    put_started(&fixture, 1, 3);
    put_finished(&fixture, 1, 4, NULL);
    put_cancelled(&fixture, 2, 5);
    commit_ok(&fixture);
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.future_count, 0);
    ck_assert_uint_eq(fixture.loaded.trace_count, 2);
    const struct stored_trace *trace = fixture.loaded.traces;
    ck_assert(trace[0].id == 1 && trace[0].state == FUTURE_FINISHED && trace[0].failed);
    ck_assert(trace[0].uid == 1000 && !trace[0].is_map && trace[0].item_of == 0);
    ck_assert(trace[1].id == 2 && trace[1].state == FUTURE_CANCELLED && !trace[1].failed);
    ck_assert_uint_eq(fixture.loaded.key_count, 1);
    ck_assert_str_eq(fixture.loaded.keys[0].key, "once");
    ck_assert(fixture.loaded.keys[0].uid == 1000 && fixture.loaded.keys[0].call == 99 &&
              fixture.loaded.keys[0].id == 2);

    read_id(&fixture, 1, &read);
    ck_assert_uint_eq(read.count, 1);
    struct stored_future *back = &read.records[0];
    expect_plain_spec(back->spec);
    ck_assert(back->state == FUTURE_FINISHED && back->failed);
    ck_assert_int_eq(back->started_us, 2001);
    ck_assert_int_eq(back->finished_us, 3001);
    ck_assert_uint_eq(back->cursor, 4);
    ck_assert_int_eq(back->outcome.kind, OUTCOME_EXCEPTION);
    ck_assert_str_eq(back->outcome.type, "Boom");
    ck_assert_str_eq(back->outcome.message, "it went off");
    ck_assert_str_eq(back->outcome.json, "[1]");
    ck_assert_uint_eq(back->outcome.json_bytes, 3);
    ck_assert_ptr_null(back->output);
    read_clear(&read);

    read_id(&fixture, 2, &read);
    ck_assert_int_eq(read.records[0].outcome.kind, OUTCOME_NONE);
    ck_assert_int_eq(read.records[0].state, FUTURE_CANCELLED);
    ck_assert_str_eq(read.records[0].key, "once");
    read_clear(&read);
    ck_assert(!is_there(&fixture, 3));
    fixture_end(&fixture);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_new_directory_holds_nothing,
        a_pending_future_comes_back_whole,
        ids_and_cursors_that_were_reserved_do_not_come_again,
        what_was_not_committed_is_not_there,
        what_is_expected_and_does_not_come_holds_nothing_back,
        a_running_future_comes_back_as_running,
        what_begins_and_ends_in_one_commit_is_all_there,
        a_done_future_leaves_a_trace_and_is_read_back,
    };
    return STORE_CHECK("sqlite_store", tests);
}

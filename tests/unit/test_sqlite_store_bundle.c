/* layers: store core base */
/* extra: tests/support/store_fixture.c */
/* What is submitted and over in one commit lies in bundles, and nobody notices: it is read, listed,
 * changed, removed and loaded like what has rows of its own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/brief.h"
#include "daemon/store/bundle.h"
#include "tests/support/store_fixture.h"

static void expect_rows(struct fixture *fixture, int rows, int bundles)
{
    fixture_close(fixture);
    ck_assert_int_eq(fixture_sql(fixture, "SELECT count(*) FROM future"), rows);
    ck_assert_int_eq(fixture_sql(fixture, "SELECT count(*) FROM bundle"), bundles);
    fixture_open(fixture);
}

static void put_both(struct fixture *fixture, uint64_t id, uint64_t cursor)
{
    put_simple(fixture, id);
    put_finished(fixture, id, cursor, "\"result\"");
}

static void put_retried(struct fixture *fixture, uint64_t id, uint64_t cursor)
{
    struct store_change change = {
        .kind = CHANGE_RETRIED,
        .durability = DURABILITY_FULL,
        .id = id,
        .attempt = 2,
        .cursor = cursor,
    };
    put_change(fixture, &change);
}

static const struct store_query everything = {
    .kind = QUERY_BELOW, .all_users = true, .limit = 10000};

START_TEST(they_are_whole_and_share_one_row)
{
    struct stored_spec spec = plain_spec("[1, \"\\u0000\"]");
    struct stored_future future = plain_future(2, &spec);
    struct read_back read;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    spec.uid = 7;
    spec.pool = "gpu";
    spec.label = "";
    future.priority = -3;
    put_simple(&fixture, 1);
    put_future(&fixture, &future);
    put_simple(&fixture, 3);
    put_cancelled(&fixture, 3, 10);
    put_finished(&fixture, 2, 11, "{\"a\":1}");
    put_finished(&fixture, 1, 12, NULL);
    commit_ok(&fixture);
    expect_rows(&fixture, 0, 1);
    ck_assert_uint_eq(fixture.loaded.trace_count, 3);
    const struct stored_trace *traces = fixture.loaded.traces;
    ck_assert(traces[0].id == 1 && traces[0].failed && traces[0].state == FUTURE_FINISHED);
    ck_assert(traces[1].id == 2 && traces[1].uid == 7 && !traces[1].failed);
    ck_assert(traces[2].id == 3 && traces[2].state == FUTURE_CANCELLED && !traces[2].is_map);
    ck_assert_uint_eq(fixture.loaded.next_id, 4);
    ck_assert_uint_eq(fixture.loaded.cursor, 12);

    read_id(&fixture, 1, &read);
    const struct stored_future *back = &read.records[0];
    ck_assert_str_eq(back->spec->function, "exec");
    ck_assert_str_eq(back->spec->label, "some");
    ck_assert_str_eq(back->spec->args, "{\"argv\":[\"true\"]}");
    ck_assert(back->spec->timeout_ns == 5 && back->spec->retry_max == 3);
    ck_assert(back->spec->retry_delay_ns == 7 && back->spec->rerun_on_crash);
    ck_assert_double_eq(back->spec->retry_backoff, 1.5);
    ck_assert_int_eq(back->spec->durability, DURABILITY_FULL);
    ck_assert(back->state == FUTURE_FINISHED && back->failed && back->attempt == 1);
    ck_assert(back->submitted_us == 1001 && back->started_us == 2001 && back->finished_us == 3001);
    ck_assert(back->cursor == 12 && back->spec_id == 1 && back->item_of == 0 && !back->output);
    ck_assert_str_eq(back->outcome.type, "Boom");
    ck_assert_str_eq(back->outcome.message, "it went off");
    ck_assert_str_eq(back->outcome.json, "[1]");
    read_clear(&read);
    read_id(&fixture, 2, &read);
    back = &read.records[0];
    ck_assert(back->spec->uid == 7 && back->priority == -3 && back->cursor == 11);
    ck_assert_str_eq(back->spec->pool, "gpu");
    ck_assert_str_eq(back->spec->label, "");
    ck_assert_str_eq(back->spec->args, "[1, \"\\u0000\"]");
    ck_assert_int_eq(back->outcome.kind, OUTCOME_RESULT);
    ck_assert_str_eq(back->outcome.json, "{\"a\":1}");
    ck_assert_uint_eq(back->outcome.json_bytes, 7);
    read_clear(&read);
    read_id(&fixture, 3, &read);
    back = &read.records[0];
    ck_assert(back->state == FUTURE_CANCELLED && back->started_us == 0 && !back->failed);
    ck_assert_int_eq(back->outcome.kind, OUTCOME_NONE);
    ck_assert_ptr_null(back->outcome.json);
    read_clear(&read);
    ck_assert(!is_there(&fixture, 4));
    fixture_end(&fixture);
}
END_TEST

START_TEST(what_does_not_rise_or_is_too_long_gets_rows)
{
    char *text = long_text(BUNDLED_TEXT_BYTES);
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_both(&fixture, 10, 20);
    commit_ok(&fixture);
    /* Below the last id, and below the last cursor. */
    put_both(&fixture, 5, 21);
    put_both(&fixture, 11, 19);
    commit_ok(&fixture);
    put_simple(&fixture, 12);
    put_finished(&fixture, 12, 22, text);
    put_simple(&fixture, 13);
    commit_ok(&fixture);
    put_finished(&fixture, 13, 23, "1");
    commit_ok(&fixture);
    expect_rows(&fixture, 4, 1);
    EXPECT_IDS(&fixture, &everything, 13, 12, 11, 10, 5);
    /* After a new start it is known where the order goes on. */
    put_both(&fixture, 9, 30);
    put_both(&fixture, 14, 31);
    commit_ok(&fixture);
    expect_rows(&fixture, 5, 2);
    EXPECT_IDS(&fixture, &everything, 14, 13, 12, 11, 10, 9, 5);
    free(text);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_large_commit_makes_several)
{
    enum { COUNT = 3 * BUNDLE_FUTURES };
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    for (uint64_t id = 1; id <= COUNT; id++)
        put_both(&fixture, id, COUNT + id);
    commit_ok(&fixture);
    fixture_close(&fixture);
    ck_assert_int_eq(fixture_sql(&fixture, "SELECT count(*) FROM future"), 0);
    ck_assert_int_ge(fixture_sql(&fixture, "SELECT count(*) FROM bundle"), 3);
    ck_assert_int_le(fixture_sql(&fixture, "SELECT max(length(futures)) FROM bundle"),
                     BUNDLE_BYTES + BUNDLED_TEXT_BYTES);
    fixture_open(&fixture);
    ck_assert_uint_eq(fixture.loaded.trace_count, COUNT);
    for (uint64_t id = 1; id <= COUNT; id++)
        ck_assert(is_there(&fixture, id) && fixture.loaded.traces[id - 1].id == id);
    fixture_end(&fixture);
}
END_TEST

START_TEST(what_is_changed_afterwards_leaves_its_bundle)
{
    struct read_back read;
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    for (uint64_t id = 1; id <= 4; id++)
        put_both(&fixture, id, 10 + id);
    commit_ok(&fixture);
    ck_assert(is_there(&fixture, 3));
    put_retried(&fixture, 2, 20);
    put_forgotten(&fixture, 3);
    commit_ok(&fixture);
    ck_assert(!is_there(&fixture, 3) && is_there(&fixture, 4));
    EXPECT_IDS(&fixture, &everything, 4, 1);
    put_finished(&fixture, 2, 21, "\"again\"");
    commit_ok(&fixture);
    expect_rows(&fixture, 3, 0);
    read_id(&fixture, 2, &read);
    ck_assert_str_eq(read.records[0].outcome.json, "\"again\"");
    ck_assert_uint_eq(read.records[0].cursor, 21);
    read_clear(&read);
    ck_assert_uint_eq(fixture.loaded.trace_count, 3);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_change_in_the_same_commit_finds_it)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_open(&fixture);
    for (uint64_t id = 1; id <= 3; id++)
        put_both(&fixture, id, 10 + id);
    put_retried(&fixture, 1, 20);
    put_forgotten(&fixture, 2);
    put_finished(&fixture, 3, 21, "\"twice\"");
    put_both(&fixture, 4, 22);
    commit_ok(&fixture);
    expect_rows(&fixture, 2, 1);
    EXPECT_IDS(&fixture, &everything, 4, 3);
    ck_assert_uint_eq(fixture.loaded.future_count, 1);
    ck_assert_uint_eq(fixture.loaded.futures[0].id, 1);
    ck_assert_uint_eq(statistics_now(&fixture).futures_bytes,
                      2 * (256 + strlen("{\"argv\":[\"true\"]}")) + strlen("\"twice\"\"result\""));
    fixture_end(&fixture);
}
END_TEST

START_TEST(retention_cuts_the_oldest_off)
{
    struct store_query since = {.kind = QUERY_SINCE, .all_users = true, .limit = 10000};
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.settings.retention_count = 5;
    fixture_open(&fixture);
    /* Not in the order of their ids, and one that does not lie in a bundle. */
    put_simple(&fixture, 100);
    commit_ok(&fixture);
    for (uint64_t id = 101; id <= 104; id++)
        put_simple(&fixture, id);
    put_finished(&fixture, 104, 201, "1");
    put_finished(&fixture, 101, 202, "1");
    put_finished(&fixture, 100, 203, "1");
    put_finished(&fixture, 103, 204, "1");
    put_finished(&fixture, 102, 205, "1");
    commit_ok(&fixture);
    put_both(&fixture, 110, 210);
    put_both(&fixture, 111, 211);
    commit_ok(&fixture);
    await_expired(&fixture, 2);
    EXPECT_IDS(&fixture, &everything, 111, 110, 103, 102, 100);
    EXPECT_IDS(&fixture, &since, 100, 103, 102, 110, 111);
    ck_assert(!is_there(&fixture, 101) && !is_there(&fixture, 104) && is_there(&fixture, 103));
    fixture_reopen(&fixture);
    ck_assert_uint_eq(fixture.loaded.trace_count, 5);
    /* One that is taken apart does not bring back what has gone. */
    put_retried(&fixture, 103, 220);
    commit_ok(&fixture);
    EXPECT_IDS(&fixture, &everything, 111, 110, 102, 100);
    ck_assert(is_there(&fixture, 110));
    for (uint64_t id = 120; id < 125; id++)
        put_both(&fixture, id, 200 + id);
    commit_ok(&fixture);
    await_expired(&fixture, 6);
    ck_assert(!is_there(&fixture, 110));
    EXPECT_IDS(&fixture, &everything, 124, 123, 122, 121, 120);
    expect_rows(&fixture, 1, 1);
    ck_assert_uint_eq(statistics_now(&fixture).futures_bytes,
                      5 * (256 + strlen("{\"argv\":[\"true\"]}") + strlen("\"result\"")));
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_damaged_one_breaks_the_store)
{
    struct store *store = NULL;
    struct fixture fixture;
    char message[512];
    fixture_init(&fixture);
    fixture_open(&fixture);
    put_both(&fixture, 1, 10);
    commit_ok(&fixture);
    fixture_close(&fixture);
    fixture_sql(&fixture, "UPDATE bundle SET futures = substr(futures, 1, length(futures) - 1)");
    ck_assert_int_eq(sqlite_store_open(&fixture.settings, &store, message, sizeof(message)), 0);
    struct store_loader loader = {.arg = NULL};
    ck_assert_int_eq(store->ops->load(store, &loader), -EIO);
    store->ops->free(store);
    fixture_end(&fixture);
}
END_TEST

/* ---- as bytes ---- */

START_TEST(bytes_that_are_cut_or_changed_are_refused)
{
    char type[] = "T", message[] = "m", json[] = "[]";
    struct outcome outcome = {
        .kind = OUTCOME_EXCEPTION, .type = type, .message = message, .json = json, .json_bytes = 2};
    struct brief one = {.spec = plain_spec("{}"), .bytes = 300}, two, back;
    struct bytes bytes = {.size = 0};
    size_t first;
    one.future = plain_future(300, &one.spec);
    one.future.state = FUTURE_FINISHED;
    one.future.failed = true;
    one.future.outcome = outcome;
    one.future.cursor = UINT64_MAX - 1;
    one.future.submitted_us = INT64_MIN;
    one.future.finished_us = INT64_MAX;
    two = one;
    two.future.id = 299;
    two.spec.args = "{\"other\": 1}";
    two.spec.args_bytes = strlen(two.spec.args);
    brief_put(&bytes, NULL, &one);
    first = bytes.size;
    brief_put(&bytes, &one, &two);
    ck_assert(!bytes.failed);
    ck_assert_uint_lt(bytes.size - first, first);
    for (size_t size = 0; size <= bytes.size; size++) {
        /* Memory of just that size, so that ASan sees whoever looks behind it. */
        char *copy = malloc(size > 0 ? size : 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, bytes.data, size);
        struct bytes_reader reader = {.data = copy, .size = size};
        bool has_first = brief_take(&reader, NULL, &back);
        ck_assert_int_eq(has_first, size >= first);
        if (has_first) {
            ck_assert(back.future.cursor == one.future.cursor && back.future.failed);
            ck_assert(back.future.submitted_us == INT64_MIN);
            ck_assert(back.future.finished_us == INT64_MAX);
            ck_assert_int_eq(brief_take(&reader, &back, &back), size == bytes.size);
        }
        if (size == bytes.size) {
            ck_assert_uint_eq(back.future.id, 299);
            ck_assert_str_eq(back.spec.args, "{\"other\": 1}");
            ck_assert_str_eq(back.spec.function, "exec");
        }
        free(copy);
    }
    for (size_t at = 0; at < bytes.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[at] ^= (char)(1 << bit);
            struct bytes_reader reader = {.data = bytes.data, .size = bytes.size};
            if (brief_take(&reader, NULL, &back) && brief_take(&reader, &back, &back))
                ck_assert_uint_le(strlen(back.spec.pool) + strlen(back.spec.args), bytes.size);
            bytes.data[at] ^= (char)(1 << bit);
        }
    }
    bytes_free(&bytes);
}
END_TEST

/* ---- beside a model ---- */

/* Futures of which some are over in the commit of their submit and some later, which are retried
 * and forgotten; and what must be seen of them. */
enum { MODEL_IDS = 900, MODEL_STEPS = 2500 };

struct model_future {
    bool there, gpu;
    enum future_state state;
    uint64_t cursor;
    uint32_t uid;
};

struct model {
    struct fixture fixture;
    struct model_future futures[MODEL_IDS + 1];
    uint64_t count, cursor;
    unsigned random;
};

static unsigned draw(struct model *model, unsigned below)
{
    model->random = model->random * 1103515245u + 12345u;
    return (model->random >> 16) % below;
}

static void model_submit(struct model *model)
{
    struct stored_spec spec = plain_spec("1");
    struct model_future *future = &model->futures[++model->count];
    *future = (struct model_future){
        .there = true,
        .gpu = draw(model, 3) == 0,
        .state = FUTURE_PENDING,
        .cursor = ++model->cursor,
        .uid = draw(model, 2) ? 7 : 1000,
    };
    spec.uid = future->uid;
    spec.pool = future->gpu ? "gpu" : "default";
    struct stored_future record = plain_future(model->count, &spec);
    record.cursor = future->cursor;
    put_future(&model->fixture, &record);
}

static void model_change(struct model *model, uint64_t id)
{
    struct model_future *future = &model->futures[id];
    bool done = future->state == FUTURE_FINISHED || future->state == FUTURE_CANCELLED;
    if (!future->there)
        return;
    if (done && draw(model, 8) == 0) {
        future->there = false;
        put_forgotten(&model->fixture, id);
    } else if (done && draw(model, 8) == 0) {
        future->state = FUTURE_PENDING;
        put_retried(&model->fixture, id, future->cursor = ++model->cursor);
    } else if (!done && draw(model, 5) == 0) {
        future->state = FUTURE_CANCELLED;
        put_cancelled(&model->fixture, id, future->cursor = ++model->cursor);
    } else if (!done) {
        future->state = FUTURE_FINISHED;
        put_finished(&model->fixture, id, future->cursor = ++model->cursor, "\"model\"");
    }
}

static bool model_matches(const struct model_future *future, const struct store_query *query)
{
    return future->there && future->state >= FUTURE_CANCELLED &&
           (query->all_users || future->uid == query->uid) &&
           (!query->pool || future->gpu == (strcmp(query->pool, "gpu") == 0)) &&
           (query->states == 0 || query->states & 1u << future->state);
}

static void model_list(struct model *model)
{
    struct store_query query = {
        .kind = QUERY_BELOW,
        .all_users = draw(model, 2),
        .uid = 7,
        .pool = draw(model, 2) ? "gpu" : NULL,
        .states = draw(model, 3) == 0 ? 1u << FUTURE_CANCELLED : 0,
        .limit = 1 + draw(model, 200),
        .before = draw(model, 2) ? 1 + draw(model, MODEL_IDS) : 0,
    };
    uint64_t ids[MODEL_IDS];
    size_t count = 0;
    uint64_t from = query.before && query.before <= model->count ? query.before - 1 : model->count;
    for (uint64_t id = from; id >= 1 && count < query.limit; id--)
        if (model_matches(&model->futures[id], &query))
            ids[count++] = id;
    expect_ids(&model->fixture, &query, count, ids);
}

static void model_since(struct model *model)
{
    struct store_query query = {
        .kind = QUERY_SINCE,
        .all_users = draw(model, 2),
        .uid = 7,
        .pool = draw(model, 2) ? "default" : NULL,
        .limit = 1 + draw(model, 200),
        .cursor = draw(model, (unsigned)model->cursor + 1),
    };
    uint64_t ids[MODEL_IDS], after = query.cursor;
    size_t count = 0;
    while (count < query.limit) {
        uint64_t next = 0;
        for (uint64_t id = 1; id <= model->count; id++)
            if (model_matches(&model->futures[id], &query) && model->futures[id].cursor > after &&
                (next == 0 || model->futures[id].cursor < model->futures[next].cursor))
                next = id;
        if (next == 0)
            break;
        after = model->futures[next].cursor;
        ids[count++] = next;
    }
    expect_ids(&model->fixture, &query, count, ids);
}

static void model_count(struct model *model)
{
    struct store_query query = {
        .kind = QUERY_BELOW, .all_users = true, .counts = true, .pool = "gpu"};
    uint64_t finished = 0, cancelled = 0;
    struct read_back read;
    for (uint64_t id = 1; id <= model->count; id++) {
        bool matches = model_matches(&model->futures[id], &query);
        finished += matches && model->futures[id].state == FUTURE_FINISHED;
        cancelled += matches && model->futures[id].state == FUTURE_CANCELLED;
    }
    read_now(&model->fixture, &query, &read);
    ck_assert_uint_eq(read.counts[FUTURE_FINISHED], finished);
    ck_assert_uint_eq(read.counts[FUTURE_CANCELLED], cancelled);
    read_clear(&read);
}

static void model_reopen(struct model *model)
{
    const struct loaded *loaded = &model->fixture.loaded;
    size_t pending = 0, done = 0;
    fixture_reopen(&model->fixture);
    for (uint64_t id = 1; id <= model->count; id++) {
        const struct model_future *future = &model->futures[id];
        if (!future->there)
            continue;
        if (future->state == FUTURE_PENDING) {
            ck_assert_uint_eq(loaded->futures[pending++].id, id);
        } else {
            ck_assert_uint_eq(loaded->traces[done].id, id);
            ck_assert_uint_eq(loaded->traces[done++].uid, future->uid);
        }
    }
    ck_assert_uint_eq(loaded->future_count, pending);
    ck_assert_uint_eq(loaded->trace_count, done);
}

static void run_model(unsigned seed)
{
    struct model model = {.random = seed};
    fixture_init(&model.fixture);
    fixture_open(&model.fixture);
    for (int step = 0; step < MODEL_STEPS; step++) {
        unsigned what = draw(&model, 100);
        if (what < 40 && model.count < MODEL_IDS)
            model_submit(&model);
        else if (what < 75 && model.count > 0)
            model_change(&model, model.count - draw(&model, model.count < 20 ? 1 : 20));
        else if (what < 85 && model.count > 0)
            model_change(&model, 1 + draw(&model, (unsigned)model.count));
        else if (what < 90)
            commit_ok(&model.fixture);
        if (step % 50 != 49)
            continue;
        commit_ok(&model.fixture);
        model_list(&model);
        model_since(&model);
        model_count(&model);
        if (step % 500 == 499)
            model_reopen(&model);
    }
    ck_assert_uint_gt(model.count, MODEL_IDS / 2);
    fixture_close(&model.fixture);
    ck_assert_int_gt(fixture_sql(&model.fixture, "SELECT count(*) FROM bundle"), 5);
    ck_assert_int_gt(fixture_sql(&model.fixture, "SELECT count(*) FROM future"), 50);
    fixture_end(&model.fixture);
}

START_TEST(nothing_differs_from_a_model)
{
    for (unsigned seed = 1; seed <= 4; seed++)
        run_model(seed);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        they_are_whole_and_share_one_row,     what_does_not_rise_or_is_too_long_gets_rows,
        a_large_commit_makes_several,         what_is_changed_afterwards_leaves_its_bundle,
        a_change_in_the_same_commit_finds_it, retention_cuts_the_oldest_off,
        a_damaged_one_breaks_the_store,       bytes_that_are_cut_or_changed_are_refused,
        nothing_differs_from_a_model,
    };
    return STORE_CHECK("sqlite_store_bundle", tests);
}

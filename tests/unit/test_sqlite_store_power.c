/* layers: store core base */
/* extra: tests/support/deadline.c tests/support/store_fixture.c tests/support/store_vfs.c */
/* The loss of power: what was acknowledged is there, whatever of the unsynced writes is. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/deadline.h"
#include "tests/support/store_fixture.h"
#include "tests/support/store_vfs.h"

#define COMMITS_SHORT 250
#define COMMITS_LONG  1500
#define FUTURES       12000
#define CUTS_SHORT    300
#define CUTS_LONG     10000
#define CURSOR_BASE   1000000
#define MAP_ITEMS     20

enum fate { ABSENT, PENDING, RUNNING, FINISHED, CANCELLED };

/* In the commit with that number the future became that. */
struct event {
    unsigned commit;
    uint64_t id;
    enum fate fate;
};

struct story {
    struct event *events;
    size_t event_count;
    struct answer answers[COMMITS_LONG + 1];
    size_t acknowledged_at[COMMITS_LONG + 1]; /* operations recorded when it was answered */
    unsigned commits;
    uint64_t next_id, next_cursor;
    enum fate now[FUTURES];
    bool is_map[FUTURES];
};

static unsigned commits_wanted(void)
{
    return getenv("FUTURED_LONG") ? COMMITS_LONG : COMMITS_SHORT;
}

static void become(struct story *story, uint64_t id, enum fate fate)
{
    ck_assert_uint_lt(id, FUTURES);
    story->events[story->event_count++] =
        (struct event){.commit = story->commits, .id = id, .fate = fate};
    story->now[id] = fate;
}

static void tell_map(struct fixture *fixture, struct story *story)
{
    uint64_t id = story->next_id;
    put_map(fixture, id, MAP_ITEMS, false);
    story->is_map[id] = true;
    story->next_id += MAP_ITEMS + 1;
    for (uint64_t i = 0; i <= MAP_ITEMS; i++)
        become(story, id + i, PENDING);
}

/* A large result has a file, which must be there as soon as the commit is. */
static void tell_finished(struct fixture *fixture, struct story *story, uint64_t id, unsigned *seed)
{
    static char *large;
    if (!large)
        large = long_text(70000);
    put_finished(fixture, id, story->next_cursor++, rand_r(seed) % 8 == 0 ? large : "\"small\"");
    become(story, id, FINISHED);
}

/* Some change to some future. */
static void tell_something(struct fixture *fixture, struct story *story, unsigned *seed)
{
    uint64_t id = 1 + (uint64_t)rand_r(seed) % story->next_id;
    switch (id < story->next_id ? story->now[id] : ABSENT) {
    case ABSENT:
        put_simple(fixture, story->next_id);
        become(story, story->next_id++, PENDING);
        break;
    case PENDING: /* over in the commit of its submit, it may lie in a bundle */
        switch (rand_r(seed) % 4) {
        case 0:
            put_cancelled(fixture, id, story->next_cursor++);
            become(story, id, CANCELLED);
            break;
        case 1:
            tell_finished(fixture, story, id, seed);
            break;
        default:
            put_started(fixture, id, story->next_cursor++);
            become(story, id, RUNNING);
            break;
        }
        break;
    case RUNNING:
        tell_finished(fixture, story, id, seed);
        break;
    case FINISHED:
    case CANCELLED:
        put_forgotten(fixture, id);
        for (uint64_t i = 0; i <= (story->is_map[id] ? MAP_ITEMS : 0); i++)
            become(story, id + i, ABSENT);
        break;
    }
}

/* The number of the commit is the cursor that comes back. */
static void tell_commit(struct fixture *fixture, struct story *story, unsigned *seed)
{
    struct store_change mark = {
        .kind = CHANGE_RESERVED, .durability = DURABILITY_FULL, .cursor = 0};
    story->commits++;
    mark.cursor = CURSOR_BASE + story->commits;
    put_change(fixture, &mark);
    if (rand_r(seed) % 25 == 0)
        tell_map(fixture, story);
    for (int i = rand_r(seed) % 6; i >= 0; i--)
        tell_something(fixture, story, seed);
    commit_start(fixture, false, &story->answers[story->commits]);
}

static struct story *story_tell(struct fixture *fixture)
{
    unsigned seed = 7;
    struct story *story = calloc(1, sizeof(*story));
    ck_assert_ptr_nonnull(story);
    story->events = calloc(COMMITS_LONG * 40, sizeof(*story->events));
    ck_assert_ptr_nonnull(story->events);
    story->next_id = story->next_cursor = 1;
    while (story->commits < commits_wanted()) {
        unsigned from = story->commits + 1;
        for (int i = rand_r(&seed) % 4; i >= 0 && story->commits < commits_wanted(); i--)
            tell_commit(fixture, story, &seed);
        for (unsigned i = from; i <= story->commits; i++) {
            await_answer(fixture, &story->answers[i]);
            ck_assert_int_eq(story->answers[i].error, 0);
            story->acknowledged_at[i] = test_vfs_recorded();
        }
    }
    return story;
}

static void story_free(struct story *story)
{
    free(story->events);
    free(story);
}

static enum fate fate_of(enum future_state state)
{
    switch (state) {
    case FUTURE_PENDING:
        return PENDING;
    case FUTURE_RUNNING:
        return RUNNING;
    case FUTURE_FINISHED:
        return FINISHED;
    case FUTURE_CANCELLED:
        break;
    }
    return CANCELLED;
}

static void expect_large_results(struct fixture *fixture, const enum fate *wanted)
{
    struct read_back read;
    struct store_query query = {
        .kind = QUERY_BELOW, .all_users = true, .items = true, .limit = SIZE_MAX};
    read_now(fixture, &query, &read);
    ck_assert_int_eq(read.error, 0);
    for (size_t i = 0; i < read.count; i++) {
        const struct stored_future *record = &read.records[i];
        ck_assert_int_eq(fate_of(record->state), wanted[record->id]);
        if (record->state != FUTURE_FINISHED)
            continue;
        ck_assert_int_eq(record->outcome.kind, OUTCOME_RESULT);
        ck_assert(record->outcome.json_bytes == 70000 || record->outcome.json_bytes == 7);
    }
    read_clear(&read);
}

/* What is there is what was there after one of the commits; returns which. */
static unsigned expect_some_commit(struct fixture *fixture, const struct story *story, bool results)
{
    static enum fate wanted[FUTURES], found[FUTURES];
    const struct loaded *loaded = &fixture->loaded;
    unsigned commit = loaded->cursor >= CURSOR_BASE ? (unsigned)(loaded->cursor - CURSOR_BASE) : 0;
    memset(wanted, 0, sizeof(wanted));
    memset(found, 0, sizeof(found));
    for (size_t i = 0; i < story->event_count && story->events[i].commit <= commit; i++)
        wanted[story->events[i].id] = story->events[i].fate;
    for (size_t i = 0; i < loaded->future_count; i++)
        found[loaded->futures[i].id] = fate_of(loaded->futures[i].state);
    for (size_t i = 0; i < loaded->trace_count; i++)
        found[loaded->traces[i].id] = fate_of(loaded->traces[i].state);
    for (size_t i = 0; i < FUTURES; i++)
        ck_assert_msg(wanted[i] == found[i], "commit %u: future %zu is %d, not %d", commit, i,
                      found[i], wanted[i]);
    if (results)
        expect_large_results(fixture, wanted);
    return commit;
}

/* Cuts the power at points all over the story, in steps so wide that `cuts` of them reach its end;
 * returns at how many something acknowledged was lost. */
static size_t cut_everywhere(enum durability durability, size_t cuts, bool results)
{
    struct fixture fixture;
    size_t lost = 0;
    test_vfs_init();
    test_vfs_skip_syncs(true);
    fixture_init(&fixture);
    fixture.settings.vfs = TEST_VFS;
    fixture.settings.durability = durability;
    test_vfs_record(fixture.directory);
    fixture_open(&fixture);
    struct story *story = story_tell(&fixture);
    fixture_close(&fixture);
    size_t operations = test_vfs_recorded();
    struct replay *replay = replay_new();
    ck_assert_uint_ge(operations, cuts);
    for (size_t i = 1; i <= cuts; i++) {
        size_t cut = operations * i / cuts;
        unsigned acknowledged = 0;
        struct fixture after;
        while (acknowledged < story->commits && story->acknowledged_at[acknowledged + 1] <= cut)
            acknowledged++;
        replay_advance(replay, cut);
        fixture_init(&after);
        after.settings.vfs = TEST_VFS;
        replay_write(replay, (unsigned)i, after.directory);
        fixture_open(&after);
        unsigned commit = expect_some_commit(&after, story, results);
        lost += commit < acknowledged;
        fixture_close(&after);
        test_vfs_forget(after.directory);
        fixture_end(&after);
    }
    replay_free(replay);
    story_free(story);
    test_vfs_record_end();
    fixture_end(&fixture);
    return lost;
}

START_TEST(nothing_acknowledged_is_lost_with_full)
{
    size_t cuts = getenv("FUTURED_LONG") ? CUTS_LONG : CUTS_SHORT / test_slowness();
    ck_assert_uint_eq(cut_everywhere(DURABILITY_FULL, cuts, true), 0);
}
END_TEST

START_TEST(with_process_it_is_which_shows_that_the_test_bites)
{
    ck_assert_uint_gt(cut_everywhere(DURABILITY_PROCESS, CUTS_SHORT / test_slowness(), false), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        nothing_acknowledged_is_lost_with_full,
        with_process_it_is_which_shows_that_the_test_bites,
    };
    return STORE_CHECK("sqlite_store_power", tests);
}

/* A SQLite store to test: opened in a directory, loaded into lists that the test can look at, and
 * told of futures with one call each. The test's thread is the loop's. Every wait is for an answer,
 * and Check's timeout ends a test whose answer does not come. */
#ifndef FUTURED_TESTS_STORE_FIXTURE_H
#define FUTURED_TESTS_STORE_FIXTURE_H

#include <check.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/outcome.h"
#include "daemon/core/store.h"
#include "daemon/store/sqlite_store.h"

/* Runs the tests as a suite of that name; returns what main returns. */
int store_check(const char *name, const TTest *const *tests, size_t count);
#define STORE_CHECK(name, tests) store_check(name, tests, sizeof(tests) / sizeof((tests)[0]))

struct loaded_expired {
    uint64_t first, last;
};

struct loaded_key {
    uint32_t uid;
    char key[64];
    uint64_t call, id;
};

/* What `load` told; texts are copies. */
struct loaded {
    struct stored_future *futures;
    size_t future_count, future_capacity;
    struct stored_trace *traces;
    size_t trace_count, trace_capacity;
    struct loaded_expired expired[64];
    size_t expired_count;
    struct loaded_key keys[16];
    size_t key_count;
    struct stored_pool pools[8];
    size_t pool_count;
    uint64_t next_id, cursor;
    bool count_only; /* keep nothing */
};

struct fixture {
    char directory[PATH_MAX];
    struct sqlite_store_settings settings;
    struct loop *loop;
    struct store *store;
    struct loaded loaded;
    /* What the store told by itself. */
    struct loaded_expired expired[4096];
    size_t expired_count;
    uint64_t expired_ids;
    char broken[512];
    unsigned broken_count;
};

/* A new directory, nothing open. */
void fixture_init(struct fixture *fixture);
/* Opens and loads; fails the test where that fails. */
void fixture_open(struct fixture *fixture);
/* Opens; expects this failure, and that word in the sentence about it. */
void fixture_refused(struct fixture *fixture, int error, const char *word);
/* Frees the store: a clean end. */
void fixture_close(struct fixture *fixture);
/* Closes, and removes the directory. */
void fixture_end(struct fixture *fixture);
/* Closes and opens. */
void fixture_reopen(struct fixture *fixture);
/* A file in the directory. Returns a text of its own that the next call overwrites. */
const char *fixture_path(struct fixture *fixture, const char *name);
/* Executes SQL in its database while nothing has it open. Returns the last number that it yields.
 */
int fixture_sql(struct fixture *fixture, const char *sql);
/* Runs the loop until it is stopped by an answer. */
void fixture_run(struct fixture *fixture);
/* Copies the directory as it is now, as if the process had been killed; `to` is a fixture that was
 * initialised. */
void fixture_copy(struct fixture *fixture, struct fixture *to);

/* ---- changes ---- */

/* A spec with something in every member. */
struct stored_spec plain_spec(const char *args);
/* A pending future, submitted with the cursor `id`. */
struct stored_future plain_future(uint64_t id, const struct stored_spec *spec);

void put_change(struct fixture *fixture, const struct store_change *change);
/* Puts of durability FULL. */
void put_future(struct fixture *fixture, const struct stored_future *future);
void put_simple(struct fixture *fixture, uint64_t id);
/* An open or a plain map and `count` items behind it, with the next ids. */
void put_map(struct fixture *fixture, uint64_t id, uint64_t count, bool open);
void put_started(struct fixture *fixture, uint64_t id, uint64_t cursor);
/* `result` NULL: it raises Boom. */
void put_finished(struct fixture *fixture, uint64_t id, uint64_t cursor, const char *result);
/* The same at a time of the wall clock. */
void put_finished_at(struct fixture *fixture, uint64_t id, uint64_t cursor, int64_t wall_us);
void put_map_finished(struct fixture *fixture, uint64_t id, uint64_t cursor, uint64_t count);
void put_cancelled(struct fixture *fixture, uint64_t id, uint64_t cursor);
void put_forgotten(struct fixture *fixture, uint64_t id);

/* ---- commits ---- */

struct answer {
    unsigned count; /* times answered */
    int error;
    struct fixture *fixture;
    struct answer **last; /* where to note which was answered last; may be NULL */
    bool stop;            /* the loop, when it comes */
};

/* Commits without waiting. */
void commit_start(struct fixture *fixture, bool may_fail, struct answer *answer);
void await_answer(struct fixture *fixture, struct answer *answer);
/* Commits and waits; returns the error. */
int commit_now(struct fixture *fixture, bool may_fail);
/* The same, and it must work. */
void commit_ok(struct fixture *fixture);
int backup_now(struct fixture *fixture, const char *path);

/* ---- reads ---- */

struct read_back {
    bool answered;
    int error;
    struct stored_future *records; /* with texts of their own */
    size_t count;
    bool has_counts;
    uint64_t counts[FUTURE_STATES];
    struct fixture *fixture;
};

/* To be cleared. */
void read_now(struct fixture *fixture, const struct store_query *query, struct read_back *ret_read);
void read_id(struct fixture *fixture, uint64_t id, struct read_back *ret_read);
void read_clear(struct read_back *read);
/* Fails the test unless the ids that a query yields are these. */
void expect_ids(struct fixture *fixture, const struct store_query *query, size_t count,
                const uint64_t *ids);
#define EXPECT_IDS(fixture, query, ...)                                                            \
    expect_ids(fixture, query, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t),               \
               (const uint64_t[]){__VA_ARGS__})
/* Whether a future is there. */
bool is_there(struct fixture *fixture, uint64_t id);

struct store_statistics statistics_now(struct fixture *fixture);
/* A JSON string of so many bytes, to be freed. */
char *long_text(size_t size);
/* Whether ids.. what the store told as expired. */
bool was_expired(const struct fixture *fixture, uint64_t id);
/* Waits until so many ids were told as expired. */
void await_expired(struct fixture *fixture, uint64_t ids);
void await_broken(struct fixture *fixture);

#endif

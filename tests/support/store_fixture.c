#include "tests/support/store_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/loop.h"
#include "daemon/core/output.h"
#include "tests/support/suite.h"

int store_check(const char *name, const TTest *const *tests, size_t count)
{
    TCase *tcase = suite_tests(name, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    if (getenv("FUTURED_LONG"))
        tcase_set_timeout(tcase, 1800);
    return suite_run();
}

/* ---- copies of records ---- */

static char *copy_text(const char *text, size_t size)
{
    if (!text)
        return NULL;
    char *copy = malloc(size + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

static char *copy_string(const char *text)
{
    return text ? copy_text(text, strlen(text)) : NULL;
}

/* Takes the outcomes and the output out, as it is allowed. */
static void take_record(struct stored_future *from, struct stored_future *to)
{
    *to = *from;
    if (from->spec) {
        struct stored_spec *spec = malloc(sizeof(*spec));
        ck_assert_ptr_nonnull(spec);
        *spec = *from->spec;
        spec->function = copy_string(spec->function);
        spec->pool = copy_string(spec->pool);
        spec->label = copy_string(spec->label);
        spec->args = copy_text(spec->args, spec->args_bytes);
        to->spec = spec;
    }
    if (from->map) {
        struct stored_map *map = malloc(sizeof(*map));
        ck_assert_ptr_nonnull(map);
        *map = *from->map;
        to->map = map;
    }
    to->item = copy_text(from->item, from->item_bytes);
    to->key = copy_string(from->key);
    struct stored_after *after = calloc(from->after_count + 1, sizeof(*after));
    struct stored_attempt *attempts = calloc(from->attempt_count + 1, sizeof(*attempts));
    ck_assert(after && attempts);
    for (size_t i = 0; i < from->after_count; i++)
        after[i] = from->after[i];
    to->after = after;
    for (size_t i = 0; i < from->attempt_count; i++) {
        attempts[i] = from->attempts[i];
        from->attempts[i].outcome = (struct outcome){.kind = OUTCOME_NONE};
    }
    to->attempts = attempts;
    from->outcome = (struct outcome){.kind = OUTCOME_NONE};
    from->output = NULL;
}

static void free_const(const void *memory)
{
    free((void *)(uintptr_t)memory);
}

static void clear_record(struct stored_future *record)
{
    if (record->spec) {
        free_const(record->spec->function);
        free_const(record->spec->pool);
        free_const(record->spec->label);
        free_const(record->spec->args);
        free_const(record->spec);
    }
    free_const(record->map);
    free_const(record->item);
    free_const(record->key);
    free_const(record->after);
    for (size_t i = 0; i < record->attempt_count; i++)
        outcome_clear(&record->attempts[i].outcome);
    free(record->attempts);
    outcome_clear(&record->outcome);
    output_unref(record->output);
}

static void *grow(void *list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return list;
    *capacity = *capacity ? *capacity * 2 : 64;
    void *grown = reallocarray(list, *capacity, size);
    ck_assert_ptr_nonnull(grown);
    return grown;
}

/* ---- load ---- */

static int on_pool(void *arg, const struct stored_pool *pool)
{
    struct loaded *loaded = arg;
    ck_assert_uint_lt(loaded->pool_count, 8);
    struct stored_pool *copy = &loaded->pools[loaded->pool_count++];
    *copy = *pool;
    copy->name = copy_string(pool->name);
    copy->thread_name_prefix = copy_string(pool->thread_name_prefix);
    copy->initializer = copy_string(pool->initializer);
    copy->initializer_args = copy_string(pool->initializer_args);
    return 0;
}

static int on_future(void *arg, struct stored_future *future)
{
    struct loaded *loaded = arg;
    if (loaded->count_only) {
        loaded->future_count++;
        return 0;
    }
    loaded->futures = grow(loaded->futures, loaded->future_count, &loaded->future_capacity,
                           sizeof(*loaded->futures));
    if (loaded->future_count > 0)
        ck_assert_uint_gt(future->id, loaded->futures[loaded->future_count - 1].id);
    take_record(future, &loaded->futures[loaded->future_count++]);
    return 0;
}

static int on_done(void *arg, const struct stored_trace *trace)
{
    struct loaded *loaded = arg;
    if (loaded->count_only) {
        loaded->trace_count++;
        return 0;
    }
    loaded->traces =
        grow(loaded->traces, loaded->trace_count, &loaded->trace_capacity, sizeof(*loaded->traces));
    if (loaded->trace_count > 0)
        ck_assert_uint_gt(trace->id, loaded->traces[loaded->trace_count - 1].id);
    loaded->traces[loaded->trace_count++] = *trace;
    return 0;
}

static int on_key(void *arg, uint32_t uid, const char *key, uint64_t key_call, uint64_t id)
{
    struct loaded *loaded = arg;
    ck_assert_uint_lt(loaded->key_count, 16);
    struct loaded_key *copy = &loaded->keys[loaded->key_count++];
    *copy = (struct loaded_key){.uid = uid, .call = key_call, .id = id};
    snprintf(copy->key, sizeof(copy->key), "%s", key);
    return 0;
}

static int on_expired(void *arg, uint64_t first, uint64_t last)
{
    struct loaded *loaded = arg;
    ck_assert_uint_lt(loaded->expired_count, 64);
    loaded->expired[loaded->expired_count++] = (struct loaded_expired){first, last};
    return 0;
}

static int on_counters(void *arg, uint64_t next_id, uint64_t cursor)
{
    struct loaded *loaded = arg;
    loaded->next_id = next_id;
    loaded->cursor = cursor;
    return 0;
}

static void clear_loaded(struct loaded *loaded)
{
    bool count_only = loaded->count_only;
    for (size_t i = 0; !count_only && i < loaded->future_count; i++)
        clear_record(&loaded->futures[i]);
    free(loaded->futures);
    free(loaded->traces);
    for (size_t i = 0; i < loaded->pool_count; i++) {
        free_const(loaded->pools[i].name);
        free_const(loaded->pools[i].thread_name_prefix);
        free_const(loaded->pools[i].initializer);
        free_const(loaded->pools[i].initializer_args);
    }
    *loaded = (struct loaded){.count_only = count_only};
}

/* ---- beginning and end ---- */

static void note_expired(void *arg, uint64_t first, uint64_t last)
{
    struct fixture *fixture = arg;
    ck_assert_uint_lt(fixture->expired_count, 4096);
    fixture->expired[fixture->expired_count++] = (struct loaded_expired){first, last};
    fixture->expired_ids += last - first + 1;
    loop_stop(fixture->loop);
}

static void note_broken(void *arg, const char *message)
{
    struct fixture *fixture = arg;
    snprintf(fixture->broken, sizeof(fixture->broken), "%s", message);
    fixture->broken_count++;
    loop_stop(fixture->loop);
}

void fixture_init(struct fixture *fixture)
{
    const char *tmp = getenv("TMPDIR");
    *fixture = (struct fixture){.expired_count = 0};
    snprintf(fixture->directory, sizeof(fixture->directory), "%s/store-XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
    ck_assert_int_eq(loop_new(&fixture->loop), 0);
    fixture->settings = (struct sqlite_store_settings){
        .directory = fixture->directory,
        .durability = DURABILITY_FULL,
        .retention_count = 1000000,
        .retention_bytes = UINT64_C(1) << 40,
        .retention_s = UINT64_C(1) << 40,
        .loop = fixture->loop,
    };
}

void fixture_open(struct fixture *fixture)
{
    char message[512] = "";
    int r = sqlite_store_open(&fixture->settings, &fixture->store, message, sizeof(message));
    ck_assert_msg(r == 0, "open: %d %s", r, message);
    ck_assert_ptr_nonnull(fixture->store);
    struct store_observer observer = {
        .arg = fixture, .on_expired = note_expired, .on_broken = note_broken};
    struct store_loader loader = {
        .arg = &fixture->loaded,
        .on_pool = on_pool,
        .on_future = on_future,
        .on_done = on_done,
        .on_key = on_key,
        .on_expired = on_expired,
        .on_counters = on_counters,
    };
    fixture->store->ops->observe(fixture->store, &observer);
    clear_loaded(&fixture->loaded);
    ck_assert_int_eq(fixture->store->ops->load(fixture->store, &loader), 0);
}

void fixture_refused(struct fixture *fixture, int error, const char *word)
{
    char message[512] = "";
    struct store *store = NULL;
    ck_assert_int_eq(sqlite_store_open(&fixture->settings, &store, message, sizeof(message)),
                     error);
    ck_assert_ptr_null(store);
    ck_assert_msg(strstr(message, word) != NULL, "'%s' is not in: %s", word, message);
}

void fixture_close(struct fixture *fixture)
{
    if (fixture->store)
        fixture->store->ops->free(fixture->store);
    fixture->store = NULL;
}

static void remove_all(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        char name[PATH_MAX + 256];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (unlink(name) < 0)
            remove_all(name);
    }
    if (directory)
        closedir(directory);
    rmdir(path);
}

void fixture_end(struct fixture *fixture)
{
    fixture_close(fixture);
    clear_loaded(&fixture->loaded);
    loop_free(fixture->loop);
    remove_all(fixture->directory);
}

void fixture_reopen(struct fixture *fixture)
{
    fixture_close(fixture);
    fixture_open(fixture);
}

const char *fixture_path(struct fixture *fixture, const char *name)
{
    static char path[PATH_MAX + 256];
    snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
    return path;
}

static int take_number(void *number, int columns, char **values, char **names)
{
    (void)names;
    *(int *)number = columns > 0 && values[0] ? atoi(values[0]) : 0;
    return 0;
}

int fixture_sql(struct fixture *fixture, const char *sql)
{
    sqlite3 *sqlite;
    int number = 0;
    ck_assert_int_eq(sqlite3_open(fixture_path(fixture, "futured.db"), &sqlite), SQLITE_OK);
    int rc = sqlite3_exec(sqlite, sql, take_number, &number, NULL);
    ck_assert_msg(rc == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(sqlite));
    ck_assert_int_eq(sqlite3_close(sqlite), SQLITE_OK);
    return number;
}

void fixture_run(struct fixture *fixture)
{
    ck_assert_int_eq(loop_run(fixture->loop), 0);
}

static void copy_file(const char *from, const char *to)
{
    char buffer[65536];
    ssize_t size;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert(in >= 0 && out >= 0);
    while ((size = read(in, buffer, sizeof(buffer))) > 0)
        ck_assert_int_eq(write(out, buffer, (size_t)size), size);
    close(in);
    close(out);
}

static void copy_all(const char *from, const char *to)
{
    DIR *directory = opendir(from);
    struct dirent *entry;
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory))) {
        char source[PATH_MAX + 256], target[PATH_MAX + 256];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(source, sizeof(source), "%s/%s", from, entry->d_name);
        snprintf(target, sizeof(target), "%s/%s", to, entry->d_name);
        if (entry->d_type == DT_DIR) {
            ck_assert_int_eq(mkdir(target, 0700), 0);
            copy_all(source, target);
        } else {
            copy_file(source, target);
        }
    }
    closedir(directory);
}

void fixture_copy(struct fixture *fixture, struct fixture *to)
{
    copy_all(fixture->directory, to->directory);
}

/* ---- changes ---- */

struct stored_spec plain_spec(const char *args)
{
    return (struct stored_spec){
        .uid = 1000,
        .function = "exec",
        .pool = "default",
        .label = "some",
        .args = args,
        .args_bytes = strlen(args),
        .timeout_ns = 5,
        .retry_max = 3,
        .retry_delay_ns = 7,
        .retry_backoff = 1.5,
        .rerun_on_crash = true,
        .durability = DURABILITY_FULL,
    };
}

struct stored_future plain_future(uint64_t id, const struct stored_spec *spec)
{
    return (struct stored_future){
        .id = id,
        .spec_id = id,
        .spec = spec,
        .attempt = 1,
        .submitted_us = 1000 + (int64_t)id,
        .cursor = id,
    };
}

void put_change(struct fixture *fixture, const struct store_change *change)
{
    fixture->store->ops->put(fixture->store, change);
}

void put_future(struct fixture *fixture, const struct stored_future *future)
{
    struct store_change change = {
        .kind = CHANGE_SUBMITTED,
        .durability = DURABILITY_FULL,
        .id = future->id,
        .cursor = future->cursor,
        .future = future,
    };
    put_change(fixture, &change);
}

void put_simple(struct fixture *fixture, uint64_t id)
{
    struct stored_spec spec = plain_spec("{\"argv\":[\"true\"]}");
    struct stored_future future = plain_future(id, &spec);
    put_future(fixture, &future);
}

void put_map(struct fixture *fixture, uint64_t id, uint64_t count, bool open)
{
    struct stored_spec spec = plain_spec("{\"argv\":[\"true\"]}");
    struct stored_map map = {
        .open = open, .was_open = open, .window = 10, .count = open ? 0 : count, .first = id + 1};
    struct stored_future future = plain_future(id, &spec);
    future.map = &map;
    put_future(fixture, &future);
    for (uint64_t i = 0; i < count; i++) {
        char text[32];
        struct stored_future item = plain_future(id + 1 + i, NULL);
        item.spec_id = item.item_of = id;
        item.index = i;
        item.item = text;
        item.item_bytes =
            (size_t)snprintf(text, sizeof(text), "\"item %llu\"", (unsigned long long)i);
        put_future(fixture, &item);
    }
}

void put_started(struct fixture *fixture, uint64_t id, uint64_t cursor)
{
    struct store_change change = {
        .kind = CHANGE_STARTED,
        .durability = DURABILITY_FULL,
        .id = id,
        .cursor = cursor,
        .attempt = 1,
        .wall_us = 2000 + (int64_t)id,
    };
    put_change(fixture, &change);
}

static void put_end(struct fixture *fixture, uint64_t id, uint64_t cursor, int64_t wall_us,
                    const struct outcome *outcome, const struct stored_map *map)
{
    struct store_change change = {
        .kind = outcome ? CHANGE_FINISHED : CHANGE_CANCELLED,
        .durability = DURABILITY_FULL,
        .id = id,
        .cursor = cursor,
        .started_us = outcome ? 2000 + (int64_t)id : 0,
        .wall_us = wall_us,
        .outcome = outcome,
        .map = map,
    };
    put_change(fixture, &change);
}

void put_finished(struct fixture *fixture, uint64_t id, uint64_t cursor, const char *result)
{
    struct outcome outcome = {.kind = OUTCOME_NONE};
    if (result)
        outcome_set_result(&outcome, copy_string(result), strlen(result));
    else
        outcome_set_exception(&outcome, "Boom", "it went off", copy_string("[1]"), 3);
    put_end(fixture, id, cursor, 3000 + (int64_t)id, &outcome, NULL);
    outcome_clear(&outcome);
}

void put_finished_at(struct fixture *fixture, uint64_t id, uint64_t cursor, int64_t wall_us)
{
    struct outcome outcome = {.kind = OUTCOME_NONE};
    outcome_set_result(&outcome, copy_string("1"), 1);
    put_end(fixture, id, cursor, wall_us, &outcome, NULL);
    outcome_clear(&outcome);
}

void put_map_finished(struct fixture *fixture, uint64_t id, uint64_t cursor, uint64_t count)
{
    struct stored_map map = {
        .count = count, .first = id + 1, .by_state = {[FUTURE_FINISHED] = count}};
    struct outcome outcome = {.kind = OUTCOME_NONE};
    outcome_set_result(&outcome, copy_string("null"), 4);
    put_end(fixture, id, cursor, 4000 + (int64_t)id, &outcome, &map);
    outcome_clear(&outcome);
}

void put_cancelled(struct fixture *fixture, uint64_t id, uint64_t cursor)
{
    put_end(fixture, id, cursor, 3000 + (int64_t)id, NULL, NULL);
}

void put_forgotten(struct fixture *fixture, uint64_t id)
{
    struct store_change change = {
        .kind = CHANGE_FORGOTTEN, .durability = DURABILITY_FULL, .id = id};
    put_change(fixture, &change);
}

/* ---- commits ---- */

static void on_answer(void *arg, int error)
{
    struct answer *answer = arg;
    answer->count++;
    answer->error = error;
    if (answer->last)
        *answer->last = answer;
    if (answer->stop)
        loop_stop(answer->fixture->loop);
}

void commit_start(struct fixture *fixture, bool may_fail, struct answer *answer)
{
    answer->fixture = fixture;
    fixture->store->ops->commit(fixture->store, may_fail, on_answer, answer);
}

void await_answer(struct fixture *fixture, struct answer *answer)
{
    while (answer->count == 0) {
        ck_assert_msg(fixture->broken_count == 0, "%s", fixture->broken);
        answer->stop = true;
        fixture_run(fixture);
    }
}

int commit_now(struct fixture *fixture, bool may_fail)
{
    struct answer answer = {.count = 0};
    commit_start(fixture, may_fail, &answer);
    await_answer(fixture, &answer);
    ck_assert_uint_eq(answer.count, 1);
    return answer.error;
}

void commit_ok(struct fixture *fixture)
{
    ck_assert_int_eq(commit_now(fixture, false), 0);
}

int backup_now(struct fixture *fixture, const char *path)
{
    struct answer answer = {.fixture = fixture};
    fixture->store->ops->backup(fixture->store, path, on_answer, &answer);
    await_answer(fixture, &answer);
    return answer.error;
}

/* ---- reads ---- */

static void on_records(void *arg, int error, struct stored_future *records, size_t count,
                       const uint64_t *counts)
{
    struct read_back *read = arg;
    ck_assert(!read->answered);
    read->answered = true;
    read->error = error;
    read->count = count;
    read->records = calloc(count + 1, sizeof(*read->records));
    ck_assert_ptr_nonnull(read->records);
    for (size_t i = 0; i < count; i++)
        take_record(&records[i], &read->records[i]);
    read->has_counts = counts != NULL;
    for (size_t i = 0; counts && i < FUTURE_STATES; i++)
        read->counts[i] = counts[i];
    loop_stop(read->fixture->loop);
}

void read_now(struct fixture *fixture, const struct store_query *query, struct read_back *ret_read)
{
    *ret_read = (struct read_back){.fixture = fixture};
    fixture->store->ops->read(fixture->store, query, on_records, ret_read);
    while (!ret_read->answered) {
        ck_assert_msg(fixture->broken_count == 0, "%s", fixture->broken);
        fixture_run(fixture);
    }
}

void read_id(struct fixture *fixture, uint64_t id, struct read_back *ret_read)
{
    struct store_query query = {.kind = QUERY_IDS, .ids = &id, .id_count = 1, .output = true};
    read_now(fixture, &query, ret_read);
    ck_assert_int_eq(ret_read->error, 0);
}

void read_clear(struct read_back *read)
{
    for (size_t i = 0; i < read->count; i++)
        clear_record(&read->records[i]);
    free(read->records);
    *read = (struct read_back){.count = 0};
}

void expect_ids(struct fixture *fixture, const struct store_query *query, size_t count,
                const uint64_t *ids)
{
    struct read_back read;
    read_now(fixture, query, &read);
    ck_assert_int_eq(read.error, 0);
    /* Behind what was asked for stand the maps of its items. */
    size_t found = read.count;
    while (found > 0 && read.records[found - 1].for_item)
        found--;
    ck_assert_uint_eq(found, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(read.records[i].id, ids[i]);
    read_clear(&read);
}

bool is_there(struct fixture *fixture, uint64_t id)
{
    struct read_back read;
    read_id(fixture, id, &read);
    bool there = read.count > 0;
    read_clear(&read);
    return there;
}

struct store_statistics statistics_now(struct fixture *fixture)
{
    struct store_statistics statistics;
    fixture->store->ops->statistics(fixture->store, &statistics);
    return statistics;
}

char *long_text(size_t size)
{
    char *text = malloc(size + 1);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i % 23);
    text[0] = text[size - 1] = '"';
    text[size] = '\0';
    return text;
}

bool was_expired(const struct fixture *fixture, uint64_t id)
{
    for (size_t i = 0; i < fixture->expired_count; i++)
        if (fixture->expired[i].first <= id && id <= fixture->expired[i].last)
            return true;
    return false;
}

void await_expired(struct fixture *fixture, uint64_t ids)
{
    while (fixture->expired_ids < ids) {
        ck_assert_msg(fixture->broken_count == 0, "%s", fixture->broken);
        fixture_run(fixture);
    }
}

void await_broken(struct fixture *fixture)
{
    while (fixture->broken_count == 0)
        fixture_run(fixture);
}

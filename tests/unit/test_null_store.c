/* layers: store core base */
/* The store that keeps nothing but the counters. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/store.h"
#include "daemon/store/null_store.h"
#include "tests/support/suite.h"

static char directory[] = "/tmp/null-store-XXXXXX";
static char message[512];
static uint64_t next_id, cursor;

static void setup(void)
{
    memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void path_of(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", directory, name);
}

static void teardown(void)
{
    char path[100];
    path_of(path, sizeof(path), "counters");
    unlink(path);
    path_of(path, sizeof(path), "lock");
    unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static int on_counters(void *arg, uint64_t id, uint64_t at)
{
    (void)arg;
    next_id = id;
    cursor = at;
    return 0;
}

static void expect_counters(struct store *store, uint64_t id, uint64_t at)
{
    struct store_loader loader = {.on_counters = on_counters};
    ck_assert_int_eq(store->ops->load(store, &loader), 0);
    ck_assert_uint_eq(next_id, id);
    ck_assert_uint_eq(cursor, at);
}

static struct store *store_in(const char *place)
{
    struct store *store = null_store_new();
    ck_assert_ptr_nonnull(store);
    ck_assert_msg(null_store_keep_counters(store, place, message, sizeof(message)) == 0, "%s",
                  message);
    return store;
}

static void reserve(struct store *store, uint64_t id, uint64_t at)
{
    struct store_change change = {.kind = CHANGE_RESERVED, .id = id, .cursor = at};
    store->ops->put(store, &change);
}

START_TEST(without_a_directory_it_begins_at_one)
{
    struct store *store = null_store_new();
    reserve(store, 10, 20);
    expect_counters(store, 1, 0);
    store->ops->free(store);
}
END_TEST

START_TEST(the_next_one_goes_on)
{
    struct store *store = store_in(directory);
    expect_counters(store, 1, 0);
    reserve(store, UINT64_MAX / 2, UINT64_MAX);
    reserve(store, 10, 20);
    store->ops->free(store);
    store = store_in(directory);
    expect_counters(store, 10, 20);
    store->ops->free(store);
}
END_TEST

START_TEST(two_at_a_time_are_refused)
{
    struct store *store = store_in(directory), *other = null_store_new();
    ck_assert_int_eq(null_store_keep_counters(other, directory, message, sizeof(message)), -EBUSY);
    ck_assert_ptr_nonnull(strstr(message, "in use"));
    expect_counters(other, 1, 0);
    other->ops->free(other);
    store->ops->free(store);
}
END_TEST

START_TEST(what_is_not_understood_is_left_alone)
{
    char path[100], text[20] = "";
    path_of(path, sizeof(path), "counters");
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs("something else", file);
    fclose(file);
    struct store *store = null_store_new();
    ck_assert_int_eq(null_store_keep_counters(store, directory, message, sizeof(message)),
                     -EBADMSG);
    ck_assert_ptr_nonnull(strstr(message, path));
    reserve(store, 10, 20);
    store->ops->free(store);
    file = fopen(path, "re");
    ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
    fclose(file);
    ck_assert_str_eq(text, "something else");
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("all", setup, teardown);

    tcase_add_test(tests, without_a_directory_it_begins_at_one);
    tcase_add_test(tests, the_next_one_goes_on);
    tcase_add_test(tests, two_at_a_time_are_refused);
    tcase_add_test(tests, what_is_not_understood_is_left_alone);
    return suite_run();
}

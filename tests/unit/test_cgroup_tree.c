/* layers: run core base */
#include "daemon/run/cgroup_tree.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/suite.h"

static char directory[] = "/tmp/test_cgroup_tree.XXXXXX";
static int directory_fd;

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(directory_fd, 0);
}

static void tear_down(void)
{
    (void)unlinkat(directory_fd, "file", 0);
    close(directory_fd);
    ck_assert_int_eq(rmdir(directory), 0);
}

/* A file of a group, as the kernel would have it. */
static int file_of(const char *text)
{
    int fd = openat(directory_fd, "file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

START_TEST(numbers_by_their_keys)
{
    uint64_t count = 7;
    int fd = file_of("low 0\nhigh 1\nmax 22\noom 3\noom_kill 4\noom_group_kill 5\n");

    ck_assert_int_eq(cgroup_count(fd, "oom_kill", &count), 0);
    ck_assert_uint_eq(count, 4);
    ck_assert_int_eq(cgroup_count(fd, "oom", &count), 0);
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(cgroup_count(fd, "max", &count), 0);
    ck_assert_uint_eq(count, 22);
    ck_assert_int_eq(cgroup_count(fd, "ma", &count), -ENOENT);
    ck_assert_int_eq(cgroup_count(-1, "max", &count), -EBADF);
    ck_assert_uint_eq(count, 22);
    close(fd);
}
END_TEST

START_TEST(words_in_lists)
{
    close(file_of("cpuset cpu memory pids\n"));

    ck_assert(cgroup_lists(directory_fd, "file", "cpu"));
    ck_assert(cgroup_lists(directory_fd, "file", "cpuset"));
    ck_assert(cgroup_lists(directory_fd, "file", "pids"));
    ck_assert(!cgroup_lists(directory_fd, "file", "pid"));
    ck_assert(!cgroup_lists(directory_fd, "file", "io"));
    ck_assert(!cgroup_lists(directory_fd, "missing", "cpu"));
    close(file_of("\n"));
    ck_assert(!cgroup_lists(directory_fd, "file", "cpu"));
}
END_TEST

START_TEST(values_are_written_to_what_is_there)
{
    char text[8] = "";
    int fd = file_of("");

    ck_assert_int_eq(cgroup_write(directory_fd, "file", "max"), 0);
    ck_assert_int_eq(pread(fd, text, sizeof(text), 0), 3);
    ck_assert_str_eq(text, "max");
    ck_assert_int_eq(cgroup_write(directory_fd, "missing", "1"), -ENOENT);
    ck_assert_int_eq(faccessat(directory_fd, "missing", F_OK, 0), -1);
    close(fd);
}
END_TEST

START_TEST(who_is_left_is_waited_for)
{
    int fd = openat(directory_fd, "cgroup.events", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_eq(pwrite(fd, "populated 1\nfrozen 0\n", 21, 0), 21);
    ck_assert_int_eq(cgroup_wait_empty(directory_fd, 0), -ETIMEDOUT);
    ck_assert_int_eq(pwrite(fd, "populated 0", 11, 0), 11);
    ck_assert_int_eq(cgroup_wait_empty(directory_fd, 0), 0);
    ck_assert_int_eq(unlinkat(directory_fd, "cgroup.events", 0), 0);
    ck_assert_int_eq(cgroup_wait_empty(directory_fd, 0), -ENOENT);
    close(fd);
}
END_TEST

START_TEST(a_path_that_does_not_fit)
{
    char path[4096], small[2] = "x";
    int r = cgroup_tree_find(true, path, sizeof(path));

    /* A machine may have no such hierarchy. */
    ck_assert(r == 0 || r == -ENOENT);
    ck_assert_int_eq(cgroup_tree_find(true, small, 1), r == 0 ? -ENAMETOOLONG : -ENOENT);
    ck_assert_str_eq(small, "x");
    ck_assert(r < 0 || path[0] == '/');
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("cgroup_tree", set_up, tear_down);

    tcase_add_test(tcase, numbers_by_their_keys);
    tcase_add_test(tcase, words_in_lists);
    tcase_add_test(tcase, values_are_written_to_what_is_there);
    tcase_add_test(tcase, who_is_left_is_waited_for);
    tcase_add_test(tcase, a_path_that_does_not_fit);
    return suite_run();
}

/* layers: run core base */
/* extra: tests/support/text.c */
#include "daemon/run/trusted.h"

#include "tests/support/suite.h"
#include "tests/support/text.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *base, *directory, *file;

static void setup(void)
{
    char *made = text_print("%s/trusted.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");

    ck_assert_ptr_nonnull(mkdtemp(made));
    base = realpath(made, NULL);
    free(made);
    directory = text_print("%s/directory", base);
    file = text_print("%s/file", directory);
    ck_assert_int_eq(mkdir(directory, 0755), 0);
    int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    close(fd);
    chmod(directory, 0755);
    chmod(file, 0644);
}

static void teardown(void)
{
    chmod(base, 0700);
    unlink(file);
    rmdir(directory);
    rmdir(base);
    free(base);
    free(directory);
    free(file);
}

static void check_reason(const char *path, bool is_directory, uid_t uid, const char *reason)
{
    struct distrust distrust = {.reason = ""};

    ck_assert_int_eq(trusted_path(path, is_directory, uid, &distrust), -EPERM);
    ck_assert_msg(strncmp(distrust.reason, reason, strlen(reason)) == 0, "%s", distrust.reason);
}

START_TEST(what_is_ours_is_trusted)
{
    struct distrust distrust;

    ck_assert_int_eq(trusted_path(file, false, geteuid(), &distrust), 0);
    ck_assert_int_eq(trusted_path(directory, true, geteuid(), &distrust), 0);
    ck_assert_int_eq(trusted_path("/", true, geteuid(), &distrust), 0);
}
END_TEST

START_TEST(what_is_not_there)
{
    struct distrust distrust;
    char *missing = text_print("%s/missing", directory);

    ck_assert_int_eq(trusted_path(missing, false, geteuid(), &distrust), -ENOENT);
    ck_assert_int_eq(trusted_path("relative", false, geteuid(), &distrust), -EINVAL);
    free(missing);
}
END_TEST

START_TEST(kinds)
{
    char *link = text_print("%s/link", base);

    check_reason(directory, false, geteuid(), "is no regular file (user ");
    check_reason(file, true, geteuid(), "is no directory (user ");
    /* Whoever resolves links names what they lead to. */
    ck_assert_int_eq(symlink(file, link), 0);
    check_reason(link, false, geteuid(), "is no regular file (user ");
    unlink(link);
    free(link);
}
END_TEST

START_TEST(writable_for_more_than_the_owner)
{
    struct distrust distrust;
    char *text;

    chmod(file, 0664);
    check_reason(file, false, geteuid(), "is writable by its group (user ");
    chmod(file, 0646);
    check_reason(file, false, geteuid(), "is writable by others (user ");
    chmod(file, 0644);
    chmod(directory, 0775);
    check_reason(directory, true, geteuid(), "is writable by its group (user ");
    chmod(directory, 01757); /* others could add files of their own */
    check_reason(directory, true, geteuid(), "is writable by others (user ");
    text = text_print("%s above it is writable by others (user ", directory);
    chmod(directory, 0757);
    check_reason(file, false, geteuid(), text);
    chmod(directory, 01777); /* but not take away those that are there */
    ck_assert_int_eq(trusted_path(file, false, geteuid(), &distrust), 0);
    free(text);
    text = text_print("%s above it is writable by its group (user ", base);
    chmod(base, 0770);
    check_reason(file, false, geteuid(), text);
    free(text);
}
END_TEST

START_TEST(owners)
{
    uid_t other = geteuid() + 1;
    struct distrust distrust;

    if (geteuid() == 0) {
        ck_assert_int_eq(trusted_path(file, false, other, &distrust), 0);
        ck_assert_int_eq(chown(file, 4711, -1), 0);
    }
    check_reason(file, false, other, "belongs to neither root nor the daemon's user (user ");
    if (geteuid() == 0) {
        ck_assert_int_eq(trusted_path(file, false, 4711, &distrust), 0);
        ck_assert_int_eq(chown(file, 0, -1), 0);
        ck_assert_int_eq(chown(directory, 4711, -1), 0);
        char *text = text_print("%s above it belongs to neither root", directory);
        check_reason(file, false, 0, text);
        free(text);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("trusted", setup, teardown);

    tcase_add_test(tcase, what_is_ours_is_trusted);
    tcase_add_test(tcase, what_is_not_there);
    tcase_add_test(tcase, kinds);
    tcase_add_test(tcase, writable_for_more_than_the_owner);
    tcase_add_test(tcase, owners);
    return suite_run();
}

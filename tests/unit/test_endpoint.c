/* layers: proto */
#include "proto/endpoint.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/suite.h"

#define NOBODY 65534

static char path[256];

static void fresh_environment(void)
{
    strcpy(path, "untouched");
    unsetenv("FUTURE_SOCKET");
    unsetenv("XDG_RUNTIME_DIR");
}

static void expect(const char *given, int use_environment, const char *expected)
{
    ck_assert_int_eq(endpoint_path(given, use_environment, path, sizeof(path)), 0);
    ck_assert_str_eq(path, expected);
}

/* Each test is a process of its own, so it may give its rights away. It stays one that a leak
 * checker may look into. */
static void stop_being_root(void)
{
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(NOBODY), 0);
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

static void be_root_again(void)
{
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

START_TEST(what_is_given_wins)
{
    setenv("FUTURE_SOCKET", "/from/environment", 1);
    setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
    expect("/given.sock", 1, "/given.sock");
    expect("relative.sock", 0, "relative.sock");
}
END_TEST

START_TEST(the_environment_is_next_where_asked_for)
{
    setenv("FUTURE_SOCKET", "/from/environment", 1);
    expect(NULL, 1, "/from/environment");
    stop_being_root();
    setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
    expect(NULL, 0, "/run/user/1/futured/futured.sock");
    setenv("FUTURE_SOCKET", "", 1);
    expect(NULL, 1, "/run/user/1/futured/futured.sock");
}
END_TEST

START_TEST(root_has_its_own_place)
{
    setenv("XDG_RUNTIME_DIR", "/run/user/0", 1);
    if (geteuid() == 0)
        expect(NULL, 1, "/run/futured/futured.sock");
}
END_TEST

START_TEST(the_last_resort_names_the_user)
{
    char expected[64];

    stop_being_root();
    snprintf(expected, sizeof(expected), "/tmp/futured-%u/futured.sock", (unsigned)geteuid());
    expect(NULL, 1, expected);
    setenv("XDG_RUNTIME_DIR", "", 1);
    expect(NULL, 1, expected);
    setenv("XDG_RUNTIME_DIR", "not/absolute", 1);
    expect(NULL, 1, expected);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    struct sockaddr_un address;
    char longest[sizeof(address.sun_path) + 1];

    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(address.sun_path)] = '\0';
    ck_assert_int_eq(endpoint_path(longest, 0, path, sizeof(path)), -ENAMETOOLONG);
    ck_assert_int_eq(endpoint_path("/four", 0, path, 5), -ENAMETOOLONG);
    ck_assert_int_eq(endpoint_path("/four", 0, path, 0), -ENAMETOOLONG);
    ck_assert_int_eq(endpoint_path("", 1, path, sizeof(path)), -EINVAL);
    setenv("FUTURE_SOCKET", longest, 1);
    ck_assert_int_eq(endpoint_path(NULL, 1, path, sizeof(path)), -ENAMETOOLONG);
    ck_assert_str_eq(path, "untouched");
    longest[sizeof(address.sun_path) - 1] = '\0';
    expect(longest, 0, longest);
    ck_assert_int_eq(endpoint_path("/four", 0, path, 6), 0);
    ck_assert_str_eq(path, "/four");
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("endpoint", fresh_environment, be_root_again);

    tcase_add_test(tests, what_is_given_wins);
    tcase_add_test(tests, the_environment_is_next_where_asked_for);
    tcase_add_test(tests, root_has_its_own_place);
    tcase_add_test(tests, the_last_resort_names_the_user);
    tcase_add_test(tests, what_does_not_fit_is_refused);
    return suite_run();
}

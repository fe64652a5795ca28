/* layers: base */
#include "daemon/base/fd.h"

#include <check.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/suite.h"

static int open_low(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_lt(fd, 200);
    return fd;
}

START_TEST(a_lifted_one_leaves_its_number_free)
{
    int low = open_low();
    int lifted = fd_lift(low);

    ck_assert_int_ge(lifted, 200);
    ck_assert_int_eq(fcntl(lifted, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(open_low(), low);
    /* Once more it goes no lower. */
    ck_assert_int_gt(fd_lift(lifted), lifted);
    ck_assert_int_eq(fcntl(lifted, F_GETFD), -1);
}
END_TEST

START_TEST(where_nothing_higher_is_allowed_it_stays)
{
    struct rlimit few;
    int low = open_low();

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &few), 0);
    few.rlim_cur = 200;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    ck_assert_int_eq(fd_lift(low), low);
    ck_assert_int_eq(fcntl(low, F_GETFD), FD_CLOEXEC);
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("fd", NULL, NULL);

    tcase_add_test(tcase, a_lifted_one_leaves_its_number_free);
    tcase_add_test(tcase, where_nothing_higher_is_allowed_it_stays);
    return suite_run();
}

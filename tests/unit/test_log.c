/* layers: base */
#include "daemon/base/log.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static int read_fd, saved_stderr;

static void set_up(void)
{
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
    read_fd = fds[0];
}

/* All that was logged; stderr is given back. */
static const char *logged(void)
{
    static char text[8192];
    size_t size = 0;
    ssize_t r;

    dup2(saved_stderr, STDERR_FILENO);
    while ((r = read(read_fd, text + size, sizeof(text) - 1 - size)) > 0)
        size += (size_t)r;
    text[size] = '\0';
    return text;
}

START_TEST(levels_have_names)
{
    enum log_level level = LOG_LEVEL_INFO;

    ck_assert_int_eq(log_level_parse("error", &level), 0);
    ck_assert_int_eq(level, LOG_LEVEL_ERROR);
    ck_assert_int_eq(log_level_parse("warning", &level), 0);
    ck_assert_int_eq(level, LOG_LEVEL_WARNING);
    ck_assert_int_eq(log_level_parse("info", &level), 0);
    ck_assert_int_eq(level, LOG_LEVEL_INFO);
    ck_assert_int_eq(log_level_parse("debug", &level), 0);
    ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
    ck_assert_int_eq(log_level_parse("Debug", &level), -EINVAL);
    ck_assert_int_eq(log_level_parse("", &level), -EINVAL);
    ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
}
END_TEST

START_TEST(message_is_one_line_with_its_level)
{
    log_error("%s has %d", "disk", 3);
    log_warning("two");
    ck_assert_str_eq(logged(), "test_log: error: disk has 3\ntest_log: warning: two\n");
}
END_TEST

START_TEST(level_filters)
{
    log_debug("not at first");
    log_set_level(LOG_LEVEL_WARNING);
    log_info("not now");
    log_warning("now");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("all");
    ck_assert_str_eq(logged(), "test_log: warning: now\ntest_log: debug: all\n");
}
END_TEST

START_TEST(controls_cannot_forge_a_line)
{
    log_info("a\nerror: b\x1b[31m\x7f");
    ck_assert_str_eq(logged(), "test_log: info: a?error: b?[31m?\n");
}
END_TEST

START_TEST(long_message_is_cut)
{
    char message[5000];
    const char *text;

    memset(message, 'x', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    log_info("%s", message);
    text = logged();
    ck_assert_uint_le(strlen(text), 1024);
    ck_assert_uint_gt(strlen(text), 1000);
    ck_assert_str_eq(text + strlen(text) - 5, "x...\n");
}
END_TEST

START_TEST(errno_is_kept)
{
    errno = ENOENT;
    log_info("%m");
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_str_eq(logged(), "test_log: info: No such file or directory\n");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("log");
    Suite *suite = suite_create("log");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, levels_have_names);
    tcase_add_test(tcase, message_is_one_line_with_its_level);
    tcase_add_test(tcase, level_filters);
    tcase_add_test(tcase, controls_cannot_forge_a_line);
    tcase_add_test(tcase, long_message_is_cut);
    tcase_add_test(tcase, errno_is_kept);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

/* layers: base */
#include "daemon/base/log.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/suite.h"

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

START_TEST(a_level_is_on_or_not)
{
    ck_assert(log_is_on(LOG_LEVEL_INFO));
    ck_assert(!log_is_on(LOG_LEVEL_DEBUG));
    log_set_level(LOG_LEVEL_ERROR);
    ck_assert(log_is_on(LOG_LEVEL_ERROR));
    ck_assert(!log_is_on(LOG_LEVEL_WARNING));
    ck_assert_str_eq(log_level_name(LOG_LEVEL_DEBUG), "debug");
}
END_TEST

START_TEST(too_many_are_left_out_and_counted)
{
    const uint64_t hour_ns = UINT64_C(3600000000000);
    log_set_rate(2, hour_ns);
    for (int i = 1; i <= 5; i++)
        log_info("message %d", i);
    log_error("another level");
    log_set_rate(2, 1); /* the hour is over */
    log_info("later");
    ck_assert_str_eq(logged(),
                     "test_log: info: message 1\n"
                     "test_log: info: message 2\n"
                     "test_log: error: another level\n"
                     "test_log: info: 3 messages of this level were left out: too many at once\n"
                     "test_log: info: later\n");
}
END_TEST

START_TEST(without_a_rate_all_are_written)
{
    log_set_rate(1, UINT64_C(3600000000000));
    log_set_rate(0, 1);
    log_info("a");
    log_info("b");
    ck_assert_str_eq(logged(), "test_log: info: a\ntest_log: info: b\n");
}
END_TEST

START_TEST(what_somebody_waits_for_is_always_written)
{
    log_set_level(LOG_LEVEL_ERROR);
    log_set_rate(1, UINT64_C(3600000000000));
    log_error("one");
    log_error("two");
    log_always("ready %s", "now");
    ck_assert_str_eq(logged(), "test_log: error: one\ntest_log: ready now\n");
}
END_TEST

static struct log_record seen;
static char seen_message[100];

static void see(const struct log_record *record)
{
    seen = *record;
    snprintf(seen_message, sizeof(seen_message), "%s", record->message);
}

START_TEST(a_sink_gets_the_whole_record)
{
    const struct log_subject subject = {
        .future = 17, .pool = "gpu", .fn = "exec", .exception = "ExitStatus"};
    log_set_sink(see);
    log_about(&subject, LOG_LEVEL_WARNING, "line\nbreak %d", 1);
    ck_assert_int_eq(seen.level, LOG_LEVEL_WARNING);
    ck_assert_str_eq(seen_message, "line?break 1");
    ck_assert_uint_eq(seen.subject.future, 17);
    ck_assert_str_eq(seen.subject.pool, "gpu");
    ck_assert_str_eq(seen.subject.fn, "exec");
    ck_assert_str_eq(seen.subject.exception, "ExitStatus");
    log_info("plain");
    ck_assert_uint_eq(seen.subject.future, 0);
    ck_assert_ptr_null(seen.subject.pool);
    log_set_sink(NULL);
    log_about(&subject, LOG_LEVEL_INFO, "to stderr");
    ck_assert_str_eq(logged(), "test_log: info: to stderr\n");
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("log", set_up, NULL);

    tcase_add_test(tcase, levels_have_names);
    tcase_add_test(tcase, message_is_one_line_with_its_level);
    tcase_add_test(tcase, level_filters);
    tcase_add_test(tcase, controls_cannot_forge_a_line);
    tcase_add_test(tcase, long_message_is_cut);
    tcase_add_test(tcase, errno_is_kept);
    tcase_add_test(tcase, a_level_is_on_or_not);
    tcase_add_test(tcase, too_many_are_left_out_and_counted);
    tcase_add_test(tcase, without_a_rate_all_are_written);
    tcase_add_test(tcase, what_somebody_waits_for_is_always_written);
    tcase_add_test(tcase, a_sink_gets_the_whole_record);
    return suite_run();
}

/* layers: run core base */
#include "daemon/run/handler_argv.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

/* `wanted`: the words, NULL-ended. */
static void check_split(const char *text, const char *const wanted[])
{
    const char *why = "";
    char **argv;
    size_t i;

    ck_assert_msg(handler_argv_split(text, &argv, &why) == 0, "%s: %s", text, why);
    for (i = 0; wanted[i] && argv[i]; i++)
        ck_assert_str_eq(argv[i], wanted[i]);
    ck_assert_msg(!wanted[i] && !argv[i], "%s: not %zu words", text, i);
    free(argv);
}

static void check_refused(const char *text, const char *wanted)
{
    const char *why = "";
    char **argv = NULL;

    ck_assert_int_eq(handler_argv_split(text, &argv, &why), -EINVAL);
    ck_assert_str_eq(why, wanted);
    ck_assert_ptr_null(argv);
}

START_TEST(words_are_parted_by_white_space)
{
    check_split("a", (const char *[]){"a", NULL});
    check_split("  python3  /srv/resize.py\t-v\n",
                (const char *[]){"python3", "/srv/resize.py", "-v", NULL});
    check_split("a b c d e f g", (const char *[]){"a", "b", "c", "d", "e", "f", "g", NULL});
}
END_TEST

START_TEST(quotes_keep_words_together)
{
    check_split("'a b' \"c d\"", (const char *[]){"a b", "c d", NULL});
    check_split("a'b c'd\"e f\"", (const char *[]){"ab cde f", NULL});
    check_split("x '' \"\"", (const char *[]){"x", "", "", NULL});
    check_split("'a\"b' \"c'd\"", (const char *[]){"a\"b", "c'd", NULL});
    check_split("'a\\'", (const char *[]){"a\\", NULL});
}
END_TEST

START_TEST(a_backslash_takes_the_meaning_away)
{
    check_split("a\\ b \\'c \\\\", (const char *[]){"a b", "'c", "\\", NULL});
    check_split("\"a\\\"b\\\\c\\nd\"", (const char *[]){"a\"b\\c\\nd", NULL});
}
END_TEST

START_TEST(nothing_is_expanded)
{
    check_split("$HOME `id` *.c ~ # $(x); a|b>c&",
                (const char *[]){"$HOME", "`id`", "*.c", "~", "#", "$(x);", "a|b>c&", NULL});
}
END_TEST

START_TEST(what_is_no_command_line_is_refused)
{
    check_refused("", "there is no program");
    check_refused(" \t ", "there is no program");
    check_refused("'' a", "there is no program");
    check_refused("a 'b", "a quote is not closed");
    check_refused("a \"b'", "a quote is not closed");
    check_refused("a \"b\\\"", "a quote is not closed");
    check_refused("a \\", "a backslash at the end");
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("handler_argv", NULL, NULL);

    tcase_add_test(tcase, words_are_parted_by_white_space);
    tcase_add_test(tcase, quotes_keep_words_together);
    tcase_add_test(tcase, a_backslash_takes_the_meaning_away);
    tcase_add_test(tcase, nothing_is_expanded);
    tcase_add_test(tcase, what_is_no_command_line_is_refused);
    return suite_run();
}

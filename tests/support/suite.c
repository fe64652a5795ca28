#include "tests/support/suite.h"

#include <stdlib.h>

/* For one that hangs: every wait in a test has a deadline of its own, which comes first. */
#define TEST_TIMEOUT_S 60

static Suite *suite;

TCase *suite_tests(const char *name, SFun setup, SFun teardown)
{
    TCase *tests = tcase_create(name);

    if (!suite)
        suite = suite_create(name);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, TEST_TIMEOUT_S);
    suite_add_tcase(suite, tests);
    return tests;
}

int suite_run(void)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner); /* with the suite */
    suite = NULL;
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

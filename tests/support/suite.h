/* The main of a program of tests: makes its suite, runs it, and gives the exit status. One thread.
 */
#ifndef FUTURED_TESTS_SUITE_H
#define FUTURED_TESTS_SUITE_H

#include <check.h>

/* Tests to be added to with tcase_add_test: each in a process of its own, with `setup` before and
 * `teardown` behind it (NULL: none). The first call names the suite, too. */
TCase *suite_tests(const char *name, SFun setup, SFun teardown);
/* Runs all that suite_tests has made. Returns main's status. */
int suite_run(void);

#endif

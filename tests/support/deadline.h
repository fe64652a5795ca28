/* The one bound on waiting in the tests. It is there so that a defect fails a test and does not
 * hang it: no test passes because time went by. Single-threaded tests only. */
#ifndef FUTURED_TESTS_DEADLINE_H
#define FUTURED_TESTS_DEADLINE_H

/* Milliseconds that a test waits at most for something that ought to happen: 20 s, more where
 * CK_TIMEOUT_MULTIPLIER says that the programs are slow. */
int deadline_ms(void);

/* Returns when `fd` is ready for `events` (of poll) or hung up. Fails the test, saying that it
 * waited for `what`, when the deadline comes first. */
void deadline_wait(int fd, short events, const char *what);

/* How many times less a test should do where the programs are instrumented and slow: 1 if not. */
unsigned int test_slowness(void);

#endif

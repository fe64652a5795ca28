/* Memory, threads and descriptors that run out inside of a test: it is linked with --wrap for what
 * is made to fail (see the Makefile). Any thread may allocate; the functions are for the test's
 * own, which is the loop's. */
#ifndef FUTURED_TESTS_SHORTAGE_H
#define FUTURED_TESTS_SHORTAGE_H

#include <stdbool.h>

/* Who is hit: the loop's thread, or all others. Each is counted alone, so that a number always
 * means the same place in the loop's. */
enum shortage_victim { SHORTAGE_NOBODY, SHORTAGE_LOOP, SHORTAGE_WORKERS };

/* Before all else, in the loop's thread. */
void shortage_init(void);
/* After so many successes the next one fails, or (not `only_once`) all that follow until the end.
 */
void shortage_begin(enum shortage_victim who, int successes, bool only_once);
void shortage_end(void);
/* Whether anything has failed since it began. */
bool shortage_was_felt(void);

#endif

/* The functions that need no process: `sleep` and `echo`, for tests and benchmarks. The descriptor
 * functions are for any thread; what they describe is called as runner.h says. */
#ifndef FUTURED_RUN_NATIVE_H
#define FUTURED_RUN_NATIVE_H

struct function;

/* `sleep`: args {"seconds": real >= 0}, result null; wakes at once when a stop is asked for. */
const struct function *native_sleep(void);

/* `echo`: any args, which are the result, {} where there are none. */
const struct function *native_echo(void);

#endif

/* What becomes of the [function NAME] sections: the check of their values, and the handlers. One
 * thread. */
#ifndef FUTURED_CONFIG_FUNCTION_H
#define FUTURED_CONFIG_FUNCTION_H

#include <stdbool.h>

#include "daemon/config.h"

struct function;
struct handlers;

/* Whether a handler can be made of it. 0; -EINVAL with *ret_error; -ENOMEM. */
int config_function_check(const struct config *config, const struct config_function *function,
                          struct config_error *ret_error);

/* Whether both say the same. */
bool config_function_equal(const struct config_function *a, const struct config_function *b);

/* Makes the handler, which belongs to the set. The same returns. */
int config_function_make(const struct config *config, const struct config_function *function,
                         struct handlers *handlers, const struct function **ret_function,
                         struct config_error *ret_error);

#endif

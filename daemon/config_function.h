/* What becomes of the [function NAME] sections: the check of their values, and the handlers. One
 * thread. */
#ifndef FUTURED_CONFIG_FUNCTION_H
#define FUTURED_CONFIG_FUNCTION_H

#include "daemon/config.h"

struct function;
struct handlers;

/* Whether a handler can be made of it. 0; -EINVAL with *ret_error; -ENOMEM. */
int config_function_check(const struct config_function *function, struct config_error *ret_error);

/* Makes the handler, which belongs to the set. The same returns. */
int config_function_make(const struct config_function *function, struct handlers *handlers,
                         const struct function **ret_function, struct config_error *ret_error);

#endif

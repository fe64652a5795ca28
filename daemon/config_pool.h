/* The [pool NAME] sections: their keys, and what only a whole section can tell. One thread. */
#ifndef FUTURED_CONFIG_POOL_H
#define FUTURED_CONFIG_POOL_H

#include <stdbool.h>

#include "daemon/config.h"

/* The pool's settings, made with the defaults if it is not there yet. NULL: no memory. */
struct config_pool *config_pool(struct config *config, const char *name);

/* Sets one key of that pool; `continues`: the value goes on in a further line. 0 or -EINVAL with
 * the error. */
int config_pool_set(struct config *config, const char *name, const char *key, const char *value,
                    bool continues, struct config_error *error);

/* What only the whole section can tell. 0; -EINVAL with the error; -ENOMEM. */
int config_pool_check(const struct config *config, const struct config_pool *pool,
                      struct config_error *error);

/* Whether both say the same. */
bool config_pool_equal(const struct config_pool *a, const struct config_pool *b);

#endif

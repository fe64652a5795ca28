/* The settings of a handler as JSON text, so that a worker elsewhere can make the same function:
 * what is checked (doc and params) stays behind, as the daemon has done that. Any thread. */
#ifndef FUTURED_RUN_HANDLER_RECIPE_H
#define FUTURED_RUN_HANDLER_RECIPE_H

#include <stddef.h>

#include "daemon/run/handler.h"

/* *ret_text is malloc'd and the caller's. 0 or -ENOMEM. */
int handler_recipe_write(const struct handler_settings *settings, char **ret_text);

/* Settings read back; zeroed memory is empty. */
struct handler_recipe {
    struct handler_settings settings; /* what it points to lies in here */
    char **argv;
    char *init;
    void *tree;
};

/* `name` is borrowed. 0; -EINVAL where it is no such text; -ENOMEM. */
int handler_recipe_read(const char *name, const char *text, size_t size,
                        struct handler_recipe *ret_recipe);
void handler_recipe_clear(struct handler_recipe *recipe);

#endif

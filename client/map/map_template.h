/* A command with `{}`, `{.}`, `{/}`, `{//}`, `{/.}`, `{#}`, `{1}`, `{2/.}` and the like in it. The
 * daemon knows `{}` and `{N}` only: so each form that occurs becomes one part of the item that is
 * sent, and the command is rewritten to these parts. No I/O. One thread. */
#ifndef FUTURED_CLIENT_MAP_TEMPLATE_H
#define FUTURED_CLIENT_MAP_TEMPLATE_H

#include <stdint.h>

#include "client/map/map_value.h"
#include "proto/writer.h"

struct map_template;

/* `parts` is of how many parts the items are, 0 where that is not known; `named`: they may be JSON
 * objects, and `{name}` stands for a member. A word that is just `{}` becomes as many words as
 * there are parts, and where nothing of all that is in the command it is added at the end. argv is
 * borrowed. 0 or -ENOMEM. */
int map_template_new(char **argv, size_t argc, size_t parts, bool named,
                     struct map_template **ret_template);
/* No command, but a function that gets the items as they are; `fn` is borrowed. 0 or -ENOMEM. */
int map_template_of_function(const char *fn, struct map_template **ret_template);
/* Takes NULL. */
void map_template_free(struct map_template *template);

/* The command as the daemon gets it; borrowed. */
char **map_template_argv(const struct map_template *template, size_t *ret_argc);

/* The item as the daemon gets it; `sequence` counts from 1. */
void map_template_write(const struct map_template *template, const struct map_value *value,
                        uint64_t sequence, struct writer *writer);
/* The command of this item as a shell would take it, without a line feed at the end. */
void map_template_command(const struct map_template *template, const struct map_value *value,
                          uint64_t sequence, struct writer *writer);

#endif

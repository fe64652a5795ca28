/* What the server does about plugins: joins their loader with the executor and the log. Loop thread
 * only. */
#ifndef FUTURED_SERVER_PLUGINS_H
#define FUTURED_SERVER_PLUGINS_H

#include <stddef.h>

struct executor;
struct plugins;

/* Loads the plugins of these directories (NULL: none, and *ret_plugins is NULL). What cannot be
 * loaded is logged and does not stop the others. The executor must end before the plugins do. 0 or
 * -errno. */
int server_plugins_new(const char *directories, size_t result_bytes, struct executor *executor,
                       struct plugins **ret_plugins);

/* Loads what is new in the directories. NULL: does nothing. */
void server_plugins_reload(struct plugins *plugins);

#endif

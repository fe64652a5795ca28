/* Starts a daemon where there is none, as Task Spooler starts its server. One thread. */
#ifndef FUTURED_CLIENT_TSP_START_H
#define FUTURED_CLIENT_TSP_START_H

#include <stdbool.h>

/* For the socket at `path`, with its state in the directory `path`.state. NULL, the default place,
 * is left to `future`, which knows when a daemon is ours to start. True where one listens now, or
 * may: try to connect again. */
bool start_daemon_for(const char *path);

#endif

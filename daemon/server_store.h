/* Which store the daemon has, and where it lies. Loop thread only. */
#ifndef FUTURED_SERVER_STORE_H
#define FUTURED_SERVER_STORE_H

struct config;
struct leftovers;
struct loop;
struct store;

/* The store that the configuration wants, and where to write processes down: NULL where nothing
 * survives the daemon. What an earlier daemon has left running is ended. 0 or -errno, and the log
 * has said why. */
int server_store_open(const struct config *config, struct loop *loop, struct store **ret_store,
                      struct leftovers **ret_leftovers);

#endif

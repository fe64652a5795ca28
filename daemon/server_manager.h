/* What the service manager is told of the daemon, by sd_notify: that it is ready, reloading or
 * stopping, what it is doing, and that it lives. Does nothing where there is no service manager,
 * and wakes nobody up then. Loop thread only. */
#ifndef FUTURED_SERVER_MANAGER_H
#define FUTURED_SERVER_MANAGER_H

#include <stdint.h>

struct executor;
struct manager;
struct store;
struct timers;

/* All are borrowed. Takes the variables out of the environment. 0 or -ENOMEM. */
int manager_new(struct executor *executor, struct store *store, struct timers *timers,
                struct manager **ret_manager);
/* Before the timers. NULL is allowed. */
void manager_free(struct manager *manager);

/* Clients can come: from here on the status and the watchdog are kept up. */
void manager_tell_ready(struct manager *manager);

/* The configuration is being read again; then manager_tell_reloaded, with what was wrong (NULL:
 * nothing), which stays in the status until the next time. */
void manager_tell_reloading(struct manager *manager);
void manager_tell_reloaded(struct manager *manager, const char *failure);

/* The end has begun, and may take so long. */
void manager_tell_stopping(struct manager *manager, uint64_t timeout_ms);

#endif

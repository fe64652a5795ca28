/* Which control groups jobs get, by the configuration and by what the service manager has
 * delegated. Loop thread only. */
#ifndef FUTURED_SERVER_CGROUPS_H
#define FUTURED_SERVER_CGROUPS_H

struct cgroups;
struct config;

/* Ends what an earlier daemon has left in them. *ret_cgroups is NULL where jobs get none. 0 or
 * -errno, and the log has said why. */
int server_cgroups_open(const struct config *config, struct cgroups **ret_cgroups);

/* Has the limits of the configuration in force for the jobs that start from now on, or says in the
 * log that they are not. `cgroups` may be NULL. 0 or -ENOTSUP. */
int server_cgroups_limit(struct cgroups *cgroups, const struct config *config);

#endif

#include "daemon/server_cgroups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/config.h"
#include "daemon/run/cgroup.h"

/* How long those that an earlier daemon has left may take to die. */
#define LEFTOVERS_MS 10000

int server_cgroups_limit(struct cgroups *cgroups, const struct config *config)
{
    struct cgroup_limits limits = {.memory_bytes = config->job_memory_max_bytes,
                                   .pids = config->job_pids_max};
    int r = limits.memory_bytes > 0 || limits.pids > 0 ? -ENOTSUP : 0;
    if (cgroups)
        r = cgroups_set_limits(cgroups, &limits);
    if (r < 0)
        log_warning("job_memory_max and job_pids_max are not in force: the service manager has not "
                    "delegated what that needs");
    return r;
}

static void complain(int r)
{
    if (r == -ENOENT)
        log_error("job_cgroups: no control group (cgroup v2) is at hand");
    else if (r == -EBUSY)
        log_error("job_cgroups: another daemon lives in this control group");
    else if (r == -ETIMEDOUT)
        log_error("jobs of an earlier daemon cannot be ended");
    else
        log_error("cannot have control groups for jobs: %s", strerror(-r));
}

int server_cgroups_open(const struct config *config, struct cgroups **ret_cgroups)
{
    bool insist = config->job_cgroups == CONFIG_YES;
    struct cgroups *cgroups = NULL;
    /* Said by our unit for users, where the manager itself does not mark the group. */
    bool ours = insist || getenv("FUTURED_DELEGATED");
    int r = config->job_cgroups == CONFIG_NO ? -ENOENT : cgroups_open(ours, LEFTOVERS_MS, &cgroups);
    if (r == 0)
        log_info("jobs run in control groups below %s", cgroups_path(cgroups));
    /* What was submitted to run but once must not run beside what is left of it. */
    else if (insist || r == -ETIMEDOUT)
        complain(r);
    else if (r != -ENOENT)
        log_warning("jobs run without control groups of their own: %s", strerror(-r));
    if (r < 0 && (insist || r == -ETIMEDOUT))
        return r;
    r = server_cgroups_limit(cgroups, config);
    if (r < 0 && insist) {
        cgroups_free(cgroups);
        return r;
    }
    *ret_cgroups = cgroups;
    return 0;
}

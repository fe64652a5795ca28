/* Control groups for jobs: where the service manager has delegated its group to us, each job runs
 * in a group of its own below it, so that nothing of it escapes a kill, memory and the number of
 * processes have limits, and what it leaves behind is known. A group serves one job after the
 * other, as making one costs more than starting a process. It does not start processes.
 *
 *     our group            no process, as a group that divides its resources may have none
 *       daemon             ourselves; locked as long as we live
 *       job-1, job-2 ..    a job each
 *
 * Opening, setting limits and freeing: one thread. Groups: any thread, each one thread at a time.
 */
#ifndef FUTURED_RUN_CGROUP_H
#define FUTURED_RUN_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroups;

/* The group of one job. */
struct cgroup;

/* Of each job. 0: none. */
struct cgroup_limits {
    uint64_t memory_bytes;
    uint64_t pids;
};

/* What a group knows when its job is over. */
struct cgroup_end {
    bool out_of_memory; /* something in it was killed for want of memory */
    bool left;          /* there are processes still, which nobody has killed */
    char names[120];    /* of some of them, for people: "1234 (sleep), 1240 (sh)"; else empty */
};

/* Moves this process into a group below its own, which was delegated (or `insist`: which it may
 * write to), and kills the jobs that an earlier daemon has left there, for which it waits up to
 * `timeout_ms`. 0; -ENOENT: there is none at hand; -EBUSY: another daemon lives in it; -ETIMEDOUT:
 * some live on; -errno. */
int cgroups_open(bool insist, unsigned timeout_ms, struct cgroups **ret_cgroups);
/* Removes the groups that are empty; those of jobs must have been given back. NULL is allowed. */
void cgroups_free(struct cgroups *cgroups);

/* For people: the directory of our group. */
const char *cgroups_path(const struct cgroups *cgroups);

/* For the jobs that start from now on. 0; -ENOTSUP: what a limit needs was not delegated, and no
 * job is limited by it. */
int cgroups_set_limits(struct cgroups *cgroups, const struct cgroup_limits *limits);

/* A group for a job that is about to be started; NULL in *ret_cgroup where `cgroups` is NULL, or
 * where none can be made and no limit asks for it. 0 or -errno. */
int cgroup_take(struct cgroups *cgroups, struct cgroup **ret_cgroup);

/* The group's directory; borrowed. */
int cgroup_fd(const struct cgroup *cgroup);

/* The file to which a process writes "0" that is to be in the group and was not born there;
 * borrowed. -1 for NULL, or where it cannot be opened. */
int cgroup_procs_fd(struct cgroup *cgroup);

/* Kills whoever is in it. NULL is allowed. */
void cgroup_kill(struct cgroup *cgroup);

/* Its job is over, or was never started: the group is for the next one. `killed`: by KILL, whoever
 * sent it. NULL is allowed, and has nothing to tell. */
void cgroup_give_back(struct cgroup *cgroup, bool killed, struct cgroup_end *ret_end);

#endif

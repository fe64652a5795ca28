/* The files of the control group hierarchy (cgroup v2): where the group of this process is, whether
 * it was handed to us, and what its files say. It makes no groups and knows nothing of jobs. Any
 * thread. */
#ifndef FUTURED_RUN_CGROUP_TREE_H
#define FUTURED_RUN_CGROUP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Finds the directory of this process' own group. Unless `insist`, only one that the service
 * manager has marked as ours (Delegate=) will do. 0; -ENOENT: there is none; -ENAMETOOLONG. */
int cgroup_tree_find(bool insist, char *ret_path, size_t size);

/* Writes a whole value. 0 or -errno. */
int cgroup_write(int directory_fd, const char *file, const char *text);

/* Whether a list of words ("cpu memory pids") in a file has that one. */
bool cgroup_lists(int directory_fd, const char *file, const char *word);

/* The number behind a key ("oom_kill 3") in an open file, which is read from its beginning. 0;
 * -ENOENT: no such key; -errno. */
int cgroup_count(int file_fd, const char *key, uint64_t *ret_count);

/* Waits up to `timeout_ms` until nobody is left in a group. 0; -ETIMEDOUT; -errno. */
int cgroup_wait_empty(int directory_fd, unsigned timeout_ms);

#endif

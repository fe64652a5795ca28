/* One child process: started in a session of its own, signalled as a group, reaped once. It knows
 * nothing of futures, of pipes or of what the output means. Any thread; a `struct process` belongs
 * to one thread at a time.
 *
 * The child shares the parent's memory until it executes (as vfork does), and its descriptors until
 * it takes the few that it needs; so a start costs the same in a small and in a huge daemon, and
 * what fails in the child is told to the caller. */
#ifndef FUTURED_RUN_PROCESS_H
#define FUTURED_RUN_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "daemon/run/cgroup.h"

/* Where a start can fail. */
enum process_step {
    PROCESS_STEP_CGROUP,
    PROCESS_STEP_CLONE,
    PROCESS_STEP_SESSION,
    PROCESS_STEP_STDIO,
    PROCESS_STEP_CHDIR,
    PROCESS_STEP_LIMIT,
    PROCESS_STEP_NICE,
    PROCESS_STEP_EXEC,
};

/* The name that people read: "exec". */
const char *process_step_name(enum process_step step);

struct leftover;
struct leftovers;

struct process_limit {
    int resource; /* RLIMIT_* */
    struct rlimit value;
};

/* What to start; everything is borrowed and must stay until process_spawn returns. */
struct process_spec {
    char *const *argv; /* at least one, NULL-ended; looked for in PATH as execvp does */
    char *const *envp; /* NULL-ended; its PATH is the one that counts */
    const char *cwd;   /* NULL: the parent's */
    int stdio[3];      /* become 0, 1 and 2; the same descriptor may be given twice */
    const struct process_limit *limits;
    size_t limit_count;
    bool set_nice;
    int nice;                    /* -20..19 */
    uint64_t reset_signals;      /* as process_signals_to_reset says */
    struct leftovers *leftovers; /* where to write the process down; NULL: nowhere */
    struct cgroups *cgroups;     /* of which it gets one; NULL: it stays in ours */
    bool ends_itself;            /* it ends when the daemon does, and is given time for that */
};

/* A started process. From process_spawn to process_reap its pid, which is also its group's and its
 * session's id, cannot be given to another process, not even after it has exited. */
struct process {
    pid_t pid;
    int pidfd;                 /* polls readable when the process has exited */
    struct leftover *leftover; /* where it is written down; NULL: nowhere */
    struct cgroup *cgroup;     /* its own; NULL: none */
};

struct process_exit {
    int exit_code;     /* meaningful if signal_number is 0 */
    int signal_number; /* that killed it, or 0 */
    struct rusage usage;
    struct cgroup_end cgroup; /* zeroed where it had no group of its own */
};

#define PROCESS_SIGNAL_NAME_BYTES 24

/* The name of a signal as people know it: "SIGKILL". */
void process_signal_name(int number, char ret_name[PROCESS_SIGNAL_NAME_BYTES]);

/* The signals that a child has to set back to their default, as a mask: bit 0 is signal 1. To be
 * called once, when the parent has set up most of its own signals, instead of asking for all 64 at
 * each start. */
uint64_t process_signals_to_reset(void);

/* Starts the process and returns when it executes the new program. 0; or -errno, *ret_failed_step
 * then says where, and no process is left. The child has no descriptor but 0-2, default signals
 * and an empty signal mask. */
int process_spawn(const struct process_spec *spec, struct process *ret_process,
                  enum process_step *ret_failed_step);

/* Sends a signal to every process of the group, and KILL to all of its cgroup as well. Not after
 * process_reap. 0 or -errno. */
int process_signal_group(const struct process *process, int signal_number);

/* Waits for the exit, takes the status and the resource usage and closes the pidfd; the process is
 * gone afterwards, even on failure. 0 or -errno. */
int process_reap(struct process *process, struct process_exit *ret_exit);

#endif

#include "daemon/run/process.h"

#include "daemon/base/fd.h"
#include "daemon/run/clone3.h"
#include "daemon/run/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The search path of an environment that has no PATH. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define CHILD_STACK_BYTES 16384
#define NEVER_EXECUTED    127

/* The kernel's idea of a signal set, which is smaller than the C library's. */
#define KERNEL_SIGSET_BYTES (_NSIG / 8)

/* Code that runs in the child while it shares the memory of a process with threads: it makes only
 * raw system calls, since a function of the C library may take a lock that another thread holds or
 * be watched by a sanitizer, whose books about this thread must not see a function that is entered
 * and never left. */
#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define IN_CHILD __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef IN_CHILD
#define IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))
#endif

static const char *const step_names[] = {
    [PROCESS_STEP_CGROUP] = "cgroup",   [PROCESS_STEP_CLONE] = "clone",
    [PROCESS_STEP_SESSION] = "session", [PROCESS_STEP_STDIO] = "stdio",
    [PROCESS_STEP_CHDIR] = "chdir",     [PROCESS_STEP_LIMIT] = "limit",
    [PROCESS_STEP_NICE] = "nice",       [PROCESS_STEP_EXEC] = "exec",
};

const char *process_step_name(enum process_step step)
{
    return step_names[step];
}

void process_signal_name(int number, char ret_name[PROCESS_SIGNAL_NAME_BYTES])
{
    const char *abbreviation = sigabbrev_np(number);

    if (abbreviation)
        snprintf(ret_name, PROCESS_SIGNAL_NAME_BYTES, "SIG%s", abbreviation);
    else
        snprintf(ret_name, PROCESS_SIGNAL_NAME_BYTES, "SIGRTMIN+%d", number - SIGRTMIN);
}

/* What parent and child share. The parent stands still while the child writes into it. */
struct child {
    const struct process_spec *spec;
    const char *candidates; /* to try in order: strings end to end, then an empty one */
    enum process_step step;
    int error;                /* positive errno of the step that failed */
    _Atomic int32_t *ret_pid; /* NULL: not wanted */
    int cgroup_fd;            /* where to enter its cgroup; -1: it has none, or is in it */
};

/* The C library's clone under its other name. Under the first one the thread sanitizer's own is
 * found, which takes every clone for a fork with a memory of its own. */
int clone_raw(int (*fn)(void *), void *stack, int flags, void *arg, ...) __asm__("__clone");

IN_CHILD static inline uint64_t signal_bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

/* --- in the child -------------------------------------------------------------------------- */

IN_CHILD static int default_signals(uint64_t signals)
{
    /* SIG_DFL, no flags and an empty mask are zeros in every layout of the kernel's structure. */
    static const unsigned long default_action[8];

    for (int number = 1; number < _NSIG; number++) {
        if ((signals & signal_bit(number)) == 0)
            continue;
        if (syscall(SYS_rt_sigaction, number, default_action, NULL, KERNEL_SIGSET_BYTES) < 0)
            return errno;
    }
    return 0;
}

/* Makes a copy of the table of descriptors, which is the parent's until then, as far as the child
 * still has a use for it: what lies higher, such as thousands of clients, would be copied only to
 * be closed. Where the clone has made a copy already it is cut off there. */
IN_CHILD static int unshare_descriptors(const int wanted[3])
{
    int highest = wanted[0];

    for (int i = 1; i < 3; i++)
        highest = wanted[i] > highest ? wanted[i] : highest;
    if (syscall(SYS_close_range, (unsigned)highest + 1, ~0U, CLOSE_RANGE_UNSHARE) < 0)
        return errno;
    return 0;
}

IN_CHILD static int install_stdio(const int wanted[3])
{
    long fds[3];

    for (int i = 0; i < 3; i++) {
        fds[i] = wanted[i];
        /* Out of the way of the dup3 calls below, and never a dup onto itself, which would leave
         * close-on-exec set. */
        if (fds[i] < 3)
            fds[i] = syscall(SYS_fcntl, wanted[i], F_DUPFD_CLOEXEC, 3);
        if (fds[i] < 0)
            return errno;
    }
    for (int i = 0; i < 3; i++) {
        if (syscall(SYS_dup3, fds[i], i, 0) < 0)
            return errno;
    }
    /* Not left to the exec, which takes its time: the ends of other jobs' pipes are among them, and
     * what a library opened without close-on-exec. */
    if (syscall(SYS_close_range, 3U, ~0U, 0) < 0)
        return errno;
    return 0;
}

IN_CHILD static int set_limits(const struct process_spec *spec)
{
    for (size_t i = 0; i < spec->limit_count; i++) {
        const struct process_limit *limit = &spec->limits[i];

        /* prlimit64 has 64-bit members, as struct rlimit has where _FILE_OFFSET_BITS is 64. */
        if (syscall(SYS_prlimit64, 0, limit->resource, &limit->value, NULL) < 0)
            return errno;
    }
    return 0;
}

/* Tries the candidates by the rules of execvp, except that a file without a known format is not
 * handed to a shell. Returns the errno of the failure. */
IN_CHILD static int execute(const struct child *child)
{
    static const unsigned long no_signals[KERNEL_SIGSET_BYTES / sizeof(unsigned long)];
    int found_but_denied = 0;
    int error = ENOENT;

    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, no_signals, NULL, KERNEL_SIGSET_BYTES) < 0)
        return errno;
    for (const char *path = child->candidates; *path; path++) {
        syscall(SYS_execve, path, child->spec->argv, child->spec->envp);
        error = errno;
        if (error == EACCES)
            found_but_denied = 1;
        else if (error != ENOENT && error != ENOTDIR && error != ENODEV && error != ESTALE &&
                 error != ETIMEDOUT)
            return error;
        while (*path)
            path++;
    }
    return found_but_denied ? EACCES : error;
}

IN_CHILD static int fail(struct child *child, enum process_step step, int error)
{
    child->step = step;
    child->error = error;
    return -1;
}

IN_CHILD static int set_up(struct child *child)
{
    const struct process_spec *spec = child->spec;
    int error;

    long session = syscall(SYS_setsid);
    if (session < 0)
        return fail(child, PROCESS_STEP_SESSION, errno);
    if (child->ret_pid)
        *child->ret_pid = (int32_t)session; /* which has the pid of its leader */
    /* Before it can start anything that would be left out. */
    if (child->cgroup_fd >= 0 && syscall(SYS_write, child->cgroup_fd, "0", 1) < 0)
        return fail(child, PROCESS_STEP_CGROUP, errno);
    error = default_signals(spec->reset_signals);
    if (error)
        return fail(child, PROCESS_STEP_SESSION, error);
    error = unshare_descriptors(spec->stdio);
    if (!error)
        error = install_stdio(spec->stdio);
    if (error)
        return fail(child, PROCESS_STEP_STDIO, error);
    if (spec->cwd && syscall(SYS_chdir, spec->cwd) < 0)
        return fail(child, PROCESS_STEP_CHDIR, errno);
    if (spec->set_nice && syscall(SYS_setpriority, PRIO_PROCESS, 0, spec->nice) < 0)
        return fail(child, PROCESS_STEP_NICE, errno);
    error = set_limits(spec);
    if (error)
        return fail(child, PROCESS_STEP_LIMIT, error);
    return 0;
}

IN_CHILD static int child_main(void *arg)
{
    struct child *child = arg;

    if (set_up(child) == 0)
        fail(child, PROCESS_STEP_EXEC, execute(child));
    syscall(SYS_exit_group, NEVER_EXECUTED);
    return 0;
}

/* --- in the parent ------------------------------------------------------------------------- */

uint64_t process_signals_to_reset(void)
{
    /* An exec keeps what is ignored and nothing else. But what is handled counts as well: between
     * the moment the child unblocks its signals and the exec, the parent's handler would run in
     * the child, on the parent's memory. These are the ones that a daemon may come to handle later.
     */
    static const int always[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE,  SIGCHLD,
                                 SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGWINCH, SIGXFSZ};
    uint64_t signals = 0;

    for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
        signals |= signal_bit(always[i]);
    for (int number = 1; number < _NSIG; number++) {
        /* The handler comes first in the kernel's structure, and SIG_DFL is a zero. The raw call,
         * as the C library does not tell of the signals that it keeps for itself. */
        unsigned long action[8] = {0};

        if (number == SIGKILL || number == SIGSTOP)
            continue;
        if (syscall(SYS_rt_sigaction, number, NULL, action, KERNEL_SIGSET_BYTES) == 0 && action[0])
            signals |= signal_bit(number);
    }
    return signals;
}

static const char *search_path(char *const *envp)
{
    for (; *envp; envp++) {
        if (strncmp(*envp, "PATH=", 5) == 0)
            return *envp + 5;
    }
    return DEFAULT_PATH;
}

/* The paths to try, as struct child has them; malloc'd. */
static int candidates_new(const char *file, char *const *envp, char **ret_candidates)
{
    const char *path = strchr(file, '/') ? "" : search_path(envp);
    size_t file_bytes = strlen(file);
    size_t entries = 1;
    char *candidates, *end;

    for (const char *c = path; *c; c++)
        entries += *c == ':';
    /* For each entry: a slash, the file and a NUL. */
    candidates = malloc(strlen(path) + entries * (file_bytes + 2) + 1);
    if (!candidates)
        return -ENOMEM;
    end = candidates;
    /* An empty file would name the directories themselves; nothing is to be tried. */
    for (size_t i = 0; i < entries && file_bytes > 0; i++) {
        size_t entry_bytes = strcspn(path, ":");

        /* An empty entry is the working directory. */
        if (entry_bytes > 0) {
            end = mempcpy(end, path, entry_bytes);
            *end++ = '/';
        }
        end = mempcpy(end, file, file_bytes + 1);
        path += entry_bytes + 1;
    }
    *end = '\0';
    *ret_candidates = candidates;
    return 0;
}

/* The raw call, because the C library's keeps its own signals out of the mask: of this thread all
 * must be blocked, so that no handler runs in the child. */
static void swap_signal_mask(const void *set, void *ret_old)
{
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, set, ret_old, KERNEL_SIGSET_BYTES);
}

/* Whether it is the machine, or a filter of system calls, that knows no such start. */
static bool is_unknown(pid_t error)
{
    return error == -ENOSYS || error == -EINVAL || error == -EPERM || error == -EACCES;
}

/* Runs child_main on a piece of this function's own stack: this thread stands still in clone until
 * the child has left it. */
static pid_t clone_child(struct child *child, struct cgroup *cgroup, int *ret_pidfd)
{
    alignas(64) char stack[CHILD_STACK_BYTES];
    sigset_t all, old;
    pid_t pid;

    memset(&all, 0xff, sizeof(all));
    swap_signal_mask(&all, &old);
    child->cgroup_fd = -1;
    pid = clone3_child(cgroup ? cgroup_fd(cgroup) : -1, child_main, child, stack, sizeof(stack),
                       ret_pidfd);
    if (is_unknown(pid)) {
        child->cgroup_fd = cgroup_procs_fd(cgroup);
        pid = -1;
        /* What cannot enter its group is not started outside of it. With a copy of the descriptors:
         * valgrind, which is one that knows no clone3, knows no such flag either. */
        if (!cgroup || child->cgroup_fd >= 0)
            pid = clone_raw(child_main, stack + sizeof(stack),
                            CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, child, ret_pidfd);
        if (pid < 0)
            pid = -errno;
    }
    swap_signal_mask(&old, NULL);
    return pid;
}

int process_spawn(const struct process_spec *spec, struct process *ret_process,
                  enum process_step *ret_failed_step)
{
    struct process process = {.pidfd = -1};
    struct child child = {.spec = spec};
    char *candidates;
    int r = cgroup_take(spec->cgroups, &process.cgroup);

    if (r < 0) {
        *ret_failed_step = PROCESS_STEP_CGROUP;
        return r;
    }
    process.leftover = leftover_take(spec->leftovers, spec->ends_itself);
    child.ret_pid = leftover_pid(process.leftover);
    r = candidates_new(spec->argv[0], spec->envp, &candidates);
    if (r == 0) {
        child.candidates = candidates;
        process.pid = clone_child(&child, process.cgroup, &process.pidfd);
        free(candidates);
        r = process.pid < 0 ? process.pid : 0;
    }
    if (r < 0) {
        struct cgroup_end never_entered;

        /* The job before may have made of it what nobody can be in: the next one gets another. */
        cgroup_give_back(process.cgroup, true, &never_entered);
        leftover_clear(process.leftover);
        *ret_failed_step = PROCESS_STEP_CLONE;
        return r;
    }
    if (child.error != 0) {
        struct process_exit never_executed;

        process_reap(&process, &never_executed);
        *ret_failed_step = child.step;
        return -child.error;
    }
    *ret_process = process;
    return 0;
}

int process_signal_group(const struct process *process, int signal_number)
{
    if (signal_number == SIGKILL)
        cgroup_kill(process->cgroup);
    return kill(-process->pid, signal_number) < 0 ? -errno : 0;
}

int process_reap(struct process *process, struct process_exit *ret_exit)
{
    struct process_exit status = {0};
    siginfo_t info = {0};
    int r = 0;

    /* The raw call, as it gives the resource usage too; the C library's does not pass it on. */
    while (syscall(SYS_waitid, P_PIDFD, process->pidfd, &info, WEXITED, &status.usage) < 0) {
        if (errno != EINTR) {
            r = -errno;
            break;
        }
    }
    cgroup_give_back(process->cgroup, info.si_code == CLD_KILLED && info.si_status == SIGKILL,
                     &status.cgroup);
    leftover_clear(process->leftover);
    fd_close(process->pidfd);
    *process = (struct process){.pidfd = -1};
    if (r < 0)
        return r;
    if (info.si_code == CLD_EXITED)
        status.exit_code = info.si_status;
    else
        status.signal_number = info.si_status;
    *ret_exit = status;
    return 0;
}

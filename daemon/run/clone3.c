#include "daemon/run/clone3.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

#if defined(__x86_64__) && defined(CLONE_INTO_CGROUP)

/* The C library has no clone3 to call. The child comes back from the system call with the registers
 * of the parent and the stack of its own, on which there is nothing to return to: it calls `fn` and
 * ends. */
static long clone3_call(const struct clone_args *args, int (*fn)(void *arg), void *arg)
{
    long result;
    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "movq %[arg], %%rdi\n\t"
                     "call *%[fn]\n\t"
                     "movl %%eax, %%edi\n\t"
                     "movl %[exit], %%eax\n\t"
                     "syscall\n"
                     "1:"
                     : "=a"(result)
                     : "0"((long)SYS_clone3), "D"(args),
                       "S"(sizeof(*args)), [fn] "r"(fn), [arg] "r"(arg), [exit] "i"(SYS_exit)
                     : "rcx", "r11", "memory", "cc");
    return result;
}

pid_t clone3_child(int group_fd, int (*fn)(void *arg), void *arg, char *stack, size_t stack_bytes,
                   int *ret_pidfd)
{
    struct clone_args args = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)stack,
        .stack_size = stack_bytes,
    };
    if (group_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)group_fd;
    }
    return (pid_t)clone3_call(&args, fn, arg);
}

#else

pid_t clone3_child(int group_fd, int (*fn)(void *arg), void *arg, char *stack, size_t stack_bytes,
                   int *ret_pidfd)
{
    (void)group_fd, (void)fn, (void)arg, (void)stack, (void)stack_bytes, (void)ret_pidfd;
    return -ENOSYS;
}

#endif

/* The library of faults.h: to be named by LD_PRELOAD. */
#include "tests/support/faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct faults *faults; /* NULL: nothing fails */

/* There is no function of clone3 to put another in the place of. Without it the daemon starts its
 * commands by clone, where a fault can be had, and goes the same way afterwards. */
static void refuse_clone3(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {sizeof(steps) / sizeof(steps[0]), steps};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
        abort();
}

__attribute__((constructor)) static void open_faults(void)
{
    const char *path = getenv(FAULTS_VARIABLE);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *memory = MAP_FAILED;

    if (fd >= 0) {
        memory = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (memory != MAP_FAILED) {
        faults = memory;
        refuse_clone3();
    }
    /* Not for those whom this process starts. */
    unsetenv(FAULTS_VARIABLE);
    unsetenv("LD_PRELOAD");
}

static bool fails(enum fault_call call)
{
    struct fault *fault = faults ? &faults->calls[call] : NULL;

    if (!fault || atomic_load(&fault->left) <= 0)
        return false;
    if (atomic_load(&fault->skip) > 0 && atomic_fetch_sub(&fault->skip, 1) > 0)
        return false;
    if (atomic_fetch_sub(&fault->left, 1) <= 0)
        return false;
    atomic_fetch_add(&fault->hits, 1);
    errno = atomic_load(&fault->error);
    return true;
}

/* The function that would have been called without this library. */
#define REAL(name) ((__typeof__(&(name)))(uintptr_t)dlsym(RTLD_NEXT, #name))

#define STAND_IN(CALL, type, name, parameters, arguments)                                          \
    type name parameters;                                                                          \
    type name parameters                                                                           \
    {                                                                                              \
        static __typeof__(&(name)) real;                                                           \
        if (fails(FAULT_##CALL))                                                                   \
            return -1;                                                                             \
        if (!real)                                                                                 \
            real = REAL(name);                                                                     \
        return real arguments;                                                                     \
    }

/* In the C library's headers some of these have attributes that a second declaration lacks. */
int eventfd(unsigned int value, int flags);
int timerfd_create(int clock, int flags);

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's are reserved */
STAND_IN(ACCEPT4, int, accept4, (int fd, struct sockaddr *address, socklen_t *size, int flags),
         (fd, address, size, flags))
STAND_IN(EPOLL_CREATE1, int, epoll_create1, (int flags), (flags))
STAND_IN(EPOLL_CTL, int, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event),
         (epoll, what, fd, event))
STAND_IN(EPOLL_WAIT, int, epoll_wait,
         (int epoll, struct epoll_event *events, int max, int timeout_ms),
         (epoll, events, max, timeout_ms))
STAND_IN(EVENTFD, int, eventfd, (unsigned int value, int flags), (value, flags))
STAND_IN(GETSOCKOPT, int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
         (fd, level, name, value, size))
STAND_IN(PIPE2, int, pipe2, (int fds[2], int flags), (fds, flags))
STAND_IN(POLL, int, poll, (struct pollfd * fds, nfds_t count, int timeout_ms),
         (fds, count, timeout_ms))
STAND_IN(READ, ssize_t, read, (int fd, void *buffer, size_t size), (fd, buffer, size))
STAND_IN(TIMERFD_CREATE, int, timerfd_create, (int clock, int flags), (clock, flags))
STAND_IN(WRITE, ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
STAND_IN(WRITEV, ssize_t, writev, (int fd, const struct iovec *pieces, int count),
         (fd, pieces, count))

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *),
                   void *arg)
{
    static __typeof__(&pthread_create) real;

    if (fails(FAULT_PTHREAD_CREATE))
        return errno;
    if (!real)
        real = REAL(pthread_create);
    return real(thread, attributes, fn, arg);
}

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    static __typeof__(&clock_gettime) real;

    if (!real)
        real = REAL(clock_gettime);
    int r = real(clock, ret_time);
    if (r == 0 && clock == CLOCK_REALTIME && faults)
        ret_time->tv_sec += atomic_load(&faults->clock_jump_s);
    return r;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

typedef int clone_fn(int (*fn)(void *), void *stack, int flags, void *arg, ...);

/* The name by which the daemon knows it; the one more argument is where the pidfd goes. */
clone_fn __clone;
int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
    static clone_fn *real;
    va_list more;

    if (fails(FAULT_CLONE))
        return -1;
    if (!real)
        real = (clone_fn *)(uintptr_t)dlsym(RTLD_NEXT, "__clone");
    va_start(more, arg);
    int *pidfd = va_arg(more, int *);
    va_end(more);
    return real(fn, stack, flags, arg, pidfd);
}

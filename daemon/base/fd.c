#include "daemon/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* Room below for the daemon's own and for some 40 commands, at six descriptors each. */
#define LIFTED_MIN 256

int fd_close(int fd)
{
    int saved_errno = errno;

    if (fd >= 0)
        close(fd); /* never again after EINTR: Linux has let go of the number in any case */
    errno = saved_errno;
    return -1;
}

int fd_lift(int fd)
{
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, LIFTED_MIN);

    if (lifted < 0)
        return fd;
    fd_close(fd);
    return lifted;
}

int fd_fill_standard(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
        if (fd < 0)
            return -errno;
    } while (fd <= STDERR_FILENO);
    close(fd);
    return 0;
}

int fd_pipe(int *ret_read_fd, int *ret_write_fd)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    *ret_read_fd = fds[0];
    *ret_write_fd = fds[1];
    return 0;
}

int fd_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

int fd_lock(int fd)
{
    const struct timespec step = {.tv_nsec = 10 * 1000 * 1000};
    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
        if (errno != EWOULDBLOCK || tries == 200)
            return -errno;
        nanosleep(&step, NULL);
    }
    return 0;
}

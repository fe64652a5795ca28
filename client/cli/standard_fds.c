#include "client/cli/standard_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int standard_fds_fill(void)
{
    /* The wrong way round for the first two, which is what makes them fail. Not so stderr: it is
     * closed by those who do not want to see it. */
    static const int modes[] = {
        [STDIN_FILENO] = O_WRONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_WRONLY};

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int opened;

        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        /* Gets the lowest number that is free, and keeps it: those below are taken. */
        opened = open("/dev/null", modes[fd]);
        if (opened != fd)
            return opened < 0 ? -errno : -EBADF;
    }
    return 0;
}

#include "client/tsp/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/cli/spawn.h"
#include "client/tsp/tsp.h"

/* ---- at the default place ---- */

static bool start_by_future(void)
{
    static const char *const options[] = {"status", "--limit", "1", NULL};
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int how = -1;
    pid_t pid = -1;

    if (nowhere < 0)
        return false;
    if (spawn_apart("future", options, nowhere, &pid) == 0)
        while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
            ;
    close(nowhere);
    return how == 0;
}

/* ---- at a place of our own ---- */

/* The directory, made where it is not there; nobody else's. A descriptor, or -errno. */
static int open_state(const char *path)
{
    struct stat info;
    int fd;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &info) == 0 && info.st_uid == geteuid() && (info.st_mode & 022) == 0)
        return fd;
    close(fd);
    return -EPERM;
}

/* Of several first commands one starts the daemon, and the others find it: they wait for the lock
 * on the directory. */
static int start_locked(const char *path, const char *state, int directory)
{
    const char *options[] = {"--socket", path, "--state-dir", state, NULL};
    struct future_client *client;
    int log, r;

    while (flock(directory, LOCK_EX) < 0)
        if (errno != EINTR)
            return -errno;
    if (future_connect(path, -1, &client) == 0) {
        future_close(client);
        return 0;
    }
    log = openat(directory, "futured.log", O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                 0600);
    if (log < 0)
        return -errno;
    r = spawn_futured(options, NULL, log);
    close(log);
    return r;
}

bool start_daemon_for(const char *path)
{
    char state[PATH_MAX];
    int directory, r;

    if (!path)
        return start_by_future();
    if (snprintf(state, sizeof(state), "%s.state", path) >= (int)sizeof(state))
        return false;
    directory = open_state(state);
    r = directory < 0 ? directory : start_locked(path, state, directory);
    if (directory >= 0)
        close(directory);
    if (r < 0)
        tsp_fail("cannot start a daemon: %s: %s (futured.log in it may tell more)", state,
                 r == -EPERM ? "it is not a directory of yours alone" : strerror(-r));
    return r == 0;
}

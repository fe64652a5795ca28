#include "client/cli/start.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/cli/spawn.h"
#include "proto/endpoint.h"

enum { SOCKET_PATH_BYTES = sizeof(((struct sockaddr_un *)NULL)->sun_path) };
enum { FREE_FD = 10, OTHER_WAIT_MS = 5000, PAUSE_MS = 10 };

/* ---- whether ---- */

bool start_is_wanted(const struct cli *cli)
{
    const char *named = getenv("FUTURE_SOCKET");

    return !cli->no_start && !cli->socket_path && !(named && named[0]) && geteuid() != 0 &&
           !start_has_unit();
}

static bool is_there(const char *directory, const char *rest)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s%s", directory, rest);

    return directory[0] == '/' && length > 0 && (size_t)length < sizeof(path) &&
           access(path, F_OK) == 0;
}

bool start_has_unit(void)
{
    static const char *const directories[] = {"/etc/systemd/user", "/run/systemd/user",
                                              "/usr/local/lib/systemd/user",
                                              "/usr/lib/systemd/user"};
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");

    if (!runtime || !is_there(runtime, "/systemd/private"))
        return false;
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
        if (is_there(directories[i], "/futured.socket"))
            return true;
    if (config && config[0])
        return is_there(config, "/systemd/user/futured.socket");
    return home && is_there(home, "/.config/systemd/user/futured.socket");
}

/* ---- the directory, the log and the lock ---- */

/* Makes the directory of the socket. In /tmp it may be somebody else's trap: then nothing is
 * started there. */
static int make_directory(const char *path)
{
    struct stat info;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    if (lstat(path, &info) < 0)
        return -errno;
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 022))
        return -EPERM;
    return 0;
}

/* The descriptor is none of those that the daemon shall find. 0 or more, or -errno. */
static int open_beside(const char *directory, const char *name, int flags)
{
    char path[PATH_MAX];
    int fd, moved;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    fd = open(path, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    moved = fcntl(fd, F_DUPFD_CLOEXEC, FREE_FD);
    if (moved < 0)
        moved = -errno;
    close(fd);
    return moved;
}

static int lock(int fd)
{
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

/* ---- what survives ---- */

/* Makes the directory and those above it that are missing, for the user alone. 0 or -errno. */
static int make_path(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        int r;

        *slash = '\0';
        r = mkdir(path, 0700);
        *slash = '/';
        if (r < 0 && errno != EEXIST)
            return -errno;
    }
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* Where the user's futures are kept: $XDG_STATE_HOME/futured, made if need be. False: nowhere, as
 * there is no home for them. */
static bool find_state(const struct cli *cli, char *ret_path, size_t size)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int length = -1, r;

    if (state && state[0] == '/')
        length = snprintf(ret_path, size, "%s/futured", state);
    else if (home && home[0] == '/')
        length = snprintf(ret_path, size, "%s/.local/state/futured", home);
    if (length < 0 || (size_t)length >= size)
        return false;
    r = make_path(ret_path);
    if (r < 0)
        cli_warn(cli, "what is submitted will end with the daemon: %s: %s", ret_path, strerror(-r));
    return r == 0;
}

/* ---- the daemon ---- */

static bool somebody_listens(void)
{
    struct future_client *client;

    if (future_connect(NULL, -1, &client) < 0)
        return false;
    future_close(client);
    return true;
}

/* Our daemon did not get the place: another one has it, and listens in a moment. The daemon's own
 * lock has decided that. */
static int wait_for_other(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

    for (int waited_ms = 0; waited_ms < OTHER_WAIT_MS; waited_ms += PAUSE_MS) {
        if (somebody_listens())
            return 0;
        nanosleep(&pause, NULL);
    }
    return -ECONNREFUSED;
}

/* Of several first commands the first one starts a daemon, and the others find it. */
static int start_locked(const struct cli *cli, const char *directory)
{
    const char *keeps[] = {"--state-dir", NULL, NULL};
    static const char *const forgets[] = {"--durability", "none", NULL};
    char state[PATH_MAX];
    int log, r;

    if (somebody_listens())
        return 0;
    log = open_beside(directory, "futured.log", O_WRONLY | O_APPEND);
    if (log < 0)
        return log;
    keeps[1] = state;
    r = spawn_futured(find_state(cli, state, sizeof(state)) ? keeps : forgets, "/", log);
    close(log);
    return r == -ECONNREFUSED ? wait_for_other() : r;
}

int start_daemon(const struct cli *cli)
{
    char path[SOCKET_PATH_BYTES];
    char *directory;
    int held, r = endpoint_path(NULL, 1, path, sizeof(path));

    if (r < 0)
        return cli_fail_errno(cli, r, "the path of the socket");
    directory = dirname(path);
    r = make_directory(directory);
    if (r < 0) {
        cli_warn(cli, "cannot start a daemon: %s: %s", directory,
                 r == -EPERM ? "it is not a directory of yours alone" : strerror(-r));
        return EXIT_NO_DAEMON;
    }
    held = open_beside(directory, "start.lock", O_RDWR);
    r = held < 0 ? held : lock(held);
    if (r == 0)
        r = start_locked(cli, directory);
    if (held >= 0)
        close(held);
    if (r == 0)
        return 0;
    cli_warn(cli, "there is no daemon, and starting `futured` failed: %s", strerror(-r));
    fprintf(stderr, "%s/futured.log may say why.\n", directory);
    return EXIT_NO_DAEMON;
}

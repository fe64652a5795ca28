#include "client/tsp/start.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/tsp/tsp.h"

extern char **environ;

enum { READY_FD = 3, FREE_FD = 10, READY_WAIT_MS = 30000 };

/* ---- programs ---- */

/* The one that was built or installed with this program, else the one of PATH. */
static void find_program(const char *name, char ret_path[PATH_MAX])
{
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

    ret_path[0] = '\0';
    if (length > 0) {
        own[length] = '\0';
        if (snprintf(ret_path, PATH_MAX, "%s/%s", dirname(own), name) >= PATH_MAX)
            ret_path[0] = '\0';
    }
    if (access(ret_path, X_OK) < 0)
        snprintf(ret_path, PATH_MAX, "%s", name);
}

/* Default signals and a session of its own: what the terminal sends is for us. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    int r;

    sigemptyset(&none);
    sigfillset(&all);
    r = posix_spawnattr_setsigmask(attributes, &none);
    if (r == 0)
        r = posix_spawnattr_setsigdefault(attributes, &all);
    if (r == 0)
        r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                     POSIX_SPAWN_SETSIGDEF);
    return r;
}

static int set_actions(posix_spawn_file_actions_t *actions, int output, int ready)
{
    int r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
    if (r == 0 && ready >= 0)
        r = posix_spawn_file_actions_adddup2(actions, ready, READY_FD);
    return r;
}

/* `ready` is -1 where the program gets no such descriptor. 0 or -errno. */
static int spawn(const char *name, const char *const *options, int output, int ready,
                 pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char program[PATH_MAX];
    char *argv[8] = {program};
    int r;

    /* posix_spawn does not write to its arguments. */
    for (size_t i = 0; options[i]; i++)
        memcpy(&argv[i + 1], &options[i], sizeof(argv[0]));
    find_program(name, program);
    r = posix_spawnattr_init(&attributes);
    if (r != 0)
        return -r;
    r = posix_spawn_file_actions_init(&actions);
    if (r == 0) {
        r = set_attributes(&attributes);
        if (r == 0)
            r = set_actions(&actions, output, ready);
        if (r == 0)
            r = posix_spawnp(ret_pid, program, &actions, &attributes, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return -r;
}

/* ---- at the default place ---- */

static bool start_by_future(void)
{
    static const char *const options[] = {"status", "--limit", "1", NULL};
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int how = -1;
    pid_t pid = -1;

    if (nowhere < 0)
        return false;
    if (spawn("future", options, nowhere, -1, &pid) == 0)
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

/* The daemon says one line when it listens, or closes the pipe by its end. */
static int wait_ready(int fd)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    char line[256];
    int r;

    do
        r = poll(&readable, 1, READY_WAIT_MS);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return -errno;
    if (r == 0)
        return -ETIMEDOUT;
    return read(fd, line, sizeof(line)) > 0 ? 0 : -ECONNREFUSED;
}

static int spawn_daemon(const char *path, const char *state, int log)
{
    const char *options[] = {"--socket", path, "--state-dir", state, "--ready-fd", "3", NULL};
    int ends[2], ready, r;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    /* Not where the daemon shall find its own: a descriptor on itself would stay close-on-exec. */
    ready = fcntl(ends[1], F_DUPFD_CLOEXEC, FREE_FD);
    close(ends[1]);
    r = ready < 0 ? -errno : spawn("futured", options, log, ready, &pid);
    if (ready >= 0)
        close(ready);
    if (r == 0)
        r = wait_ready(ends[0]);
    close(ends[0]);
    return r;
}

/* Of several first commands one starts the daemon, and the others find it: they wait for the lock
 * on the directory. */
static int start_locked(const char *path, const char *state, int directory)
{
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
    r = spawn_daemon(path, state, log);
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

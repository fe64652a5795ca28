#include "client/cli/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { OPTIONS_MAX = 8, READY_FD = 3, FREE_FD = 10, READY_WAIT_MS = 30000 };

/* How a program begins. */
struct beginning {
    int output;
    int ready;             /* becomes READY_FD; -1: there is no such descriptor */
    const char *directory; /* NULL: the one of this process */
};

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

static int set_actions(posix_spawn_file_actions_t *actions, const struct beginning *beginning)
{
    int r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, beginning->output, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, beginning->output, STDERR_FILENO);
    if (r == 0 && beginning->ready >= 0)
        r = posix_spawn_file_actions_adddup2(actions, beginning->ready, READY_FD);
    if (r == 0 && beginning->directory)
        r = posix_spawn_file_actions_addchdir_np(actions, beginning->directory);
    return r;
}

static int spawn(const char *name, const char *const *options, const struct beginning *beginning,
                 pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char program[PATH_MAX];
    char *argv[OPTIONS_MAX + 2] = {program};
    int r;

    /* posix_spawn does not write to its arguments. */
    for (size_t i = 0; i < OPTIONS_MAX && options[i]; i++)
        memcpy(&argv[i + 1], &options[i], sizeof(argv[0]));
    find_program(name, program);
    r = posix_spawnattr_init(&attributes);
    if (r != 0)
        return -r;
    r = posix_spawn_file_actions_init(&actions);
    if (r == 0) {
        r = set_attributes(&attributes);
        if (r == 0)
            r = set_actions(&actions, beginning);
        if (r == 0)
            r = posix_spawnp(ret_pid, program, &actions, &attributes, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return -r;
}

int spawn_apart(const char *name, const char *const *options, int output, pid_t *ret_pid)
{
    const struct beginning beginning = {.output = output, .ready = -1};

    return spawn(name, options, &beginning, ret_pid);
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

int spawn_futured(const char *const *options, const char *directory, int log)
{
    const char *all[OPTIONS_MAX + 1] = {"--ready-fd", "3"};
    struct beginning beginning = {.output = log, .directory = directory};
    pid_t pid = -1;
    int ends[2], r;

    for (size_t i = 0; i + 2 < OPTIONS_MAX && options[i]; i++)
        all[i + 2] = options[i];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    /* Not where the daemon shall find its own: a descriptor on itself would stay close-on-exec. */
    beginning.ready = fcntl(ends[1], F_DUPFD_CLOEXEC, FREE_FD);
    close(ends[1]);
    r = beginning.ready < 0 ? -errno : spawn("futured", all, &beginning, &pid);
    if (beginning.ready >= 0)
        close(beginning.ready);
    if (r == 0)
        r = wait_ready(ends[0]);
    close(ends[0]);
    if (r == -ECONNREFUSED && pid > 0)
        (void)waitpid(pid, NULL, WNOHANG);
    return r;
}

#include "tests/support/daemon.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/deadline.h"
#include "tests/support/text.h"

enum { ACTIVATION_FD = 3, MAX_ARGS = 64 };

struct daemon {
    struct daemon_options options;
    char *directory, *socket, *state, *config, *log;
    int listener;     /* -1: not kept */
    size_t log_start; /* where in the log this start of the daemon begins */
    pid_t pid;        /* 0: not running */
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        ck_abort_msg("cannot write %s", path);
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    unlink(path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, SOMAXCONN) != 0)
        ck_abort_msg("cannot listen on %s: %s", path, strerror(errno));
    return fd;
}

/* argv for the daemon. Called in the child, where execv takes the copies with it. */
static void fill_argv(const struct daemon *daemon, char *argv[MAX_ARGS])
{
    const char *program = getenv("FUTURED");
    size_t count = 0;

    argv[count++] = strdup(program ? program : "build/futured");
    argv[count++] = strdup("--state-dir");
    argv[count++] = daemon->state;
    if (daemon->options.own_socket) {
        argv[count++] = strdup("--socket");
        argv[count++] = daemon->socket;
    }
    if (daemon->options.config) {
        argv[count++] = strdup("--config");
        argv[count++] = daemon->config;
    }
    for (const char *const *arg = daemon->options.args; arg && *arg && count < MAX_ARGS - 1; arg++)
        argv[count++] = strdup(*arg);
    argv[count] = NULL;
}

/* In the child: becomes the daemon. `listener` < 0: it makes its socket itself. */
static void become_daemon(const struct daemon *daemon, int listener, int log)
{
    char *argv[MAX_ARGS], pid[16];
    sigset_t none;

    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(log, STDERR_FILENO);
    if (listener >= 0) {
        /* dup2 onto itself would leave it close-on-exec. */
        if (listener == ACTIVATION_FD)
            fcntl(listener, F_SETFD, 0);
        else
            dup2(listener, ACTIVATION_FD);
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "1", 1);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    fill_argv(daemon, argv);
    execv(argv[0], argv);
    dprintf(STDERR_FILENO, "cannot execute %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* Fails the test, with the log. */
static void complain(const struct daemon *daemon, const char *what)
{
    char *log = daemon_log(daemon);

    ck_abort_msg("%s; the daemon's log:\n%s", what, log);
}

/* The same, with what each of its threads is at. */
static void complain_of_threads(const struct daemon *daemon, const char *what)
{
    char *command = text_print("cd /proc/%d/task && for t in *; do echo thread $t; "
                               "grep -E '^(Name|State|Sig|Shd)' $t/status; "
                               "cat $t/wchan $t/syscall; echo; done >>'%s' 2>&1",
                               (int)daemon->pid, daemon->log);

    if (system(command) != 0)
        fputs("its threads cannot be looked at\n", stderr);
    free(command);
    complain(daemon, what);
}

static int open_pidfd(const struct daemon *daemon)
{
    int pidfd = (int)syscall(SYS_pidfd_open, daemon->pid, 0);

    if (pidfd < 0)
        ck_abort_msg("pidfd_open: %s", strerror(errno));
    return pidfd;
}

static bool is_ready(const struct daemon *daemon)
{
    char *log = daemon_log(daemon);
    bool ready = strlen(log) > daemon->log_start &&
                 strstr(log + daemon->log_start, "futured: ready on ") != NULL;

    free(log);
    return ready;
}

void daemon_wait_ready(const struct daemon *daemon)
{
    char events[4096];
    int pidfd = open_pidfd(daemon);
    int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (changes < 0 || inotify_add_watch(changes, daemon->log, IN_MODIFY) < 0)
        ck_abort_msg("inotify: %s", strerror(errno));
    while (!is_ready(daemon)) {
        struct pollfd fds[] = {{.fd = changes, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
        int count = poll(fds, 2, deadline_ms());

        if (count == 0 || (fds[1].revents && !is_ready(daemon)))
            complain(daemon, "the daemon did not get ready");
        while (read(changes, events, sizeof(events)) > 0)
            continue;
    }
    close(changes);
    close(pidfd);
}

static void spawn(struct daemon *daemon)
{
    int listener = daemon->listener;
    if (listener < 0 && !daemon->options.own_socket)
        listener = listen_on(daemon->socket);
    int log = open(daemon->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (log < 0)
        ck_abort_msg("cannot open %s", daemon->log);
    daemon->log_start = (size_t)lseek(log, 0, SEEK_END);
    fflush(NULL);
    daemon->pid = fork();
    if (daemon->pid < 0)
        ck_abort_msg("fork: %s", strerror(errno));
    if (daemon->pid == 0)
        become_daemon(daemon, listener, log);
    close(log);
    /* Mostly only the daemon holds it now: when it dies its clients see that at once. */
    if (daemon->options.kept_socket)
        daemon->listener = listener;
    else if (listener >= 0)
        close(listener);
    else
        daemon_wait_ready(daemon);
}

struct daemon *daemon_start(const struct daemon_options *options)
{
    struct daemon *daemon = calloc(1, sizeof(*daemon));
    const char *base = getenv("TMPDIR");

    if (!daemon)
        ck_abort_msg("out of memory");
    daemon->listener = -1;
    if (options)
        daemon->options = *options;
    daemon->directory = text_print("%s/daemon.XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(daemon->directory))
        ck_abort_msg("mkdtemp %s: %s", daemon->directory, strerror(errno));
    daemon->socket = text_print("%s/socket", daemon->directory);
    daemon->state = text_print("%s/state", daemon->directory);
    daemon->config = text_print("%s/futured.conf", daemon->directory);
    daemon->log = text_print("%s/log", daemon->directory);
    if (daemon->options.config)
        write_file(daemon->config, daemon->options.config);
    spawn(daemon);
    return daemon;
}

void daemon_restart(struct daemon *daemon)
{
    ck_assert_int_eq(daemon->pid, 0);
    spawn(daemon);
}

int daemon_wait(struct daemon *daemon)
{
    int status = 0;
    int pidfd = open_pidfd(daemon);
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};

    if (poll(&poll_fd, 1, deadline_ms()) == 0)
        complain_of_threads(daemon, "the daemon does not end");
    close(pidfd);
    ck_assert_int_eq(waitpid(daemon->pid, &status, 0), daemon->pid);
    daemon->pid = 0;
    return status;
}

void daemon_kill(struct daemon *daemon)
{
    kill(daemon->pid, SIGKILL);
    daemon_wait(daemon);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void daemon_join(struct daemon *daemon)
{
    static const char *const reports[] = {"AddressSanitizer", "LeakSanitizer", "ThreadSanitizer",
                                          "runtime error: "};
    int status = daemon_wait(daemon);
    char *log = daemon_log(daemon);

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        complain(daemon, "the daemon did not end with status 0");
    for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
        if (strstr(log, reports[i]))
            complain(daemon, "a sanitizer has something to say");
    }
    free(log);
    if (daemon->listener >= 0)
        close(daemon->listener);
    nftw(daemon->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(daemon->directory);
    free(daemon->socket);
    free(daemon->state);
    free(daemon->config);
    free(daemon->log);
    free(daemon);
}

void daemon_stop(struct daemon *daemon)
{
    if (!daemon)
        return;
    daemon_wait_ready(daemon);
    kill(daemon->pid, SIGTERM);
    daemon_join(daemon);
}

const char *daemon_socket(const struct daemon *daemon)
{
    return daemon->socket;
}

const char *daemon_directory(const struct daemon *daemon)
{
    return daemon->directory;
}

pid_t daemon_pid(const struct daemon *daemon)
{
    return daemon->pid;
}

char *daemon_log(const struct daemon *daemon)
{
    return text_of_file(daemon->log);
}

#include "daemon/remote_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/run/process_table.h"

static volatile sig_atomic_t worker_pid;

static void pass_on(int number)
{
    if (worker_pid > 0)
        kill((pid_t)worker_pid, number);
}

/* The pipes are the worker's: while somebody else holds them nobody sees their end. */
static void let_go_of_pipes(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    close(null);
}

static void kill_child(void *arg, const struct process_facts *facts)
{
    (void)arg;
    /* As long as we do not reap it nobody else gets its pid. */
    if (facts->parent == getpid())
        kill(facts->pid, SIGKILL);
}

/* Whoever loses its parent becomes our child, so in the end all are. */
static void end_what_is_left(void)
{
    for (;;) {
        process_table_each(kill_child, NULL);
        pid_t pid = waitpid(-1, NULL, 0);
        if (pid < 0 && errno == ECHILD)
            return;
    }
}

/* Waits for the worker's end, and reaps whoever else ends until then. */
static int await_worker(pid_t pid)
{
    siginfo_t ended = {.si_pid = 0};
    int status = 0;
    while (ended.si_pid != pid) {
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) < 0) {
            if (errno == EINTR)
                continue;
            return EXIT_FAILURE;
        }
        /* Once it is reaped somebody else may get its pid, whom no signal is to be passed on to. */
        if (ended.si_pid == pid)
            worker_pid = 0;
        waitpid(ended.si_pid, &status, 0);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static int keep(pid_t pid)
{
    int status;
    let_go_of_pipes();
    status = await_worker(pid);
    end_what_is_left();
    return status;
}

bool remote_keeper_split(int *ret_status)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    sigset_t passed, before;
    pid_t pid;
    signal(SIGCHLD, SIG_DFL);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return true;
    /* One that comes before it can be passed on waits until then. */
    sigemptyset(&passed);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        sigaddset(&passed, numbers[i]);
    sigprocmask(SIG_BLOCK, &passed, &before);
    pid = fork();
    if (pid <= 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (pid == 0)
            setsid(); /* what kills the launcher's group leaves the worker the time to end its job
                       */
        return true;
    }
    worker_pid = pid;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        sigaction(numbers[i], &action, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    *ret_status = keep(pid);
    return false;
}

/* The limit for running commands: threads that do nothing but start a program, read its two pipes
 * to the end, and wait for it.
 *
 *     pool spawn|clone WORKERS COUNT PROGRAM
 *
 * `spawn` uses posix_spawn, `clone` a bare clone(CLONE_VM, CLONE_VFORK, CLONE_PIDFD) in whose child
 * nothing happens but two dup2 and the exec. Prints programs a second. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

enum { STACK_BYTES = 16384, MAX_WORKERS = 256 };

struct pool {
    bool clones;
    char *argv[3];
    uint64_t count;
    atomic_ullong taken;
};

struct child {
    char *const *argv;
    int out, err;
};

static int child_main(void *arg)
{
    const struct child *child = arg;

    if (dup2(child->out, 1) >= 0 && dup2(child->err, 2) >= 0)
        execve(child->argv[0], child->argv, environ);
    _exit(127);
}

static pid_t start_clone(const struct child *child, int *ret_pidfd)
{
    _Alignas(64) char stack[STACK_BYTES];
    struct child copy = *child;

    return clone(child_main, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                 &copy, ret_pidfd);
}

static pid_t start_spawn(const struct child *child)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int r;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child->out, 1);
    posix_spawn_file_actions_adddup2(&actions, child->err, 2);
    r = posix_spawn(&pid, child->argv[0], &actions, NULL, child->argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return r == 0 ? pid : -1;
}

static void read_to_end(int out, int err)
{
    struct pollfd fds[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
    char buffer[4096];

    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (poll(fds, 2, -1) < 0)
            die("poll");
        for (int i = 0; i < 2; i++) {
            if (fds[i].revents && read(fds[i].fd, buffer, sizeof(buffer)) <= 0)
                fds[i].fd = -1;
        }
    }
}

static void run_one(struct pool *pool)
{
    int out[2], err[2], pidfd = -1, status = 0;
    siginfo_t info = {0};
    pid_t pid;

    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
        die("pipe");
    struct child child = {pool->argv, out[1], err[1]};
    pid = pool->clones ? start_clone(&child, &pidfd) : start_spawn(&child);
    if (pid < 0)
        die("start of %s", pool->argv[0]);
    close(out[1]);
    close(err[1]);
    read_to_end(out[0], err[0]);
    close(out[0]);
    close(err[0]);
    if (pool->clones ? waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0
                     : waitpid(pid, &status, 0) < 0)
        die("wait");
    if (pidfd >= 0)
        close(pidfd);
    if (status != 0 || info.si_status != 0)
        die("%s failed", pool->argv[0]);
}

static void *worker(void *arg)
{
    struct pool *pool = arg;

    while (atomic_fetch_add(&pool->taken, 1) < pool->count)
        run_one(pool);
    return NULL;
}

int main(int argc, char **argv)
{
    static char item[] = "1";
    pthread_t threads[MAX_WORKERS];
    struct pool pool = {0};
    uint64_t workers, start_ns;

    if (argc != 5)
        die("usage: pool spawn|clone WORKERS COUNT PROGRAM");
    pool.clones = strcmp(argv[1], "clone") == 0;
    workers = number_arg(argv[2]);
    pool.count = number_arg(argv[3]);
    pool.argv[0] = argv[4];
    pool.argv[1] = item; /* as each item of a map comes with one */
    if (workers > MAX_WORKERS)
        die("at most %d workers", MAX_WORKERS);
    start_ns = now_ns();
    for (uint64_t i = 0; i < workers; i++) {
        if (pthread_create(&threads[i], NULL, worker, &pool) != 0)
            die("pthread_create");
    }
    for (uint64_t i = 0; i < workers; i++)
        pthread_join(threads[i], NULL);
    printf("%.0f\n", rate_since(start_ns, pool.count));
    return 0;
}

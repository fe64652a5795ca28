/* supervise SECONDS COMMAND [ARG...]: runs one test program and answers for all that it starts.
 *
 * The command gets a session of its own. Whatever it orphans becomes a child of this process (it
 * is a subreaper), so no descendant escapes, whatever its environment, group or session. Once the
 * command is done its descendants have a moment to end by themselves; those that do not are
 * named on stderr, killed, and make the run fail.
 *
 * Exit status: the command's own, 128 + signal where a signal ended it, 124 where it ran out of
 * time, 125 where it left processes behind or could not be started. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_TIMEOUT = 124, EXIT_SUPERVISE = 125 };

static const long GRACE_S = 3;

struct run {
    pid_t command;
    int status;       /* of waitpid; valid once `reaped` */
    bool reaped;      /* the command itself is reaped */
    bool childless;   /* nothing is left to wait for */
    bool interrupted; /* somebody asked this process to end */
};

static long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void watched_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGCHLD);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGHUP);
}

static pid_t start(char **argv)
{
    sigset_t none;
    pid_t pid = fork();

    if (pid != 0)
        return pid;

    setsid();
    /* A shell that starts us in the background has made us ignore these two. */
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(argv[0], argv);
    fprintf(stderr, "supervise: %s: %s\n", argv[0], strerror(errno));
    _exit(EXIT_SUPERVISE);
}

static void reap(struct run *run)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == run->command) {
            run->reaped = true;
            run->status = status;
        }
    }
    run->childless = pid < 0 && errno == ECHILD;
}

/* Reaps until the command is done (or, with `all`, until no child is left), the time is over or
 * somebody interrupts. */
static void reap_until(struct run *run, bool all, long deadline_ms)
{
    sigset_t watched;

    watched_signals(&watched);
    for (;;) {
        reap(run);
        if (run->childless || (run->reaped && !all) || run->interrupted)
            return;

        long left_ms = deadline_ms - now_ms();
        if (left_ms <= 0)
            return;
        struct timespec timeout = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000};
        int number = sigtimedwait(&watched, NULL, &timeout);
        if (number > 0 && number != SIGCHLD)
            run->interrupted = true;
    }
}

/* The parent of `pid`, and its name as the kernel knows it; 0 when the process is gone. */
static pid_t parent_of(pid_t pid, char *ret_name, size_t size)
{
    char path[64], line[512];
    int parent = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fgets(line, sizeof(line), file)) {
        /* "PID (NAME) STATE PARENT ...": the name may itself hold parentheses. */
        char *open = strchr(line, '('), *close = strrchr(line, ')');
        if (open && close && sscanf(close + 1, " %*c %d", &parent) == 1)
            snprintf(ret_name, size, "%.*s", (int)(close - open - 1), open + 1);
    }
    fclose(file);
    return parent;
}

/* Its arguments, with blanks between them. */
static void command_line(pid_t pid, char *ret_line, size_t size)
{
    char path[64];
    size_t length = 0;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    FILE *file = fopen(path, "re");
    if (file) {
        length = fread(ret_line, 1, size - 1, file);
        fclose(file);
    }
    for (size_t i = 0; i < length; i++)
        if (ret_line[i] == '\0' || ret_line[i] == '\n')
            ret_line[i] = ' ';
    ret_line[length] = '\0';
}

/* Kills every child of this process; `say` names them first. */
static void kill_children(bool say)
{
    struct dirent *entry;
    DIR *proc = opendir("/proc");

    if (!proc)
        return;
    while ((entry = readdir(proc))) {
        char name[64] = "", line[200];
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid <= 0 || parent_of(pid, name, sizeof(name)) != getpid())
            continue;
        if (say) {
            command_line(pid, line, sizeof(line));
            fprintf(stderr, "supervise: left behind: process %d (%s): %s\n", (int)pid, name, line);
        }
        kill(pid, SIGKILL);
    }
    closedir(proc);
}

/* A killed child's own children become ours, so this goes on until there are none. */
static void kill_all(struct run *run, bool say)
{
    long deadline_ms = now_ms() + 20000L;

    run->interrupted = false;
    while (!run->childless && now_ms() < deadline_ms) {
        kill_children(say);
        reap_until(run, true, now_ms() + 100);
    }
}

int main(int argc, char **argv)
{
    struct run run = {0};
    sigset_t watched;

    if (argc < 3) {
        fprintf(stderr, "usage: supervise SECONDS COMMAND [ARG...]\n");
        return EXIT_SUPERVISE;
    }
    watched_signals(&watched);
    sigprocmask(SIG_BLOCK, &watched, NULL);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || (run.command = start(argv + 2)) < 0) {
        fprintf(stderr, "supervise: %s\n", strerror(errno));
        return EXIT_SUPERVISE;
    }

    reap_until(&run, false, now_ms() + strtol(argv[1], NULL, 10) * 1000);
    if (!run.reaped) {
        if (!run.interrupted)
            fprintf(stderr, "supervise: not done after %s seconds\n", argv[1]);
        kill_all(&run, !run.interrupted);
        return EXIT_TIMEOUT;
    }

    reap_until(&run, true, now_ms() + GRACE_S * 1000);
    if (!run.childless) {
        kill_all(&run, !run.interrupted);
        return EXIT_SUPERVISE;
    }
    return WIFSIGNALED(run.status) ? 128 + WTERMSIG(run.status) : WEXITSTATUS(run.status);
}

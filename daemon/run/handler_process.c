#include "daemon/run/handler_process.h"

#include "daemon/base/clock.h"
#include "daemon/base/fd.h"
#include "daemon/core/output.h"
#include "proto/frame.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* As much as a pipe holds unless somebody made it larger. */
#define PIPE_BYTES 65536

/* What is asked for in one read of stdout; the frame has more room where a line is long. */
#define READ_BYTES 4096

/* The reads in a row after which a process that never falls silent has to wait. */
#define MAX_READS 64

#define LOG_LINES_PER_SECOND 10
#define LOG_LINE_BYTES       800

/* ---- start and end ---- */

struct child_ends {
    int fds[3];
};

static int open_pipes(struct handler_process *process, struct child_ends *child)
{
    int r = fd_pipe(&child->fds[0], &process->stdin_fd);

    if (r == 0)
        r = fd_pipe(&process->stdout_fd, &child->fds[1]);
    if (r == 0)
        r = fd_pipe(&process->stderr_fd, &child->fds[2]);
    if (r == 0)
        r = fd_set_nonblocking(process->stdin_fd);
    if (r == 0)
        r = fd_set_nonblocking(process->stdout_fd);
    if (r == 0)
        r = fd_set_nonblocking(process->stderr_fd);
    return r;
}

static int spawn(struct handler_process *process, const struct child_ends *child,
                 const char **ret_step)
{
    const struct handler_spec *spec = process->spec;
    struct process_spec what = {
        .argv = spec->argv,
        .envp = spec->envp,
        .cwd = spec->cwd,
        .stdio = {child->fds[0], child->fds[1], child->fds[2]},
        .limits = spec->limits,
        .limit_count = spec->limit_count,
        .reset_signals = spec->reset_signals,
        .leftovers = spec->leftovers,
        .cgroups = spec->cgroups,
        .ends_itself = spec->ends_itself,
    };
    enum process_step step;
    int r = process_spawn(&what, &process->process, &step);

    if (r < 0)
        *ret_step = process_step_name(step);
    return r;
}

static void release(struct handler_process *process)
{
    fd_close(process->stdin_fd);
    fd_close(process->stdout_fd);
    fd_close(process->stderr_fd);
    frame_free(process->lines);
    free(process);
}

int handler_process_start(const struct handler_spec *spec, struct handler_process **ret_process,
                          const char **ret_step)
{
    struct handler_process *process = calloc(1, sizeof(*process));
    struct child_ends child = {{-1, -1, -1}};
    const char *step = "memory";
    int r = -ENOMEM;

    if (process) {
        process->spec = spec;
        process->stdin_fd = process->stdout_fd = process->stderr_fd = -1;
        process->lines = frame_new(spec->bounds.line_bytes);
    }
    if (process && process->lines) {
        step = "pipe";
        r = open_pipes(process, &child);
    }
    if (r == 0)
        r = spawn(process, &child, &step);
    for (size_t i = 0; i < 3; i++)
        fd_close(child.fds[i]);
    if (r < 0) {
        if (process)
            release(process);
        *ret_step = step;
        return r;
    }
    *ret_process = process;
    return 0;
}

void handler_process_kill(struct handler_process *process, struct process_exit *ret_exit)
{
    struct process_exit status = {0};

    if (!process)
        return;
    /* Whoever it has started goes with it. */
    process_signal_group(&process->process, SIGKILL);
    if (process_reap(&process->process, &status) < 0)
        status = (struct process_exit){0};
    if (ret_exit)
        *ret_exit = status;
    release(process);
}

bool handler_process_has_exited(const struct handler_process *process)
{
    struct pollfd exited = {.fd = process->process.pidfd, .events = POLLIN};

    return poll(&exited, 1, 0) > 0;
}

/* ---- the pipes ---- */

ssize_t handler_process_write(struct handler_process *process, const char *data, size_t size)
{
    ssize_t written = write(process->stdin_fd, data, size);

    if (written < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return written;
}

bool handler_process_read_nothing(const struct handler_process *process, size_t size)
{
    int unread;

    /* A pipe can be asked from either of its ends, also when nobody is left at the other. */
    return ioctl(process->stdin_fd, FIONREAD, &unread) == 0 && (size_t)unread == size;
}

int handler_process_read(struct handler_process *process)
{
    char *room;
    size_t size;
    ssize_t got;
    int r;

    if (process->stdout_fd < 0)
        return -EPIPE;
    r = frame_room(process->lines, READ_BYTES, &room, &size);
    if (r < 0)
        return r;
    got = read(process->stdout_fd, room, size);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0) {
        process->stdout_fd = fd_close(process->stdout_fd);
        return -EPIPE;
    }
    frame_added(process->lines, (size_t)got);
    process->read_ns = clock_mono_ns();
    return 1;
}

int handler_process_line(struct handler_process *process, char **ret_line, size_t *ret_size)
{
    return frame_next(process->lines, ret_line, ret_size);
}

/* The number of bytes; 0 where there are none, and then stderr may be closed. */
static size_t read_stderr(struct handler_process *process, char *data, size_t size)
{
    ssize_t got;

    if (process->stderr_fd < 0)
        return 0;
    got = read(process->stderr_fd, data, size);
    if (got > 0)
        return (size_t)got;
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        process->stderr_fd = fd_close(process->stderr_fd);
    return 0;
}

bool handler_process_capture(struct handler_process *process, struct output *output)
{
    char data[PIPE_BYTES];
    size_t size = read_stderr(process, data, sizeof(data));

    /* Without memory the output counts as truncated, and the call goes on. */
    if (size > 0)
        output_append(output, OUTPUT_STDERR, data, size);
    return size > 0;
}

/* ---- the log ---- */

static void write_log(const struct handler_process *process, enum log_level level, const char *text)
{
    const char *kind = process->spec->kind, *name = process->spec->name;
    int pid = (int)process->process.pid;

    switch (level) {
    case LOG_LEVEL_ERROR:
        log_error("%s %s[%d]: %s", kind, name, pid, text);
        break;
    case LOG_LEVEL_WARNING:
        log_warning("%s %s[%d]: %s", kind, name, pid, text);
        break;
    case LOG_LEVEL_INFO:
        log_info("%s %s[%d]: %s", kind, name, pid, text);
        break;
    case LOG_LEVEL_DEBUG:
        log_debug("%s %s[%d]: %s", kind, name, pid, text);
        break;
    }
}

void handler_process_log(struct handler_process *process, enum log_level level, const char *text)
{
    uint64_t now_ns = clock_mono_ns();

    if (now_ns - process->log_window_ns >= NS_PER_S) {
        unsigned dropped = process->log_lines_dropped;

        process->log_window_ns = now_ns;
        process->log_lines = process->log_lines_dropped = 0;
        if (dropped > 0)
            log_warning("%s %s[%d]: %u lines are left out here", process->spec->kind,
                        process->spec->name, (int)process->process.pid, dropped);
    }
    if (process->log_lines >= LOG_LINES_PER_SECOND) {
        process->log_lines_dropped++;
        return;
    }
    process->log_lines++;
    write_log(process, level, text);
}

static void note_last_words(struct handler_process *process, const char *data, size_t size)
{
    size_t room = sizeof(process->last_words), keep = process->last_words_bytes;

    if (size > room) {
        data += size - room;
        size = room;
    }
    if (keep > room - size) {
        memmove(process->last_words, process->last_words + keep - (room - size), room - size);
        keep = room - size;
    }
    memcpy(process->last_words + keep, data, size);
    process->last_words_bytes = keep + size;
}

bool handler_process_log_stderr(struct handler_process *process)
{
    char data[PIPE_BYTES + 1];
    size_t size = read_stderr(process, data, sizeof(data) - 1);
    char *rest = data, *line;

    data[size] = '\0';
    note_last_words(process, data, size);
    while ((line = strsep(&rest, "\n"))) {
        line[strnlen(line, LOG_LINE_BYTES)] = '\0';
        if (*line)
            handler_process_log(process, LOG_LEVEL_INFO, line);
    }
    return size > 0;
}

/* ---- between calls ---- */

/* A line that nobody asked for: a notification, or the end of this process. */
static bool takes_line(struct handler_process *process, const char *line, size_t size)
{
    struct handler_message message;
    const char *why = "no memory to read what it writes";
    bool fine;
    int r = handler_message_parse(line, size, &process->spec->bounds, &message, &why);

    if (r < 0) {
        log_warning("%s %s[%d]: wrote %s between two calls, and is replaced", process->spec->kind,
                    process->spec->name, (int)process->process.pid, why);
        return false;
    }
    if (message.kind == HANDLER_LOG)
        handler_process_log(process, message.level, message.text);
    fine = message.kind != HANDLER_RESULT && message.kind != HANDLER_ERROR;
    if (!fine)
        log_warning("%s %s[%d]: answered what nobody asked, and is replaced", process->spec->kind,
                    process->spec->name, (int)process->process.pid);
    handler_message_clear(&message);
    return fine;
}

bool handler_process_takes_lines(struct handler_process *process)
{
    char *line;
    size_t size;
    int r;

    while ((r = handler_process_line(process, &line, &size)) > 0) {
        if (!takes_line(process, line, size))
            return false;
    }
    if (r < 0)
        log_warning("%s %s[%d]: wrote an endless line between two calls, and is replaced",
                    process->spec->kind, process->spec->name, (int)process->process.pid);
    return r == 0;
}

bool handler_process_is_fit(struct handler_process *process)
{
    struct pollfd sources[] = {
        {.fd = process->process.pidfd, .events = POLLIN},
        {.fd = process->stdout_fd, .events = POLLIN},
        {.fd = process->stderr_fd, .events = POLLIN},
    };
    int r = 1;

    if (!handler_process_takes_lines(process))
        return false;
    if (poll(sources, 3, 0) <= 0)
        return true;
    for (int i = 0; sources[2].revents && i < MAX_READS && handler_process_log_stderr(process);
         i++) {
    }
    for (int i = 0; sources[1].revents && i < MAX_READS && r > 0; i++) {
        r = handler_process_read(process);
        if (r > 0 && !handler_process_takes_lines(process))
            return false;
    }
    if (sources[0].revents || r < 0) {
        log_info("%s %s[%d]: ended by itself", process->spec->kind, process->spec->name,
                 (int)process->process.pid);
        return false;
    }
    return true;
}

void handler_process_drain(struct handler_process *process)
{
    char nowhere[READ_BYTES];

    for (int i = 0; i < MAX_READS && handler_process_log_stderr(process); i++) {
    }
    for (int i = 0; i < MAX_READS && process->stdout_fd >= 0; i++) {
        ssize_t got = read(process->stdout_fd, nowhere, sizeof(nowhere));

        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (got <= 0)
            process->stdout_fd = fd_close(process->stdout_fd);
    }
}

#include "daemon/run/command_watch.h"

#include "daemon/base/clock.h"
#include "daemon/base/fd.h"
#include "daemon/core/output.h"
#include "daemon/run/escapes.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

/* As much as a pipe holds unless somebody made it larger. It lies on the worker's stack, whose
 * pages stay warm from job to job. */
#define READ_BYTES 65536

#define NEVER_NS UINT64_MAX

enum source { SOURCE_STDIN, SOURCE_STDOUT, SOURCE_STDERR, SOURCE_EXIT, SOURCE_STOP, SOURCES };

/* The process is reaped last of all, when nothing more is to be sent to its group: as long as it is
 * a zombie its pid, and so the id of its group, cannot come to mean anybody else. */
struct progress {
    struct command_watch *watch;
    struct command_end *end;
    uint64_t output_bytes; /* read so far */
    bool exited;
    uint64_t kill_ns;  /* when KILL is due */
    uint64_t leave_ns; /* when to let go of pipes that somebody else holds */
};

static uint64_t after_ms(uint64_t now_ns, uint64_t delay_ms)
{
    if (delay_ms >= (NEVER_NS - now_ns) / NS_PER_MS)
        return NEVER_NS;
    return now_ns + delay_ms * NS_PER_MS;
}

static void feed_stdin(struct command_watch *watch)
{
    ssize_t written = write(watch->stdin_fd, watch->stdin_data, watch->stdin_bytes);

    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (written > 0) {
        watch->stdin_data += written;
        watch->stdin_bytes -= (size_t)written;
    }
    /* A command that does not want its input is no error (EPIPE). */
    if (written < 0 || watch->stdin_bytes == 0)
        watch->stdin_fd = fd_close(watch->stdin_fd);
}

/* Nobody wants to read that much, and reading it takes the time of all others. */
static void count_output(struct progress *progress, size_t size)
{
    progress->output_bytes += size;
    if (progress->output_bytes <= progress->watch->output_total_bytes || progress->end->flooded)
        return;
    progress->end->flooded = true;
    process_signal_group(&progress->watch->process, SIGKILL);
}

static void capture(struct progress *progress, int *fd, enum output_stream stream, short revents)
{
    char buffer[READ_BYTES];
    ssize_t size = 0;

    /* Hung up and nothing to read is the end: that spares a read. */
    if (revents & POLLIN) {
        size = read(*fd, buffer, sizeof(buffer));
        if (size < 0 && errno == EINTR)
            return;
    }
    if (size <= 0) {
        *fd = fd_close(*fd);
        return;
    }
    /* Without memory the output counts as truncated, and the command goes on. */
    output_append(progress->watch->output, stream, buffer, (size_t)size);
    count_output(progress, (size_t)size);
}

static void note_exit(struct progress *progress)
{
    uint64_t now_ns = clock_mono_ns();

    progress->exited = true;
    progress->leave_ns = after_ms(now_ns, progress->watch->pipe_grace_ms);
    progress->end->wall_ns = now_ns - progress->watch->start_ns;
}

static bool at_end(const struct progress *progress)
{
    const struct command_watch *watch = progress->watch;

    return progress->exited && ((watch->stdout_fd < 0 && watch->stderr_fd < 0) ||
                                clock_mono_ns() >= progress->leave_ns);
}

/* A newer request takes the place of the older one, its time to KILL included. */
static void obey_stop(struct progress *progress)
{
    struct command_end *end = progress->end;
    struct stop_request request;

    if (!call_stop(progress->watch->call, &request))
        return;
    if (end->stopped && request.serial == end->stop.serial)
        return;
    end->stopped = true;
    end->stop = request;
    process_signal_group(&progress->watch->process, request.signal_number);
    /* One that stands still takes no signal but KILL: it is to hear of this one while it may. */
    if (request.signal_number != SIGSTOP && request.signal_number != SIGTSTP)
        process_signal_group(&progress->watch->process, SIGCONT);
    progress->kill_ns = after_ms(clock_mono_ns(), request.grace_ms);
}

static void kill_if_due(struct progress *progress)
{
    if (clock_mono_ns() < progress->kill_ns)
        return;
    process_signal_group(&progress->watch->process, SIGKILL);
    progress->kill_ns = NEVER_NS;
}

/* Milliseconds for poll, rounded up: -1 where nothing is due. */
static int next_timeout_ms(const struct progress *progress)
{
    uint64_t due_ns =
        progress->kill_ns < progress->leave_ns ? progress->kill_ns : progress->leave_ns;
    uint64_t now_ns = clock_mono_ns();
    uint64_t rest_ms;

    if (due_ns == NEVER_NS)
        return -1;
    if (due_ns <= now_ns)
        return 0;
    rest_ms = (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    return rest_ms < INT_MAX ? (int)rest_ms : INT_MAX;
}

/* One wait and what it brings; false when the command is over. */
static bool step(struct progress *progress)
{
    struct command_watch *watch = progress->watch;
    struct pollfd sources[SOURCES] = {
        [SOURCE_STDIN] = {.fd = watch->stdin_fd, .events = POLLOUT},
        [SOURCE_STDOUT] = {.fd = watch->stdout_fd, .events = POLLIN},
        [SOURCE_STDERR] = {.fd = watch->stderr_fd, .events = POLLIN},
        [SOURCE_EXIT] = {.fd = progress->exited ? -1 : watch->process.pidfd, .events = POLLIN},
        [SOURCE_STOP] = {.fd = call_stop_fd(watch->call), .events = POLLIN},
    };

    /* A failed poll (EINTR, ENOMEM) has nothing to tell: try again. */
    if (poll(sources, SOURCES, next_timeout_ms(progress)) < 0)
        return true;
    if (sources[SOURCE_STDIN].revents)
        feed_stdin(watch);
    if (sources[SOURCE_STDOUT].revents)
        capture(progress, &watch->stdout_fd, OUTPUT_STDOUT, sources[SOURCE_STDOUT].revents);
    if (sources[SOURCE_STDERR].revents)
        capture(progress, &watch->stderr_fd, OUTPUT_STDERR, sources[SOURCE_STDERR].revents);
    /* The exit is noted after the streams were read and the end is looked for after the next read:
     * so a full pipe that the command left behind is always emptied, however late this thread is.
     */
    if (at_end(progress))
        return false;
    if (sources[SOURCE_EXIT].revents) {
        note_exit(progress);
        if (watch->stdout_fd < 0 && watch->stderr_fd < 0)
            return false;
    }
    if (sources[SOURCE_STOP].revents)
        obey_stop(progress);
    kill_if_due(progress);
    return true;
}

int command_watch_run(struct command_watch *watch, struct command_end *ret_end)
{
    struct command_end end = {0};
    struct progress progress = {
        .watch = watch, .end = &end, .kill_ns = NEVER_NS, .leave_ns = NEVER_NS};
    int r;

    while (step(&progress)) {
    }
    /* Whoever of the group outlived its leader in spite of a stop request has had its chance. */
    if (end.stopped || end.flooded) {
        process_signal_group(&watch->process, SIGKILL);
        if (!watch->process.cgroup)
            escapes_end(watch->process.pid, watch->envp, end.escaped, sizeof(end.escaped));
    }
    call_set_pid(watch->call, 0);
    r = process_reap(&watch->process, &end.status);
    if (r < 0)
        return r;
    *ret_end = end;
    return 0;
}

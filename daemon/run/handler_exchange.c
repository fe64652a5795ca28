#include "daemon/run/handler_exchange.h"

#include "daemon/base/clock.h"
#include "daemon/run/handler_process.h"
#include "proto/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define NEVER_NS UINT64_MAX

/* After the end of its stdout a process is given this time to exit, so that its status is known. */
#define CLOSED_MS 1000

/* The most that a process can have in its pipes when it is gone. */
#define MAX_READS 64

enum source { SOURCE_STDOUT, SOURCE_STDERR, SOURCE_EXIT, SOURCE_STOP, SOURCE_STDIN, SOURCES };

struct state {
    struct handler_exchange *exchange;
    struct handler_process *process;
    size_t written;      /* of the request */
    size_t more_written; /* of what comes behind it */
    bool nobody_reads;
    bool stopped;
    uint64_t silent_ns; /* when it has been silent for too long */
    uint64_t kill_ns;   /* when KILL is due */
    bool over;
    enum handler_end end;
};

static uint64_t after_ns(uint64_t now_ns, uint64_t delay_ns)
{
    return delay_ns < NEVER_NS - now_ns ? now_ns + delay_ns : NEVER_NS;
}

static void finish(struct state *state, enum handler_end end)
{
    state->over = true;
    state->end = end;
}

static void note_life(struct state *state)
{
    struct handler_exchange *exchange = state->exchange;

    if (exchange->timeout_ns == 0)
        return;
    exchange->heard_ns = clock_mono_ns();
    if (!state->stopped || exchange->peer)
        state->silent_ns = after_ns(exchange->heard_ns, exchange->timeout_ns);
}

/* After a stop request nobody waits for a handler's answer any more. */
static bool awaits_answer(const struct state *state)
{
    return !state->stopped || state->exchange->peer;
}

/* Keeps the beginning of a line for those who look for the mistake. */
static void keep_line(struct handler_exchange *exchange, const char *line, size_t size)
{
    if (size > HANDLER_LINE_BYTES)
        size = utf8_cut(line, HANDLER_LINE_BYTES);
    memcpy(exchange->line, line, size);
    exchange->line[size] = '\0';
    if (utf8_valid(exchange->line, size) && !memchr(exchange->line, '\0', size))
        return;
    for (size_t i = 0; i < size; i++) {
        if ((exchange->line[i] & 0x80) != 0 || exchange->line[i] == '\0')
            exchange->line[i] = '?';
    }
}

/* ---- lines ---- */

/* True where the message is the answer, which then belongs to the exchange. */
static bool take_message(struct state *state, const struct handler_message *message)
{
    struct handler_exchange *exchange = state->exchange;

    switch (message->kind) {
    case HANDLER_RESULT:
    case HANDLER_ERROR:
        if (message->id == exchange->id) {
            exchange->answer = *message;
            finish(state, HANDLER_ANSWERED);
            return true;
        }
        finish(state, HANDLER_WRONG_ID);
        return false;
    case HANDLER_PROGRESS:
        /* Without memory one report is lost. One of an earlier call comes too late. */
        if (message->any_id || message->id == exchange->id)
            call_progress(exchange->call, message->value.text, message->value.size);
        return false;
    case HANDLER_LOG:
        handler_process_log(state->process, message->level, message->text);
        return false;
    case HANDLER_OUTPUT:
    case HANDLER_PID:
    case HANDLER_ALIVE:
        exchange->peer->take_message(exchange, message);
        return false;
    case HANDLER_UNKNOWN:
        break;
    }
    return false;
}

static void take_line(struct state *state, const char *line, size_t size)
{
    struct handler_exchange *exchange = state->exchange;
    struct handler_message message;
    int r = handler_message_parse(line, size, &exchange->spec->bounds, &message, &exchange->why);

    if (r == -ENOMEM) {
        finish(state, HANDLER_NO_MEMORY);
        return;
    }
    if (r < 0)
        finish(state, HANDLER_GARBAGE);
    else if (!take_message(state, &message))
        handler_message_clear(&message);
    if (state->over && state->end != HANDLER_ANSWERED)
        keep_line(exchange, line, size);
}

static void take_lines(struct state *state)
{
    char *line;
    size_t size;
    int r = 0;

    while (!state->over && (r = handler_process_line(state->process, &line, &size)) > 0) {
        note_life(state);
        if (awaits_answer(state))
            take_line(state, line, size);
    }
    if (r < 0 && awaits_answer(state))
        finish(state, HANDLER_OVERSIZE);
}

/* ---- the sources ---- */

/* True while there is something to write that somebody may read. */
static bool is_feeding(const struct state *state)
{
    const struct handler_exchange *exchange = state->exchange;

    return !state->nobody_reads &&
           (state->written < exchange->request_bytes || state->more_written < exchange->more.size);
}

static void feed(struct state *state)
{
    struct handler_exchange *exchange = state->exchange;
    bool at_request = state->written < exchange->request_bytes;
    const char *data = at_request ? exchange->request : exchange->more.data;
    size_t size = at_request ? exchange->request_bytes : exchange->more.size;
    size_t *at = at_request ? &state->written : &state->more_written;
    ssize_t written = handler_process_write(state->process, data + *at, size - *at);

    /* What it means that nobody reads there any more the other sources will tell. */
    if (written < 0) {
        state->nobody_reads = true;
        return;
    }
    *at += (size_t)written;
    if (!at_request && state->more_written == size) {
        writer_reset(&exchange->more);
        state->more_written = 0;
    }
}

static bool take_stderr(struct handler_exchange *exchange)
{
    if (exchange->peer)
        return exchange->peer->take_stderr(exchange);
    return handler_process_capture(exchange->process, exchange->output);
}

/* The stream is at its end: the process is about to exit, or has lost its way. */
static void take_end(struct state *state)
{
    struct pollfd exited = {.fd = state->process->process.pidfd, .events = POLLIN};

    if (!awaits_answer(state))
        return;
    if (poll(&exited, 1, CLOSED_MS) > 0)
        finish(state, HANDLER_EXITED);
    else
        finish(state, HANDLER_CLOSED);
}

static void take_stdout(struct state *state)
{
    int r = handler_process_read(state->process);

    if (r > 0)
        take_lines(state);
    else if (r == -EPIPE)
        take_end(state);
    else if (r < 0 && awaits_answer(state))
        finish(state, HANDLER_NO_MEMORY);
}

/* The answer may be in the pipe still. */
static void take_exit(struct state *state)
{
    for (int i = 0; i < MAX_READS && !state->over; i++) {
        if (handler_process_read(state->process) <= 0)
            break;
        take_lines(state);
    }
    if (!awaits_answer(state))
        finish(state, HANDLER_STOPPED);
    else if (!state->over)
        finish(state, HANDLER_EXITED);
}

/* A newer request takes the place of the older one, its time to KILL included. */
static void obey_stop(struct state *state)
{
    struct handler_exchange *exchange = state->exchange;
    const struct exchange_peer *peer = exchange->peer;
    struct stop_request request;
    uint64_t delay_ms;

    if (!call_stop(exchange->call, &request))
        return;
    if (state->stopped && request.serial == exchange->stop.serial)
        return;
    state->stopped = true;
    exchange->stop = request;
    delay_ms = request.grace_ms;
    if (peer) {
        peer->ask_to_stop(exchange, &request);
        delay_ms = after_ns(delay_ms, peer->patience_ms);
    } else {
        state->silent_ns = NEVER_NS;
        process_signal_group(&state->process->process, request.signal_number);
    }
    state->kill_ns = delay_ms < NEVER_NS / NS_PER_MS
                         ? after_ns(clock_mono_ns(), delay_ms * NS_PER_MS)
                         : NEVER_NS;
}

static void look_at_clock(struct state *state)
{
    uint64_t now_ns;

    if (state->silent_ns == NEVER_NS && state->kill_ns == NEVER_NS)
        return;
    now_ns = clock_mono_ns();
    if (now_ns >= state->silent_ns)
        finish(state, HANDLER_SILENT);
    if (now_ns >= state->kill_ns) {
        process_signal_group(&state->process->process, SIGKILL);
        state->kill_ns = NEVER_NS;
    }
}

/* One wait and what it brings. */
static void step(struct state *state)
{
    const struct handler_process *process = state->process;
    uint64_t due_ns = state->kill_ns < state->silent_ns ? state->kill_ns : state->silent_ns;
    struct pollfd sources[SOURCES] = {
        [SOURCE_STDOUT] = {.fd = process->stdout_fd, .events = POLLIN},
        [SOURCE_STDERR] = {.fd = process->stderr_fd, .events = POLLIN},
        [SOURCE_EXIT] = {.fd = process->process.pidfd, .events = POLLIN},
        [SOURCE_STOP] = {.fd = call_stop_fd(state->exchange->call), .events = POLLIN},
        [SOURCE_STDIN] = {.fd = is_feeding(state) ? process->stdin_fd : -1, .events = POLLOUT},
    };

    /* A failed poll (EINTR, ENOMEM) has nothing to tell: try again. */
    if (poll(sources, SOURCES, clock_poll_ms(due_ns)) < 0)
        return;
    if (sources[SOURCE_STDERR].revents)
        take_stderr(state->exchange);
    if (sources[SOURCE_STDIN].revents)
        feed(state);
    if (sources[SOURCE_STDOUT].revents)
        take_stdout(state);
    if (!state->over && sources[SOURCE_EXIT].revents)
        take_exit(state);
    if (!state->over && sources[SOURCE_STOP].revents)
        obey_stop(state);
    if (!state->over)
        look_at_clock(state);
}

enum handler_end handler_exchange_run(struct handler_exchange *exchange)
{
    struct state state = {
        .exchange = exchange,
        .process = exchange->process,
        .silent_ns = NEVER_NS,
        .kill_ns = NEVER_NS,
    };

    note_life(&state);
    feed(&state);
    while (!state.over)
        step(&state);
    /* What was written to stderr before the end is there by now. One read takes all of a pipe; of a
     * process that is gone there may be more, when somebody had made its pipe larger. */
    for (int i = 0; take_stderr(exchange); i++) {
        if (state.end == HANDLER_ANSWERED || i >= MAX_READS)
            break;
    }
    if (state.end == HANDLER_EXITED && state.process->tasks > 0 &&
        handler_process_read_nothing(state.process, state.written))
        state.end = HANDLER_UNREAD;
    return state.end;
}

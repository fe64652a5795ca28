/* The way to one remote worker: opened by a launcher, kept alive, left or lost. Worker threads. */
#include "daemon/run/remote_impl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/run/command_env.h"
#include "proto/text.h"

/* How long one turn of opening takes at most; then the worker looks whether there is still work. */
#define TURN_NS (300 * NS_PER_MS)

/* After the end of its stdout a launcher is given this time to exit, so that its status is known.
 */
#define CLOSED_MS 1000

/* The most that a process can have in its pipes when it is gone. */
#define MAX_READS 64

/* ---- a seat and its argv ---- */

/* One word with what stands in braces filled in; malloc'd. */
static char *fill_in(const struct seat *seat, const char *word)
{
    const struct remote *remote = seat->remote;
    struct writer text = {0};
    char number[16], slots[16];
    const struct {
        const char *name, *value;
    } fields[] = {{"{pool}", remote->pool}, {"{worker}", number}, {"{slots}", slots}};
    size_t size;

    snprintf(number, sizeof(number), "%u", seat->number);
    snprintf(slots, sizeof(slots), "%u", remote->slots);
    while (*word) {
        size_t i = 0, count = sizeof(fields) / sizeof(*fields);

        while (i < count && strncmp(word, fields[i].name, strlen(fields[i].name)) != 0)
            i++;
        if (i < count)
            writer_raw(&text, fields[i].value, strlen(fields[i].value));
        else
            writer_raw(&text, word, 1);
        word += i < count ? strlen(fields[i].name) : 1;
    }
    writer_raw(&text, "", 1);
    return writer_take(&text, &size);
}

/* The launcher's words, the program and its option. */
static int make_argv(struct seat *seat)
{
    const struct remote *remote = seat->remote;
    size_t count = 0;

    while (remote->words[count])
        count++;
    seat->argv = calloc(count + 3, sizeof(*seat->argv));
    if (!seat->argv)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (!(seat->argv[i] = fill_in(seat, remote->words[i])))
            return -ENOMEM;
    seat->argv[count] = strdup(remote->program);
    if (!seat->argv[count])
        return -ENOMEM;
    seat->argv[count + 1] = strdup("--worker");
    return seat->argv[count + 1] ? 0 : -ENOMEM;
}

void seat_free(struct seat *seat)
{
    for (char **arg = seat->argv; arg && *arg; arg++)
        free(*arg);
    free(seat->argv);
    free(seat->envp);
    free(seat->own_variable);
    free(seat->name);
    writer_free(&seat->hello);
    free(seat);
}

static int fill_seat(struct seat *seat, const char *worker)
{
    struct remote *remote = seat->remote;
    int r = make_argv(seat);

    seat->name = strdup(worker);
    if (!seat->name || asprintf(&seat->own_variable, "FUTURE_POOL=%s", remote->pool) < 0)
        return -ENOMEM;
    if (r == 0)
        r = command_env_build_own(remote->env, seat->own_variable, &seat->envp);
    seat->spec = (struct handler_spec){
        .kind = "launcher",
        .name = seat->name,
        .argv = seat->argv,
        .envp = seat->envp,
        .reset_signals = remote->reset_signals,
        .leftovers = remote->leftovers,
        .ends_itself = true,
        .bounds = remote->bounds,
    };
    if (remote->sets_open_files)
        seat->spec.limits[seat->spec.limit_count++] = remote->open_files;
    return r;
}

/* Numbers come again, and with them their seats. */
struct seat *seat_take(struct place *place, unsigned number, const char *worker)
{
    struct remote *remote = (struct remote *)place;
    struct seat *seat;

    pthread_mutex_lock(&remote->lock);
    SLIST_FOREACH (seat, &remote->seats, link)
        if (seat->number == number)
            break;
    pthread_mutex_unlock(&remote->lock);
    if (!seat) {
        seat = calloc(1, sizeof(*seat));
        if (!seat)
            return NULL;
        seat->remote = remote;
        seat->number = number;
        if (fill_seat(seat, worker) < 0) {
            seat_free(seat);
            return NULL;
        }
        pthread_mutex_lock(&remote->lock);
        SLIST_INSERT_HEAD(&remote->seats, seat, link);
        pthread_mutex_unlock(&remote->lock);
    }
    seat->lost = false;
    return seat;
}

/* ---- the end of a way ---- */

static void set_host(struct seat *seat, const char *host)
{
    pthread_mutex_lock(&seat->remote->lock);
    snprintf(seat->host, sizeof(seat->host), "%s", host);
    seat->host[utf8_cut(seat->host, strlen(seat->host))] = '\0';
    pthread_mutex_unlock(&seat->remote->lock);
}

static void forget(struct seat *seat)
{
    seat->process = NULL;
    seat->greeted = false;
    seat->asked_ns = 0;
    atomic_store(&seat->ready, false);
    set_host(seat, "");
    atomic_store(&seat->pid, 0);
}

void seat_lose(struct seat *seat)
{
    forget(seat);
    seat->lost = true;
}

/* The worker is told by the end of its stdin; the keeper sees to the rest. */
void seat_leave(struct seat *seat)
{
    struct handler_process *process = seat ? seat->process : NULL;

    if (!process)
        return;
    forget(seat);
    handler_keeper_end(seat->remote->keeper, process);
}

void seat_last_words(const struct seat *seat, char *ret_text)
{
    const struct handler_process *process = seat->process;
    size_t size = process ? process->last_words_bytes : 0, from = 0;

    /* From the beginning of a line, where there is one. */
    if (size == sizeof(process->last_words)) {
        const char *line = memchr(process->last_words, '\n', size - 1);

        from = line ? (size_t)(line + 1 - process->last_words) : 0;
    }
    while (size > from && process->last_words[size - 1] == '\n')
        size--;
    size -= from;
    if (size > 0)
        memcpy(ret_text, process->last_words + from, size);
    ret_text[size] = '\0';
    for (size_t i = 0; i < size; i++)
        if (ret_text[i] == '\0' || (!utf8_valid(ret_text, size) && (ret_text[i] & 0x80)))
            ret_text[i] = '?';
}

/* ---- the first words ---- */

/* What the launcher said last, in one line. */
static void last_line(const struct seat *seat, char *ret_line)
{
    const char *end;

    for (int i = 0; i < MAX_READS && handler_process_log_stderr(seat->process); i++) {
    }
    seat_last_words(seat, ret_line);
    end = strrchr(ret_line, '\n');
    if (end)
        memmove(ret_line, end + 1, strlen(end + 1) + 1);
}

/* The process is gone. */
static void note_failure(struct seat *seat, const char *what, const char *words)
{
    handler_backoff_failed(&seat->remote->backoff, clock_mono_ns());
    remote_set_trouble(seat->remote, "no worker could be started: %s%s%s", what, *words ? ": " : "",
                       words);
    forget(seat);
}

static void fail_opening(struct seat *seat, const char *what)
{
    char words[HANDLER_LAST_WORDS_BYTES + 1];

    last_line(seat, words);
    handler_process_kill(seat->process, NULL);
    note_failure(seat, what, words);
}

void seat_exit_text(const struct process_exit *status, char ret_text[SEAT_EXIT_BYTES])
{
    char name[PROCESS_SIGNAL_NAME_BYTES];

    if (status->signal_number == 0) {
        snprintf(ret_text, SEAT_EXIT_BYTES, "the launcher ended with status %d", status->exit_code);
        return;
    }
    process_signal_name(status->signal_number, name);
    snprintf(ret_text, SEAT_EXIT_BYTES, "the launcher was killed by %s", name);
}

static void fail_ended(struct seat *seat)
{
    struct pollfd exited = {.fd = seat->process->process.pidfd, .events = POLLIN};
    char what[SEAT_EXIT_BYTES] = "the launcher closed its stdout";
    char words[HANDLER_LAST_WORDS_BYTES + 1];
    struct process_exit status;
    bool ended = poll(&exited, 1, CLOSED_MS) > 0;

    last_line(seat, words);
    handler_process_kill(seat->process, &status);
    if (ended)
        seat_exit_text(&status, what);
    note_failure(seat, what, words);
}

/* The answer is there: is it one of ours? */
static void take_greeting(struct seat *seat, const struct handler_message *answer)
{
    struct remote *remote = seat->remote;
    struct remote_greeting greeting;
    char what[200];

    if (answer->kind == HANDLER_ERROR) {
        snprintf(what, sizeof(what), "the worker refused: %.160s", answer->text);
        fail_opening(seat, what);
        return;
    }
    if (remote_greeting_read(answer, &greeting) < 0) {
        fail_opening(seat, "what answered there is no futured");
        return;
    }
    if (strcmp(greeting.version, remote->version) != 0 || greeting.protocol != REMOTE_PROTOCOL) {
        snprintf(what, sizeof(what), "futured on %.64s is version %.32s, and this daemon is %.32s",
                 greeting.host, greeting.version, remote->version);
        fail_opening(seat, what);
        return;
    }
    seat->greeted = true;
    seat->process->tasks++; /* from now on, what it has not read another one may have */
    set_host(seat, greeting.host);
    atomic_store(&seat->ready, true);
    handler_backoff_succeeded(&remote->backoff);
    remote_clear_trouble(remote);
    log_info("pool %s: worker %s is process %lld on %s", remote->pool, seat->name,
             (long long)greeting.pid, greeting.host);
}

static void take_line(struct seat *seat, const char *line, size_t size)
{
    struct handler_message message;
    const char *why = "it cannot be read for want of memory";
    char what[300];
    int r = handler_message_parse(line, size, &seat->spec.bounds, &message, &why);

    if (r < 0) {
        snprintf(what, sizeof(what), "instead of a worker's answer there came %s", why);
        fail_opening(seat, what);
        return;
    }
    if (message.kind == HANDLER_RESULT || message.kind == HANDLER_ERROR)
        take_greeting(seat, &message);
    handler_message_clear(&message);
}

static void take_stdout(struct seat *seat)
{
    char *line;
    size_t size;
    int r = handler_process_read(seat->process);

    if (r == -EPIPE) {
        fail_ended(seat);
        return;
    }
    r = handler_process_line(seat->process, &line, &size);
    if (r > 0)
        take_line(seat, line, size);
    else if (r < 0)
        fail_opening(seat, "there came a line without end");
}

static void write_hello(struct seat *seat)
{
    ssize_t written = handler_process_write(seat->process, seat->hello.data + seat->hello_written,
                                            seat->hello.size - seat->hello_written);

    /* That nobody reads any more its end will tell. */
    seat->hello_written = written < 0 ? seat->hello.size : seat->hello_written + (size_t)written;
}

static int compose_hello(struct seat *seat)
{
    const struct remote *remote = seat->remote;
    struct remote_hello hello = {
        .version = remote->version,
        .pool = remote->pool,
        .worker = seat->number,
        .output_bytes = remote->output_bytes,
        .output_total_bytes = remote->output_total_bytes,
        .result_bytes = remote->result_bytes,
        .line_bytes = remote->handler.line_bytes,
        .depth = remote->handler.depth,
        .values = remote->handler.values,
        .lease_ms = remote->timeout_ms,
        .plugin_dir = remote->plugin_dir,
    };

    writer_reset(&seat->hello);
    seat->hello_written = 0;
    remote_write_hello(&seat->hello, &hello);
    return writer_failed(&seat->hello) ? -ENOMEM : 0;
}

/* ---- opening ---- */

static void start(struct seat *seat)
{
    struct remote *remote = seat->remote;
    const char *step = "memory";
    int r = compose_hello(seat);

    seat->started_ns = clock_mono_ns();
    if (r == 0)
        r = handler_process_start(&seat->spec, &seat->process, &step);
    if (r == 0)
        return;
    seat->process = NULL;
    handler_backoff_failed(&remote->backoff, clock_mono_ns());
    remote_set_trouble(remote, "no worker could be started: %s: %s: %s", seat->argv[0], step,
                       strerror(-r));
}

/* One that never says a word would be waited for without end. */
static void expect_greeting(struct seat *seat)
{
    uint64_t start_ns = seat->remote->start_ns;
    char what[100];

    if (clock_mono_ns() - seat->started_ns < start_ns)
        return;
    snprintf(what, sizeof(what), "the launcher led to no worker in %llu s (launcher_seconds)",
             (unsigned long long)(start_ns / NS_PER_S));
    fail_opening(seat, what);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Waits for something of the process; true where a stop was asked for. */
static bool wait_for_process(struct seat *seat, int stop_fd, uint64_t until_ns)
{
    const struct handler_process *process = seat->process;
    bool writing = seat->hello_written < seat->hello.size;
    struct pollfd sources[] = {
        {.fd = stop_fd, .events = POLLIN},
        {.fd = process->stdout_fd, .events = POLLIN},
        {.fd = process->stderr_fd, .events = POLLIN},
        {.fd = writing ? process->stdin_fd : -1, .events = POLLOUT},
        {.fd = process->process.pidfd, .events = POLLIN},
    };

    if (poll(sources, 5, clock_poll_ms(until_ns)) <= 0)
        return false;
    if (sources[2].revents)
        handler_process_log_stderr(seat->process);
    if (sources[3].revents)
        write_hello(seat);
    if (sources[1].revents)
        take_stdout(seat);
    else if (sources[4].revents)
        fail_ended(seat);
    return sources[0].revents != 0;
}

/* ---- one that rests ---- */

/* The way to it may have been cut meanwhile, and nobody has told. */
static bool rests_for_long(const struct seat *seat)
{
    uint64_t rest_ns = seat->remote->timeout_ms * NS_PER_MS / 4;

    return rest_ns > 0 && clock_mono_ns() - seat->process->read_ns > rest_ns;
}

static void end_lost(struct seat *seat, const char *why)
{
    struct remote *remote = seat->remote;

    log_warning("pool %s: worker %s on %s %s", remote->pool, seat->name, seat->host, why);
    handler_process_kill(seat->process, NULL);
    handler_backoff_failed(&remote->backoff, clock_mono_ns());
    seat_lose(seat);
}

static int ask_for_life(struct seat *seat)
{
    struct writer line = {0};
    ssize_t written = -1;

    remote_write_ping(&line);
    if (!writer_failed(&line))
        written = handler_process_write(seat->process, line.data, line.size);
    /* Where not even that gets through nothing does. */
    int r = written >= 0 && (size_t)written == line.size ? 0 : -EPIPE;
    writer_free(&line);
    return r;
}

/* Waits for a sign of life of a worker that has rested, so that no call is sent to nobody. */
static enum seat_state await_life(struct seat *seat, int stop_fd, uint64_t until_ns)
{
    struct pollfd sources[] = {{.fd = seat->process->stdout_fd, .events = POLLIN},
                               {.fd = stop_fd, .events = POLLIN}};
    uint64_t now_ns = clock_mono_ns();

    if (seat->asked_ns == 0 && ask_for_life(seat) < 0) {
        end_lost(seat, "takes nothing any more");
        return SEAT_LOST;
    }
    if (seat->asked_ns == 0)
        seat->asked_ns = now_ns;
    if (poll(sources, 2, clock_poll_ms(until_ns)) > 0 && sources[0].revents)
        return seat_look(seat);
    if (clock_mono_ns() - seat->asked_ns < remote_silence_ns(seat->remote))
        return SEAT_NOT_YET;
    end_lost(seat, "gives no sign of life");
    return SEAT_LOST;
}

enum seat_state seat_prepare(struct seat *seat, int stop_fd)
{
    struct remote *remote = seat->remote;
    uint64_t until_ns = clock_mono_ns() + TURN_NS;

    if (seat->greeted)
        return await_life(seat, stop_fd, until_ns);

    if (!seat->process) {
        struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
        uint64_t retry_ns = handler_backoff_claim(&remote->backoff, clock_mono_ns());

        if (retry_ns > 0) {
            poll(&stop, 1, clock_poll_ms(earlier(retry_ns, until_ns)));
            return SEAT_NOT_YET;
        }
        start(seat);
    }
    while (seat->process && !seat->greeted && clock_mono_ns() < until_ns)
        if (wait_for_process(seat, stop_fd, until_ns))
            break;
    if (seat->process && !seat->greeted)
        expect_greeting(seat);
    return seat->greeted ? SEAT_READY : SEAT_NOT_YET;
}

enum seat_state seat_look(struct seat *seat)
{
    struct remote *remote = seat->remote;

    if (atomic_load(&remote->retired)) {
        seat_leave(seat);
        seat->lost = true;
    }
    if (seat->lost)
        return SEAT_LOST;
    if (!seat->greeted)
        return SEAT_NOT_YET;
    if (!handler_process_is_fit(seat->process)) {
        end_lost(seat, "is gone");
        return SEAT_LOST;
    }
    if (rests_for_long(seat))
        return SEAT_NOT_YET;
    seat->asked_ns = 0;
    return SEAT_READY;
}

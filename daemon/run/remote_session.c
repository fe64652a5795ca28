#include "daemon/run/remote_session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/core/outcome.h"
#include "daemon/core/output.h"
#include "daemon/core/single.h"
#include "daemon/run/remote_message.h"
#include "proto/frame.h"
#include "proto/text.h"

/* More than any line of the daemon's. */
#define LINE_BYTES (UINT64_C(1) << 32)
#define READ_BYTES 65536

/* Output is told in pieces of that size, while no more than so much waits to be written. */
#define PIECE_BYTES 32768
#define HIGH_BYTES  131072

/* A call that takes longer than this is told of while it runs; one that does not, at its end. */
#define SHORT_NS (10 * NS_PER_MS)

/* How long what runs may take to stop when the daemon is gone. */
#define END_NS (5 * NS_PER_S)

/* Signs of life that may be under way at a time. */
#define ALIVES 16

struct remote_session {
    struct remote_session_settings settings;
    struct single *single; /* NULL: nobody has told who we work for */
    struct frame *in;
    struct writer out;
    size_t out_written;
    struct loop_fd *readable, *writable; /* NULL where the file cannot be waited for */
    struct loop_timer *tick;
    uint64_t tick_ns; /* 0: it is not set */

    /* The call. */
    bool busy;    /* its answer is not written yet */
    bool watched; /* it runs for longer than a short one */
    uint64_t id, begun_ns;
    uint64_t sent[OUTPUT_STREAMS]; /* bytes of its output */
    bool pid_told;
    const struct outcome *outcome; /* NULL: it is not over */
    bool break_pool;

    /* Life. */
    uint64_t lease_ns;                         /* 0: none */
    uint64_t lease_until_ns, alive_ns;         /* when to end; when to give the next sign */
    uint64_t alive_number, alive_sent[ALIVES]; /* the last number, and when they were sent */

    bool ending, stuck;
};

static void flush(struct remote_session *session);

/* ---- the end ---- */

static void set_tick(struct remote_session *session, uint64_t when_ns)
{
    session->tick_ns = when_ns;
    loop_timer_set(session->tick, when_ns);
}

void remote_session_end(struct remote_session *session)
{
    struct stop_request stop = {.cause = STOP_SHUTDOWN, .signal_number = SIGKILL};

    if (session->ending)
        return;
    session->ending = true;
    if (session->readable)
        loop_fd_enable(session->readable, false);
    if (!session->single || !single_is_busy(session->single)) {
        loop_stop(session->settings.loop);
        return;
    }
    single_stop(session->single, &stop);
    set_tick(session, clock_mono_ns() + END_NS);
}

bool remote_session_is_stuck(const struct remote_session *session)
{
    return session->stuck;
}

/* ---- telling ---- */

/* One piece of a stream; false where there is nothing to tell at the moment. */
static bool tell_output(struct remote_session *session, enum output_stream stream)
{
    struct output *output = single_output(session->single);
    char data[PIECE_BYTES];
    uint64_t kept;
    bool ended;
    size_t size, whole;

    if (!output)
        return false;
    size = output_read(output, stream, session->sent[stream], data, sizeof(data), &kept, &ended);
    whole = utf8_cut(data, size);
    /* The rest of a character may be on its way. What is no text at all does not wait. */
    if (whole > 0)
        size = whole;
    else if (!ended && size < 4)
        size = 0;
    if (size == 0)
        return false;
    remote_write_output(&session->out, session->id, stream, data, size);
    session->sent[stream] += size;
    return true;
}

static void tell_answer(struct remote_session *session)
{
    const struct outcome *outcome = session->outcome;

    if (outcome->kind == OUTCOME_RESULT)
        remote_write_result(&session->out, session->id, outcome->json, outcome->json_bytes);
    else
        remote_write_error(&session->out, session->id, outcome_type(outcome),
                           outcome_message(outcome), outcome->json, outcome->json_bytes,
                           session->break_pool);
    session->busy = false;
    session->outcome = NULL;
}

static void tell_pid(struct remote_session *session)
{
    pid_t pid = single_pid(session->single);

    if (session->pid_told || pid == 0)
        return;
    session->pid_told = true;
    remote_write_pid(&session->out, session->id, pid);
}

/* Tells what there is to tell of the call, as far as the daemon takes it: who executes it comes
 * before what that one says. */
static void pump(struct remote_session *session)
{
    while (session->busy && !session->ending &&
           session->out.size - session->out_written < HIGH_BYTES) {
        if (session->watched)
            tell_pid(session);
        if (tell_output(session, OUTPUT_STDOUT) || tell_output(session, OUTPUT_STDERR))
            continue;
        if (!session->outcome)
            break;
        tell_answer(session);
    }
    flush(session);
}

static void on_writable(void *arg)
{
    pump(arg);
}

static void wait_for_room(struct remote_session *session)
{
    int r = 0;

    if (session->writable)
        loop_fd_enable(session->writable, true);
    else
        r = loop_fd_new(session->settings.loop, session->settings.out_fd, true, on_writable,
                        session, &session->writable);
    if (r < 0)
        remote_session_end(session);
}

static void flush(struct remote_session *session)
{
    struct writer *out = &session->out;

    if (writer_failed(out)) {
        log_error("out of memory for what the daemon is to be told");
        remote_session_end(session);
        return;
    }
    while (session->out_written < out->size) {
        ssize_t n = write(session->settings.out_fd, out->data + session->out_written,
                          out->size - session->out_written);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            wait_for_room(session);
            return;
        }
        if (n < 0) {
            remote_session_end(session); /* nobody is there any more */
            return;
        }
        session->out_written += (size_t)n;
    }
    if (session->writable)
        loop_fd_enable(session->writable, false);
    writer_reset(out);
    session->out_written = 0;
}

/* ---- the call ---- */

static void on_output(void *arg)
{
    pump(arg);
}

static void on_progress(void *arg, const char *json)
{
    struct remote_session *session = arg;

    remote_write_progress(&session->out, session->id, json);
    flush(session);
}

static void on_finished(void *arg, const struct outcome *outcome, bool break_pool)
{
    struct remote_session *session = arg;

    if (session->ending) {
        loop_stop(session->settings.loop);
        return;
    }
    session->outcome = outcome;
    session->break_pool = break_pool;
    pump(session);
}

static void tell_alive(struct remote_session *session, uint64_t now_ns)
{
    session->alive_number++;
    session->alive_sent[session->alive_number % ALIVES] = now_ns;
    session->alive_ns = now_ns + session->lease_ns / 4;
    remote_write_alive(&session->out, session->alive_number);
}

/* The daemon has heard that sign, so our time runs from when it was given. One from before the
 * call, which a ping may have called forth, takes nothing from the time that the call has. */
static void renew_lease(struct remote_session *session, uint64_t number)
{
    uint64_t until_ns = session->alive_sent[number % ALIVES] + session->lease_ns;

    if (number > session->alive_number || number + ALIVES <= session->alive_number)
        return;
    if (until_ns > session->lease_until_ns)
        session->lease_until_ns = until_ns;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A call runs: it is told of, and the daemon is to say that it still is there. */
static void tend(struct remote_session *session, uint64_t now_ns)
{
    uint64_t next_ns = now_ns + 100 * SHORT_NS;

    if (now_ns - session->begun_ns < SHORT_NS) {
        set_tick(session, now_ns + SHORT_NS);
        return;
    }
    if (!session->watched)
        single_watch(session->single);
    session->watched = true;
    if (session->lease_ns > 0 && now_ns >= session->lease_until_ns) {
        log_error("no word from the daemon for %g s: ending", (double)session->lease_ns / 1e9);
        remote_session_end(session);
        return;
    }
    if (session->lease_ns > 0) {
        if (now_ns >= session->alive_ns)
            tell_alive(session, now_ns);
        next_ns = earlier(next_ns, earlier(session->alive_ns, session->lease_until_ns));
    }
    set_tick(session, next_ns);
    pump(session);
}

static void on_tick(void *arg)
{
    struct remote_session *session = arg;

    session->tick_ns = 0;
    if (session->ending) {
        session->stuck = true;
        loop_stop(session->settings.loop);
    } else if (session->busy) {
        tend(session, clock_mono_ns());
    }
}

static void refuse_call(struct remote_session *session, uint64_t id, const char *type,
                        const char *why)
{
    remote_write_error(&session->out, id, type, why, NULL, 0, false);
    flush(session);
}

static void start_call(struct remote_session *session, const struct remote_call *call)
{
    char why[256] = "no init came before the call";
    const struct function *function =
        session->single ? session->settings.find(session->settings.arg, call, why, sizeof(why))
                        : NULL;
    uint64_t now_ns = clock_mono_ns();
    struct single_call what = {
        .function = function,
        .id = call->id,
        .attempt = call->attempt,
        .args = call->args.text,
        .args_bytes = call->args.size,
        .item = call->item.text,
        .item_bytes = call->item.size,
    };

    if (!function) {
        refuse_call(session, call->id, "FunctionMissing", why);
        return;
    }
    session->busy = true;
    session->watched = session->pid_told = false;
    session->id = call->id;
    session->begun_ns = now_ns;
    session->sent[OUTPUT_STDOUT] = session->sent[OUTPUT_STDERR] = 0;
    session->lease_until_ns = now_ns + session->lease_ns;
    session->alive_ns = now_ns + session->lease_ns / 4;
    if (single_start(session->single, &what) < 0) {
        session->busy = false;
        refuse_call(session, call->id, "MemoryError", "out of memory");
    } else if (session->tick_ns == 0 || session->tick_ns > now_ns + SHORT_NS) {
        set_tick(session, now_ns + SHORT_NS);
    }
}

/* ---- the daemon's lines ---- */

static int begin_work(struct remote_session *session, const struct remote_hello *hello)
{
    struct single_hooks hooks = {.arg = session,
                                 .on_output = on_output,
                                 .on_progress = on_progress,
                                 .on_finished = on_finished};
    int r = session->settings.on_hello(session->settings.arg, hello);

    session->lease_ns = hello->lease_ms * NS_PER_MS;
    if (r == 0)
        r = single_new(session->settings.loop, "worker", hello->worker, hello->output_bytes, &hooks,
                       &session->single);
    return r;
}

static void take_hello(struct remote_session *session, const struct remote_request *request)
{
    const struct remote_session_settings *own = &session->settings;
    struct remote_greeting greeting = {
        .version = own->version, .host = own->host, .protocol = REMOTE_PROTOCOL, .pid = getpid()};
    char why[200];
    int r;

    if (request->protocol != REMOTE_PROTOCOL || strcmp(request->hello.version, own->version) != 0) {
        snprintf(why, sizeof(why), "futured on %.64s is version %.32s, and the daemon is %.32s",
                 own->host, own->version, request->hello.version);
        refuse_call(session, request->id, "VersionMismatch", why);
        return;
    }
    r = session->single ? -EALREADY : begin_work(session, &request->hello);
    if (r < 0) {
        snprintf(why, sizeof(why), "it cannot begin: %s", strerror(-r));
        refuse_call(session, request->id, "WorkerError", why);
        return;
    }
    remote_write_greeting(&session->out, &greeting);
    flush(session);
}

static void take_request(struct remote_session *session, const struct remote_request *request)
{
    switch (request->kind) {
    case REMOTE_HELLO:
        take_hello(session, request);
        break;
    case REMOTE_CALL:
        if (session->busy) {
            log_error("the daemon sent a call before the last one was answered: ending");
            remote_session_end(session);
            break;
        }
        start_call(session, &request->call);
        break;
    case REMOTE_STOP:
        if (session->busy && request->id == session->id)
            single_stop(session->single, &request->stop);
        break;
    case REMOTE_ALIVE:
        renew_lease(session, request->number);
        break;
    case REMOTE_PING:
        remote_write_alive(&session->out, session->alive_number);
        flush(session);
        break;
    case REMOTE_UNKNOWN:
        break;
    }
}

static void take_line(struct remote_session *session, const char *line, size_t size)
{
    struct remote_request request;
    const char *why = "no memory to read what it said";
    int r = remote_request_read(line, size, &request, &why);

    if (r < 0) {
        log_error("from the daemon there came %s: ending", why);
        remote_session_end(session);
        return;
    }
    take_request(session, &request);
    remote_request_clear(&request);
}

static void on_readable(void *arg)
{
    struct remote_session *session = arg;
    char *room, *line;
    size_t size;
    ssize_t got;

    if (frame_room(session->in, READ_BYTES, &room, &size) < 0) {
        remote_session_end(session);
        return;
    }
    got = read(session->settings.in_fd, room, size);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        remote_session_end(session);
        return;
    }
    frame_added(session->in, (size_t)got);
    while (!session->ending && frame_next(session->in, &line, &size) > 0)
        take_line(session, line, size);
}

/* ---- making ---- */

int remote_session_new(const struct remote_session_settings *settings,
                       struct remote_session **ret_session)
{
    struct remote_session *session = calloc(1, sizeof(*session));
    int r = -ENOMEM;

    if (!session)
        return r;
    session->settings = *settings;
    session->in = frame_new(LINE_BYTES);
    if (session->in)
        r = loop_timer_new(settings->loop, on_tick, session, &session->tick);
    if (r == 0)
        r = fd_set_nonblocking(settings->in_fd);
    if (r == 0)
        r = fd_set_nonblocking(settings->out_fd);
    if (r == 0)
        r = loop_fd_new(settings->loop, settings->in_fd, false, on_readable, session,
                        &session->readable);
    if (r < 0) {
        remote_session_free(session);
        return r;
    }
    *ret_session = session;
    return 0;
}

void remote_session_free(struct remote_session *session)
{
    if (!session)
        return;
    single_free(session->single);
    loop_fd_free(session->readable);
    loop_fd_free(session->writable);
    loop_timer_free(session->tick);
    frame_free(session->in);
    writer_free(&session->out);
    free(session);
}

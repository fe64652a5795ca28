/* System calls that fail, as they do where descriptors, threads or memory run out, or a device is
 * broken: the daemon refuses what cannot be done, says so, and serves everybody else and the next.
 * What fails is the daemon's own call, by tests/support/faults.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/deadline.h"
#include "tests/support/faults.h"
#include "tests/support/fixture.h"
#include "tests/support/text.h"

static struct fixture f;
static struct faults *faults;

/* ---- the daemon with the library ---- */

/* Where the programs are, whose folder tests/ holds the library. */
static char *library_path(void)
{
    const char *program = getenv("FUTURED");
    char *build = strdup(program ? program : "build/futured");

    *strrchr(build, '/') = '\0';
    char *relative = text_print("%s/tests/faults.so", build);
    char *path = realpath(relative, NULL);
    if (!path)
        ck_abort_msg("there is no %s", relative);
    free(relative);
    free(build);
    return path;
}

static void add_to_variable(const char *name, const char *more)
{
    const char *before = getenv(name);
    char *value = text_print("%s%s%s", before ? before : "", before ? ":" : "", more);

    setenv(name, value, 1);
    free(value);
}

static void map_faults(void)
{
    const char *directory = getenv("TMPDIR");
    char *path = text_print("%s/faults.XXXXXX", directory ? directory : "/tmp");
    int fd = mkostemp(path, O_CLOEXEC);

    faults = MAP_FAILED;
    if (fd >= 0) {
        if (ftruncate(fd, sizeof(*faults)) == 0)
            faults = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    ck_assert_ptr_ne(faults, MAP_FAILED);
    setenv(FAULTS_VARIABLE, path, 1);
    free(path);
}

/* Whatever this process starts from now on has the library. */
static void preload(void)
{
    char *library = library_path();

    map_faults();
    setenv("LD_PRELOAD", library, 1);
    /* The sanitizer wants to be the first library, and need not be. */
    add_to_variable("ASAN_OPTIONS", "verify_asan_link_order=0");
    free(library);
}

static void setup(void)
{
    static const char *const args[] = {"--log-level", "debug", NULL};
    struct daemon_options options = {.args = args};

    preload();
    fixture_start(&f, &options);
    unsetenv("LD_PRELOAD");
    json_decref(client_result(f.client, "ping", "{}"));
}

static void teardown(void)
{
    fixture_stop(&f);
}

/* From now on, after `skip` more calls, so many fail. */
static void let_fail(enum fault_call call, int error, int skip, int count)
{
    struct fault *fault = &faults->calls[call];

    atomic_store(&fault->left, 0);
    atomic_store(&fault->error, error);
    atomic_store(&fault->skip, skip);
    atomic_store(&fault->hits, 0);
    atomic_store(&fault->left, count);
}

static int hits(enum fault_call call)
{
    return atomic_load(&faults->calls[call].hits);
}

static void expect_hits(enum fault_call call, int count)
{
    ck_assert_int_eq(hits(call), count);
    atomic_store(&faults->calls[call].left, 0);
}

/* The client that was there before, a new one, and a job. */
static void expect_sound(void)
{
    struct client *client = fixture_client(&f);

    json_decref(client_result(f.client, "ping", "{}"));
    expect_result(client, client_submit(client, "{'fn':'echo','args':[1]}"), "[1]");
    client_close(client);
    /* What the daemon does about its end must not meet the next fault. */
    await_connections(f.client, 1);
}

/* ---- clients ---- */

START_TEST(a_client_that_cannot_be_accepted_is_accepted_later)
{
    static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EINTR, ECONNABORTED, EPERM, EIO};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        let_fail(FAULT_ACCEPT4, errors[i], 0, 1);
        struct client *client = fixture_client(&f);
        json_decref(client_result(f.client, "ping", "{}"));
        json_decref(client_result(client, "ping", "{}"));
        expect_hits(FAULT_ACCEPT4, 1);
        client_close(client);
    }
    expect_sound();
}
END_TEST

START_TEST(a_listener_that_is_broken_says_so_once)
{
    let_fail(FAULT_ACCEPT4, EIO, 0, 3);
    struct client *client = fixture_client(&f);
    json_decref(client_result(client, "ping", "{}"));
    client_close(client);
    expect_hits(FAULT_ACCEPT4, 3);
    char *log = daemon_log(f.daemon);
    char *said = strstr(log, "accept");
    ck_assert_ptr_nonnull(said);
    ck_assert_ptr_nonnull(strstr(said, "Input/output error"));
    said = strstr(said + 1, "accept");
    ck_assert(!said || strncmp(said, "accepting clients again", 23) == 0);
    ck_assert(!said || !strstr(said + 1, "accept"));
    free(log);
}
END_TEST

START_TEST(nobody_is_served_without_a_name)
{
    let_fail(FAULT_GETSOCKOPT, EIO, 0, 1);
    struct client *client = fixture_client(&f);
    json_t *reply = client_read(client);
    ck_assert_int_eq(reply_error(reply), -32006);
    json_decref(reply);
    client_expect_end(client);
    client_close(client);
    expect_hits(FAULT_GETSOCKOPT, 1);
    expect_sound();
}
END_TEST

START_TEST(a_client_that_cannot_be_watched_is_sent_away)
{
    static const int errors[] = {ENOMEM, ENOSPC};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        let_fail(FAULT_EPOLL_CTL, errors[i], 0, 1);
        struct client *client = fixture_client(&f);
        client_expect_end(client);
        client_close(client);
        expect_hits(FAULT_EPOLL_CTL, 1);
        expect_sound();
    }
}
END_TEST

/* What passes by itself is tried again. */
START_TEST(an_interruption_is_none)
{
    static const struct {
        enum fault_call call;
        int error;
    } faults_of[] = {
        {FAULT_READ, EINTR},    {FAULT_READ, EAGAIN},      {FAULT_WRITEV, EINTR},
        {FAULT_WRITEV, EAGAIN}, {FAULT_EPOLL_WAIT, EINTR},
    };

    for (size_t i = 0; i < sizeof(faults_of) / sizeof(faults_of[0]); i++) {
        let_fail(faults_of[i].call, faults_of[i].error, 0, 3);
        json_decref(client_result(f.client, "ping", "{}"));
        json_decref(client_result(f.client, "ping", "{}"));
        json_decref(client_result(f.client, "ping", "{}"));
        expect_hits(faults_of[i].call, 3);
        expect_sound();
    }
}
END_TEST

START_TEST(a_broken_connection_is_one_clients_loss)
{
    static const struct {
        enum fault_call call;
        int error;
    } faults_of[] = {
        {FAULT_READ, EIO},   {FAULT_READ, ENOMEM},  {FAULT_READ, ECONNRESET},
        {FAULT_WRITEV, EIO}, {FAULT_WRITEV, EPIPE}, {FAULT_WRITEV, ENOBUFS},
    };

    for (size_t i = 0; i < sizeof(faults_of) / sizeof(faults_of[0]); i++) {
        struct client *client = fixture_client(&f);
        json_decref(client_result(client, "ping", "{}"));
        let_fail(faults_of[i].call, faults_of[i].error, 0, 1);
        client_send_line(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
        struct pollfd closed = {.fd = client_fd(client), .events = POLLIN};
        ck_assert_int_eq(poll(&closed, 1, deadline_ms()), 1);
        ck_assert(closed.revents & POLLHUP);
        client_close(client);
        expect_hits(faults_of[i].call, 1);
        expect_sound();
    }
}
END_TEST

START_TEST(a_log_that_takes_nothing_is_no_reason_to_end)
{
    static const int errors[] = {ENOSPC, EIO, EAGAIN, EPIPE};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        let_fail(FAULT_WRITE, errors[i], 0, 1000);
        /* What the daemon says of this client goes there. */
        let_fail(FAULT_GETSOCKOPT, EIO, 0, 1);
        struct client *client = fixture_client(&f);
        json_decref(client_read(client));
        client_close(client);
        ck_assert_int_gt(hits(FAULT_WRITE), 0);
        atomic_store(&faults->calls[FAULT_WRITE].left, 0);
        expect_sound();
    }
}
END_TEST

/* ---- workers ---- */

START_TEST(a_call_for_which_no_thread_can_be_had_is_refused)
{
    static const struct {
        enum fault_call call;
        int error;
    } faults_of[] = {
        {FAULT_PTHREAD_CREATE, EAGAIN},
        {FAULT_PTHREAD_CREATE, ENOMEM},
        {FAULT_EVENTFD, EMFILE},
        {FAULT_EVENTFD, ENOMEM},
    };

    for (size_t i = 0; i < sizeof(faults_of) / sizeof(faults_of[0]); i++) {
        /* A pool of its own has no thread yet. */
        json_decref(client_result(f.client, "pool.set", "{'pool':'p%d','max_workers':1}", (int)i));
        let_fail(faults_of[i].call, faults_of[i].error, 0, 1);
        ck_assert_int_eq(client_error(f.client, "submit", "{'fn':'echo','pool':'p%d'}", (int)i),
                         -32603);
        expect_hits(faults_of[i].call, 1);
        expect_result(f.client,
                      client_submit(f.client, "{'fn':'echo','pool':'p%d','args':{}}", (int)i),
                      "{}");
    }
}
END_TEST

/* ---- jobs ---- */

#define EXEC_CAT "{'fn':'exec','args':{'argv':['cat'],'stdin':'text'}}"

/* The job cannot start and says why, whatever call it is that fails, and the next one can. */
static void expect_spawn_error(enum fault_call call, int error, const char *name, int skip)
{
    let_fail(call, error, skip, 1);
    json_int_t id = client_submit(f.client, EXEC_CAT);
    json_t *outcome = client_result(f.client, "result", "{'id':%lld}", (long long)id);

    ck_assert_str_eq(json_text_at(outcome, "exception.type"), "SpawnError");
    ck_assert_str_eq(json_text_at(outcome, "exception.data.errno"), name);
    json_decref(outcome);
    expect_hits(call, 1);
    outcome = client_result(f.client, "result", "{'id':%lld}",
                            (long long)client_submit(f.client, EXEC_CAT));
    ck_assert_str_eq(json_text_at(outcome, "result.stdout"), "text");
    json_decref(outcome);
}

START_TEST(a_command_that_cannot_start_says_why)
{
    for (int pipe = 0; pipe < 3; pipe++) {
        expect_spawn_error(FAULT_PIPE2, EMFILE, "EMFILE", pipe);
        expect_spawn_error(FAULT_PIPE2, ENFILE, "ENFILE", pipe);
    }
    expect_spawn_error(FAULT_CLONE, EAGAIN, "EAGAIN", 0);
    expect_spawn_error(FAULT_CLONE, ENOMEM, "ENOMEM", 0);
    expect_spawn_error(FAULT_CLONE, EMFILE, "EMFILE", 0);
}
END_TEST

/* The thread that feeds and reads a job. */
START_TEST(a_job_that_is_watched_badly_has_an_end)
{
    static const int errors[] = {EINTR, EAGAIN, ENOMEM};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        for (int skip = 0; skip < 3; skip++) {
            let_fail(FAULT_POLL, errors[i], skip, 1);
            json_int_t id = client_submit(f.client, EXEC_CAT);
            json_t *outcome = client_result(f.client, "result", "{'id':%lld}", (long long)id);
            ck_assert_str_eq(json_text_at(outcome, "state"), "FINISHED");
            if (errors[i] == EINTR)
                ck_assert_str_eq(json_text_at(outcome, "result.stdout"), "text");
            json_decref(outcome);
            expect_sound();
        }
    }
    let_fail(FAULT_POLL, 0, 0, 0);
}
END_TEST

/* ---- the machine's clock ---- */

static void jump_to(long long seconds)
{
    atomic_store(&faults->clock_jump_s, seconds);
}

/* Somebody sets the clock, by hand or by what keeps the time: what is due is due when the time has
 * gone by, and neither earlier nor later. */
START_TEST(the_clock_is_set_while_things_wait)
{
    static const long long jumps_s[] = {-100000000, -3600, 3600, 100000000};

    for (size_t i = 0; i < sizeof(jumps_s) / sizeof(jumps_s[0]); i++) {
        json_int_t far = client_submit(f.client, "{'fn':'echo','delay':1000}");
        json_int_t soon = client_submit(f.client, "{'fn':'echo','args':[2],'delay':0.3}");
        json_int_t bounded =
            client_submit(f.client, "{'fn':'sleep','args':{'seconds':1000},'timeout':0.3}");
        json_int_t asleep = client_submit(f.client, "{'fn':'sleep','args':{'seconds':0.3}}");
        json_int_t waits =
            client_request(f.client, "result", "{'id':%lld,'timeout':0.3}", (long long)far);
        jump_to(jumps_s[i]);
        expect_result(f.client, soon, "[2]");
        expect_result(f.client, asleep, "null");
        json_t *outcome = client_result(f.client, "result", "{'id':%lld}", (long long)bounded);
        ck_assert_str_eq(json_text_at(outcome, "exception.type"), "TimedOut");
        json_decref(outcome);
        json_t *reply = client_reply(f.client, waits);
        ck_assert_int_eq(json_int_at(reply, "error.code"), -32001);
        json_decref(reply);
        expect_state(f.client, far, "PENDING");
        json_decref(client_result(f.client, "stats", "{}"));
        expect_sound();
        jump_to(0);
        expect_sound();
        json_decref(client_result(f.client, "cancel", "{'id':%lld}", (long long)far));
    }
}
END_TEST

/* ---- the start ---- */

/* Starts a daemon whose call fails so many calls after its start. True: it did not get there, and
 * serves; else it has ended, in order and with a word why. */
static bool try_start(enum fault_call call, int error, int skip)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct daemon *daemon;
    char byte;

    let_fail(call, error, skip, 1);
    char *library = library_path();
    setenv("LD_PRELOAD", library, 1);
    free(library);
    daemon = daemon_start(NULL);
    unsetenv("LD_PRELOAD");
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon_socket(daemon));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    static const char ping[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";
    (void)send(fd, ping, sizeof(ping) - 1, MSG_NOSIGNAL);
    bool serves = connected && recv(fd, &byte, 1, 0) == 1;
    close(fd);
    bool failed = hits(call) > 0;
    char *log = daemon_log(daemon);
    serves |= strstr(log, "futured: ready on ") != NULL; /* though not this client */
    free(log);
    atomic_store(&faults->calls[call].left, 0);
    if (!serves) {
        int status = daemon_wait(daemon);
        log = daemon_log(daemon);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) != 0, "status %d: %s", status, log);
        ck_assert_msg(strstr(log, "error: ") != NULL, "it does not say why: %s", log);
        free(log);
        daemon_restart(daemon);
    }
    daemon_stop(daemon);
    return !failed;
}

START_TEST(a_start_that_fails_says_why)
{
    static const struct {
        enum fault_call call;
        int error;
    } faults_of[] = {
        {FAULT_EPOLL_CREATE1, EMFILE},
        {FAULT_EVENTFD, EMFILE},
        {FAULT_TIMERFD_CREATE, ENOMEM},
        {FAULT_EPOLL_CTL, ENOMEM},
    };

    map_faults();
    add_to_variable("ASAN_OPTIONS", "verify_asan_link_order=0");
    for (size_t i = 0; i < sizeof(faults_of) / sizeof(faults_of[0]); i++) {
        int skip = 0;
        while (!try_start(faults_of[i].call, faults_of[i].error, skip))
            skip++;
        ck_assert_int_gt(skip, 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const running[] = {
        a_client_that_cannot_be_accepted_is_accepted_later,
        a_listener_that_is_broken_says_so_once,
        nobody_is_served_without_a_name,
        a_client_that_cannot_be_watched_is_sent_away,
        an_interruption_is_none,
        a_broken_connection_is_one_clients_loss,
        a_log_that_takes_nothing_is_no_reason_to_end,
        a_call_for_which_no_thread_can_be_had_is_refused,
        a_command_that_cannot_start_says_why,
        a_job_that_is_watched_badly_has_an_end,
        the_clock_is_set_while_things_wait,
        NULL,
    };
    const TTest *const starting[] = {a_start_that_fails_says_why, NULL};
    int status = fixture_run("faults", setup, teardown, running);

    return fixture_run("faults at the start", NULL, NULL, starting) != 0 ? EXIT_FAILURE : status;
}

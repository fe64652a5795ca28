#include "tests/support/served.h"

#include <event2/event.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/shared_text.h"
#include "daemon/base/timers.h"
#include "daemon/core/call.h"
#include "daemon/core/executor.h"
#include "daemon/core/outcome.h"
#include "daemon/core/output.h"
#include "daemon/core/store.h"
#include "daemon/rpc/service.h"
#include "daemon/rpc/session.h"
#include "daemon/run/command.h"
#include "daemon/run/native.h"
#include "daemon/store/null_store.h"
#include "daemon/store/sqlite_store.h"
#include "proto/version.h"

/* How often served_settle looks before it takes what it sees for the end: a job may be in `sleep`,
 * which nobody is told of. */
#define LOOKS 200

/* What a client may be sent without an allocation: none may be made while they fail. */
#define SENT_BYTES 65536

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- functions ---- */

static void exec_run(const struct function *function, struct call *call)
{
    static const char result[] = "{\"exit_code\":0}";
    struct output *output = call_output(call);
    char *json = strdup(result);

    (void)function;
    if (output)
        (void)output_append(output, OUTPUT_STDOUT, "ran\n", 4);
    if (json)
        outcome_set_result(call_outcome(call), json, sizeof(result) - 1);
    else
        outcome_set_exception(call_outcome(call), "MemoryError", "out of memory", NULL, 0);
}

static void boom_run(const struct function *function, struct call *call)
{
    (void)function;
    outcome_set_exception(call_outcome(call), "Boom", "it went boom", NULL, 0);
}

static void gate_run(const struct function *function, struct call *call)
{
    struct served *served = function->state;
    struct output *output = call_output(call);
    struct stop_request stop;
    struct pollfd fds[] = {
        {.fd = call_stop_fd(call), .events = POLLIN},
        {.fd = served->permits, .events = POLLIN},
    };

    if (output) {
        (void)output_append(output, OUTPUT_STDOUT, "out\xff", 4);
        (void)output_append(output, OUTPUT_STDERR, "err\n", 4);
    }
    (void)call_progress(call, "[1]", 3);
    atomic_fetch_add(&served->held, 1);
    for (;;) {
        eventfd_t one;

        poll(fds, 2, -1);
        if (fds[0].revents && call_stop(call, &stop)) {
            call_raise_stopped(call, &stop, NULL, 0);
            break;
        }
        if (fds[1].revents && eventfd_read(served->permits, &one) == 0) {
            outcome_set_result(call_outcome(call), NULL, 0);
            break;
        }
    }
    atomic_fetch_sub(&served->held, 1);
}

static const struct function_ops gate_ops = {.kind = "native", .run = gate_run};
static const struct function_ops boom_ops = {.kind = "native", .run = boom_run};

static void add_functions(struct served *served)
{
    char *environment[] = {NULL};
    struct command_settings settings = {.environment = environment};

    MUST(command_function_new(&settings, &served->command) == 0);
    served->exec = *served->command;
    served->exec_ops = *served->command->ops;
    served->exec_ops.run = exec_run;
    served->exec.ops = &served->exec_ops;
    served->gate = (struct function){.name = "gate", .ops = &gate_ops, .state = served};
    served->boom = (struct function){.name = "boom", .ops = &boom_ops};
    MUST(executor_add_function(served->executor, &served->exec) == 0);
    MUST(executor_add_function(served->executor, native_sleep()) == 0);
    MUST(executor_add_function(served->executor, native_echo()) == 0);
    MUST(executor_add_function(served->executor, &served->gate) == 0);
    MUST(executor_add_function(served->executor, &served->boom) == 0);
}

/* ---- clients ---- */

static void keep(struct served_client *client, const char *text, size_t size)
{
    if (client->capacity - client->size <= size) {
        client->capacity = client->capacity * 2 + size + 1;
        client->text = realloc(client->text, client->capacity);
        MUST(client->text);
    }
    memcpy(client->text + client->size, text, size);
    client->size += size;
    client->text[client->size] = '\0';
}

static void on_send(void *arg, const char *message, size_t size)
{
    struct served_client *client = arg;

    client->replies++;
    keep(client, message, size);
    keep(client, "\n", 1);
}

static void on_send_shared(void *arg, const char *head, size_t size, struct shared_text *rest)
{
    struct served_client *client = arg;

    client->replies++;
    keep(client, head, size);
    keep(client, rest->data, rest->size);
}

static void on_notify(void *arg, const char *message, size_t size)
{
    struct served_client *client = arg;

    keep(client, message, size);
    keep(client, "\n", 1);
}

static void on_held(void *arg, size_t bytes)
{
    (void)arg;
    (void)bytes;
}

static void on_loaded(void *arg)
{
    (void)arg;
}

static void on_idle(void *arg)
{
    struct served_client *client = arg;

    MUST(session_is_idle(client->session));
}

static void on_fail(void *arg)
{
    struct served_client *client = arg;

    client->given_up = true;
}

static void join(struct served *served, struct served_client *client, const struct peer *peer)
{
    struct session_output output = {
        .send = on_send,
        .send_shared = on_send_shared,
        .notify = on_notify,
        .held = on_held,
        .loaded = on_loaded,
        .idle = on_idle,
        .fail = on_fail,
        .arg = client,
    };

    client->served = served;
    client->capacity = SENT_BYTES;
    client->text = malloc(client->capacity);
    MUST(client->text);
    client->text[0] = '\0';
    MUST(session_new(served->service, peer, &output, &client->session) == 0);
}

/* In a block of its own size, so that a look behind its end is seen. */
static char *copy_line(const char *line, size_t size)
{
    char *copy = malloc(size + 1);

    MUST(copy);
    memcpy(copy, line, size);
    copy[size] = '\0';
    return copy;
}

void served_line(struct served_client *client, const char *line, size_t size)
{
    char *copy = copy_line(line, size);

    if (client->session)
        session_line(client->session, copy, size);
    free(copy);
}

void served_fragment(struct served_client *client, const char *text, size_t size)
{
    char *copy = copy_line(text, size);

    if (client->session)
        session_fragment(client->session, copy, size);
    free(copy);
}

void served_leave(struct served_client *client)
{
    session_free(client->session);
    client->session = NULL;
}

void served_forget(struct served_client *client)
{
    client->size = client->replies = 0;
    client->text[0] = '\0';
}

/* ---- the whole ---- */

static void on_end(void *arg)
{
    (void)arg;
}

static void make_executor(struct served *served)
{
    struct executor_settings settings = {
        .loop = served->loop,
        .timers = served->timers,
        .store = served->store,
        .output_bytes = served->limits.output_bytes,
        .pending_limit = served->limits.pending,
        .pending_per_uid = served->limits.pending_per_uid,
        .map_items_limit = served->limits.map_items,
        .pools_limit = served->limits.pools,
        .cache_count = 1000,
        .cache_bytes = 1048576,
        .retention_count = served->limits.retention_count,
        .retention_bytes = served->limits.retention_bytes,
        .retention_s = served->limits.retention_seconds,
    };

    MUST(executor_new(&settings, &served->executor) == 0);
}

static struct store *open_store(struct served *served, const char *directory)
{
    struct sqlite_store_settings settings = {
        .directory = directory,
        .durability = DURABILITY_PROCESS,
        .retention_count = served->limits.retention_count,
        .retention_bytes = served->limits.retention_bytes,
        .retention_s = served->limits.retention_seconds,
        .loop = served->loop,
    };
    struct store *store;
    char message[256];

    if (!directory)
        return null_store_new();
    MUST(sqlite_store_open(&settings, &store, message, sizeof(message)) == 0);
    return store;
}

struct served *served_new(const struct limits *limits)
{
    return served_new_in(limits, NULL);
}

struct served *served_new_in(const struct limits *limits, const char *directory)
{
    struct served *served = calloc(1, sizeof(*served));
    struct peer admin = {.uid = 0, .pid = getpid(), .is_master = true, .is_admin = true};
    struct peer user = {.uid = 1000, .gid = 1000, .pid = getpid()};

    MUST(served);
    log_set_level(LOG_LEVEL_ERROR);
    limits_set_defaults(&served->limits);
    if (limits)
        served->limits = *limits;
    served->permits = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    MUST(served->permits >= 0);
    MUST(loop_new(&served->loop) == 0);
    MUST(timers_new(served->loop, &served->timers) == 0);
    served->store = open_store(served, directory);
    MUST(served->store);
    make_executor(served);
    add_functions(served);
    struct service_settings settings = {
        .executor = served->executor,
        .timers = served->timers,
        .limits = &served->limits,
        .version = FUTURED_VERSION,
        .durability = "none",
        .on_end = on_end,
    };
    MUST(service_new(&settings, &served->service) == 0);
    MUST(!directory || executor_recover(served->executor) == 0);
    join(served, &served->admin, &admin);
    join(served, &served->user, &user);
    return served;
}

void served_free(struct served *served)
{
    served_leave(&served->admin);
    served_leave(&served->user);
    service_free(served->service);
    executor_free(served->executor);
    command_function_free(served->command);
    served->store->ops->free(served->store);
    timers_free(served->timers);
    loop_free(served->loop);
    close(served->permits);
    free(served->admin.text);
    free(served->user.text);
    free(served);
}

void served_pass(struct served *served, unsigned count)
{
    MUST(eventfd_write(served->permits, count) == 0);
}

void served_turn(struct served *served)
{
    MUST(event_base_loop(loop_event_base(served->loop), EVLOOP_NONBLOCK) >= 0);
    executor_sync(served->executor);
}

void served_await_replies(struct served_client *client, size_t count)
{
    struct event_base *base = loop_event_base(client->served->loop);

    while (client->replies < count && !client->given_up)
        MUST(event_base_loop(base, EVLOOP_ONCE) >= 0);
}

/* Calls that a thread has and that do not wait. */
static uint64_t busy(const struct served *served)
{
    uint64_t calls = 0, held = atomic_load(&served->held);
    struct pool *pool;

    for (size_t i = 0; (pool = executor_pool_at(served->executor, i)); i++)
        calls += pool_in_flight(pool);
    return calls > held ? calls - held : 0;
}

void served_settle(struct served *served)
{
    served_turn(served);
    for (int looks = 0; looks < LOOKS && busy(served) > 0; looks++) {
        sched_yield();
        served_turn(served);
    }
}

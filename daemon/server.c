#include "daemon/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/timers.h"
#include "daemon/config.h"
#include "daemon/core/executor.h"
#include "daemon/core/store.h"
#include "daemon/net/connection.h"
#include "daemon/net/listener.h"
#include "daemon/rpc/service.h"
#include "daemon/run/cgroup.h"
#include "daemon/run/leftovers.h"
#include "daemon/server_cgroups.h"
#include "daemon/server_functions.h"
#include "daemon/server_impl.h"
#include "daemon/server_manager.h"
#include "daemon/server_places.h"
#include "daemon/server_store.h"
#include "proto/endpoint.h"
#include "proto/version.h"

/* How long the last replies may take to be read. */
#define FAREWELL_NS (2 * NS_PER_S)
/* How long a client that has just connected may take to send its first request. */
#define LAST_WORD_NS (100 * NS_PER_MS)

/* Done futures that stay in memory though the store has them: who asks mostly asks soon. */
#define CACHE_COUNT 1000
#define CACHE_BYTES (8 * 1024 * 1024)

/* ---- the end ---- */

static void stop_loop(void *arg)
{
    struct server *server = arg;
    loop_stop(server->loop);
}

/* What is not stored must not be answered, so nothing is any more: what is in the store comes back
 * with the next start. */
static void on_store_broken(void *arg, const char *message)
{
    struct server *server = arg;
    (void)message;
    server->failed = true;
    loop_stop(server->loop);
}

static void on_farewell_over(struct deadline *deadline)
{
    struct server *server = CONTAINER_OF(deadline, struct server, farewell_deadline);
    log_warning("some clients have not read their last replies");
    loop_stop(server->loop);
}

static void say_farewell(struct server *server)
{
    (void)deadline_set(server->timers, &server->farewell_deadline, clock_mono_ns() + FAREWELL_NS,
                       on_farewell_over);
    connections_drain(server->connections, stop_loop, server);
}

static void on_last_word_over(struct deadline *deadline)
{
    say_farewell(CONTAINER_OF(deadline, struct server, farewell_deadline));
}

/* Everything is done: the last replies go out, then the loop ends. Who has connected a moment ago
 * is about to say why, and has not deserved to be hung up on. */
static void on_end(void *arg)
{
    struct server *server = arg;
    if (server->ending)
        return;
    server->ending = true;
    log_info("nothing is left to do: ending");
    deadline_clear(server->timers, &server->stop_deadline);
    listener_free(server->listener);
    server->listener = NULL;
    uint64_t now_ns = clock_mono_ns();
    if (connections_has_silent(server->connections, now_ns - LAST_WORD_NS) &&
        deadline_set(server->timers, &server->farewell_deadline, now_ns + LAST_WORD_NS,
                     on_last_word_over) == 0)
        return;
    say_farewell(server);
}

static void stop_jobs(struct server *server, uint64_t grace_ms)
{
    struct stop_request stop = {
        .cause = STOP_SHUTDOWN, .signal_number = SIGTERM, .grace_ms = grace_ms};
    executor_stop_all(server->executor, &stop);
}

static void on_stop_timeout(struct deadline *deadline)
{
    struct server *server = CONTAINER_OF(deadline, struct server, stop_deadline);
    log_info("ending the jobs that still run");
    stop_jobs(server, server->config->stop_grace_ms);
}

/* The first signal: nothing new, what is pending will not start, what runs may finish within a
 * time. The second one: what runs is ended now. */
static void on_stop_signal(void *arg)
{
    struct server *server = arg;
    executor_sync(server->executor);
    if (server->stops++ == 0) {
        log_info("ending: taking no new work");
        manager_tell_stopping(server->manager,
                              server->config->stop_timeout_ms + server->config->stop_grace_ms);
        (void)deadline_set(server->timers, &server->stop_deadline,
                           clock_mono_ns() + server->config->stop_timeout_ms * NS_PER_MS,
                           on_stop_timeout);
        /* What is pending waits for the next start. What would not survive until then is cancelled,
         * so that somebody is told. */
        executor_shut_down(server->executor, false, true);
        executor_cancel_unstored(server->executor);
    } else {
        stop_jobs(server, 0);
    }
}

static void on_reload_signal(void *arg)
{
    struct server *server = arg;
    if (server->stops == 0)
        server_reload(server);
}

/* ---- making ---- */

static int make_core(struct server *server)
{
    int r = loop_new(&server->loop);
    if (r == 0)
        r = timers_new(server->loop, &server->timers);
    if (r < 0)
        return r;
    r = server_store_open(server->config, server->loop, &server->store, &server->leftovers);
    if (r == 0)
        r = server_cgroups_open(server->config, &server->cgroups);
    if (r < 0)
        return r;
    struct executor_settings settings = {
        .loop = server->loop,
        .timers = server->timers,
        .store = server->store,
        .cache_count = CACHE_COUNT,
        .cache_bytes = CACHE_BYTES,
        .on_store_broken = on_store_broken,
        .on_store_broken_arg = server,
    };
    server_executor_limits(server->config, &settings);
    return executor_new(&settings, &server->executor);
}

/* Each client is a descriptor and each running command some more. The usual soft limit is that low
 * for the sake of programs that use select(2), so jobs get it back. */
static void raise_open_files(struct server *server)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    server->job_open_files = limit;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_warning("cannot raise the limit of open files: %s", strerror(errno));
}

static int make_service(struct server *server)
{
    struct service_settings settings = {
        .executor = server->executor,
        .timers = server->timers,
        .limits = &server->config->limits,
        .version = FUTURED_VERSION,
        .durability = durability_name(server->store->ops->durability),
        .uid = getuid(),
        .on_end = on_end,
        .arg = server,
    };
    int r = service_new(&settings, &server->service);
    if (r == 0)
        r = connections_new(server->loop, server->timers, server->service, settings.limits,
                            &server->connections);
    return r;
}

static void on_client(void *arg, int fd, const struct peer *peer)
{
    struct server *server = arg;
    connections_add(server->connections, fd, peer);
}

/* The path of a socket that was handed to us: for people, and for jobs that talk back. */
static void name_inherited(struct server *server, int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        snprintf(server->socket_path, sizeof(server->socket_path), "%s", address.sun_path);
}

static int find_socket(struct server *server, int *ret_fd, int *ret_lock_fd)
{
    int fd;
    int r = listener_inherited(&fd);
    if (r < 0) {
        log_error("what the service manager passed is no listening Unix stream socket");
        return r;
    }
    if (fd >= 0) {
        name_inherited(server, fd);
        *ret_fd = fd;
        return 0;
    }
    r = endpoint_path(server->config->socket, 0, server->socket_path, sizeof(server->socket_path));
    if (r < 0) {
        log_error("the path of the socket is too long or empty");
        return r;
    }
    r = listener_bind(server->socket_path, server->config->socket_group, ret_fd, ret_lock_fd);
    if (r == -EADDRINUSE)
        log_error("a daemon is running on %s already", server->socket_path);
    else if (r == -ENOTSOCK)
        log_error("%s is there and is no socket: not touching it", server->socket_path);
    else if (r < 0)
        log_error("cannot listen on %s: %s", server->socket_path, strerror(-r));
    return r;
}

static int make_signals(struct server *server)
{
    /* A client or a job that closes its end is an error code, not the end of us. And children
     * must be there to be waited for. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    /* And nobody is to be woken by their end but who waits for it: as the workers block all
     * signals, this one would go to the loop each time, to be thrown away there. */
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &children, NULL);
    int r = loop_signal_new(server->loop, SIGTERM, on_stop_signal, server, &server->on_term);
    if (r == 0)
        r = loop_signal_new(server->loop, SIGINT, on_stop_signal, server, &server->on_int);
    if (r == 0)
        r = loop_signal_new(server->loop, SIGHUP, on_reload_signal, server, &server->on_hup);
    return r;
}

int server_new(struct config *config, const struct server_loader *loader,
               struct server **ret_server)
{
    int fd = -1, lock_fd = -1;
    bool inherited = false;
    struct server *server = calloc(1, sizeof(*server));
    if (!server)
        return -ENOMEM;
    server->config = config;
    server->loader = *loader;
    raise_open_files(server);
    int r = find_socket(server, &fd, &lock_fd);
    if (r < 0)
        goto fail_logged;
    inherited = lock_fd < 0;
    r = make_core(server);
    if (r == 0)
        r = make_signals(server);
    if (r == 0)
        r = server_make_functions(server);
    if (r == 0)
        r = make_service(server);
    if (r == 0)
        r = executor_recover(server->executor);
    if (r == 0)
        r = manager_new(server->executor, server->store, server->timers, &server->manager);
    if (r == 0) {
        struct identity_rules rules;
        server_identity_rules(config, &rules);
        r = listener_new(server->loop, fd, lock_fd, inherited ? NULL : server->socket_path, &rules,
                         on_client, server, &server->listener);
        fd = lock_fd = -1;
    }
    if (r < 0) {
        log_error("cannot start: %s", strerror(-r));
        goto fail_logged;
    }
    *ret_server = server;
    return 0;
fail_logged:
    if (fd >= 0 && !inherited)
        unlink(server->socket_path);
    fd_close(fd);
    fd_close(lock_fd);
    server_free(server);
    return r;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    listener_free(server->listener);
    connections_free(server->connections);
    service_free(server->service);
    manager_free(server->manager);
    executor_free(server->executor);
    places_free(server->places);
    functions_free(server->functions);
    cgroups_free(server->cgroups);
    leftovers_free(server->leftovers);
    if (server->store)
        server->store->ops->free(server->store);
    loop_signal_free(server->on_term);
    loop_signal_free(server->on_int);
    loop_signal_free(server->on_hup);
    timers_free(server->timers);
    loop_free(server->loop);
    free(server);
}

int server_run(struct server *server)
{
    unsigned max_workers = pool_settings(executor_pool(server->executor, "default"))->max_workers;
    /* Said whatever the log level: somebody may wait for exactly this line. */
    log_always("ready on %s (pid %d, max_workers %u, durability %s)", server->socket_path,
               (int)getpid(), max_workers, durability_name(server->store->ops->durability));
    if (server->config->ready_fd >= 0) {
        dprintf(server->config->ready_fd, "ready on %s\n", server->socket_path);
        close(server->config->ready_fd);
    }
    manager_tell_ready(server->manager);
    int r = loop_run(server->loop);
    return server->failed ? -EIO : r;
}

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

#if HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "daemon/base/clock.h"
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
#include "daemon/run/command.h"
#include "daemon/run/handler.h"
#include "daemon/run/native.h"
#include "daemon/run/plugin.h"
#include "daemon/server_handlers.h"
#include "daemon/server_plugins.h"
#include "daemon/store/null_store.h"
#include "proto/endpoint.h"
#include "proto/version.h"

extern char **environ;

/* How long the last replies may take to be read. */
#define FAREWELL_NS (2 * NS_PER_S)

/* Done futures that stay in memory though the store has them: who asks mostly asks soon. */
#define CACHE_COUNT 1000
#define CACHE_BYTES (8 * 1024 * 1024)

struct server {
    const struct config *config;
    char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct loop *loop;
    struct timers *timers;
    struct store *store;
    struct executor *executor;
    struct function *command;
    struct rlimit job_open_files; /* rlim_max 0: as ours */
    struct service *service;
    struct connections *connections;
    struct listener *listener;
    struct plugins *plugins;   /* NULL: none */
    struct handlers *handlers; /* NULL: none */
    struct loop_signal *on_term, *on_int, *on_hup;
    struct deadline stop_deadline;     /* running jobs are ended then */
    struct deadline farewell_deadline; /* clients that do not read are left behind then */
    unsigned stops;                    /* signals so far that asked for the end */
    bool ending;
    bool failed; /* the store is broken */
};

/* ---- the end ---- */

static void notify_manager(const char *state)
{
#if HAVE_SYSTEMD
    (void)sd_notify(0, state);
#else
    (void)state;
#endif
}

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
    struct server *server =
        (struct server *)((char *)deadline - offsetof(struct server, farewell_deadline));
    log_warning("some clients have not read their last replies");
    loop_stop(server->loop);
}

/* Everything is done: the last replies go out, then the loop ends. */
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
    (void)deadline_set(server->timers, &server->farewell_deadline, clock_mono_ns() + FAREWELL_NS,
                       on_farewell_over);
    connections_drain(server->connections, stop_loop, server);
}

static void stop_jobs(struct server *server, uint64_t grace_ms)
{
    struct stop_request stop = {
        .cause = STOP_SHUTDOWN, .signal_number = SIGTERM, .grace_ms = grace_ms};
    executor_stop_all(server->executor, &stop);
}

static void on_stop_timeout(struct deadline *deadline)
{
    struct server *server =
        (struct server *)((char *)deadline - offsetof(struct server, stop_deadline));
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
        notify_manager("STOPPING=1");
        (void)deadline_set(server->timers, &server->stop_deadline,
                           clock_mono_ns() + server->config->stop_timeout_ms * NS_PER_MS,
                           on_stop_timeout);
        /* Nothing survives this process yet, so the pending ones are told that they end. */
        executor_shut_down(server->executor, true, false);
    } else {
        stop_jobs(server, 0);
    }
}

/* ---- reload ---- */

static void on_reload_signal(void *arg)
{
    struct server *server = arg;
    log_info("loading new plugins");
    server_plugins_reload(server->plugins);
}

/* ---- making ---- */

static int make_core(struct server *server)
{
    const struct limits *limits = &server->config->limits;
    int r = loop_new(&server->loop);
    if (r == 0)
        r = timers_new(server->loop, &server->timers);
    if (r < 0)
        return r;
    server->store = null_store_new();
    if (!server->store)
        return -ENOMEM;
    struct executor_settings settings = {
        .loop = server->loop,
        .timers = server->timers,
        .store = server->store,
        .output_bytes = limits->output_bytes,
        .pending_limit = limits->pending,
        .pending_per_uid = limits->pending_per_uid,
        .map_items_limit = limits->map_items,
        .pools_limit = limits->pools,
        .retention_count = limits->retention_count,
        .retention_bytes = limits->retention_bytes,
        .retention_s = limits->retention_seconds,
        .cache_count = CACHE_COUNT,
        .cache_bytes = CACHE_BYTES,
        .on_store_broken = on_store_broken,
        .on_store_broken_arg = server,
    };
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

static int make_handlers(struct server *server)
{
    const struct limits *limits = &server->config->limits;
    struct handlers_settings settings = {
        .environment = environ,
        .socket_path = server->socket_path,
        .open_files = server->job_open_files.rlim_max > 0 ? &server->job_open_files : NULL,
        .line_bytes = limits->line_bytes,
        .depth = limits->depth,
        .values = limits->values,
    };
    return server_handlers_new(server->config, &settings, server->executor, &server->handlers);
}

static int make_functions(struct server *server)
{
    struct command_settings settings = {
        .environment = environ,
        .socket_path = server->socket_path,
        .pipe_grace_ms = COMMAND_PIPE_GRACE_MS,
        .open_files = server->job_open_files.rlim_max > 0 ? &server->job_open_files : NULL,
    };
    int r = command_function_new(&settings, &server->command);
    if (r == 0)
        r = executor_add_function(server->executor, server->command);
    if (r == 0)
        r = executor_add_function(server->executor, native_sleep());
    if (r == 0)
        r = executor_add_function(server->executor, native_echo());
    if (r == 0)
        r = server_plugins_new(server->config->plugin_dir, server->config->limits.result_bytes,
                               server->executor, &server->plugins);
    if (r == 0)
        r = make_handlers(server);
    return r;
}

static int set_initializer(struct server *server, const struct config_pool *pool,
                           struct pool_settings *settings)
{
    const struct function *function = executor_function(server->executor, pool->initializer);
    if (!function) {
        log_error("[pool %s]: there is no function %s", pool->name, pool->initializer);
        return -EINVAL;
    }
    const char *args = pool->initializer_args ? pool->initializer_args : "{}";
    struct check_error check;
    if (function->ops->check_args &&
        function->ops->check_args(function, args, strlen(args), false, &check) < 0) {
        log_error("[pool %s]: initializer_args: %s: %s", pool->name, check.param, check.message);
        return -EINVAL;
    }
    settings->initializer = function;
    settings->initializer_args = pool->initializer_args;
    return 0;
}

static int make_pools(struct server *server)
{
    for (size_t i = 0; i < server->config->pool_count; i++) {
        const struct config_pool *pool = &server->config->pools[i];
        struct pool_settings settings = pool->settings;
        int r = pool->initializer ? set_initializer(server, pool, &settings) : 0;
        if (r == 0)
            r = executor_set_pool(server->executor, pool->name, &settings);
        if (r < 0)
            return r;
    }
    return 0;
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
    int r = loop_signal_new(server->loop, SIGTERM, on_stop_signal, server, &server->on_term);
    if (r == 0)
        r = loop_signal_new(server->loop, SIGINT, on_stop_signal, server, &server->on_int);
    if (r == 0)
        r = loop_signal_new(server->loop, SIGHUP, on_reload_signal, server, &server->on_hup);
    return r;
}

int server_new(const struct config *config, struct server **ret_server)
{
    int fd = -1, lock_fd = -1;
    bool inherited = false;
    struct server *server = calloc(1, sizeof(*server));
    if (!server)
        return -ENOMEM;
    server->config = config;
    raise_open_files(server);
    int r = find_socket(server, &fd, &lock_fd);
    if (r < 0)
        goto fail_logged;
    inherited = lock_fd < 0;
    r = make_core(server);
    if (r == 0)
        r = make_signals(server);
    if (r == 0)
        r = make_functions(server);
    if (r == 0)
        r = make_pools(server);
    if (r == 0)
        r = make_service(server);
    if (r == 0)
        r = executor_recover(server->executor);
    if (r == 0) {
        struct identity_rules rules = {.uid = getuid(), .admin_group = config->admin_group};
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
    executor_free(server->executor);
    command_function_free(server->command);
    handlers_free(server->handlers);
    plugins_free(server->plugins);
    if (server->store)
        server->store->ops->free(server->store);
    loop_signal_free(server->on_term);
    loop_signal_free(server->on_int);
    loop_signal_free(server->on_hup);
    timers_free(server->timers);
    loop_free(server->loop);
    free(server);
}

/* The end is in order by now. One more signal must not make it look otherwise, as it would once its
 * handler is gone. */
static void block_stop_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

int server_run(struct server *server)
{
    unsigned max_workers = pool_settings(executor_pool(server->executor, "default"))->max_workers;
    /* Said whatever the log level: somebody may wait for exactly this line. */
    dprintf(STDERR_FILENO, "futured: ready on %s (pid %d, max_workers %u, durability %s)\n",
            server->socket_path, (int)getpid(), max_workers,
            durability_name(server->store->ops->durability));
    if (server->config->ready_fd >= 0) {
        dprintf(server->config->ready_fd, "ready on %s\n", server->socket_path);
        close(server->config->ready_fd);
    }
    notify_manager("READY=1");
    int r = loop_run(server->loop);
    block_stop_signals();
    return server->failed ? -EIO : r;
}

#include "daemon/remote_worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/core/runner.h"
#include "daemon/remote_keeper.h"
#include "daemon/run/command.h"
#include "daemon/run/handler.h"
#include "daemon/run/handler_recipe.h"
#include "daemon/run/native.h"
#include "daemon/run/plugin.h"
#include "daemon/run/remote_message.h"
#include "daemon/run/remote_session.h"
#include "proto/version.h"

extern char **environ;

#define HOST_BYTES 256
#define SIGNALS    3

/* A handler, and what it was made from. */
struct made {
    const struct function *function;
    char *name, *recipe;
};

struct worker_host {
    struct loop *loop;
    struct loop_signal *signals[SIGNALS];
    struct remote_session *session;
    char name[HOST_BYTES];
    char *plugin_dir; /* the daemon's; NULL: none */
    uint64_t result_bytes, line_bytes, depth, values;

    struct function *command;
    struct plugins *plugins; /* NULL: nobody has asked for one */
    const struct function **plugged;
    size_t plugged_count;
    struct handlers *handlers;
    struct made *made;
    size_t made_count;
};

/* The daemon's socket, where that is within reach. */
static const char *socket_in_reach(void)
{
    const char *path = getenv("FUTURE_SOCKET");
    return path && access(path, R_OK | W_OK) == 0 ? path : NULL;
}

/* ---- plugins, which are loaded when the first one is asked for ---- */

static const struct function *find_plugged(const struct worker_host *host, const char *name)
{
    for (size_t i = 0; i < host->plugged_count; i++)
        if (strcmp(host->plugged[i]->name, name) == 0)
            return host->plugged[i];
    return NULL;
}

static bool has_plugged(void *arg, const char *name)
{
    return find_plugged(arg, name) != NULL;
}

static int add_plugged(void *arg, const struct function *function)
{
    struct worker_host *host = arg;
    const struct function **grown =
        reallocarray(host->plugged, host->plugged_count + 1, sizeof(const struct function *));
    if (!grown)
        return -ENOMEM;
    host->plugged = grown;
    host->plugged[host->plugged_count++] = function;
    return 0;
}

static void on_loaded(void *arg, const char *path, size_t functions)
{
    (void)arg;
    log_debug("plugin %s: functions: %zu", path, functions);
}

static void on_refused(void *arg, const char *path, const char *reason)
{
    const struct worker_host *host = arg;
    log_warning("on %s: plugin %s: %s", host->name, path, reason);
}

static const struct function *plugin_function(struct worker_host *host, const char *name)
{
    struct plugins_hooks hooks = {.arg = host,
                                  .has = has_plugged,
                                  .add = add_plugged,
                                  .loaded = on_loaded,
                                  .refused = on_refused};
    if (host->plugin_dir && !host->plugins &&
        plugins_new(host->plugin_dir, host->result_bytes, &hooks, &host->plugins) == 0)
        (void)plugins_load(host->plugins);
    return find_plugged(host, name);
}

/* ---- handlers, which come with their calls ---- */

static struct made *find_made(const struct worker_host *host, const char *name)
{
    for (size_t i = 0; i < host->made_count; i++)
        if (strcmp(host->made[i].name, name) == 0)
            return &host->made[i];
    return NULL;
}

static int make_handlers(struct worker_host *host)
{
    struct handlers_settings settings = {
        .environment = environ,
        .socket_path = socket_in_reach(),
        .line_bytes = host->line_bytes,
        .depth = host->depth,
        .values = host->values,
    };
    return host->handlers ? 0 : handlers_new(&settings, &host->handlers);
}

/* Room for one more, with its name. NULL: no memory. */
static struct made *new_made(struct worker_host *host, const char *name)
{
    struct made *grown = reallocarray(host->made, host->made_count + 1, sizeof(*host->made));
    char *copy = strdup(name);
    if (grown)
        host->made = grown;
    if (!grown || !copy) {
        free(copy);
        return NULL;
    }
    grown[host->made_count] = (struct made){.name = copy};
    return &grown[host->made_count++];
}

/* Makes the handler, or makes it anew where the daemon's configuration has changed. */
static int make_handler(struct worker_host *host, const char *name, char *text)
{
    struct handler_recipe recipe;
    struct check_error error;
    const struct function *function = NULL;
    struct made *made = find_made(host, name);
    int r = handler_recipe_read(name, text, strlen(text), &recipe);
    if (r < 0)
        return r;
    r = make_handlers(host);
    if (r == 0 && !made && !(made = new_made(host, name)))
        r = -ENOMEM;
    if (r == 0)
        r = handlers_add(host->handlers, &recipe.settings, &function, &error);
    handler_recipe_clear(&recipe);
    if (r < 0)
        return r;
    if (made->function)
        handlers_replace(host->handlers, made->function, function);
    else
        made->function = function;
    free(made->recipe);
    made->recipe = text;
    return 0;
}

static const struct function *handler_function(struct worker_host *host,
                                               const struct remote_call *call)
{
    const struct made *made = find_made(host, call->fn);
    if (made && made->recipe && strlen(made->recipe) == call->recipe.size &&
        memcmp(made->recipe, call->recipe.text, call->recipe.size) == 0)
        return made->function;
    char *text = strndup(call->recipe.text, call->recipe.size);
    if (!text || make_handler(host, call->fn, text) < 0) {
        free(text);
        return NULL;
    }
    return find_made(host, call->fn)->function;
}

/* ---- the session ---- */

static const struct function *find(void *arg, const struct remote_call *call, char *ret_why,
                                   size_t size)
{
    struct worker_host *host = arg;
    const struct function *function;
    if (call->recipe.size > 0)
        function = handler_function(host, call);
    else if (strcmp(call->fn, host->command->name) == 0)
        function = host->command;
    else if (strcmp(call->fn, native_sleep()->name) == 0)
        function = native_sleep();
    else if (strcmp(call->fn, native_echo()->name) == 0)
        function = native_echo();
    else
        function = plugin_function(host, call->fn);
    if (!function)
        snprintf(ret_why, size, "%.64s has no function %.64s: no plugin in %.64s has it",
                 host->name, call->fn, host->plugin_dir ? host->plugin_dir : "plugin_dir");
    return function;
}

static int on_hello(void *arg, const struct remote_hello *hello)
{
    struct worker_host *host = arg;
    struct command_settings command = {
        .environment = environ,
        .socket_path = socket_in_reach(),
        .pipe_grace_ms = COMMAND_PIPE_GRACE_MS,
    };
    host->result_bytes = hello->result_bytes;
    host->line_bytes = hello->line_bytes;
    host->depth = hello->depth;
    host->values = hello->values;
    if (hello->plugin_dir && !(host->plugin_dir = strdup(hello->plugin_dir)))
        return -ENOMEM;
    int r = command_function_new(&command, &host->command);
    if (r == 0)
        command_function_limit(host->command, hello->output_total_bytes);
    return r;
}

static void on_signal(void *arg)
{
    struct worker_host *host = arg;
    remote_session_end(host->session);
}

/* What ends the worker must end its job first, which is in a session of its own. */
static int make_signals(struct worker_host *host)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    int r = 0;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    for (size_t i = 0; r == 0 && i < SIGNALS; i++)
        r = loop_signal_new(host->loop, numbers[i], on_signal, host, &host->signals[i]);
    return r;
}

static int make_session(struct worker_host *host)
{
    struct remote_session_settings settings = {
        .loop = host->loop,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .version = FUTURED_VERSION,
        .host = host->name,
        .arg = host,
        .on_hello = on_hello,
        .find = find,
    };
    return remote_session_new(&settings, &host->session);
}

static void clear(struct worker_host *host)
{
    remote_session_free(host->session);
    command_function_free(host->command);
    handlers_free(host->handlers);
    plugins_free(host->plugins);
    for (size_t i = 0; i < host->made_count; i++) {
        free(host->made[i].name);
        free(host->made[i].recipe);
    }
    free(host->made);
    free(host->plugged);
    free(host->plugin_dir);
    for (size_t i = 0; i < SIGNALS; i++)
        loop_signal_free(host->signals[i]);
    loop_free(host->loop);
}

int remote_worker_main(void)
{
    struct worker_host host = {.name = "?"};
    int status;
    if (!remote_keeper_split(&status))
        return status;
    log_set_level(LOG_LEVEL_WARNING);
    gethostname(host.name, sizeof(host.name) - 1);
    int r = loop_new(&host.loop);
    if (r == 0)
        r = make_session(&host);
    if (r == 0)
        r = make_signals(&host);
    if (r == 0)
        r = loop_run(host.loop);
    if (r < 0)
        log_error("cannot work: %s", r == -EPERM ? "stdin is no pipe" : strerror(-r));
    /* A function that does not stop when it is asked cannot be waited for. */
    if (host.session && remote_session_is_stuck(host.session))
        _exit(EXIT_FAILURE);
    clear(&host);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

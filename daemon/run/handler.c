#include "daemon/run/handler.h"

#include "daemon/base/clock.h"
#include "daemon/run/args.h"
#include "daemon/run/command_env.h"
#include "daemon/run/handler_impl.h"
#include "daemon/run/handler_recipe.h"
#include "daemon/run/params.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct handlers {
    struct command_env *env;
    struct handler_bounds bounds;
    struct process_limit open_files;
    bool sets_open_files;
    uint64_t reset_signals;
    struct leftovers *leftovers;
    struct cgroups *cgroups;
    struct handler_keeper *keeper;
    STAILQ_HEAD(, handler) all; /* those that were replaced, too */
    STAILQ_HEAD(, handler_function) functions;
};

/* ---- the function ---- */

struct handler *handler_of(const struct function *function)
{
    struct handler_function *self = function->state;

    return atomic_load(&self->handler);
}

static int handler_check_args(const struct function *function, const char *text, size_t bytes,
                              bool is_map, struct check_error *ret_error)
{
    const struct handler *handler = handler_of(function);
    json_t *args;
    int r;

    if (handler->described || is_map)
        return described_params_check_args(handler->described, text, bytes, is_map, ret_error);
    r = args_parse(text, bytes, "args", &args, ret_error);
    if (r < 0)
        return r;
    if (!json_is_object(args) && !json_is_array(args))
        r = args_refuse(ret_error, "args", "must be an object or an array");
    json_decref(args);
    return r;
}

static int handler_check_item(const struct function *function, const char *text, size_t bytes,
                              struct check_error *ret_error)
{
    const struct handler *handler = handler_of(function);

    return described_params_check_item(handler->described, text, bytes, ret_error);
}

static const char *recipe_of(const struct function *function)
{
    return handler_of(function)->recipe;
}

static const struct function_ops handler_ops = {
    .kind = "handler",
    .recipe = recipe_of,
    .check_args = handler_check_args,
    .check_item = handler_check_item,
    .run = handler_run,
};

/* ---- one handler ---- */

static void handler_free(struct handler *handler)
{
    described_params_free(handler->described);
    writer_free(&handler->init);
    handler_backoff_destroy(&handler->backoff);
    free(handler->argv);
    free(handler->envp);
    free(handler->own_variable);
    free(handler->recipe);
    free(handler->name);
    free(handler->doc);
    free(handler->params);
    free(handler->cwd);
    free(handler);
}

/* NULL stays NULL. */
static int copy_text(const char *text, char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return text && !*ret_copy ? -ENOMEM : 0;
}

/* A vector and its strings in one piece. */
static int copy_argv(char *const *argv, char ***ret_copy)
{
    size_t count = 0, bytes = 0;
    char **copy;
    char *end;

    for (; argv[count]; count++)
        bytes += strlen(argv[count]) + 1;
    copy = malloc((count + 1) * sizeof(*copy) + bytes);
    if (!copy)
        return -ENOMEM;
    end = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        copy[i] = end;
        end = stpcpy(end, argv[i]) + 1;
    }
    copy[count] = NULL;
    *ret_copy = copy;
    return 0;
}

static int copy_settings(struct handler *handler, const struct handler_settings *settings)
{
    int r = copy_text(settings->name, &handler->name);

    if (r == 0)
        r = copy_text(settings->doc, &handler->doc);
    if (r == 0)
        r = copy_text(settings->params, &handler->params);
    if (r == 0)
        r = copy_text(settings->cwd, &handler->cwd);
    if (r == 0)
        r = copy_argv(settings->argv, &handler->argv);
    if (r == 0 && asprintf(&handler->own_variable, "FUTURE_HANDLER=%s", settings->name) < 0) {
        handler->own_variable = NULL;
        r = -ENOMEM;
    }
    handler->max_tasks = settings->max_tasks;
    handler->timeout_ns = settings->timeout_ms * NS_PER_MS;
    handler->break_pool = settings->break_pool;
    handler->stock.idle_timeout_ns = settings->idle_timeout_ms * NS_PER_MS;
    return r;
}

static int check_init(const char *init, struct check_error *ret_error)
{
    json_t *params;
    int r = args_parse(init, strlen(init), "init", &params, ret_error);

    if (r < 0)
        return r;
    if (!json_is_object(params) && !json_is_array(params))
        r = args_refuse(ret_error, "init", "must be an object or an array");
    json_decref(params);
    return r;
}

int handler_settings_check(const struct handler_settings *settings, struct check_error *ret_error)
{
    struct described_params *described = NULL;
    int r = settings->init ? check_init(settings->init, ret_error) : 0;

    if (r == 0 && settings->params)
        r = described_params_new(settings->params, &described, ret_error);
    described_params_free(described);
    return r;
}

/* Puts the request `init` down, which is the same for all processes. */
static int write_init(struct handler *handler, const char *init)
{
    if (!init)
        return 0;
    handler_message_request(&handler->init, HANDLER_INIT_ID, "init",
                            (struct slice){init, strlen(init)});
    return writer_failed(&handler->init) ? -ENOMEM : 0;
}

static int make_spec(struct handler *handler, const struct handlers *handlers,
                     uint64_t memory_limit_bytes)
{
    struct handler_spec *spec = &handler->spec;
    int r = command_env_build_own(handlers->env, handler->own_variable, &handler->envp);

    *spec = (struct handler_spec){
        .kind = "handler",
        .name = handler->name,
        .argv = handler->argv,
        .envp = handler->envp,
        .cwd = handler->cwd,
        .reset_signals = handlers->reset_signals,
        .leftovers = handlers->leftovers,
        .cgroups = handlers->cgroups,
        .bounds = handlers->bounds,
    };
    if (handlers->sets_open_files)
        spec->limits[spec->limit_count++] = handlers->open_files;
    if (memory_limit_bytes > 0)
        spec->limits[spec->limit_count++] = (struct process_limit){
            .resource = RLIMIT_AS, .value = {memory_limit_bytes, memory_limit_bytes}};
    return r;
}

static int handler_new(const struct handlers *handlers, const struct handler_settings *settings,
                       struct handler **ret_handler, struct check_error *ret_error)
{
    struct handler *handler;
    int r = handler_settings_check(settings, ret_error);

    if (r < 0)
        return r;
    handler = calloc(1, sizeof(*handler));
    r = handler ? handler_backoff_init(&handler->backoff) : -ENOMEM;
    if (r < 0) {
        free(handler);
        return r;
    }
    r = copy_settings(handler, settings);
    if (r == 0)
        r = handler_recipe_write(settings, &handler->recipe);
    if (r == 0)
        r = write_init(handler, settings->init);
    if (r == 0 && settings->params)
        r = described_params_new(settings->params, &handler->described, ret_error);
    if (r == 0)
        r = make_spec(handler, handlers, settings->memory_limit_bytes);
    if (r < 0) {
        handler_free(handler);
        return r;
    }
    handler->keeper = handlers->keeper;
    *ret_handler = handler;
    return 0;
}

/* ---- a function and its handlers ---- */

/* From now on it may have processes. */
static void publish(struct handlers *handlers, struct handler_function *function,
                    struct handler *handler)
{
    handler_keeper_add(handlers->keeper, &handler->stock);
    STAILQ_INSERT_TAIL(&handlers->all, handler, link);
    function->function.name = handler->name;
    function->function.doc = handler->doc;
    function->function.params = handler->params;
    atomic_store(&function->handler, handler);
}

int handlers_add(struct handlers *handlers, const struct handler_settings *settings,
                 const struct function **ret_function, struct check_error *ret_error)
{
    struct handler_function *function;
    struct handler *handler;
    int r = handler_new(handlers, settings, &handler, ret_error);

    if (r < 0)
        return r;
    function = calloc(1, sizeof(*function));
    if (!function) {
        handler_free(handler);
        return -ENOMEM;
    }
    function->function.ops = &handler_ops;
    function->function.state = function;
    publish(handlers, function, handler);
    STAILQ_INSERT_TAIL(&handlers->functions, function, link);
    *ret_function = &function->function;
    return 0;
}

/* Frees a function, but not its handler. */
static void forget_function(struct handlers *handlers, const struct function *function)
{
    struct handler_function *self = function->state;

    STAILQ_REMOVE(&handlers->functions, self, handler_function, link);
    free(self);
}

void handlers_replace(struct handlers *handlers, const struct function *live,
                      const struct function *draft)
{
    struct handler_function *self = live->state;
    struct handler *old = handler_of(live);
    struct handler *new = handler_of(draft);

    forget_function(handlers, draft);
    /* The name stays where it is: calls that run read it. */
    self->function.doc = new->doc;
    self->function.params = new->params;
    atomic_store(&self->handler, new);
    handler_keeper_close(handlers->keeper, &old->stock);
}

void handlers_discard(struct handlers *handlers, const struct function *draft)
{
    struct handler *handler = handler_of(draft);

    forget_function(handlers, draft);
    handler_keeper_remove(handlers->keeper, &handler->stock);
    STAILQ_REMOVE(&handlers->all, handler, handler, link);
    handler_free(handler);
}

/* ---- all of them ---- */

int handlers_new(const struct handlers_settings *settings, struct handlers **ret_handlers)
{
    struct handlers *handlers = calloc(1, sizeof(*handlers));
    int r;

    if (!handlers)
        return -ENOMEM;
    STAILQ_INIT(&handlers->all);
    STAILQ_INIT(&handlers->functions);
    handlers->bounds = (struct handler_bounds){
        .line_bytes = settings->line_bytes, .depth = settings->depth, .values = settings->values};
    handlers->reset_signals = process_signals_to_reset();
    handlers->leftovers = settings->leftovers;
    handlers->cgroups = settings->cgroups;
    handlers->sets_open_files = settings->open_files != NULL;
    if (settings->open_files)
        handlers->open_files = (struct process_limit){RLIMIT_NOFILE, *settings->open_files};
    r = command_env_new(settings->environment, settings->socket_path, &handlers->env);
    if (r == 0)
        r = handler_keeper_new(&handlers->keeper);
    if (r < 0) {
        command_env_free(handlers->env);
        free(handlers);
        return r;
    }
    *ret_handlers = handlers;
    return 0;
}

void handlers_free(struct handlers *handlers)
{
    struct handler_function *function;
    struct handler *handler;

    if (!handlers)
        return;
    handler_keeper_free(handlers->keeper);
    while ((function = STAILQ_FIRST(&handlers->functions)))
        forget_function(handlers, &function->function);
    while ((handler = STAILQ_FIRST(&handlers->all))) {
        STAILQ_REMOVE_HEAD(&handlers->all, link);
        handler_free(handler);
    }
    command_env_free(handlers->env);
    free(handlers);
}

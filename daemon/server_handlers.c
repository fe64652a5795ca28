#include "daemon/server_handlers.h"

#include <errno.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/config_function.h"
#include "daemon/core/executor.h"
#include "daemon/run/handler.h"

static int add(const struct config_function *section, struct handlers *handlers,
               struct executor *executor)
{
    struct config_error error = {.text = ""};
    const struct function *function;
    int r = config_function_make(section, handlers, &function, &error);
    if (r < 0) {
        log_error("%s", r == -EINVAL ? error.text : strerror(-r));
        return r;
    }
    r = executor_add_function(executor, function);
    if (r == -EEXIST)
        log_error("[function %s]: there is a function of that name already", section->name);
    return r;
}

int server_handlers_new(const struct config *config, const struct handlers_settings *settings,
                        struct executor *executor, struct handlers **ret_handlers)
{
    if (config->function_count == 0)
        return 0;
    int r = handlers_new(settings, ret_handlers);
    for (size_t i = 0; r == 0 && i < config->function_count; i++)
        r = add(&config->functions[i], *ret_handlers, executor);
    return r;
}

/* The handlers of the configuration, made into functions of the executor. Loop thread only. */
#ifndef FUTURED_SERVER_HANDLERS_H
#define FUTURED_SERVER_HANDLERS_H

struct config;
struct executor;
struct handlers;
struct handlers_settings;

/* *ret_handlers is untouched where there are none; else, also on failure, it is the caller's, to be
 * freed after the executor. 0 or -errno; what was wrong has been logged. */
int server_handlers_new(const struct config *config, const struct handlers_settings *settings,
                        struct executor *executor, struct handlers **ret_handlers);

#endif

/* All functions of the daemon, wherever they come from: those that are built in, plugins, and the
 * handlers of the configuration. A configuration is taken in two steps, so that a wrong one changes
 * nothing: `prepare` looks at everything and makes what is new, `commit` shows it to the executor.
 * Loop thread only. */
#ifndef FUTURED_SERVER_FUNCTIONS_H
#define FUTURED_SERVER_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct cgroups;
struct config;
struct config_error;
struct executor;
struct function;
struct functions;
struct rlimit;

struct functions_settings {
    char *const *environment;        /* what jobs get is made of it */
    const char *socket_path;         /* for jobs that talk back */
    const struct rlimit *open_files; /* what jobs get; NULL: the daemon's */
    struct leftovers *leftovers;     /* where processes are written down; NULL: nowhere */
    struct cgroups *cgroups;         /* where processes get groups; NULL: none */
};

/* The built-in ones, not yet shown. The settings are borrowed for as long as it lives. 0 or -errno.
 */
int functions_new(const struct functions_settings *settings, struct functions **ret_functions);
/* The executor must have ended before. NULL is allowed. */
void functions_free(struct functions *functions);

/* Loads new plugins and makes the handlers that are new or other than in `old` (NULL: there is
 * none), and looks whether each pool's initializer will be there. What cannot be loaded of plugins
 * is logged; *ret_refused tells how many that were. 0; -EINVAL with *ret_error, -ENOMEM: nothing
 * has changed, though plugins stay loaded for another try. */
int functions_prepare(struct functions *functions, const struct config *old,
                      const struct config *new, unsigned *ret_refused,
                      struct config_error *ret_error);

/* Shows what was prepared last; handlers that `new` lacks can no longer be called, but futures that
 * have them will run. 0 or -ENOMEM. */
int functions_commit(struct functions *functions, const struct config *new,
                     struct executor *executor);
/* How much each command may write that starts from now on. */
void functions_limit_output(struct functions *functions, uint64_t total_bytes);
/* Forgets what was prepared. */
void functions_discard(struct functions *functions);

#endif

/* The environment of commands: a base, taken once from the daemon's own and cleaned of what is
 * meant for the daemon alone, and for each job the base with its own variables laid over it. Any
 * thread; the base does not change once made. */
#ifndef FUTURED_RUN_COMMAND_ENV_H
#define FUTURED_RUN_COMMAND_ENV_H

#include <stdint.h>

struct command_args;
struct command_env;

/* Copies `environment` (NULL-ended), and the path of the socket that jobs find in FUTURE_SOCKET
 * (NULL: none). 0 or -ENOMEM. */
int command_env_new(char *const *environment, const char *socket_path,
                    struct command_env **ret_env);
void command_env_free(struct command_env *env);

/* Makes the environment of one job, NULL-ended: FUTURE_ID, FUTURE_ATTEMPT and FUTURE_SOCKET, which
 * always tell the truth about this job, then `args.env`, then the base unless `args.clean_env`.
 * It is one piece, for free(), and borrows the strings of the base. 0 or -ENOMEM. */
int command_env_build(const struct command_env *env, const struct command_args *args,
                      uint64_t future_id, unsigned attempt, char ***ret_environment);

/* Makes the environment of a process that serves many futures: the base, FUTURE_SOCKET, and `own`
 * ("NAME=value"), which is borrowed as well. Otherwise the same. */
int command_env_build_own(const struct command_env *env, char *own, char ***ret_environment);

#endif

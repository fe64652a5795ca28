/* The options that `submit` and `map` share, and the params that they become. One thread. */
#ifndef FUTURED_CLIENT_CALL_OPTIONS_H
#define FUTURED_CLIENT_CALL_OPTIONS_H

#include "client/cli/cli.h"

enum {
    OPTION_PRIORITY = CLI_OWN,
    OPTION_KEY,
    OPTION_AFTER,
    OPTION_DELAY,
    OPTION_TIMEOUT,
    OPTION_RETRY,
    OPTION_RETRY_DELAY,
    OPTION_RERUN,
    OPTION_CWD,
    OPTION_ENV,
    OPTION_STDIN,
    OPTION_NO_CHECK,
    OPTION_FIRST_FREE /* a command's further long options start here */
};

/* Entries of the table of long options: for any function, and with those for commands alone.
 * `label` and `pool` have the short forms l and p. */
/* clang-format off */
#define CALL_SHARED_OPTIONS                                                                        \
    {"label", required_argument, NULL, 'l'},                                                       \
    {"pool", required_argument, NULL, 'p'},                                                        \
    {"priority", required_argument, NULL, OPTION_PRIORITY},                                        \
    {"key", required_argument, NULL, OPTION_KEY},                                                  \
    {"after", required_argument, NULL, OPTION_AFTER},                                              \
    {"delay", required_argument, NULL, OPTION_DELAY},                                              \
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},                                          \
    {"retry", required_argument, NULL, OPTION_RETRY},                                              \
    {"retry-delay", required_argument, NULL, OPTION_RETRY_DELAY},                                  \
    {"rerun", no_argument, NULL, OPTION_RERUN}
#define CALL_OPTIONS                                                                               \
    CALL_SHARED_OPTIONS,                                                                           \
    {"cwd", required_argument, NULL, OPTION_CWD},                                                  \
    {"env", required_argument, NULL, OPTION_ENV},                                                  \
    {"stdin", required_argument, NULL, OPTION_STDIN},                                              \
    {"no-check", no_argument, NULL, OPTION_NO_CHECK}
#define CALL_OPTIONS_SHORT "l:p:"
#define CALL_SHARED_OPTIONS_HELP                                                                   \
    "  -l, --label TEXT       a name for people and filters\n"                                     \
    "  -p, --pool NAME        the pool that executes it (default)\n"                               \
    "      --priority N       higher comes first (0)\n"                                            \
    "      --key TEXT         the same key with the same call is the same future\n"                \
    "      --after IDS        wait for these: 7,8:done,last (:result, :exception, :done)\n"            \
    "      --delay DUR        start no earlier than that from now\n"                               \
    "      --timeout DUR      end the command when it runs longer\n"                               \
    "      --retry N          try again up to N times when it fails\n"                             \
    "      --retry-delay DUR  before the second attempt (1s); then twice as long each time\n"      \
    "      --rerun            run it again where a crash of the daemon interrupts it\n"
#define CALL_OPTIONS_HELP                                                                          \
    CALL_SHARED_OPTIONS_HELP                                                                       \
    "      --cwd DIR          run there (the current directory)\n"                                 \
    "      --env NAME=VALUE   set a variable; may be given again\n"                                \
    "      --stdin FILE       what the command reads; - is the stdin of `future`\n"                \
    "      --no-check         a command that fails is a result, not an exception\n"
/* clang-format on */

/* Zeroed memory is an empty one; call_options_clear in the end. */
struct call_options {
    const char *cwd, *stdin_path;
    const char *label, *pool, *key, *priority, *after, *delay, *timeout, *retry, *retry_delay;
    bool rerun, no_check, env_begun;
    struct writer env;
};

/* Takes one option with its value, which is borrowed; the last one of its kind counts. 0 or an exit
 * status; the option must be one of the above. */
int call_options_take(struct cli *cli, struct call_options *options, int option, const char *value);

/* Writes the members `fn`, `args` and what the options ask for into an object that is open in
 * `params`. argv is the command. 0 or an exit status. */
int call_options_write(struct cli *cli, struct call_options *options, char **argv, size_t argc,
                       struct writer *params);

/* The same without `fn` and `args`, for any function. */
int call_options_write_shared(struct cli *cli, const struct call_options *options,
                              struct writer *params);

void call_options_clear(struct call_options *options);

#endif

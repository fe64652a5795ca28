/* The arguments of `exec`: from JSON text to a checked structure. It starts nothing and substitutes
 * nothing. Any thread; a structure belongs to one. */
#ifndef FUTURED_RUN_COMMAND_ARGS_H
#define FUTURED_RUN_COMMAND_ARGS_H

#include "daemon/run/process.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct check_error;

#define COMMAND_LIMITS 5

/* Zeroed memory is owned by nobody and may be cleared. All strings lie in `root`. */
struct command_args {
    json_t *root;
    const json_t *argv; /* array of at least one string, none with a NUL */
    json_t *env;        /* object of strings, none with a NUL; NULL: none */
    const char *cwd;    /* NULL: the daemon's */
    bool clean_env;
    bool check;
    bool merge_stderr;
    bool has_stdin;
    const char *stdin_data; /* not NUL-terminated */
    size_t stdin_bytes;
    char *stdin_decoded; /* what stdin_data points into where it came as base64 */
    struct process_limit limits[COMMAND_LIMITS];
    size_t limit_count;
    bool set_nice;
    int nice;
};

/* Parses and checks. 0; -EINVAL with *ret_error filled in; -ENOMEM. */
int command_args_parse(const char *text, size_t bytes, struct command_args *ret_args,
                       struct check_error *ret_error);

void command_args_clear(struct command_args *args);

/* The name of a limit as the arguments have it ("nofile"), for a resource that came from there. */
const char *command_limit_name(int resource);

#endif

/* The daemon's settings: defaults, the configuration file (INI) and the command line laid over each
 * other. It only reads; the server makes things of it. One thread. */
#ifndef FUTURED_CONFIG_H
#define FUTURED_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/base/log.h"
#include "daemon/core/pool.h"
#include "proto/limits.h"

/* A [pool NAME] section. */
struct config_pool {
    char *name;
    struct pool_settings settings; /* without the initializer */
    char *initializer;             /* function's name; NULL: none */
    char *initializer_args;        /* JSON text; NULL: {} */
};

struct config {
    char *socket;     /* NULL: the default place */
    char *state_dir;  /* NULL: none */
    char *durability; /* NULL: the default */
    enum log_level log_level;
    uint64_t stop_timeout_ms; /* SIGTERM: how long running jobs may go on */
    uint64_t stop_grace_ms;   /* and how long they have after TERM */
    struct limits limits;
    struct config_pool *pools;
    size_t pool_count;
};

/* What was wrong: "FILE:LINE: what", or "what". */
struct config_error {
    char text[512];
};

void config_set_defaults(struct config *config);
void config_free(struct config *config);

/* Lays a file over the settings. 0; -EINVAL with *ret_error; -ENOMEM. The settings may be half
 * changed on failure. */
int config_read_file(struct config *config, const char *path, struct config_error *ret_error);

/* Sets one key of [daemon], as the file would. */
int config_set(struct config *config, const char *key, const char *value,
               struct config_error *ret_error);

/* The pool's settings, made with the defaults if it is not there yet. NULL: no memory. */
struct config_pool *config_pool(struct config *config, const char *name);

/* Checks what only the whole can tell. 0 or -EINVAL with *ret_error. */
int config_check(const struct config *config, struct config_error *ret_error);

#endif

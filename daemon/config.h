/* The daemon's settings: defaults, the configuration file (INI) and the command line laid over each
 * other. It only reads; the server makes things of it. One thread. */
#ifndef FUTURED_CONFIG_H
#define FUTURED_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/log.h"
#include "daemon/core/pool.h"
#include "daemon/log_sink.h"
#include "proto/limits.h"

/* A [pool NAME] section. */
struct config_pool {
    char *name;
    struct pool_settings settings; /* without the initializer and the place */
    char *initializer;             /* function's name; NULL: none */
    char *initializer_args;        /* JSON text; NULL: {} */
    char *launcher;                /* how its workers are reached, as it was written; NULL: here */
    char *launcher_program;        /* futured, as that finds it there; NULL: our own path */
    uint64_t launcher_timeout_ms;  /* of silence; 0: none */
    unsigned slots;                /* CPUs for each worker */
};

/* A [function NAME] section: a handler. Texts are as they were written. */
struct config_function {
    char *name;
    char *handler;      /* its command line; NULL: missing */
    char *init;         /* JSON; NULL: none */
    char *doc, *params; /* NULL: none */
    char *cwd;          /* NULL: the daemon's */
    uint64_t max_tasks; /* 0: any number */
    uint64_t idle_timeout_ms;
    uint64_t memory_limit_bytes; /* 0: none */
    uint64_t timeout_ms;         /* 0: none */
    bool break_pool;
};

/* Whether to use what the machine may or may not have. */
enum config_choice { CONFIG_AUTO, CONFIG_YES, CONFIG_NO };

struct config_place;

struct config {
    char *socket;    /* NULL: the default place */
    char *state_dir; /* NULL: the usual place */
    enum durability durability;
    gid_t socket_group; /* who may connect; (gid_t)-1: only the daemon's user and root */
    gid_t admin_group;  /* who sees and may change everybody's; (gid_t)-1: only those two */
    char *plugin_dir;   /* directories, separated by ":"; NULL: none */
    enum log_level log_level;
    enum log_format log_format;
    uint64_t log_burst; /* messages of one level in log_interval; 0: any number */
    uint64_t log_interval_ms;
    uint64_t stop_timeout_ms; /* SIGTERM: how long running jobs may go on */
    uint64_t stop_grace_ms;   /* and how long they have after TERM */
    enum config_choice job_cgroups;
    uint64_t job_memory_max_bytes, job_pids_max; /* of each job; 0: none */
    int ready_fd;                                /* gets a line when clients may come; -1: none */
    struct limits limits;
    struct config_pool *pools;
    size_t pool_count;
    struct config_function *functions;
    size_t function_count;
    struct config_place *places; /* which lines have set what; config_files.h looks after them */
    size_t place_count;
};

/* What was wrong: "FILE:LINE: what", or "what". */
struct config_error {
    char text[512];
};

void config_set_defaults(struct config *config);
void config_free(struct config *config);

/* Lays one file over the settings. 0; -EINVAL with *ret_error; -ENOMEM. The settings may be half
 * changed on failure. */
int config_read_file(struct config *config, const char *path, struct config_error *ret_error);

/* Sets one key of [daemon], as the file would. */
int config_set(struct config *config, const char *key, const char *value,
               struct config_error *ret_error);

/* Has the log look as the settings say. */
void config_set_log(const struct config *config);

/* Checks what only the whole can tell. 0 or -EINVAL with *ret_error. */
int config_check(const struct config *config, struct config_error *ret_error);

#endif

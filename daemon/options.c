#include "daemon/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/config_files.h"
#include "daemon/config_pool.h"

enum {
    OPTION_MAX_WORKERS = 256,
    OPTION_CHECK,
    OPTION_VERSION,
    OPTION_HELP,
    OPTION_CONFIG,
    OPTION_READY_FD
};

static const struct option options[] = {
    {"socket", required_argument, NULL, 's'},
    {"state-dir", required_argument, NULL, 'd'},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"max-workers", required_argument, NULL, OPTION_MAX_WORKERS},
    {"durability", required_argument, NULL, 'D'},
    {"log-level", required_argument, NULL, 'l'},
    {"ready-fd", required_argument, NULL, OPTION_READY_FD},
    {"check-config", no_argument, NULL, OPTION_CHECK},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

/* The configuration key behind an option; NULL: none. */
static const char *key_of(int option)
{
    switch (option) {
    case 's':
        return "socket";
    case 'd':
        return "state_dir";
    case 'D':
        return "durability";
    case 'l':
        return "log_level";
    default:
        return NULL;
    }
}

static int set_max_workers(struct config *config, const char *value, struct config_error *error)
{
    char *end;
    errno = 0;
    unsigned long count = strtoul(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || value[0] == '-' || count < 1 ||
        count > config->limits.workers) {
        snprintf(error->text, sizeof(error->text),
                 "--max-workers must be a whole number from 1 to %llu, not \"%s\"",
                 (unsigned long long)config->limits.workers, value);
        return -EINVAL;
    }
    struct config_pool *pool = config_pool(config, "default");
    if (!pool)
        return -ENOMEM;
    pool->settings.max_workers = (unsigned)count;
    return 0;
}

/* Jobs must not inherit it: the reader waits for its end, too. */
static int set_ready_fd(struct config *config, const char *value, struct config_error *error)
{
    char *end;
    errno = 0;
    long fd = strtol(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || fd <= STDERR_FILENO || fd > INT_MAX ||
        fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0) {
        snprintf(error->text, sizeof(error->text),
                 "--ready-fd: \"%s\" is no open file descriptor above 2", value);
        return -EINVAL;
    }
    config->ready_fd = (int)fd;
    return 0;
}

/* The files come first, whatever the order of the options: they are laid over them. */
static int read_files(struct config *config, int argc, char **argv, struct config_error *error)
{
    bool named = false;
    int option, r = 0;
    optind = 0; /* from the beginning, also after an earlier reading */
    while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == OPTION_CONFIG) {
            named = true;
            r = config_load(config, optarg, error);
        }
    }
    return r == 0 && !named ? config_load(config, NULL, error) : r;
}

static int apply(struct config *config, int option, bool first, struct options *ret_options,
                 struct config_error *error)
{
    const char *key = key_of(option);
    if (key)
        return config_set(config, key, optarg, error);
    if (option == OPTION_MAX_WORKERS)
        return set_max_workers(config, optarg, error);
    if (option == OPTION_READY_FD)
        return first ? set_ready_fd(config, optarg, error) : 0;
    if (option == OPTION_CHECK)
        ret_options->check = true;
    return option == '?' ? -EINVAL : 0;
}

static int load(int argc, char **argv, bool first, struct config *config,
                struct options *ret_options, struct config_error *error)
{
    int option;
    error->text[0] = '\0';
    *ret_options = (struct options){.check = false};
    config_set_defaults(config);
    opterr = first;
    int r = read_files(config, argc, argv, error);
    optind = 0;
    opterr = 0; /* said in the first reading */
    while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        r = apply(config, option, first, ret_options, error);
    if (r == 0 && optind < argc) {
        snprintf(error->text, sizeof(error->text), "\"%s\" is no option", argv[optind]);
        r = -EINVAL;
    }
    return r == 0 ? config_check(config, error) : r;
}

int options_load(int argc, char **argv, struct config *ret_config, struct options *ret_options,
                 struct config_error *ret_error)
{
    return load(argc, argv, true, ret_config, ret_options, ret_error);
}

int options_load_again(int argc, char **argv, struct config *ret_config,
                       struct config_error *ret_error)
{
    struct options ignored;
    return load(argc, argv, false, ret_config, &ignored, ret_error);
}

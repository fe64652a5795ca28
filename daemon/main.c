/* futured: the command line. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/config.h"
#include "daemon/server.h"
#include "proto/version.h"

static const char usage[] =
    "usage: futured [options]\n"
    "\n"
    "A pool of worker threads as a service: clients submit calls over a Unix socket.\n"
    "\n"
    "  --socket PATH       listen here (default: $XDG_RUNTIME_DIR/futured/futured.sock,\n"
    "                      for root /run/futured/futured.sock)\n"
    "  --state-dir DIR     where what must survive is kept\n"
    "  --config FILE       read settings from this file\n"
    "  --max-workers N     workers of the pool \"default\" (default: CPUs + 4, at most 32)\n"
    "  --durability KIND   full, process or none\n"
    "  --log-level LEVEL   error, warning, info or debug\n"
    "  --ready-fd N        write a line to this descriptor when clients may come\n"
    "  --check-config      check the settings, say what is wrong, and end\n"
    "  --version           say the version, and end\n"
    "  --help              say this, and end\n";

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

/* The file comes first, whatever the order of the options: they are laid over it. */
static int read_config_file(struct config *config, int argc, char **argv,
                            struct config_error *error)
{
    int option, r = 0;
    while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (option == OPTION_CONFIG)
            r = config_read_file(config, optarg, error);
    return r;
}

static int apply_options(struct config *config, int argc, char **argv, bool *ret_check,
                         struct config_error *error)
{
    int option, r = 0;
    optind = 1;
    opterr = 0; /* said in the first reading */
    while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        const char *key = key_of(option);
        if (key)
            r = config_set(config, key, optarg, error);
        else if (option == OPTION_MAX_WORKERS)
            r = set_max_workers(config, optarg, error);
        else if (option == OPTION_READY_FD)
            r = set_ready_fd(config, optarg, error);
        else if (option == OPTION_CHECK)
            *ret_check = true;
        else if (option == '?')
            return -EINVAL;
    }
    if (r == 0 && optind < argc) {
        snprintf(error->text, sizeof(error->text), "\"%s\" is no option", argv[optind]);
        r = -EINVAL;
    }
    return r == 0 ? config_check(config, error) : r;
}

static bool answer_and_end(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--version") == 0) {
            puts("futured " FUTURED_VERSION);
            return true;
        }
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct config config;
    struct config_error error = {.text = ""};
    struct server *server = NULL;
    bool check = false;
    if (answer_and_end(argc, argv))
        return EXIT_SUCCESS;
    config_set_defaults(&config);
    int r = read_config_file(&config, argc, argv, &error);
    if (r == 0)
        r = apply_options(&config, argc, argv, &check, &error);
    if (r < 0) {
        if (error.text[0] != '\0')
            fprintf(stderr, "futured: %s\n", error.text);
        else
            fputs("Try \"futured --help\".\n", stderr);
        config_free(&config);
        return EX_USAGE;
    }
    if (check) {
        config_free(&config);
        return EXIT_SUCCESS;
    }
    log_set_level(config.log_level);
    r = server_new(&config, &server);
    if (r == 0)
        r = server_run(server);
    server_free(server);
    config_free(&config);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

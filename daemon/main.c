/* futured: the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/config.h"
#include "daemon/options.h"
#include "daemon/remote_worker.h"
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
    "  --config FILE       read settings from here, and from FILE.d (default:\n"
    "                      $XDG_CONFIG_HOME/futured/futured.conf, for root\n"
    "                      /etc/futured/futured.conf)\n"
    "  --max-workers N     workers of the pool \"default\" (default: CPUs + 4, at most 32)\n"
    "  --durability KIND   full, process or none\n"
    "  --log-level LEVEL   error, warning, info or debug\n"
    "  --ready-fd N        write a line to this descriptor when clients may come\n"
    "  --check-config      check the settings, say what is wrong, and end\n"
    "  --worker            be a worker of a daemon elsewhere, on stdin and stdout: what the\n"
    "                      launcher of a pool starts\n"
    "  --version           say the version, and end\n"
    "  --help              say this, and end\n";

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

struct command_line {
    int argc;
    char **argv;
};

static int load_again(void *arg, struct config *ret_config, struct config_error *ret_error)
{
    const struct command_line *line = arg;
    return options_load_again(line->argc, line->argv, ret_config, ret_error);
}

static int complain(const struct config_error *error)
{
    if (error->text[0] != '\0')
        fprintf(stderr, "futured: %s\n", error->text);
    else
        fputs("Try \"futured --help\".\n", stderr);
    return EX_USAGE;
}

/* For somebody at a terminal, wherever the log would go. */
static int check(const struct config *config, struct config_error *error)
{
    log_set_level(LOG_LEVEL_WARNING);
    return server_check(config, error);
}

static int serve(struct config *config, struct command_line *line)
{
    struct server_loader loader = {.load = load_again, .arg = line};
    struct server *server = NULL;
    config_set_log(config);
    int r = server_new(config, &loader, &server);
    if (r == 0)
        r = server_run(server);
    server_free(server);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct command_line line = {argc, argv};
    struct config config;
    struct config_error error = {.text = ""};
    struct options options;
    int status = EXIT_SUCCESS;
    int r = fd_fill_standard();
    if (r < 0) {
        fprintf(stderr, "futured: /dev/null: %s\n", strerror(-r));
        return EXIT_FAILURE;
    }
    if (answer_and_end(argc, argv))
        return EXIT_SUCCESS;
    if (argc == 2 && strcmp(argv[1], "--worker") == 0)
        return remote_worker_main();
    r = options_load(argc, argv, &config, &options, &error);
    if (r == 0) {
        if (options.check)
            r = check(&config, &error);
        else
            status = serve(&config, &line);
    }
    if (r < 0)
        status = complain(&error);
    config_free(&config);
    return status;
}

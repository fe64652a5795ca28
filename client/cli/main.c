/* future: the command line of futured. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "client/cli/command.h"
#include "client/cli/names.h"
#include "client/cli/standard_fds.h"
#include "proto/version.h"

static void print_version(const struct cli *cli)
{
    if (cli->json)
        printf("{\"name\":\"future\",\"version\":\"%s\",\"schema\":%d}\n", FUTURED_VERSION,
               CLI_SCHEMA);
    else
        printf("future %s\n", FUTURED_VERSION);
}

/* The options before the command. Returns -1 when the program shall go on with the command. */
static int read_options(struct cli *cli, int argc, char **argv)
{
    enum { OPTION_VERSION = CLI_OWN };
    static const struct option longs[] = {
        {"version", no_argument, NULL, OPTION_VERSION}, CLI_FORMAT_OPTION, CLI_COMMON_OPTIONS};
    bool version = false;
    int option;

    while ((option = cli_getopt(cli, argc, argv, "+:hV", longs)) != -1) {
        switch (option) {
        case OPTION_VERSION:
        case 'V':
            version = true;
            break;
        case CLI_HELP:
            return cli->listed ? EXIT_FINE : cmd_help.run(cli, 0, NULL);
        default:
            return EXIT_BAD_USAGE;
        }
    }
    if (version)
        print_version(cli);
    return version ? EXIT_FINE : -1;
}

static int run_command(struct cli *cli, int argc, char **argv)
{
    static char status_name[] = "status";
    char *only_status[] = {status_name, NULL};
    const struct command *command;

    if (argc == 0) {
        argc = 1;
        argv = only_status;
    }
    command = command_find(argv[0]);
    if (!command)
        return names_unknown_command(cli, argv[0]);
    cli->no_start = cli->no_start || command->never_starts;
    cli->command = command->name;
    cli->usage = command->usage;
    optind = 0; /* glibc: start anew, with another argv */
    return command->run(cli, argc, argv);
}

/* What was printed counts only when it has arrived. */
static int close_stdout(const struct cli *cli, int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno == EPIPE)
        return status != EXIT_FINE ? status : EXIT_SIGNAL + SIGPIPE;
    return cli_fail_errno(cli, -errno, "writing to stdout");
}

/* A shell ends its script at Ctrl-C only where the command has died of it as well. */
static void die_of(int signal_number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal_number);
    signal(signal_number, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(signal_number);
}

int main(int argc, char **argv)
{
    struct cli cli = {.usage = "[--socket PATH] [--json] COMMAND [ARGUMENTS]"};
    int status, r = standard_fds_fill();

    if (r < 0)
        return cli_fail_errno(&cli, r, "/dev/null");
    /* Only what characters are: numbers and messages stay as they are. */
    setlocale(LC_CTYPE, "");
    terminal_of(STDOUT_FILENO, &cli.out);
    status = read_options(&cli, argc, argv);
    if (status < 0)
        status = run_command(&cli, argc - optind, argv + optind);
    status = close_stdout(&cli, status);
    future_close(cli.client);
    if (cli.signal > 0 && status == EXIT_SIGNAL + cli.signal)
        die_of(cli.signal);
    return status;
}

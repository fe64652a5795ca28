/* help: what there is. */
#include <stdio.h>

#include "client/cli/command.h"

static void print_overview(void)
{
    puts("usage: future [--socket PATH] [--json] COMMAND [ARGUMENTS]\n"
         "Talks to futured, which runs jobs in the background and keeps their results.\n");
    for (const struct command *const *entry = command_table; *entry; entry++)
        printf("  %-10s %s\n", (*entry)->name, (*entry)->summary);
    puts("\n"
         "`future help COMMAND` tells more; a bare `future` is `future status`.\n"
         "\n"
         "  --socket PATH  the daemon's socket; else $FUTURE_SOCKET, else the default\n"
         "  --no-start     start no daemon where there is none\n"
         "  --json         one line of JSON each, as future(1) documents it\n"
         "  --format TEXT  a line for each future, pool ...: '{id} {state} {map.count}'\n"
         "  --version, --help\n"
         "\n"
         "Ids: 7, 7,9-12, last, all or @label. Durations: 90s, 5m, 2h, 1h30m; 0.5 is seconds.\n"
         "\n"
         "Exit status: 0 fine; a command's own, or 128+N where signal N ended it;\n"
         "  1 cancel: some were not cancelled      124 a wait timed out\n"
         "  64 wrong usage                         125 the call failed, or was cancelled\n"
         "  69 no daemon                           126 the command is not executable\n"
         "  123 some of several failed             127 the command was not found");
}

static int run(struct cli *cli, int argc, char **argv)
{
    int status;

    if (argc == 0) {
        print_overview();
        return EXIT_FINE;
    }
    if (cli_no_options(cli, argc, argv, &status))
        return status;
    if (optind == argc)
        print_overview();
    for (int i = optind; i < argc; i++) {
        const struct command *command = command_find(argv[i]);

        if (!command)
            return cli_bad_usage(cli, "there is no command `%s`", argv[i]);
        command_print_help(command);
    }
    return EXIT_FINE;
}

const struct command cmd_help = {
    .name = "help",
    .usage = "help [COMMAND...]",
    .summary = "Tell how a command is used",
    .help = "  future help map\n",
    .run = run,
};

/* completion: the scripts for shells, and what they ask. */
#include <stdio.h>
#include <string.h>

#include "client/cli/command.h"
#include "client/completion/words.h"

/* The files of client/completion, put into the program by the linker. */
extern const char bash_begin[] __asm__("_binary_client_completion_future_bash_start");
extern const char bash_end[] __asm__("_binary_client_completion_future_bash_end");
extern const char zsh_begin[] __asm__("_binary_client_completion_future_zsh_start");
extern const char zsh_end[] __asm__("_binary_client_completion_future_zsh_end");
extern const char fish_begin[] __asm__("_binary_client_completion_future_fish_start");
extern const char fish_end[] __asm__("_binary_client_completion_future_fish_end");

static int print_script(struct cli *cli, const char *shell)
{
    const struct {
        const char *shell, *begin, *end;
    } scripts[] = {{"bash", bash_begin, bash_end},
                   {"zsh", zsh_begin, zsh_end},
                   {"fish", fish_begin, fish_end}};

    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
        if (strcmp(shell, scripts[i].shell) == 0) {
            fwrite(scripts[i].begin, 1, (size_t)(scripts[i].end - scripts[i].begin), stdout);
            return EXIT_FINE;
        }
    return cli_bad_usage(cli, "there is none for `%s`: write bash, zsh or fish", shell);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {CLI_COMMON_OPTIONS};
    int option = cli_getopt(cli, argc, argv, "+:h", longs);

    if (option != -1)
        return cli_stop(cli, option);
    if (optind == argc)
        return cli_bad_usage(cli, "for which shell? Write bash, zsh or fish");
    if (strcmp(argv[optind], "words") == 0) {
        complete_words(cli->socket_path, argv + optind + 1, (size_t)(argc - optind - 1));
        return EXIT_FINE;
    }
    if (optind + 1 < argc)
        return cli_bad_usage(cli, "one shell at a time");
    return print_script(cli, argv[optind]);
}

const struct command cmd_completion = {
    .name = "completion",
    .never_starts = true,
    .usage = "completion bash|zsh|fish",
    .summary = "Print the script that lets a shell complete command lines of `future`",
    .help =
        "Completes commands, options, and what the daemon has: ids, labels, pools, functions.\n\n"
        "  source <(future completion bash)               # in ~/.bashrc\n"
        "  source <(future completion zsh)                # in ~/.zshrc, behind compinit\n"
        "  future completion fish >~/.config/fish/completions/future.fish\n",
    .run = run,
};

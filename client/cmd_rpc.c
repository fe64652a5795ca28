/* rpc: any method of the protocol. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/read_all.h"

/* Checks the params here, where the mistake can be shown; they are sent as one line. */
static int read_params(struct cli *cli, const char *text, size_t size, struct writer *params)
{
    json_error_t error;
    json_t *tree = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

    if (!tree)
        return cli_bad_usage(cli, "the params are no JSON object: %s", error.text);
    json_decref(tree);
    for (size_t i = 0; i < size; i++) /* a line feed can only be white space: strings escape it */
        writer_raw(params, text[i] == '\n' ? " " : text + i, 1);
    return 0;
}

static int read_stdin(struct cli *cli, struct writer *params)
{
    char *text;
    size_t size;
    int r = read_all(STDIN_FILENO, &text, &size);

    if (r < 0)
        return cli_fail_errno(cli, r, "stdin");
    r = read_params(cli, text, size, params);
    free(text);
    return r;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct writer params = {0};
    struct future_message *reply;
    int status = 0;

    if (cli_no_options(cli, argc, argv, &status))
        return status;
    if (argc - optind < 1 || argc - optind > 2)
        return cli_bad_usage(cli, "give a method, and its params as one word of JSON");
    if (argc - optind == 2) {
        const char *text = argv[optind + 1];

        status = strcmp(text, "-") == 0 ? read_stdin(cli, &params)
                                        : read_params(cli, text, strlen(text), &params);
    }
    if (status == 0)
        status = cli_call(cli, argv[optind], argc - optind == 2 ? &params : NULL, &reply);
    if (status == 0) {
        cli_print_raw_result(reply);
        future_message_free(reply);
    }
    writer_free(&params);
    return status;
}

const struct command cmd_rpc = {
    .name = "rpc",
    .usage = "rpc METHOD [JSON]",
    .summary = "Call any method of the protocol",
    .help = "Prints the result as one line of JSON; an error is told on stderr, with exit status\n"
            "125. JSON is an object with the params; - reads it from stdin.\n\n"
            "  future rpc submit '{\"fn\":\"sleep\",\"args\":{\"seconds\":1}}'\n",
    .run = run,
};
